"""`WithGradients`: follows a module's code while autograd works, and keeps nothing of what that wants to keep."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from archscope.interrupts import called_in_operations
from archscope.tracing.looking import Looking


class WithGradients(Looking):
    """A run with gradients, of which there is no backward pass."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._around: list[ExitStack] = []
        super().__init__(*args, **kwargs)

    def __enter__(self) -> Any:
        around = ExitStack()
        around.enter_context(torch.enable_grad())
        around.enter_context(saved_tensors_hooks(self._saved, _nothing))
        self._around.append(around)
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        self._around.pop().close()

    @called_in_operations
    def _saved(self, tensor: Tensor) -> None:
        self._keep(tensor)

    def _keep(self, tensor: Tensor) -> None:
        """Autograd wants a tensor for its backward pass; nothing is kept for it, as there is none."""


def _nothing(_: None) -> Tensor:
    raise RuntimeError("there is no backward pass")


def reached(made: Iterable[Tensor]) -> set[int]:
    """By identity, the parameters that gradients of what was made come to.

    >>> layer = torch.nn.Linear(2, 2)
    >>> reached([layer(torch.ones(1, 2)).detach() + layer.bias]) == {id(layer.bias)}
    True
    """
    left = [each.grad_fn for each in made if each.grad_fn is not None]
    known, found = {*left}, {id(each) for each in made if each.is_leaf and each.requires_grad}
    while left:
        step: Any = left.pop()
        if (variable := getattr(step, "variable", None)) is not None:
            found.add(id(variable))
        before = {each for each, _ in step.next_functions if each is not None} - known
        known |= before
        left += before
    return found


__all__ = ["WithGradients", "reached"]

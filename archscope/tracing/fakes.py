"""`faked`: a module's shadow on fake tensors, which have storages of their sizes and no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from archscope.tracing.calling import Called
from archscope.tracing.standin import apart
from archscope.tracing.surroundings import Surroundings


class Fakes:
    """Fake tensors on the CPU like others; what lies in one memory stays in one. To be made while tensors are fake."""

    def __init__(self) -> None:
        self._memories: dict[int, Tensor] = {}

    def fake(self, tensor: Tensor) -> Tensor:
        """The fake tensor that stands for another."""
        memory = tensor.untyped_storage()
        if memory._cdata not in self._memories:
            self._memories[memory._cdata] = torch.empty(memory.nbytes(), dtype=torch.uint8, device="cpu")
        whole = self._memories[memory._cdata]
        fake = torch.empty(0, dtype=tensor.dtype, device="cpu").set_(
            whole.untyped_storage(), tensor.storage_offset(), tensor.shape, tensor.stride()
        )
        if isinstance(tensor, nn.Parameter):
            return nn.Parameter(fake, tensor.requires_grad)
        return fake.requires_grad_() if tensor.requires_grad else fake


@contextmanager
def faked(called: Called, batch: int | None = None) -> Iterator[tuple[nn.Module, tuple[Any, ...], Mapping[str, Any]]]:
    """A shadow of a module on fake tensors with its inputs; what runs of it leaves everything as it was."""
    around, fakes = Surroundings(), Fakes()
    args, kwargs = called.inputs("meta", batch=batch)
    with apart(around, fakes.fake) as shadow:
        module: nn.Module = shadow.of(called.module)
        args, kwargs = shadow.of([args, kwargs])
        yield module, tuple(args), kwargs


__all__ = ["Fakes", "faked"]

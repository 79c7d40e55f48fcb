"""A module changed as a question about its memory changes it: its values in another type, parts that run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from archscope.oracles.tracking import Called, Made


@contextmanager
def as_asked(made: Made, dtype: str, again: Sequence[str]) -> Iterator[Called]:
    """A module that is nobody's, as `Module.to` and `torch.utils.checkpoint` change it.

    Args:
        made: makes it, and its inputs.
        dtype: the type of its values that are no whole numbers; empty to leave them as they are.
        again: paths of the submodules that run again in the backward pass.
    """
    with made() as called:
        if dtype:
            called = _in(getattr(torch, dtype), called)
        _run_again(called.module, again)
        yield called


def _in(dtype: torch.dtype, called: Called) -> Called:
    """A module and its inputs in a type, what is no floating-point number left as it is."""

    def cast(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.to(dtype) if value.is_floating_point() else value
        if isinstance(value, dict):
            return {key: cast(each) for key, each in value.items()}
        return type(value)(map(cast, value)) if type(value) in (list, tuple) else value

    # Each in place, as `Module.to` does it: that itself makes new tensors of fake ones, and refuses shadows.
    for each in {id(each): each for each in (*called.module.parameters(), *called.module.buffers())}.values():
        each.data = cast(each.data)
    return Called(called.module, cast([*called.args]), cast(dict(called.kwargs)))


def _run_again(module: nn.Module, paths: Sequence[str]) -> None:
    """Let submodules run again, but for those that run inside of another which does."""
    inside = False

    def runs(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        if inside:
            return forward(*args, **kwargs)
        return checkpoint(partial(within, forward), *args, use_reentrant=False, **kwargs)

    def within(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal inside
        inside = True
        try:
            return forward(*args, **kwargs)
        finally:
            inside = False

    for path in paths:
        part: Any = module.get_submodule(path)
        part.forward = partial(runs, part.forward)

"""`SameDraws`: random numbers that a module draws are the same in every number format and on every device."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

_DRAWS: Final = frozenset({
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "normal_", "uniform_",
    "random_", "bernoulli", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_", "multinomial",
    "poisson", "binomial", "native_dropout",
})  # fmt: skip
"""Operations that draw, by name."""


class SameDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Draws in float64 on the CPU, each time from a seed of its own, and rounds to what every format that runs has.

    Args:
        rounded: the type of numbers that the coarsest of the formats computes in, so that what is alike in one of them,
            and is put in order, is alike in all.

    Attributes:
        many: how often something was drawn.
    """

    def __init__(self, rounded: torch.dtype) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rounded = rounded
        self.many = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func.namespace != "aten" or func._schema.name.removeprefix("aten::") not in _DRAWS:
            return func(*args, **given)
        made = func(*args, **given)  # its shape, type and device; its numbers are drawn anew
        self.many += 1
        torch.manual_seed(self.many)
        exact = {key: _exact(each) for key, each in given.items() if key not in ("generator", "pin_memory")}
        drawn = func(*_pytree.tree_map(_exact, args), **exact)
        for old, new in zip(_pytree.tree_leaves(made), _pytree.tree_leaves(drawn), strict=True):
            old.copy_(new.to(self._rounded) if new.is_floating_point() else new)
        return made


def _exact(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.cpu().double() if value.is_floating_point() else value.cpu().clone()
    if isinstance(value, torch.dtype) and value.is_floating_point:
        return torch.float64
    return torch.device("cpu") if isinstance(value, torch.device) else value


@contextmanager
def same_draws(rounded: torch.dtype | None) -> Iterator[SameDraws | None]:
    """Whatever a module draws with, PyTorch, Python or NumPy, is the same in here, and as before afterwards.

    ``rounded`` is as in `SameDraws`; None where nothing is drawn with PyTorch, which runs some layers in another way
    while somebody looks on.
    """
    numpy = sys.modules.get("numpy")
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(_begun(random.getstate, random.setstate, random.seed))
        if numpy is not None:
            stack.enter_context(_begun(numpy.random.get_state, numpy.random.set_state, numpy.random.seed))
        yield None if rounded is None else stack.enter_context(SameDraws(rounded))


@contextmanager
def _begun(state: Callable[[], Any], put: Callable[[Any], Any], seed: Callable[[int], Any]) -> Iterator[None]:
    before = state()
    seed(0)
    try:
        yield
    finally:
        put(before)

"""A module that asks caches wherever they can lie; what its user had in them, and counted by them, is his own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


@functools.lru_cache(maxsize=2)
def bounded(count: int, *, start: int = 0) -> Tensor:
    return torch.arange(start, start + count).float()


@functools.cache
def boundless(count: int) -> Tensor:
    return torch.ones(count)


@functools.lru_cache(typed=True)
def typed(value: float) -> list[float]:
    return [value]


@functools.cache
def settings() -> dict[str, int]:
    """What a user sets before: the one that is cached is the one that counts."""
    return {"width": 4}


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that keeps results where only it sees them."""
    inside = functools.cache(function)

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        return inside(*args)

    return call


@kept
def hidden(count: int) -> Tensor:
    return torch.zeros(count)


@functools.cache
def _in_table(count: int) -> Tensor:
    return torch.full((count,), 2.0)


@functools.cache
def _in_partial(count: int) -> Tensor:
    return torch.full((count,), 3.0)


TABLE = {"full": _in_table}
CHOICE: tuple[Any, ...] = (functools.partial(_in_partial, 4), [functools.partial(_in_partial, 4)])


class Shelf:
    """Has a cache of its own, and is no module."""

    def __init__(self) -> None:
        self.made = functools.cache(lambda count: torch.full((count,), 5.0))


SHELF = Shelf()


@functools.cache
def loose(count: int) -> Tensor:
    return torch.full((count,), 6.0)


LOOSE = {loose}
"""Where nothing can be put in its place; `loose` is taken out of the names, so that it lies here alone."""
del loose


class Caching(nn.Module):
    """Asks all of them, and those of its class and its own."""

    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)
        self.own = functools.lru_cache(lambda count: torch.ones(count) * self.l.in_features)
        self.theirs = boundless

    @functools.lru_cache  # noqa: B019
    def of_self(self, count: int) -> Tensor:
        return torch.ones(count) * self.l.in_features

    @staticmethod
    @functools.cache
    def of_nobody(count: int) -> Tensor:
        return torch.ones(count)

    @property
    @functools.cache  # noqa: B019
    def read(self) -> Tensor:
        return torch.ones(4)

    def forward(self, x: Tensor) -> Tensor:
        wide = settings()["width"]
        settings()["calls"] = 1
        for each in (1, 2, 3, wide):
            bounded(each)
        made = self.l(x) + bounded(wide, start=1) + boundless(4) + typed(1)[0] + typed(1.0)[0] + hidden(4)
        made = made + TABLE["full"](4) + CHOICE[0]() + CHOICE[1][0]() + self.own(4) + self.theirs(4) + SHELF.made(4)
        return made + self.of_self(4) + self.of_nobody(4) + self.read  # type: ignore[no-any-return]


CACHES: tuple[Any, ...] = (
    bounded, boundless, typed, settings, hidden.__closure__[0].cell_contents,  # type: ignore[index]
    _in_table, _in_partial, vars(Caching)["of_self"], Caching.of_nobody, vars(Caching)["read"].fget, SHELF.made,
)  # fmt: skip
"""Every cache that is nobody's own."""

"""`Call`: one call of a function of PyTorch, as what makes layers of it sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from archscope.errors import Rejects
from archscope.layers import TYPES, Layer
from archscope.recognising.tensor import Tensor


class Call(NamedTuple):
    """A function's arguments by name, and what it made.

    Attributes:
        name: the function, by its plain name.
        given: its arguments.
        results: what it made.
        batch: how many samples ran at once; None where there is no batch axis.
        place: where the batch axis of its first argument is; −1 where it has none of its own.
        after: where that of its result is.
        place_of: where that of any tensor is.
        fitted: the arguments, by identity, that are learned and were given the axes of the others.
    """

    name: str
    given: Mapping[str, Any]
    results: Sequence[Tensor]
    batch: int | None = 1
    place: int = 0
    after: int = 0
    place_of: Callable[[Any], int] = lambda _: 0
    fitted: frozenset[int] = frozenset()

    @property
    def input(self) -> Tensor:
        """Its first argument."""
        value: Tensor = self.given["input"]
        return value

    @property
    def made(self) -> Tensor:
        """Its first result."""
        return self.results[0]

    def axis(self, dim: int, rank: int | None = None) -> int:
        """An axis of the first argument, counted as layers do: without the batch.

        Raises:
            Rejects: it is the batch.
        """
        return without(dim % (self.input.dim() if rank is None else rank), self.place)


class AlongSamples(Rejects):
    """A call works along the axis of the samples, so that each depends on the others."""


Reading = Callable[[Call], "Layer | tuple[Layer, ...] | None"]
"""The layers of a call, one after another; an empty tuple where nothing happens, None where no layer type is it."""


def without(axis: int, place: int) -> int:
    """An axis counted without the batch.

    >>> without(2, 0), without(0, 1), without(2, -1)
    (1, 0, 2)

    Raises:
        Rejects: it is the batch.
    """
    if axis == place:
        raise AlongSamples("the batch is no axis of a sample")
    return axis - (0 <= place < axis)


def together(type_: str, call: Call, *values: Any) -> Layer | None:
    """A layer of values of equally many axes, their samples along the same one; None if they are not."""
    for each in values:
        if not isinstance(each, Tensor):
            return None
        if id(each) not in call.fitted and (each.dim() != call.made.dim() or call.place_of(each) != call.after):
            return None
    return TYPES[type_]()

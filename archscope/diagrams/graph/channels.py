"""The lines between one rank and the next: each has a horizontal track of its own, chosen to cross few others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

_NEAR = 4.0
_FORBIDDEN = 1000


@dataclass(frozen=True)
class Wire:
    """Lines that share a track: from one source to several targets, or from several sources to one."""

    sources: tuple[float, ...]
    targets: tuple[float, ...]

    @cached_property
    def low(self) -> float:
        """Where the track begins."""
        return min(*self.sources, *self.targets)

    @cached_property
    def high(self) -> float:
        """Where the track ends."""
        return max(*self.sources, *self.targets)

    @property
    def straight(self) -> bool:
        """Whether it needs no track."""
        return self.high - self.low < 0.5


def tracks(wires: Sequence[Wire]) -> tuple[Mapping[int, int], int]:
    """The track of every wire that needs one, by its place in the sequence, from the top; and how many there are.

    >>> tracks([Wire((0,), (50,)), Wire((10,), (60,)), Wire((90,), (90,))])
    ({1: 0, 0: 1}, 2)
    """
    order: list[int] = []
    for number, wire in enumerate(wires):
        if wire.straight:
            continue
        # Of each place, what it costs beyond the topmost: under one more wire, and no longer over it.
        steps = (_crossings(wires[other], wire) - _crossings(wire, wires[other]) for other in order)
        costs = list(accumulate(steps, initial=0))
        order.insert(costs.index(min(costs)), number)
    found: dict[int, int] = {}
    for number in order:
        wire = wires[number]
        found[number] = max((found[other] + 1 for other in found if _touch(wires[other], wire)), default=0)
    return found, max(found.values(), default=-1) + 1


def _touch(one: Wire, other: Wire) -> bool:
    return one.low < other.high + _NEAR and other.low < one.high + _NEAR


def _crossings(upper: Wire, lower: Wire) -> int:
    """How often two wires cross with one's track above the other's; very many if they would run into one another."""
    crossed = sum(upper.low < x < upper.high for x in lower.sources)
    crossed += sum(lower.low < x < lower.high for x in upper.targets)
    merged = sum(abs(x - y) < _NEAR for x in lower.sources for y in upper.targets)
    return crossed + _FORBIDDEN * merged

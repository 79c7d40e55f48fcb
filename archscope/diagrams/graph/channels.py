"""The lines between one rank and the next: each has a horizontal track of its own, chosen to cross few others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import inf
from typing import Final

MANY: Final = 64
"""Wires in the way of one another that are held against each other one by one; more are sorted."""
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
    found: dict[int, int] = {}
    for group in _groups(wires):
        found |= stacked(wires, _inserted(wires, group) if len(group) <= MANY else _sorted(wires, group))
    return found, max(found.values(), default=-1) + 1


def _groups(wires: Sequence[Wire]) -> list[list[int]]:
    """The wires that need a track, those together that must not share one, or that others between them join."""
    groups: list[list[int]] = []
    end = -inf
    for wire, number in sorted((wire.low, number) for number, wire in enumerate(wires) if not wire.straight):
        if wire >= end:
            groups.append([])
        groups[-1].append(number)
        end = max(end, wires[number].high + _NEAR)
    return [sorted(group) for group in groups]


def stacked(wires: Sequence[Wire], order: Sequence[int]) -> dict[int, int]:
    """The track of each wire of an order: right below the lowest before it that it may not run beside.

    >>> stacked([Wire((0,), (50,)), Wire((10,), (60,)), Wire((90,), (99,))], [0, 1, 2])
    {0: 0, 1: 1, 2: 0}
    """
    starts, lowest = [-inf], [-1]  # from each place to the next, the lowest track that is taken
    found: dict[int, int] = {}
    for number in order:
        left, right = wires[number].low, wires[number].high + _NEAR
        first, last = bisect_left(starts, left), bisect_left(starts, right)
        under = bisect_right(starts, left) - 1
        found[number] = max(lowest[under:last]) + 1
        starts[first:last], lowest[first:last] = [left, right], [found[number], lowest[last - 1]]
    return found


def _inserted(wires: Sequence[Wire], group: Sequence[int]) -> list[int]:
    """A few wires from the top, each put where it crosses fewest of those before it."""
    order: list[int] = []
    for number in group:
        wire = wires[number]
        # Of each place, what it costs beyond the topmost: under one more wire, and no longer over it.
        steps = (_crossings(wires[other], wire) - _crossings(wire, wires[other]) for other in order)
        costs = list(accumulate(steps, initial=0))
        order.insert(costs.index(min(costs)), number)
    return order


def _sorted(wires: Sequence[Wire], group: Sequence[int]) -> list[int]:
    """Many wires from the top: of those that lead to one side, first what begins furthest on it.

    So none of them crosses another that ends in the same order. What begins where another ends comes before that one,
    but for one of each ring.
    """
    above = _must_be_above(wires, group)
    order: dict[int, None] = {}
    begun: set[int] = set()
    for number in sorted(group, key=lambda number: (_side(wires[number]), number)):
        stack = [number]
        while stack:
            begun.add(stack[-1])
            before = sorted(above[stack[-1]] - begun)
            stack += before
            if not before:
                order[stack.pop()] = None
    return list(order)


def _side(wire: Wire) -> float:
    """By what wires are sorted: the distance of their beginning from the far end of the side that they lead to."""
    source = sum(wire.sources) / len(wire.sources)
    return -source if sum(wire.targets) > source * len(wire.targets) else source


def _must_be_above(wires: Sequence[Wire], group: Sequence[int]) -> dict[int, set[int]]:
    """For each wire those that begin where it ends, which would run into it from below; two that swap do so anyway."""
    begins = sorted((x, number) for number in group for x in wires[number].sources)
    found: dict[int, set[int]] = {number: set() for number in group}
    for number in group:
        for x in wires[number].targets:
            near = begins[bisect_right(begins, (x - _NEAR, inf)) : bisect_left(begins, (x + _NEAR,))]
            found[number].update(other for _, other in near if other != number)
    return {number: {other for other in above if number not in found[other]} for number, above in found.items()}


def _crossings(upper: Wire, lower: Wire) -> int:
    """How often two wires cross with one's track above the other's; very many if they would run into one another."""
    crossed = sum(upper.low < x < upper.high for x in lower.sources)
    crossed += sum(lower.low < x < lower.high for x in upper.targets)
    merged = sum(abs(x - y) < _NEAR for x in lower.sources for y in upper.targets)
    return crossed + _FORBIDDEN * merged

"""Where everything stands across, without Graphviz: for graphs so large that it would take minutes.

Neighbours are put in the order of what they are joined to, a rank at a time, and then each stands as near to the middle
of that as the others in its rank let it. Everything here takes time in proportion to the graph.

>>> from archscope.diagrams.graph.place import Link, Slot
>>> fork = [Slot("a", 10), Slot("b", 10), Slot("c", 10), Slot("d", 10)]
>>> plainly(fork, [Link("a", "b"), Link("a", "c"), Link("b", "d"), Link("c", "d")], 5)
{'a': 12.5, 'b': 5.0, 'c': 20.0, 'd': 12.5}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from archscope.diagrams.graph.place import Link, Slot

_SWEEPS: Final = 4
"""How often the ranks are gone through, down and up; more changes little."""

_HEAVY: Final = 8
"""A slot with a line of this weight or more follows its heaviest alone, and does not give way to one without."""

_Joined = Mapping[str, Sequence[tuple[str, float]]]
"""For each slot, what it is joined to, and how far to the right of that it would have to stand for a straight line."""


def plainly(slots: Sequence[Slot], links: Sequence[Link], gap: float, *, ordered: bool = False) -> dict[str, float]:
    """Where the middle of every slot stands across, by its key; the leftmost edge is at 0.

    Args:
        slots: what stands in the ranks.
        links: what joins them.
        gap: between neighbours.
        ordered: whether the targets of a slot must stand in the order of its links.
    """
    above, below = _joined(slots, links)
    widths = {slot.key: slot.width for slot in slots}
    ranks = _ranks(slots, links)
    for _ in range(_SWEEPS):
        _put_in_order(ranks, above)
        if not ordered:
            _put_in_order(ranks[::-1], below)
    if not ordered:
        _put_in_order(ranks, above)
    across: dict[str, float] = {}
    for rank in ranks:
        across.update(_nearest(rank, dict.fromkeys(rank, 0.0), widths, gap))
    for _ in range(_SWEEPS):
        for way, joined in ((ranks, above), (ranks[::-1], below)):
            for rank in way:
                wanted = {key: fmean([across[each] + by for each, by in joined[key]] or [across[key]]) for key in rank}
                across.update(_nearest(rank, wanted, widths, gap))
    left = min((across[slot.key] - slot.width / 2 for slot in slots), default=0.0)
    return {slot.key: round(4 * (across[slot.key] - left)) / 4 for slot in slots}


def _joined(slots: Sequence[Slot], links: Sequence[Link]) -> tuple[_Joined, _Joined]:
    above: dict[str, list[tuple[str, float]]] = {slot.key: [] for slot in slots}
    below: dict[str, list[tuple[str, float]]] = {slot.key: [] for slot in slots}
    ends = {slot.key: {port: at - slot.width / 2 for port, at in slot.ports.items()} for slot in slots}
    for link in links:
        by = ends[link.source].get(link.source_port, 0.0) - ends[link.target].get(link.target_port, 0.0)
        above[link.target].append((link.source, by))
        below[link.source].append((link.target, -by))
    return above, below


def _ranks(slots: Sequence[Slot], links: Sequence[Link]) -> list[list[str]]:
    """Slots by the length of the longest way to them."""
    targets: dict[str, list[str]] = {slot.key: [] for slot in slots}
    waiting = {slot.key: 0 for slot in slots}
    for link in links:
        targets[link.source].append(link.target)
        waiting[link.target] += 1
    depth = {key: 0 for key, count in waiting.items() if not count}
    ready = list(depth)
    for key in ready:
        for target in targets[key]:
            depth[target] = max(depth.get(target, 0), depth[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    ranks: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for slot in slots:
        ranks[depth[slot.key]].append(slot.key)
    return ranks


def _put_in_order(ranks: Sequence[list[str]], joined: _Joined) -> None:
    """Sort each rank by the middle of what it is joined to in the rank before; what is joined to nothing stays."""
    for before, rank in pairwise(ranks):
        places = {key: place for place, key in enumerate(before)}
        own = {key: place for place, key in enumerate(rank)}
        scale = len(before) / max(1, len(rank))
        middle = {key: fmean([places[each] for each, _ in joined[key] if each in places] or [own[key] * scale])
                  for key in rank}  # fmt: skip
        rank.sort(key=lambda key: (middle[key], own[key]))


def _nearest(
    rank: Sequence[str], wanted: Mapping[str, float], widths: Mapping[str, float], gap: float
) -> dict[str, float]:
    """Places in this order, no two nearer than the gap, that depart least from those wanted: least squares.

    Neighbours that would come too near are pushed apart together, as one block, until none are left.
    """
    starts: list[float] = []
    at = 0.0
    for key in rank:
        starts.append(at + widths[key] / 2)
        at += widths[key] + gap
    blocks: list[tuple[float, int]] = []
    for key, start in zip(rank, starts, strict=True):
        total, count = wanted[key] - start, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    shifts = [total / count for total, count in blocks for _ in range(count)]
    return {key: start + shift for key, start, shift in zip(rank, starts, shifts, strict=True)}

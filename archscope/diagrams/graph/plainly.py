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
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from archscope.diagrams.graph.place import Link, Slot

_SWEEPS: Final = 4
"""How often the ranks are gone through, down and up; more changes little."""

_STRAIGHT: Final = 8
"""A line of this weight or more is to be straight: its end follows it alone."""


class _End(NamedTuple):
    """Something that a slot is joined to, and how far to the right of it a straight line would have the slot stand."""

    other: str
    by: float
    weight: int


class _Pull(NamedTuple):
    """What a slot follows, and how little it gives way to its neighbours for that."""

    ends: Sequence[_End]
    force: float


_Joined = Mapping[str, Sequence[_End]]
"""What each slot is joined to."""


def plainly(
    slots: Sequence[Slot], links: Sequence[Link], gap: float, *, ordered: bool = False,
    ranks: Mapping[str, int] | None = None,
) -> dict[str, float]:  # fmt: skip
    """Where the middle of every slot stands across, by its key; the leftmost edge is at 0.

    Args:
        slots: what stands in the ranks.
        links: what joins them.
        gap: between neighbours.
        ordered: whether the targets of a slot must stand in the order of its links.
        ranks: which rank each slot stands in; by the length of the longest way to it if None.
    """
    above, below = _joined(slots, links)
    widths = {slot.key: slot.width for slot in slots}
    rows = _rows(slots, _depths(slots, links) if ranks is None else ranks)
    for _ in range(_SWEEPS):
        _put_in_order(rows, above)
        if not ordered:
            _put_in_order(rows[::-1], below)
    if not ordered:
        _put_in_order(rows, above)
    across: dict[str, float] = {}
    for rank in rows:
        across.update(_nearest(rank, dict.fromkeys(rank, 0.0), dict.fromkeys(rank, 1.0), widths, gap))
    down = {key: _pull(ends) for key, ends in above.items()}
    up = {key: _pull(ends) for key, ends in below.items()}
    for _ in range(_SWEEPS):
        for way, pulls in ((rows, down), (rows[::-1], up)):
            for rank in way:
                wanted = {key: _middle(pulls[key].ends, across, across[key]) for key in rank}
                across.update(_nearest(rank, wanted, {key: pulls[key].force for key in rank}, widths, gap))
    left = min((across[slot.key] - slot.width / 2 for slot in slots), default=0.0)
    return {slot.key: round(4 * (across[slot.key] - left)) / 4 for slot in slots}


def _joined(slots: Sequence[Slot], links: Sequence[Link]) -> tuple[_Joined, _Joined]:
    above: dict[str, list[_End]] = {slot.key: [] for slot in slots}
    below: dict[str, list[_End]] = {slot.key: [] for slot in slots}
    ends = {slot.key: {port: at - slot.width / 2 for port, at in slot.ports.items()} for slot in slots}
    for link in links:
        by = ends[link.source].get(link.source_port, 0.0) - ends[link.target].get(link.target_port, 0.0)
        above[link.target].append(_End(link.source, by, link.weight))
        below[link.source].append(_End(link.target, -by, link.weight))
    return above, below


def _pull(ends: Sequence[_End]) -> _Pull:
    """All ends alike; of lines that are to be straight only the heaviest, and that with force.

    The force is so great that a line which passes thousands of ranks does not lean a little in each of them.
    """
    most = max((end.weight for end in ends), default=0)
    if most < _STRAIGHT:
        return _Pull(ends, 1.0)
    return _Pull([end for end in ends if end.weight == most], float(most) ** 4)


def _middle(ends: Sequence[_End], across: Mapping[str, float], alone: float) -> float:
    if len(ends) == 1:
        return across[ends[0].other] + ends[0].by
    return fmean([across[end.other] + end.by for end in ends]) if ends else alone


def _rows(slots: Sequence[Slot], ranks: Mapping[str, int]) -> list[list[str]]:
    """The slots of each rank, from the first one."""
    rows: dict[int, list[str]] = {}
    for slot in slots:
        rows.setdefault(ranks[slot.key], []).append(slot.key)
    return [rows[rank] for rank in sorted(rows)]


def _depths(slots: Sequence[Slot], links: Sequence[Link]) -> dict[str, int]:
    """The length of the longest way to each slot."""
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
    return depth


def _put_in_order(ranks: Sequence[list[str]], joined: _Joined) -> None:
    """Sort each rank by the middle of what it is joined to in the rank before; what is joined to nothing stays."""
    for before, rank in pairwise(ranks):
        places = {key: place for place, key in enumerate(before)}
        own = {key: place for place, key in enumerate(rank)}
        scale = len(before) / max(1, len(rank))
        middle = {key: fmean([places[each] for each, _, _ in joined[key] if each in places] or [own[key] * scale])
                  for key in rank}  # fmt: skip
        rank.sort(key=lambda key: (middle[key], own[key]))


def _nearest(
    rank: Sequence[str], wanted: Mapping[str, float], force: Mapping[str, float], widths: Mapping[str, float],
    gap: float,
) -> dict[str, float]:  # fmt: skip
    """Places in this order, no two nearer than the gap, that depart least from those wanted: least squares.

    Neighbours that would come too near are pushed apart together, as one block, until none are left; those with more
    force are pushed less.
    """
    starts: list[float] = []
    at = 0.0
    for key in rank:
        starts.append(at + widths[key] / 2)
        at += widths[key] + gap
    blocks: list[tuple[float, float, int]] = []
    for key, start in zip(rank, starts, strict=True):
        total, weight, count = force[key] * (wanted[key] - start), force[key], 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / weight:
            before = blocks.pop()
            total, weight, count = total + before[0], weight + before[1], count + before[2]
        blocks.append((total, weight, count))
    shifts = [total / weight for total, weight, count in blocks for _ in range(count)]
    return {key: start + shift for key, start, shift in zip(rank, starts, shifts, strict=True)}

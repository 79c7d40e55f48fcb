"""The ranks of a level: what can stand side by side, and where the lines between distant ranks pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BORDER = ""
"""The level's own border, as an end of a net."""


@dataclass(frozen=True)
class Net:
    """Everything one node of the graph sends within a level.

    Attributes:
        key: the node of the graph that sends.
        source: the child it is in; `BORDER` if it comes from outside.
        targets: the children that receive; `BORDER` if it goes out.
    """

    key: str
    source: str
    targets: tuple[str, ...]


def ranks_of(children: Sequence[str], nets: Sequence[Net]) -> dict[str, int]:
    """The rank of each child, from 0: below all it reads, and a source right above what reads it."""
    before: dict[str, list[str]] = {child: [] for child in children}
    after: dict[str, list[str]] = {child: [] for child in children}
    entered = set()
    for net in nets:
        for target in net.targets:
            if target == BORDER:
                continue
            if net.source == BORDER:
                entered.add(target)
            else:
                before[target].append(net.source)
                after[net.source].append(target)
    ranks: dict[str, int] = {}
    for child in children:
        ranks[child] = max((ranks[source] + 1 for source in before[child]), default=0)
    for child in reversed(children):
        if not before[child] and child not in entered and after[child]:
            ranks[child] = min(ranks[target] for target in after[child]) - 1
    return ranks


@dataclass(frozen=True)
class Hop:
    """A net from one rank to the next.

    ``source`` and ``targets`` are keys of slots: a child, a pass, or an end at the border.
    """

    net: Net
    source: str
    targets: tuple[str, ...]


def passing(net: Net, rank: int) -> str:
    """The key of the slot where a net passes a rank."""
    return f"\0pass:{rank}:{net.key}"


def entry(net: Net) -> str:
    """The key of the slot where a net comes in through the border."""
    return f"\0in:{net.key}"


def leave(net: Net) -> str:
    """The key of the slot where a net goes out through the border."""
    return f"\0out:{net.key}"


@dataclass(frozen=True)
class Lane:
    """A slot beside everything, in which a net passes many ranks at once: from a first to a last one."""

    slot: str
    first: int
    last: int


def hops_of(
    nets: Sequence[Net], ranks: Mapping[str, int], last: int, longest: int | None = None
) -> tuple[list[list[Hop]], tuple[Lane, ...]]:
    """For each gap between ranks, from the one above rank 0 to the one below the last, the nets that cross it.

    Args:
        nets: what runs between the children.
        ranks: of each child.
        last: the last rank.
        longest: how many ranks a net passes one by one at most; it has a lane for more, and crosses no gap there.
    """
    lanes: list[Lane] = []
    gaps: list[list[Hop]] = [[] for _ in range(last + 2)]
    for net in nets:
        start = ranks[net.source] if net.source != BORDER else -1
        ends = {target: ranks[target] if target != BORDER else last + 1 for target in net.targets}
        furthest = max(ends.values())
        ending: dict[int, list[str]] = {}
        for target, end in ends.items():
            ending.setdefault(end, []).append(target if target != BORDER else leave(net))
        source = net.source if net.source != BORDER else entry(net)
        stops = iter(sorted(ending))
        rank, stop = start + 1, next(stops)
        while True:
            if rank == stop:
                stop = next(stops, furthest)
            onward = passing(net, rank)
            if longest is not None and stop - rank > longest:
                lanes.append(Lane(onward, rank, stop - 1))
            gaps[rank].append(Hop(net, source, (*ending.get(rank, ()), *([onward] if rank < furthest else ()))))
            if rank == furthest:
                break
            source = onward
            rank = lanes[-1].last + 1 if lanes and lanes[-1].slot == onward else rank + 1
    return gaps, tuple(lanes)


def passes(nets: Sequence[Net], ranks: Mapping[str, int], last: int) -> int:
    """How many ranks all nets together pass."""
    starts = {BORDER: -1, **ranks}
    ends = {BORDER: last + 1, **ranks}
    return sum(max(ends[target] for target in net.targets) - starts[net.source] - 1 for net in nets)


def main_lines(nets: Sequence[Net], ranks: Mapping[str, int]) -> frozenset[tuple[str, str]]:
    """The lines, as pairs of slots, that are the longest way on from their source and the longest way to their target.

    Drawn straight, they make a residual network's spine. Where several ways are as long, none of them is.
    """
    lines = [
        (net.source or entry(net), target or leave(net))
        for net in nets for target in net.targets
    ]  # fmt: skip
    above: dict[str, int] = {}
    below: dict[str, int] = {}
    for source, target in sorted(lines, key=lambda ends: ranks.get(ends[0], -1)):
        above[target] = max(above.get(target, 0), above.get(source, 0) + 1)
    for source, target in sorted(lines, key=lambda ends: -ranks.get(ends[1], len(ranks))):
        below[source] = max(below.get(source, 0), below.get(target, 0) + 1)
    onward: dict[str, list[int]] = {}
    back: dict[str, list[int]] = {}
    for source, target in lines:
        onward.setdefault(source, []).append(below.get(target, 0))
        back.setdefault(target, []).append(above.get(source, 0))
    furthest_on = {key: _only_most(steps) for key, steps in onward.items()}
    furthest_back = {key: _only_most(steps) for key, steps in back.items()}
    return frozenset(
        (source, target)
        for source, target in lines
        if furthest_on[source] == below.get(target, 0) and furthest_back[target] == above.get(source, 0)
    )


def _only_most(steps: Sequence[int]) -> int | None:
    """The most steps, if only one way has so many."""
    most = max(steps)
    return most if steps.count(most) == 1 else None

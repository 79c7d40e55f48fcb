"""Where things of a frame stand across: Graphviz is asked, and the tidiest of its answers is made even."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Final

from archscope.diagrams.graph.channels import Wire, stacked
from archscope.diagrams.graph.place import Link, Slot, places
from archscope.diagrams.graph.plainly import plainly
from archscope.diagrams.graph.ranks import Hop, Net, entry, hops_of, leave, main_lines, passes, ranks_of

MOST_PASSES: Final = 20_000
"""Ranks that all lines of a frame pass one by one, each with a place of its own there: some seconds."""
LONGEST: Final = 20
"""Ranks that one line passes one by one where that is more; what goes further has a lane beside everything."""


@dataclass(frozen=True)
class Child:
    """A node or a frame as the frame around it sees it.

    Attributes:
        key: what the nets call it.
        across: its extent across.
        along: its extent along.
        middle: where lines end on it that have no place of their own.
        ins: where lines enter a frame, by net.
        outs: where lines leave a frame, by net.
        circle: the radius of a circle; 0 for all else.
        center: where the middle of a circle is, along.
        end: how far across lines may enter; all of it if None.
        twin: whether it stands beside others of its kind, which are to be placed evenly.
    """

    key: str
    across: float
    along: float
    middle: float
    ins: Mapping[str, float] = field(default_factory=dict)
    outs: Mapping[str, float] = field(default_factory=dict)
    circle: float = 0.0
    center: float = 0.0
    end: float | None = None
    twin: bool = False


class Ranking:
    """The children of a frame in ranks, and the lines from each rank to the next.

    Attributes:
        children: by key.
        ranks: of each child.
        rows: the children of each rank.
        gaps: the lines above each rank, and below the last.
        mains: the lines to keep straight; see `main_lines`.
        lanes: where lines pass many ranks at once, beside everything; only in a frame with very many long lines.
    """

    def __init__(self, children: Sequence[Child], nets: Sequence[Net]) -> None:
        self.children = {child.key: child for child in children}
        self.ranks = ranks_of(list(self.children), nets)
        self.last = max(self.ranks.values())
        many = passes(nets, self.ranks, self.last) > MOST_PASSES
        self.gaps, self.lanes = hops_of(nets, self.ranks, self.last, LONGEST if many else None)
        self.mains = main_lines(nets, self.ranks)
        self.rows: list[list[str]] = [[] for _ in range(self.last + 1)]
        for key, rank in self.ranks.items():
            self.rows[rank].append(key)

    def end(self, x: Mapping[str, float], hop: Hop, key: str) -> float:
        """Where a line begins or ends on a slot."""
        child = self.children.get(key)
        if child is None:
            return x[key]
        ports = child.outs if key == hop.source else child.ins
        return x[key] - child.across / 2 + ports.get(hop.net.key, child.middle)


def across(ranking: Ranking, gap: float, track: float) -> dict[str, float]:
    """The middle of every slot across: the tidiest of what Graphviz finds when asked in up to three ways.

    Args:
        ranking: the children in ranks.
        gap: between neighbours.
        track: between lanes.
    """
    if ranking.lanes:
        return _with_lanes(ranking, _placed(ranking, gap), gap, track)
    best = _tidiest(ranking, gap)
    return _over_fans(ranking, _centred(ranking, _even_twins(ranking, best) if _only_twins(ranking) else best))


def _tidiest(ranking: Ranking, gap: float) -> dict[str, float]:
    """The first of the placings with nothing untidy in it; if each has something, the one that has least."""
    found = []
    for placed in _placings(ranking, gap):
        untidy = _untidy(ranking, placed)
        if not untidy:
            return placed
        found.append((untidy, placed))
    return min(found, key=itemgetter(0))[1]


def _with_lanes(ranking: Ranking, x: Mapping[str, float], gap: float, track: float) -> dict[str, float]:
    """With every lane on the right of all else: the shortest nearest, so that lines within lines do not cross."""
    widths = {key: child.across / 2 for key, child in ranking.children.items()}
    right = max(middle + widths.get(key, 0.0) for key, middle in x.items()) + gap
    wires = [Wire((10.0 * lane.first,), (10.0 * lane.last + 10.0,)) for lane in ranking.lanes]
    order = sorted(range(len(wires)), key=lambda number: wires[number].high - wires[number].low)
    return dict(x) | {ranking.lanes[number].slot: right + at * track for number, at in stacked(wires, order).items()}


def _placings(ranking: Ranking, gap: float) -> Iterator[dict[str, float]]:
    """What Graphviz finds, one way after another: as it likes, with readers in their order, and from the right."""
    yield _placed(ranking, gap)
    yield _placed(ranking, gap, ordered=True)
    yield {key: -value for key, value in _placed(ranking, gap, mirrored=True).items()}


def _placed(ranking: Ranking, gap: float, *, ordered: bool = False, mirrored: bool = False) -> dict[str, float]:
    slots = []
    lanes = set(map(attrgetter("slot"), ranking.lanes))
    ranks = dict(ranking.ranks)
    for rank, hops in enumerate(ranking.gaps):
        for hop in hops:
            ranks.setdefault(hop.source, rank - 1)
            ranks.update((target, rank) for target in hop.targets if target not in ranking.children)
    for child in ranking.children.values():
        ports = {f"in {key}": at for key, at in child.ins.items()} | {
            f"out {key}": at for key, at in child.outs.items()
        }
        if abs(child.middle - child.across / 2) > 0.1:
            ports["middle"] = child.middle
        if mirrored:
            ports = {port: child.across - at for port, at in ports.items()}
        slots.append(Slot(child.key, child.across, ports))
    slots += [Slot(key, 2.0) for key in sorted(ranks.keys() - ranking.children.keys() - lanes)]
    links = [_link(ranking, hop, target) for hops in ranking.gaps for hop in hops for target in hop.targets
             if hop.source not in lanes and target not in lanes]  # fmt: skip
    place = plainly if lanes else places
    return place(slots, links, gap, ordered=ordered, ranks=ranks)


def _link(ranking: Ranking, hop: Hop, target: str) -> Link:
    """A line from a rank to the next: the way from layer to layer is kept straightest."""
    source, end = ranking.children.get(hop.source), ranking.children.get(target)
    begins = source is not None or hop.source == entry(hop.net)
    ends = end is not None or target == leave(hop.net)
    if begins and ends:
        weight = 40 if (hop.source, target) in ranking.mains else 2
    else:
        weight = 3 if begins else 1 if ends else 8
    return Link(
        hop.source, target, _port(ranking, hop.source, "out", hop.net), _port(ranking, target, "in", hop.net), weight
    )


def _port(ranking: Ranking, key: str, side: str, net: Net) -> str:
    child = ranking.children.get(key)
    if child is None:
        return ""
    return f"{side} {net.key}" if net.key in (child.ins if side == "in" else child.outs) else "middle"


def _untidy(ranking: Ranking, x: Mapping[str, float]) -> int:
    """How far a placing is from what reads well: lines crossed, passing on the left, children out of order."""
    cost = 0
    for gap in ranking.gaps:
        ends = [(x[hop.source], x[target], hop.net.key) for hop in gap for target in hop.targets]
        nets: dict[object, list[tuple[float, float]]] = {}
        for top, bottom, net in ends:
            nets.setdefault(net, []).append((top, bottom))
        cost += _crossings([(top, bottom) for top, bottom, _ in ends]) - sum(map(_crossings, nets.values()))
    for rank, row in enumerate(ranking.rows):
        passes = [hop.targets[-1] for hop in ranking.gaps[rank] if hop.targets[-1] not in ranking.children]
        places = sorted(x[key] for key in row)
        cost += 2 * sum(len(places) - bisect_right(places, x[line]) for line in passes)
        cost += _crossings([(at, x[key]) for at, key in enumerate(row)])
    return cost


def _crossings(lines: Sequence[tuple[float, float]]) -> int:
    """How many pairs of lines cross, each from a place above to one below; lines that share an end do not.

    >>> _crossings([(0, 1), (1, 0), (1, 2), (2, 0)])
    3
    """
    below: list[float] = []
    crossed = 0
    for _, bottom in sorted(lines):
        at = bisect_right(below, bottom)
        crossed += len(below) - at
        below.insert(at, bottom)
    return crossed


def _centred(ranking: Ranking, x: dict[str, float]) -> dict[str, float]:
    """With what stands alone in its rank in the middle of a fan."""
    moved = dict(x)
    alone = [_alone(ranking, rank) for rank in range(-1, ranking.last + 2)]
    rank = 0
    while rank < len(alone):
        end = rank
        while end < len(alone) and alone[end]:
            end += 1
        shift = _off_centre(ranking, x, rank, end) if end > rank else 0.0
        for key in alone[rank:end]:
            moved[key] = x[key] + shift
        rank = end + 1
    return moved


def _alone(ranking: Ranking, rank: int) -> str:
    """The only slot of a rank, the borders' ranks included; empty if there are more."""
    slots = set(ranking.rows[rank]) if 0 <= rank <= ranking.last else set()
    if rank >= 0:
        slots |= {target for hop in ranking.gaps[rank] for target in hop.targets}
    if rank <= ranking.last:
        slots |= {hop.source for hop in ranking.gaps[rank + 1]}
    return slots.pop() if len(slots) == 1 else ""


def _off_centre(ranking: Ranking, x: Mapping[str, float], first: int, end: int) -> float:
    """How far a run of ranks with one slot each (counted from the border's) is from the middle of its fans."""
    fans = [(ranking.gaps[first - 1], True)] if first else []
    fans += [(ranking.gaps[end - 1], False)] if end <= ranking.last + 2 else []
    shift = 0.0
    for gap, above in fans:
        lines = [(hop, target) for hop in gap for target in hop.targets]
        if any((hop.source, target) in ranking.mains for hop, target in lines):
            return 0.0
        ends = {ranking.end(x, hop, target if above else hop.source) for hop, target in lines}
        others = [ranking.end(x, hop, hop.source if above else target) for hop, target in lines]
        if len(others) > 1 and len(ends) == 1 and not shift:
            shift = (min(others) + max(others)) / 2 - ends.pop()
    return shift


_FAN = 3
"""So many lines from one thing are a fan, such as those to the queries, keys and values."""


def _over_fans(ranking: Ranking, x: dict[str, float]) -> dict[str, float]:
    """With what only lines pass beside over the middle of its fan: over one of it, it would seem to lead there."""
    moved = dict(x)
    for rank, row in enumerate(ranking.rows[:-1]):
        fan = [(hop, target) for hop in ranking.gaps[rank + 1] for target in hop.targets
               if row == [hop.source] and target in ranking.children]  # fmt: skip
        if len(fan) < _FAN or any((hop.source, target) in ranking.mains for hop, target in fan):
            continue
        below = [ranking.end(x, hop, target) for hop, target in fan]
        shift = (min(below) + max(below)) / 2 - ranking.end(x, fan[0][0], row[0])
        run = _run_above(ranking, rank)
        if all((x[line] - x[key]) * shift < 0 for key, at in run for line in _beside(ranking, at, key)):
            moved |= {key: x[key] + shift for key, _ in run}
    return moved


def _run_above(ranking: Ranking, rank: int) -> list[tuple[str, int]]:
    """What stands alone in a rank, and what one line after another comes to it through, each with its rank."""
    run = [(ranking.rows[rank][0], rank)]
    while rank >= 0:
        coming = [hop for hop in ranking.gaps[rank] if run[-1][0] in hop.targets]
        if len(coming) != 1:
            break
        source = coming[0].source
        before = [hop for hop in ranking.gaps[rank - 1] if source in hop.targets] if rank else []
        alone = ranking.rows[rank - 1] == [source] if rank else len({hop.source for hop in ranking.gaps[0]}) == 1
        if not alone or len(before) > 1:
            break
        rank -= 1
        run.append((source, rank))
    return run


def _beside(ranking: Ranking, rank: int, key: str) -> set[str]:
    """The lines that pass beside the only thing of a rank."""
    return {hop.source for hop in ranking.gaps[rank + 1]} - {key}


def _even_twins(ranking: Ranking, x: Mapping[str, float]) -> dict[str, float]:
    """With every rank even about one line."""
    shifts = []
    for row in ranking.rows:
        middles = [_middle(ranking, x, key) for key in row]
        shifts.append((min(middles) + max(middles)) / 2)
    moved = {key: x[key] - shifts[rank] for key, rank in ranking.ranks.items()}
    moved |= {hop.source: x[hop.source] - shifts[0] for hop in ranking.gaps[0]}
    return moved | {target: x[target] - shifts[-1] for hop in ranking.gaps[-1] for target in hop.targets}


def _middle(ranking: Ranking, x: Mapping[str, float], key: str) -> float:
    """Where lines end on a child, on the whole."""
    child = ranking.children[key]
    ports = [*child.ins.values(), *child.outs.values()] or [child.middle]
    return x[key] - child.across / 2 + sum(ports) / len(ports)


def _only_twins(ranking: Ranking) -> bool:
    through = any(target not in ranking.children for gap in ranking.gaps[:-1] for hop in gap for target in hop.targets)
    twins = [all(ranking.children[key].twin for key in row) for row in ranking.rows]
    return (
        any(twins) and not through and all(twin or len(row) == 1 for twin, row in zip(twins, ranking.rows, strict=True))
    )

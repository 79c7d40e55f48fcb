"""The last step of a frame's layout: ranks in columns, and the lines drawn out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archscope.diagrams.graph.across import Ranking
from archscope.diagrams.graph.ranks import BORDER, Hop, entry, leave
from archscope.diagrams.graph.sizes import Sizes

Point = tuple[float, float]
"""Across and along."""


@dataclass
class Level:
    """A frame laid out: where its children are, and the way of every net to each of its targets.

    ``routes`` are keyed by net and target, `BORDER` for the way out; they begin at the source or at the border.
    """

    across: float
    along: float
    at: dict[str, Point]
    routes: dict[tuple[str, str], list[Point]]
    ins: dict[str, float]
    outs: dict[str, float]


@dataclass(frozen=True)
class Plan:
    """All that is known of a frame before its ranks are put below one another.

    Attributes:
        ranking: its children in ranks.
        sizes: the measures.
        x: the middle of every slot across, as if there were one column.
        sides: for a net and a circle that it enters from the side, the slot beside the circle.
        heights: of each rank.
        extents: left and right of each rank.
        entries: for each gap, where a net ends on a slot.
        tracks: for each gap, the track of each net that has one, and how many there are.
        depth: the height of each gap.
        split: the first and the last rank of each column.
    """

    ranking: Ranking
    sizes: Sizes
    x: Mapping[str, float]
    sides: Mapping[tuple[str, str], str]
    heights: Sequence[float]
    extents: Sequence[tuple[float, float]]
    entries: Sequence[Mapping[tuple[str, str], float]]
    tracks: Sequence[tuple[Mapping[str, int], int]]
    depth: Sequence[float]
    split: Sequence[tuple[int, int]]


class Ways:
    """Puts the ranks into columns and draws the lines out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ranking = plan.ranking
        self.sizes = plan.sizes
        self.heights = plan.heights
        self.depth = plan.depth
        self.split = plan.split
        self.column = [number for number, (first, last) in enumerate(plan.split) for _ in range(first, last + 1)]
        self.cuts = [self._cut(number) for number in range(len(plan.split) - 1)]
        self.shift: list[float] = []
        self.top = [0.0] * len(plan.heights)
        self.gutter: list[float] = []
        self.across = self._place_columns()
        self.along = self._place_ranks()

    def _cut(self, column: int) -> dict[str, int]:
        """The lines that go on in the next column by their nets, each with its place, the rightmost first."""
        hops = self.ranking.gaps[self.split[column][1] + 1]
        from_right = sorted(hops, key=lambda hop: -self.ranking.end(self.plan.x, hop, hop.source))
        return {hop.net.key: place for place, hop in enumerate(from_right)}

    def _place_columns(self) -> float:
        right = 0.0
        for number, (first, last) in enumerate(self.split):
            lefts, rights = zip(*self.plan.extents[first : last + 1], strict=True)
            self.shift.append(right - min(lefts))
            right += max(rights) - min(lefts)
            if number < len(self.split) - 1:
                self.gutter.append(right + self.sizes.gap)
                right += 2 * self.sizes.gap + (len(self.cuts[number]) - 1) * self.sizes.track
        return right

    def _place_ranks(self) -> float:
        """The top of every rank; what is left is the height."""
        bottom = 0.0
        for number, (first, last) in enumerate(self.split):
            y = self.depth[0] if number == 0 else self._room(len(self.cuts[number - 1]))
            for rank in range(first, last + 1):
                self.top[rank] = y
                y += self.heights[rank] + (self.depth[rank + 1] if rank < last else 0.0)
            y += self.depth[-1] if number == len(self.split) - 1 else self._room(len(self.cuts[number]), outer=True)
            bottom = max(bottom, y)
        return bottom

    def _room(self, lines: int, *, outer: bool = False) -> float:
        """The height above or below a column in which lines turn to the next; the outer end of it holds no arrow."""
        return (lines - 1) * self.sizes.track + (0.8 * self.sizes.gap if outer else self.sizes.gap)

    def _x(self, x: float, rank: int) -> float:
        return x + self.shift[self.column[min(max(rank, 0), len(self.heights) - 1)]]

    def level(self) -> Level:
        at = {key: self._at(key, rank) for key, rank in self.ranking.ranks.items()}
        ways: dict[str, tuple[list[Point], list[Point]]] = {}  # the last hop, and the way before it, straightened
        routes: dict[tuple[str, str], list[Point]] = {}
        ins, outs = {}, {}
        for rank, gap in enumerate(self.ranking.gaps):
            for hop in gap:
                before = straightened(*ways.get(f"{hop.net.key}\0{hop.source}", ([], [])))
                for target in hop.targets:
                    onward = self._hop(rank, hop, target)
                    ways[f"{hop.net.key}\0{target}"] = onward, before
                    if target in self.ranking.children:
                        routes[hop.net.key, target] = straightened(onward, before)
                    elif target == leave(hop.net):
                        outs[hop.net.key] = onward[-1][0]
                        routes[hop.net.key, BORDER] = straightened(onward, before)
                if hop.source == entry(hop.net):
                    ins[hop.net.key] = self._x(self.plan.x[hop.source], 0)
        for (net, key), slot in self.plan.sides.items():
            onward, before = ways[f"{net}\0{slot}"]
            routes[net, key] = straightened([*onward[:-1], *self._side(onward, key, at)], before)
        return Level(self.across, self.along, at, routes, ins, outs)

    def _at(self, key: str, rank: int) -> Point:
        child = self.ranking.children[key]
        return self._x(self.plan.x[key] - child.across / 2, rank), self.top[rank] + (
            self.heights[rank] - child.along
        ) / 2

    def _side(self, way: Sequence[Point], key: str, at: Mapping[str, Point]) -> list[Point]:
        child = self.ranking.children[key]
        x, y = at[key]
        return [(way[-1][0], y + child.center), (x + child.middle + child.circle, y + child.center)]

    def _hop(self, rank: int, hop: Hop, target: str) -> list[Point]:
        start = self._x(self.ranking.end(self.plan.x, hop, hop.source), rank - 1), self._bottom(hop.source, rank - 1)
        end = self._x(self.plan.entries[rank][hop.net.key, target], rank), self._top(target, rank)
        if 0 < rank < len(self.heights) and self.column[rank] != self.column[rank - 1]:
            return [start, *self._turn(self.column[rank - 1], hop, start[0], end[0]), end]
        of, count = self.plan.tracks[rank]
        if hop.net.key not in of:
            return [start, end]
        above = self.top[rank] - self.depth[rank] if rank < len(self.heights) else self._floor(rank - 1)
        free = self.depth[rank] - (self.sizes.arrow if rank < len(self.heights) else 0.0)
        y = above + (of[hop.net.key] + 1) * free / (count + 1)
        return [start, (start[0], y), (end[0], y), end]

    def _turn(self, column: int, hop: Hop, start: float, end: float) -> list[Point]:
        """Down below a column, up between it and the next, and over the top of that."""
        step = self.cuts[column][hop.net.key] * self.sizes.track
        bottom = self._floor(self.split[column][1]) + 0.6 * self.sizes.gap + step
        between = self.gutter[column] + step
        top = step
        return [(start, bottom), (between, bottom), (between, top), (end, top)]

    def _floor(self, rank: int) -> float:
        return self.top[rank] + self.heights[rank]

    def _bottom(self, key: str, rank: int) -> float:
        """Where a line begins: at the bottom of a child, of a rank that it passes, or at the border."""
        child = self.ranking.children.get(key)
        if rank < 0:
            return 0.0
        if child is None:
            return self._floor(rank)
        y = self._at(key, rank)[1]
        return y + child.center + child.circle if child.circle else y + child.along

    def _top(self, key: str, rank: int) -> float:
        child = self.ranking.children.get(key)
        if rank >= len(self.heights):
            return self.along
        if child is None:
            return self.top[rank]
        y = self._at(key, rank)[1]
        return y + child.center - child.circle if child.circle else y


def straightened(points: Iterable[Point], begun: Sequence[Point] = ()) -> list[Point]:
    """A way without points that change nothing; ``begun`` is what comes before, already without them.

    >>> straightened([(0, 0), (0, 5), (0, 5), (0, 9), (4, 9)])
    [(0, 0), (0, 9), (4, 9)]
    """
    kept = list(begun)
    for point in points:
        if kept and abs(kept[-1][0] - point[0]) < 0.05 and abs(kept[-1][1] - point[1]) < 0.05:
            continue
        if len(kept) > 1 and any(
            abs(kept[-2][i] - kept[-1][i]) < 0.05 and abs(kept[-1][i] - point[i]) < 0.05 for i in (0, 1)
        ):
            kept.pop()
        kept.append(point)
    return kept

"""The layout of one frame: its children in ranks, and the lines between them.

A frame is laid out after the frames in it, which it sees as boxes with places on the border where lines enter and
leave. Graphviz says who stands where across (`across`); what runs along, ranks, tracks and columns, is worked out
here, so that no line can pass through a node.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from math import inf
from operator import itemgetter

from archscope.diagrams.graph.across import Child, Ranking, across
from archscope.diagrams.graph.channels import Wire, tracks
from archscope.diagrams.graph.columns import Stack, columns
from archscope.diagrams.graph.ranks import Hop, Net, passing
from archscope.diagrams.graph.sizes import Sizes
from archscope.diagrams.graph.ways import Level, Plan, Ways


def lay_out(children: Sequence[Child], nets: Sequence[Net], sizes: Sizes, widest: float | None = None) -> Level:
    """Lay out a frame.

    Args:
        children: what it holds, in the order of the network.
        nets: what runs between them.
        sizes: the measures.
        widest: the room there is from left to right, if it is limited.
    """
    ranking = Ranking(children, nets)
    x = across(ranking, sizes.gap, sizes.track)
    return _Layout(ranking, x, sizes).level(widest)


class _Row:
    """What stands in a rank, from left to right, and the lines that pass it, with ``room`` around each."""

    def __init__(self, ranking: Ranking, x: Mapping[str, float], rank: int, room: float) -> None:
        self.room = room
        standing = sorted(ranking.rows[rank], key=x.__getitem__)
        lefts = [x[key] - ranking.children[key].across / 2 for key in standing]
        self.beyond = dict(zip(standing, [*lefts[1:], inf], strict=True))
        passes = {target for hop in ranking.gaps[rank] for target in hop.targets if target not in ranking.children}
        self.lines = sorted((x[slot], slot) for slot in passes)

    def free(self, circle: str, line: float, slot: str) -> bool:
        """Whether nothing stands between a circle and its line on the right of it, or close to that line."""
        if self.beyond[circle] < line + self.room:
            return False
        first = bisect_right(self.lines, line - self.room, key=itemgetter(0))
        last = bisect_left(self.lines, line + self.room, key=itemgetter(0))
        return all(other == slot for _, other in self.lines[first:last])

    def add(self, line: float, slot: str) -> None:
        """A line that passes here from now on, if it did not before."""
        insort(self.lines, (line, slot))


class _Layout:
    def __init__(self, ranking: Ranking, x: dict[str, float], sizes: Sizes) -> None:
        self.ranking = ranking
        self.x = x
        self.sizes = sizes
        self.sides: dict[tuple[str, str], str] = {}
        for rank in range(len(ranking.rows)):
            self._enter_circles_from_the_side(rank)

    def _left(self, key: str) -> float:
        return self.x[key] - self.ranking.children[key].across / 2

    def _out(self, hop: Hop) -> float:
        return self.ranking.end(self.x, hop, hop.source)

    def _enter_circles_from_the_side(self, rank: int) -> None:
        """Lead lines into circles from their right, where they come down there and the way is free.

        Not if some come down on the left of one: then all meet above it.
        """
        ranking, gap = self.ranking, self.ranking.gaps[rank]
        coming: dict[str, list[int]] = {}
        for place, hop in enumerate(gap):
            for target in hop.targets:
                coming.setdefault(target, []).append(place)
        row = _Row(ranking, self.x, rank, self.sizes.track)
        for key in ranking.rows[rank]:
            if ranking.children[key].circle and len(coming.get(key, ())) > 1:
                self._enter_from_the_side(rank, key, coming[key], row)

    def _enter_from_the_side(self, rank: int, key: str, coming: Sequence[int], row: _Row) -> None:
        child, gap = self.ranking.children[key], self.ranking.gaps[rank]
        middle = self._left(key) + child.middle
        starts = {place: self._side_line(gap[place], rank) for place in coming}
        if min(starts.values()) < middle - 0.5:
            return
        for place, line in starts.items():
            hop = gap[place]
            slot = passing(hop.net, rank)
            if line < middle + child.circle + self.sizes.track or not row.free(key, line, slot):
                continue
            self.x[slot] = line
            row.add(line, slot)
            targets = tuple(dict.fromkeys(slot if target == key else target for target in hop.targets))
            gap[place] = Hop(hop.net, hop.source, targets)
            self.sides[hop.net.key, key] = slot

    def _side_line(self, hop: Hop, rank: int) -> float:
        """Where a net comes down beside a circle."""
        return self.x.get(passing(hop.net, rank), self._out(hop))

    def level(self, widest: float | None) -> Level:
        heights = [max(self.ranking.children[key].along for key in row) if row else 0.0 for row in self.ranking.rows]
        entries = [self._entries(rank) for rank in range(len(self.ranking.gaps))]
        found = [self._tracks(rank, entries[rank]) for rank in range(len(self.ranking.gaps))]
        depth = [self._gap(rank, found[rank][1]) for rank in range(len(self.ranking.gaps))]
        stack = Stack(heights, depth[1:-1], [len(gap) for gap in self.ranking.gaps[1:-1]], self._extents())
        split = self._columns(stack, widest)
        return Ways(
            Plan(self.ranking, self.sizes, self.x, self.sides, heights, stack.extents, entries, found, depth, split)
        ).level()

    def _columns(self, stack: Stack, widest: float | None) -> list[tuple[int, int]]:
        """The graph in columns; running from left to right, in lines that are as long as there is room."""
        if self.ranking.lanes:
            return [(0, self.ranking.last)]  # the lanes pass wherever a column could end
        gutter = 2 * self.sizes.gap + self.sizes.track
        if self.sizes.direction == "tb":
            return columns(stack, gutter=gutter, tallest=self.sizes.tower, ratio=1.2, widest=widest, strict=False)
        turns = 4 * self.sizes.gap
        tallest, ratio = (self.sizes.tower, 1.8) if widest is None else (widest - turns, 0.0)
        return columns(stack, gutter=gutter, tallest=tallest, ratio=ratio, widest=None, strict=widest is not None)

    def _gap(self, rank: int, count: int) -> float:
        """The height of a gap with so many tracks."""
        if rank in (0, len(self.ranking.gaps) - 1) and not self.ranking.gaps[rank]:
            return 0.0
        room = self.sizes.gap + self.sizes.arrow
        if rank in (0, len(self.ranking.gaps) - 1):
            room = 0.6 * self.sizes.gap + (0.0 if rank else self.sizes.arrow)
        return room + count * self.sizes.track

    def _entries(self, rank: int) -> dict[tuple[str, str], float]:
        """Where each line ends at the bottom of a gap, by net and slot; several spread along a box."""
        ends: dict[str, list[Hop]] = {}
        for hop in self.ranking.gaps[rank]:
            for target in hop.targets:
                ends.setdefault(target, []).append(hop)
        found = {}
        for key, hops in ends.items():
            child = self.ranking.children.get(key)
            if child is None or child.circle or child.ins or len(hops) == 1:
                found.update({(hop.net.key, key): self.ranking.end(self.x, hop, key) for hop in hops})
            else:
                wanted = sorted((self._out(hop), hop.net.key) for hop in hops)
                edge = self.sizes.pad / 2
                low, high = self._left(key) + edge, self._left(key) + child.across - edge
                if child.end is not None:
                    high = self._left(key) + child.end - edge
                spots = _spread([want for want, _ in wanted], low, high, 1.2 * self.sizes.track)
                found.update({(net, key): spot for spot, (_, net) in zip(spots, wanted, strict=True)})
        return found

    def _tracks(self, rank: int, entries: Mapping[tuple[str, str], float]) -> tuple[dict[str, int], int]:
        """The track of every net in a gap; nets that only lead to one circle share theirs."""
        merged: dict[str, list[Hop]] = {}
        for hop in self.ranking.gaps[rank]:
            only = self.ranking.children.get(hop.targets[0]) if len(hop.targets) == 1 else None
            key = f"\0to:{hop.targets[0]}" if only is not None and only.circle else hop.net.key
            merged.setdefault(key, []).append(hop)
        wires, members = [], []
        for hops in merged.values():
            targets = tuple(entries[hop.net.key, target] for hop in hops for target in hop.targets)
            wires.append(Wire(tuple(self._out(hop) for hop in hops), targets))
            members.append([hop.net.key for hop in hops])
        of, count = tracks(wires)
        return {net: of[number] for number, nets in enumerate(members) if number in of for net in nets}, count

    def _extents(self) -> list[tuple[float, float]]:
        """How far each rank reaches, with the lines above and below it."""
        found = []
        for rank, row in enumerate(self.ranking.rows):
            xs = [self._left(key) for key in row] + [self._left(key) + self.ranking.children[key].across for key in row]
            xs += [self._out(hop) for hop in (*self.ranking.gaps[rank], *self.ranking.gaps[rank + 1])]
            xs += [self.ranking.end(self.x, hop, target) for hop in self.ranking.gaps[rank] for target in hop.targets]
            xs += [
                self.ranking.end(self.x, hop, target) for hop in self.ranking.gaps[rank + 1] for target in hop.targets
            ]
            found.append((min(xs), max(xs)))
        return found


def _spread(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Spots near the wanted ones, in the same order, within bounds and if possible that far apart."""
    apart = min(apart, (high - low) / max(len(wanted) - 1, 1))
    spots = [min(max(want, low), high) for want in wanted]
    for number in range(1, len(spots)):
        spots[number] = max(spots[number], spots[number - 1] + apart)
    if spots[-1] > high:
        spots[-1] = high
        for number in range(len(spots) - 2, -1, -1):
            spots[number] = min(spots[number], spots[number + 1] - apart)
    return spots

"""Figures without an up-sampling: a series from left to right, branches below one another, skips as arcs over them.

A long series goes on in another row.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from archscope.diagrams.fonts import width
from archscope.diagrams.scene import Point
from archscope.diagrams.volumes.breaking import Piece, between_solids, broken
from archscope.diagrams.volumes.cells import Cell, Cells
from archscope.diagrams.volumes.form import Arrow, Form
from archscope.diagrams.volumes.routes import Layout, framed
from archscope.diagrams.volumes.series import Edge, Region, Series, Step, Tangle, ids_of


class Rows:
    """Places the solids of a form for any height."""

    def __init__(self, form: Form, cells: Cells, series: Series) -> None:
        self.form, self.texts, self.size, self.series = form, cells, cells.size, series
        self.stages = {solid.id: solid.stages for solid in form.solids}
        self.begins = {solid.id: bool(solid.heading) for solid in form.solids}
        self.arrows: dict[Edge, Arrow] = {(arrow.source, arrow.target): arrow for arrow in form.arrows}
        self.given = Counter(target for _, target in self.arrows)
        self.read = Counter(source for source, _ in self.arrows)
        self._ends: dict[bool, Sequence[bool]] = {}
        self._last: tuple[tuple[float, float], Mapping[str, Cell], Sequence[Piece]] | None = None

    def layout(self, height: float, gaps: float, rows: int = 1) -> Layout:
        """Everything in its place, in so many rows at most."""
        cells, pieces = self._sized(height, gaps)
        return _Placing(self, cells, gaps).layout(pieces, rows)

    def at_least(self, height: float, gaps: float, rows: int) -> tuple[float, float]:
        """How wide and how high so many rows are at least, by the solids that stand in them alone."""
        cells, pieces = self._sized(height, gaps)
        lines = broken(pieces, self.ends, rows)
        axes = list(_Placing(self, cells, gaps).axes(lines))
        up = max((piece.up for piece in lines[0] if isinstance(piece.step, str)), default=0.0)
        down = max((piece.down for piece in lines[-1] if isinstance(piece.step, str)), default=0.0)
        return max(map(between_solids, lines)), axes[-1] + down - (axes[0] - up)

    def ends(self, between: bool) -> Sequence[bool]:
        """Whether a row may end after each step; ``between`` blocks alone."""
        if between not in self._ends:
            pairs = pairwise(self.series.steps)
            self._ends[between] = [*(self.breaks(one, other, between=between) for one, other in pairs), True]
        return self._ends[between]

    def _sized(self, height: float, gaps: float) -> tuple[Mapping[str, Cell], Sequence[Piece]]:
        """The room of each solid, and that of each step, of which any number of rows is made."""
        if self._last is None or self._last[0] != (height, gaps):
            cells = {solid.id: self.texts.cell(solid, height) for solid in self.form.solids}
            self._last = (height, gaps), cells, _Placing(self, cells, gaps).pieces(self.series.steps)
        return self._last[1:]

    @property
    def most_rows(self) -> int:
        """How many rows the series can be broken into."""
        return 1 + sum(self.breaks(one, other) for one, other in pairwise(self.series.steps))

    def breaks(self, one: Step, other: Step, *, between: bool = False) -> bool:
        """Whether a row may end between two steps: after a solid, and not within a stage.

        Args:
            one: the last step of the row.
            other: the first of the next.
            between: whether it may not end within a block either.
        """
        before, after = ids_of(one), ids_of(other)
        if not before or not after or not isinstance(one, str):
            return False
        if between and not self.begins[after[0]]:
            return False
        stage = self.stages[before[-1]][:1]
        return not stage or stage != self.stages[after[0]][:1]


class _Placing:
    def __init__(self, rows: Rows, cells: Mapping[str, Cell], gaps: float) -> None:
        self.rows, self.cells, self.size = rows, cells, rows.size
        self.gap = 1.7 * self.size * gaps
        self.track = 0.9 * self.size
        self.made = Layout(cells)
        self.line: dict[str, int] = {}
        self.axis: dict[str, float] = {}
        self.turns: dict[str, list[Point]] = {}
        self.lefts: dict[int, list[float]] = {}

    def layout(self, pieces: Sequence[Piece], rows: int) -> Layout:
        lines = broken(pieces, self.rows.ends, rows)
        for number, (line, y) in enumerate(zip(lines, self.axes(lines), strict=True)):
            ids = _ids(line)
            self.line.update(dict.fromkeys(ids, number))
            self.axis.update(dict.fromkeys(ids, y))
            self._place(line, 0.0, y)
        for line, following in pairwise(lines):
            self._turn(line, following)
        for name, number in self.line.items():
            self.lefts.setdefault(number, []).append(self.made.at[name][0] - self.cells[name].side)
        for lefts in self.lefts.values():
            lefts.sort()
        self._route(lines)
        framed(self.rows.form, self.made, self.size)
        return self.made

    # Sizes, from the inside out.

    def axes(self, lines: Sequence[Sequence[Piece]]) -> Iterator[float]:
        """Where the middle of each row is."""
        y = 0.0
        for line in lines:
            up, down = self._extent(line)
            tall = self._titles(_ids(line), ())
            y += up + tall
            yield y
            y += down + 2.6 * self.size + (0.6 * self.size if tall else 0.0)

    def pieces(self, steps: Sequence[Step]) -> list[Piece]:
        pieces: list[Piece] = []
        for step in steps:
            piece = self._piece(step)
            if pieces:
                piece.before = self._before(pieces[-1].step, step)
            pieces.append(piece)
        return pieces

    def _before(self, one: Step, other: Step) -> float:
        last, first = self.rows.stages[ids_of(one)[-1]], self.rows.stages[ids_of(other)[0]]
        same = 0
        while same < min(len(last), len(first)) and last[same] == first[same]:
            same += 1
        borders = (len(last) - same) + (len(first) - same)
        fans = sum(isinstance(each, Region | Tangle) for each in (one, other))
        return self.gap + 0.8 * self.size * borders + 0.5 * self.size * fans

    def _piece(self, step: Step) -> Piece:
        if isinstance(step, str):
            cell = self.cells[step]
            return Piece(step, 2 * cell.side, cell.up, cell.down)
        if isinstance(step, Tangle):
            return self._tangle(step)
        piece = Piece(step)
        around = _shared([self.rows.stages[each] for each in ids_of(step)])
        lanes = [self.pieces(branch.steps) for branch in step.branches]
        extents = [self._extent(lane) for lane in lanes]
        titles = [self._titles(branch.ids, around) for branch in step.branches]
        extents = [(up + title, down + (0.6 * self.size if title else 0.0)) for (up, down), title in
                   zip(extents, titles, strict=True)]  # fmt: skip
        piece.wide = max(self._wide(lane) for lane in lanes)
        ys = self._stacked(step, lanes, extents)
        piece.lanes = [(y, lane, self._wide(lane)) for y, lane in zip(ys, lanes, strict=True)]
        piece.up = max(up - y for y, (up, _) in zip(ys, extents, strict=True))
        piece.down = max(y + down for y, (_, down) in zip(ys, extents, strict=True))
        if step.past:
            told = any(self.rows.arrows[edge].told for edge in step.past)
            piece.up += self.track
            piece.arc = -piece.up
            piece.up += 1.3 * self.size if told else 0.3 * self.size
            wide = max(width(self.rows.texts.told(self.rows.arrows[edge]), self.rows.texts.small) for edge in step.past)
            piece.wide = max(piece.wide, wide)
        return piece

    def _tangle(self, step: Tangle) -> Piece:
        """A row of solids and the arcs over it, short ones under long ones."""
        taken: list[list[tuple[int, int]]] = []
        piece = Piece(step)
        for edge, (start, end) in sorted(step.spans.items(), key=lambda each: (each[1][1] - each[1][0], each[1])):
            if end - start == 1:
                continue
            track = next((n for n, row in enumerate(taken) if all(b <= start or a >= end for a, b in row)), len(taken))
            if track == len(taken):
                taken.append([])
            taken[track].append((start, end))
            piece.tracks[edge] = track
        cells = [self.cells[each] for each in step.ids]
        piece.wide = sum(2 * cell.side for cell in cells) + (self.gap + 0.8 * self.size) * (len(cells) - 1)
        piece.arc = -max(cell.up for cell in cells) - 0.6 * self.size
        piece.up = -piece.arc + self.track * len(taken)
        piece.down = max(cell.down for cell in cells)
        return piece

    def _stacked(
        self, step: Region, lanes: Sequence[Sequence[Piece]], extents: Sequence[tuple[float, float]]
    ) -> list[float]:
        """The middle line of each branch: a short one over the long one, else all around the middle."""
        between = 0.9 * self.size
        counts = [len(branch.ids) for branch in step.branches]
        if len(lanes) == 1:
            return [0.0]
        if len(lanes) == 2 and min(counts) * 2 <= max(counts):
            short = counts.index(min(counts))
            ys = [0.0, 0.0]
            ys[short] = -(extents[1 - short][0] + between + extents[short][1])
            return ys
        whole = sum(up + down for up, down in extents) + between * (len(lanes) - 1)
        top, ys = -whole / 2, []
        for up, down in extents:
            ys.append(top + up)
            top += up + down + between
        middle = ys[len(ys) // 2] if len(ys) % 2 else 0.0
        return [y - middle for y in ys]

    def _titles(self, ids: Sequence[str], around: tuple[str, ...]) -> float:
        """The room that the titles of stages take over some solids."""
        return max((len(self.rows.stages[each]) - len(around) for each in ids), default=0) * 2.2 * self.size

    def _extent(self, pieces: Sequence[Piece]) -> tuple[float, float]:
        return max(piece.up for piece in pieces), max(piece.down for piece in pieces)

    def _wide(self, pieces: Sequence[Piece]) -> float:
        return sum(piece.wide + piece.before for piece in pieces)

    # Places, from the outside in.

    def _place(self, pieces: Sequence[Piece], x: float, y: float) -> None:
        for number, piece in enumerate(pieces):
            x += piece.before if number else 0.0
            if isinstance(piece.step, str):
                self.made.at[piece.step] = (x + piece.wide / 2, y)
            elif isinstance(piece.step, Tangle):
                at = x
                for each in piece.step.ids:
                    self.made.at[each] = (at + self.cells[each].side, y)
                    at += 2 * self.cells[each].side + self.gap + 0.8 * self.size
            else:
                for down, lane, wide in piece.lanes:
                    self._place(lane, x + (piece.wide - wide) / 2, y + down)
            x += piece.wide

    # Arrows.

    def _route(self, lines: Sequence[Sequence[Piece]]) -> None:
        for edge, arrow in self.rows.arrows.items():
            self._set(arrow, self._simple(*edge))
        for line in lines:
            for piece in line:
                self._arcs(piece)

    def _set(self, arrow: Arrow, points: list[Point]) -> None:
        """The way of an arrow, with the turn into its row before it."""
        turn = self.turns.get(arrow.source, []) if self._turned(arrow) else []
        self.made.ways[arrow] = [*turn[:-1], *points]
        self.made.near[arrow] = points[1:]

    def _turned(self, arrow: Arrow) -> bool:
        return arrow.source in self.turns and self.line[arrow.source] != self.line[arrow.target]

    def _start(self, source: str, target: str) -> Point:
        """Where an arrow leaves: its source, or the beginning of the row if that ended the row before."""
        turned = source in self.turns and self.line[source] != self.line[target]
        return self.turns[source][-1] if turned else self.made.leaves(source)

    def _simple(self, source: str, target: str) -> list[Point]:
        """Level, but for one step: at the source where it is the fork, at the target where it is the join."""
        start, end = self._start(source, target), self.made.enters(target)
        if abs(start[1] - end[1]) < 0.01:
            return [start, end]
        joins, forks = self.rows.given[target] > 1, self.rows.read[source] > 1
        x = self._fork(source, start[0]) if forks or not joins else self._ahead(target)
        return [start, (x, start[1]), (x, end[1]), end]

    def _ahead(self, name: str) -> float:
        x, _ = self.made.at[name]
        return x - self.cells[name].side - 0.55 * self.gap

    def _arcs(self, piece: Piece) -> None:
        if isinstance(piece.step, Tangle):
            y = self.made.at[piece.step.ids[0]][1] + piece.arc
            for edge, track in piece.tracks.items():
                self._arc(edge, y - track * self.track)
        elif isinstance(piece.step, Region):
            for edge in piece.step.past:
                first = next(_first(lane) for _, lane, _ in piece.lanes)
                down = piece.lanes[0][0]
                self._arc(edge, self.made.at[first][1] - down + piece.arc)
            for _, lane, _ in piece.lanes:
                for inner in lane:
                    self._arcs(inner)

    def _arc(self, edge: Edge, y: float) -> None:
        source, target = edge
        arrow = self.rows.arrows[edge]
        start, end = self._start(source, target), self.made.enters(target)
        one, other = self._fork(source, start[0]), self._ahead(target)
        self._set(arrow, [start, (one, start[1]), (one, y), (other, y), (other, end[1]), end])
        if arrow.told:
            self.made.tags[arrow] = ((one + other) / 2, y - 0.35 * self.size)

    def _fork(self, source: str, start: float) -> float:
        """Where arcs rise: as near as can be to what they pass, so that they rise within its stage."""
        first = start if source in self.turns else self.made.at[source][0] + self.cells[source].side
        line = self.line[source] + (source in self.turns)
        lefts = self.lefts[line]
        place = bisect_right(lefts, first + 0.001)
        near = lefts[place] if place < len(lefts) else first + self.gap
        return max(first + 0.35 * self.gap, near - 0.55 * self.gap)

    def _turn(self, line: Sequence[Piece], following: Sequence[Piece]) -> None:
        """From the end of a row to the start of the next: around the right, between them, and in from the left."""
        ids, below = _ids(line), _ids(following)
        last = ids[-1]
        bottom = max(self.made.at[each][1] + self.cells[each].down for each in ids)
        pad = 0.6 * self.size if any(self.rows.stages[each] for each in ids) else 0.0
        turn = bottom + pad + 0.9 * self.size
        start = self.made.leaves(last)
        right = self.made.at[last][0] + self.cells[last].side + (1.6 + 0.8 * len(self.rows.stages[last])) * self.size
        left = min(self.made.at[each][0] - self.cells[each].side for each in below)
        left -= 1.0 * self.size + 1.4 * self.size * max(len(self.rows.stages[each]) for each in below[:1])
        middle = self.axis[below[0]]
        self.turns[last] = [start, (right, start[1]), (right, turn), (left, turn), (left, middle)]


def _shared(stages: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The open blocks that are around all of some solids."""
    first = stages[0]
    return next(
        (first[:end] for end in range(len(first), 0, -1) if all(each[:end] == first[:end] for each in stages)), ()
    )


def _ids(line: Sequence[Piece]) -> list[str]:
    return [each for piece in line for each in ids_of(piece.step)]


def _first(lane: Sequence[Piece]) -> str:
    return ids_of(lane[0].step)[0]

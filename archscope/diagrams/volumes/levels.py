"""Figures that come back up: each size of maps a level, deeper the smaller, as in Ronneberger et al. 2015, Fig. 1.

What makes maps smaller or larger stands under or over what it reads; copies go straight across. Where the way
straight is not free, an arrow goes around in the gaps between columns and levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from archscope.diagrams.chain import is_grid
from archscope.diagrams.scene import Point
from archscope.diagrams.volumes.cells import Cell, Cells
from archscope.diagrams.volumes.form import Arrow, Form
from archscope.diagrams.volumes.routes import Layout

Place = tuple[int, int]


def comes_back(form: Form) -> bool:
    """Whether maps grow again on the way, and something joins that was larger before."""
    level = level_of(form)
    grids = {solid.id for solid in form.solids if is_grid(solid.shape)}
    ups = any(level[a.source] > level[a.target] and {a.source, a.target} <= grids for a in form.arrows)
    joined = {a.target for a in form.arrows}
    return ups and len(form.arrows) > len(joined)


def level_of(form: Form) -> dict[str, int]:
    """The level of each solid: one deeper where the maps halve, one higher where they double."""
    level: dict[str, int] = {}
    given: dict[str, list[str]] = {}
    shapes = {solid.id: solid.shape for solid in form.solids}
    for arrow in form.arrows:
        given.setdefault(arrow.target, []).append(arrow.source)
    for name, shape in shapes.items():
        places = []
        for source in given.get(name, ()):
            ratio = 1.0
            if is_grid(shapes[source]) and is_grid(shape):
                ratio = shapes[source][-1] / shape[-1]
            places.append(level[source] + (round(math.log2(ratio)) if not 0.67 <= ratio <= 1.5 else 0))
        level[name] = max(set(places), key=lambda each: (places.count(each), each)) if places else 0
    return level


class Levels:
    """Places the solids of a form for any height."""

    def __init__(self, form: Form, cells: Cells) -> None:
        self.form, self.texts, self.size = form, cells, cells.size
        level = level_of(form)
        # What is larger than all that an up-sampling leads to stands in its row, too.
        highest = min(level[a.target] for a in form.arrows if level[a.source] > level[a.target])
        used = sorted({max(each, highest) for each in level.values()})
        self.level = {name: used.index(max(each, highest)) for name, each in level.items()}
        self.column = _columns(form, self.level)
        self.cells_at: dict[Place, str] = {(self.level[each], self.column[each]): each for each in self.level}
        self.straight: dict[Arrow, bool] = {arrow: self._is_straight(arrow) for arrow in form.arrows}
        self.slots: dict[Arrow, tuple[int, int]] = {}
        self.crowd: dict[int, int] = {}
        self.tracks: dict[Arrow, int] = {}
        self.height_of_tracks: dict[int, int] = {}
        self._allot()

    def _is_straight(self, arrow: Arrow) -> bool:
        (one, here), (other, there) = ((self.level[each], self.column[each]) for each in (arrow.source, arrow.target))
        if one == other:
            return here < there and not any((one, column) in self.cells_at for column in range(here + 1, there))
        if here != there:
            return False
        low, high = sorted((one, other))
        return not any((level, here) in self.cells_at for level in range(low + 1, high))

    def _allot(self) -> None:
        """A track over the level of its target, and a place in two gaps, for each arrow that goes around.

        In a gap those that leave come before those that arrive: else one that arrives would seem to go on as the other.
        """
        around = [arrow for arrow in self.form.arrows if not self.straight[arrow]]
        out = {arrow: self._in_gap(self.column[arrow.source]) for arrow in around}
        into = {arrow: self._in_gap(self.column[arrow.target] - 1) for arrow in around}
        busy: dict[int, list[list[tuple[int, int]]]] = {}
        for arrow in around:
            self.slots[arrow] = out[arrow], into[arrow]
            ends = self.column[arrow.source], self.column[arrow.target] - 1
            span = (min(ends), max(ends) + 1)
            rows = busy.setdefault(self.level[arrow.target], [])
            track = next((n for n, row in enumerate(rows) if all(b <= span[0] or a >= span[1] for a, b in row)), None)
            if track is None:
                track = len(rows)
                rows.append([])
            rows[track].append(span)
            self.tracks[arrow] = track
        self.height_of_tracks = {level: len(rows) for level, rows in busy.items()}

    def _in_gap(self, gap: int) -> int:
        """The next free place in a gap between columns."""
        self.crowd[gap] = self.crowd.get(gap, 0) + 1
        return self.crowd[gap] - 1

    def layout(self, height: float, gaps: float, rows: int = 1) -> Layout:
        """Everything in its place."""
        del rows
        cells = {solid.id: self.texts.cell(solid, height) for solid in self.form.solids}
        made = Layout(cells)
        lefts, rights = self._columns(cells, gaps)
        middles = self._middles(cells, gaps)
        for name in self.level:
            column = self.column[name]
            made.at[name] = ((lefts[column] + rights[column]) / 2, middles[self.level[name]])
        for arrow in self.form.arrows:
            made.ways[arrow] = self._way(arrow, made, lefts, rights, middles)
        return made

    def _columns(self, cells: Mapping[str, Cell], gaps: float) -> tuple[list[float], list[float]]:
        lefts, rights, x = [], [], 0.0
        for column in range(max(self.column.values()) + 1):
            wide = max((2 * cells[name].side for name, its in self.column.items() if its == column), default=0.0)
            lefts.append(x)
            rights.append(x + wide)
            x += wide + 1.7 * self.size * gaps + 0.5 * self.size * self.crowd.get(column, 0)
        return lefts, rights

    def _middles(self, cells: Mapping[str, Cell], gaps: float) -> list[float]:
        middles, y = [], 0.0
        for level in range(max(self.level.values()) + 1):
            names = [name for name, its in self.level.items() if its == level]
            up, down = max(cells[name].up for name in names), max(cells[name].down for name in names)
            tracks = self.height_of_tracks.get(level, 0)
            y += (1.9 * self.size * gaps if level else 0.0) + 0.7 * self.size * tracks + up
            middles.append(y)
            y += down
        return middles

    def _way(
        self, arrow: Arrow, made: Layout, lefts: list[float], rights: list[float], middles: list[float]
    ) -> list[Point]:
        one, other = arrow.source, arrow.target
        if self.straight[arrow]:
            return self._straight(one, other, made)
        start, end = made.leaves(one), made.enters(other)
        out, into = self.slots[arrow]
        x = rights[self.column[one]] + 0.5 * self.size * (out + 1)
        near = self.column[other] - 1
        before = rights[near] + 0.5 * self.size * (into + 1) if near >= 0 else lefts[0] - 0.5 * self.size * (into + 2)
        if near == self.column[one]:
            return [start, (x, start[1]), (x, end[1]), end]
        level = self.level[other]
        top = max(made.cells[name].up for name, its in self.level.items() if its == level)
        y = middles[level] - top - 0.35 * self.size - 0.7 * self.size * self.tracks[arrow]
        return [start, (x, start[1]), (x, y), (before, y), (before, end[1]), end]

    def _straight(self, one: str, other: str, made: Layout) -> list[Point]:
        """Level, or upright from under what is written at one to over what is written at the other."""
        if self.level[one] == self.level[other]:
            return [made.leaves(one), made.enters(other)]
        (x, y), (_, end) = made.at[one], made.at[other]
        first, last = made.cells[one], made.cells[other]
        if y < end:
            return [(x, y + first.down + 0.2 * self.size), (x, end - last.up - 0.15 * self.size)]
        return [(x, y - first.up - 0.15 * self.size), (x, end + last.down + 0.2 * self.size)]


def _columns(form: Form, level: Mapping[str, int]) -> dict[str, int]:
    """A column for each solid: right of what it reads at its level, under or over what it reads at another.

    What is enlarged moves right until it stands under where it arrives, if that is free.
    """
    least = [(a.source, a.target, 1 if level[a.source] == level[a.target] else 0) for a in form.arrows]
    order = [solid.id for solid in form.solids]
    column = _relaxed(order, least)
    for arrow in form.arrows:
        if level[arrow.source] > level[arrow.target] and column[arrow.source] < column[arrow.target]:
            tried = _relaxed(order, [*least, (arrow.target, arrow.source, 0)])
            if tried and max(tried.values()) <= max(column.values()):
                least.append((arrow.target, arrow.source, 0))
                column = tried
    column = _relaxed(order, least)
    for _ in range(len(order)):
        taken: dict[Place, str] = {}
        clash = ""
        for name in order:
            place = level[name], column[name]
            if place in taken:
                clash = name
                least.append((taken[place], name, 1))
                break
            taken[place] = name
        if not clash:
            break
        column = _relaxed(order, least) or _relaxed(
            order, [each for each in least if order.index(each[0]) < order.index(each[1])]
        )
    return column


def _relaxed(order: list[str], least: list[tuple[str, str, int]]) -> dict[str, int]:
    """The smallest columns that keep every distance; empty where none do."""
    column = dict.fromkeys(order, 0)
    for _ in range(len(order) + 2):
        moved = False
        for source, target, apart in least:
            if column[target] < column[source] + apart:
                column[target] = column[source] + apart
                moved = True
        if not moved:
            return column
    return {}

"""One sequence and what reads it, drawn at each of its steps: a strip of style `unrolled`.

A strip knows its columns from left to right; where its rows stand is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.recurrence import Level, Side
from archscope.diagrams.scene import HAIRLINE, Group, Item, Path, Point, Text, circle
from archscope.diagrams.themes import INPUT, Theme
from archscope.diagrams.transformer.shapes import arrow, rounded
from archscope.layers.base import spell_shape

ALL: Final = 4
"""So many steps are all drawn; of more, the first two and the last."""


@dataclass(frozen=True)
class Place:
    """A row in its place: the edges of its boxes, upward."""

    top: float
    bottom: float


@dataclass(frozen=True)
class Measures:
    """What stays the same at every size, and in every strip of a figure.

    Attributes:
        font: its size.
        theme: the colours.
        box: the width of a cell.
        radius: of an input.
    """

    font: float
    theme: Theme
    box: float
    radius: float

    @property
    def cell(self) -> float:
        """The height of a cell."""
        return 2.3 * self.font

    @property
    def gap(self) -> float:
        """Between rows."""
        return 1.5 * self.font

    def tall(self, level: Level) -> float:
        """The height of a row."""
        return max(level.depth, 1) * (self.layer(level.directions) + self.above(level)) - self.above(level)

    def layer(self, directions: int) -> float:
        """The height of one layer of cells."""
        return self.cell + (directions - 1) * (self.cell + 1.2 * self.font)

    def above(self, level: Level) -> float:
        """The room between layers of cells."""
        if level.directions > 1:
            return 1.4 * self.gap
        return (1.2 if len(level.states) == 1 else 2.0) * self.font

    def ellipsis(self, x: float, y: float) -> list[Item]:
        """Three dots."""
        return [circle(x + step * 0.42 * self.font, y, 0.09 * self.font, fill=self.theme.text) for step in (-1, 0, 1)]

    def letter(self, x: float, base: float, letter: str, below: str, size: float, above: str = "") -> list[Item]:
        """A letter with its step, and its layer above that, in the middle of ``x``."""
        small = 0.7 * size
        total = fonts.width(letter, size) + fonts.widest([below, above], small)
        left = x - total / 2
        aside = left + fonts.width(letter, size)
        beside = ((base + 0.28 * size, below), (base - 0.42 * size, above)) if above else ((base + 0.22 * size, below),)
        texts = [Text(aside, y, text, small, fill=self.theme.text) for y, text in beside if text]
        return [Text(left, base, letter, size, fill=self.theme.text), *texts]


def layer_of(level: Level, depth: int) -> str:
    """What tells the states of a layer from those of others of one recurrence, as PyTorch's formulas have it."""
    return f"({depth + 1})" if level.depth > 1 else ""


class Strip:
    """The columns of a side.

    Attributes:
        side: what is drawn.
        columns: the middle of each, with its step.
        loops: whether the first column is a cell with its loop, for any step.
    """

    def __init__(self, side: Side, measures: Measures, letters: tuple[str, str], *, loops: bool) -> None:
        self.side = side
        self.levels = side.levels
        self.measures = measures
        self.font, self.theme, self.box, self.cell = measures.font, measures.theme, measures.box, measures.cell
        self.letters = letters
        self.loops = loops
        self.steps = list(range(1, side.steps + 1)) if side.steps <= ALL else [1, 2, side.steps]
        self.dots = None if side.steps <= ALL else 1
        """The step, by its number among those drawn, after which some are left out."""
        both = max(level.directions for level in side.levels) > 1
        self.wide = 2 * self.box + 0.8 * self.font if both else self.box
        self.columns: list[tuple[float, str]] = []

    def spread(self, left: float, between: float) -> float:
        """Set the columns of the steps from ``left`` on; returns the right edge of the last."""
        x = left + self.wide / 2
        self.columns = [(x - 5.2 * self.font - self.wide, "t")] if self.loops else []
        for number, step in enumerate(self.steps):
            self.columns.append((x, str(step)))
            x += self.wide + between * (1.6 if number == self.dots else 1.0)
        return self.columns[-1][0] + self.wide / 2

    @property
    def drawn(self) -> list[tuple[float, str]]:
        """The columns of the steps, without that of the loop."""
        return self.columns[self.loops :]

    def items(self, places: Sequence[Place], captions: Sequence[Sequence[Item]], titles: Sequence[str]) -> list[Item]:
        """All of it, with what is written beside each row."""
        measures = self.measures
        name = self.side.name
        inputs = [part for x, step in self.columns for part in self._input(x, -measures.radius, step)]
        items = self._edges(places, -2 * measures.radius)
        items.append(Group("layer", tuple(inputs), title=f"{name}: {spell_shape(self.side.shape)}", layers=(name,)))
        for level, place, beside, title in zip(self.levels, places, captions, titles, strict=True):
            items.append(self._level(level, place, beside, title))
        return items + self._left_out(places)

    def _left_out(self, places: Sequence[Place]) -> list[Item]:
        """Dots where steps are left out, in the rows that hand nothing on."""
        if self.dots is None:
            return []
        at = (self.drawn[self.dots][0] + self.drawn[self.dots + 1][0]) / 2
        rows = [(place.top + place.bottom) / 2 for level, place in zip(self.levels, places, strict=True)
                if not level.last and not level.depth]  # fmt: skip
        return [dot for y in (-self.measures.radius, *rows) for dot in self.measures.ellipsis(at, y)]

    def _at(self, level: Level) -> list[tuple[float, str]]:
        """The columns that a row stands in; what follows a value of all steps stands over their middle."""
        if level.last and any(each.pool for each in self.levels):
            return [((self.drawn[0][0] + self.drawn[-1][0]) / 2, "")]
        return self.columns[-1:] if level.last else self.columns

    def _edges(self, places: Sequence[Place], base: float) -> list[Item]:
        """From row to row, an arrow at each step."""
        items: list[Item] = []
        source, high = self.side.name, base
        for number, (level, place) in enumerate(zip(self.levels, places, strict=True)):
            before = self.levels[number - 1] if number else None
            lines: list[Item] = []
            for x, _ in self.drawn if level.pool else self._at(level):
                lines += self._links(self._heads(before, x, high), self._foots(level, x, place), x)
            name = level.unit.name
            items.append(Group("edge", tuple(lines), f"{source} to {name}", source=source, target=name))
            source, high = name, place.top
        return items

    def _links(self, starts: Sequence[Point], ends: Sequence[Point], x: float) -> list[Item]:
        """From what comes out to what goes in; where either is two, through one place between them."""
        gap = self.measures.gap
        meet = min(y for _, y in starts) - 0.3 * gap
        part = max(y for _, y in ends) + 0.55 * gap
        items: list[Item] = []
        for start in starts:
            for end in ends:
                way = [start, (start[0], meet), (x, meet), (x, part), (end[0], part), end]
                items += arrow(way, self.font, self.theme, radius=0.35 * self.font)
        return items

    def out(self, level: Level, x: float, high: float, y: float) -> list[Item]:
        """Lines from what comes out of a row at a step up to a height."""
        meet = high - 0.3 * self.measures.gap
        ways = [[start, (start[0], meet), (x, meet), (x, y)] for start in self._heads(level, x, high)]
        return [arrow(way, self.font, self.theme, head=False)[0] for way in ways]

    def _foots(self, level: Level, x: float, place: Place) -> list[Point]:
        """Where arrows come into a row at a step."""
        if level.directions == 1:
            return [(x, place.bottom)]
        aside = self._aside
        return [(x - aside, place.bottom), (x + aside, place.bottom - self.cell - 1.2 * self.font)]

    def _heads(self, level: Level | None, x: float, high: float) -> list[Point]:
        if level is None or level.directions == 1:
            return [(x, high)]
        return [(x - self._aside, high + self.cell + 1.2 * self.font), (x + self._aside, high)]

    @property
    def _aside(self) -> float:
        return (self.box + 0.8 * self.font) / 2

    def _level(self, level: Level, place: Place, beside: Sequence[Item], title: str) -> Group:
        items: list[Item] = []
        if level.depth:
            for depth in range(level.depth):
                items += self._recurrent(level, depth, place)
        else:
            for x, _ in self._at(level):
                items += self._box(level, x, place.top)
        return Group("layer", (*items, *beside), title=title, layers=level.unit.layers)

    def _recurrent(self, level: Level, depth: int, place: Place) -> list[Item]:
        """One layer of a recurrence: cells, the states between them, and the loop of the first column."""
        measures = self.measures
        items: list[Item] = []
        foot = place.bottom - depth * (measures.layer(level.directions) + measures.above(level))
        if depth:
            high = foot + measures.above(level)
            for x, _ in self.columns:
                items += self._links(self._heads(level, x, high), self._foots(level, x, Place(foot, foot)), x)
        for direction in range(level.directions):
            top = foot - measures.layer(direction + 1)
            aside = 0.0 if level.directions == 1 else (self._aside if direction else -self._aside)
            if self.loops:
                items += self._loop(self.columns[0][0] + aside, top)
            for number, (x, step) in enumerate(self.drawn):
                if number:
                    before = self.drawn[number - 1]
                    items += self._handed(level, depth, before, (x, step), top, aside, back=bool(direction))
            for x, _ in self.columns:
                items += self._box(level, x + aside, top)
        return items

    def tops(self, level: Level, place: Place) -> Iterator[float]:
        """The upper edges of the layers of cells of a recurrence in one direction."""
        for depth in range(level.depth):
            yield place.bottom - depth * (self.cell + self.measures.above(level)) - self.cell

    def lanes(self, level: Level, top: float) -> Iterator[tuple[str, float, float]]:
        """For each state of a cell its letter, the height of its arrow, and the baseline of the letter beside that."""
        for number, state in enumerate(level.states):
            y = top + self.cell / 2 + (0.0 if len(level.states) == 1 else (0.55 - 1.1 * number) * self.font)
            below = number == 0 and len(level.states) > 1
            yield state, y, y + (0.95 if below else -0.45) * self.font

    def _handed(
        self,
        level: Level,
        depth: int,
        before: tuple[float, str],
        after: tuple[float, str],
        top: float,
        aside: float,
        *,
        back: bool,
    ) -> list[Item]:
        """The states that go from one step to the next, or back; dots where steps are left out."""
        items: list[Item] = []
        left, right = before[0] + aside + self.box / 2, after[0] + aside - self.box / 2
        skips = self.dots is not None and before[1] == str(self.steps[self.dots])
        step = before[1] if not back else after[1]
        at = (left + right) / 2
        for state, y, base in self.lanes(level, top):
            if skips:
                edge = 0.9 * self.font
                for each in ([(left, y), (at - edge, y)], [(at + edge, y), (right, y)]):
                    items += arrow(each[::-1] if back else each, self.font, self.theme)
                items += self.measures.ellipsis(at, y)
                continue
            way = [(right, y), (left, y)] if back else [(left, y), (right, y)]
            items += arrow(way, self.font, self.theme)
            items += self.measures.letter(at, base, state, step, 0.85 * self.font, layer_of(level, depth))
        return items

    def _loop(self, x: float, top: float) -> list[Item]:
        """The cell's output as its own next input."""
        edge = x + self.box / 2
        y, half = top + self.cell / 2, 0.6 * self.font
        reach = 1.7 * self.font
        out, back = (y - half, y + half)
        curve = Path(
            (("M", ((edge, out),)), ("C", ((edge + reach, out - 0.6 * half), (edge + reach, back + 0.6 * half),
                                           (edge + 0.25 * self.font, back)))),
            stroke=self.theme.line, width=1.3 * HAIRLINE,
        )  # fmt: skip
        tip = arrow([(edge + 0.6 * self.font, back + 0.06 * self.font), (edge, back)], self.font, self.theme)
        return [curve, tip[-1]]

    def _box(self, level: Level, x: float, top: float) -> list[Item]:
        shade = self.theme.shade(level.family)
        wide = self.drawn[-1][0] - self.drawn[0][0] + self.wide if level.pool else self.box
        body = rounded(x - wide / 2, top, wide, self.cell, 0.45 * self.font, fill=shade.fill,
                       stroke=shade.stroke)  # fmt: skip
        base = top + self.cell / 2 + fonts.CAP_HEIGHT * self.font / 2
        return [body, Text(x, base, level.word, self.font, anchor="middle", fill=self.theme.text)]

    def _input(self, x: float, y: float, step: str) -> list[Item]:
        shade = self.theme.shade(INPUT)
        ring = circle(x, y, self.measures.radius, fill=shade.fill, stroke=shade.stroke)
        return [ring, *self.measures.letter(x, y + 0.3 * self.font, self.letters[0], step, 0.95 * self.font)]

    def outputs(self, top: float) -> list[Item]:
        """An arrow at each step, or at the last, to what comes out."""
        level = self.levels[-1]
        lines: list[Item] = []
        names: list[Item] = []
        for x, step in self.columns[-1:] if level.ends else self._at(level):
            end = (x, top - 1.1 * self.measures.gap)
            lines += self._links(self._heads(level, x, top), [end], x)
            below = "" if level.last or level.ends else step
            names += self.measures.letter(x, end[1] - 0.55 * self.font, self.letters[1], below, self.font)
        return [Group("edge", tuple(lines), f"{level.unit.name} to output", source=level.unit.name, target="output"),
                Group("part", tuple(names), title="output")]  # fmt: skip

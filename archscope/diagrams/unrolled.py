"""Style ``unrolled``: recurrence as textbooks draw it, a cell with its loop and the same cell once for each step.

Below stand the inputs of the steps, above them the layers in order. What works on each position by itself is drawn
at each step; a recurrent layer hands its states on from step to step, backwards as well where it is bidirectional.
Of many steps the first two and the last are drawn, with dots between.

>>> import archscope
>>> archscope.draw("lstm-lm@small").style
'unrolled'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import fonts
from archscope.diagrams.cell import cell, gates_of
from archscope.diagrams.graph.labels import lines_of
from archscope.diagrams.recurrence import Level, levels_of
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, fit
from archscope.diagrams.scene import HAIRLINE, Group, Item, Path, Point, Scene, Text, bounds, circle, moved
from archscope.diagrams.themes import INPUT
from archscope.diagrams.transformer.shapes import arrow, rounded
from archscope.layers.base import spell_shape

USUAL: Final = ("name", "op", "shape", "parameters")
"""What is written if nothing else is asked for."""

ALL: Final = 4
"""So many steps are all drawn; of more, the first two and the last."""


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotUnrolledError: the network is no chain with recurrence in it.
        UsageError: the width cannot hold the figure.
    """
    figure = _Figure(analysis, levels_of(analysis), request)
    page = Page(analysis.title, request.width, request.font_size, request.theme.background, request.height)
    plan = fit(figure.plan, page=page, natural=1.0, least=0.6, most=1.8)
    return page.scene(plan, _description(analysis, figure))


def _description(analysis: Analysis, figure: _Figure) -> str:
    (name, shape), *_ = analysis.network.inputs.items()
    steps = "; ".join(f"{row.name}, {row.node.layer.label}, to {spell_shape(row.output)}" for row in analysis.rows)
    drawn = "each step" if figure.dots is None else f"steps 1, 2 and {figure.columns[-1]}"
    return (
        f"{analysis.title} takes {name} of {spell_shape(shape)}, once with its loops and once unrolled over "
        f"{figure.columns[-1]} steps, of which {drawn} {'is' if figure.dots is None else 'are'} drawn. "
        f"Its layers, in order: {steps}."
    )


@dataclass(frozen=True)
class _Place:
    """A row in its place: the edges of its boxes, upward, and of all that is written beside it."""

    top: float
    bottom: float


class _Figure:
    """What stays the same at every size."""

    def __init__(self, analysis: Analysis, levels: tuple[Level, ...], request: Request) -> None:
        self.analysis = analysis
        self.levels = levels
        self.request = request
        self.theme = request.theme
        self.font = request.font_size
        steps = int(analysis.input[0])
        self.columns = list(range(1, steps + 1)) if steps <= ALL else [1, 2, steps]
        self.dots = None if steps <= ALL else 1
        """The column after which steps are left out."""
        self.both = max(level.directions for level in levels) > 1
        words = [level.word for level in levels]
        self.box = max(fonts.widest(words, self.font) + 1.4 * self.font, 4.2 * self.font)
        self.cell = 2.3 * self.font
        self.radius = max(1.15 * self.font, fonts.width(f"x{steps}", 0.9 * self.font) / 2 + 0.3 * self.font)
        self.gap = 1.5 * self.font
        self.wide = 2 * self.box + 0.8 * self.font if self.both else self.box

    def plan(self, loose: float, gaps: float) -> Plan:
        """Columns as far apart as ``loose`` and ``gaps`` say."""
        between = 3.0 * self.font * loose * gaps
        half = self.wide / 2
        loop = half + 2.6 * self.font
        first = loop + 2.6 * self.font + half
        middles = []
        x = first
        for number, _ in enumerate(self.columns):
            middles.append(x)
            x += self.wide + between * (1.6 if self.dots is not None and number == self.dots else 1.0)
        right = middles[-1] + half + 1.4 * self.font
        captions = max(fonts.widest(self._lines(level), self.font, bold=True) for level in self.levels)
        inner = self._cells()
        wide = max((bounds([each])[2] for each in inner), default=0.0)
        return Plan(
            -half,
            max(right + captions, wide - half),
            lambda: [*self._items(middles, loop + 1.0 * self.font, right), *self._below(inner, -half)],
        )

    def _cells(self) -> list[Item]:
        """The inside of each recurrent layer's cell, if somebody asked for it; once where they are alike."""
        if not self.request.shows("cell", *USUAL):
            return []
        alike = {(gates_of(each), each.word): each for each in reversed(self.levels) if each.depth}
        return [item for each in reversed(list(alike.values())) for item in cell(each, self.font, self.theme)]

    def _below(self, cells: Sequence[Item], left: float) -> list[Item]:
        """The cells under the figure, one under the other."""
        placed: list[Item] = []
        y = 2.2 * self.font
        for each in cells:
            placed.append(moved(each, left, y))
            y = bounds(placed)[3] + 1.5 * self.font
        return placed

    def _lines(self, level: Level) -> tuple[str, ...]:
        shown = self.request.shown(*USUAL)
        more = ("kernel",) if "op" in shown else ()
        rows = level.unit.rows
        return lines_of(
            level.unit.label, rows, (*shown, *more), counts=[1] * len(rows), outputs=[level.unit.outputs[0]]
        )

    def _items(self, middles: list[float], equals: float, captions: float) -> list[Item]:
        places = self._places()
        items: list[Item] = []
        base = -2 * self.radius
        columns = [(0.0, "t"), *((x, str(step)) for x, step in zip(middles, self.columns, strict=True))]
        (name, shape), *_ = self.analysis.network.inputs.items()
        inputs = [part for x, step in columns for part in self._input(x, -self.radius, step)]
        items += self._edges(columns, places, base)
        items.append(Group("layer", tuple(inputs), title=f"{name}: {spell_shape(shape)}", layers=(name,)))
        for level, place in zip(self.levels, places, strict=True):
            items.append(self._level(level, place, columns, captions))
        items += self._outputs(columns, places[-1].top)
        found = next(place for level, place in zip(self.levels, places, strict=True) if level.depth)
        middle = (found.top + found.bottom) / 2
        items += self._equals(equals, middle)
        if self.dots is not None:
            at = (middles[self.dots] + middles[self.dots + 1]) / 2
            for y in (-self.radius, *((p.top + p.bottom) / 2 for level, p in zip(self.levels, places, strict=True)
                                      if not level.last and not level.depth)):  # fmt: skip
                items += self._ellipsis(at, y)
        return items

    def _places(self) -> list[_Place]:
        found: list[_Place] = []
        y = -2 * self.radius
        for level in self.levels:
            y -= self.gap
            tall = max(level.depth, 1) * (self._tall(level.directions) + self._above(level)) - self._above(level)
            text = fonts.LEADING * self.font * len(self._lines(level))
            room = max(0.0, text - tall - 0.8 * self.gap) / 2
            bottom = y - room
            found.append(_Place(bottom - tall, bottom))
            y = bottom - tall - room
        return found

    def _tall(self, directions: int) -> float:
        """The height of one layer of cells."""
        return self.cell + (directions - 1) * (self.cell + 1.2 * self.font)

    def _above(self, level: Level) -> float:
        """The room between layers of cells."""
        return 1.2 * self.font if level.directions == 1 else 1.4 * self.gap

    def _edges(self, columns: Sequence[tuple[float, str]], places: Sequence[_Place], base: float) -> list[Item]:
        """From row to row, an arrow at each step."""
        items: list[Item] = []
        source, high = next(iter(self.analysis.network.inputs)), base
        for number, (level, place) in enumerate(zip(self.levels, places, strict=True)):
            before = self.levels[number - 1] if number else None
            lines: list[Item] = []
            for x, _ in columns[-1:] if level.last else columns:
                ends = self._foots(level, x, place)
                starts = self._heads(before, x, high)
                lines += self._links(starts, ends, x)
            name = level.unit.name
            items.append(Group("edge", tuple(lines), f"{source} to {name}", source=source, target=name))
            source, high = name, place.top
        return items

    def _links(self, starts: Sequence[Point], ends: Sequence[Point], x: float) -> list[Item]:
        """From what comes out to what goes in; where either is two, through one place between them."""
        meet = min(y for _, y in starts) - 0.3 * self.gap
        part = max(y for _, y in ends) + 0.55 * self.gap
        items: list[Item] = []
        for start in starts:
            for end in ends:
                way = [start, (start[0], meet), (x, meet), (x, part), (end[0], part), end]
                items += arrow(way, self.font, self.theme, radius=0.35 * self.font)
        return items

    def _foots(self, level: Level, x: float, place: _Place) -> list[Point]:
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

    def _level(self, level: Level, place: _Place, columns: Sequence[tuple[float, str]], captions: float) -> Group:
        items: list[Item] = []
        if level.depth:
            for depth in range(level.depth):
                items += self._recurrent(level, depth, place, columns)
        else:
            for x, _ in columns[-1:] if level.last else columns:
                items += self._box(level, x, place.top)
        lines = self._lines(level)
        tall = fonts.LEADING * self.font * len(lines)
        top = (place.top + place.bottom - tall) / 2
        for number, text in enumerate(lines):
            base = top + (number + 0.5) * fonts.LEADING * self.font + fonts.CAP_HEIGHT * self.font / 2
            items.append(Text(captions, base, text, self.font, bold=not number, fill=self.theme.text))
        return Group("layer", tuple(items), title=", ".join(lines), layers=level.unit.layers)

    def _recurrent(self, level: Level, depth: int, place: _Place, columns: Sequence[tuple[float, str]]) -> list[Item]:
        """One layer of a recurrence: cells, the states between them, and the loop of the first column."""
        items: list[Item] = []
        foot = place.bottom - depth * (self._tall(level.directions) + self._above(level))
        if depth:
            high = foot + self._above(level)
            for x, _ in columns:
                items += self._links(self._heads(level, x, high), self._foots(level, x, _Place(foot, foot)), x)
        for direction in range(level.directions):
            top = foot - self._tall(direction + 1)
            aside = 0.0 if level.directions == 1 else (self._aside if direction else -self._aside)
            items += self._loop(aside, top)
            for number, (x, step) in enumerate(columns):
                if number > 1:
                    items += self._handed(level, columns[number - 1], (x, step), top, aside, back=bool(direction))
                items += self._box(level, x + aside, top)
        return items

    def _handed(
        self, level: Level, before: tuple[float, str], after: tuple[float, str], top: float, aside: float, *, back: bool
    ) -> list[Item]:
        """The states that go from one step to the next, or back; dots where steps are left out."""
        items: list[Item] = []
        left, right = before[0] + aside + self.box / 2, after[0] + aside - self.box / 2
        skips = self.dots is not None and before[1] == str(self.columns[self.dots])
        step = before[1] if not back else after[1]
        for number, state in enumerate(level.states):
            y = top + self.cell / 2 + (0.0 if len(level.states) == 1 else (0.55 - 1.1 * number) * self.font)
            way = [(right, y), (left, y)] if back else [(left, y), (right, y)]
            at = (left + right) / 2
            if skips:
                edge = 0.9 * self.font
                parts = ([(left, y), (at - edge, y)], [(at + edge, y), (right, y)])
                for each in parts:
                    items += arrow(each[::-1] if back else each, self.font, self.theme)
                items += self._ellipsis(at, y)
                continue
            items += arrow(way, self.font, self.theme)
            below = number == 0 and len(level.states) > 1
            base = y + (0.95 if below else -0.45) * self.font
            items += self._subscripted(at, base, state, step, 0.85 * self.font)
        return items

    def _loop(self, aside: float, top: float) -> list[Item]:
        """The cell's output as its own next input."""
        edge = aside + self.box / 2
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
        shade = self.theme.shade(level.unit.rows[0].node.layer.family)
        body = rounded(x - self.box / 2, top, self.box, self.cell, 0.45 * self.font, fill=shade.fill,
                       stroke=shade.stroke)  # fmt: skip
        base = top + self.cell / 2 + fonts.CAP_HEIGHT * self.font / 2
        return [body, Text(x, base, level.word, self.font, anchor="middle", fill=self.theme.text)]

    def _input(self, x: float, y: float, step: str) -> list[Item]:
        shade = self.theme.shade(INPUT)
        ring = circle(x, y, self.radius, fill=shade.fill, stroke=shade.stroke)
        return [ring, *self._subscripted(x, y + 0.3 * self.font, "x", step, 0.95 * self.font)]

    def _outputs(self, columns: Sequence[tuple[float, str]], top: float) -> list[Item]:
        """An arrow at each step, or at the last, to what comes out."""
        level = self.levels[-1]
        lines: list[Item] = []
        names: list[Item] = []
        for x, step in columns[-1:] if level.last else columns:
            end = (x, top - 1.1 * self.gap)
            lines += self._links(self._heads(level, x, top), [end], x)
            names += self._subscripted(x, end[1] - 0.55 * self.font, "y", "" if level.last else step, self.font)
        return [Group("edge", tuple(lines), f"{level.unit.name} to output", source=level.unit.name, target="output"),
                Group("part", tuple(names), title="output")]  # fmt: skip

    def _equals(self, x: float, y: float) -> list[Item]:
        return [arrow([(x - 0.6 * self.font, y + dy), (x + 0.6 * self.font, y + dy)], self.font, self.theme,
                      head=False)[0] for dy in (-0.22 * self.font, 0.22 * self.font)]  # fmt: skip

    def _ellipsis(self, x: float, y: float) -> list[Item]:
        return [circle(x + step * 0.42 * self.font, y, 0.09 * self.font, fill=self.theme.text) for step in (-1, 0, 1)]

    def _subscripted(self, x: float, base: float, letter: str, below: str, size: float) -> list[Item]:
        """A letter with its step, in the middle of ``x``."""
        small = 0.7 * size
        total = fonts.width(letter, size) + fonts.width(below, small)
        left = x - total / 2
        return [
            Text(left, base, letter, size, fill=self.theme.text),
            *([Text(left + fonts.width(letter, size), base + 0.22 * size, below, small, fill=self.theme.text)]
              if below else []),
        ]  # fmt: skip

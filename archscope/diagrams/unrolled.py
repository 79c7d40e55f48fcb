"""Style ``unrolled``: recurrence as textbooks draw it, a cell with its loop and the same cell once for each step.

Below stand the inputs of the steps, above them the layers in order. What works on each position by itself is drawn
at each step; a recurrent layer hands its states on from step to step, backwards as well where it is bidirectional.
Of many steps the first two and the last are drawn, with dots between. An encoder stands before the decoder that begins
with its last states.

>>> import archscope
>>> archscope.draw("lstm-lm@small").style
'unrolled'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import fonts
from archscope.diagrams.cell import cell, kind_of
from archscope.diagrams.circuits import Cell
from archscope.diagrams.graph.labels import lines_of
from archscope.diagrams.graph.units import Unit
from archscope.diagrams.handing import Handing, rises, written
from archscope.diagrams.looking import Bridge
from archscope.diagrams.recurrence import Level, Side, sides_of
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, fit
from archscope.diagrams.scene import Item, Scene, Text, bounds, moved
from archscope.diagrams.strip import Measures, Place, Strip
from archscope.diagrams.transformer.shapes import arrow
from archscope.errors import UsageError
from archscope.layers.base import spell_shape

_LONG: Final = 50
"""Letters of the longest line beside a row."""

USUAL: Final = ("name", "op", "shape", "parameters")
"""What is written if nothing else is asked for."""


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotUnrolledError: the network is no chain with recurrence in it, and no two of which one begins with the
            states of the other.
        UsageError: the width cannot hold the figure.
    """
    figure = _Figure(analysis, sides_of(analysis), request)
    page = Page(analysis.title, request.width, request.font_size, request.theme.background, request.height)
    plan = fit(figure.plan, page=page, natural=1.0, least=0.6, most=1.8)
    return page.scene(plan, _description(analysis, figure))


def _description(analysis: Analysis, figure: _Figure) -> str:
    steps = "; ".join(f"{row.name}, {row.label}, to {spell_shape(row.output)}" for row in analysis.rows)
    taken = " and ".join(f"{side.name} of {spell_shape(side.shape)}" for side in figure.sides)
    once = "" if len(figure.sides) > 1 else "once with its loops and once "
    over = " and ".join(_over(strip) for strip in figure.strips)
    return f"{analysis.title} takes {taken}, {once}unrolled over {over}. Its layers, in order: {steps}."


def _over(strip: Strip) -> str:
    drawn = "each step is" if strip.dots is None else f"steps 1, 2 and {strip.steps[-1]} are"
    return f"{strip.steps[-1]} steps, of which {drawn} drawn"


class _Figure:
    """What stays the same at every size."""

    def __init__(self, analysis: Analysis, sides: tuple[Side, ...], request: Request) -> None:
        self.analysis = analysis
        self.sides = sides
        self.request = request
        self.theme = request.theme
        self.font = request.font_size
        self.levels = [level for side in sides for level in side.levels]
        steps = max(side.steps for side in sides)
        words = [level.word for level in self.levels if not level.pool]
        self.measures = Measures(
            self.font,
            self.theme,
            box=max(fonts.widest(words, self.font) + 1.4 * self.font, 4.2 * self.font),
            radius=max(1.15 * self.font, fonts.width(f"x{steps}", 0.9 * self.font) / 2 + 0.3 * self.font),
        )
        alone = len(sides) == 1
        # A decoder reads what it gives at the step before, so that both have one letter.
        letters = (("x", "y"),) if alone else (("x", ""), ("y", "ŷ"))
        self.strips = [Strip(side, self.measures, each, loops=alone) for side, each in zip(sides, letters, strict=True)]

    def plan(self, loose: float, gaps: float) -> Plan:
        """Columns as far apart as ``loose`` and ``gaps`` say."""
        between = 3.0 * self.font * loose * gaps
        first, last = self.strips[0], self.strips[-1]
        edge = 0.0
        if first is last:
            left = -first.wide / 2
            edge = last.spread(5.2 * self.font + first.wide / 2, between)
        else:
            left = -1.4 * self.font - self._widest(first)
            edge = last.spread(first.spread(0.0, between) + 1.6 * between + self._room(), between)
        inner = self._cells()
        wide = max((bounds([each])[2] for each in inner), default=0.0)
        right = max(edge + 1.4 * self.font + self._widest(last), wide + left)
        columns = [tuple(strip.columns) for strip in self.strips]

        def draw() -> list[Item]:
            for strip, each in zip(self.strips, columns, strict=True):
                strip.columns = list(each)
            return [*self._items(), *self._below(inner, left)]

        return Plan(left, right, draw)

    def _room(self) -> float:
        """What the way up to where the decoder begins needs between the sides."""
        levels = self.strips[-1].levels
        if not rises(levels):
            return 0.0
        bridge = next((level.bridge for level in levels if level.bridge is not None and level.bridge.drawn), None)
        if bridge is None:
            return 2.0 * self.font
        text = fonts.widest(self._written(bridge), self.font, bold=True)
        beside = 0.0 if any(level.looks for level in levels) else text - self.measures.box
        return self.measures.box + 3.4 * self.font + max(beside, 0.0)

    def _widest(self, strip: Strip) -> float:
        return max(fonts.widest(self._lines(level), self.font, bold=True) for level in strip.levels)

    def _cells(self) -> list[Item]:
        """The inside of each recurrent layer's cell, if somebody asked for it; once where they are alike."""
        if not self.request.shows("cell", *USUAL):
            return []
        alike: dict[tuple[int, str], Level] = {}
        for level in self.levels:
            if isinstance(level.unit, Cell):
                raise UsageError(
                    f"{level.unit.label} is written out in code, of {' · '.join(level.words)}, and --show cell draws "
                    "the inside of RNN, GRU and LSTM; leave it out"
                )
            if level.depth:
                alike.setdefault(kind_of(level), level)
        return [item for each in alike.values() for item in cell(each, self.font, self.theme)]

    def _below(self, cells: Sequence[Item], left: float) -> list[Item]:
        """The cells under the figure, one under the other."""
        placed: list[Item] = []
        y = (2.2 if len(self.sides) == 1 else 3.6) * self.font
        for each in cells:
            placed.append(moved(each, left, y))
            y = bounds(placed)[3] + 1.5 * self.font
        return placed

    def _lines(self, level: Level) -> tuple[str, ...]:
        shown = self.request.shown(*USUAL)
        if level.pool is not None and level.words == (level.word,):  # which its box says already
            shown = tuple(each for each in shown if each not in ("op", "kernel"))
        more = ("kernel",) if "op" in shown else ()
        rows = level.unit.rows
        lines = lines_of(
            _name(level.unit), rows, (*shown, *more), counts=[1] * len(rows), outputs=[level.unit.outputs[0]],
            block=" · ".join(level.words) if "op" in shown else "", price=self.request.price(level.unit.layers),
        )  # fmt: skip
        return tuple(part for line in lines for part in _broken(line))

    def _items(self) -> list[Item]:
        rows = list(_rows(self.sides))
        places = self._places(rows)
        items: list[Item] = []
        for strip in self.strips:
            own = [places[level.unit.name] for level in strip.levels]
            aside = strip is not self.strips[-1]
            beside = [self._caption(level, place, strip, aside=aside)
                      for level, place in zip(strip.levels, own, strict=True)]  # fmt: skip
            items += strip.items(own, beside, [", ".join(self._lines(level)) for level in strip.levels])
            if not aside:
                items += strip.outputs(own[-1].top)
        if len(self.strips) > 1:
            return [*items, *self._between(places), *self._names()]
        found = next(places[level.unit.name] for level in self.levels if level.depth)
        loop = self.strips[0].wide / 2 + 3.6 * self.font
        return items + self._equals(loop, (found.top + found.bottom) / 2)

    def _places(self, rows: Sequence[_Row]) -> dict[str, Place]:
        found: dict[str, Place] = {}
        gap = self.measures.gap
        y = -2 * self.measures.radius
        for row in rows:
            y -= gap
            levels = [level for level in row if level is not None]
            y -= gap if any(level.attends for level in levels) else 0.0
            tall = max(self.measures.tall(level) for level in levels)
            text = fonts.LEADING * self.font * max(len(self._lines(level)) for level in levels)
            room = max(0.0, text - tall - 0.8 * gap) / 2
            bottom = y - room
            for level in levels:
                found[level.unit.name] = Place(bottom - self.measures.tall(level), bottom)
            y = bottom - tall - room
        return found

    def _caption(self, level: Level, place: Place, strip: Strip, *, aside: bool) -> list[Item]:
        """What is written beside a row: to its right, or to its left where a decoder stands to the right."""
        x = strip.columns[0][0] - strip.wide / 2 if aside else strip.columns[-1][0] + strip.wide / 2
        lines = self._lines(level)
        top = (place.top + place.bottom - fonts.LEADING * self.font * len(lines)) / 2
        return [
            Text(x + (-1.4 if aside else 1.4) * self.font,
                 top + (number + 0.5) * fonts.LEADING * self.font + fonts.CAP_HEIGHT * self.font / 2, text, self.font,
                 bold=not number, anchor="end" if aside else "start", fill=self.theme.text)
            for number, text in enumerate(lines)
        ]  # fmt: skip

    def _between(self, places: dict[str, Place]) -> Iterator[Item]:
        """What goes from the encoder to the decoder."""
        encoder, decoder = self.strips
        handing = Handing((encoder, decoder), places, self.measures)
        yield from handing.items()
        for level in decoder.levels:
            if level.bridge is not None and level.bridge.drawn:
                yield handing.bridge(level, level.bridge, self._written(level.bridge))

    def _written(self, bridge: Bridge) -> tuple[str, ...]:
        shown = self.request.shown(*USUAL)
        more = ("kernel",) if "op" in shown else ()
        return written(bridge, (*shown, *more), self.request.price(bridge.unit.layers))

    def _names(self) -> Iterator[Item]:
        """Under each side what it reads."""
        for strip in self.strips:
            x = (strip.columns[0][0] + strip.columns[-1][0]) / 2
            yield Text(x, 1.5 * self.font, strip.side.name, self.font, bold=True, anchor="middle", fill=self.theme.text)

    def _equals(self, x: float, y: float) -> list[Item]:
        return [arrow([(x - 0.6 * self.font, y + dy), (x + 0.6 * self.font, y + dy)], self.font, self.theme,
                      head=False)[0] for dy in (-0.22 * self.font, 0.22 * self.font)]  # fmt: skip


def _name(unit: Unit) -> str:
    """What it is called; a number in a list, which has no frame here, with the name of the list."""
    return ".".join(unit.name.split(".")[-2:]) if unit.label.isdigit() else unit.label


def _broken(line: str) -> Iterator[str]:
    """A line, after a dot that separates where it is too long."""
    before = ""
    for part in line.split(" · "):
        if before and len(before) + len(part) > _LONG:
            yield f"{before} ·"
            before = part
        else:
            before = f"{before} · {part}" if before else part
    yield before


_Row = tuple[Level | None, ...]


def _rows(sides: Sequence[Side]) -> Iterator[_Row]:
    """The levels of all sides, upward; what begins with the states of another stands beside that."""
    if len(sides) == 1:
        yield from ((level,) for level in sides[0].levels)
        return
    encoder, decoder = (list(side.levels) for side in sides)
    if rises(tuple(decoder)):
        above = next(number for number, level in enumerate(decoder) if level.looks or level.bridge)
        yield from zip_longest(encoder, decoder[:above])
        yield from ((None, level) for level in decoder[above:])
        return
    for level in [each for each in decoder if each.begins]:
        at, own = [each.unit.name for each in encoder].index(level.begins), decoder.index(level)
        yield from zip_longest(encoder[:at], decoder[:own])
        yield encoder[at], level
        encoder, decoder = encoder[at + 1 :], decoder[own + 1 :]
    yield from zip_longest(encoder, decoder)

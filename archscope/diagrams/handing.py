"""What goes between the sides of an unrolled figure, and from a step to other layers of the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.graph.labels import lines_of
from archscope.diagrams.looking import Bridge
from archscope.diagrams.recurrence import Level
from archscope.diagrams.scene import Group, Item, Point, Text, circle, polyline
from archscope.diagrams.strip import Measures, Place, Strip, layer_of
from archscope.diagrams.transformer.shapes import arrow, rounded

_ASIDE: Final = 0.9
"""How far beside a box a line turns, in parts of the font."""


def rises(levels: tuple[Level, ...]) -> bool:
    """Whether a decoder's recurrence stands above all of its encoder: it looks there first, or begins by a bridge."""
    return any(level.looks or level.bridge for level in levels)


class Handing:
    """The lines between an encoder and its decoder, where their rows stand."""

    def __init__(self, strips: tuple[Strip, Strip], places: Mapping[str, Place], measures: Measures) -> None:
        self.encoder, self.decoder = strips
        self.places = places
        self.measures, self.font, self.theme = measures, measures.font, measures.theme
        self.box = measures.box

    def items(self) -> Iterator[Item]:
        """All of them."""
        if rises(self.decoder.levels):
            yield from self._carried_up()
        else:
            yield from self._handed_over()
        yield from self._looked_at()
        for level in self.decoder.levels:
            if level.looks:
                yield from self._looks_before(level)
            if level.feeds:
                yield self._fed(level)

    def _handed_over(self) -> Iterator[Item]:
        """The states that the encoder ends with, to where the decoder begins with them, beside them."""
        (end, step), (begin, _) = self.encoder.columns[-1], self.decoder.columns[0]
        left, right = end + self.box / 2, begin - self.box / 2
        for level in self.decoder.levels:
            if not level.begins:
                continue
            parts: list[Item] = []
            for depth, top in enumerate(self.decoder.tops(level, self.places[level.unit.name])):
                for state, y, base in self.decoder.lanes(level, top):
                    parts += arrow([(left, y), (right, y)], self.font, self.theme)
                    middle, layer = (left + right) / 2, layer_of(level, depth)
                    parts += self.measures.letter(middle, base, state, step, 0.85 * self.font, layer)
            name = f"{level.begins} to {level.unit.name}"
            yield Group("edge", tuple(parts), name, source=level.begins, target=level.unit.name)

    def _carried_up(self) -> Iterator[Item]:
        """The states that the encoder ends with, up to the row where the decoder begins with them."""
        right = self.decoder.columns[0][0] - self.box / 2
        for level in self.decoder.levels:
            if not level.begins:
                continue
            source = next(each for each in self.encoder.levels if each.unit.name == level.begins)
            bridge = level.bridge
            lanes = self._lanes(level)
            if bridge is None or not bridge.drawn:
                parts: list[Item] = []
                starts = self._starts(source, (0,) if bridge is None else bridge.directions, many=len(lanes))
                for start, (state, y, base) in zip(starts, lanes, strict=False):
                    parts += arrow([*start, (start[-1][0], y), (right, y)], self.font, self.theme)
                    parts += self.measures.letter(right - 2.6 * self.font, base, state, "0", 0.85 * self.font)
                yield Group("edge", tuple(parts), f"{level.begins} to {level.unit.name}", source=level.begins,
                            target=level.unit.name)  # fmt: skip
                continue
            (state, y, base) = lanes[0]
            left = right - 4.4 * self.font - self.box
            up: list[Item] = []
            for start in self._starts(source, bridge.directions):
                up += arrow([*start, (start[-1][0], y), (left, y)], self.font, self.theme)
            name = bridge.unit.name
            yield Group("edge", tuple(up), f"{level.begins} to {name}", source=level.begins, target=name)
            over = arrow([(left + self.box, y), (right, y)], self.font, self.theme)
            middle = (left + self.box + right) / 2 - 0.6 * self.font
            over += self.measures.letter(middle, base, state, "0", 0.85 * self.font)
            yield Group("edge", tuple(over), f"{name} to {level.unit.name}", source=name, target=level.unit.name)

    def bridge(self, level: Level, bridge: Bridge, lines: tuple[str, ...]) -> Group:
        """The box of what stands between the states, with what is written over it, or under it where a line is over."""
        right = self.decoder.columns[0][0] - self.box / 2 - 4.4 * self.font
        y = self._lanes(level)[0][1]
        layer = bridge.unit.rows[0].node.layer
        shade = self.theme.shade(layer.family)
        top = y - self.measures.cell / 2
        items: list[Item] = [rounded(right - self.box, top, self.box, self.measures.cell, 0.45 * self.font,
                                     fill=shade.fill, stroke=shade.stroke)]  # fmt: skip
        items.append(Text(right - self.box / 2, y + fonts.CAP_HEIGHT * self.font / 2, layer.label.split(" ")[0],
                          self.font, anchor="middle", fill=self.theme.text))  # fmt: skip
        over = any(each.looks for each in self.decoder.levels)
        base = (
            top - (0.55 + (len(lines) - 1) * fonts.LEADING) * self.font
            if over
            else top + self.measures.cell + self.font
        )
        for number, text in enumerate(lines):
            items.append(Text(right, base + number * fonts.LEADING * self.font, text, self.font, bold=not number,
                              anchor="end", fill=self.theme.text))  # fmt: skip
        return Group("layer", tuple(items), title=", ".join(lines), layers=bridge.unit.layers)

    def _lanes(self, level: Level) -> list[tuple[str, float, float]]:
        """The states that a decoder begins with, from the top."""
        place = self.places[level.unit.name]
        found = [lane for top in self.decoder.tops(level, place) for lane in self.decoder.lanes(level, top)]
        return sorted(found, key=lambda lane: lane[1])

    def _starts(self, source: Level, directions: tuple[int, ...], *, many: int = 1) -> list[list[Point]]:
        """The states that an encoder ends with, to where their lines turn upward; no two cross."""
        place = self.places[source.unit.name]
        edge = self.encoder.columns[-1][0] + self.encoder.wide / 2 + _ASIDE * self.font
        first = self.encoder.columns[0][0]
        if source.directions == 1:
            lanes = sorted(y for top in self.encoder.tops(source, place)
                           for _, y, _ in self.encoder.lanes(source, top))[:many]  # fmt: skip
            begin = self.encoder.columns[-1][0] + self.box / 2
            return [[(begin, y), (edge + 0.8 * number * self.font, y)] for number, y in enumerate(lanes)]
        found: list[list[Point]] = []
        shift = (self.box + 0.8 * self.font) / 2
        if 0 in directions:
            y = place.bottom - self.measures.cell / 2
            found.append([(self.encoder.columns[-1][0] - shift + self.box / 2, y), (edge, y)])
        if 1 in directions:
            y = place.top + self.measures.cell / 2
            left = first - self.encoder.wide / 2 - 0.7 * self.font
            found.append([(first + shift - self.box / 2, y), (left, y)])
        return found

    def _looked_at(self) -> Iterator[Item]:
        """All states of the encoder, on one line below what attends to them at each step."""
        encoder, decoder = self.encoder, self.decoder
        for level in decoder.levels:
            if not level.attends:
                continue
            memory = next(each for each in encoder.levels if each.unit.name == level.attends)
            foot = self.places[level.unit.name].bottom
            y, aside = foot + self.measures.gap, 0.28 * self.box
            ends = [x - aside for x, _ in decoder.columns]
            parts: list[Item] = [polyline([(encoder.columns[0][0], y), (ends[-1], y)], stroke=self.theme.line)]
            for x, _ in encoder.columns:
                parts += encoder.out(memory, x, self.places[memory.unit.name].top, y)
            for x in ends:
                parts += arrow([(x, y), (x, foot)], self.font, self.theme)
            parts += [circle(x, y, 0.16 * self.font, fill=self.theme.line)
                      for x in (*(x for x, _ in encoder.columns), *ends)]  # fmt: skip
            name = level.unit.name
            told = f"all states of {level.attends} to {name}"
            yield Group("edge", tuple(parts), told, source=level.attends, target=name)

    def _looks_before(self, level: Level) -> Iterator[Item]:
        """The state before each step, from its way into the cell down to what attends with it."""
        cell = next(each for each in self.decoder.levels if each.unit.name == level.looks)
        place = self.places[level.unit.name]
        y, to = self._lanes(cell)[-1][1], (place.top + place.bottom) / 2
        ways: list[list[Item]] = []
        for x, _ in self.decoder.columns:
            edge = x - self.box / 2
            at = edge - _ASIDE * self.font
            ways.append([circle(at, y, 0.16 * self.font, fill=self.theme.line),
                         *arrow([(at, y), (at, to), (edge, to)], self.font, self.theme)])  # fmt: skip
        name = level.unit.name
        bridge = cell.bridge
        first = bridge.unit.name if bridge is not None and bridge.drawn else cell.begins or cell.unit.name
        if first != cell.unit.name:
            yield Group("edge", tuple(ways[0]), f"{first} to {name}", source=first, target=name)
        more = [item for way in ways[first != cell.unit.name :] for item in way]
        if more:
            yield Group("edge", tuple(more), f"{level.looks} to {name}", source=level.looks, target=name)

    def _fed(self, level: Level) -> Group:
        """What a layer gives at a step, into the cell at the next."""
        source = next(each for each in self.decoder.levels if level.feeds in each.unit.layers)
        start, end = self.places[source.unit.name], self.places[level.unit.name]
        y = (start.top + start.bottom) / 2
        over = end.top - 0.5 * self.measures.gap
        parts: list[Item] = []
        columns = self.decoder.columns
        for number, ((before, _), (after, _)) in enumerate(pairwise(columns)):
            left, into = before + self.box / 2, after - 0.28 * self.box
            turn = after - self.box / 2 - _ASIDE * self.font
            if number == self.decoder.dots:
                gap = (before + after) / 2
                parts.append(polyline([(left, y), (gap - _ASIDE * self.font, y)], stroke=self.theme.line))
                left = gap + _ASIDE * self.font
            parts += arrow([(left, y), (turn, y), (turn, over), (into, over), (into, end.top)], self.font, self.theme)
        return Group("edge", tuple(parts), f"{level.feeds} to {level.unit.name}, a step later", source=source.unit.name,
                     target=level.unit.name)  # fmt: skip


def written(bridge: Bridge, shown: tuple[str, ...], price: tuple[str, ...]) -> tuple[str, ...]:
    """What stands over a bridge's box."""
    rows = bridge.unit.rows
    return lines_of(bridge.unit.label, rows, shown, counts=[1] * len(rows), outputs=[bridge.output], price=price,
                    block=" · ".join(bridge.words) if "op" in shown else "")  # fmt: skip

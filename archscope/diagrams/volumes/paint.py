"""Draws solids, arrows and stages that have their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.perspective import Box
from archscope.diagrams.request import Request
from archscope.diagrams.scene import (
    HAIRLINE,
    Group,
    Item,
    Path,
    Point,
    Polygon,
    Text,
    circle,
    line,
    paragraph,
    polyline,
    rectangle,
)  # fmt: skip
from archscope.diagrams.solids import BAND, COPIED, hatch_of, other, solid
from archscope.diagrams.volumes.cells import Cell, Cells
from archscope.diagrams.volumes.form import Arrow, Form, Solid, Way
from archscope.diagrams.volumes.hatching import hatch
from archscope.diagrams.volumes.routes import Layout
from archscope.layers.base import spell_count, spell_shape

ARROW: Final = 0.55
"""How long the head of an arrow is, in parts of the font."""

DASHES: Final[dict[Way, tuple[float, ...]]] = {"copy": (3.2, 1.6), "pointwise": (1.2, 1.2)}
OPEN: Final[frozenset[Way]] = frozenset({"pooling"})
THICK: Final[frozenset[Way]] = frozenset({"upsampling"})
"""Arrows whose dashes, hollow heads and weights tell them apart: colour is never the only sign."""

HATCHED: Final = 1.9
"""Points between the lines of a hatch."""


class Paint:
    """Draws a layout."""

    def __init__(self, form: Form, cells: Cells, request: Request, *, colored: bool) -> None:
        self.form, self.cells, self.request = form, cells, request
        self.theme, self.size = request.theme, request.font_size
        self.colored = colored
        self.solids = form.by_id

    def items(self, layout: Layout) -> list[Item]:
        """All of it, from the back to the front."""
        return [
            *self._frames(layout),
            *(self._layer(each, layout) for each in self.form.solids),
            *(self._edge(arrow, layout) for arrow in self.form.arrows),
            *self._passed(layout),
        ]

    def reach(self, layout: Layout) -> tuple[float, float]:
        """The top and the bottom of all that `items` draws, without drawing it."""
        ys = [y for _, top, _, bottom in layout.frames.values() for y in (top, top + (bottom - top))]
        for each in self.form.solids:
            ys += self._reach_of(each, layout.cells[each.id], layout.at[each.id][1])
        for arrow in self.form.arrows:
            way = layout.ways[arrow]
            ys += (y for _, y in (*way[:-1], *self._head(arrow.way, way)))
        for _, y in layout.tags.values():
            ys += line_of(y, self.cells.small)
        return min(ys), max(ys)

    def _reach_of(self, each: Solid, cell: Cell, y: float) -> Iterator[float]:
        """Where a solid and what is written at it may begin and end."""
        if cell.box is None:
            yield from (y - self.cells.radius, y + self.cells.radius)
        else:
            box = replace(cell.box, y=y)
            yield from (box.top, box.bottom)
            if each.around:
                yield self._arc(box)[1]
        base, low = self._baselines(cell, y)
        if cell.over:
            yield from line_of(base, self.size)
        if cell.under:
            yield from line_of(low + (len(cell.under) - 1) * self.cells.small * fonts.LEADING, self.cells.small)

    def _frames(self, layout: Layout) -> Iterator[Group]:
        for name, (left, top, right, bottom) in sorted(layout.frames.items()):
            title = self.form.stages[name].title
            border = self.theme.frame if self.form.stages[name].nested else None
            band = rectangle(left, top, right - left, bottom - top, fill=self.theme.band, stroke=border)
            at = Text(left + 0.5 * self.size, top + 1.15 * self.size, title, self.size, bold=True, fill=self.theme.text)
            yield Group("frame", (band, at), title)

    def _layer(self, each: Solid, layout: Layout) -> Group:
        x, y = layout.at[each.id]
        cell = layout.cells[each.id]
        items: list[Item] = []
        if cell.box is None:
            items += self.sign(each.sign, each.family, x, y)
        else:
            box = Box(x - cell.half, y, cell.box.width, cell.box.height, cell.box.depth)
            items += self._volume(each, box)
            if each.around:
                items += self._loop(box)
        items += self._texts(each, cell, x, y)
        own = tuple(row.name for row in each.rows)
        return Group("layer", tuple(items), self.title(each), each.layers, own)

    def _texts(self, each: Solid, cell: Cell, x: float, y: float) -> Iterator[Text]:
        step = fonts.LEADING * self.size
        base, low = self._baselines(cell, y)
        for number, text in enumerate(cell.over):
            bold = self.cells.is_bold(each, number)
            yield Text(x, base + number * step, text, self.size, bold=bold, anchor="middle", fill=self.theme.text)
        yield from paragraph(x, low, cell.under, self.cells.small, anchor="middle", fill=self.theme.muted)

    def _baselines(self, cell: Cell, y: float) -> tuple[float, float]:
        """Of the first line over a solid, and of the first under it."""
        low = y + cell.tall + 0.3 * self.size + fonts.ASCENT * self.cells.small
        return y - cell.up + fonts.ASCENT * self.size, low

    def hatch(self, family: str, inside: tuple[float, float, float, float]) -> Iterator[Path]:
        """The lines on a front that tell its family where a theme has few colours."""
        way = hatch_of(self.theme, family) if self.request.color == "family" else None
        if way is not None:
            yield polyline(hatch(inside, way, HATCHED), stroke=solid(self.theme, family).stroke, width=0.5 * HAIRLINE)

    def _volume(self, each: Solid, box: Box) -> Iterator[Path | Polygon]:
        """The faces of a box; its front and its top in as many strips as it has parts."""
        strips = list(self._strips(each))
        end = strips[-1][1]
        one, two, three, _ = box.front
        dx, dy = box.depth
        shade = solid(self.theme, each.family)
        done = 0.0
        # Many lines side by side would be a dark box.
        least = box.width * min(part for part, _ in strips)
        thin = HAIRLINE if least > 3 * HAIRLINE else 0.2 * least
        for part, fill in strips:
            left, right = one[0] + done * box.width, one[0] + (done + part) * box.width
            done += part
            top, bottom = one[1], three[1]
            yield Polygon(((left, top), (left + dx, top + dy), (right + dx, top + dy), (right, top)),
                          fill=self.theme.lit(fill), stroke=shade.stroke, width=thin)  # fmt: skip
            yield Polygon(((left, top), (right, top), (right, bottom), (left, bottom)), fill=fill, stroke=shade.stroke,
                          width=thin)  # fmt: skip
            if fill == shade.fill:
                yield from self.hatch(each.family, (left, top, right, bottom))
        if thin < HAIRLINE:
            (left, top), (right, bottom) = one, three
            over = (left, top), (left + dx, top + dy), (right + dx, top + dy), (right, top)
            yield Polygon((*over, (right, bottom), (left, bottom)), stroke=shade.stroke)
        yield Polygon((two, (two[0] + dx, two[1] + dy), (three[0] + dx, three[1] + dy), three),
                      fill=self.theme.shaded(end), stroke=shade.stroke)  # fmt: skip

    def _strips(self, each: Solid) -> Iterator[tuple[float, str]]:
        """The parts of a box from left to right, each with its colour."""
        shade = solid(self.theme, each.family)
        if each.parts and each.copied:
            yield each.copied / sum(each.parts), solid(self.theme, COPIED).fill
            yield 1 - each.copied / sum(each.parts), shade.fill
        elif each.parts:
            for number, part in enumerate(each.parts):
                yield part / sum(each.parts), other(shade).fill if number % 2 else shade.fill
        elif each.banded:
            yield 0.76, shade.fill
            yield 0.24, self.end_of(each.family)
        else:
            yield 1.0, shade.fill

    def end_of(self, family: str) -> str:
        """The colour of the end of a box that is an activation's."""
        return solid(self.theme, BAND).fill if family == "convolution" else other(solid(self.theme, family)).fill

    def _loop(self, box: Box) -> Iterator[Item]:
        """An arc over a closed block: it adds what it was given."""
        y, high = self._arc(box)
        (left, _), (right, _), *_ = box.front
        x, end = left + box.depth[0] / 2, right + box.depth[0] / 2
        stroke = self.theme.line
        yield Path((("M", ((x, y),)), ("C", ((x, high), (end, high), (end, y - 0.2 * self.size)))), stroke=stroke,
                   width=1.2 * HAIRLINE)  # fmt: skip
        half = 0.16 * self.size
        yield Polygon(((end, y), (end - half, y - 0.34 * self.size), (end + half, y - 0.34 * self.size)), fill=stroke)

    def _arc(self, box: Box) -> tuple[float, float]:
        """How high the arc over a closed block begins, and how high it is drawn to."""
        y = box.front[0][1] + box.depth[1] - 0.15 * self.size
        return y, y - 0.65 * self.size

    def sign(self, sign: str, family: str, x: float, y: float) -> Iterator[Item]:
        """A sign in a circle."""
        shade = solid(self.theme, family)
        radius = self.cells.radius
        yield circle(x, y, radius, fill=shade.fill, stroke=shade.stroke)
        arm = 0.5 * radius
        strokes = {
            "+": (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))),
            "×": (((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))),
            "‖": (((x - arm / 2, y - arm), (x - arm / 2, y + arm)), ((x + arm / 2, y - arm), (x + arm / 2, y + arm))),
        }.get(sign)
        if strokes is None:
            size = 0.8 * self.size
            yield Text(x, y + 0.35 * size, sign, size, bold=True, anchor="middle", fill=shade.stroke)
            return
        for start, end in strokes:
            yield line(start, end, stroke=shade.stroke, width=1.6 * HAIRLINE)

    def color(self, way: Way) -> str:
        """Of an arrow."""
        if not self.colored or way == "plain":
            return self.theme.line
        families = {"copy": COPIED, "pointwise": "softmax", "skip": COPIED}
        return solid(self.theme, families.get(way, way)).stroke

    def arrow(self, way: Way, points: Sequence[Point]) -> tuple[Item, ...]:
        """A line with rounded corners and a head."""
        color = self.color(way)
        dash = DASHES.get(way, ()) if self.colored else ()
        hollow, thick = (self.colored and way in each for each in (OPEN, THICK))
        tip, one, two, ends = self._head(way, points)
        head = Polygon(
            (tip, one, two), fill=self.theme.background if hollow else color, stroke=color if hollow else None,
            width=1.2 * HAIRLINE,
        )  # fmt: skip
        width = (3.0 if thick else 1.2) * HAIRLINE
        return rounded([*points[:-1], ends], 0.5 * self.size, color, dash, width), head

    def _head(self, way: Way, points: Sequence[Point]) -> tuple[Point, Point, Point, Point]:
        """The corners of the head of an arrow, its tip first, and where its line ends within."""
        large = self.colored and (way in OPEN or way in THICK)
        (x0, y0), (x1, y1) = points[-2:]
        length = max(abs(x1 - x0), abs(y1 - y0), 1e-6)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        back = min((1.3 if large else 1.0) * ARROW * self.size, 0.8 * length)
        half = (0.5 if large else 0.42) * back
        base = x1 - dx * back, y1 - dy * back
        one, two = (base[0] - dy * half, base[1] + dx * half), (base[0] + dy * half, base[1] - dx * half)
        return (x1, y1), one, two, (x1 - dx * back * 0.8, y1 - dy * back * 0.8)

    def _edge(self, arrow: Arrow, layout: Layout) -> Group:
        told = f", {arrow.told}" if arrow.told else ""
        one, other = self.solids[arrow.source], self.solids[arrow.target]
        return Group("edge", self.arrow(arrow.way, layout.ways[arrow]), f"{one.id} to {other.id}{told}",
                     source=one.id, target=other.id)  # fmt: skip

    def _passed(self, layout: Layout) -> Iterator[Group]:
        """What stands on arrows: its words where there is room for them, else only for who hovers."""
        for arrow, (x, y) in layout.tags.items():
            said = Text(x, y, self.cells.told(arrow), self.cells.small, anchor="middle", fill=self.theme.muted)
            yield Group("part", (said,), arrow.told)
        by_told: dict[str, list[str]] = {}
        for layer, told in self.form.passed:
            by_told.setdefault(told, []).append(layer)
        rows = {row.name: row for row in self.form.analysis.nodes}
        for told, layers in by_told.items():
            held = sum(int(rows[each].parameters) for each in layers if each in rows)
            numbers = f", {spell_count(held, 'parameter')}" if held else ""
            yield Group("layer", (), f"{', '.join(layers)}: {told}{numbers}", tuple(layers))

    def title(self, each: Solid) -> str:
        """A line for who hovers."""
        if not each.rows:
            return f"{each.id}: {spell_shape(each.shape)}"
        what = f"block of {spell_count(len(each.layers), 'layer')}" if each.is_block else " · ".join(
            row.label for row in each.rows
        )  # fmt: skip
        numbers = f", {spell_count(each.parameters, 'parameter')}" if each.parameters else ""
        shared = f", shared with {', '.join(each.shares)}" if each.shares else ""
        held = f"; stands for {', '.join(each.layers)}" if len(each.layers) > 1 else ""
        return f"{each.id}: {what}, output {spell_shape(each.shape)}{numbers}{shared}{held}"


def line_of(y: float, size: float) -> tuple[float, float]:
    """The top and the bottom of a line of text on its baseline."""
    return y - fonts.ASCENT * size, y + fonts.DESCENT * size


def rounded(
    points: Sequence[Point], radius: float, stroke: str, dash: tuple[float, ...] = (), width: float = 1.2 * HAIRLINE
) -> Path:
    """A line with rounded corners."""
    if len(points) == 2:
        return polyline(points, stroke=stroke, width=width, dash=dash)
    commands: list[tuple[str, tuple[Point, ...]]] = [("M", (points[0],))]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (start, one), (end, other) = _cut(corner, before, radius), _cut(corner, after, radius)
        commands += [("L", (start,)), ("C", (one, other, end))]
    return Path((*commands, ("L", (points[-1],))), stroke=stroke, width=width, dash=dash)


def _cut(corner: Point, other: Point, radius: float) -> tuple[Point, Point]:
    """Where a rounded corner begins, and the control point of its curve there."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    if not length:
        return corner, corner
    part, near = min(radius, length / 2) / length, 0.45 * min(radius, length / 2) / length
    return (corner[0] + dx * part, corner[1] + dy * part), (corner[0] + dx * near, corner[1] + dy * near)

"""Style `planes`: maps as sheets one behind the other, as in LeCun et al. 1998, Fig. 2.

A layer of at most 16 maps shows every one of them. A map of one value, and a dense layer, is a slanted bar. A
kernel is drawn on the map it slides over, in proportion to it, with lines to the one unit it feeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import chain as chains
from archscope.diagrams import fonts, words
from archscope.diagrams.chain import Chain, Column
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.request import Request
from archscope.diagrams.room import clear_of
from archscope.diagrams.scale import Page, Plan, Scale, fit, lengths, scale
from archscope.diagrams.scene import (
    Group,
    Item,
    Point,
    Polygon,
    Scene,
    Text,
    bounds,
    circle,
    line,
    moved,
    paragraph,
    rectangle,
)  # fmt: skip
from archscope.diagrams.themes import Theme
from archscope.layers.base import spell_shape

MOST_MAPS: Final = 16
"""Layers with more maps show eight of them."""

SHEETS: Final = (5, 3)
"""How the eight are drawn: some, an ellipsis, and the rest."""

# Lengths in parts of the height of the largest map.
STEP, STACK, BAR, THICKNESS, SLANT, GAP = 0.105, 1.17, 0.8, 0.13, 0.78, 0.2
# Where on a map its kernel lies and where the unit that another kernel feeds.
PATCH: Final[Point] = (0.72, 0.36)
UNIT: Final[Point] = (0.26, 0.66)

USUAL: Final = ("name", "op", "kernel", "shape")
"""What is written if nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class _Box:
    """An upright rectangle."""

    x: float
    y: float
    width: float
    height: float

    def at(self, place: Point, width: float, height: float) -> _Box:
        """A smaller one around a place given in parts of this one, and inside it."""
        x = min(max(self.x + place[0] * self.width - width / 2, self.x), self.x + self.width - width)
        y = min(max(self.y + place[1] * self.height - height / 2, self.y), self.y + self.height - height)
        return _Box(x, y, width, height)

    @property
    def middle(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class _Shape:
    """The shape of a column, its left end at 0 and the axis of the figure at the height 0.

    ``first`` is the rearmost sheet and ``front`` the foremost; of a bar both are the rectangle around it. The lines
    of a full connection leave from ``right`` and arrive at ``left``, the upper and the lower one. ``edge`` is the top
    edge, from x to x, over which the label stands: ``flush`` with its left end, or centred.
    """

    items: tuple[Item, ...]
    first: _Box
    front: _Box
    right: tuple[Point, Point]
    left: tuple[Point, Point]
    is_bar: bool
    edge: tuple[float, float]
    flush: bool = False

    def at(self, x: float) -> _Shape:
        """The same shape, further to the right."""
        (a, b), (c, d) = self.right, self.left
        return replace(
            self,
            items=tuple(moved(item, x, 0) for item in self.items),
            first=replace(self.first, x=self.first.x + x),
            front=replace(self.front, x=self.front.x + x),
            right=((a[0] + x, a[1]), (b[0] + x, b[1])),
            left=((c[0] + x, c[1]), (d[0] + x, d[1])),
            edge=(self.edge[0] + x, self.edge[1] + x),
        )


@dataclass(frozen=True, slots=True)
class _Caption:
    """What stands under a step: what it does, and with which kernel."""

    lines: tuple[str, ...]
    kernel: str | None

    def width(self, size: float) -> float:
        return fonts.widest((*self.lines, *([self.kernel] if self.kernel else ())), size)


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotShownError: the network branches or has towers.
        UsageError: the width cannot hold the figure.
    """
    whole = chains.chain(analysis, chains.has_own_column)
    if whole.towers:
        raise NotShownError(f"{analysis.title} stands on towers, which style planes does not show")
    odd = next((column for column in whole.columns if len(column.piece.shape) not in chains.PLANES), None)
    if odd is not None:
        raise NotShownError(
            f"style planes draws maps and vectors, and `{odd.heading}` gives {spell_shape(odd.piece.shape)}"
        )
    figure = _Figure(whole, request)
    size = request.font_size
    page = Page(analysis.title, request.width, size, request.theme.background, request.height)
    plan = fit(figure.plan, page=page, natural=6.5 * size, least=figure.least, most=20 * size)
    return page.scene(plan, words.description(analysis, whole, figure.laws))


class _Figure:
    """What stays the same at every size."""

    def __init__(self, whole: Chain, request: Request) -> None:
        self.columns = whole.columns
        self.request = request
        self.theme: Theme = request.theme
        self.size = request.font_size
        shapes = [column.piece.shape for column in whole.columns]
        grids = [shape for shape in shapes if chains.is_grid(shape)]
        bars = [shape[0] for shape in shapes if not chains.is_grid(shape)]
        self.sides: Scale = scale(extent for shape in grids for extent in shape[1:])
        self.lengths: Scale = lengths(bars, beside_maps=bool(grids))
        smallest = min((self.sides(extent) for shape in grids for extent in shape[1:]), default=1.0)
        self.least = max(2.5 * self.size, 3.0 / smallest)
        self.laws = [f"Sides of maps are drawn {self.sides.law}"] if grids else []
        self.laws += [f"Lengths of bars are drawn {self.lengths.law}"] if len(set(bars)) > 1 else []
        self.labels = self._labels()
        self.captions = [self._caption(column) for column in whole.columns[1:]]

    def plan(self, height: float, gaps: float) -> Plan:
        """Columns from left to right, each as near to the last as shapes, labels and captions allow."""
        gap = max(GAP * height, 1.2 * self.size) * gaps
        shapes = [self._shape(column, height) for column in self.columns]
        places: list[float] = []
        lefts, rights = [0.0], [0.0]
        caption_end = float("-inf")
        for number, shape in enumerate(shapes):
            left, right = self._span(shape, self.labels[number])
            x = rights[-1] + gap - left if number else -left
            if number:
                half = self.captions[number - 1].width(self.size) / 2
                before = shapes[number - 1], places[-1]
                x += 2 * max(0.0, caption_end + 0.7 * self.size - (_middle(*before, shape, x) - half))
                caption_end = _middle(*before, shape, x) + half
                lefts.append(caption_end - 2 * half)
            places.append(x)
            rights.append(x + right)
        placed = list(zip(shapes, places, strict=True))
        return Plan(min(lefts), max(*rights, caption_end), lambda: self._draw([shape.at(x) for shape, x in placed]))

    def _draw(self, placed: Sequence[_Shape]) -> list[Item]:
        links = [
            self._link(before, after, column)
            for (before, after), column in zip(pairwise(placed), self.columns[1:], strict=True)
        ]
        lowest = max(bounds(shape.items)[3] for shape in placed)
        drawn = [item for link in links for item in link]
        items: list[Item] = []
        for column, shape, lines in zip(self.columns, placed, self.labels, strict=True):
            label = clear_of(drawn, self._label(shape, lines), up=0.2 * self.size)
            items.append(Group("layer", (*shape.items, *label), words.title(column.piece), column.piece.layers))
        for (before, after), (one, two), link, caption in zip(
            pairwise(placed), pairwise(self.columns), links, self.captions, strict=True
        ):
            said = self._said(caption, _middle(before, 0, after, 0), lowest + (1.0 + fonts.ASCENT) * self.size)
            items.append(Group("edge", (*link, *said), source=one.piece.layers[0], target=two.piece.layers[0]))
        return items

    def _shape(self, column: Column, height: float) -> _Shape:
        shape = column.piece.shape
        if chains.is_grid(shape):
            return self._stack(column, height)
        return self._bar(column, height)

    def _stack(self, column: Column, height: float) -> _Shape:
        maps, high, wide = column.piece.shape
        high_, wide_ = self.sides(high) * height, self.sides(wide) * height
        steps = list(range(maps)) if maps <= MOST_MAPS else [*range(SHEETS[0]), *range(SHEETS[0] + 2, sum(SHEETS) + 2)]
        step = min(STEP * height, STACK * height / max(steps[-1], 1))
        top = -(high_ + steps[-1] * step) / 2
        sheets = [_Box(each * step, top + each * step, wide_, high_) for each in steps]
        first, front = sheets[0], sheets[-1]
        items: list[Item] = [self._sheet(sheet, column) for sheet in sheets]
        if maps > MOST_MAPS:
            corner = sheets[SHEETS[0] - 1]
            for number in (1, 2, 3):
                away = number * step * 3 / 4
                items.append(circle(corner.x + wide_ + away, corner.y + away, 0.06 * self.size, fill=self.theme.text))
        return _Shape(
            tuple(items), first, front,
            right=((first.x + wide_, first.y), (front.x + wide_, front.y + high_)),
            left=((first.x, first.y), (front.x, front.y + high_)),
            is_bar=False, edge=(0.0, wide_), flush=len(sheets) > 1,
        )  # fmt: skip

    def _sheet(self, sheet: _Box, column: Column) -> Polygon:
        shade = self.theme.shade(column.piece.family)
        fill = self.theme.background if column.piece.row is None else shade.fill
        return rectangle(sheet.x, sheet.y, sheet.width, sheet.height, fill=fill, stroke=shade.stroke)

    def _bar(self, column: Column, height: float) -> _Shape:
        length = max(BAR * height * self.lengths(column.piece.shape[0]), 2.0)
        thick, slant = THICKNESS * height, SLANT * length
        top, bottom = -length / 2, length / 2
        shade = self.theme.shade(column.piece.family)
        corners = ((0.0, top), (thick, top), (thick + slant, bottom), (slant, bottom))
        around = _Box(0.0, top, thick + slant, length)
        return _Shape(
            (Polygon(corners, fill=shade.fill, stroke=shade.stroke),), around, around,
            right=(corners[1], corners[2]), left=(corners[0], corners[3]), is_bar=True, edge=(0.0, thick),
        )  # fmt: skip

    def _labels(self) -> list[list[str]]:
        """What stands over each column: ``C1: feature maps``, ``6@28×28``; the word in full only once."""
        labels, told = [], False
        for number, column in enumerate(self.columns):
            shape, row = column.piece.shape, column.piece.row
            name = column.heading.upper() if row is None else column.heading
            grid = chains.is_grid(shape)
            if row is not None and grid:
                name += f": {'f. map' if told else 'feature map'}{'' if shape[0] == 1 else 's'}"
                told = True
            elif row is not None and number < len(self.columns) - 1:
                name += ": layer"
            extents = spell_shape(shape[1:]) if grid else str(shape[0])
            lines = [name] if self.request.shows("name", *USUAL) else []
            if self.request.shows("shape", *USUAL):
                lines.append(f"{shape[0]}@{extents}" if grid and (row is not None or shape[0] > 1) else extents)
            labels.append([*lines, *words.numbers(column.piece, self.request, USUAL)])
        return labels

    def _label(self, shape: _Shape, lines: Sequence[str]) -> tuple[Text, ...]:
        """Centred over a single sheet or a bar; over a stack no further left than the stack."""
        x = sum(shape.edge) / 2
        if shape.flush:
            x = max(x, shape.edge[0] + fonts.widest(lines, self.size) / 2)
        y = shape.first.y - 0.45 * self.size - (len(lines) - 1) * self.size * fonts.LEADING
        return paragraph(x, y, lines, self.size, anchor="middle", fill=self.theme.text)

    def _span(self, shape: _Shape, lines: Sequence[str]) -> tuple[float, float]:
        left, _, right, _ = bounds([*shape.items, *self._label(shape, lines)])
        return left, right

    def _caption(self, column: Column) -> _Caption:
        row = column.piece.row
        if row is None:
            return _Caption((), None)
        said = tuple(words.verb(row).split()) if self.request.shows("op", *USUAL) else ()
        full = words.covers_all(row)
        return _Caption(said, words.kernel(row) if self.request.shows("kernel", *USUAL) and not full else None)

    def _said(self, caption: _Caption, x: float, y: float) -> tuple[Text, ...]:
        said = paragraph(x, y, caption.lines, self.size, anchor="middle", fill=self.theme.text)
        if caption.kernel is None:
            return said
        below = y + len(caption.lines) * self.size * fonts.LEADING
        return (*said, *paragraph(x, below, [caption.kernel], self.size, anchor="middle", fill=self.theme.muted))

    def _window(self, before: _Shape, after: _Shape, column: Column) -> tuple[_Box, _Box] | None:
        """Where the kernel lies and the unit that it feeds; None where every unit sees everything."""
        row = column.piece.row
        if row is None or before.is_bar or after.is_bar:
            return None
        kernel = row.node.layer.kernel or (1, 1)
        seen, made = row.input_shapes[0], column.piece.shape
        high, wide = (
            side * min(1.0, extent / int(whole))
            for side, extent, whole in zip((before.front.height, before.front.width), kernel, seen[1:], strict=True)
        )
        unit = max(after.front.width / made[2], 0.9), max(after.front.height / made[1], 0.9)
        return before.front.at(PATCH, wide, high), after.front.at(UNIT, *unit)

    def _link(self, before: _Shape, after: _Shape, column: Column) -> tuple[Item, ...]:
        window = self._window(before, after, column)
        if window is None:
            return tuple(
                line(start, end, stroke=self.theme.line) for start, end in zip(before.right, after.left, strict=True)
            )
        patch, unit = window
        color = self.theme.link
        x, y = patch.x + patch.width, patch.y
        return (
            rectangle(patch.x, patch.y, patch.width, patch.height, fill=self.theme.patch, stroke=color),
            line((x, y), (unit.x, unit.y), stroke=color),
            line((x, y + patch.height), (unit.x, unit.y + unit.height), stroke=color),
            rectangle(unit.x, unit.y, unit.width, unit.height, fill=color),
        )


def _middle(before: _Shape, at: float, after: _Shape, then: float) -> float:
    """Over the middle of a caption: half way along the step between two shapes that stand at some places."""
    if before.is_bar or after.is_bar:
        return (at + before.right[1][0] + then + after.left[1][0]) / 2
    start = at + before.front.x + before.front.width * PATCH[0]
    return (start + then + after.front.x + after.front.width * UNIT[0]) / 2

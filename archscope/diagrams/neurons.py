"""Style `neurons`: circles and lines, as textbooks draw a multilayer perceptron.

A column is a layer, a circle one of its units, a line a weight. Where a layer has more units than can be told apart, a
few of the first and of the last stand for all of them, with dots between; the count is always written.

>>> import archscope
>>> net = archscope.read("name: xor\\ninput: [2]\\nlayers:\\n"
...                      "  hidden: {type: linear, out_features: 3, activation: tanh}\\n"
...                      "  out: {type: linear, out_features: 1}\\n")
>>> archscope.draw(net).style
'neurons'
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import chain as chains
from archscope.diagrams import fonts, words
from archscope.diagrams.chain import Chain, Column, Piece
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, fit
from archscope.diagrams.scene import Group, Item, Point, Scene, Text, circle, line, paragraph
from archscope.diagrams.themes import mix
from archscope.layers.base import spell_shape

USUAL: Final = ("name", "op", "shape")
"""What is written if nothing else is asked for."""

WHOLE: Final = 8
"""A layer of at most so many units is drawn with all of them."""

ENDS: Final = 3
"""Of a larger one, so many of the first and of the last are."""


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotShownError: the network is not a chain of full connections.
        UsageError: the width cannot hold the figure.
    """
    whole = chains.chain(analysis, chains.has_weights)
    if whole.towers:
        raise NotShownError(f"{analysis.title} stands on towers, which style neurons does not show")
    odd = odd_of(whole)
    if odd is not None:
        raise NotShownError(f"style neurons draws full connections between vectors, and `{odd.heading}` {_is(odd)}")
    figure = _Figure(analysis, whole, request)
    size = request.font_size
    page = Page(analysis.title, request.width, size, request.theme.background, request.height)
    plan = fit(figure.plan, page=page, natural=22 * size, least=8 * size, most=40 * size)
    few = [column.heading for column in whole.columns if _units(column) > WHOLE]
    laws = [f"Of {_listed(few)}, {2 * ENDS} units are drawn"] if few else []
    return page.scene(plan, words.description(analysis, whole, laws))


def odd_of(whole: Chain) -> Column | None:
    """The first column that is not units that are each joined with all before them, nor the input; None if all are.

    An input of several axes is the values in it, where the first layer reads as many in one vector, as of an image
    that is flattened.
    """
    given, *layers = whole.columns
    odd = next((column for column in layers if not _is_dense(column)), None)
    read = layers[0].piece.row if layers and layers[0] is not odd else None
    plain = len(given.piece.shape) == 1 or (read is not None and tuple(read.input_shapes[0]) == (_units(given),))
    return odd if plain else given


def _is_dense(column: Column) -> bool:
    row = column.piece.row
    return row is not None and len(column.piece.shape) == 1 and row.node.layer.verb == words.FULL_CONNECTION


def _units(column: Column) -> int:
    """How many circles a column has, or stands for."""
    return prod(column.piece.shape)


def _is(odd: Column) -> str:
    """What a column is in place of units that are each joined with all before them."""
    row, shape = odd.piece.row, spell_shape(odd.piece.shape)
    if row is None:
        return f"is of {shape}"
    if row.node.layer.verb == words.FULL_CONNECTION:
        return f"gives {shape}: it connects each position by itself"
    return f"is {row.node.layer.label}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class _Stack:
    """The circles of one column: where each is drawn, and the dots between, where not all are."""

    units: tuple[Point, ...]
    dots: tuple[Point, ...]
    bias: Point | None


class _Figure:
    """What stays the same at every size."""

    def __init__(self, analysis: Analysis, whole: Chain, request: Request) -> None:
        self.whole = whole
        self.layers = {row.name: row.node.layer for row in analysis.nodes}
        self.request = request
        self.theme = request.theme
        self.size = request.font_size
        self.biases = request.shows("bias", *USUAL)
        self.slots = max(_slots(_units(column)) for column in whole.columns) + self.biases

    def plan(self, height: float, gaps: float) -> Plan:
        """Columns from left to right, as far apart as what is written over and under them asks for."""
        pitch = height / max(self.slots, 2)
        radius = min(0.36 * pitch, 1.6 * self.size)
        middles: list[float] = []
        right = 0.0
        for column in self.whole.columns:
            half = max(radius, fonts.widest(self._texts(column), self.size, bold=True) / 2)
            apart = max(2.6 * pitch * gaps, 0.8 * self.size)
            steps = fonts.widest(self._step(column), self.size)
            x = half if not middles else max(right + apart + half, middles[-1] + steps + 2 * radius + self.size)
            middles.append(x)
            right = x + half
        return Plan(0.0, right, lambda: self._items(middles, pitch, radius))

    def _texts(self, column: Column) -> list[str]:
        return [*self._over(column), *self._under(column)]

    def _over(self, column: Column) -> list[str]:
        return [words.heading(column)] if self.request.shows("name", *USUAL) else []

    def _under(self, column: Column) -> list[str]:
        """How many units, and what they compute with their sum."""
        lines = [_extent(column)] if self.request.shows("shape", *USUAL) else []
        if self.request.shows("op", *USUAL):
            lines += self._functions(column.piece)
        return [*lines, *words.numbers(column.piece, self.request, USUAL)]

    def _functions(self, piece: Piece) -> list[str]:
        held = [self.layers[name] for name in piece.layers[1:]]
        return [layer.label for layer in held if layer.family in ("activation", "normalization")]

    def _step(self, column: Column) -> list[str]:
        """What stands under the step to a column: what is done on the way, and the weights, if they are asked for."""
        row = column.piece.row
        said = [words.remark(remark, self.request, USUAL) for remark in column.remarks]
        if row is None or not self.request.shows("weights", *USUAL):
            return said
        return said + [f"{weight.name} {spell_shape(weight.shape)}" for _, weight in row.weights]

    def _items(self, middles: list[float], pitch: float, radius: float) -> list[Item]:
        columns = self.whole.columns
        # A bias is a weight of the layer after it, drawn as a unit that is always one.
        biased = [self.biases and _has_bias(column) for column in columns[1:]] + [False]
        stacks = [
            self._stack(column, x, pitch, bias=bias) for column, x, bias in zip(columns, middles, biased, strict=True)
        ]
        items: list[Item] = [
            self._lines(stacks[number - 1], stacks[number], columns[number - 1], columns[number], radius)
            for number in range(1, len(columns))
        ]
        height = max(self.slots, 2) * pitch
        for column, stack in zip(columns, stacks, strict=True):
            items.append(self._column(column, stack, radius, height))
        for left, right, column in zip(middles, middles[1:], columns[1:], strict=False):
            items += self._said(column, (left + right) / 2, height + (0.9 + fonts.ASCENT) * self.size)
        return items

    def _said(self, column: Column, x: float, y: float) -> list[Item]:
        """The lines under a step; those of layers without a column of their own are theirs."""
        texts = paragraph(x, y, self._step(column), self.size, anchor="middle", fill=self.theme.muted)
        own = [
            Group("layer", (text,), f"{', '.join(remark.layers)}: {remark.label}", remark.layers)
            for text, remark in zip(texts, column.remarks, strict=False)
        ]
        return [*own, *texts[len(own) :]]

    def _stack(self, column: Column, x: float, pitch: float, *, bias: bool) -> _Stack:
        count = _units(column)
        slots = _slots(count) + bias
        top = (max(self.slots, 2) - slots) / 2 * pitch + pitch / 2
        places = [(x, top + number * pitch) for number in range(slots)]
        extra = places.pop(0) if bias else None
        if count <= WHOLE:
            return _Stack(tuple(places), (), extra)
        _, gap = places[ENDS]
        dots = tuple((x, gap + step * 0.26 * pitch) for step in (-1, 0, 1))
        return _Stack((*places[:ENDS], *places[ENDS + 1 :]), dots, extra)

    def _lines(self, before: _Stack, after: _Stack, source: Column, target: Column, radius: float) -> Group:
        color = mix(self.theme.background, self.theme.line, 0.55)
        starts = before.units if before.bias is None else (before.bias, *before.units)
        lines = tuple(_between(start, end, radius, color) for start in starts for end in after.units)
        name = f"{source.piece.name} to {target.piece.name}"
        return Group("edge", lines, name, source=source.piece.layers[0], target=target.piece.layers[0])

    def _column(self, column: Column, stack: _Stack, radius: float, height: float) -> Group:
        piece = column.piece
        shade = self.theme.shade(piece.family)
        items: list[Item] = [circle(x, y, radius, fill=shade.fill, stroke=shade.stroke) for x, y in stack.units]
        items += [circle(x, y, 0.09 * self.size, fill=self.theme.text) for x, y in stack.dots]
        x = stack.units[0][0]
        if stack.bias is not None:
            items.append(circle(*stack.bias, radius, fill=self.theme.background, stroke=self.theme.line))
            mark = min(self.size, 1.1 * radius)
            items.append(Text(x, stack.bias[1] + 0.35 * mark, "+1", mark, anchor="middle", fill=self.theme.text))
        over, under = self._over(column), self._under(column)
        items += paragraph(x, -0.5 * self.size, over, self.size, bold=True, anchor="middle", fill=self.theme.text)
        base = height + (0.9 + fonts.ASCENT + fonts.LEADING * self._steps) * self.size
        items += paragraph(x, base, under, self.size, anchor="middle", fill=self.theme.text)
        return Group("layer", tuple(items), words.title(piece), piece.layers)

    @property
    def _steps(self) -> int:
        """Lines of text under the steps, above those under the columns."""
        return max(len(self._step(column)) for column in self.whole.columns)


def _extent(column: Column) -> str:
    """How many units; of an input of several axes, with these."""
    shape = column.piece.shape
    return spell_shape(shape) if len(shape) == 1 else f"{spell_shape(shape)} = {_units(column)}"


def _has_bias(column: Column) -> bool:
    row = column.piece.row
    return row is not None and any(weight.name == "bias" for _, weight in row.weights)


def _slots(count: int) -> int:
    """Circles, and a place for the dots, that a column of so many units takes."""
    return count if count <= WHOLE else 2 * ENDS + 1


def _between(start: Point, end: Point, radius: float, color: str) -> Item:
    """A line from the border of one circle to that of another."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    ux, uy = dx / length * radius, dy / length * radius
    return line((start[0] + ux, start[1] + uy), (end[0] - ux, end[1] - uy), stroke=color, width=0.4)

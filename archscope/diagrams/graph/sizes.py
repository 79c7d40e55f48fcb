"""How large things are: text, boxes, circles, gaps; all in points, all from the font size.

A layout does not know which way the graph runs: it speaks of *across* and *along*. Downwards, across is from left
to right; from left to right, across is downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from archscope.diagrams import fonts
from archscope.diagrams.graph.view import Frame, Node

Direction = Literal["tb", "lr"]


@dataclass(frozen=True)
class Sizes:
    """The measures of one graph."""

    font: float = 8.0
    direction: Direction = "tb"

    @property
    def line(self) -> float:
        """From one line of text to the next."""
        return self.font * fonts.LEADING

    @property
    def pad(self) -> float:
        """Between a border and what is inside."""
        return round(self.font)

    @property
    def gap(self) -> float:
        """Between things side by side, and at least between things below one another."""
        return round(1.5 * self.font)

    @property
    def track(self) -> float:
        """Between neighbouring lines."""
        return round(0.75 * self.font)

    @property
    def arrow(self) -> float:
        """Length of an arrow's head."""
        return 0.6 * self.font

    @property
    def radius(self) -> float:
        """Of a circle."""
        return round(0.85 * self.font)

    @property
    def sheet(self) -> float:
        """How far each of the two sheets behind a folded block sticks out."""
        return even(0.5 * self.font) / 2

    @property
    def tower(self) -> float:
        """How far a graph may run on before it is wrapped, however narrow it is."""
        return 120 * self.font

    def turned(self, x: float, y: float) -> tuple[float, float]:
        """A width and a height as across and along, or the reverse."""
        return (x, y) if self.direction == "tb" else (y, x)

    def title(self, frame: Frame) -> float:
        """The width of a frame's title."""
        return even(fonts.width(frame.name, self.font, bold=True))


def even(length: float) -> float:
    """Rounded up to an even number of points, so that middles are whole."""
    return 2.0 * math.ceil(length / 2 - 1e-6)


@dataclass(frozen=True)
class Shape:
    """A node's outline and where its texts stand, from its top left corner.

    Attributes:
        width: of all of it, sheets behind it and text beside it included.
        height: of all of it.
        box: left, top, width and height of the box; for a circle, of the square around it.
    """

    node: Node
    sizes: Sizes
    width: float
    height: float
    box: tuple[float, float, float, float]

    @property
    def round(self) -> bool:
        """Whether it is a circle with its text beside it."""
        return bool(self.node.symbol)

    @cached_property
    def middle(self) -> tuple[float, float]:
        """The middle of the box."""
        left, top, width, height = self.box
        return left + width / 2, top + height / 2


def shape_of(node: Node, sizes: Sizes) -> Shape:
    """The shape of a node."""
    return _circle(node, sizes) if node.symbol else _box(node, sizes)


def text_width(lines: tuple[str, ...], sizes: Sizes) -> float:
    """The width of a node's lines, the first of which is bold."""
    first = fonts.width(lines[0], sizes.font, bold=True) if lines else 0.0
    return max(first, fonts.widest(lines[1:], sizes.font))


def badge(node: Node) -> str:
    """The ``×3`` of a folded node."""
    return f"×{node.copies}" if node.copies > 1 else ""


def _box(node: Node, sizes: Sizes) -> Shape:
    extra = fonts.width(badge(node), sizes.font * 1.2, bold=True) + sizes.pad if badge(node) else 0.0
    width = even(text_width(node.lines, sizes) + 2 * sizes.pad + extra)
    height = even(len(node.lines) * sizes.line + sizes.font)
    behind = 2 * sizes.sheet if node.copies > 1 else 0.0
    return Shape(node, sizes, width + behind, height + behind, (0.0, 0.0, width, height))


def _circle(node: Node, sizes: Sizes) -> Shape:
    side = 2 * sizes.radius
    text = even(text_width(node.lines, sizes) + 0.5 * sizes.font)
    tall = even(len(node.lines) * sizes.line)
    if sizes.direction == "tb":
        height = max(side, tall)
        return Shape(node, sizes, text + side, height, (text, (height - side) / 2, side, side))
    width = max(side, text)
    return Shape(node, sizes, width, tall + side, ((width - side) / 2, tall, side, side))

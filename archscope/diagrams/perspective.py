"""A box in perspective: where its corners are, and its three faces that can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archscope.diagrams.scene import Point, Polygon
from archscope.diagrams.solids import solid
from archscope.diagrams.themes import Theme

# The way into the depth, in parts of a width.
DEPTH: Final[Point] = (0.36, -0.32)


@dataclass(frozen=True, slots=True)
class Box:
    """A box around a point of the page: the left end of its front, at half its whole height."""

    x: float
    y: float
    width: float
    height: float
    depth: Point

    @property
    def right(self) -> float:
        return self.x + self.width + self.depth[0]

    @property
    def front(self) -> tuple[Point, Point, Point, Point]:
        """Top left, top right, bottom right, bottom left."""
        top = self.y - (self.height + self.depth[1]) / 2
        left, right = self.x, self.x + self.width
        return (left, top), (right, top), (right, top + self.height), (left, top + self.height)

    def side(self, along: float, down: float) -> Point:
        """A point of the right face, in parts of its depth and its height."""
        _, (x, y), _, _ = self.front
        return x + along * self.depth[0], y + along * self.depth[1] + down * self.height

    def on_the_left(self, along: float, down: float) -> tuple[Point, ...]:
        """The corners of a window in the middle of the left end, which the front hides, in parts of its sides."""
        (x, top), *_ = self.front
        dx, dy = self.depth
        ways = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        corners = (((1 + side * along) / 2, (1 + rise * down) / 2) for side, rise in ways)
        return tuple((x + across * dx, top + across * dy + low * self.height) for across, low in corners)

    @property
    def around(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom."""
        return self.x, self.top, self.right, self.bottom

    @property
    def bottom(self) -> float:
        return self.front[2][1]

    @property
    def top(self) -> float:
        return self.front[0][1] + self.depth[1]


def faces(box: Box, theme: Theme, family: str) -> tuple[Polygon, Polygon, Polygon]:
    """The top, the right side and the front of a box, each as light falls on it."""
    shade = solid(theme, family)
    one, two, three, four = box.front
    dx, dy = box.depth
    back = [(x + dx, y + dy) for x, y in (one, two, three)]
    return (
        Polygon((one, back[0], back[1], two), fill=theme.lit(shade.fill), stroke=shade.stroke),
        Polygon((two, back[1], back[2], three), fill=theme.shaded(shade.fill), stroke=shade.stroke),
        Polygon((one, two, three, four), fill=shade.fill, stroke=shade.stroke),
    )

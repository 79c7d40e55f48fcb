"""Whether things are in each other's way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from archscope.diagrams.scene import Item, Path, Point, Polygon, Text, bounds, walk

Segment = tuple[Point, Point]
Rectangle = tuple[float, float, float, float]

CLEARANCE = 1.0
"""The least distance between a text and a line, in points."""


def clear_of(drawn: Sequence[Item], label: tuple[Text, ...], *, up: float) -> tuple[Text, ...]:
    """A label, moved up in steps until no line strikes it."""
    lines = list(segments(drawn))
    for _ in range(60):
        if not label or not strikes(lines, bounds(label)):
            break
        label = tuple(replace(text, y=text.y - up) for text in label)
    return label


def segments(items: Iterable[Item]) -> Iterator[Segment]:
    """The straight lines of paths and the sides of polygons."""
    for item in walk(items):
        if isinstance(item, Polygon):
            yield from pairwise((*item.points, item.points[0]))
        elif isinstance(item, Path):
            yield from pairwise([points[-1] for _, points in item.commands if points])


def strikes(lines: Iterable[Segment], box: Rectangle, clearance: float = CLEARANCE) -> bool:
    """Whether a line comes too near a rectangle.

    >>> strikes([((0, 0), (10, 10))], (4, 4, 6, 6)), strikes([((0, 0), (10, 0))], (4, 4, 6, 6))
    (True, False)
    """
    left, top, right, bottom = box
    grown = (left - clearance, top - clearance, right + clearance, bottom + clearance)
    return any(_enters(start, end, grown) for start, end in lines)


def distance(box: Rectangle, lines: Iterable[Segment]) -> float:
    """From a rectangle to the nearest of some lines; 0 where one enters it.

    >>> distance((0, 0, 4, 2), [((7, 6), (9, 6))]), distance((0, 0, 4, 2), [((1, -1), (1, 9))])
    (5.0, 0.0)
    """
    lines = list(lines)
    if strikes(lines, box, 0.0):
        return 0.0
    left, top, right, bottom = box
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return min(
        min(*(to_line(corner, *each) for corner in corners), *(apart(box, (*end, *end)) for end in each))
        for each in lines
    )


def apart(one: Rectangle, other: Rectangle) -> float:
    """How far two rectangles are from one another.

    >>> apart((0, 0, 4, 2), (7, 6, 9, 9))
    5.0
    """
    aside = max(other[0] - one[2], one[0] - other[2], 0.0)
    return math.hypot(aside, max(other[1] - one[3], one[1] - other[3], 0.0))


def to_line(point: Point, start: Point, end: Point) -> float:
    """From a point to the nearest of a line."""
    (x, y), (x0, y0), (x1, y1) = point, start, end
    dx, dy = x1 - x0, y1 - y0
    along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy or 1.0)
    along = min(1.0, max(0.0, along))
    return math.hypot(x - x0 - along * dx, y - y0 - along * dy)


def _enters(start: Point, end: Point, box: Rectangle) -> bool:
    """Whether a line has a part inside a rectangle: cut it to each pair of sides in turn."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        low, high = box[axis], box[axis + 2]
        origin, step = start[axis], end[axis] - start[axis]
        if step == 0:
            if not low < origin < high:
                return False
            continue
        one, two = (low - origin) / step, (high - origin) / step
        first, last = max(first, min(one, two)), min(last, max(one, two))
    return first < last

"""Whether things are in each other's way."""

from __future__ import annotations

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

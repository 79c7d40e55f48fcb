"""Lines on the front of a box, which tell the kinds of layers apart where there is no colour.

>>> hatch((0, 0, 4, 4), "level", 2.0)[:4]
[(0, 1.0), (4, 1.0), (4, 3.0), (0, 3.0)]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from archscope.diagrams.scene import Point
from archscope.diagrams.solids import Hatch

_Rectangle = tuple[float, float, float, float]


def hatch(inside: _Rectangle, way: Hatch, step: float) -> list[Point]:
    """One line that goes to and fro in a rectangle, and along its outline from each crossing to the next.

    Args:
        inside: left, top, right and bottom.
        way: of the crossings.
        step: between them, at right angles.
    """
    found: list[Point] = []
    for number, (start, end) in enumerate(_crossings(inside, way, step)):
        found += [end, start] if number % 2 else [start, end]
    return list(_along(found, inside))


def _crossings(inside: _Rectangle, way: Hatch, step: float) -> Iterator[tuple[Point, Point]]:
    left, top, right, bottom = inside
    if way == "level":
        yield from (((left, y), (right, y)) for y in _places(top, bottom, step))
    elif way == "upright":
        yield from (((x, top), (x, bottom)) for x in _places(left, right, step))
    else:
        wide, high = right - left, bottom - top
        for reach in _places(0.0, wide + high, step * math.sqrt(2)):
            # From the left side or the bottom to the top or the right side, for a corner at the left and the top.
            one, other = (max(0.0, reach - high), min(reach, high)), (min(reach, wide), max(0.0, reach - wide))
            yield tuple(  # type: ignore[misc]
                (left + x, top + y if way == "rising" else bottom - y) for x, y in (one, other)
            )


def _places(low: float, high: float, step: float) -> Iterator[float]:
    """In the middles of equal parts, each about as wide as a step."""
    many = max(1, round((high - low) / step))
    yield from (low + (number + 0.5) * (high - low) / many for number in range(many))


def _along(points: list[Point], inside: _Rectangle) -> Iterator[Point]:
    """The points with the corners of the outline between those that stand on two of its sides."""
    left, top, right, bottom = inside
    yield from points[:1]
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if number % 2 and abs(x0 - x1) > 1e-9 and abs(y0 - y1) > 1e-9:
            x = x0 if min(abs(x0 - left), abs(x0 - right)) < 1e-9 else x1
            y = y0 if min(abs(y0 - top), abs(y0 - bottom)) < 1e-9 else y1
            yield x, y
        yield x1, y1

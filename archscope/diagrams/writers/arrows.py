"""What formats that have arrows of their own ask of a line: its corners, its head, and where it points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from archscope.diagrams.scene import Item, Path, Point, Polygon, bounds

_STEPS: Final = 6
"""Straight pieces of a curve."""


def head(items: Sequence[Item]) -> Polygon | None:
    """The head of an arrow, which draw.io and PowerPoint have as a property of its line."""
    heads = [item for item in items if isinstance(item, Polygon) and item.stroke is None and len(item.points) == 3]
    return heads[0] if len(heads) == 1 else None


def tip(path: Path, head: Polygon | None) -> Point | None:
    """Where the head at the end of a line points to: ours ends within its head, an arrow's line at its tip."""
    if head is None:
        return None
    end = corners(path)[-1]
    left, top, right, bottom = bounds([head])
    if not (left - 0.1 <= end[0] <= right + 0.1 and top - 0.1 <= end[1] <= bottom + 0.1):
        return None
    return max(head.points, key=lambda each: math.dist(each, end))


def closed(path: Path) -> bool:
    """Whether a path comes back to where it began."""
    return bool(path.commands) and path.commands[-1][0] == "Z"


def corners(path: Path) -> list[Point]:
    """The points of an open line; a corner that is rounded is one point, for a reader that rounds it itself."""
    found: list[Point] = []
    for verb, points in path.commands:
        if verb == "C" and found and len(path.commands) > 2:
            start, end = found[-1], points[2]
            corner = (end[0], start[1]) if abs(points[0][1] - start[1]) < 0.01 else (start[0], end[1])
            found[-1] = corner
        elif verb == "C":
            found += curve(found[-1], points)
        elif points:
            found.append(points[0])
    return found


def curve(start: Point, points: Sequence[Point]) -> list[Point]:
    """Points of a Bézier curve after its start."""
    one, other, end = points
    found = []
    for step in range(1, _STEPS + 1):
        part = step / _STEPS
        rest = 1 - part
        weights = (rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3)
        found.append(
            (
                sum(w * p[0] for w, p in zip(weights, (start, one, other, end), strict=True)),
                sum(w * p[1] for w, p in zip(weights, (start, one, other, end), strict=True)),
            )
        )
    return found

"""Lines from one source are drawn as one as far as they run together, and each on its own from there."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams.graph.ways import Point


class _Fork:
    """A point where lines of one source part.

    Attributes:
        onward: the points that come next on them; lines share the very points as long as they run together.
        furthest: of those in one direction the furthest.
    """

    __slots__ = ("furthest", "onward")

    def __init__(self) -> None:
        self.onward: dict[Point, _Fork] = {}
        self.furthest: dict[Point, Point] = {}


class Trunk:
    """The lines of one source that are drawn so far, as a tree; ``lead`` is that of `branch`.

    >>> trunk = Trunk(2)
    >>> trunk.branch([(0, 0), (0, 30)]), trunk.branch([(0, 0), (0, 10), (5, 10)])
    ([(0, 0), (0, 30)], [(0.0, 8.0), (0, 10), (5, 10)])
    """

    def __init__(self, lead: float) -> None:
        self.lead = lead
        self._only: Sequence[Point] | None = None
        self._root = _Fork()

    def branch(self, points: Sequence[Point]) -> Sequence[Point]:
        """What is left of one more line without the stretch that it shares with those before, which it joins."""
        if self._only is None and not self._root.onward:
            self._only = points  # as most sources have: it is put into a tree once there is a second
            return points
        if self._only is not None:
            self._add(self._only)
            self._only = None
        place, onward = self._add(points)
        if place == len(points):
            return points
        first = max(place - 2, 0)  # what comes before makes no difference
        return branch(points[first:], [*points[first:place], *onward], self.lead)

    def _add(self, points: Sequence[Point]) -> tuple[int, Sequence[Point]]:
        """Add a line; how many points it shares with one before it, and the next of that which goes on furthest."""
        fork = self._root
        shared: tuple[int, Sequence[Point]] | None = None
        for place, point in enumerate(points):
            known = fork.onward.get(point)
            if known is None:
                known = fork.onward[point] = _Fork()
                if place:
                    last, way = points[place - 1], _direction(points[place - 1], point)
                    furthest = fork.furthest.get(way)
                    shared = shared or (place, () if furthest is None else (furthest,))
                    if furthest is None or apart(last, point) > apart(last, furthest):
                        fork.furthest[way] = point
                shared = shared or (0, ())
            fork = known
        return shared or (len(points), ())


def _direction(start: Point, end: Point) -> Point:
    length = apart(start, end) or 1.0
    return round((end[0] - start[0]) / length, 4), round((end[1] - start[1]) / length, 4)


def branch(points: Sequence[Point], other: Sequence[Point], lead: float) -> Sequence[Point]:
    """What is left of a line without the stretch that it shares with another from the same source.

    Drawn twice, that stretch would look bolder. What is left begins ``lead`` before the lines part, where a
    rounded corner does.

    >>> branch([(0, 0), (0, 10), (5, 10)], [(0, 0), (0, 30)], 2)
    [(0.0, 8.0), (0, 10), (5, 10)]
    """
    place = 0
    while place < min(len(points), len(other)) and _near(points[place], other[place]):
        place += 1
    if not 0 < place < len(points):
        return points
    last, onward = points[place - 1], points[place]
    shared = 0.0
    if place < len(other):
        beside = other[place]
        along = [(beside[axis] - last[axis]) * (onward[axis] - last[axis]) for axis in (0, 1)]
        across = (beside[0] - last[0]) * (onward[1] - last[1]) - (beside[1] - last[1]) * (onward[0] - last[0])
        if abs(across) < 0.1 and sum(along) > 0:
            shared = min(apart(last, beside), apart(last, onward))
    if shared >= apart(last, onward) - 0.1:
        return [back(onward, last, lead), *points[place:]]
    if shared > 0:
        return [back(back(last, onward, shared), last, lead), *points[place:]]
    return [back(last, points[place - 2], lead), *points[place - 1 :]] if place > 1 else points


def _near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) < 0.05 and abs(one[1] - other[1]) < 0.05


def apart(one: Point, other: Point) -> float:
    """How far it is from one point to another, across and along."""
    return abs(other[0] - one[0]) + abs(other[1] - one[1])


def back(point: Point, towards: Point, by: float) -> Point:
    """The point moved towards another, at most to it."""
    length = apart(point, towards)
    part = min(by / length, 1.0) if length else 0.0
    return point[0] + (towards[0] - point[0]) * part, point[1] + (towards[1] - point[1]) * part

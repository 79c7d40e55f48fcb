"""Where the straight lines of edges end on the shapes of layers, for a format whose lines hang on what they join."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from archscope.diagrams.scene import Group, Item, Path, Point, Polygon, bounds, walk
from archscope.diagrams.writers.arrows import closed, head, tip

Shape = Path | Polygon


@dataclass(frozen=True)
class Dock:
    """A place on a shape: the shape, and which of its places this is."""

    shape: Shape
    number: int


@dataclass
class Docks:
    """What hangs where. Shapes and lines are told apart as objects, for two of them can be equal."""

    sites: dict[int, list[Point]] = field(default_factory=dict)
    ends: dict[int, tuple[Dock, Dock]] = field(default_factory=dict)

    def of(self, shape: Shape) -> list[Point]:
        """The places of a shape at which lines can end: the middles of its sides, and where lines of ours do."""
        return self.sites.get(id(shape), [])

    def joined(self, line: Path) -> tuple[Dock, Dock] | None:
        """Where a line starts and ends, if it joins two layers."""
        return self.ends.get(id(line))

    def _dock(self, shapes: list[Shape], point: Point) -> Dock:
        found = min(shapes, key=lambda each: _away(each, point))
        places = self.sites.setdefault(id(found), _middles(found))
        rounded = (round(point[0], 2), round(point[1], 2))
        if rounded not in places:
            places.append(rounded)
        return Dock(found, places.index(rounded))


def docks(items: Iterable[Item]) -> Docks:
    """Those of a picture; what is not the line of an edge between two layers that are drawn has none."""
    everything = list(walk(items))
    layers = {
        item.layers[0]: _shapes(item) for item in everything
        if isinstance(item, Group) and item.kind == "layer" and item.layers
    }  # fmt: skip
    found = Docks()
    for edge in everything:
        if not isinstance(edge, Group) or edge.kind != "edge":
            continue
        source, target = layers.get(edge.source), layers.get(edge.target)
        if source and target:
            headed = head(edge.items)
            for line in lines(edge):
                start, end = line.commands[0][1][0], tip(line, headed) or line.commands[1][1][0]
                found.ends[id(line)] = (found._dock(source, start), found._dock(target, end))
    return found


def lines(edge: Group) -> list[Path]:
    """The straight lines of an edge. One with corners has a way of its own, which connectors keep in PowerPoint alone:
    LibreOffice lays those that are bent anew when it opens a file, through boxes and away from their ends.
    """
    return [
        item for item in edge.items
        if isinstance(item, Path) and [verb for verb, _ in item.commands] == ["M", "L"]
    ]  # fmt: skip


def _shapes(layer: Group) -> list[Shape]:
    return [
        item for item in walk(layer.items)
        if isinstance(item, Polygon) or (isinstance(item, Path) and (item.fill is not None or closed(item)))
    ]  # fmt: skip


def _middles(shape: Shape) -> list[Point]:
    """Of the sides of what a shape takes up, in the order in which a rectangle of PowerPoint has them."""
    left, top, right, bottom = bounds([shape])
    across, down = (left + right) / 2, (top + bottom) / 2
    return [(across, top), (left, down), (across, bottom), (right, down)]


def _away(shape: Shape, point: Point) -> tuple[float, float]:
    """How far a point is from what a shape takes up, and, of shapes that all hold it, the least first."""
    left, top, right, bottom = bounds([shape])
    across, down = (max(low - at, 0, at - high) for low, at, high in ((left, point[0], right), (top, point[1], bottom)))
    return round(across + down, 2), (right - left) * (bottom - top)

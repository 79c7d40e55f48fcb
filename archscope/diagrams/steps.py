"""A picture built up: first its first layer, then one more at a time, with all that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archscope.diagrams.room import Rectangle, Segment, apart, distance, segments
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, bounds, walk

_BESIDE = 1.0
"""How much farther than what is nearest something may be that a mark belongs to as well, in points."""


def steps_of(scene: Scene) -> Iterator[Scene]:
    """One picture for each layer that is added, all of one size; the last is the whole.

    >>> import archscope
    >>> [len(list(each.groups("layer"))) for each in steps_of(archscope.draw("lenet5").scene)]
    [1, 2, 3, 4, 5, 6, 7, 8]
    """
    parts = list(numbered(scene.items))
    for step in range(1, max((number for number, _ in parts), default=1) + 1):
        yield replace(scene, items=tuple(item for number, item in parts if number <= step))


def numbered(items: tuple[Item, ...]) -> Iterator[tuple[int, Item]]:
    """Each part of a picture with the step that it comes with.

    A layer comes in its turn, an edge with the later of its layers, a frame with the first that stands in it, what
    holds layers in pieces, and a mark with what it stands at. What stands under all layers, such as a legend, comes
    with the last.
    """
    layers = [item for item in walk(items) if isinstance(item, Group) and _has_a_turn(item)]
    turn = {group.layers[0]: number for number, group in enumerate(layers, start=1)}
    return _Turns(turn, max(len(turn), 1), items).of(items)


def _has_a_turn(group: Group) -> bool:
    return group.kind == "layer" and bool(group.items) and not group.target


@dataclass(frozen=True)
class _Near:
    """Something that marks may stand at: the step it comes with, and where it is."""

    step: int
    box: Rectangle
    lines: tuple[Segment, ...]


class _Turns:
    def __init__(self, turn: dict[str, int], last: int, items: tuple[Item, ...]) -> None:
        self.turn, self.last = turn, last
        groups = (item for item in walk(items) if isinstance(item, Group) and item.items)
        parts = [group for group in groups if group.kind in ("layer", "edge")]
        self.low = bounds(parts)[3] if parts else 0.0
        self.shapes: list[_Near] = []
        self.near: list[_Near] = []
        for group in parts:
            step = self._step(group)
            for each in walk(group.items):
                if isinstance(each, Path | Polygon):
                    lines = tuple(segments([each])) if group.kind == "edge" else ()
                    self.near.append(_Near(step, bounds([each]), lines))
                    self.shapes += self.near[-1:] if group.kind == "layer" else []

    def of(self, items: tuple[Item, ...]) -> Iterator[tuple[int, Item]]:
        for item in items:
            own = item.items if isinstance(item, Group) and item.kind not in ("layer", "edge", "frame") else ()
            if any(isinstance(each, Group) and each.kind in ("layer", "edge") for each in walk(own)):
                yield from self.of(own)
            else:
                yield self._step(item), item

    def _step(self, item: Item) -> int:
        if isinstance(item, Group) and (item.kind == "edge" or item.target):
            return max(self.turn.get(item.source, 1), self.turn.get(item.target, self.last))
        if isinstance(item, Group) and item.kind == "layer":
            return self.turn[item.layers[0]] if item.items else self.last
        if isinstance(item, Group) and item.kind == "frame":
            return min((each.step for each in self.shapes if _within(each.box, bounds(item.items))), default=self.last)
        return self._at(item)

    def _at(self, item: Item) -> int:
        """The step of what a mark stands at: the last of all that are as near."""
        box = bounds([item])
        if box[1] >= self.low:
            return self.last
        far = [(distance(box, each.lines) if each.lines else apart(box, each.box), each.step) for each in self.near]
        least = min((distance for distance, _ in far), default=0.0)
        return max((step for distance, step in far if distance <= least + _BESIDE), default=self.last)


def _within(inner: Rectangle, outer: Rectangle) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]

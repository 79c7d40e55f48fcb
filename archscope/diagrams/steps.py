"""A picture built up for a lecture: first its first layer, then one more at a time, with the edges between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archscope.diagrams.scene import Group, Item, Scene, bounds, walk


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

    A layer comes in its turn, an edge with the later of its layers, a frame with the first that it stands behind, what
    holds layers in pieces, and all else, such as a legend, with the last.
    """
    layers = [item for item in walk(items) if isinstance(item, Group) and item.kind == "layer" and item.items]
    turn = {group.layers[0]: number for number, group in enumerate(layers, start=1)}
    yield from _numbered(items, turn, max(len(turn), 1), [bounds(group.items) for group in layers])


def _numbered(
    items: tuple[Item, ...], turn: dict[str, int], last: int, places: Sequence[tuple[float, float, float, float]]
) -> Iterator[tuple[int, Item]]:
    for item in items:
        if not isinstance(item, Group):
            yield last, item
        elif item.kind == "layer":
            yield turn.get(item.layers[0], last), item
        elif item.kind == "edge":
            yield max(turn.get(item.source, 1), turn.get(item.target, last)), item
        elif item.kind == "frame":
            left, top, right, bottom = bounds(item.items)
            behind = (n for n, (x, y, _, _) in enumerate(places, 1) if left <= x <= right and top <= y <= bottom)
            yield next(behind, last), item
        elif any(isinstance(each, Group) and each.kind in ("layer", "edge") for each in walk(item.items)):
            yield from _numbered(item.items, turn, last, places)
        else:
            yield last, item

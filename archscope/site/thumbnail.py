"""A figure in small: the same shapes without words, on a grid of whole numbers, in a few kilobytes.

>>> import archscope
>>> from archscope.site.build import picture_of
>>> small = thumbnail(picture_of(archscope.draw("lenet5")), Palette())
>>> len(small) < 6_000, small.startswith('<svg viewBox="0 0 400 ')
(True, True)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from archscope.diagrams.scene import Path, Point, Polygon, walk
from archscope.record import Record
from archscope.site.live import Palette, Picture, recolored
from archscope.site.markup import Markup, tag

_SIDE: Final = 400
"""The longer side of a small figure, in its own units."""


_SPECK: Final = 3
"""Closed shapes no larger than this, such as the heads of arrows, are not seen in small."""


class _Paint(Record):
    """How shapes are painted; those painted alike can be one path."""

    fill: str | None
    stroke: str | None


def thumbnail(picture: Picture, palette: Palette) -> Markup:
    """A picture in small; in a graph, where nothing overlaps, all that is painted alike is one path."""
    scene = picture.light
    scale = _SIDE / max(scene.width, scene.height)
    shapes = [item for item in walk(recolored(picture, palette)) if isinstance(item, Path | Polygon)]
    overlapping = not any(scene.groups("edge"))
    paths = _runs(shapes, scale) if overlapping else _layers(shapes, scale)
    width, height = (max(1, round(side * scale)) for side in (scene.width, scene.height))
    outlined = itertools.groupby(paths, lambda each: each[0].stroke if each[0].stroke != each[0].fill else None)
    drawn = (
        tag("g", *(tag("path", d=lines, fill=paint.fill or "none") for paint, lines in alike), stroke=stroke)
        for stroke, alike in outlined
    )
    return tag("svg", *drawn, viewBox=f"0 0 {width} {height}", role="img", aria_hidden="true", stroke_width=".8")


def _runs(shapes: Iterable[Path | Polygon], scale: float) -> Iterator[tuple[_Paint, str]]:
    """Neighbours that are painted alike as one; what comes later covers what comes earlier."""
    last: _Paint | None = None
    lines: list[str] = []
    for shape in shapes:
        drawn, paint = _drawn(shape, scale), _Paint(shape.fill, shape.stroke)
        if not drawn:  # a speck, such as the head of an arrow, parts nothing
            continue
        if paint != last and last is not None:
            yield last, "".join(lines)
            lines = []
        last = paint
        lines.append(drawn)
    if last is not None:
        yield last, "".join(lines)


def _layers(shapes: Iterable[Path | Polygon], scale: float) -> Iterator[tuple[_Paint, str]]:
    """Everything that is painted alike as one, in the order of first use."""
    found: dict[_Paint, list[str]] = {}
    for shape in shapes:
        if drawn := _drawn(shape, scale):
            found.setdefault(_Paint(shape.fill, shape.stroke), []).append(drawn)
    for paint, lines in found.items():
        yield paint, "".join(lines)


def _drawn(shape: Path | Polygon, scale: float) -> str:
    """Lines from point to point in whole numbers, each from the one before; curves as their chords."""
    if isinstance(shape, Polygon):
        return _strokes(shape.points, scale, closed=True)
    text = ""
    points: list[Point] = []
    for name, given in shape.commands:
        if name == "M" and points:
            text += _strokes(points, scale)
            points = []
        points += given[-1:]
        if name == "Z":
            text += _strokes(points, scale, closed=True)
            points = []
    return text + _strokes(points, scale)


def _strokes(points: Iterable[Point], scale: float, *, closed: bool = False) -> str:
    """A subpath; points that fall together are one, and one that is a point alone, or a speck, is nothing."""
    cells = [(round(x * scale), round(y * scale)) for x, y in points]
    kept = [cell for place, cell in enumerate(cells) if place == 0 or cell != cells[place - 1]]
    if len(kept) < 2 or (closed and all(max(each) - min(each) <= _SPECK for each in zip(*kept, strict=True))):
        return ""
    text = f"M{kept[0][0]} {kept[0][1]}"
    for (x, y), (to_x, to_y) in itertools.pairwise(kept):
        across, down = to_x - x, to_y - y
        slanted = f"l{across}{down}" if down < 0 else f"l{across} {down}"
        text += f"v{down}" if not across else f"h{across}" if not down else slanted
    return text + "z" * closed

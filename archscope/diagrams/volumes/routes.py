"""Where everything stands: the middle of each solid, the points of each arrow, and the rectangle of each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archscope.diagrams.scene import Point
from archscope.diagrams.volumes.cells import Cell
from archscope.diagrams.volumes.form import Arrow, Form

Rectangle = tuple[float, float, float, float]


@dataclass
class Layout:
    """The places of a figure; ``cells`` has the room of each solid, ``near`` the part of a way beside its target."""

    cells: Mapping[str, Cell]
    at: dict[str, Point] = field(default_factory=dict)
    ways: dict[Arrow, list[Point]] = field(default_factory=dict)
    near: dict[Arrow, list[Point]] = field(default_factory=dict)
    tags: dict[Arrow, Point] = field(default_factory=dict)
    frames: dict[str, Rectangle] = field(default_factory=dict)

    def leaves(self, name: str) -> Point:
        """Where arrows leave a solid, to the right."""
        x, y = self.at[name]
        return x + self.cells[name].out, y

    def enters(self, name: str) -> Point:
        """Where arrows come to a solid, from the left."""
        x, y = self.at[name]
        return x - self.cells[name].half, y

    def bounds(self) -> Rectangle:
        """Left, top, right and bottom of all solids, arrows and stages."""
        xs: list[float] = []
        ys: list[float] = []
        for name, (x, y) in self.at.items():
            cell = self.cells[name]
            xs += [x - cell.side, x + cell.side]
            ys += [y - cell.up, y + cell.down]
        for way in self.ways.values():
            xs += [x for x, _ in way]
            ys += [y for _, y in way]
        for left, top, right, bottom in self.frames.values():
            xs += [left, right]
            ys += [top, bottom]
        return min(xs), min(ys), max(xs), max(ys)


def framed(form: Form, layout: Layout, size: float) -> None:
    """Put a rectangle around the solids of each stage and the arrows within it, the inner ones first."""
    members: dict[str, list[str]] = {}
    for solid in form.solids:
        for stage in solid.stages:
            members.setdefault(stage, []).append(solid.id)
    for stage in sorted(members, key=lambda each: (-int(each.split(" ")[0]), each)):
        ids = members[stage]
        inner = [rect for name, rect in layout.frames.items() if set(members[name]) <= set(ids) and name != stage]
        layout.frames[stage] = _around(layout, ids, inner, size)


def _around(layout: Layout, ids: Sequence[str], inner: Sequence[Rectangle], size: float) -> Rectangle:
    pad, title = 0.6 * size, 1.5 * size
    inside = set(ids)
    xs = [x + sign * layout.cells[name].side for name in ids for x in (layout.at[name][0],) for sign in (-1, 1)]
    tops = [layout.at[name][1] - layout.cells[name].up for name in ids]
    bottoms = [layout.at[name][1] + layout.cells[name].down for name in ids]
    for arrow, way in layout.ways.items():
        if arrow.target not in inside:
            continue
        way = layout.near.get(arrow, way)
        own = way if len(way) > 1 else []
        xs += [x for x, _ in own]
        tops += [y for _, y in own]
        bottoms += [y for _, y in own]
        if arrow in layout.tags:
            tops.append(layout.tags[arrow][1] - size)
    for left, top, right, bottom in inner:
        xs += [left, right]
        tops.append(top)
        bottoms.append(bottom)
    return min(xs) - pad, min(tops) - title - 0.3 * size, max(xs) + pad, max(bottoms) + pad

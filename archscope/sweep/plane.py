"""Rows of a sweep on a plane of two quantities: what `archscope.diagrams.scatter` draws.

>>> from archscope.sweep.plan import Spec
>>> spec = Spec("vgg@D", "", "D")
>>> family((0, "vgg@D", None, 1, ""), several=True), family((0, "vgg@D", None, 1, ""), several=False)
('vgg', 'vgg@D')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archscope.diagrams.scatter import Place, Plane, scatter
from archscope.diagrams.scene import Scene
from archscope.diagrams.themes import Theme
from archscope.sweep.rows import Rows, found


def picture(rows: Rows, across: str, up: str, colors: Theme) -> Scene:
    """Every network on the plane of two columns, with the front where one was asked for.

    Raises:
        UsageError: no network has both quantities.
    """
    first, second = (rows.heading.index(each, rows.texts) for each in (across, up))
    several = len({each.name.partition("@")[0] for each in rows.plan.specs}) > 1
    plane = Plane(across, up)
    best: dict[int, Place] = {}
    for row in rows.all():
        if row[first] is not None and row[second] is not None:
            plane.add(family(row, several=several), _name(row, rows, several=several), row[first], row[second])
            if row[0] in rows.best:
                best[row[0]] = (row[first], row[second])
    front = [best[each] for each in found(rows, rows.front)] if rows.front is not None else []
    return scatter(plane, list(dict.fromkeys(front)), colors)


def family(row: Sequence[Any], *, several: bool) -> str:
    """What has one colour: a family of several, the members of the only one."""
    return str(row[1]).partition("@")[0] if several else str(row[1])


def _name(row: Sequence[Any], rows: Rows, *, several: bool) -> str:
    """What stands beside a mark: the member, and what is set."""
    said = [str(each) for each in row[2 : rows.texts] if each is not None]
    member = str(row[1]).partition("@")[2] or str(row[1])
    return " ".join([member, *said] if several or not said else said)

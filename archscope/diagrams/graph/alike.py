"""What makes blocks equal, so that a picture draws them once.

Blocks are equal if they hold the same layers, with the same shapes and as many parameters of their own, joined in the
same way. ``loosely``, they may differ in how far apart the taps of their windows are and in the padding that makes up
for it: each copy costs the same, and what differs is told as a series, ``dilation 1, 2, …, 512``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import takewhile
from typing import Final

from archscope.analysis import Row
from archscope.diagrams.graph.tree import Block, Child, units
from archscope.network import Ref

APART: Final = "dilation"

VARY: Final = frozenset({APART, "padding"})
"""Options in which layers may differ that are equal but loosely: no cost and no shape that leaves follows from them."""

_SPELLED: Final = 5
"""So many values of a series are told before the rest becomes dots."""


def entering(child: Child) -> tuple[Ref, ...]:
    """What a block reads from outside, each once, in order."""
    inside = {unit.name for unit in units(child)}
    return tuple(dict.fromkeys(ref for unit in units(child) for ref in unit.inputs if ref.node not in inside))


def signature(child: Child, *, sharing: bool = False, loosely: bool = False) -> Hashable:
    """Equal for blocks that do the same to inputs of the same shapes."""
    places = {unit.name: place for place, unit in enumerate(units(child))}
    outside = {ref: place for place, ref in enumerate(entering(child))}

    def read(ref: Ref) -> tuple[str, int, int]:
        if ref.node in places:
            return "inside", places[ref.node], ref.output
        return "outside", outside[ref], 0

    def shapes(row: Row) -> Hashable:
        """What goes in and comes out, but for what padding makes larger for the layers after it."""
        if not loosely:
            return row.input_shapes, row.outputs
        given = tuple(shape for ref, shape in zip(row.node.inputs, row.input_shapes, strict=False)
                      if ref.node not in places)  # fmt: skip
        return given, None if _varies(row) and row.node.layer.kernel is None else row.outputs

    def of(each: Child) -> Hashable:
        if isinstance(each, Block):
            return each.tower, tuple(of(inner) for inner in each.children)
        rows = tuple((_kind(row, sharing=sharing, loosely=loosely), shapes(row)) for row in each.rows)
        return rows, tuple(read(ref) for ref in each.inputs)

    return of(child)


def kinds(child: Child, *, sharing: bool = False, loosely: bool = False) -> Hashable:
    """What the layers of a block are, however they are joined: equal where signatures are."""
    return tuple(_kind(row, sharing=sharing, loosely=loosely) for unit in units(child) for row in unit.rows)


def _varies(row: Row) -> bool:
    return not VARY.isdisjoint(row.node.layer.options)


def _kind(row: Row, *, sharing: bool, loosely: bool) -> Hashable:
    """What a layer does: its type and options; of a function that was read, all but where; and what it owns."""
    layer = row.node.layer
    weights = () if sharing else tuple(weight.shape for facts in row.facts for weight in facts.weights)
    owned = 0 if sharing else int(row.parameters)
    macs = None if row.macs is None else int(row.macs)
    if loosely and _varies(row):
        same = tuple((name, repr(getattr(layer, name))) for name in layer.options if name not in VARY)
        return layer.type, same, weights, macs, owned
    if layer.options:
        return layer, owned
    # What a function that was read does is said first, then whose weights it takes.
    label = layer.label.partition(", weights ")[0] if sharing else layer.label
    return layer.type, label, weights, macs, owned


def told_together(rows: Sequence[Row], labels: Sequence[str]) -> str:
    """What equal layers are in one line: what is said of all, and how far apart the taps of each one's windows are."""
    apart = [_value(getattr(row.node.layer, APART, 1)) for row in rows]
    words = zip(*(label.split(" ") for label in labels), strict=False)
    common = [each[0] for each in takewhile(lambda each: len(set(each)) == 1, words)]
    if set(apart) == {"1"} or not common:
        return " ".join(common)
    return " ".join((*common, APART, apart[0] if len(set(apart)) == 1 else series(apart)))


def _value(given: object) -> str:
    """An option that has a value for each axis as one number, if they are one."""
    parts = [str(each) for each in given] if isinstance(given, tuple) else [str(given)]
    return parts[0] if len(set(parts)) == 1 else "×".join(parts)


def series(values: Sequence[str]) -> str:
    """Values one after the other, those in the middle of many as dots, and how often they come again.

    >>> series(["1", "2"]), series(["1", "2", "3"] * 4), series([str(2**each) for each in range(7)])
    ('1, 2', '1, 2, 3, 4 times', '1, 2, 4, …, 64')
    """
    period = next(_periods(values))
    once = list(values[:period])
    if len(once) > _SPELLED:
        once[3:-1] = ["…"]
    times = [f"{len(values) // period} times"] if period < len(values) else []
    return ", ".join((*once, *times))


def _periods(values: Sequence[str]) -> Iterator[int]:
    many = len(values)
    for each in range(1, many + 1):
        if many % each == 0 and list(values[:each]) * (many // each) == list(values):
            yield each

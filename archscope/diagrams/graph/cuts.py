"""What takes a value apart for one block alone, as a loop takes a sequence apart for its cell, stands in that block.

>>> import archscope
>>> from archscope.diagrams.graph.units import units_of
>>> spec = "input: [3, 8]\\nblocks:\\n  cell:\\n    inputs: [a, b, c]\\n    layers:\\n"
>>> spec += "      all: {type: add, from: [a, b, c]}\\n      out: {type: linear, out_features: 4}\\nlayers:\\n"
>>> spec += "".join(f"  x{n}: {{type: select, index: {n}, from: input}}\\n" for n in range(3))
>>> spec += "  cell: {type: cell, from: [x0, x1, x2]}\\n"
>>> found = within(units_of(archscope.analyze(archscope.read(spec))))
>>> [(unit.name, [part.name for part in unit.path]) for unit in found]
[('x0', ['cell']), ('x1', ['cell']), ('x2', ['cell']), ('cell.all', ['cell']), ('cell.out', ['cell'])]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from archscope.diagrams.graph.units import Part, Unit
from archscope.network import Ref

LEAST: Final = 3
"""So many parts of a value, at least, that one block reads are taken in it."""

_CUTS: Final = frozenset({"Selection", "Slice"})


def within(found: Sequence[Unit], outputs: Sequence[str] = ()) -> tuple[Unit, ...]:
    """The units, those that take one value apart for a single block in that block."""
    around: dict[str, tuple[Part, ...]] = dict.fromkeys(outputs, ())
    for unit in found:
        for ref in unit.inputs:
            around[ref.node] = unit.path if ref.node not in around else _common(around[ref.node], unit.path)
    parts: dict[tuple[Ref, tuple[Part, ...]], list[Unit]] = {}
    for unit in found:
        if unit.rows[0].node.layer.verb in _CUTS:
            parts.setdefault((unit.inputs[0], unit.path), []).append(unit)
    moved: dict[str, tuple[Part, ...]] = {}
    for (_, path), units in parts.items():
        shared = around.get(units[0].name, ())
        for unit in units[1:]:
            shared = _common(shared, around.get(unit.name, ()))
        if len(units) >= LEAST and len(shared) > len(path) and shared[: len(path)] == path:
            moved.update({unit.name: shared for unit in units})
    return tuple(replace(unit, path=moved[unit.name]) if unit.name in moved else unit for unit in found)


def _common(one: tuple[Part, ...], other: tuple[Part, ...]) -> tuple[Part, ...]:
    """The blocks around both."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return one[:same]

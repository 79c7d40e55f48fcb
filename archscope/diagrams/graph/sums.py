"""Sums of sums as one: what gathers a value of each of many blocks is one sign with many arrows.

>>> import archscope
>>> from archscope.diagrams.graph.units import units_of
>>> spec = "input: [8]\\nlayers:\\n"
>>> spec += "".join(f"  v{n}: {{type: linear, out_features: 8, from: input}}\\n" for n in range(4))
>>> spec += "  a: {type: add, from: [v0, v1]}\\n  b: {type: add, from: [a, v2]}\\n  c: {type: add, from: [b, v3]}\\n"
>>> analysis = archscope.analyze(archscope.read(spec))
>>> [(unit.label, len(unit.inputs)) for unit in summed(units_of(analysis), analysis.network)][-1]
('a–c', 4)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from archscope.diagrams.graph.units import Unit
from archscope.network import Network

LEAST: Final = 3
"""So many sums in a row, at least, are one."""


def summed(found: Sequence[Unit], network: Network) -> tuple[Unit, ...]:
    """The units, with sums of which each is read by the next alone as one."""
    outputs = {ref.node for ref in network.outputs}
    by_name = {unit.name: unit for unit in found}
    readers: dict[str, list[str]] = {}
    for unit in found:
        for ref in unit.inputs:
            readers.setdefault(ref.node, []).append(unit.name)
    before: dict[str, Unit] = {}
    for unit in found:
        for ref in unit.inputs:
            source = by_name.get(ref.node)
            if (
                source is not None and _adds(source) and _adds(unit) and len(source.rows) == 1
                and source.path == unit.path and readers[source.name] == [unit.name] and source.name not in outputs
                and unit.name not in before
            ):  # fmt: skip
                before[unit.name] = source
    made: dict[str, Unit] = {}
    inner = {unit.name for unit in before.values()}
    for unit in found:
        parts = [unit]
        while unit.name not in inner and parts[0].name in before:
            parts.insert(0, before[parts[0].name])
        if len(parts) >= LEAST:
            made[unit.name] = _whole(parts)
            for part in parts[:-1]:
                made.pop(part.name)
        else:
            made[unit.name] = unit
    home = {row.name: whole.name for whole in made.values() for row in whole.rows if row.name in by_name}
    return tuple(
        replace(unit, inputs=tuple(ref.replace(node=home.get(ref.node, ref.node)) for ref in unit.inputs))
        for unit in made.values()
    )


def _adds(unit: Unit) -> bool:
    """Whether it adds values of one shape."""
    row = unit.rows[0]
    return row.type == "add" and len(row.node.inputs) > 1 and {*row.input_shapes} == {*row.outputs}


def _whole(parts: Sequence[Unit]) -> Unit:
    names = {part.name for part in parts}
    refs = tuple(ref for part in parts for ref in part.inputs if ref.node not in names)
    first, last = parts[0], parts[-1]
    rows = tuple(row for part in parts for row in part.rows)
    return replace(first, rows=rows, inputs=refs, label=f"{first.label}–{last.label}")

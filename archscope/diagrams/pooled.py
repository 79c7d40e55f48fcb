"""Where all steps of a sequence become one value: their mean or greatest, several of these, or attention over them.

>>> import archscope
>>> spec = "input: [5, 8]\\nlayers:\\n  rnn: {type: gru, hidden_size: 4}\\n"
>>> spec += "  score: {type: linear, out_features: 1, activation: {type: softmax, dim: 0}}\\n"
>>> spec += "  weighted: {type: multiply, from: [score, rnn]}\\n  whole: {type: mean, dim: 0}\\n"
>>> from archscope.diagrams.graph.units import units_of
>>> [(pool.reads, pool.word, pool.unit.layers) for pool in pools_of(units_of(archscope.analyze(archscope.read(spec))))]
[('rnn', 'attention over all steps', ('score', 'score.softmax', 'weighted', 'whole'))]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.diagrams.graph.units import Unit, is_glue
from archscope.diagrams.looking import readers_of, recurs, symbol, whole

_WEIGHS: Final = frozenset({"×", "@"})


@dataclass(frozen=True)
class Pool:
    """What makes one value of those of all steps.

    Attributes:
        reads: the layer whose steps it reads.
        turned: what is drawn as part of that layer and only sees its steps differently, which is part of this.
        unit: all of it.
        end: the unit that others read.
        word: what it does, in a few words.
        family: whose colour it has.
    """

    reads: str
    turned: tuple[str, ...]
    unit: Unit
    end: str
    word: str
    family: str


def pools_of(units: Sequence[Unit]) -> Iterator[Pool]:
    """Each of them, in order."""
    by_name = {unit.name: unit for unit in units}
    readers = readers_of(units)
    taken: set[str] = set()
    for end in units:
        if recurs(end) or is_glue(end.rows[0].node.layer) or len(_plain(end.outputs[0])) != 1:
            continue
        found = _parts(end, by_name, readers)
        if found is not None and not taken & {unit.name for unit in found[1]}:
            reads, parts = found
            taken |= {unit.name for unit in parts}
            turned = tuple(row for row in by_name[reads].rows[1:] if is_glue(row.node.layer))
            told = _said(parts)
            family = "sequence" if told == "attention" else end.rows[0].node.layer.family
            unit = whole(parts, "attention" if told == "attention" else end.label)
            read = next(ref for part in parts for ref in part.inputs if ref.node == reads)
            unit = replace(unit, rows=(*turned, *unit.rows), inputs=(read,))
            yield Pool(reads, tuple(row.name for row in turned), unit, end.name, f"{told} over all steps", family)


def _parts(end: Unit, by_name: Mapping[str, Unit], readers: Mapping[str, set[str]]) -> tuple[str, list[Unit]] | None:
    """What is read, and all units from there to an end, where nothing else reads what is between."""
    order = list(by_name)
    inside = {end.name}
    while True:
        outside = {ref.node for name in inside for ref in by_name[name].inputs} - inside
        if not outside <= by_name.keys():
            return None
        nearest = max(outside, key=order.index)
        unit = by_name[nearest]
        if not readers[nearest] <= inside:
            return None
        if len(outside) == 1 and (recurs(unit) or (len(unit.inputs) == 1 and len(_plain(unit.rows[0].output)) == 2)):
            steps = int(unit.rows[0].output[0])
            parts = [each for name, each in by_name.items() if name in inside]
            known = steps > 1 and recurs(_top(unit, by_name)) and _said(parts) != ""
            return (nearest, parts) if known else None
        if recurs(unit):
            return None
        inside.add(nearest)


def _top(unit: Unit, by_name: Mapping[str, Unit]) -> Unit:
    """The recurrence that a chain goes back to; the unit itself where there is none."""
    before = unit
    while not recurs(before):
        if len(before.inputs) != 1 or before.inputs[0].node not in by_name:
            return unit
        before = by_name[before.inputs[0].node]
    return before


def _said(parts: Sequence[Unit]) -> str:
    """What is done, where that is known to read all steps."""
    rows = [row for unit in parts for row in unit.rows]
    if any("softmax" in row.node.layer.label for row in rows):
        return "attention" if any(symbol(unit) in _WEIGHS for unit in parts) else ""
    said = dict.fromkeys(
        row.node.layer.label.split(" ")[0].replace("global", "mean") for row in rows
        if row.node.layer.verb == "Reduction" or row.node.layer.label == "global average pool"
    )  # fmt: skip
    return " and ".join(said)


def _plain(shape: Sequence[int]) -> list[int]:
    """A shape without extents of 1."""
    return [int(extent) for extent in shape if int(extent) != 1]

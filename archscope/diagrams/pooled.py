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

from archscope.analysis import Row
from archscope.diagrams.graph.units import Unit, is_glue
from archscope.diagrams.looking import readers_of, recurs, symbol, whole
from archscope.diagrams.loops import Looped

_WEIGHS: Final = frozenset({"×", "@"})
_OVER: Final = " over all steps"
_Found = tuple[str, list[Unit], tuple[str, ...]]
"""What is read, all units from there to an end, and which layers make one value of all steps."""


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
        over: the layers in it that make one value of all steps.
    """

    reads: str
    turned: tuple[str, ...]
    unit: Unit
    end: str
    word: str
    family: str
    over: tuple[str, ...]

    def said(self, row: Row) -> str:
        """One of its layers in words: where its axis is that of the steps, the axis has no number."""
        label = row.node.layer.label
        return f"{label.partition(' over ')[0]}{_OVER}" if row.name in self.over else label


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
            reads, parts, over = found
            taken |= {unit.name for unit in parts}
            own = () if isinstance(by_name[reads], Looped) else by_name[reads].rows[1:]
            turned = tuple(row for row in own if is_glue(row.node.layer))
            told = _said(parts)
            family = "sequence" if told == "attention" else end.rows[0].node.layer.family
            unit = whole(parts, "attention" if told == "attention" else end.label)
            read = next(ref for part in parts for ref in part.inputs if ref.node == reads)
            unit = replace(unit, rows=(*turned, *unit.rows), inputs=(read,))
            yield Pool(reads, tuple(row.name for row in turned), unit, end.name, f"{told}{_OVER}", family, over)


def _parts(end: Unit, by_name: Mapping[str, Unit], readers: Mapping[str, set[str]]) -> _Found | None:
    """Of an end, if nothing else reads what is between."""
    order = list(by_name)
    inside = {end.name}
    while True:
        outside = {ref.node for name in inside for ref in by_name[name].inputs} - inside
        if not outside or not outside <= by_name.keys():
            return None
        nearest = max(outside, key=order.index)
        unit = by_name[nearest]
        if not readers[nearest] <= inside:
            return None
        if len(outside) == 1 and (recurs(unit) or (len(unit.inputs) == 1 and len(_plain(unit.rows[0].output)) == 2)):
            steps = int(unit.outputs[0][0] if isinstance(unit, Looped) else unit.rows[0].output[0])
            parts = [each for name, each in by_name.items() if name in inside]
            known = steps > 1 and recurs(_top(unit, by_name)) and _said(parts) != ""
            over = _over_steps(parts, unit, by_name) if known else None
            return None if over is None else (nearest, parts, over)
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


def _over_steps(parts: Sequence[Unit], reads: Unit, by_name: Mapping[str, Unit]) -> tuple[str, ...] | None:
    """What makes one value of all steps; None where one is made of what each of them is."""
    top, order = _top(reads, by_name), list(by_name)
    inside = {row.name for unit in (reads, *parts) for row in unit.rows}
    along: dict[str, int | None] = {}
    made: dict[str, bool] = {}
    for name in order[order.index(top.name) : order.index(parts[-1].name) + 1]:
        for row in by_name[name].rows:
            at, shape = next(
                ((along[ref.node], shape) for ref, shape in zip(row.node.inputs, row.input_shapes, strict=True)
                 if along.get(ref.node) is not None), (None, ()))  # fmt: skip
            at_each = name == top.name or isinstance(by_name[name], Looped)
            if at_each and not is_glue(row.node.layer):
                at = 0
            elif at is not None:
                gone = row.node.layer.reduced(shape)
                if gone and row.name in inside:
                    made[row.name] = at in gone
                at = _moved(at, row, shape)
            along[row.name] = at
    over = tuple(name for name, steps in made.items() if steps)
    if _said(parts) == "attention":
        return over if over or any(symbol(unit) == "@" for unit in parts) else None
    return over if over and len(over) == len(made) else None


def _moved(at: int, row: Row, shape: tuple[int, ...]) -> int | None:
    """Which axis one of an input is after a layer; None where it is none any more."""
    layer, out = row.node.layer, row.output
    gone = layer.reduced(shape)
    if at in gone:
        return None
    if gone:
        return at if len(out) == len(shape) else at - sum(each < at for each in gone)
    turns = next((step.turns for step in layer.runs(row.facts[0]) or () if step.turns), ())
    if turns:
        return turns.index(at + 1) - 1
    if len(out) == len(shape):
        return at
    if _plain(out) != _plain(shape) or int(shape[at]) == 1:
        return None
    return [place for place, extent in enumerate(out) if int(extent) != 1][len(_plain(shape[:at]))]


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

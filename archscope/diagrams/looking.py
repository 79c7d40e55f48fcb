"""What belongs together where recurrence looks at recurrence: attention with its weights, and the way to a first state.

>>> import archscope
>>> spec = "input: {source: [5, 8], target: [3, 8]}\\nlayers:\\n"
>>> spec += "  encoder: {type: gru, hidden_size: 4, from: source}\\n"
>>> spec += "  decoder: {type: gru, hidden_size: 4, from: target}\\n"
>>> spec += "  keys: {type: linear, out_features: 4, from: encoder}\\n"
>>> spec += "  turned: {type: transpose, dim0: 0, dim1: 1}\\n"
>>> spec += "  scores: {type: matmul, from: [decoder, turned], activation: softmax}\\n"
>>> spec += "  context: {type: matmul, from: [scores, encoder]}\\n"
>>> from archscope.diagrams.graph.units import units_of
>>> analysis = archscope.analyze(archscope.read(spec))
>>> [[unit.name for unit in parts] for parts in attentions(units_of(analysis), analysis)]
[['keys', 'scores', 'context']]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.circuits import Cell
from archscope.diagrams.graph.units import Unit, is_glue
from archscope.diagrams.loops import Looped
from archscope.network import Ref

_JOINS: Final = frozenset({"‖", "+"})


@dataclass(frozen=True)
class Bridge:
    """What stands between the states that an encoder ends with and those that a decoder begins with.

    Attributes:
        begins: the encoder.
        unit: the layers.
        directions: those of the encoder whose states it reads: 0 forwards, 1 backwards.
        output: what comes out.
        words: what is done, in order.
    """

    begins: str
    unit: Unit
    directions: tuple[int, ...]
    output: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def drawn(self) -> bool:
        """Whether it is more than a choice of states."""
        return not is_glue(self.unit.rows[0].node.layer)


def recurs(unit: Unit) -> bool:
    """Whether a unit is recurrence."""
    return isinstance(unit, Cell) or unit.rows[0].node.layer.verb == "Recurrence"


def symbol(unit: Unit) -> str:
    """Its sign, if it has one."""
    return unit.rows[0].node.layer.symbol


def whole(parts: Sequence[Unit], label: str) -> Unit:
    """Several units as one that does all they do."""
    rows = tuple(row for unit in parts for row in unit.rows)
    loops = [unit for unit in parts if isinstance(unit, Looped)]
    if not loops:
        return replace(parts[0], rows=rows, label=label)
    words = tuple(row for unit in parts for row in (unit.words if isinstance(unit, Looped) else unit.rows))
    return Looped(rows, (), (), label, steps=loops[0].steps, words=words)


def attentions(units: Sequence[Unit], analysis: Analysis) -> list[list[Unit]]:
    """The parts of each attention that ends in a product: what nothing else reads, and what its result is joined in."""
    readers = readers_of(units)
    outputs = {ref.node for ref in analysis.network.outputs}
    derived = _derived(units)
    found: list[list[Unit]] = []
    taken: set[str] = set()
    for end in reversed(units):
        if end.name in taken or not (symbol(end) == "@" or end.rows[0].node.layer.verb == "Attention"):
            continue
        parts = {end.name}
        for unit in reversed(units):
            reads = readers.get(unit.name, set())
            if unit.name in derived and reads and reads <= parts and not outputs & set(unit.layers):
                parts.add(unit.name)
        joins = [unit for unit in units if unit.name in readers.get(end.name, ()) and symbol(unit) in _JOINS]
        if len(readers.get(end.name, ())) == 1 and joins:
            parts.add(joins[0].name)
        taken |= parts
        found.append([unit for unit in units if unit.name in parts])
    return found


def readers_of(units: Sequence[Unit]) -> dict[str, set[str]]:
    """The units that read each."""
    found: dict[str, set[str]] = {}
    for unit in units:
        for ref in (*unit.inputs, *(unit.before if isinstance(unit, Looped) else ())):
            found.setdefault(ref.node, set()).add(unit.name)
    return found


def _derived(units: Sequence[Unit]) -> set[str]:
    """What is worked out, without recurrence, of what recurrence gives at each step."""
    recurrent = {unit.name for unit in units if recurs(unit)}
    found: set[str] = set()
    for unit in units:
        before = unit.before if isinstance(unit, Looped) else ()
        reads = any(ref.node in found or (ref.node in recurrent and ref.output == 0) for ref in unit.inputs)
        if not recurs(unit) and (reads or before):
            found.add(unit.name)
    return found


def fed(units: Sequence[Unit]) -> Iterator[Unit]:
    """The units, with what joins a cell's input and a value of the step before as part of that cell."""
    readers = readers_of(units)
    joins = {unit.name: unit for unit in units if isinstance(unit, Looped) and unit.before and symbol(unit) in _JOINS
             and len(unit.inputs) == 1 and len(readers.get(unit.name, ())) == 1}  # fmt: skip
    cells = {unit.inputs[0].node: unit.name for unit in units if isinstance(unit, Looped) and recurs(unit)}
    for unit in units:
        join = joins.get(unit.inputs[0].node) if unit.inputs else None
        if join is not None and isinstance(unit, Looped) and cells[join.name] == unit.name:
            yield replace(unit, rows=(*unit.rows, *join.rows), words=(*join.words, *unit.words), before=join.before,
                          inputs=(*join.inputs, *unit.inputs[1:]))  # fmt: skip
        elif unit.name not in joins or unit.name not in cells:
            yield unit


def bridges(units: Sequence[Unit]) -> dict[str, Bridge]:
    """For each decoder that begins with what layers make of an encoder's last states: those layers."""
    by_name = {unit.name: unit for unit in units}
    readers = readers_of(units)
    found: dict[str, Bridge] = {}
    for unit in units:
        if not recurs(unit):
            continue
        inside: dict[str, Unit] = {}
        ends = set(_ends(unit.inputs[1:], by_name, inside))
        only = all(readers[name] <= {*inside, unit.name} for name in inside)
        if inside and only and len({ref.node for ref in ends}) == 1 and all(ref.output for ref in ends):
            parts = [each for each in units if each.name in inside]
            output = parts[-1].outputs[0]
            words = tuple(row.node.layer.label for each in parts for row in each.rows if not is_glue(row.node.layer))
            # It is called as the layer that has weights.
            parts.sort(key=lambda each: (not each.parameters, is_glue(each.rows[0].node.layer)))
            (encoder,) = {ref.node for ref in ends}
            directions = tuple(_directions(parts, encoder))
            found[unit.name] = Bridge(encoder, whole(parts, parts[0].label), directions, output, words)
    return found


def _ends(refs: Sequence[Ref], by_name: Mapping[str, Unit], inside: dict[str, Unit]) -> Iterator[Ref]:
    """Where the way back from some values ends: at recurrence, or an input."""
    for ref in refs:
        unit = by_name.get(ref.node)
        if unit is None or recurs(unit):
            yield ref
        else:
            inside[unit.name] = unit
            yield from _ends(unit.inputs, by_name, inside)


def _directions(parts: Sequence[Unit], encoder: str) -> Iterator[int]:
    chosen = set()
    for unit in parts:
        for row in unit.rows:
            if any(ref.node == encoder for ref in row.node.inputs):
                options = row.node.layer.stated()
                index = options.get("index", options.get("start"))
                chosen.add(int(str(index)) % 2 if row.node.layer.verb in ("Selection", "Slice") else -1)
    yield from (0, 1) if -1 in chosen else sorted(chosen)

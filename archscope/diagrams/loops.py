"""A recurrence written as a loop, folded: what is called again at each step, with the same weights, is one unit.

A loop takes a sequence apart, calls a cell at each position with the states that the call before gave, and may stack
what comes out. Whatever is done at every step alike is one unit that stands at all of them; what is done with the last
states alone is one that stands at the end.

>>> import archscope
>>> spec = "input: [2, 8]\\nlayers:\\n"
>>> spec += "  x1: {type: select, index: 0}\\n  cell: {type: gru_cell, hidden_size: 4}\\n"
>>> spec += "  x2: {type: select, index: 1, from: input}\\n"
>>> spec += "  again: {type: gru_cell, hidden_size: 4, shares: cell, from: [x2, cell]}\\n"
>>> [(unit.name, unit.steps, unit.outputs) for unit in folded(archscope.analyze(archscope.read(spec)))]
[('cell', 2, ((2, 4), (1, 4)))]
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.units import Unit, is_glue, label_of, units_of
from archscope.network import Network, Ref

Stepped = tuple[Ref, int | None]
"""A value by the unit that gives it, and at which step; of None, whole."""


@dataclass(frozen=True)
class Looped(Unit):
    """What a loop does at each of its ``steps``, or with its last states alone.

    Attributes:
        steps: how often it is done; 1 with the last states.
        words: what is done at one of them.
        before: what it reads of the step before, beside the states that a cell hands on to itself.
    """

    steps: int = 1
    words: tuple[Row, ...] = ()
    before: tuple[Ref, ...] = ()

    @property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """What comes out at all steps together; of a cell its last states as well."""
        # Where a cell's state is named anew for one of those that read it, the others read it as it is.
        told = [row for row in self.words if not renames(row)] if self.states else self.words
        last = _bare(told[-1].outputs[0])
        if self.steps == 1:
            return (last,)
        many = len(self.states)
        return ((self.steps, *last), *((1, *last) for _ in range(many)))

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of what it hands on."""
        row = self.rows[0]
        return ("h", "c")[: _states(row)] if row.node.layer.verb == "Recurrence" else ()


@dataclass
class _Role:
    """What is done alike at several steps."""

    inputs: tuple[Ref, ...]
    cell: bool = False
    at: dict[int, list[Row]] = field(default_factory=dict)
    loose: list[Row] = field(default_factory=list)


class NoLoopError(Exception):
    """What a loop does differs from step to step."""


def folded(analysis: Analysis) -> tuple[Unit, ...]:
    """The units of a network, with its loops folded; as they are where it has none.

    Raises:
        NoLoopError: what its loops do differs from step to step.
    """
    calls = dict(calls_of(analysis))
    return Fold(analysis, calls).units() if calls else units_of(analysis)


def _steps_alone(row: Row) -> bool:
    """Whether a layer is a cell, or recurrence over one position."""
    if row.node.layer.verb != "Recurrence":
        return False
    given = row.input_shapes[0]
    if len(given) == 1:
        return True
    return given[0] == 1 and len(row.outputs) > 1 and row.outputs[1][0] == 1


def position(row: Row) -> int | None:
    """The one position of a sequence that a row takes; None if it does something else."""
    layer = row.node.layer
    options = layer.stated()
    if layer.verb not in ("Selection", "Slice") or options.get("dim", 0) not in (0, -len(row.input_shapes[0])):
        return None
    if layer.verb == "Slice" and row.output[0] != 1:
        return None
    return int(str(options.get("index", options.get("start", 0)))) % int(row.input_shapes[0][0])


def renames(row: Row) -> bool:
    """Whether a row hands on all that it reads, with its axes named anew."""
    return is_glue(row.node.layer) and prod(row.output) == prod(row.input_shapes[0])


def lays_out(row: Row) -> bool:
    """Whether a row puts values one after the other, as positions of a sequence."""
    if row.type not in ("stack", "concat"):
        return False
    given = row.input_shapes[0]
    options = row.node.layer.stated()
    if row.type == "stack":
        return options.get("dim", 0) in (0, -len(row.output))
    return len(given) > 1 and given[0] == 1 and options.get("dim", 0) in (0, -len(given))


def is_cell(row: Row) -> bool:
    return len(row.input_shapes[0]) == 1


def _states(row: Row) -> int:
    return len(row.outputs) - (not is_cell(row))


def calls_of(analysis: Analysis) -> Iterator[tuple[str, list[str]]]:
    """Each cell that is called again, with its calls in order."""
    found: dict[str, list[str]] = {}
    for row in analysis.nodes:
        if _steps_alone(row):
            found.setdefault(row.shares[0] if row.shares else row.name, []).append(row.name)
    yield from ((name, calls) for name, calls in found.items() if len(calls) > 1)


def cuts_of(analysis: Analysis) -> set[str]:
    """What takes a sequence apart: selections of all positions of one value."""
    rows = {row.name: row for row in analysis.nodes}
    taken: dict[Ref, dict[int, list[str]]] = {}
    for row in rows.values():
        index = position(row)
        if index is not None:
            taken.setdefault(row.node.inputs[0], {}).setdefault(index, []).append(row.name)
    return {name for ref, parts in taken.items()
            if ref.output == 0 and len(parts) == _length(ref, analysis.network, rows)
            for names in parts.values() for name in names}  # fmt: skip


def _length(ref: Ref, network: Network, rows: Mapping[str, Row]) -> int:
    shape = network.inputs[ref.node] if ref.node in network.inputs else rows[ref.node].outputs[0]
    return int(shape[0])


class Fold:
    """Walks the nodes in order and finds for each at which step it stands, and what it does there.

    Args:
        analysis: what stands in a network.
        calls: of each cell that is called again, the calls in order.
        but: rows that others fold.
    """

    def __init__(self, analysis: Analysis, calls: Mapping[str, Sequence[str]], but: Container[str] = ()) -> None:
        self.analysis = analysis
        self.network = analysis.network
        self.rows = {row.name: row for row in analysis.nodes if row.name not in but}
        self.turn = {name: (root, step) for root, names in calls.items() for step, name in enumerate(names)}
        self.many = {root: len(names) for root, names in calls.items()}
        self.place: dict[Ref, Stepped] = {Ref(name, 0): (Ref(name, 0), None) for name in self.network.inputs}
        self.roles: dict[str, _Role] = {}
        self.known: dict[object, str] = {}
        self.held: dict[str, str] = {}
        self.waiting: dict[str, list[Row]] = {}
        self.cuts = cuts_of(analysis)

    def units(self) -> tuple[Unit, ...]:
        """All of them, by where each begins."""
        made: dict[str, Unit] = {**self.loops()}
        for unit in units_of(self.analysis):
            if unit.name not in self.held:
                rows = tuple(row for row in unit.rows if row.name not in self.held)
                made[unit.name] = replace(unit, rows=rows, inputs=tuple(self._whole(ref) for ref in unit.inputs))
        return tuple(made[name] for name in self.rows if name in made)

    def loops(self) -> dict[str, Looped]:
        """What its loops do, by where each begins; ``held`` are then the rows that are part of them."""
        for row in self.rows.values() if self.many else ():
            self._walk(row)
        return {name: self._looped(role) for name, role in self.roles.items()}

    def _walk(self, row: Row) -> None:
        given = [self.place.get(ref, (ref, None)) for ref in row.node.inputs]
        if row.name in self.turn:
            self._call(row, given)
        elif row.name in self.cuts and given[0][1] is None:
            self._pass(row, (given[0][0], position(row)))
        elif renames(row) and (given[0][1] is not None or self._is_state(row)):
            self._pass(row, given[0])
        elif lays_out(row) and self._joins(given):
            self._pass(row, (given[0][0], None))
        elif any(step is not None for _, step in given):
            self._does(row, given)

    def _pass(self, row: Row, place: Stepped) -> None:
        """A row that only hands on: it is drawn with what gives its value, or with what reads it first."""
        self.place[Ref(row.name, 0)] = place
        if place[0].node in self.roles:
            self._hold(place[0].node, row)
        else:
            self.held[row.name] = ""
            self.waiting[row.name] = [row, *(each for ref in row.node.inputs for each in self._waited(ref))]

    def _waited(self, ref: Ref) -> list[Row]:
        return self.waiting.pop(ref.node, [])

    def _hold(self, name: str, row: Row) -> None:
        self.held[row.name] = name
        self.roles[name].loose.append(row)

    def _is_state(self, row: Row) -> bool:
        """Whether a row names anew the one last state of a layer that reads a whole sequence."""
        ref = row.node.inputs[0]
        made = self.rows.get(ref.node)
        if made is None or not ref.output:
            return False
        return made.node.layer.verb == "Recurrence" and made.outputs[ref.output][0] == 1

    def _joins(self, given: Sequence[Stepped]) -> bool:
        """Whether the values of all steps are put together again, in their order."""
        refs = {ref for ref, _ in given}
        many = next((self._steps_of(ref.node) for ref in refs), 0)
        return len(refs) == 1 and many > 1 and [step for _, step in given] == list(range(many))

    def _steps_of(self, name: str) -> int:
        return max(self.roles[name].at) + 1 if name in self.roles else 0

    def _call(self, row: Row, given: Sequence[Stepped]) -> None:
        root, step = self.turn[row.name]
        hands = given[1:]
        if step:
            before = [(Ref(root, number), step - 1) for number in range(_states(row))]
            if given[0] != (self.roles[root].inputs[0], step) or list(hands) != before:
                raise NoLoopError
        elif given[0][1] != 0:
            raise NoLoopError
        else:
            self.roles[root] = _Role((given[0][0], *(self._last(*each) for each in hands)), cell=True)
        self._stands(root, step, row)
        skip = not is_cell(row)
        for number in range(len(row.outputs)):
            self.place[Ref(row.name, number)] = (Ref(root, max(number - skip, 0)), step)

    def end(self, ref: Ref) -> Ref:
        """A value of those that are folded, by the unit that gives it at its end.

        Raises:
            NoLoopError: it is that of another step.
        """
        return self._last(*self.place.get(ref, (ref, None)))

    def _last(self, ref: Ref, step: int | None) -> Ref:
        """What is handed on at the end: of a folded cell its states, which stand after what it gives at each step."""
        role = self.roles.get(ref.node)
        if step is None or role is None or list(role.at) == [self._length_of(role.inputs[0]) - 1]:
            return ref
        if step != self.many.get(ref.node, 0) - 1:
            raise NoLoopError
        return Ref(ref.node, ref.output + 1)

    def _stands(self, name: str, step: int, row: Row) -> None:
        self.roles[name].at.setdefault(step, []).append(row)
        self.held[row.name] = name
        for ref in row.node.inputs:
            for each in self._waited(ref):
                self._hold(name, each)

    def _does(self, row: Row, given: Sequence[Stepped]) -> None:
        """A row of one step: part of the one before it, or what is done in its own right."""
        steps = {step for _, step in given if step is not None}
        if len(steps) != 1:
            raise NoLoopError
        (step,) = steps
        refs = tuple(ref for ref, _ in given)
        own = self.roles.get(refs[0].node)
        alone = len(self.network.consumers[row.node.inputs[0].node]) == 1
        if row.node.layer.absorbed and len(refs) == 1 and own is not None and not own.cell and alone:
            self._stands(refs[0].node, step, row)
            self.place[Ref(row.name, 0)] = (refs[0], step)
            return
        root = row.shares[0] if row.shares else row.name if row.weights else ""
        name = self.known.setdefault((row.node.layer, root, refs), row.name)
        role = self.roles.setdefault(name, _Role(refs))
        if step in role.at:
            raise NoLoopError
        self._stands(name, step, row)
        for number in range(len(row.outputs)):
            self.place[Ref(row.name, number)] = (Ref(name, number), step)

    def _whole(self, ref: Ref) -> Ref:
        """What a unit outside every loop reads, by the unit that gives it."""
        found, step = self.place.get(ref, (ref, None))
        if step is not None:
            raise NoLoopError
        return found

    def _looped(self, role: _Role) -> Looped:
        steps, last = sorted(role.at), self._length_of(role.inputs[0])
        inputs = role.inputs
        if steps == [last - 1]:
            source = inputs[0]
            cell = self.roles.get(source.node)
            inputs = (Ref(source.node, source.output + 1) if cell is not None and cell.cell else source, *inputs[1:])
        elif steps != list(range(last)) or len({_kinds(rows) for rows in role.at.values()}) != 1:
            raise NoLoopError
        first = role.at[steps[0]]
        node = first[0].node
        rows = (*(row for step in steps for row in role.at[step]), *role.loose)
        if any(len(_bare(row.outputs[0])) != 1 for row in first):
            raise NoLoopError
        label = label_of(node, self.network) or node.name
        return Looped(rows, inputs, (), label, steps=len(steps), words=tuple(first))

    def _length_of(self, ref: Ref) -> int:
        """Over how many steps a loop goes that reads a value."""
        role = self.roles.get(ref.node)
        if role is None:
            return _length(ref, self.network, self.rows)
        return self.many[ref.node] if role.cell else self._length_of(role.inputs[0])


def _kinds(rows: Sequence[Row]) -> tuple[object, ...]:
    return tuple(row.node.layer for row in rows)


def _bare(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape of one position, without that axis."""
    return tuple(int(extent) for extent in (shape[1:] if len(shape) > 1 and shape[0] == 1 else shape))

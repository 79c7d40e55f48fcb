"""A loop whose rounds read what the round before found, beside the states of its cell: one round, at all steps.

A decoder attends to its encoder with its state before (Bahdanau et al. 2015), or is given what it attended to at the
step before (Luong et al. 2015). Rounds are equal but for the step that they read; what a row of them reads is told by
where that stands in the round, so that equal rounds read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.units import Unit, label_of, units_of
from archscope.diagrams.loops import Fold, Looped, NoLoopError, calls_of, cuts_of, is_cell, lays_out, position, renames
from archscope.network import Ref


@dataclass(frozen=True)
class _Read:
    """What a row of a round reads.

    Attributes:
        kind: "round" for a value of its own round, "before" for one of the round before, "step" for its step of a
            sequence, "outside" for what is the same in all rounds, "other" for anything else.
        name: what gives it outside.
        at: where that stands in the round.
        output: its number there.
    """

    kind: str
    name: str = ""
    at: int = -1
    output: int = 0


def rounds(analysis: Analysis) -> tuple[Unit, ...]:
    """The units of a network of which one cell is called in rounds, and others in loops before, as an encoder's.

    Raises:
        NoLoopError: its rounds differ, or what its other loops do differs from step to step.
    """
    calls = dict(calls_of(analysis))
    if not calls:
        raise NoLoopError
    _, last = calls.popitem()
    return _Rounds(analysis, last, calls).units()


class _Rounds:
    def __init__(self, analysis: Analysis, calls: Sequence[str], others: Mapping[str, Sequence[str]]) -> None:
        self.analysis, self.network = analysis, analysis.network
        self.rows = {row.name: row for row in analysis.nodes}
        self.cuts = cuts_of(analysis)
        # What takes a sequence apart, or makes a value, stands where it is first read, and is in no round.
        self.order = [row for row in analysis.nodes if row.name not in self.cuts and row.node.inputs]
        self.place = {row.name: number for number, row in enumerate(self.order)}
        starts = [self.place[name] for name in calls]
        self.many, self.long = len(calls), starts[1] - starts[0]
        if {after - before for before, after in pairwise(starts)} != {self.long}:
            raise NoLoopError
        self.call = self.first = 0
        if not any(self._begins(starts[0] - call, call) for call in range(min(self.long - 1, starts[0]), -1, -1)):
            raise NoLoopError
        self.loose = self._loose()
        inside = {row.name for row in analysis.nodes if self._where(row.name) is not None} | self.loose
        self.before = Fold(analysis, others, inside)

    def _row(self, step: int, at: int) -> Row:
        return self.order[self.first + step * self.long + at]

    def _where(self, name: str) -> tuple[int, int] | None:
        """The round of a row and its place there."""
        number = self.place.get(name, -1) - self.first
        return divmod(number, self.long) if 0 <= number < self.many * self.long else None

    def _begins(self, first: int, call: int) -> bool:
        """Whether the rounds are alike if they begin there, the cell so far behind."""
        self.first, self.call = first, call
        return first + self.many * self.long <= len(self.order) and all(
            self._same(step, at) for at in range(self.long) for step in range(1, self.many)
        )

    def _same(self, step: int, at: int) -> bool:
        row, first = self._row(step, at), self._row(0, at)
        if row.node.layer != first.node.layer or row.shares[:1] != ((first.name,) if first.weights else ()):
            return False
        reads, begun = self._reads(row, step), self._reads(first, 0)
        return (
            reads == self._reads(self._row(1, at), 1)
            and len(reads) == len(begun)
            and all(
                one == each != _Read("other") or (each.kind, one.kind) == ("before", "outside")
                for one, each in zip(begun, reads, strict=True)
            )
        )

    def _reads(self, row: Row, step: int) -> list[_Read]:
        return [self._read(ref, step) for ref in row.node.inputs]

    def _read(self, ref: Ref, step: int) -> _Read:
        if ref.node in self.cuts:
            row = self.rows[ref.node]
            source = row.node.inputs[0]
            return _Read("step", source.node, output=source.output) if position(row) == step else _Read("other")
        where = self._where(ref.node)
        if where is None:
            return _Read("outside", ref.node, output=ref.output)
        back = step - where[0]
        return _Read(("round", "before")[back], at=where[1], output=ref.output) if back in (0, 1) else _Read("other")

    def _loose(self) -> set[str]:
        """What stands outside for the rounds alone: it takes a sequence apart, names axes anew, or makes a value."""
        found: set[str] = set()
        for row in reversed(self.analysis.nodes):
            plain = row.name in self.cuts or renames(row) or not row.node.inputs
            readers = [node.name for node in self.network.consumers[row.name]]
            outside = self._where(row.name) is None and all(self._where(each) or each in found for each in readers)
            if plain and outside and readers and all(ref.node != row.name for ref in self.network.outputs):
                found.add(row.name)
        return found

    def _through(self, row: Row, step: int) -> list[_Read]:
        """What a row reads, through all that only names axes anew."""
        return [self._source(read, step) for read in self._reads(row, step)]

    def _source(self, read: _Read, step: int) -> _Read:
        if read.kind in ("round", "before") and read.at != self.call and renames(self._row(1, read.at)):
            (inner,) = self._reads(self._row(1, read.at), 1)
            if read.kind == "round" or inner.kind == "outside":
                return self._source(inner, step)
            return self._source(replace(inner, kind="before"), step) if inner.kind == "round" else _Read("other")
        if read.kind == "outside" and read.name in self.loose and self.rows[read.name].node.inputs:
            return self._source(self._read(self.rows[read.name].node.inputs[0], step), step)
        return read

    def _owner(self, at: int) -> int:
        """The place of the row that one is drawn with: its own, that of what it reads, or of what reads it first."""
        row = self._row(1, at)
        if at != self.call and renames(row):
            (read,) = self._reads(row, 1)
            reader = next(self._readers(row.name), None)
            return self._owner(read.at if read.kind == "round" or reader is None else reader)
        alone = len(self.network.consumers[row.node.inputs[0].node]) == 1
        reads = self._through(row, 1)
        if row.node.layer.absorbed and alone and len(reads) == 1 and reads[0].kind == "round":
            return at if reads[0].at == self.call else self._owner(reads[0].at)
        return at

    def _readers(self, name: str) -> Iterator[int]:
        """Where rows stand that read one, in its round or, of what stands outside, in any."""
        own = self._where(name)
        for node in self.network.consumers[name]:
            where = self._where(node.name)
            if where is not None and (own is None or where[0] == own[0]):
                yield where[1]

    def units(self) -> tuple[Unit, ...]:
        """All of them, by where each begins."""
        owners = [self._owner(at) for at in range(self.long)]
        members: dict[int, list[Row]] = {owner: [] for owner in sorted(set(owners))}
        for at, owner in enumerate(owners):
            members[owner] += [self._row(step, at) for step in range(self.many)]
        before, rest = self.before.loops(), list[Unit]()
        held = self.before.held
        for unit in units_of(self.analysis):
            outside = tuple(row for row in unit.rows if self._where(row.name) is None and row.name not in held)
            end = self._laid_out(unit)
            whose = owners[end] if end is not None else self._for_whom(unit.name, owners)
            if whose is not None:
                members[whose] += outside
            elif outside:
                rest.append(replace(unit, rows=outside))
        made = {self._row(0, owner).name: self._unit(owner, rows, owners) for owner, rows in members.items()}
        home = {row.name: unit.name for unit in (*made.values(), *before.values(), *rest) for row in unit.rows}
        for name, unit in made.items():
            made[name] = replace(unit, inputs=tuple(self._at_home(ref, home) for ref in unit.inputs))
        for name, unit in before.items():
            refs = tuple(Ref(home.get(ref.node, ref.node), ref.output) for ref in unit.inputs)
            before[name] = replace(unit, inputs=refs)
        found: dict[str, Unit] = {**before, **made}
        for unit in rest:
            found[unit.name] = replace(unit, inputs=tuple(self._whole(ref, home) for ref in unit.inputs))
        return tuple(found[name] for name in self.rows if name in found)

    def _for_whom(self, name: str, owners: Sequence[int]) -> int | None:
        """The unit in whose rounds a row outside them is read, where it stands there for them alone."""
        if name not in self.loose:
            return None
        found = list(self._readers(name))
        if found:
            return owners[self.call if self.call in found else found[0]]
        return self._for_whom(self.network.consumers[name][0].name, owners)

    def _unit(self, owner: int, rows: Sequence[Row], owners: Sequence[int]) -> Looped:
        first, one = self._row(0, owner), self._row(1, owner)
        reads, begun = self._through(one, 1), self._through(first, 0)
        if any("other" in (read.kind, before.kind) for read, before in zip(reads, begun, strict=True)):
            raise NoLoopError
        states: list[Ref] = []
        if owner == self.call:
            handed = [(read.kind, read.at, read.output) for read in reads[1:]]
            if handed != [("before", owner, number) for number in range(not is_cell(one), len(one.outputs))]:
                raise NoLoopError
            states = [Ref(read.name, read.output) for read in begun[1:]]
            reads, begun = reads[:1], begun[:1]
        now = tuple(self._given(read, owners) for read in reads if read.kind != "before")
        before = tuple(self._given(read, owners) for read in reads if read.kind == "before")
        words = tuple(self._row(0, at) for at, each in enumerate(owners) if each == owner)
        ordered = sorted(rows, key=lambda row: row.name != first.name)
        label = label_of(first.node, self.network) or first.name
        return Looped(tuple(ordered), (*now, *states), (), label, steps=self.many, words=words, before=before)

    def _given(self, read: _Read, owners: Sequence[int]) -> Ref:
        """A value by the unit that gives it; what a cell gives at a step is its state there, too."""
        if read.kind in ("step", "outside"):
            return Ref(read.name, read.output)
        if read.at == self.call and read.output > (0 if is_cell(self._row(1, read.at)) else 1):
            raise NoLoopError
        return Ref(self._row(0, owners[read.at]).name, 0)

    def _laid_out(self, unit: Unit) -> int | None:
        """Whose values of all rounds a unit puts one after the other."""
        row = unit.rows[0]
        found = [self._where(ref.node) for ref in row.node.inputs]
        given = [each for each in found if each is not None]
        if not lays_out(row) or [step for step, _ in given] != list(range(self.many)) or len(found) != len(given):
            return None
        places = {at for _, at in given}
        return given[0][1] if len(places) == 1 else None

    def _whole(self, ref: Ref, home: Mapping[str, str]) -> Ref:
        """What a unit outside the rounds reads, by the unit that gives it."""
        if self._where(ref.node) is not None:
            raise NoLoopError
        return self._at_home(ref, home)

    def _at_home(self, ref: Ref, home: Mapping[str, str]) -> Ref:
        """A value by the unit that gives it, of a loop before these rounds at its end."""
        found = self.before.end(ref)
        return Ref(home.get(found.node, found.node), found.output)

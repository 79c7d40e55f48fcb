"""Recurrence that code writes out: what a loop does again at each step of a sequence, reading what it made before.

No layer of it need be a cell. The calls of the weights tell the steps apart; what is done at one of them must be done
at all, alike.

>>> import archscope
>>> spec = "input: [2, 8]\\nlayers:\\n  x1: {type: select, index: 0}\\n  h0: {type: constant, shape: [4]}\\n"
>>> spec += "  both: {type: concat, from: [x1, h0]}\\n  cell: {type: linear, out_features: 4, activation: tanh}\\n"
>>> spec += "  x2: {type: select, index: 1, from: input}\\n  again: {type: concat, from: [x2, cell]}\\n"
>>> spec += "  cell2: {type: linear, out_features: 4, activation: tanh, shares: cell}\\n"
>>> [(unit.name, unit.steps, unit.outputs) for unit in by_hand(archscope.analyze(archscope.read(spec)))]
[('cell', 2, ((2, 4), (1, 4)))]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archscope.analysis import Analysis, Row
from archscope.diagrams.circuits import Circuits, Loop, Read, Standing, root_of
from archscope.diagrams.graph.units import Unit, units_of
from archscope.diagrams.loops import NoLoopError, lays_out, position
from archscope.network import Ref


def by_hand(analysis: Analysis) -> tuple[Unit, ...]:
    """The units of a network, with the loops that it writes out folded.

    Raises:
        NoLoopError: it has none, or what they do differs from step to step.
    """
    return _Hand(analysis).units()


class _Hand(Standing):
    """Finds the loops of a network, and what in them is a cell."""

    def units(self) -> tuple[Unit, ...]:
        """All of them, in an order in which they can run."""
        if any(row.node.layer.verb == "Recurrence" for row in self.rows.values()):
            raise NoLoopError
        loops = self._loops()
        if not loops:
            raise NoLoopError
        self._stand()
        made: list[tuple[int, Unit]] = []
        for loop in loops.values():
            _match(loop, self.at)
            made += Circuits(self, loop).units()
        found = units_of(self.analysis)
        home = {row.name: unit.name for unit in found for row in unit.rows if unit.name not in self.held}
        for unit in found:
            rows = tuple(row for row in unit.rows if row.name not in self.held)
            if rows:
                label = unit.label if rows[0] is unit.rows[0] else rows[0].name
                inputs = tuple(self.whole(Ref(home.get(ref.node, ref.node), ref.output)) for ref in rows[0].node.inputs)
                made.append((self.order[rows[0].name], replace(unit, rows=rows, inputs=inputs, label=label)))
        for ref in self.analysis.network.outputs:
            self.whole(ref)
        return tuple(unit for _, unit in sorted(made, key=lambda each: each[0]))

    def _loops(self) -> dict[Ref, Loop]:
        """The sequences that are taken apart, and who does it; these stand at their steps."""
        loops: dict[Ref, Loop] = {}
        for name in sorted(self.cuts, key=self.order.__getitem__):
            row = self.rows[name]
            (source,) = row.node.inputs
            loop = loops.setdefault(source, Loop(source, [[] for _ in range(int(row.input_shapes[0][0]))]))
            if loop.many > 1:
                self.at[name] = loop, position(row) or 0
        return {source: loop for source, loop in loops.items() if loop.many > 1}

    def _stand(self) -> None:
        """Where each row stands: by which call of its weights it is, else by the last step that it reads."""
        calls: dict[str, list[str]] = {}
        for row in self.rows.values():
            if root_of(row):
                calls.setdefault(root_of(row), []).append(row.name)
        within = self._within()
        for row in self.rows.values():
            if row.name in self.at:
                continue
            called = calls.get(root_of(row), [])
            given = [self.at[ref.node] for ref in row.node.inputs if ref.node in self.at]
            loop = within.get(called[1]) if len(called) > 1 else given[0][0] if given else None
            if loop is None or any(each is not loop for each, _ in given):
                if given:
                    raise NoLoopError
                continue
            steps = [step for _, step in given]
            if len(called) == loop.many > 1:
                step = called.index(row.name)
            elif lays_out(row) and steps == list(range(loop.many)):
                self.joined[row.name] = loop
                continue
            elif not given:
                continue
            else:
                step = max(steps)
            if any(step - each not in (0, 1) for each in steps):
                raise NoLoopError
            self.at[row.name] = loop, step
            loop.steps[step].append(row)

    def _within(self) -> dict[str, Loop]:
        """The loop of whatever reads a part of its sequence, or what was made of one."""
        found = {name: loop for name, (loop, _) in self.at.items()}
        for row in self.rows.values():
            loop = next((found[ref.node] for ref in row.node.inputs if ref.node in found), None)
            if loop is not None and not (lays_out(row) and len(row.node.inputs) == loop.many):
                found.setdefault(row.name, loop)
        return found


def _match(loop: Loop, at: Mapping[str, tuple[Loop, int]]) -> None:
    """Puts the rows of each step in the order of the first.

    Raises:
        NoLoopError: the steps are not alike.
    """
    first = loop.steps[0]
    before: dict[str, int] = {}
    for step, rows in enumerate(loop.steps):
        now: dict[str, int] = {}
        free = dict(enumerate(first))
        for row in rows:
            reads = [_read(ref, loop, step, at, now, before) for ref in row.node.inputs]
            number = len(now) if not step else next(
                (each for each, other in free.items() if _alike(row, other) and _fits(loop, step, each, reads)), None
            )  # fmt: skip
            if number is None:
                if step < loop.many - 1:
                    raise NoLoopError
                loop.after.append(row)
                continue
            _ = free.pop(number)
            now[row.name] = number
            if step == 0:
                loop.reads.append(reads)
            elif step == 1:
                for place, (read, was) in enumerate(zip(reads, loop.reads[number], strict=True)):
                    if read != was and isinstance(was[1], Ref):
                        loop.begins[number, place] = was[1]
                loop.reads[number] = reads
        if free:
            raise NoLoopError
        names = {number: name for name, number in now.items()}
        by_name = {row.name: row for row in rows}
        loop.steps[step] = [by_name[names[number]] for number in range(len(first))]
        before = now


def _read(
    ref: Ref, loop: Loop, step: int, at: Mapping[str, tuple[Loop, int]], now: Mapping[str, int],
    before: Mapping[str, int],
) -> Read:  # fmt: skip
    if ref.node in now:
        return "now", now[ref.node], ref.output
    if ref.node in before:
        return "before", before[ref.node], ref.output
    if at.get(ref.node) == (loop, step):
        return "x", loop.source, 0
    return "else", ref, 0


def _alike(row: Row, other: Row) -> bool:
    return row.node.layer == other.node.layer and root_of(row) == root_of(other)


def _fits(loop: Loop, step: int, number: int, reads: Sequence[Read]) -> bool:
    """Whether a row reads what one of the first step does; at the second, values of the step before for the first."""
    known = loop.reads[number]
    if len(reads) != len(known):
        return False
    return all(read == was or (step == 1 and (read[0], was[0]) == ("before", "else"))
               for read, was in zip(reads, known, strict=True))  # fmt: skip

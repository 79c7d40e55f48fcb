"""What goes round in a loop that code writes out: a value of one step that leads to itself at the next.

Of what is done at each step alike, that is a cell, with what it alone reads; the rest stands at each step by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.units import Unit, label_of
from archscope.diagrams.loops import Looped, NoLoopError, cuts_of, renames
from archscope.network import Ref

Read = tuple[str, Ref | int, int]
"""What a row of a step reads: ``x``, the sequence; ``now`` or ``before``, a row of that step or of the last, by its
number, and which of its values; ``else``, something else."""

_LETTERS: Final = ("h", "c")


@dataclass(frozen=True)
class Cell(Looped):
    """What goes round in a loop, with what it alone reads.

    Attributes:
        gives: the shape of what comes out at each step.
        handed: the shapes of what is handed on from step to step.
    """

    gives: tuple[int, ...] = ()
    handed: tuple[tuple[int, ...], ...] = ()

    @property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """What comes out at all steps together, and its last states."""
        return ((self.steps, *self.gives), *((1, *shape) for shape in self.handed))

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of what it hands on."""
        return _LETTERS[: len(self.handed)]


@dataclass(eq=False)
class Loop:
    """One sequence that is taken apart, and what is done at each of its steps.

    Attributes:
        source: the sequence.
        steps: the rows of each step; from the second on in the order of the first.
        after: what reads the last step alone.
        reads: what each row of a step reads.
        begins: for those that read the step before, what they read at the first.
    """

    source: Ref
    steps: list[list[Row]]
    after: list[Row] = field(default_factory=list)
    reads: list[list[Read]] = field(default_factory=list)
    begins: dict[tuple[int, int], Ref] = field(default_factory=dict)

    @property
    def many(self) -> int:
        return len(self.steps)


class Standing:
    """Where the rows of a network stand in its loops.

    Attributes:
        at: for what is done at a step, the loop and the step.
        joined: what lays the values of all steps of a loop out again.
        held: the rows that are part of what a loop does.
        place: for values that are read after a loop, the unit that gives them.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.rows = {row.name: row for row in analysis.nodes}
        self.order = {name: number for number, name in enumerate(self.rows)}
        self.cuts = cuts_of(analysis)
        self.at: dict[str, tuple[Loop, int]] = {}
        self.joined: dict[str, Loop] = {}
        self.held: set[str] = set()
        self.place: dict[Ref, Ref] = {}

    def whole(self, ref: Ref) -> Ref:
        """What something outside of every loop reads, by the unit that gives it.

        Raises:
            NoLoopError: it is that of one step.
        """
        if ref in self.place:
            return self.place[ref]
        if ref.node in self.held:
            raise NoLoopError
        return ref


def root_of(row: Row) -> str:
    """The row that owns its weights; empty where it has none."""
    return row.shares[0] if row.shares else row.name if row.weights else ""


class Circuits:
    """What one loop does, as units."""

    def __init__(self, hand: Standing, loop: Loop) -> None:
        self.hand, self.loop = hand, loop
        self.rows = loop.steps[0]
        now = [[(int(each), out) for kind, each, out in reads if kind == "now" and isinstance(each, int)]
               for reads in loop.reads]  # fmt: skip
        self.now = [{each for each, _ in reads} for reads in now]
        self.handed = {(each, out) for reads in loop.reads for kind, each, out in reads
                       if kind == "before" and isinstance(each, int)}  # fmt: skip
        self.before = [{each for kind, each, _ in reads if kind == "before" and isinstance(each, int)}
                       for reads in loop.reads]  # fmt: skip
        self.home = self._homes()

    def units(self) -> Iterator[tuple[int, Unit]]:
        """Each with the place of its last row at the first step."""
        parts: dict[int, list[int]] = {}
        for number, home in enumerate(self.home):
            parts.setdefault(home, []).append(number)
        round_ = {home for home in parts if any(self._goes_round(each) for each in parts[home])}
        if not round_ or any(out for _, out in self.handed):
            raise NoLoopError
        given = {home: self._given(parts[home], cell=home in round_) for home in parts}
        names = {home: self._first(numbers).name for home, numbers in parts.items()}
        taken: set[str] = set()
        for home, numbers in parts.items():
            rows = self._all_rows(numbers, taken)
            inputs = tuple(dict.fromkeys(self._inputs(numbers, home, names, given, rows)))
            label = self._label(numbers, cell=home in round_)
            words = tuple(self.rows[each] for each in numbers)
            unit: Unit = Looped(rows, inputs, (), label, steps=self.loop.many, words=words)
            if home in round_:
                states = self._states(numbers, given[home])
                shapes = tuple(self._shape(each) for each in states)
                gives = self._shape(given[home])
                unit = Cell(rows, inputs, (), label, steps=self.loop.many, words=words, gives=gives, handed=shapes)
                for place, each in enumerate(states):
                    self.hand.place[Ref(self.loop.steps[-1][each].name, 0)] = Ref(names[home], 1 + place)
            for name, (number, _) in self._joins().items():
                if number in numbers:
                    if self._value(number) != given[home]:
                        raise NoLoopError
                    self.hand.place[Ref(name, 0)] = Ref(names[home], 0)
            self.hand.held.update(row.name for row in rows)
            yield max(self.hand.order[self.rows[each].name] for each in numbers), unit

    def _reaches(self, number: int) -> set[int]:
        """The rows that lead to one, in that step or over others."""
        seen: set[int] = set()
        waiting = [number]
        while waiting:
            one = waiting.pop()
            new = (self.now[one] | self.before[one]) - seen
            seen |= new
            waiting += new
        return seen

    def _homes(self) -> list[int]:
        """For each row the number of the first one that it is drawn with."""
        above = [self._reaches(number) for number in range(len(self.rows))]
        self.above = above
        home = [min([each for each in above[number] if number in above[each]] or [number])
                for number in range(len(self.rows))]  # fmt: skip
        readers: list[set[int]] = [set() for _ in self.rows]
        for number, reads in enumerate(self.now):
            for each in reads:
                readers[each].add(number)
        out = {number for number, _ in self._joins().values()} | self._left()
        for number in reversed(range(len(self.rows))):
            homes = {home[each] for each in readers[number]}
            if len(homes) != 1 or number in out or number in above[number] or self._is_word(number):
                continue
            (one,) = homes
            # What another cell leads to is a part of this one where the module is the same.
            after = any(each in above[each] for each in above[number])
            if one in above[one] and (not after or self._group(number) == self._group(one) != ()):
                home[number] = one
        for number in range(len(self.rows)):
            source = self._source(number)
            if number in above[number] or source is None or home[number] != number:
                continue
            row = self.rows[number]
            if renames(row) or (row.node.layer.absorbed and source not in above[source] and readers[source] == {number}
                                and source not in out):  # fmt: skip
                home[number] = home[source]
        return home

    def _group(self, number: int) -> tuple[str, ...]:
        return self.rows[number].group

    def _is_word(self, number: int) -> bool:
        """Whether a row reads one word of the sequence, as an embedding does."""
        return any(not shape for shape in self.rows[number].input_shapes)

    def _source(self, number: int) -> int | None:
        """The row of the step that one reads, if it reads nothing else."""
        reads = self.loop.reads[number]
        return int(reads[0][1]) if len(reads) == 1 and reads[0][0] == "now" and isinstance(reads[0][1], int) else None

    def _goes_round(self, number: int) -> bool:
        return number in self.above[number]

    def _value(self, number: int) -> int:
        """The row that makes what one gives: itself, unless that only names axes anew."""
        source = self._source(number)
        return number if source is None or not renames(self.rows[number]) else self._value(source)

    def _joins(self) -> dict[str, tuple[int, int]]:
        """What lays the values of all steps out again, and of which row they are."""
        first = {row.name: number for number, row in enumerate(self.rows)}
        return {name: (first[self.hand.rows[name].node.inputs[0].node], 0) for name, loop in self.hand.joined.items()
                if loop is self.loop and self.hand.rows[name].node.inputs[0].node in first}  # fmt: skip

    def _left(self) -> set[int]:
        """The rows whose value at the last step is read after the loop, or comes out."""
        last = {row.name: number for number, row in enumerate(self.loop.steps[-1])}
        read = [ref.node for row in self.loop.after for ref in row.node.inputs]
        return {last[name] for name in (*read, *(ref.node for ref in self.hand.analysis.network.outputs))
                if name in last}  # fmt: skip

    def _given(self, numbers: Sequence[int], *, cell: bool) -> int:
        """The one row of some whose value others of the step read, or all steps together."""
        own = set(numbers)
        read = {each for number, reads in enumerate(self.now) if number not in own for each in reads if each in own}
        read |= {number for number, _ in self._joins().values() if number in own}
        read = {self._value(each) for each in read}
        if not read:
            handed = [each for each, _ in sorted(self.handed) if each in own]
            left = self._left()
            read = set(([each for each in handed if each in left] or handed or numbers[-1:])[:1]) if cell else set(
                numbers[-1:])  # fmt: skip
        if len(read) != 1:
            raise NoLoopError
        return read.pop()

    def _states(self, numbers: Sequence[int], given: int) -> list[int]:
        """What a cell hands on; what comes out as well stands first."""
        states = sorted((each for each, _ in self.handed if each in numbers), key=lambda each: (each != given, each))
        if len(states) > len(_LETTERS):
            raise NoLoopError
        return states

    def _shape(self, number: int) -> tuple[int, ...]:
        shape = self.rows[number].output
        if len(shape) != 1:
            raise NoLoopError
        return tuple(int(extent) for extent in shape)

    def _first(self, numbers: Sequence[int]) -> Row:
        """The row that gives a unit its name: the first with weights."""
        return next((self.rows[each] for each in numbers if root_of(self.rows[each])), self.rows[numbers[0]])

    def _all_rows(self, numbers: Sequence[int], taken: set[str]) -> tuple[Row, ...]:
        """Those of all steps, and what only hands values to them or on."""
        first = self._first(numbers)
        rows = [first, *(row for step in self.loop.steps for each in numbers if (row := step[each]) is not first)]
        if any(kind == "x" for each in numbers for kind, _, _ in self.loop.reads[each]):
            rows += [self.hand.rows[name] for name, (loop, _) in self.hand.at.items()
                     if loop is self.loop and name in self.hand.cuts and name not in taken]  # fmt: skip
        rows += [self.hand.rows[name] for name, (number, _) in self._joins().items() if number in numbers]
        for ref in self._others(numbers):
            made = self.hand.rows.get(ref.node)
            if (
                made is not None
                and not made.node.inputs
                and not made.weights
                and made.name not in taken | self.hand.held
            ):
                rows.append(made)
        taken.update(row.name for row in rows)
        return tuple({row.name: row for row in rows}.values())

    def _others(self, numbers: Sequence[int]) -> Iterator[Ref]:
        """What is read that is no part of the loop, or only what it begins with."""
        for number in numbers:
            for place, (kind, each, _) in enumerate(self.loop.reads[number]):
                if (number, place) in self.loop.begins:
                    yield self.loop.begins[number, place]
                elif kind == "else" and isinstance(each, Ref):
                    yield each

    def _inputs(
        self, numbers: Sequence[int], home: int, names: Mapping[int, str], given: Mapping[int, int],
        rows: Sequence[Row],
    ) -> Iterator[Ref]:  # fmt: skip
        """The units that some rows read."""
        for number in numbers:
            for kind, each, out in self.loop.reads[number]:
                if kind == "x":
                    yield self.hand.whole(self.loop.source)
                elif kind == "now" and isinstance(each, int) and self.home[each] != home:
                    if out or self._value(each) != given[self.home[each]]:
                        raise NoLoopError
                    yield Ref(names[self.home[each]], 0)
                elif kind == "before" and isinstance(each, int) and self.home[each] != home:
                    raise NoLoopError
        own = {row.name for row in rows} | self.hand.held
        for ref in self._others(numbers):
            made = self.hand.rows.get(ref.node)
            if ref.node not in own or made is None or made.node.inputs or made.weights:
                yield self.hand.whole(ref)

    def _label(self, numbers: Sequence[int], *, cell: bool) -> str:
        """What a unit is called: the module that holds its weights, or what these are called."""
        network = self.hand.analysis.network
        named = [self.rows[each] for each in numbers if root_of(self.rows[each])] or [self.rows[numbers[0]]]
        if not cell or len(named) == 1:
            return label_of(named[0].node, network) or named[0].name
        groups = [row.group for row in named]
        same = takewhile(lambda steps: len(set(steps)) == 1, zip(*groups, strict=False))
        return ".".join(steps[0] for steps in same) or ", ".join(row.name for row in named)

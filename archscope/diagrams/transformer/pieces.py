"""The layers of a network with equal blocks in series drawn once, and who comes before whom among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.calls import called
from archscope.diagrams.graph.fold import Fold, folded
from archscope.diagrams.graph.tree import Block, Child, consumers, tree_of
from archscope.diagrams.graph.units import Part, Unit, units_of
from archscope.diagrams.transformer.roles import attends
from archscope.layers.base import Layer
from archscope.network import Ref


@dataclass(frozen=True)
class Run:
    """Equal blocks in series: the name of the first layer of the first, and how many they are."""

    name: str
    label: str
    copies: int


@dataclass(frozen=True, eq=False)
class Piece:
    """One layer, with its namesakes in equal blocks.

    Attributes:
        row: its analysis.
        inputs: what it reads: pieces, or inputs of the network.
        layers: its node, then those of its namesakes.
        owned: the parameters of all of these; the first alone has those that it shares with the others.
        runs: the equal blocks it stands in, outermost first.
    """

    row: Row
    inputs: tuple[Ref, ...]
    layers: tuple[str, ...]
    owned: int
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """Of its node."""
        return self.row.name

    @property
    def layer(self) -> Layer:
        """What it is."""
        return self.row.node.layer

    @property
    def group(self) -> tuple[str, ...]:
        """The blocks it stands in."""
        return self.row.group

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of what it reads, each once."""
        return tuple(dict.fromkeys(ref.node for ref in self.inputs))


class Pieces:
    """All of them, in an order in which they can run, and what leads to what."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.network = analysis.network
        outputs = [ref.node for ref in self.network.outputs]
        found = called(_apart(units_of(analysis, absorbing=False), outputs))
        tree, folds = folded(tree_of(found), consumers(found, outputs), sharing=True)
        self._folds: Sequence[Fold] = folds
        twins: dict[str, list[Unit]] = {}
        for unit in found:
            twins.setdefault(self.drawn_as(unit.name), []).append(unit)
        self.all: list[Piece] = [
            Piece(unit.rows[0], tuple(Ref(self.drawn_as(ref.node), ref.output) for ref in unit.inputs),
                  tuple(each.name for each in twins[unit.name]),
                  sum(each.parameters for each in twins[unit.name]), runs)
            for unit, runs in _units(tree, ())
        ]  # fmt: skip
        self.all = _in_order(self.all)
        self.by_name: Mapping[str, Piece] = {piece.name: piece for piece in self.all}
        self._place = {name: place for place, name in enumerate((*self.network.inputs, *self.by_name))}

    def drawn_as(self, name: str) -> str:
        """The namesake of a layer in the first of equal blocks."""
        for fold in self._folds:
            name = fold.first.get(name, name)
        return name

    @cached_property
    def _above(self) -> Mapping[str, int]:
        """Of each, what leads to it, as a set of bits."""
        above: dict[str, int] = dict.fromkeys(self.network.inputs, 0)
        for piece in self.all:
            bits = 0
            for name in piece.reads:
                bits |= above[name] | 1 << self._place[name]
            above[piece.name] = bits
        return above

    @cached_property
    def _inputs(self) -> int:
        """Where streams begin: at inputs, and at learned queries, which attend to one another before an input comes."""
        inputs = sum(1 << self._place[name] for name in self.network.inputs)
        before = [each.name for each in self.all if attends([each.layer]) and not self._above[each.name] & inputs]
        queries = [
            each.name for each in self.all if not each.reads and any(self.leads(each.name, one) for one in before)
        ]
        return inputs | sum(1 << self._place[name] for name in queries)

    def leads(self, one: str, other: str) -> bool:
        """Whether a way leads from one to the other."""
        return bool(self._above[other] >> self._place[one] & 1)

    def is_constant(self, name: str) -> bool:
        """Whether no input of the network leads to it, and no learned query."""
        return name in self.by_name and not (self._above[name] | 1 << self._place[name]) & self._inputs

    def behind(self, name: str) -> int:
        """How many lead to it."""
        return self._above[name].bit_count()

    @cached_property
    def readers(self) -> Mapping[str, tuple[Piece, ...]]:
        """Who reads each."""
        found: dict[str, list[Piece]] = {name: [] for name in self._place}
        for piece in self.all:
            for name in piece.reads:
                found[name].append(piece)
        return {name: tuple(each) for name, each in found.items()}

    def latest(self, names: Iterable[str]) -> str:
        """The one that comes last."""
        return max(names, key=self._place.__getitem__)

    def between(self, start: str, end: str) -> list[Piece]:
        """Every piece on a way from one to another, both left out, in order."""
        return [piece for piece in self.all if self.leads(start, piece.name) and self.leads(piece.name, end)]

    def meeting(self, names: Sequence[str], start: str | None) -> str | None:
        """The last one that all ways from ``start`` to some lead through; None where there is none."""
        open_ = set(names)
        while len(open_) > 1:
            last = self.latest(open_)
            open_.remove(last)
            piece = self.by_name.get(last)
            if piece is None or last == start:
                return None
            came = {name for name in piece.reads if self._flows(name, start)}
            if not came:
                return None
            open_ |= came
        return open_.pop() if open_ else None

    def _flows(self, name: str, start: str | None) -> bool:
        if start is None:
            return not self.is_constant(name)
        return name == start or self.leads(start, name)


def _apart(found: Sequence[Unit], outputs: Sequence[str]) -> list[Unit]:
    """The units, with what no input leads to around the blocks that read it, and before them, where those are several.

    T5's first block holds the table of relative positions that all others add as well, Swin's second the mask that
    every other one has.
    """
    readers = consumers(found, outputs)
    constant: set[str] = set()
    for unit in found:
        if all(ref.node in constant for ref in unit.inputs):
            constant.add(unit.name)
    paths: dict[str, tuple[Part, ...]] = {unit.name: unit.path for unit in found}
    for unit in reversed(found):
        around = [paths[name] for name in readers[unit.name] if name]
        if unit.name in constant and around:
            shared = _common(around)
            if unit.path[: len(shared)] == shared and any(path[: len(unit.path)] != unit.path for path in around):
                paths[unit.name] = shared
    first = {unit.name for unit in found if unit.path != paths[unit.name]}
    for unit in reversed(found):
        if unit.name in first:
            first.update(ref.node for ref in unit.inputs)
    moved = [unit if unit.path == paths[unit.name] else replace(unit, path=paths[unit.name]) for unit in found]
    return sorted(moved, key=lambda unit: unit.name not in first)


def _common(paths: Sequence[tuple[Part, ...]]) -> tuple[Part, ...]:
    """The blocks that are around all of some units."""
    same = takewhile(lambda steps: all(step == steps[0] for step in steps), zip(*paths, strict=False))
    return tuple(steps[0] for steps in same)


def _units(child: Child, runs: tuple[Run, ...]) -> Iterator[tuple[Unit, tuple[Run, ...]]]:
    if not isinstance(child, Block):
        yield child, runs if child.copies == 1 else (*runs, Run(child.name, child.label, child.copies))
        return
    inner = runs if child.copies == 1 else (*runs, Run(child.name, child.label, child.copies))
    for each in child.children:
        yield from _units(each, inner)


def _in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """As the network has them, which is an order in which they can run but for what folding has moved."""
    names = {piece.name for piece in pieces}
    done: set[str] = set()
    ordered: list[Piece] = []
    waiting = list(pieces)
    while waiting:
        later: list[Piece] = []
        for piece in waiting:
            if all(name in done or name not in names for name in piece.reads):
                ordered.append(piece)
                done.add(piece.name)
            else:
                later.append(piece)
        if len(later) == len(waiting):
            return [*ordered, *later]
        waiting = later
    return ordered

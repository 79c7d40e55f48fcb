"""From an analysis to the form of its figure.

A unit of the graph is a box, or a sign in a circle where its layer has one; a closed block is a box as well. What
has neither weights nor a window, such as a crop or a flatten, is part of the box before it. No layer is asked for
its type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from math import prod
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams.chain import counted, is_grid, opens
from archscope.diagrams.graph.calls import calls_beside
from archscope.diagrams.graph.tree import Block, blocks_in, consumers, require_blocks, tree_of, units
from archscope.diagrams.graph.units import Unit, units_of
from archscope.diagrams.interest import Kin, by_layers, closed, to_depth, unequal
from archscope.diagrams.once import once
from archscope.diagrams.themes import BLOCK, INPUT
from archscope.diagrams.volumes.form import Arrow, Form, Solid, Stage, Way
from archscope.diagrams.volumes.headings import Headings
from archscope.diagrams.volumes.outputs import CONCAT, Shape, given_by, growth_of, holds, parts_of, plain, turned
from archscope.diagrams.volumes.stages import Seen, Staged, opened, rows_in, staged
from archscope.diagrams.volumes.ways import IN_THE_FIRST, merged, only_normalizes, said, spelled, titled

UPSAMPLING: Final = "upsampling"
SOFTMAX: Final = "softmax"


class Former:
    """The steps from an analysis to its form at a depth."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.expand: tuple[str, ...] = ()
        self.collapse: tuple[str, ...] = ()
        self._asked: dict[object, Former] = {}
        self.units = calls_beside(units_of(analysis))
        self.rows = {row.name: row for row in analysis.nodes}
        home = {layer: unit.name for unit in self.units for layer in unit.layers}
        self.outputs = [home.get(ref.node, ref.node) for ref in analysis.network.outputs]
        self.readers = consumers(self.units, self.outputs)
        self.tree = tree_of(self.units)
        self.staged: Staged = staged(self.tree, self.readers)
        self.drawn = len(units(self.staged.root))
        self.by_name = {unit.name: unit for unit in self.units}
        self.turned = turned(self.units)
        self._forms: dict[int, Form] = {}
        self._closed: dict[int, tuple[Kin, ...]] = {}
        self.beside: dict[str, list[Unit]] = {}
        for name, end in self.staged.beside.items():
            self.beside.setdefault(self.staged.drawn_as(end), []).append(self.by_name[name])
        self.held_in = Counter(
            tuple(part.name for part in unit.path[:end]) for unit in self.units for end in range(1, len(unit.path) + 1)
        )
        self.twins: dict[str, list[str]] = {}
        for unit in self.units:
            self.twins.setdefault(self.staged.drawn_as(unit.name), []).extend(unit.layers)

    def asked(self, expand: Sequence[str], collapse: Sequence[str]) -> Former:
        """That with blocks open or closed by name; what does not depend on these is worked out once.

        Raises:
            NotFound: no block has such a name.
        """
        key = tuple(expand), tuple(collapse)
        if key not in self._asked:
            require_blocks(self.staged.root, (*expand, *collapse))
            other = copy(self)
            other.expand, other.collapse = key
            other._forms, other._closed = {}, {}
            self._asked[key] = other
        return self._asked[key]

    def held_by(self, unit: Unit) -> Sequence[str]:
        """The nodes that a unit stands for, with those of its copies."""
        return self.twins.get(unit.name, unit.layers)

    @property
    def deepest(self) -> int:
        """The greatest depth that changes the picture."""
        return 1 + max((each.rank for each in blocks_in(self.staged.root)), default=0)

    def closed(self, depth: int) -> tuple[Kin, ...]:
        """The blocks that are closed at a depth, by rank, those of most interest first."""
        if depth not in self._closed:
            opens = to_depth(depth, self.expand, self.collapse)
            self._closed[depth] = closed(self.staged.root, opens, self.analysis, self.tree)
        return self._closed[depth]

    def unequal(self, depth: int) -> tuple[str, ...]:
        """Patterns for the blocks of which, at a depth, some are closed though they hold the same as open ones."""
        return unequal(self.staged.root, to_depth(depth, self.expand, self.collapse), by_layers)

    def form(self, depth: int) -> Form:
        """What is shown at a depth."""
        if depth not in self._forms:
            self._forms[depth] = _Forming(self, depth).form()
        return self._forms[depth]

    def is_within(self, depth: int, most: int) -> bool:
        """Whether a depth shows so many solids at most; where it shows many more, they are not all formed for it."""
        if depth in self._forms or all(len(forming.solids) <= most for forming in _Forming(self, depth).placing()):
            return len(self.form(depth).solids) <= most
        return False


@once
def former_of(analysis: Analysis) -> Former:
    """That of a network of which nobody named a block to open or to close."""
    return Former(analysis)


class _Forming:
    def __init__(self, former: Former, depth: int) -> None:
        self.former = former
        self.depth = depth
        self.solids: dict[str, Solid] = {}
        self.home: dict[str, str] = {}
        self.passing: dict[str, tuple[str, ...]] = {}
        self.told: dict[str, str] = {}
        self.stages: dict[str, Stage] = {}
        self.passed: list[tuple[str, str]] = []
        self.headings = Headings(former.held_in, former.drawn)
        self.scales: dict[str, list[Unit]] = {}
        self.folded = False

    def form(self) -> Form:
        former = self.former
        for _ in self.placing():
            pass
        arrows = merged(self._arrows(), former.rows)
        solids = tuple(self.solids.values())
        return Form(former.analysis, solids, arrows, self.stages, tuple(self.passed), self.depth,
                    former.deepest, self.folded)  # fmt: skip

    def placing(self) -> Iterator[_Forming]:
        """Form one solid after the other."""
        former = self.former
        for name, shape in former.analysis.network.inputs.items():
            self.solids[name] = Solid(name, (name,), (), plain(shape), INPUT, name, heading=name)
            self.home[name] = name
        for seen in opened(former.staged.root, self.depth, former.expand, former.collapse):
            self._place(seen)
            self.folded = self.folded or seen.copies > 1
            yield self

    def _place(self, seen: Seen) -> None:
        child = seen.child
        inside = units(child)
        if isinstance(child, Unit) and self._scales(child):
            return
        ends = dict.fromkeys(self.former.staged.drawn_as(unit.name) for unit in inside)
        beside = [unit for end in ends for unit in self.former.beside.get(end, ())]
        if isinstance(child, Unit):
            for unit in beside:
                self._pass(unit, f"{titled(unit, child) or unit.rows[0].node.layer.label}{IN_THE_FIRST}")
            if self._joins_in(child):
                return
        framed = [place for place, block in enumerate(seen.around) if self._is_framed(place, block)]
        names = []
        for before, place in zip([-1, *framed], framed, strict=False):
            block = seen.around[place]
            name = ".".join(each.label for each in seen.around[before + 1 : place + 1])
            title = name if block.copies == 1 else f"{name} ×{block.copies}"
            names.append(f"{place} {block.name}")
            self.stages.setdefault(names[-1], Stage(names[-1], title, nested=before >= 0, copies=block.copies))
        solid = self._block(child, inside) if isinstance(child, Block) else self._unit(child)
        held = (*inside, *self.scales.get(inside[0].name, ())) if isinstance(child, Unit) else (*inside, *beside)
        for unit in held:
            self.home[unit.name] = solid.id
        layers = tuple(dict.fromkeys((solid.id, *(layer for unit in held for layer in self.former.held_by(unit)))))
        heading, headed, times = self.headings.over(seen, solid.name, len(inside) * child.copies)
        self.solids[solid.id] = self._counted(
            replace(solid, layers=layers, repeats=child.copies, stages=tuple(names), heading=heading, headed=headed,
                    times=times)
        )  # fmt: skip

    def _scales(self, unit: Unit) -> bool:
        """Whether it is a weight that only a sign reads, as a scale for each channel is: it is part of the sign."""
        readers = self.former.readers[unit.name]
        if unit.inputs or len(readers) != 1 or not all(self._is_sign(name) for name in readers):
            return False
        self.scales.setdefault(next(iter(readers)), []).append(unit)
        return True

    def _is_framed(self, place: int, block: Block) -> bool:
        """Whether an open block has a frame: it stands for several, or has branches and is not most of the network."""
        if block.copies > 1:
            return True
        inside = units(block)
        branches = any(len(unit.inputs) > 1 for unit in inside)
        return not place and branches and len(inside) * 2 <= self.former.drawn

    def _counted(self, solid: Solid) -> Solid:
        parameters, macs = counted(self.former.rows[layer] for layer in solid.layers if layer in self.former.rows)
        return replace(solid, parameters=parameters, macs=macs)

    def _joins_in(self, unit: Unit) -> bool:
        """Whether a unit is drawn with what it reads, or on an arrow: it has neither weights nor a window."""
        row = unit.rows[0]
        sources = [self.home.get(self.former.staged.drawn_as(ref.node)) for ref in unit.inputs]
        holder = next((each for each in sources if each is not None), None)
        if holder is None or (any(holds(each) for each in unit.rows) and not only_normalizes(unit)):
            return False
        if row.node.layer.symbol == CONCAT and self._completes(unit):
            return True
        enlarges = opens(row)
        if enlarges and all(self._is_sign(name) for name in self.former.readers[unit.name]):
            self._pass(unit, row.node.layer.label)
            return True
        stands = row.node.layer.symbol or row.node.layer.family == "pooling"
        if stands or enlarges or not self.former.readers[unit.name]:
            return False
        if unit.name in self.former.outputs or not self.solids[holder].rows:
            return False
        if self.solids[holder].sign or self.solids[holder].is_block:
            # A sign and a block end where they end; what follows is a part of the way on.
            self._pass(unit, said(unit), first=True)
            return True
        if self._given(unit) != self.solids[holder].shape and self._is_read_by_others(holder, unit):
            self._pass(unit, said(unit), first=True)
            return True
        shape = self.solids[holder].shape
        self._absorb(unit, holder, shape if is_grid(shape) else plain(unit.outputs[0]))
        return True

    def _is_read_by_others(self, holder: str, unit: Unit) -> bool:
        """Whether others read what a unit would be drawn with."""
        ends = [name for name, home in self.home.items() if home == holder and name in self.former.readers]
        return any(self.former.readers[name] - {unit.name} - set(ends) for name in ends)

    def _is_sign(self, name: str) -> bool:
        unit = self.former.by_name.get(name)
        return unit is not None and unit.rows[0].node.layer.symbol not in ("", CONCAT)

    def _completes(self, unit: Unit) -> bool:
        """Whether a join only puts copied maps before those of an up-sampling, which nothing else reads."""
        near = {self.home.get(self.former.staged.drawn_as(ref.node), "") for ref in unit.inputs}
        # Else what is copied would be drawn later, or be enlarged, too.
        latest = [each for each in self.solids if each in near][-1:]
        rises = [each.id for each in self.solids.values()
                 if each.id in near and each.family == UPSAMPLING and not each.parts]  # fmt: skip
        for ref in unit.inputs:
            name = self.former.staged.drawn_as(ref.node)
            solid = self.solids.get(self.home.get(name, ""))
            if solid is None or name not in self.former.by_name or not [solid.id] == latest == rises:
                continue
            others = self.former.readers[name] - {unit.name}
            if len(near) < 2 or not all(self._only_sizes(each, name) for each in others):
                continue
            output = plain(unit.outputs[0])
            self._absorb(unit, solid.id, output)
            copied = output[0] - solid.shape[0]
            self.solids[solid.id] = replace(self.solids[solid.id], copied=copied, parts=(copied, solid.shape[0]))
            return True
        return False

    def _only_sizes(self, reader: str, name: str) -> bool:
        """Whether a unit reads another only for its size, as a crop does."""
        unit = self.former.by_name.get(reader)
        return unit is not None and unit.inputs[0].node != name and not any(holds(row) for row in unit.rows)

    def _absorb(self, unit: Unit, holder: str, shape: Shape) -> None:
        self.home[unit.name] = holder
        solid = self.solids[holder]
        layers = (*solid.layers, *(each for each in self.former.held_by(unit) if each not in solid.layers))
        rows = (*solid.rows, *unit.rows)
        self.solids[holder] = self._counted(replace(solid, layers=layers, rows=rows, shape=shape))

    def _pass(self, unit: Unit, told: str, *, first: bool = False) -> None:
        """A unit that is no solid: what reads it reads what it reads."""
        refs = unit.inputs[:1] if first else unit.inputs
        self.passing[unit.name] = tuple(ref.node for ref in refs)
        self.told[unit.name] = told
        self.passed.extend((layer, told) for layer in self.former.held_by(unit))

    def _given(self, unit: Unit) -> Shape:
        """What a unit gives, the channels first."""
        shape = given_by(unit)
        return (shape[-1], *shape[:-1]) if unit.name in self.former.turned else shape

    def _unit(self, unit: Unit) -> Solid:
        row = unit.rows[0]
        output = self._given(unit)
        sign = row.node.layer.symbol
        activations = [each for each in unit.rows if each.node.layer.family == "activation"]
        ends = activations[-1].node.layer.type if activations else ""
        family = row.node.layer.family
        if opens(row):
            family = UPSAMPLING
        elif ends == SOFTMAX:
            family = SOFTMAX
        parts = tuple(int(shape[0]) for shape in row.input_shapes) if sign == CONCAT and len(output) > 1 else ()
        if parts and sum(parts) != output[0]:
            parts = ()
        return Solid(
            unit.name, unit.layers, unit.rows, output, family, unit.label, sign="" if parts else sign,
            parts=parts, banded=bool(activations) and holds(row) and is_grid(output),
            shares=tuple(dict.fromkeys(name for each in unit.rows for name in each.shares)),
        )  # fmt: skip

    def _block(self, block: Block, inside: Sequence[Unit]) -> Solid:
        names = {unit.name for unit in inside}
        last = next((unit for unit in reversed(inside) if not self.former.readers[unit.name] <= names), inside[-1])
        rows = tuple(row for row, _ in rows_in(block))
        grows = growth_of(block)
        parts = () if grows[1] else parts_of(last)
        ends = last.rows[0].node.layer.symbol
        around = ends not in ("", CONCAT) and any(
            ref.node not in names or ref.node in self.former.staged.beside for ref in last.inputs
        )
        shares = tuple(dict.fromkeys(name for row in rows for name in row.shares))
        output = self._given(last)
        if grows[1]:
            start = output[0] - grows[0] * grows[1]
            parts = (start, *(grows[0] for _ in range(grows[1])))
        return Solid(inside[0].name, (), rows, output, BLOCK, block.label, parts=parts, grows=grows,
                     around=around, shares=shares)  # fmt: skip

    def _arrows(self) -> Iterator[Arrow]:
        staged = self.former.staged
        for unit in self.former.units:
            if unit.name in self.passing or staged.drawn_as(unit.name) in self.passing:
                continue
            for ref in unit.inputs:
                for source, passed in self._sources(ref.node, ()):
                    if staged.between_copies(source, unit.name):
                        continue
                    one, other = self._home(source), self._home(unit.name)
                    if one != other:
                        yield self._arrow(one, other, passed)

    def _home(self, name: str) -> str:
        """The solid that a unit is drawn as."""
        return self.home[name] if name in self.home else self.home[self.former.staged.drawn_as(name)]

    def _sources(self, name: str, passed: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The solids that a way comes from, each with the units on the way, the last first."""
        drawn = name if name in self.passing else self.former.staged.drawn_as(name)
        if drawn not in self.passing:
            yield name, passed
            return
        for each in self.passing[drawn]:
            yield from self._sources(each, (*passed, drawn))

    def _arrow(self, source: str, target: str, passed: Sequence[str]) -> Arrow:
        one, other = self.solids[source], self.solids[target]
        words = spelled([self.told[name] for name in passed])
        layers = tuple(layer for name in passed for layer in self.former.held_by(self.former.by_name[name]))
        way: Way = "plain"
        if other.copied and one.shape[-1] >= other.shape[-1]:
            way = "copy"
        elif other.sign:
            # Maps that are only laid out anew, as patches, have other sides and as many values.
            more = len(one.shape) == len(other.shape) == 3 and prod(one.shape) < prod(other.shape)
            larger = more and one.shape[-1] * 1.5 < other.shape[-1]
            way = "upsampling" if larger else "plain"
        elif other.family in ("convolution", "pooling", UPSAMPLING, "dense"):
            way = other.family  # type: ignore[assignment]
            kernel = other.rows[0].node.layer.kernel
            if way == "convolution" and kernel is not None and all(each == 1 for each in kernel):
                way = "pointwise"
        elif other.family == SOFTMAX:
            way = "convolution" if is_grid(other.shape) else "dense"
        return Arrow(source, target, way, words, layers)

"""Blocks in series that do the same, drawn once with ``×N``: also a stage whose first block alone halves the maps.

`archscope.diagrams.graph.fold` folds blocks that are equal. The stages of a residual network are so but for their
first block, which may stride and has a projection beside it: it is one more copy here, and what it has beyond the
others is told on the skip connection.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archscope.analysis import Row
from archscope.diagrams.graph.fold import Fold, Readers, folded, spell_range
from archscope.diagrams.graph.tree import Block, Child, is_open, units
from archscope.diagrams.graph.units import Unit


@dataclass(frozen=True)
class Staged:
    """A tree with every stage as one block.

    Attributes:
        root: the tree.
        folds: in the order in which names are followed.
        beside: units of first blocks that the others lack, each with the unit that ends its block.
    """

    root: Block
    folds: tuple[Fold, ...]
    beside: Mapping[str, str]

    def drawn_as(self, name: str) -> str:
        """The unit that one of a copy is drawn as."""
        for fold in self.folds:
            name = fold.first.get(name, name)
        return name

    def between_copies(self, source: str, target: str) -> bool:
        """Whether an edge goes from one copy of a block to the next."""
        for fold in self.folds:
            here, there = fold.copy.get(source), fold.copy.get(target)
            if here is not None and there is not None and here != there:
                return True
            source, target = fold.first.get(source, source), fold.first.get(target, target)
        return False


def staged(root: Block, readers: Readers) -> Staged:
    """The tree with blocks in series that do the same as one."""
    tree, folds = folded(root, readers)
    found: list[Fold] = []
    beside: dict[str, str] = {}
    tree = _staged(tree, found, beside)
    return Staged(tree, (*folds, *found), beside)


def _staged(block: Block, folds: list[Fold], beside: dict[str, str]) -> Block:
    children: list[Child] = []
    for child in block.children:
        each = _staged(child, folds, beside) if isinstance(child, Block) else child
        before = children[-1] if children else None
        same = _matched(before, each) if isinstance(before, Block) and isinstance(each, Block) else None
        if same is None or not isinstance(each, Block) or not isinstance(before, Block):
            children.append(each)
            continue
        folds.append(Fold(dict.fromkeys(_names(before), 0) | dict.fromkeys(_names(each), 1), same))
        beside.update((name, _names(each)[-1]) for name in _names(before) if name not in same)
        label = spell_range(before.label, each.label.rpartition("–")[2])
        children[-1] = replace(each, label=label, copies=each.copies + 1)
    only = children[0]
    if len(children) == 1 and isinstance(only, Block) and not only.tower and block.copies == 1 and block.label:
        return replace(only, label=block.label)
    return replace(block, children=tuple(children))


def _names(block: Block) -> list[str]:
    return [unit.name for unit in block.units]


def _matched(first: Block, other: Block) -> Mapping[str, str] | None:
    """For each unit of a first block its namesake in the next, if that only lacks what stands beside."""
    if first.tower or other.tower or first.copies > 1:
        return None
    pairs: dict[str, str] = {}
    waiting = iter(units(first))
    for unit in units(other):
        mine = next((each for each in waiting if _does(each) == _does(unit)), None)
        if mine is None:
            return None
        pairs[mine.name] = unit.name
    own = {unit.name: unit for unit in units(first)}
    theirs = {unit.name: unit for unit in units(other)}
    last = list(pairs)[-1]
    if own[last].outputs != theirs[pairs[last]].outputs or not set(own).intersection(
        ref.node for unit in theirs.values() for ref in unit.inputs
    ):
        return None
    alike = all(_wired_alike(own[mine], theirs[its], pairs, set(theirs)) for mine, its in pairs.items())
    return pairs if alike and all(_stands_beside(own[name], pairs) for name in own) else None


def _does(unit: Unit) -> Hashable:
    """What a unit does, whatever the size of the maps: stride is left out."""
    types = tuple(row.node.layer.type for row in unit.rows)
    return types, unit.rows[0].kernel, tuple(shape[0] for shape in unit.outputs)


def _wired_alike(mine: Unit, its: Unit, pairs: Mapping[str, str], inside: set[str]) -> bool:
    if len(mine.inputs) != len(its.inputs):
        return False
    for one, other in zip(mine.inputs, its.inputs, strict=True):
        if (other.node in inside or one.node in pairs) and pairs.get(one.node) != other.node:
            return False
    return True


def _stands_beside(unit: Unit, pairs: Mapping[str, str]) -> bool:
    """Whether a unit that the next block lacks reads nothing that it has."""
    return unit.name in pairs or not any(ref.node in pairs for ref in unit.inputs)


def opened(root: Block, depth: int, expand: Sequence[str] = (), collapse: Sequence[str] = ()) -> Iterator[Seen]:
    """What is drawn at a depth: units, and blocks as one; with the blocks that are open around each.

    Blocks of one rank are all open or all closed, but for those that somebody names.
    """
    yield from _opened(root, depth, (), expand, collapse)


@dataclass(frozen=True)
class Seen:
    """A unit or a closed block, and the open blocks around it, outermost first, without the whole network."""

    child: Child
    around: tuple[Block, ...]

    @property
    def copies(self) -> int:
        """How often it stands in the network."""
        many = self.child.copies
        for block in self.around:
            many *= block.copies
        return many


def _opened(
    block: Block, depth: int, around: tuple[Block, ...], expand: Sequence[str], collapse: Sequence[str]
) -> Iterator[Seen]:
    for child in block.children:
        asked = None if isinstance(child, Unit) else is_open(child, around, expand, collapse)
        if isinstance(child, Unit) or not (child.rank < depth if asked is None else asked):
            yield Seen(child, around)
        else:
            yield from _opened(child, depth, (*around, child), expand, collapse)


def rows_in(child: Child) -> Iterator[tuple[Row, int]]:
    """Every row of one copy, and how often it is inside."""
    if isinstance(child, Unit):
        yield from ((row, 1) for row in child.rows)
        return
    for each in child.children:
        yield from ((row, count * each.copies) for row, count in rows_in(each))

"""Equal blocks in series, drawn once with ``×N``.

Blocks are equal if they hold the same layers, with the same shapes and as many parameters of their own, joined in
the same way. They are in series if each reads the one before it and nothing else reads that one; what else they
read (an encoder's memory, say) must be the same for all. Twins side by side are never folded.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from archscope.analysis import Row
from archscope.diagrams.graph.tree import Block, Child, units
from archscope.diagrams.graph.units import Unit
from archscope.network import Ref

Readers = Mapping[str, frozenset[str]]

LEAST_LAYERS = 3
"""Equal single layers are folded from this many on; blocks from two."""


@dataclass(frozen=True)
class Fold:
    """One run of equal blocks: for the name of each unit, which copy it is in and its namesake in the first."""

    copy: Mapping[str, int]
    first: Mapping[str, str]


def folded(root: Block, readers: Readers, *, sharing: bool = False) -> tuple[Block, tuple[Fold, ...]]:
    """The tree with every run of equal blocks as one, and the folds, outermost first.

    With ``sharing``, blocks are equal, too, if one of them uses weights that another owns.
    """
    folds: list[Fold] = []
    return _folded(root, readers, folds, sharing=sharing), tuple(folds)


def _folded(block: Block, readers: Readers, folds: list[Fold], *, sharing: bool) -> Block:
    children: list[Child] = []
    for run in _runs(block.children, readers, sharing=sharing):
        first = run[0]
        if len(run) > 1:
            folds.append(_fold(run))
            first = replace(first, label=spell_range(first.label, run[-1].label), copies=len(run))
        children.append(first if isinstance(first, Unit) else _folded(first, readers, folds, sharing=sharing))
    return replace(block, children=tuple(children))


def _runs(children: Sequence[Child], readers: Readers, *, sharing: bool) -> Iterable[tuple[Child, ...]]:
    """The children, with those that fold in one run."""
    signatures = {child.name: _signature(child, sharing=sharing) for child in children}
    owners = {unit.name: child for child in children for unit in units(child)}
    taken: set[str] = set()
    for child in children:
        if child.name in taken:
            continue
        run = [child]
        links: list[_Link] = []
        while (link := _next(run[-1], owners, signatures, readers)) and (not links or links[-1].same_way(link)):
            links.append(link)
            run.append(link.child)
        least = LEAST_LAYERS if isinstance(child, Unit) else 2
        if len(run) < least:
            run = [child]
        taken.update(each.name for each in run)
        yield tuple(run)


@dataclass(frozen=True)
class _Link:
    """How one block follows another: what it reads, each as a place in the one before or as a constant."""

    child: Child
    reads: tuple[tuple[int, int] | Ref, ...]

    def same_way(self, other: _Link) -> bool:
        return self.reads == other.reads


def _next(
    child: Child, owners: Mapping[str, Child], signatures: Mapping[str, Hashable], readers: Readers
) -> _Link | None:
    """The equal block that follows a block in series, if one does."""
    inside = {unit.name: place for place, unit in enumerate(units(child))}
    leaving = {reader for name in inside for reader in readers[name] if reader not in inside}
    following = {id(owners.get(reader)): owners.get(reader) for reader in leaving}
    other = following.popitem()[1] if len(following) == 1 else None
    if other is None or signatures[other.name] != signatures[child.name] or _tower(other) != _tower(child):
        return None
    reads: list[tuple[int, int] | Ref] = []
    for before, after in zip(_entering(child), _entering(other), strict=True):
        if after.node in inside:
            reads.append((inside[after.node], after.output))
        elif after == before:
            reads.append(after)
        else:
            return None
    return _Link(other, tuple(reads))


def _tower(child: Child) -> bool:
    return isinstance(child, Block) and child.tower


def _entering(child: Child) -> tuple[Ref, ...]:
    """What a block reads from outside, each once, in order."""
    inside = {unit.name for unit in units(child)}
    return tuple(dict.fromkeys(ref for unit in units(child) for ref in unit.inputs if ref.node not in inside))


def _signature(child: Child, *, sharing: bool) -> Hashable:
    """Equal for blocks that do the same to inputs of the same shapes."""
    places = {unit.name: place for place, unit in enumerate(units(child))}
    outside = {ref: place for place, ref in enumerate(_entering(child))}

    def read(ref: Ref) -> tuple[str, int, int]:
        if ref.node in places:
            return "inside", places[ref.node], ref.output
        return "outside", outside[ref], 0

    def of(each: Child) -> Hashable:
        if isinstance(each, Block):
            return each.tower, tuple(of(inner) for inner in each.children)
        rows = tuple((_kind(row, sharing=sharing), row.input_shapes, row.outputs) for row in each.rows)
        return rows, tuple(read(ref) for ref in each.inputs)

    return of(child)


def _kind(row: Row, *, sharing: bool) -> Hashable:
    """What a layer does: its type and options; of a function that was read, all but where; and what it owns."""
    layer = row.node.layer
    weights = () if sharing else tuple(weight.shape for facts in row.facts for weight in facts.weights)
    owned = 0 if sharing else int(row.parameters)
    if layer.options:
        return layer, owned
    # What a function that was read does is said first, then whose weights it takes.
    label = layer.label.partition(", weights ")[0] if sharing else layer.label
    return layer.type, label, weights, None if row.macs is None else int(row.macs), owned


def _fold(run: Sequence[Child]) -> Fold:
    names = [unit.name for unit in units(run[0])]
    copy: dict[str, int] = {}
    first: dict[str, str] = {}
    for number, child in enumerate(run):
        for unit, name in zip(units(child), names, strict=True):
            copy[unit.name] = number
            first[unit.name] = name
    return Fold(copy, first)


def spell_range(first: str, last: str) -> str:
    """Two names as one, what they share written once.

    >>> spell_range("block1", "block5"), spell_range("1", "5"), spell_range("conv5_1", "conv5_3")
    ('block1–5', '1–5', 'conv5_1–3')
    >>> spell_range("encoder.0", "decoder.2")
    'encoder.0–decoder.2'
    """
    stem = last.rstrip("0123456789")
    number = first.removeprefix(stem)
    if stem != last and first.startswith(stem) and number.isdigit():
        return f"{first}–{last.removeprefix(stem)}"
    return f"{first}–{last}"

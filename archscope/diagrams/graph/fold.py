"""Equal blocks in series, drawn once with ``×N``.

What is equal says `alike`. Blocks are in series if each reads the one before it and nothing else reads that one but
what gathers the same value of each; what else they read (an encoder's memory, say) must be the same for all. Twins side
by side are never folded.

Where blocks take turns, as those with and without shifted windows do, several that follow one another are one block,
and that is folded: ``0–5, in pairs ×3``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.diagrams.graph.alike import entering, kinds, signature
from archscope.diagrams.graph.tree import Block, Child, units
from archscope.diagrams.graph.units import Unit
from archscope.network import Ref

Readers = Mapping[str, frozenset[str]]

LEAST_LAYERS = 3
"""Equal single layers are folded from this many on; blocks from two."""

TURNS: Final = {2: "pairs", 3: "threes", 4: "fours", 5: "fives", 6: "sixes"}
"""So many blocks that take turns are folded together."""


@dataclass(frozen=True)
class Fold:
    """One run of equal blocks: for the name of each unit, which copy it is in and its namesake in the first."""

    copy: Mapping[str, int]
    first: Mapping[str, str]


def folded(
    root: Block, readers: Readers, *, sharing: bool = False, loosely: bool = False
) -> tuple[Block, tuple[Fold, ...]]:
    """The tree with every run of equal blocks as one, and the folds, outermost first.

    With ``sharing``, blocks are equal, too, if one of them uses weights that another owns; ``loosely``, if they differ
    as `alike` says. Blocks that take turns are folded together.
    """
    folds: list[Fold] = []
    return _folded(root, readers, folds, sharing=sharing, loosely=loosely), tuple(folds)


def _folded(block: Block, readers: Readers, folds: list[Fold], *, sharing: bool, loosely: bool) -> Block:
    children: list[Child] = []
    runs = tuple(_runs(block.children, readers, sharing=sharing, loosely=loosely))
    # Signatures of every several blocks are many, each as long as what is in them: first, what the layers are is asked.
    held = [kinds(run[0], sharing=sharing, loosely=loosely) for run in runs]
    for run in _in_turns(runs, held, readers, sharing=sharing, loosely=loosely):
        first = run[0]
        if len(run) > 1:
            folds.append(_fold(run))
            first = replace(first, label=_spelled(run), copies=len(run))
        if isinstance(first, Block):
            first = _folded(first, readers, folds, sharing=sharing, loosely=loosely)
        children.append(first)
    return replace(block, children=tuple(children))


def _spelled(run: Sequence[Child]) -> str:
    """The names of a run as one."""
    first, last = run[0], run[-1]
    if isinstance(first, Block) and isinstance(last, Block) and first.turns:
        ends = spell_range(first.children[0].label, last.children[-1].label)
        return f"{ends}, in {TURNS[first.turns]}"
    return spell_range(first.label, last.label)


def _runs(children: Sequence[Child], readers: Readers, *, sharing: bool, loosely: bool) -> Iterable[tuple[Child, ...]]:
    """The children, with those that fold in one run."""
    signatures = {child.name: signature(child, sharing=sharing, loosely=loosely) for child in children}
    owners = {unit.name: child for child in children for unit in units(child)}
    taken: set[str] = set()
    for child in children:
        if child.name in taken:
            continue
        run = _run(child, owners, signatures, readers, gathered=loosely)
        least = LEAST_LAYERS if isinstance(child, Unit) else 2
        if len(run) < least:
            run = [child]
        taken.update(each.name for each in run)
        yield tuple(run)


def _run(
    child: Child, owners: Mapping[str, Child], signatures: Mapping[str, Hashable], readers: Readers, *, gathered: bool
) -> list[Child]:
    """A block with the equal ones that follow it."""
    run = [child]
    links: list[_Link] = []
    while link := _next(run[-1], owners, signatures, readers, gathered=gathered):
        if links and not links[-1].same_way(link):
            break
        links.append(link)
        run.append(link.child)
    return run


def _in_turns(
    runs: Sequence[tuple[Child, ...]], held: Sequence[Hashable], readers: Readers, *, sharing: bool, loosely: bool
) -> Iterable[tuple[Child, ...]]:
    """The runs, with blocks that take turns in runs of several."""
    start = 0
    while start < len(runs):
        tried = (
            _turns(runs, start, turns, readers, sharing=sharing, loosely=loosely)
            for turns in TURNS
            if held[start : start + turns] == held[start + turns : start + 2 * turns]
        )
        run = next((run for run in tried if len(run) > 1), None)
        yield run or runs[start]
        start += 1 if run is None else len(run) * len(run[0].children)


def _turns(
    runs: Sequence[tuple[Child, ...]], start: int, turns: int, readers: Readers, *, sharing: bool, loosely: bool
) -> tuple[Block, ...]:
    """What begins there, so many blocks at a time, as far as it comes again."""
    groups: list[Block] = []
    signatures: dict[str, Hashable] = {}
    for at in range(start, len(runs) - turns + 1, turns):
        members = [run[0] for run in runs[at : at + turns] if len(run) == 1 and isinstance(run[0], Block)]
        if len(members) < turns or any(isinstance(each, Block) and each.tower for each in members):
            break
        group = Block(spell_range(members[0].label, members[-1].label), tuple(members), turns=turns)
        if groups and not _may_be_equal(group, groups[0], loosely=loosely):
            break
        for each in (*groups[:1], group) if groups else ():
            if each.name not in signatures:
                signatures[each.name] = signature(each, sharing=sharing, loosely=loosely)
        if groups and signatures[group.name] != signatures[groups[0].name]:
            break
        groups.append(group)
    if len(groups) < 2:
        return ()
    owners: dict[str, Child] = {unit.name: group for group in groups for unit in units(group)}
    run = _run(groups[0], owners, signatures, readers, gathered=loosely)
    return tuple(each for each in run if isinstance(each, Block))


def _may_be_equal(one: Block, other: Block, *, loosely: bool) -> bool:
    """Whether what is soon seen of two blocks is the same: their layers' types, and their shapes unless ``loosely``."""
    first, second = (
        [(row.type, None if loosely else row.outputs) for unit in each.units for row in unit.rows]
        for each in (one, other)
    )
    return first == second


@dataclass(frozen=True)
class _Link:
    """How one block follows another: what it reads, each as a place in the one before or as a constant."""

    child: Child
    reads: tuple[tuple[int, int] | Ref, ...]

    def same_way(self, other: _Link) -> bool:
        return self.reads == other.reads


def _next(
    child: Child, owners: Mapping[str, Child], signatures: Mapping[str, Hashable], readers: Readers, *,
    gathered: bool,
) -> _Link | None:  # fmt: skip
    """The equal block that follows a block in series, if one does; ``gathered``, something may read the same of all."""
    inside = {unit.name: place for place, unit in enumerate(units(child))}
    leaving = {reader for name in inside for reader in readers[name] if reader not in inside}
    following = {id(owner): owner for reader in leaving if (owner := owners.get(reader)) is not None
                 and signatures[owner.name] == signatures[child.name] and _tower(owner) == _tower(child)}  # fmt: skip
    other = following.popitem()[1] if len(following) == 1 else None
    if other is None:
        return None
    rest = [reader for reader in leaving if owners.get(reader) is not other]
    if rest and not (gathered and all(_gathers(reader, child, other, readers) for reader in rest)):
        return None
    reads: list[tuple[int, int] | Ref] = []
    for before, after in zip(entering(child), entering(other), strict=True):
        if after.node in inside:
            reads.append((inside[after.node], after.output))
        elif after == before:
            reads.append(after)
        else:
            return None
    return _Link(other, tuple(reads))


def _gathers(reader: str, child: Child, other: Child, readers: Readers) -> bool:
    """Whether something reads of two equal blocks the same."""
    one, two = (
        [place for place, unit in enumerate(units(each)) if reader in readers[unit.name]] for each in (child, other)
    )
    return one == two


def _tower(child: Child) -> bool:
    return isinstance(child, Block) and child.tower


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

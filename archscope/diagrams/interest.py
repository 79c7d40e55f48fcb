"""Which closed blocks of a picture to open where there is room: those that matter most, all of one rank or none.

Blocks are of one rank if their names are the same but for numbers, `layer1` to `layer4`, `inception3a` and
`inception4b`; if they hold the same layers but for their sizes, as what a U-Net has on its way down and on its way up;
and if they stand side by side in the network, as two encoders. What costs most, and what is rare, is of most interest.

>>> rank(["layer3", "2"]), rank(["inception3a"]), rank(["body", "0.0"]), rank(["body", "4–5"])
('layer#.#', 'inception#', 'body.#', 'body.#')
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.tree import Block, is_open, units
from archscope.diagrams.graph.units import Unit

TRIES: Final = 12
"""So many openings are tried, the most interesting first: each is a picture that is laid out."""

Opens = Callable[[Block, tuple[Block, ...]], bool | None]
"""Whether a block is open where it stands; None if somebody asked that it be closed."""


@dataclass(frozen=True)
class Kin:
    """Closed blocks of one rank: the names by which they are opened, and how much they are of interest."""

    paths: tuple[str, ...]
    interest: float

    @property
    def patterns(self) -> tuple[str, ...]:
        """What to ask for that exactly these be open."""
        return tuple(escape(path) for path in self.paths)


def rank(labels: Sequence[str]) -> str:
    """What the names of blocks of one rank have in common; a block that holds but another has the names of both."""
    first = (label.partition(".")[0] for label in labels)
    return ".".join(re.sub(r"\d+[a-z]?(?:–\d+[a-z]?)?(?![a-z])", "#", each) for each in first)


def closed(root: Block, opens: Opens, analysis: Analysis, unfolded: Block) -> tuple[Kin, ...]:
    """The closed blocks of a picture by rank, those of most interest first; ``unfolded`` is it with all copies."""
    found: dict[str, list[tuple[str, Block]]] = {}
    named: dict[str, str] = {}
    alike: dict[object, str] = {}
    side = _side_by_side(unfolded)
    for labels, block in _closed(root, (), opens, 1):
        name = named.setdefault(rank(labels), alike.get(_made_of(block), rank(labels)))
        for kind in (_made_of(block), side.get(block.name)) if len(labels) == 1 else (_made_of(block),):
            first = name if kind is None else alike.setdefault(kind, name)
            if first != name:
                found[first] += found.pop(name, [])
                named.update({each: first for each, other in named.items() if other == name})
                alike.update({each: first for each, other in alike.items() if other == name})
                name = first
        found.setdefault(name, []).append((".".join(labels), block))
    totals = analysis.totals
    whole = int(totals.parameters), int(totals.macs_at_least)
    kin = []
    for members in found.values():
        shares = [sum(_cost(block)[way] for _, block in members) / whole[way] if whole[way] else 0.0 for way in (0, 1)]
        kin.append(Kin(tuple(path for path, _ in members), max(shares) + 1 / len(members)))
    return tuple(sorted(kin, key=lambda each: (-each.interest, each.paths)))


def _side_by_side(root: Block) -> Mapping[str, frozenset[str]]:
    """For the outermost blocks of which none leads to another, as two encoders, which they are; by their names."""
    home = {unit.name: place for place, child in enumerate(root.children) for unit in units(child)}
    above: list[int] = []
    for place, child in enumerate(root.children):
        bits = 0
        for source in (home.get(ref.node, place) for unit in units(child) for ref in unit.inputs):
            bits |= 0 if source >= place else above[source] | 1 << source
        above.append(bits)
    blocks = [place for place, child in enumerate(root.children) if isinstance(child, Block)]
    beside = {one: [each for each in blocks if not (above[one] >> each | above[each] >> one) & 1] for one in blocks}
    return {root.children[one].name: frozenset(root.children[each].name for each in others)
            for one, others in beside.items() if len(others) > 1}  # fmt: skip


def to_depth(depth: int, expand: Sequence[str], collapse: Sequence[str]) -> Opens:
    """Which blocks are open at a depth, but for those that somebody names."""

    def opens(block: Block, around: tuple[Block, ...]) -> bool | None:
        asked = is_open(block, around, expand, collapse)
        return block.rank < depth if asked is None else asked or None

    return opens


def unequal(root: Block, opens: Opens, like: Callable[[Block], object]) -> tuple[str, ...]:
    """Patterns for the blocks that are alike, where some of them are open and some closed, or hidden in closed ones.

    Blocks are alike if they hold the same layers; those that are hidden, if they are also ``like`` one another. With
    them go those whose names are the same but for numbers.
    """
    seen = [(labels, block, opened) for labels, block, opened in _seen(root, (), opens)]
    hidden = [(each, inner, False) for labels, block, opened in seen if opened is False
              for each, inner in _inside(block, labels)]  # fmt: skip
    mixed: set[tuple[str, ...]] = set()
    for of, members in ((_made_of, seen), (like, [*seen, *hidden])):
        made = [(labels, of(block), opened) for labels, block, opened in members]
        both = {kind for _, kind, opened in made if opened} & {kind for _, kind, opened in made if opened is False}
        mixed.update(labels for labels, kind, _ in made if kind in both and kind is not None)
    ranks = {rank(labels) for labels, _, opened in seen if labels in mixed and opened is not None}
    mixed.update(labels for labels, _, opened in seen if opened is not None and rank(labels) in ranks)
    return tuple(escape(".".join(labels)) for labels, *_ in (*seen, *hidden) if labels in mixed)


def by_name(block: Block) -> object:
    """What is the same of blocks that are alike: what they hold, how often, and their names but for numbers."""
    return rank([block.label]), block.copies, _made_of(block)


def by_layers(block: Block) -> object:
    """The layers of a block that has several with weights, norms apart, but for their sizes; None of another."""
    weighing = [unit for unit in units(block) if any(map(_weighs, unit.rows))]
    return _made_of(block) if len(weighing) > 1 else None


def _weighs(row: Row) -> bool:
    return bool(row.weights) and row.node.layer.family != "normalization"


def _seen(
    block: Block, around: tuple[str, ...], opens: Opens, blocks: tuple[Block, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Block, bool | None]]:
    """The blocks of a picture, and whether each is open."""
    for child in block.children:
        if isinstance(child, Block):
            labels, opened = (*around, child.label), opens(child, blocks)
            yield labels, child, opened
            if opened:
                yield from _seen(child, labels, opens, (*blocks, child))


def _inside(block: Block, around: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Block]]:
    """The blocks within one, with their names."""
    for child in block.children:
        if isinstance(child, Block):
            labels = (*around, child.label)
            yield labels, child
            yield from _inside(child, labels)


def _made_of(block: Block) -> object:
    """The layers that a block holds, but for their sizes, and how often."""
    return tuple(
        (child.copies, _made_of(child) if isinstance(child, Block) else _kinds(child)) for child in block.children
    )


def _kinds(unit: Unit) -> object:
    return tuple((row.type, row.node.layer.kernel) for row in unit.rows)


def _closed(
    block: Block, around: tuple[str, ...], opens: Opens, many: int, blocks: tuple[Block, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Block]]:
    """The closed blocks with their names, each as often as it stands in the network."""
    for child in block.children:
        if isinstance(child, Unit):
            continue
        opened = opens(child, blocks)
        labels = (*around, child.label)
        if opened:
            yield from _closed(child, labels, opens, many * child.copies, (*blocks, child))
        elif opened is False:
            yield labels, replace(child, copies=child.copies * many)


def _cost(block: Block) -> tuple[int, int]:
    """The parameters and the MACs of all copies of a block; what is not covered is left out."""
    parameters = macs = 0
    for child in block.children:
        if isinstance(child, Block):
            inner = _cost(child)
            parameters, macs = parameters + inner[0], macs + inner[1]
            continue
        for unit in units(child):
            parameters += sum(int(row.parameters) for row in unit.rows) * unit.copies
            macs += sum(int(row.macs) for row in unit.rows if row.macs is not None) * unit.copies
    return parameters * block.copies, macs * block.copies

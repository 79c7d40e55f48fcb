"""Stages: a stream of blocks that are the same at several sizes, as Swin's, with something between that changes these.

Such a stream is drawn in columns, one a stage, whose blocks are closed, all of them; what one of them holds is drawn
once beside them, for each kind of block, with the sizes that it has in one stage after the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from string import ascii_lowercase
from typing import Final

from archscope.diagrams.request import Request
from archscope.diagrams.transformer.kinds import Kind, attends, key_of, kind_of, parts_in
from archscope.diagrams.transformer.model import Framed, Model, Node, Part, Sublayer
from archscope.diagrams.transformer.pieces import Run
from archscope.diagrams.transformer.stream import Source
from archscope.diagrams.transformer.wording import USUAL, Words, numbers_of
from archscope.layers.base import spell_shape

LEAST: Final = 3
"""So many stages are told apart."""

MOST_KINDS: Final = 4
"""So many kinds of blocks are told apart by their letters."""

MOST_BLOCKS: Final = 6
"""So many blocks stand in a column."""


@dataclass(frozen=True, eq=False)
class Staged:
    """The figure: a model in which blocks are closed, what stands in each column, and the kinds of the blocks."""

    model: Model
    columns: tuple[tuple[Node, ...], ...]
    kinds: tuple[Kind, ...]
    words: Mapping[Part | Source, Words]


@dataclass(frozen=True, eq=False)
class _Block:
    nodes: tuple[Node, ...]
    stage: int
    key: Hashable


_Element = tuple[Run | None, list[_Block]]
"""Blocks that stand alone, or those of a frame."""


def staged(model: Model, request: Request) -> Staged | None:
    """The stages of a network; None where it has none, or all shall be open."""
    if len(model.stacks) > 1 or request.depth == "full":
        return None
    runs = [(of, tuple(nodes)) for of, nodes in groupby(model.stacks[0], key=_repeats)]
    stages = {at: _elements(nodes, at, model, request) for at, (of, nodes) in enumerate(runs) if of}
    blocks = [block for stage in stages.values() for _, members in stage for block in members]
    kinds = {key: [each for each in blocks if each.key == key] for key in dict.fromkeys(each.key for each in blocks)}
    most = max((sum(len(members) for _, members in stage) for stage in stages.values()), default=0)
    known = len(stages) >= LEAST and len(kinds) <= MOST_KINDS and most <= MOST_BLOCKS
    return _Figure(model, request, kinds).of(runs, stages) if known and any(map(_grows, kinds.values())) else None


def _repeats(node: Node) -> bool:
    """Whether a node is added to the stream, or equal ones that are."""
    return isinstance(node, Sublayer) or (isinstance(node, Framed) and all(map(_repeats, node.inner)))


def _elements(nodes: Sequence[Node], stage: int, model: Model, request: Request) -> list[_Element]:
    """The blocks of a stage: those that stand alone together, and those of each frame."""
    found: list[_Element] = []
    for _, members in groupby(nodes, key=lambda node: node if isinstance(node, Framed) else None):
        own = list(members)
        frame = own[0] if isinstance(own[0], Framed) else None
        inner = own if frame is None else frame.inner
        cut = [_Block(each, stage, key_of(each, model, request)) for each in _cut(inner)]
        found.append((None if frame is None else frame.run, cut))
    return found


def _cut(nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Nodes in series as blocks, each of which begins with one that attends, if the first does."""
    starts = [place for place, node in enumerate(nodes) if attends(node)]
    if not starts or starts[0] > 0:
        return [tuple(nodes)]
    return [tuple(nodes[start:end]) for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True)]


def _grows(members: Sequence[_Block]) -> bool:
    """Whether blocks of one kind that attend stand in several stages, and not with one size."""
    sizes = {parts_in(each.nodes)[0].head.row.output for each in members}
    return any(map(attends, members[0].nodes)) and len({each.stage for each in members}) > 1 and len(sizes) > 1


class _Figure:
    def __init__(self, model: Model, request: Request, kinds: Mapping[Hashable, Sequence[_Block]]) -> None:
        self.model = model
        self.request = request
        self.titles = {key: "Block" if len(kinds) == 1 else f"Block {letter}"
                       for key, letter in zip(kinds, ascii_lowercase, strict=False)}  # fmt: skip
        self.kinds = kinds
        self.words: dict[Part | Source, Words] = {}
        self.home = dict(model.home)

    def of(self, runs: Sequence[tuple[bool, tuple[Node, ...]]], stages: Mapping[int, Sequence[_Element]]) -> Staged:
        columns: list[tuple[Node, ...]] = []
        waiting: tuple[Node, ...] = ()
        for at, (_, nodes) in enumerate(runs):
            if at in stages:
                columns.append((*waiting, self._stage(len(columns) + 1, stages[at])))
                waiting = ()
            else:
                waiting = nodes
        columns += [waiting] if waiting else []
        overview = Model(self.model.pieces, [tuple(node for each in columns for node in each)], self.home,
                         self.model.folded)  # fmt: skip
        kinds = tuple(
            kind_of(self.titles[key], [next(each).nodes for _, each in groupby(members, key=lambda one: one.stage)],
                    self.model, self.request)
            for key, members in self.kinds.items()
        )  # fmt: skip
        return Staged(overview, tuple(columns), kinds, self.words)

    def _stage(self, number: int, elements: Sequence[_Element]) -> Framed:
        inner = [(run, tuple(self._closed(block) for block in blocks)) for run, blocks in elements]
        last = parts_in(elements[-1][1][-1].nodes)[-1].pieces[0].row.output
        shown = self.request.shows("shape", *USUAL)
        said = (f"Stage {number}", *((f"to {spell_shape(last)}",) if shown else ()))
        (run, parts), *others = inner
        if not others:
            own = Run(parts[0].head.name, said[0], 1 if run is None else run.copies)
            return Framed(parts, own, said)
        nodes = [node for run, parts in inner for node in (parts if run is None else (Framed(parts, run),))]
        return Framed(tuple(nodes), Run(parts[0].head.name, said[0], 1), said)

    def _closed(self, block: _Block) -> Part:
        part = Part("stage", [piece for each in parts_in(block.nodes) for piece in each.pieces])
        self.home.update(dict.fromkeys((piece.name for piece in part.pieces), part))
        numbers = numbers_of(part, self.model, replace(self.request, brief=False))
        self.words[part] = Words((self.titles[block.key],), tuple(numbers))
        return part

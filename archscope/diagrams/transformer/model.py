"""What a transformer's figure is made of: blocks, what stands beside the stream, frames, stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archscope.analysis import Analysis
from archscope.diagrams.transformer.pieces import Piece, Pieces, Run
from archscope.diagrams.transformer.stream import Source
from archscope.network import Ref


@dataclass(eq=False)
class Part:
    """One block: its role, and the pieces it stands for, the one it is named after first."""

    role: str
    pieces: list[Piece]

    @property
    def head(self) -> Piece:
        """What it is named after."""
        return self.pieces[0]

    @property
    def layers(self) -> tuple[str, ...]:
        """Every node it stands for."""
        own = dict.fromkeys(name for piece in self.pieces for name in piece.layers)
        return tuple(dict.fromkeys((self.head.name, *own)))

    @property
    def copies(self) -> int:
        """How often it stands in the network."""
        return len(self.head.layers)

    @property
    def parameters(self) -> tuple[int, int]:
        """Those that each copy has of its own, and those that are there once for all copies."""
        times = {piece: int(piece.row.parameters) for piece in self.pieces}
        each = sum(own for piece, own in times.items() if own * self.copies == piece.owned)
        return each, sum(piece.owned for piece, own in times.items() if own * self.copies != piece.owned)


@dataclass(frozen=True, eq=False)
class Sublayer:
    """What is done beside the stream, and where it is added to it."""

    inner: tuple[Node, ...]
    add: Part


@dataclass(frozen=True, eq=False)
class Fork:
    """Ways side by side that meet again."""

    ways: tuple[tuple[Node, ...], ...]
    join: Part


@dataclass(frozen=True, eq=False)
class Sum:
    """Where something from beside comes to the stream: places, segments, a class token."""

    join: Part
    sides: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, eq=False)
class Framed:
    """Equal blocks in series, drawn once; ``said`` is what stands on their frame, if something does."""

    inner: tuple[Node, ...]
    run: Run
    said: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Heads:
    """The end of a stack that leads to several outputs: a way to each, empty to one that the place itself gives."""

    place: str
    ways: tuple[tuple[Node, ...], ...]


Node = Part | Source | Sublayer | Fork | Sum | Framed | Heads


@dataclass(eq=False)
class Model:
    """What is drawn: one stack, or an encoder's beside a decoder's, whose ``memory`` is the last block of the first.

    Of ``towers``, the last stack stands above all others, which its first block reads.
    """

    pieces: Pieces
    stacks: list[tuple[Node, ...]]
    home: dict[str, Part | Source] = field(default_factory=dict)
    folded: bool = False
    towers: bool = False

    @property
    def paired(self) -> bool:
        """Whether an encoder stands beside its decoder."""
        return len(self.stacks) > 1 and not self.towers

    @property
    def analysis(self) -> Analysis:
        """Of the network."""
        return self.pieces.analysis

    @property
    def parts(self) -> list[Part]:
        """Every block, in the order of the stacks."""
        return list(dict.fromkeys(part for part in self.home.values() if isinstance(part, Part)))

    def given(self, part: Part | Source) -> tuple[Ref, ...]:
        """The outputs of the network that a block gives."""
        return tuple(ref for ref in self.analysis.network.outputs if self.home[self.pieces.drawn_as(ref.node)] is part)

    @cached_property
    def ends(self) -> tuple[Part | Source, ...]:
        """The blocks from which an arrow leads out of the figure; others give their outputs on the way."""
        last = self.stacks[-1:] if self.towers else self.stacks
        found = (each for stack in last for each in ends_of(stack))
        return tuple(each for each in dict.fromkeys(found) if self.given(each))

    def top(self, stack: Sequence[Node]) -> Part | Source:
        """The last block of a stack, that before its heads."""
        return last_of(next(node for node in reversed(stack) if not isinstance(node, Heads)))

    @property
    def edges(self) -> set[tuple[str, str]]:
        """``(source, target)``: which block reads which, by their names."""
        found = set()
        for piece in self.pieces.all:
            target = self.home[piece.name]
            for name in piece.reads:
                source = self.home[name]
                if source is not target:
                    found.add((name_of(source), name_of(target)))
        return found


def name_of(part: Part | Source) -> str:
    """What an edge calls it."""
    return part.name if isinstance(part, Source) else part.head.name


def ends_of(stack: Sequence[Node], before: Part | Source | None = None) -> Iterator[Part | Source]:
    """The last blocks of a stack: one, or those of its heads."""
    for node in stack:
        if isinstance(node, Heads):
            yield from (each for way in node.ways for each in ends_of(way, before))
            return
        before = last_of(node)
    if before is not None:
        yield before


def last_of(node: Node) -> Part | Source:
    """The block from which the stream goes on."""
    if isinstance(node, Sublayer):
        return node.add
    if isinstance(node, Fork | Sum):
        return node.join
    if isinstance(node, Heads):
        return last_of(next(way[-1] for way in node.ways if way))
    return last_of(node.inner[-1]) if isinstance(node, Framed) else node


def parts_of(node: Node) -> Iterator[Part | Source]:
    """Every block in it, in order."""
    if isinstance(node, Sublayer):
        yield from (part for each in node.inner for part in parts_of(each))
        yield node.add
    elif isinstance(node, Fork):
        yield from (part for way in node.ways for each in way for part in parts_of(each))
        yield node.join
    elif isinstance(node, Sum):
        yield from (part for side in node.sides for each in side for part in parts_of(each))
        yield node.join
    elif isinstance(node, Heads):
        yield from (part for way in node.ways for each in way for part in parts_of(each))
    elif isinstance(node, Framed):
        yield from (part for each in node.inner for part in parts_of(each))
    else:
        yield node

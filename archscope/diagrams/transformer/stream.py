"""The residual stream: from an output of the network back to an input, and what is added to it on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.transformer.pieces import Piece, Pieces
from archscope.diagrams.transformer.roles import attends


class NotATransformerError(NotShownError):
    """The network is no stream with attention in it."""


@dataclass(frozen=True, eq=False)
class Source:
    """An input of the network."""

    name: str


@dataclass(frozen=True, eq=False)
class Step:
    """A layer on the stream; ``beside`` is what it reads that no input leads to."""

    piece: Piece
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Residual:
    """What leaves the stream, and is added to it further on."""

    inner: tuple[Item, ...]
    add: Piece


@dataclass(frozen=True, eq=False)
class Bubble:
    """Several ways from one place to another: all pieces on them, and the ways where they are apart."""

    pieces: tuple[Piece, ...]
    join: Piece
    ways: tuple[tuple[Item, ...], ...]


@dataclass(frozen=True, eq=False)
class Joined:
    """Streams from several inputs that become one: the longest goes on, the others come from beside."""

    join: Piece
    sides: tuple[tuple[Item, ...], ...]


@dataclass(frozen=True, eq=False)
class Parted:
    """The end of a stream that leads to several outputs: a way to each, empty to one that the place itself gives."""

    place: str
    ways: tuple[tuple[Item, ...], ...]


@dataclass(frozen=True, eq=False)
class Met:
    """Towers: streams from several inputs, each with layers of its own that weigh, and what first reads all of them."""

    join: Piece
    ways: tuple[tuple[Item, ...], ...]


Item = Source | Step | Residual | Bubble | Joined | Parted | Met

_DENSE = "Full connection"

WEIGHING: Final = frozenset({_DENSE, "Convolutions", "Attention", "Experts"})
"""What a tower has, and tables of embeddings that are added have not."""

MOST_TOWERS: Final = 3
"""So many stand side by side."""


class Streams:
    """Walks a network backwards; ``memories`` gathers what is read from another stream."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces
        self.memories: dict[str, None] = {}

    def stream(self, end: str, start: str | None = None) -> tuple[Item, ...]:
        """What stands between two places, or between an input and a place, in order."""
        items: list[Item] = []
        at = end
        while at != start:
            piece = self.pieces.by_name.get(at)
            if piece is None:
                items.append(Source(at))
                break
            item, at = self._step(piece, start)
            items.append(item)
            if not at:
                break
        return tuple(reversed(items))

    def _step(self, piece: Piece, start: str | None) -> tuple[Item, str]:
        """What ends with a piece, and where it begins; nowhere, for what reads nothing."""
        skip = self._skipped(piece, start)
        if skip is not None:
            other = next(name for name in piece.reads if name != skip)
            return Residual(self.stream(other, skip), piece), skip
        flowing = [name for name in piece.reads if self._flows(name, start)]
        if start is not None:
            self._remember(piece, start)
        if len(flowing) <= 1:
            keys = self._with_keys([], piece, start) if start is not None and attends([piece.layer]) else ()
            if keys and flowing:
                return Bubble(keys, piece, ()), flowing[0]
            beside = tuple(name for name in piece.reads if self.pieces.is_constant(name) and name not in flowing)
            return Step(piece, beside), flowing[0] if flowing else ""
        met = self.pieces.meeting(flowing, start)
        if met is None:
            return self._joined(piece, flowing)
        chosen = self._chosen(piece, flowing, met) if start is None else None
        if chosen is not None:
            return Residual(self.stream(chosen, met), piece), met
        inside = [*self.pieces.between(met, piece.name)]
        inside = [each for each in inside if start is None or self._flows(each.name, start)]
        if start is not None:
            names = {each.name for each in (*inside, piece)}
            for each in inside:
                self._remember(each, start, names)
        return Bubble(self._with_keys(inside, piece, start), piece, self._ways(flowing, met, inside)), met

    def _skipped(self, piece: Piece, start: str | None) -> str | None:
        """What an addition adds something to that was made of it."""
        if piece.layer.symbol != "+" or len(piece.reads) != 2:
            return None
        one, other = piece.reads
        for skip, made in ((one, other), (other, one)):
            if self.pieces.leads(skip, made) and (start is None or self._flows(skip, start)):
                return skip
        return None

    def _chosen(self, piece: Piece, flowing: Sequence[str], met: str) -> str | None:
        """Of what a piece reads, that of which it takes values at places that the rest says: where a text ends."""
        heavy = [name for name in flowing if self._attends(name, met)]
        rest = [name for name in flowing if name not in heavy]
        lean = all(not each.owned for name in rest for each in self._way_to(name, met))
        return heavy[0] if len(heavy) == 1 and rest and lean and not piece.layer.symbol else None

    def _attends(self, name: str, met: str) -> bool:
        return attends([piece.layer for piece in self._way_to(name, met)])

    def _way_to(self, name: str, met: str) -> list[Piece]:
        last = self.pieces.by_name.get(name)
        return [*self.pieces.between(met, name), *([last] if last is not None and name != met else [])]

    def _flows(self, name: str, start: str | None) -> bool:
        if start is None:
            return not self.pieces.is_constant(name)
        return name == start or self.pieces.leads(start, name)

    def _joined(self, piece: Piece, flowing: list[str]) -> tuple[Item, str]:
        """Streams that have no place in common: embeddings of several inputs, say."""
        if 1 < len(flowing) <= MOST_TOWERS and all(self._weighs(name, flowing) for name in flowing):
            return Met(piece, tuple(self.stream(name) for name in flowing)), ""
        main = max(flowing, key=self.pieces.behind)
        if piece.layer.symbol not in ("+", "‖"):
            told = ", ".join(f"`{name}`" for name in flowing)
            raise NotATransformerError(
                f"`{piece.name}` ({piece.layer.label}) reads {told}, which nothing before them joins"
            )
        return Joined(piece, tuple(self.stream(name) for name in flowing if name != main)), main

    def _weighs(self, name: str, others: Sequence[str]) -> bool:
        """Whether what leads to a place, and to none of the others, has weights that are more than tables."""
        apart = [other for other in others if other != name]
        return any(
            piece.layer.verb in WEIGHING and (piece.owned or piece.row.shares)
            for piece in self.pieces.all
            if (piece.name == name or self.pieces.leads(piece.name, name))
            and not any(piece.name == other or self.pieces.leads(piece.name, other) for other in apart)
        )

    def _ways(self, flowing: list[str], met: str, inside: list[Piece]) -> tuple[tuple[Item, ...], ...]:
        """The ways, if they are apart and none is empty."""
        taken: set[str] = set()
        for name in flowing:
            own = {each.name for each in inside if each.name == name or self.pieces.leads(each.name, name)}
            if not own or own & taken:
                return ()
            taken |= own
        return tuple(self.stream(name, met) for name in flowing)

    def _remember(self, piece: Piece, start: str, inside: set[str] | None = None) -> None:
        """Note what a piece reads of another stream."""
        for name in piece.reads:
            if name in (inside or ()) or self._flows(name, start) or self.pieces.is_constant(name):
                continue
            self.memories[(self._projected(name) or ([], name))[1]] = None

    def _with_keys(self, inside: list[Piece], join: Piece, start: str | None) -> tuple[Piece, ...]:
        """With the projections of another stream that only what is inside reads."""
        more: list[Piece] = []
        names = {each.name for each in (*inside, join)}
        for each in (*inside, join):
            for name in each.reads:
                if name in names or self._flows(name, start) or self.pieces.is_constant(name):
                    continue
                found = self._projected(name)
                if found is not None:
                    more += [piece for piece in found[0] if piece.name not in names]
                    names |= {piece.name for piece in found[0]}
        return (*more, *inside)

    def _projected(self, name: str) -> tuple[list[Piece], str] | None:
        """A projection and what turns its axes, from their end on, and what it projects; None for anything else."""
        found: list[Piece] = []
        while True:
            piece = self.pieces.by_name.get(name)
            if piece is None or len(piece.reads) != 1 or len(self.pieces.readers[name]) != 1:
                return None
            found.append(piece)
            if piece.layer.verb == _DENSE:
                return found[::-1], piece.reads[0]
            if piece.layer.family not in ("shape", "axes", "normalization"):
                return None
            name = piece.reads[0]

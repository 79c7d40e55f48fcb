"""Where a series of steps ends one row and goes on in the next, so that the widest row is as narrow as can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from archscope.diagrams.volumes.series import Edge, Step


@dataclass
class Piece:
    """A step that has its size: how far it reaches from its left end and its middle line."""

    step: Step
    wide: float = 0.0
    up: float = 0.0
    down: float = 0.0
    lanes: list[tuple[float, list[Piece], float]] = field(default_factory=list)
    arc: float = 0.0
    tracks: dict[Edge, int] = field(default_factory=dict)
    before: float = 0.0


Ends = Callable[[bool], Sequence[bool]]
"""Whether a row may end after each step: between blocks alone, or anywhere."""

_WORTH: Final = 1.3
"""Rows that end between blocks may be so many times as wide as those that end anywhere."""


def broken(pieces: Sequence[Piece], ends: Ends, count: int) -> list[list[Piece]]:
    """The pieces in so many rows, the widest as narrow as can be; between blocks where that costs little."""
    if count <= 1:
        return [list(pieces)]
    anywhere = _narrowest(pieces, ends(False), count)
    between = _narrowest(pieces, ends(True), count)
    return between if widest(between) <= _WORTH * widest(anywhere) else anywhere


def widest(lines: Sequence[Sequence[Piece]]) -> float:
    return max(wide(line) for line in lines)


def wide(line: Sequence[Piece]) -> float:
    return sum([piece.wide for piece in line]) + sum([piece.before for piece in line[1:]])


def between_solids(line: Sequence[Piece]) -> float:
    """The width of a row without the branches that it begins or ends with, which may take less room than they have."""
    alone = [place for place, piece in enumerate(line) if isinstance(piece.step, str)]
    return wide(line[alone[0] : alone[-1] + 1]) if alone else 0.0


_NEAR: Final = 0.001
"""Points by which a row may be wider than asked."""


def _narrowest(pieces: Sequence[Piece], ends: Sequence[bool], count: int) -> list[list[Piece]]:
    """The rows whose widest is as narrow as can be: only widths at which a row ends elsewhere are tried."""
    low = max(piece.wide for piece in pieces) - _NEAR
    high = sum(piece.wide + piece.before for piece in pieces)
    best = [list(pieces)]
    while high - low > 1e-6:
        middle = (low + high) / 2
        found, more = _within(pieces, ends, middle)
        if found is not None and len(found) <= count:
            best, high = found, widest(found) - _NEAR
        else:
            low = more - _NEAR
    return best


def _within(pieces: Sequence[Piece], ends: Sequence[bool], widest: float) -> tuple[list[list[Piece]] | None, float]:
    """Rows that are no wider, each as full as can be and at one of their ends; None where a piece is wider.

    With them the least width with which a row would hold more.
    """
    found: list[list[Piece]] = []
    start, more = 0, math.inf
    while start < len(pieces):
        wide, end, good = 0.0, start, 0
        while end < len(pieces):
            wide += pieces[end].wide + (pieces[end].before if end > start else 0.0)
            if wide > widest + _NEAR:
                more = min(more, wide)
                break
            end += 1
            if ends[end - 1]:
                good = end
        if not good:
            return None, more
        found.append(list(pieces[start:good]))
        start = good
    return found, more

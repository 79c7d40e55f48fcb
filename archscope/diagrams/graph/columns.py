"""A graph that is too tall for a page goes on in a second column, and a third."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_LINES = 4

_PATIENCE = 1.5
"""A graph may be this much too tall before more than one line goes on in the next column."""

_WORTH = 0.5
"""The part of the height that columns of equal height would gain which is worth another column."""


@dataclass(frozen=True)
class Stack:
    """The ranks of a level one below the other.

    Attributes:
        heights: of each rank.
        gaps: below each rank but the last.
        lines: how many lines run through each of these gaps.
        extents: left and right of each rank.
    """

    heights: Sequence[float]
    gaps: Sequence[float]
    lines: Sequence[int]
    extents: Sequence[tuple[float, float]]

    def height(self, first: int, last: int) -> float:
        """From the top of one rank to the bottom of another."""
        return sum(self.heights[first : last + 1]) + sum(self.gaps[first:last])

    def width(self, first: int, last: int) -> float:
        """Of the ranks from one to another."""
        lefts, rights = zip(*self.extents[first : last + 1], strict=True)
        return float(max(rights) - min(lefts))


def columns(
    stack: Stack, *, gutter: float, tallest: float, ratio: float, widest: float | None, strict: bool
) -> list[tuple[int, int]]:
    """The first and last rank of each column: as few columns as make the page no taller than it may be.

    Args:
        stack: the ranks.
        gutter: the width between columns.
        tallest: a page of this height is never too tall.
        ratio: nor is one of this many times its width.
        widest: the width there is, if it is limited.
        strict: whether taller than ``tallest`` is no picture at all, and every column worth it.
    """
    best = [(0, len(stack.heights) - 1)]
    worth = 0.0 if strict else _WORTH
    for lines, patience in ((1, 1.0), (_MOST_LINES, 1.0 if strict else _PATIENCE)):
        for count in range(len(best) + 1, len(stack.heights) + 1):
            height = max(stack.height(*column) for column in best)
            if height <= patience * max(tallest, ratio * _width(stack, best, gutter)):
                return best
            split = _split(stack, count, lines)
            if split is None or (widest is not None and _width(stack, split, gutter) > widest):
                break
            gained = height - max(stack.height(*column) for column in split)
            if gained >= worth * stack.height(0, len(stack.heights) - 1) / (count * (count - 1)):
                best = split
            elif not strict:
                break
    return best


def _width(stack: Stack, split: Sequence[tuple[int, int]], gutter: float) -> float:
    return sum(stack.width(*column) for column in split) + gutter * (len(split) - 1)


def _split(stack: Stack, count: int, lines: int) -> list[tuple[int, int]] | None:
    """The lowest way to make at most so many columns with at most so many lines from one to the next."""
    low, high = max(stack.heights), stack.height(0, len(stack.heights) - 1)
    best = None
    for _ in range(24):
        middle = (low + high) / 2
        found = _packed(stack, middle, lines)
        if found is not None and len(found) <= count:
            best, high = found, middle
        else:
            low = middle
    return best


def _packed(stack: Stack, most: float, lines: int) -> list[tuple[int, int]] | None:
    """Columns filled up to a height; None if there is no place to go on in the next."""
    found: list[tuple[int, int]] = []
    first, last_cut, height = 0, -1, 0.0
    for rank, own in enumerate(stack.heights):
        height += own + (stack.gaps[rank - 1] if rank > first else 0.0)
        if height > most:
            if last_cut < first:
                return None
            found.append((first, last_cut))
            first = last_cut + 1
            height = stack.height(first, rank)
            if height > most:
                return None
        if rank < len(stack.gaps) and 0 < stack.lines[rank] <= lines:
            last_cut = rank
    return [*found, (first, len(stack.heights) - 1)]

"""A graph that is too tall for a page goes on in a second column, and a third."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

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
        return self.bottoms[last] - self.tops[first]

    @cached_property
    def tops(self) -> Sequence[float]:
        """Where each rank begins if all are in one column."""
        steps = (height + gap for height, gap in zip(self.heights, self.gaps, strict=False))
        return tuple(accumulate(steps, initial=0.0))

    @cached_property
    def bottoms(self) -> Sequence[float]:
        """Where each rank ends if all are in one column."""
        return tuple(top + height for top, height in zip(self.tops, self.heights, strict=True))

    def cuts(self, lines: int) -> Sequence[int]:
        """For each rank the last one, up to it, below which a column may end: at most so many lines go on; -1 if none.

        >>> Stack((1, 1, 1), (1, 1), (1, 9), ((0, 1),) * 3).cuts(4)
        (0, 0, 0)
        """
        free = (rank if 0 < count <= lines else -1 for rank, count in enumerate((*self.lines, 0)))
        return tuple(accumulate(free, max))

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
        cuts = stack.cuts(lines)
        for count in range(len(best) + 1, len(stack.heights) + 1):
            height = max(stack.height(*column) for column in best)
            if height <= patience * max(tallest, ratio * _width(stack, best, gutter)):
                return best
            split = _split(stack, count, cuts)
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


def _split(stack: Stack, count: int, cuts: Sequence[int]) -> list[tuple[int, int]] | None:
    """The lowest way to make at most so many columns that end where they may."""
    low, high = max(stack.heights), stack.height(0, len(stack.heights) - 1)
    best = None
    for _ in range(24):
        middle = (low + high) / 2
        found = _packed(stack, middle, cuts, count)
        if found is not None:
            best, high = found, middle
        else:
            low = middle
    return best


def _packed(stack: Stack, most: float, cuts: Sequence[int], count: int) -> list[tuple[int, int]] | None:
    """At most so many columns, filled up to a height; None if they do not hold it, or if one has no place to end."""
    found: list[tuple[int, int]] = []
    first, end = 0, len(stack.heights) - 1
    while len(found) < count:
        last = bisect_right(stack.bottoms, most + stack.tops[first]) - 1
        if last >= end:
            return [*found, (first, end)]
        last = cuts[last]
        if last < first:
            return None
        found.append((first, last))
        first = last + 1
    return None

"""`Rows`: what a sweep has found, read from its journal as often as it takes, one row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from archscope.sweep.evaluating import uncovered
from archscope.sweep.front import Front, Sides
from archscope.sweep.journal import Journal
from archscope.sweep.lines import from_lines
from archscope.sweep.plan import Plan


class Rows:
    """The rows of a sweep, all or those of a front.

    Args:
        plan: the sweep.
        journal: its rows.
        front: two quantities among its columns; rows that another one beats in both are left out.
    """

    def __init__(self, plan: Plan, journal: Journal, front: Sides | None = None) -> None:
        self.plan, self.journal, self.front = plan, journal, front

    @property
    def heading(self) -> tuple[str, ...]:
        """The names of what a row holds."""
        return self.plan.heading

    @property
    def texts(self) -> int:
        """How many entries are no quantities: the number, the network, what is set."""
        return 2 + len(self.plan.keys)

    def all(self) -> Iterator[tuple[Any, ...]]:
        """Every row, those too that are not on the front."""
        return from_lines(self.journal.lines(), self.texts)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The rows, in the order of the points."""
        if self.front is None:
            return self.all()
        return (row for row in self.all() if row[0] in self.best)

    @cached_property
    def best(self) -> frozenset[int]:
        """The numbers of the points on the front."""
        return frozenset(() if self.front is None else found(self, self.front))

    @cached_property
    def tally(self) -> tuple[int, int, str]:
        """How many rows there are, how many of them no network fits, and why the first of those does not."""
        many = unfit = 0
        why = ""
        numbers = slice(self.texts, -1)
        unknown = uncovered(self.plan.asked()[0])  # that network is there, and its first number is not
        for row in self.all():
            many += 1
            if all(each is None for each in row[numbers]) and not row[-1].startswith(unknown):
                unfit, why = unfit + 1, why or row[-1]
        return many, unfit, why


def found(rows: Rows, of: Sides) -> Sequence[int]:
    """The numbers of the points that no other beats in both quantities, the least in the first one first."""
    first, second = (rows.heading.index(each, rows.texts) for each in (of.first, of.second))
    front = Front()
    for row in rows.all():
        if row[first] is not None and row[second] is not None:
            front.add(row[0], of.signs[0] * row[first], of.signs[1] * row[second])
    return [*front]

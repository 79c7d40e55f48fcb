"""The last lines: a gap as the sum of its parts, exactly.

>>> spell_sum("Parameters", 2_416, 1_560, [Term(900, 1, "C3 is fully connected"), Term(-44, 1, "S2 and S4")])
'2,416 − 1,560 = 900 (C3 is fully connected) − 44 (S2 and S4)'
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from archscope.difference.items import Change, Groups, Item, common
from archscope.difference.words import WORK, Facet
from archscope.record import Record
from archscope.working import digits


class Term(Record):
    """One part of a gap: so much, so many times, and why."""

    each: int
    times: int
    why: str

    @property
    def value(self) -> int:
        """All of it."""
        return self.each * self.times


def terms_of(items: Sequence[Item], quantity: str, b: str, groups: Groups) -> list[Term]:
    """The parts of a gap in a quantity, what is more first; ``b`` is the second network's name."""
    found: list[Term] = []
    reasons = _REASONS if sum(bool(item.cost(quantity).gap) for item in items) < _MANY else _REASONS - 1
    for item in items:
        costly = [change for change in item.changes if change.costs[quantity].gap]
        if not costly:
            continue
        by_cost: dict[int, list[Change]] = {}
        for change in costly:
            by_cost.setdefault(change.costs[quantity].gap or 0, []).append(change)
        if len(by_cost) > _APART:
            whole = sum(cost * len(changes) for cost, changes in by_cost.items())
            found.append(Term(whole, 1, f"{groups.names(costly)} {_why(item, costly, quantity, b, reasons)}"))
            continue
        for number, (cost, changes) in enumerate(by_cost.items()):
            last = number == len(by_cost) - 1
            why = f" {_why(item, costly, quantity, b, reasons)}" if last else ""
            found.append(Term(cost, len(changes), groups.names(changes) + why))
    return sorted(found, key=lambda term: term.each < 0)


_APART: Final = 3
"""Different costs in one item that are written as parts of their own."""


def _why(item: Item, costly: Sequence[Change], quantity: str, b: str, reasons: int) -> str:
    several = len(costly) > 1
    if item.kind in ("removed", "added"):
        verb = "are" if several else "is"
        return f"{verb} not in {b}" if item.kind == "removed" else f"{verb} only in {b}"
    facets = common([change.facets for change in costly]) or list(costly[0].facets)
    telling = [facet for facet in facets if quantity in facet.explains] or facets
    return _joined([facet.plural if several else facet.single for facet in _weighty(telling, quantity)[:reasons]])


def _weighty(telling: Sequence[Facet], quantity: str) -> list[Facet]:
    """What a layer holds or is given goes before how it steps; an activation explains what is kept."""
    steps = [facet for facet in telling if facet.own and facet.explains == WORK]
    telling = [*(facet for facet in telling if facet not in steps), *steps]
    return [facet for facet in telling if quantity == "saved_bytes" or not facet.of_activation] or list(telling)


_REASONS: Final = 3
_MANY: Final = 4
"""Parts from which on each has fewer reasons."""


def _joined(texts: Sequence[str]) -> str:
    """``has a and has b`` as ``has a and b``."""
    said: list[str] = []
    for verb, group in groupby(texts, key=lambda text: text.partition(" ")[0]):
        rest = [text.partition(" ")[2] for text in group]
        said.append(f"{verb} {rest[0]}" if len(rest) == 1 else f"{verb} {', '.join(rest[:-1])} and {rest[-1]}")
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def spell_sum(quantity: str, after: int, before: int, terms: Sequence[Term]) -> str:
    """A gap and its parts.

    Raises:
        ArithmeticError: they do not add up; archscope itself is wrong then.
    """
    if sum(term.value for term in terms) != after - before:
        raise ArithmeticError(f"the parts of {quantity} are {[term.value for term in terms]}, not {after - before}")
    left = f"{digits(after)} − {digits(before)}"
    if not terms:
        return f"{left} = 0"
    parts = []
    for number, term in enumerate(terms):
        sign = "− " if term.each < 0 else "+ " if number else ""
        if not number:
            sign = sign.strip().replace("− ", "−")
        times = f"{term.times}·" if term.times > 1 else ""
        parts.append(f"{sign}{times}{abs(term.each):,} ({term.why})")
    return f"{left} = {' '.join(parts)}"

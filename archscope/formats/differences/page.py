"""`Page`: a difference brought into lines of text, before any format has its way with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from archscope.difference import QUANTITIES, Cost, Difference, Item
from archscope.difference.items import Change
from archscope.formats.sheet import NOT_COVERED
from archscope.record import Record
from archscope.working import Count, digits

_LONGEST: Final = 44
"""Signs that a working may have beside its number."""

_APART: Final = 3
"""Layers of one item whose numbers are written out one by one."""


class Line(Record):
    """What one item costs in one quantity: the heading, the gap, and the numbers that make it."""

    heading: str
    gap: str
    workings: tuple[str, ...]


class Entry(Record):
    """One item: the layers it is about, what differs, and what that costs."""

    names: str
    sentence: str
    lines: tuple[Line, ...]


class Page(Record):
    """Everything a page shows, in order."""

    title: str
    subtitle: str
    totals: tuple[tuple[str, str, str, str], ...]
    entries: tuple[Entry, ...]
    alike: str
    notes: tuple[str, ...]
    sums: tuple[tuple[str, str], ...]


def lay_out(found: Difference) -> Page:
    """Bring a difference into text."""
    a, b = found.names
    return Page(
        title=f"{a} → {b}",
        subtitle=f"What {b} has that {a} has not, and what that costs; of one sample, in float32",
        totals=tuple(_totals(found)),
        entries=tuple(_entry(item, found.names) for item in found.items),
        alike=_alike(found),
        notes=tuple(_notes(found)),
        sums=tuple(_sums(found)),
    )


def signed(value: int) -> str:
    """A gap with its sign: ``+900``, ``−44``."""
    return f"{'−' if value < 0 else '+' if value else ''}{abs(value):,}"


def _number(value: Count | None) -> str:
    return NOT_COVERED if value is None else digits(value)


def _totals(found: Difference) -> Iterator[tuple[str, str, str, str]]:
    for quantity, heading in QUANTITIES.items():
        cost = found.totals[quantity]
        if quantity == "fixed" and not cost.before and not cost.after:
            continue
        gap = NOT_COVERED if cost.gap is None else signed(cost.gap)
        yield heading, _number(cost.before), _number(cost.after), gap


def _entry(item: Item, names: tuple[str, str]) -> Entry:
    shown = f"{item.names} → {item.others}" if item.others else item.names
    lines = tuple(line for quantity in QUANTITIES if (line := _line(item, quantity)) is not None)
    return Entry(shown, item.sentence(names), lines)


def _line(item: Item, quantity: str) -> Line | None:
    changes = [change for change in item.changes if change.costs[quantity].gap]
    if not changes:
        return None
    gap = sum(change.costs[quantity].gap or 0 for change in changes)
    return Line(QUANTITIES[quantity], signed(gap), tuple(_workings(changes, quantity)))


def _workings(changes: Sequence[Change], quantity: str) -> Iterator[str]:
    """The numbers of each layer, or of all together where they are many."""
    costs = [change.costs[quantity] for change in changes]
    each = dict.fromkeys(_from_to(cost) for cost in costs)
    if len(each) == 1:
        yield next(iter(each)) if len(changes) == 1 else f"{len(changes):,} times {next(iter(each))}"
    elif len(changes) <= _APART:
        for change, cost in zip(changes, costs, strict=True):
            yield f"{change.a or change.b}: {_from_to(cost)}"
    else:
        before, after = (Count(sum(int(getattr(cost, end) or 0) for cost in costs)) for end in ("before", "after"))
        yield f"in all {digits(before)} → {digits(after)}"


def _from_to(cost: Cost) -> str:
    return f"{_worked(cost.before)} → {_worked(cost.after)}"


def _worked(value: Count | None) -> str:
    if value is None:
        return NOT_COVERED
    working = value.working
    return f"{working} = {digits(value)}" if working != digits(value) and len(working) <= _LONGEST else digits(value)


def _alike(found: Difference) -> str:
    layers = "1 layer is" if found.alike == 1 else f"{found.alike:,} layers are"
    if found.same:
        return f"Nothing differs: {layers} alike."
    return f"{layers} alike."


def _notes(found: Difference) -> Iterator[str]:
    for analysis, name, other in zip((found.a, found.b), found.names, (found.b, found.a), strict=True):
        if analysis.network.towers and analysis.network.towers != other.network.towers:
            towers = " and ".join(analysis.network.towers)
            yield f"{name} is spread over {towers}: the parts of a layer there are compared as one layer in groups."
    yield from found.published
    for quantity, why in found.reasons.items():
        yield f"{QUANTITIES[quantity]} are not compared: {why}."


def _sums(found: Difference) -> Iterator[tuple[str, str]]:
    """The gap in each quantity as its parts; what is the same first, the parameters last."""
    order = [*(quantity for quantity in QUANTITIES if quantity != "parameters"), "parameters"]
    equal = [quantity for quantity in order if quantity in found.terms and not found.terms[quantity]]
    for quantity in [*equal, *(each for each in order if each not in equal)]:
        if quantity not in found.terms or (quantity == "fixed" and not found.totals[quantity].before
                                           and not found.totals[quantity].after):  # fmt: skip
            continue
        total = found.totals[quantity].after
        text = found.sums[quantity] if found.terms[quantity] else f"{_number(total)} in both"
        yield QUANTITIES[quantity], text

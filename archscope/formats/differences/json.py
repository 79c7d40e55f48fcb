"""JSON with the schema ``archscope.difference/1``: a number that is not covered is null."""

from __future__ import annotations

from typing import Any, Final

from archscope.difference import Cost, Difference, Item
from archscope.difference.items import Change
from archscope.escaping import json_text

SCHEMA: Final = "archscope.difference/1"


def write(found: Difference) -> str:
    """The difference as indented JSON."""
    return json_text(plain(found), indent=2)


def plain(found: Difference) -> dict[str, Any]:
    """The difference as dicts, lists, texts and numbers."""
    return {
        "schema": SCHEMA,
        "first": found.names[0],
        "second": found.names[1],
        "same": found.same,
        "alike": found.alike,
        "totals": {quantity: _cost(cost) for quantity, cost in found.totals.items()},
        "items": [_item(item) for item in found.items],
        "sums": {
            quantity: {
                "text": found.sums[quantity],
                "terms": [{"value": term.value, "each": term.each, "times": term.times, "why": term.why}
                          for term in terms],
            }
            for quantity, terms in found.terms.items()
        },
        "published": list(found.published),
        "not_covered": dict(found.reasons),
    }  # fmt: skip


def _item(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "layers": item.names,
        "what": list(item.phrases) or [item.changes[0].label],
        "pairs": [_change(change) for change in item.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    costs = {quantity: _cost(cost) for quantity, cost in change.costs.items() if cost.gap or cost.gap is None}
    return {"first": change.a or None, "second": change.b or None, "costs": costs}


def _cost(cost: Cost) -> dict[str, int | None]:
    return {
        "first": None if cost.before is None else int(cost.before),
        "second": None if cost.after is None else int(cost.after),
        "difference": cost.gap,
    }

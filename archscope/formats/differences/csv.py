"""CSV as RFC 4180 has it: a line for every pair of layers that differs, plain numbers, empty where not covered."""

from __future__ import annotations

import csv
import io

from archscope.difference import QUANTITIES, Difference
from archscope.difference.items import Change
from archscope.escaping import csv_cell
from archscope.working import Count


def write(found: Difference) -> str:
    """The lines, without totals to be added twice."""
    heading = ["kind", "first", "second", "what"]
    heading += [f"{quantity}_{side}" for quantity in QUANTITIES for side in ("first", "second")]
    lines = [_line(change) for item in found.items for change in item.changes]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *lines])
    return text.getvalue().removesuffix("\n")


def _line(change: Change) -> list[str]:
    what = "; ".join(change.phrases) or f"only in the {'first' if change.a else 'second'}: {change.label}"
    numbers = [value for cost in change.costs.values() for value in (cost.before, cost.after)]
    return [change.kind, csv_cell(change.a), csv_cell(change.b), csv_cell(what), *map(_plain, numbers)]


def _plain(value: Count | None) -> str:
    return "" if value is None else str(int(value))

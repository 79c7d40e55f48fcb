"""CSV as RFC 4180 has it: plain numbers, an empty field where there is none, no totals to be added twice.

Where layers stand in blocks, the last field is the block, ``conv3/2/a``.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from archscope.analysis import Analysis, Row
from archscope.escaping import csv_cell
from archscope.formats.columns import COLUMNS, Column, chosen
from archscope.formats.sheet import View
from archscope.layers.base import spell_shape


def write(analysis: Analysis, view: View) -> str:
    """One line for each row; with working, the arithmetic of each count in a field of its own."""
    columns = chosen(view.columns, of=analysis)
    if view.columns is None and any(row.group for row in view.rows(analysis)):
        columns = (*columns, COLUMNS["group"])
    heading = [name for column in columns for name in _names(column, view)]
    lines = [[field for column in columns for field in _fields(column, row, view)] for row in view.rows(analysis)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *lines])
    return text.getvalue().removesuffix("\n")


def _names(column: Column, view: View) -> list[str]:
    return [column.name, f"{column.name}_working"] if view.working and column.is_count else [column.name]


def _fields(column: Column, row: Row, view: View) -> list[str]:
    field = csv_cell("/".join(row.group)) if column.name == "group" else _plain(column.value(row))
    if view.working and column.is_count:
        return [field, row.working(column.name) or ""]
    return [field]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return csv_cell(value)
    if value and all(isinstance(each, int) for each in value):
        return spell_shape(value, "x")
    return csv_cell(" ".join(each if isinstance(each, str) else spell_shape(each, "x") for each in value))

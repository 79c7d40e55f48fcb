"""The form to answer on, as CSV: a line a layer, an empty cell for each answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from archscope.classroom import content
from archscope.classroom.sheet import TOTAL, Sheet
from archscope.escaping import csv_cell


def rows(sheet: Sheet, *, key: bool = False) -> Iterator[list[str]]:
    """The form, row by row: whose and which it is, then the table."""
    yield ["worksheet", sheet.spec]
    if sheet.seed is not None:
        yield ["sheet", str(sheet.seed)]
    yield ["pupil", ""]
    yield ["layer", *sheet.columns]
    for name, line in zip(sheet.lines, content.lines(sheet, key=key), strict=True):
        yield [TOTAL if name == TOTAL else line.name, *(cell.text for cell in line.cells)]


def write(sheet: Sheet, *, key: bool = False) -> str:
    """The text of the file, without a line end behind the last line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows(sheet, key=key):
        writer.writerow([csv_cell(cell) for cell in row])
    return out.getvalue().rstrip("\n")

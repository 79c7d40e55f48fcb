"""The form to answer on, as a spreadsheet; what is answered there may be a formula of numbers."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from archscope.classroom.sheet import Sheet
from archscope.classroom.writers.form import rows
from archscope.errors import MissingExtra
from archscope.escaping import visible


def write(sheet: Sheet, *, key: bool = False) -> bytes:
    """The bytes of the file.

    Raises:
        MissingExtra: openpyxl is not installed.
    """
    try:
        import openpyxl
        from openpyxl.styles import Border, Font, Protection, Side
        from openpyxl.utils import get_column_letter
    except ImportError:
        raise MissingExtra("a worksheet as .xlsx", "openpyxl", "classroom") from None
    book: Any = openpyxl.Workbook()
    book.properties.creator = "archscope"
    book.properties.created = book.properties.modified = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    page = book.active
    page.title = "answers"
    line = Side(style="thin", color="999999")
    table = list(rows(sheet, key=key))
    head = next(at for at, row in enumerate(table, 1) if row[0] == "layer")
    for at, row in enumerate(table, 1):
        for column, text in enumerate(row, 1):
            cell = page.cell(at, column)
            cell.value = visible(text) or None
            cell.data_type = "s" if text else cell.data_type  # what begins with an equals sign is text here
            cell.font = Font(bold=at == head or column == 1)
            if at >= head:
                cell.border = Border(left=line, right=line, top=line, bottom=line)
                cell.protection = Protection(locked=bool(text))
    page.freeze_panes = page.cell(head + 1, 2)
    for column in range(1, len(table[head - 1]) + 1):
        page.column_dimensions[get_column_letter(column)].width = 18
    page.page_setup.paperSize = page.PAPERSIZE_A4
    page.page_setup.fitToWidth = 1
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()

"""The cells of a spreadsheet that a pupil handed in, as texts; a formula is what was written, and is not run."""

from __future__ import annotations

import io
import zipfile
from typing import Any, Final

from archscope.classroom.submissions import MOST_COLUMNS, MOST_ROWS, Grid
from archscope.errors import MissingExtra, UsageError

MOST_UNPACKED: Final = 20 * 1024 * 1024
"""Bytes of a spreadsheet once it is unpacked: a sheet has some thousand; an archive may swell a thousandfold."""
MOST_PARTS: Final = 500


def grid_of(name: str, content: bytes) -> Grid:
    """The rows of the first page that has a row of layers, else of the first.

    Raises:
        UsageError: it is no spreadsheet, or a far too large one.
        MissingExtra: openpyxl is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise MissingExtra("answers in .xlsx", "openpyxl", "classroom") from None
    _bounded(name, content)
    try:
        book: Any = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        pages = [_rows(page) for page in book.worksheets[:8]]
        book.close()
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a broken part makes it raise
        raise UsageError(f"{name}: it is no spreadsheet that can be read ({type(error).__name__})") from None
    for rows in pages:
        if any(row and row[0].strip().lower() == "layer" for _, row in rows):
            return rows
    return pages[0] if pages else ()


def _bounded(name: str, content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise UsageError(f"{name}: it is no spreadsheet: no .xlsx begins like that") from None
    unpacked = sum(each.file_size for each in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
        raise UsageError(f"{name}: unpacked it would be {unpacked:,} bytes in {len(parts):,} parts; "
                         f"answers have up to {MOST_UNPACKED:,}")  # fmt: skip


def _rows(page: Any) -> Grid:
    cells = page.iter_rows(max_row=MOST_ROWS, max_col=MOST_COLUMNS, values_only=True)
    return [(f"row {number}", [_text(value) for value in row]) for number, row in enumerate(cells, 1)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(getattr(value, "text", value))

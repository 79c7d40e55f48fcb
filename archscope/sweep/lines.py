"""Rows as lines of CSV, and lines as rows again: what workers send and what a sweep leaves on disk.

>>> written = [(0, "lenet5", "2", 61_000, ""), (1, "lenet5", "[1, 2]", None, "it does not fit")]
>>> text = to_lines(written)
>>> print(text, end="")
0,lenet5,2,61000,
1,lenet5,"[1, 2]",,it does not fit
>>> [*from_lines(text.splitlines(keepends=True), texts=3)] == written
True
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from archscope.escaping import csv_cell, line

_LONGEST: Final = 100_000
"""Letters of a text: Python's own reader takes no cell of more than 131,072."""
_NUMBER: Final = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


def to_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as text, a line each."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value and not _NUMBER.fullmatch(value):
        return csv_cell(line(value)[:_LONGEST])  # a row is a line
    return value


def from_lines(lines: Iterable[str], texts: int) -> Iterator[tuple[Any, ...]]:
    """Rows of lines: the number of the point, texts as far as ``texts`` says, numbers, and a text at the end."""
    for number, *cells, why in csv.reader(lines):
        yield (int(number), *(_text(each) for each in cells[: texts - 1]),
               *(_number(each) for each in cells[texts - 1 :]), _text(why) or "")  # fmt: skip


def _text(cell: str) -> str | None:
    """A text as it was before it was kept from a spreadsheet; nothing where nothing was set."""
    return cell[1:] if cell[:1] == "'" else cell or None


def _number(cell: str) -> float | None:
    if not cell:
        return None
    return float(cell) if "." in cell or "e" in cell else int(cell)

"""What pupils hand in: answers in a ``.csv``, ``.xlsx``, ``.md`` or ``.ipynb`` file, read and never run.

Every file is a grid of cells for what follows: what stands above its head says whose it is and which sheet it answers,
and each line below is a layer. A notebook's answers are a dictionary, whose text is read.
"""

from __future__ import annotations

import csv
import html
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from archscope.classroom.sheet import HEADINGS, QUANTITIES, TOTAL
from archscope.errors import UsageError, did_you_mean
from archscope.escaping import line, terminal
from archscope.record import Record

SUFFIXES: Final = (".csv", ".xlsx", ".md", ".ipynb")
LARGEST: Final = 5 * 1024 * 1024
"""Bytes of a file: a notebook with its figure has a hundredth."""
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 2_000, 60, 10_000
MOST_FILES: Final = 2_000

Grid = Sequence[tuple[str, Sequence[str]]]
"""Rows with their place, ``row 7``, and the texts of their cells."""

_NAMES: Final[Mapping[str, str]] = {
    **{name.replace("_", " "): name for name in QUANTITIES},
    **{heading.lower(): name for name, heading in HEADINGS.items()},
    "answer": "answer", "quantity": "quantity", "layer": "layer",
}  # fmt: skip
_GIVEN: Final = frozenset({"type", "what it is", "options", "remark", "remarks", "note", "notes", "working", ""})
"""Columns that are no answers."""


_NOTHING: Final[Mapping[tuple[str, str], str]] = MappingProxyType({})


class Submission(Record):
    """What one pupil handed in.

    Attributes:
        path: the file.
        pupil: whose it is: what it says, else the name of the file.
        seed: the sheet it says it answers.
        answers: what was written, by layer and quantity.
        places: where in the file each of them stands.
        quantities: the quantities that it has a place for.
    """

    path: str
    pupil: str
    seed: int | None = None
    answers: Mapping[tuple[str, str], str] = _NOTHING
    places: Mapping[tuple[str, str], str] = _NOTHING
    quantities: tuple[str, ...] = ()


def files_in(paths: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """The answers' files that are named, those of a folder in the order of their names.

    Raises:
        UsageError: there is no such file, or a folder holds none.
    """
    found: list[Path] = []
    for each in paths:
        path = Path(each)
        try:
            if path.is_dir():
                inside = sorted(one for one in path.iterdir()
                                if one.suffix.lower() in SUFFIXES and not one.name.startswith((".", "~$")))  # fmt: skip
                if not inside:
                    raise UsageError(f"{path} holds no answers: no {', '.join(SUFFIXES)} file")
                found += inside
            elif path.exists():
                found.append(path)
            else:
                raise UsageError(f"there is no file {path}")
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {path}: {str(error).lower()}") from None
    if len(found) > MOST_FILES:
        raise UsageError(f"{len(found):,} files are more than a class has; name up to {MOST_FILES:,}")
    return tuple(found)


def read_answers(path: str | os.PathLike[str], layers: Sequence[str]) -> Submission:
    """Read a file; ``layers`` are the names of the sheet's lines.

    Raises:
        UsageError: it is broken; the message names the row and the column.
        MissingExtra: openpyxl is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: answers are read from {', '.join(SUFFIXES)} files")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UsageError(f"{path}: {size:,} bytes are too many; answers have up to {LARGEST:,}")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    name = str(path)
    if suffix == ".xlsx":
        from archscope.classroom.spreadsheets import grid_of

        return _from_grid(name, grid_of(name, content), layers)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = content[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}: row {at} is not UTF-8; save the file as UTF-8") from None
    if suffix == ".ipynb":
        from archscope.classroom.notebooks import answers_in

        return answers_in(name, text, layers)
    return _from_grid(name, _csv_grid(name, text) if suffix == ".csv" else markdown_grid(text), layers)


def _csv_grid(name: str, text: str) -> Grid:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "�")
    head = next((row for row in text.split("\n") if row.lower().lstrip("\"' ").startswith("layer")), "")
    sign = max(",;\t", key=head.count)
    rows: list[tuple[str, Sequence[str]]] = []
    reader = csv.reader(io.StringIO(text), delimiter=sign)
    try:
        for number, row in enumerate(reader, 1):
            if number > MOST_ROWS:
                raise UsageError(f"{name}: more than {MOST_ROWS:,} rows are no sheet")
            rows.append((f"row {number}", [_unquoted(cell) for cell in row]))
    except csv.Error as error:
        raise UsageError(f"{name}: row {reader.line_num}: {error}") from None
    return rows


def _unquoted(cell: str) -> str:
    """A cell without the sign that keeps a spreadsheet from working it out."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in ("=", "+", "-", "@", "'") else cell


def markdown_grid(text: str) -> Grid:
    """The rows of the pipe tables in a text, and its ``Sheet: 7`` and ``Pupil: Ada`` lines."""
    rows: list[tuple[str, Sequence[str]]] = []
    for number, written in enumerate(text.splitlines()[:MOST_ROWS], 1):
        bare = written.strip()
        if bare.startswith("|"):
            cells = [_plain(cell) for cell in re.split(r"(?<!\\)\|", bare.strip("|"))]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                rows.append((f"line {number}", cells))
            continue
        told = re.match(r"\W*(sheet|pupil|name|student)\W*:\W*?\s*(.*?)[*_\s]*\Z", bare, re.IGNORECASE)
        if told:
            rows.append((f"line {number}", [told[1], _plain(told[2])]))
    return rows


def _plain(cell: str) -> str:
    """A cell of Markdown as text."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell)).strip().strip("`").strip()


def _from_grid(name: str, grid: Grid, layers: Sequence[str]) -> Submission:
    head = next((at for at, (_, row) in enumerate(grid) if row and row[0].strip().lower() == "layer"), None)
    if head is None:
        raise UsageError(f"{name}: no row begins with `layer`, as the head of the answers does")
    pupil, seed = _above(name, grid[:head])
    columns = _columns(name, *grid[head])
    answers: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, str], str] = {}
    for place, row in grid[head + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        if not row[0].strip():
            break  # another table
        layer = _layer(name, place, row[0].strip(), layers)
        if layer is None:
            break
        if any(cell.strip() for cell in row[len(columns) :]):
            raise UsageError(f"{name}: {place} has {len(row)} cells, its head {len(columns)}; put a number with commas "
                             "in quotes")  # fmt: skip
        for column, text in _cells(name, place, columns, row):
            if (layer, column) in answers:
                raise UsageError(f"{name}: {place}: `{layer}` stands there a second time")
            answers[layer, column], places[layer, column] = text, f"{place}, column {column}"
    asked = tuple(each for each in QUANTITIES if each in columns) or tuple(dict.fromkeys(q for _, q in answers))
    return Submission(name, pupil or Path(name).stem, seed, answers, places, asked)


def _cells(name: str, place: str, columns: Sequence[str], row: Sequence[str]) -> Iterable[tuple[str, str]]:
    """The answers of a row; with a column ``quantity`` each row is one answer."""
    cells = dict(zip(columns, row, strict=False))
    for column, text in cells.items():
        if len(text) > LONGEST_CELL:
            raise UsageError(f"{name}: {place}, column {column or 'without a name'}: {len(text):,} characters are too "
                             "many")  # fmt: skip
    if "quantity" not in columns:
        yield from ((column, cells.get(column, "").strip()) for column in columns if column in QUANTITIES)
        return
    quantity = _NAMES.get(cells.get("quantity", "").strip().lower().replace("_", " "), "")
    if quantity not in QUANTITIES:
        raise UsageError(f"{name}: {place}, column quantity: `{terminal(cells.get('quantity', ''), 40)}` is none; "
                         f"{did_you_mean(cells.get('quantity', ''), QUANTITIES, what='quantities')}")  # fmt: skip
    yield quantity, cells.get("answer", "").strip()


def _above(name: str, rows: Grid) -> tuple[str, int | None]:
    """Whose it is and which sheet."""
    pupil, seed = "", None
    for place, row in rows:
        what = row[0].strip().lower().strip(":* ") if row else ""
        value = row[1].strip() if len(row) > 1 else ""
        if what == "sheet" and value:
            seed = seed_from(name, place, value)
        elif what in ("pupil", "name", "student"):
            pupil = terminal(value.strip("_ "), 80)
    return pupil, seed


def seed_from(name: str, place: str, text: str) -> int:
    """The number of a sheet."""
    number = text.removesuffix(".0")
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise UsageError(f"{name}: {place}: `{terminal(text, 40)}` is no number of a sheet")
    return int(number)


def _columns(name: str, place: str, row: Sequence[str]) -> list[str]:
    columns: list[str] = []
    row = list(row)
    while row and not row[-1].strip():
        row.pop()
    for number, text in enumerate(row[:MOST_COLUMNS], 1):
        bare = " ".join(text.strip().lower().strip("* ").replace("_", " ").split())
        known = _NAMES.get(bare, bare)
        if known not in QUANTITIES and known not in ("layer", "quantity", "answer") and bare not in _GIVEN:
            raise UsageError(f"{name}: {place}, column {number}: `{terminal(text.strip(), 40)}` is no quantity; "
                             f"{did_you_mean(bare, QUANTITIES, what='quantities')}")  # fmt: skip
        if known in columns and bare not in _GIVEN:
            raise UsageError(f"{name}: {place}, column {number}: `{known}` stands there a second time")
        columns.append(known)
    if not any(each in QUANTITIES for each in columns) and not {"quantity", "answer"} <= {*columns}:
        raise UsageError(f"{name}: {place} has no column to answer in; {did_you_mean('', QUANTITIES, what='columns')}")
    return columns


def _shown(name: str) -> str:
    """What a form shows of a name and a person writes again: on one line, without the marks of code and of quoting."""
    return line(name).strip("`' ").lower()


def _layer(name: str, place: str, text: str, layers: Sequence[str]) -> str | None:
    """The sheet's name of a line; None for the head of another table."""
    if text in layers:
        return text
    if text.strip("* ").lower() in ("total", "all of it") and TOTAL in layers:
        return TOTAL
    folded = [each for each in layers if _shown(each) == _shown(text)]
    if len(folded) == 1:
        return folded[0]
    raise UsageError(f"{name}: {place}, column layer: there is no layer `{terminal(text, 40)}` on this sheet; "
                     f"{did_you_mean(text, layers, what='layers')}")  # fmt: skip

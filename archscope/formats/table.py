"""A table for the terminal.

Where it is too wide, the usual columns give way one by one, and columns that were asked for are stacked in
blocks, each with the layers' names; no number is ever cut or broken.

The lines are put together here rather than by `rich.table`: which columns fit has to be known anyway, and
importing and running `rich.console` would take a third of the time of the whole program.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from archscope.analysis import Analysis
from archscope.escaping import terminal
from archscope.formats.columns import COLUMNS, EXPENDABLE, Column
from archscope.formats.sheet import NOT_COVERED, Cell, Sheet, Step, View, lay_out

_GAP: Final = "  "
_LEAST: Final = 16
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

BOLD: Final = "1"
DIM: Final = "2"
CYAN: Final = "36"


def write(analysis: Analysis, view: View) -> str:
    """The table, its totals, and below it the memory, the towers, the working and the notes."""
    sheet = lay_out(analysis, view)
    hidden: list[Column] = []
    if view.columns is None and view.width is not None:
        hidden = _too_many(sheet, view.width)
        if hidden:
            kept = tuple(column.name for column in sheet.columns if column not in hidden)
            sheet = lay_out(analysis, view.replace(columns=kept))
    return "\n".join(_lines(sheet, hidden, view.width, _Paint(view.color)))


def _lines(sheet: Sheet, hidden: Sequence[Column], width: int | None, paint: _Paint) -> Iterator[str]:
    yield from (paint(line, BOLD) for line in _wrapped(sheet.title, width))
    yield from (paint(line, DIM) for line in _wrapped(sheet.subtitle, width))
    for block in _blocks(sheet, width):
        yield ""
        yield from _main(sheet, block, paint)
    if sheet.steps:
        yield ""
        yield from _working(sheet.steps, width, paint)
    yield ""
    label = max(len(name) for name, _ in sheet.below)
    for name, text in sheet.below:
        first, *rest = _wrapped(text, width, label + len(_GAP))
        yield paint(terminal(name).ljust(label), BOLD) + _GAP + first
        yield from (" " * label + _GAP + line for line in rest)
    notes = [f"{_raised(number)} {note}" for number, note in enumerate(sheet.notes, 1)]
    if hidden:
        names = ", ".join(column.heading for column in hidden)
        notes.append(f"Left out to fit {width} columns: {names}; choose with `--columns`.")
    yield from (paint(line, DIM) for note in notes for line in _wrapped(note, width))


class _Paint:
    """Puts a text between terminal codes, or leaves it alone."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text.strip() else text


def _too_many(sheet: Sheet, width: int) -> list[Column]:
    """The columns that give way so that the others fit."""
    widths = {column.name: _width(sheet, at) for at, column in enumerate(sheet.columns)}
    hidden: list[Column] = []
    for name in EXPENDABLE:
        if _fits([*widths.values()], width):
            break
        if widths.pop(name, None) is not None:
            hidden.append(COLUMNS[name])
    return hidden


def _blocks(sheet: Sheet, width: int | None) -> list[list[int]]:
    """Which columns stand side by side, by position; every block begins with the layers' names."""
    widths = [_width(sheet, at) for at in range(len(sheet.columns))]
    if width is None:
        return [[*range(len(widths))]]
    blocks = [[0]]
    for at in range(1, len(widths)):
        if len(blocks[-1]) > 1 and not _fits([widths[each] for each in [*blocks[-1], at]], width):
            blocks.append([0])
        blocks[-1].append(at)
    return blocks


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + len(_GAP) * (len(widths) - 1) <= width


def _width(sheet: Sheet, at: int) -> int:
    cells = (row[at] for row in (*sheet.rows, sheet.totals))
    return max(len(sheet.columns[at].heading), *(len(_text(cell)) for cell in cells))


def _main(sheet: Sheet, block: Sequence[int], paint: _Paint) -> Iterator[str]:
    columns = [sheet.columns[at] for at in block]
    widths = [_width(sheet, at) for at in block]
    rule = paint("─" * (sum(widths) + len(_GAP) * (len(widths) - 1)), DIM)

    def line(texts: Iterable[str], codes: Iterable[str]) -> str:
        cells = [
            paint(text.rjust(width) if column.numeric else text.ljust(width), code)
            for text, code, column, width in zip(texts, codes, columns, widths, strict=True)
        ]
        return _GAP.join(cells).rstrip()

    bold = [BOLD] * len(block)
    yield line((column.heading for column in columns), bold)
    yield rule
    for row in sheet.rows:
        texts = [_text(row[at]) for at in block]
        yield line(texts, [CYAN, *(DIM if text == "0" or text.startswith(NOT_COVERED) else "" for text in texts[1:])])
    totals = [_text(sheet.totals[at]) for at in block]
    if any(totals[1:]):
        yield rule
        yield line(totals, bold)


def _working(steps: Sequence[Step], width: int | None, paint: _Paint) -> Iterator[str]:
    """Layer, quantity and value beside the arithmetic, which is wrapped where it is too long."""
    headings = Step("Layer", "Quantity", "Working", "Value")
    layer, quantity, working, value = (
        max(len(getattr(step, name)) for step in (headings, *steps))
        for name in ("layer", "quantity", "working", "value")
    )
    if width is not None:
        working = max(_LEAST, min(working, width - layer - quantity - value - 3 * len(_GAP)))
    heading = (headings.layer.ljust(layer), headings.quantity.ljust(quantity), headings.working.ljust(working))
    yield paint(_GAP.join([*heading, headings.value.rjust(value)]), BOLD)
    yield paint("─" * (layer + quantity + working + value + 3 * len(_GAP)), DIM)
    before = ""
    for step in steps:
        first, *rest = _wrapped(step.working, working)
        name = "" if step.layer == before else terminal(step.layer)
        cells = (paint(name.ljust(layer), CYAN), step.quantity.ljust(quantity), first.ljust(working))
        yield _GAP.join([*cells, step.value.rjust(value)])
        yield from (" " * (layer + quantity + 2 * len(_GAP)) + line for line in rest)
        before = step.layer


def _wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    shown = terminal(text)
    if width is None:
        return [shown]
    return textwrap.wrap(shown, max(_LEAST, width - indent), break_on_hyphens=False) or [""]


def _text(cell: Cell) -> str:
    shown = terminal(cell.text)
    return shown if cell.note is None else shown + _raised(cell.note)


def _raised(number: int) -> str:
    return str(number).translate(_RAISED)

"""A table for the terminal.

Where it is too wide, the usual columns give way one by one, and columns that were asked for are stacked in
blocks, each with the layers' names; no number is ever cut or broken.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from archscope.analysis import Analysis
from archscope.formats.columns import DEFAULT, EXPENDABLE, Column
from archscope.formats.sheet import Cell, Sheet, View, lay_out

_GAP: Final = 2
_UNBOUNDED: Final = 100_000
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def write(analysis: Analysis, view: View) -> str:
    """The table, its totals, and below it the memory, the towers, the working and the notes."""
    sheet = lay_out(analysis, view)
    width = view.width or _UNBOUNDED
    blocks, hidden = _blocks(sheet, width, asked=view.columns is not None)
    parts: list[RenderableType] = [Text(sheet.title, style="bold"), Text(sheet.subtitle, style="dim")]
    for block in blocks:
        parts += [Text(), _main(sheet, block)]
    if sheet.steps:
        parts += [Text(), _working(sheet)]
    parts += [Text(), _below(sheet)]
    parts += [
        Text(f"{str(number).translate(_RAISED)} {note}", style="dim") for number, note in enumerate(sheet.notes, 1)
    ]
    if hidden:
        names = ", ".join(column.heading for column in hidden)
        parts.append(Text(f"Left out to fit {width} columns: {names}; choose with `--columns`.", style="dim"))
    return _render(parts, width, view.color)


def _render(parts: Sequence[RenderableType], width: int, color: bool) -> str:
    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
        _environ={},
    )
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


def _blocks(sheet: Sheet, width: int, *, asked: bool) -> tuple[list[list[int]], list[Column]]:
    """Which columns stand side by side, by position, and which are left out."""
    widths = [_width(sheet, at) for at in range(len(sheet.columns))]
    everything = list(range(len(sheet.columns)))
    if asked:
        return _stacked(widths, width), []
    shown = everything
    for name in EXPENDABLE:
        if _fits([widths[at] for at in shown], width):
            break
        shown = [at for at in shown if at != DEFAULT.index(name)]
    return [shown], [sheet.columns[at] for at in everything if at not in shown]


def _stacked(widths: Sequence[int], width: int) -> list[list[int]]:
    blocks = [[0]]
    for at in range(1, len(widths)):
        if len(blocks[-1]) > 1 and not _fits([widths[each] for each in [*blocks[-1], at]], width):
            blocks.append([0])
        blocks[-1].append(at)
    return blocks


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + _GAP * (len(widths) - 1) <= width


def _width(sheet: Sheet, at: int) -> int:
    cells = [row[at] for row in (*sheet.rows, sheet.totals)]
    return max(len(sheet.columns[at].heading), *(len(cell.text) + _note_width(cell) for cell in cells))


def _note_width(cell: Cell) -> int:
    return len(str(cell.note)) if cell.note else 0


def _main(sheet: Sheet, block: Sequence[int]) -> Table:
    table = _ruled(footer=any(sheet.totals[at].text for at in block[1:]))
    for at in block:
        column = sheet.columns[at]
        table.add_column(
            column.heading,
            _text(sheet.totals[at]),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric,
            overflow="fold",
            style="cyan" if at == 0 else "",
        )
    for row in sheet.rows:
        table.add_row(*(_text(row[at]) for at in block))
    return table


def _working(sheet: Sheet) -> Table:
    table = _ruled()
    table.add_column("Layer", style="cyan", overflow="fold")
    table.add_column("Quantity", no_wrap=True)
    table.add_column("Working", overflow="fold")
    table.add_column("Value", justify="right", no_wrap=True)
    before = ""
    for step in sheet.steps:
        table.add_row("" if step.layer == before else step.layer, step.quantity, step.working, step.value)
        before = step.layer
    return table


def _ruled(*, footer: bool = False) -> Table:
    return Table(
        box=_RULES,
        padding=(0, _GAP - 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_footer=footer,
        header_style="bold",
        footer_style="bold",
        border_style="dim",
    )


def _below(sheet: Sheet) -> Table:
    table = Table.grid(padding=(0, _GAP))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in sheet.below:
        table.add_row(name, text)
    return table


def _text(cell: Cell) -> Text:
    note = "" if cell.note is None else str(cell.note).translate(_RAISED)
    return Text(cell.text + note, style="dim" if cell.text in ("0", "–") else "")


_RULES: Final = box.Box("    \n    \n────\n    \n    \n────\n    \n    \n")

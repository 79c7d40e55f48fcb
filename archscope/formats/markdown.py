"""Markdown as GitHub renders it: a pipe table, its totals in bold, what is below as a list."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.analysis import Analysis
from archscope.escaping import markdown as escape
from archscope.formats.sheet import Cell, Sheet, View, lay_out


def write(analysis: Analysis, view: View) -> str:
    """A heading, the table, and below it the memory, the towers, the working and the notes."""
    sheet = lay_out(analysis, view)
    parts = [f"## {escape(sheet.title)}", escape(sheet.subtitle), _main(sheet)]
    parts.append("\n".join(f"- **{escape(name)}**: {escape(text)}" for name, text in sheet.below))
    if sheet.steps:
        parts.append("### Working")
        lines = [[escape(each) for each in (s.layer, s.quantity, s.working, s.value)] for s in sheet.steps]
        parts.append(_table(["Layer", "Quantity", "Working", "Value"], [False, False, False, True], lines))
    parts.extend(f"<sup>{number}</sup> {escape(note)}" for number, note in enumerate(sheet.notes, 1))
    return "\n\n".join(parts)


def _main(sheet: Sheet) -> str:
    lines = [[_cell(cell) for cell in row] for row in sheet.rows]
    lines.append([f"**{_cell(cell)}**" if cell.text else "" for cell in sheet.totals])
    return _table(
        [escape(column.heading) for column in sheet.columns], [column.numeric for column in sheet.columns], lines
    )


def _table(headings: Sequence[str], numeric: Sequence[bool], lines: Sequence[Sequence[str]]) -> str:
    """A pipe table whose source is aligned too, because people read it as text."""
    widths = [max(4, *(len(line[at]) for line in [headings, *lines])) for at in range(len(headings))]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    return "\n".join(
        "| "
        + " | ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        )
        + " |"
        for line in (headings, rule, *lines)
    )


def _cell(cell: Cell) -> str:
    return escape(cell.text) + (f"<sup>{cell.note}</sup>" if cell.note else "")

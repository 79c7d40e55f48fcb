"""LaTeX with booktabs: a ``table`` to put into a paper as it is."""

from __future__ import annotations

import re

from archscope.analysis import Analysis
from archscope.escaping import latex as escape
from archscope.escaping import latex_needs
from archscope.formats.sheet import Cell, Sheet, View, lay_out


def write(analysis: Analysis, view: View) -> str:
    """A captioned table with its notes under it; needs ``\\usepackage{booktabs}``."""
    sheet = lay_out(analysis, view)
    lines = [
        r"% \usepackage{booktabs}",
        *_needs(sheet),
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(sheet.title)} ({escape(sheet.subtitle)})}}",
        rf"  \label{{tab:{re.sub(r'[^A-Za-z0-9.-]', '-', analysis.name)}}}",
        *_main(sheet),
    ]
    if sheet.steps:
        lines += [r"", r"  \bigskip", *_working(sheet)]
    below = [f"{escape(name)}: {escape(text)}." for name, text in sheet.below]
    notes = [rf"\textsuperscript{{{number}}}~{escape(note)}." for number, note in enumerate(sheet.notes, 1)]
    lines += ["", r"  \smallskip", *(rf"  {{\footnotesize {line}\par}}" for line in [*below, *notes])]
    return "\n".join([*lines, r"\end{table}"])


def _needs(sheet: Sheet) -> list[str]:
    """What to set it with, where the fonts of pdfLaTeX lack a letter."""
    cells = (cell.text for row in sheet.rows for cell in row)
    below = (text for pair in sheet.below for text in pair)
    if not latex_needs(" ".join((sheet.title, sheet.subtitle, *cells, *below, *sheet.notes))):
        return []
    return ["% Has letters that the fonts of pdfLaTeX lack: set it with LuaLaTeX and a font that has them."]


def _main(sheet: Sheet) -> list[str]:
    alignment = "".join("r" if column.numeric else "l" for column in sheet.columns)
    body = [_line([_cell(cell) for cell in row]) for row in sheet.rows]
    totals = _line([_cell(cell) for cell in sheet.totals])
    return _tabular(alignment, [escape(column.heading) for column in sheet.columns], [*body, r"    \midrule", totals])


def _working(sheet: Sheet) -> list[str]:
    body = [_line([escape(each) for each in (s.layer, s.quantity, s.working, s.value)]) for s in sheet.steps]
    return _tabular("lllr", ["Layer", "Quantity", "Working", "Value"], body)


def _tabular(alignment: str, headings: list[str], body: list[str]) -> list[str]:
    return [
        rf"  \begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"    \toprule",
        _line(headings),
        r"    \midrule",
        *body,
        r"    \bottomrule",
        r"  \end{tabular}",
    ]


def _line(cells: list[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _cell(cell: Cell) -> str:
    return escape(cell.text) + (rf"\textsuperscript{{{cell.note}}}" if cell.note else "")

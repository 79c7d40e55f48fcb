"""LaTeX with booktabs: a ``table`` to put into a paper as it is."""

from __future__ import annotations

import re
from typing import Final

from archscope.analysis import Analysis
from archscope.escaping import latex as escape
from archscope.escaping import latex_needs
from archscope.formats.sheet import Cell, Sheet, View, lay_out

LONGEST: Final = 45
"""Lines a table may have on one page."""


def write(analysis: Analysis, view: View) -> str:
    """A captioned table with its notes under it; needs ``\\usepackage{booktabs}``."""
    sheet = lay_out(analysis, view)
    if len(sheet.rows) > LONGEST:
        return _over_pages(sheet, analysis.name)
    lines = [
        r"% \usepackage{booktabs}",
        *_needs(sheet),
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(sheet.title)} ({escape(sheet.subtitle)})}}",
        rf"  \label{{{_label(analysis.name)}}}",
        *_main(sheet),
    ]
    if sheet.steps:
        lines += [r"", r"  \bigskip", *_working(sheet)]
    return "\n".join([*lines, "", r"  \smallskip", *_below(sheet), r"\end{table}"])


def _label(name: str) -> str:
    return f"tab:{re.sub(r'[^A-Za-z0-9.-]', '-', name)}"


def _over_pages(sheet: Sheet, name: str) -> str:
    """A table that is longer than a page: its head stands on each."""
    alignment = "".join("r" if column.numeric else "l" for column in sheet.columns)
    head = [r"  \toprule", _line([escape(column.heading) for column in sheet.columns]), r"  \midrule"]
    columns = len(sheet.columns)
    lines = [
        r"% \usepackage{booktabs,longtable}",
        *_needs(sheet),
        r"{\small\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{@{{}}{alignment}@{{}}}}",
        rf"  \caption{{{escape(sheet.title)} ({escape(sheet.subtitle)})}}\label{{{_label(name)}}}\\",
        *head,
        r"  \endfirsthead",
        *head,
        r"  \endhead",
        rf"  \midrule \multicolumn{{{columns}}}{{r@{{}}}}{{\footnotesize continued}}\\",
        r"  \endfoot",
        r"  \bottomrule",
        r"  \endlastfoot",
        *(_line([_cell(cell) for cell in row]) for row in sheet.rows),
        r"  \midrule",
        _line([_cell(cell) for cell in sheet.totals]),
        r"\end{longtable}}",
    ]
    if sheet.steps:
        steps = [_line([escape(each) for each in (s.layer, s.quantity, s.working, s.value)]) for s in sheet.steps]
        lines += [
            "", r"{\footnotesize", r"\begin{longtable}{@{}llp{.45\linewidth}r@{}}", r"  \toprule",
            _line(["Layer", "Quantity", "Working", "Value"]), r"  \midrule", r"  \endhead", r"  \bottomrule",
            r"  \endfoot", *steps, r"\end{longtable}}",
        ]  # fmt: skip
    return "\n".join([*lines, "", *_below(sheet)])


def _below(sheet: Sheet) -> list[str]:
    below = [f"{escape(name)}: {escape(text)}." for name, text in sheet.below]
    notes = [rf"\textsuperscript{{{number}}}~{escape(note)}." for number, note in enumerate(sheet.notes, 1)]
    return [rf"  {{\footnotesize {line}\par}}" for line in [*below, *notes]]


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

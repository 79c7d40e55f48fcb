"""`Grid`: a plain table with sentences below it, as Markdown, CSV, HTML or LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from textwrap import wrap
from types import MappingProxyType
from typing import Final

from archscope.escaping import csv_cell, line, terminal
from archscope.escaping import html as html_text
from archscope.escaping import latex as latex_text
from archscope.escaping import markdown as markdown_text
from archscope.record import Record

_STYLE: Final = (
    ":root { color-scheme: light dark; } body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; "
    "font: 16px/1.45 system-ui, sans-serif; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; } "
    "th, td { padding: .3em .8em; text-align: right; white-space: nowrap; } "
    "th:first-child, td:first-child { text-align: left; } "
    "thead th { border: solid currentColor; border-width: 1.5px 0 1px; } .scroll { overflow-x: auto; }"
)


class Grid(Record):
    """A table: the first column is text, the others are numbers.

    Attributes:
        title: what stands above it.
        headings: of the columns.
        rows: their cells as a person reads them.
        sentences: what stands below it.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...] = ()


def plain(grid: Grid) -> str:
    """For the terminal: columns side by side, sentences in lines of 79 characters."""
    cells = [tuple(line(cell) for cell in row) for row in (grid.headings, *grid.rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(grid.headings))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in cells]
    rule = "─" * max(map(len, lines))
    below = [line for each in grid.sentences for line in wrap(terminal(each), 79, break_on_hyphens=False)]
    return "\n".join([line(grid.title), "", lines[0], rule, *lines[1:], *([""] if below else []), *below])


def markdown(grid: Grid) -> str:
    """A heading, a table and a paragraph for each sentence."""
    rule = ("---", *("---:" for _ in grid.headings[1:]))
    shown = [tuple(markdown_text(cell) for cell in row) for row in (grid.headings, *grid.rows)]
    cells = [shown[0], rule, *shown[1:]]
    table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    return "\n\n".join([f"## {markdown_text(grid.title)}", table, *(markdown_text(each) for each in grid.sentences)])


def comma_separated(grid: Grid) -> str:
    """The headings in lower case, and numbers without separators."""
    text = io.StringIO()
    rows = [[csv_cell(row[0]), *(cell.replace(",", "") for cell in row[1:])] for row in grid.rows]
    csv.writer(text, lineterminator="\n").writerows([[csv_cell(each.lower()) for each in grid.headings], *rows])
    return text.getvalue().removesuffix("\n")


def html(grid: Grid) -> str:
    """A page that stands alone, in light and dark."""
    head = "".join(f'<th scope="col">{html_text(each)}</th>' for each in grid.headings)
    body = [
        f'<tr><th scope="row">{html_text(row[0])}</th>{"".join(f"<td>{html_text(cell)}</td>" for cell in row[1:])}</tr>'
        for row in grid.rows
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html_text(grid.title)}</title><style>{_STYLE}</style></head>",
            f'<body><h1>{html_text(grid.title)}</h1><div class="scroll"><table>',
            f"<thead><tr>{head}</tr></thead><tbody>",
            *body,
            "</tbody></table></div>",
            *(f"<p>{html_text(each)}</p>" for each in grid.sentences),
            "</body></html>",
        ]
    )


def latex(grid: Grid) -> str:
    """A table with booktabs."""

    def row(cells: tuple[str, ...]) -> str:
        return f"    {' & '.join(latex_text(each) for each in cells)} \\\\"

    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{latex_text(grid.title)}}}",
            rf"  \begin{{tabular}}{{@{{}}l{'r' * (len(grid.headings) - 1)}@{{}}}}",
            r"    \toprule",
            row(grid.headings),
            r"    \midrule",
            *(row(each) for each in grid.rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            *(rf"  {{\footnotesize {latex_text(each)}\par}}" for each in grid.sentences),
            r"\end{table}",
        ]
    )


WRITERS: Final[Mapping[str, Callable[[Grid], str]]] = MappingProxyType(
    {"markdown": markdown, "csv": comma_separated, "html": html, "latex": latex}
)
"""Every way to write one, by the name of its format."""

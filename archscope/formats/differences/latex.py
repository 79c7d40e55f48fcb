"""LaTeX with booktabs: a table of totals, what differs as a list, and the sums; to put into a paper as it is."""

from __future__ import annotations

from collections.abc import Iterator

from archscope.difference import Difference
from archscope.escaping import latex as escape
from archscope.escaping import latex_needs
from archscope.formats.differences.page import Entry, Page, lay_out


def write(found: Difference) -> str:
    """Needs ``\\usepackage{booktabs}``."""
    page = lay_out(found)
    return "\n".join([*_head(page), *_totals(page, found), *_items(page), *_below(page)])


def _head(page: Page) -> Iterator[str]:
    yield r"% \usepackage{booktabs}"
    said = [page.title, *(f"{entry.names} {entry.sentence}" for entry in page.entries)]
    if latex_needs(" ".join(said)):
        yield "% Has letters that the fonts of pdfLaTeX lack: set it with LuaLaTeX and a font that has them."
    yield rf"\paragraph{{{escape(page.title)}}} {escape(page.subtitle)}."
    yield ""


def _totals(page: Page, found: Difference) -> Iterator[str]:
    yield r"\begin{tabular}{@{}lrrr@{}}"
    yield r"  \toprule"
    yield f"  & {' & '.join(escape(name) for name in found.names)} & Difference \\\\"
    yield r"  \midrule"
    yield from (f"  {' & '.join(escape(cell) for cell in row)} \\\\" for row in page.totals)
    yield r"  \bottomrule"
    yield r"\end{tabular}"
    yield ""


def _items(page: Page) -> Iterator[str]:
    if page.entries:
        yield r"\begin{enumerate}"
        for entry in page.entries:
            yield from _entry(entry)
        yield r"\end{enumerate}"
    yield escape(page.alike)


def _entry(entry: Entry) -> Iterator[str]:
    yield rf"  \item \textbf{{{escape(entry.names)}}}: {escape(entry.sentence)}"
    if entry.lines:
        yield r"  \begin{itemize}"
        for line in entry.lines:
            yield rf"    \item {escape(line.heading)} {escape(line.gap)}: {escape('; '.join(line.workings))}"
        yield r"  \end{itemize}"


def _below(page: Page) -> Iterator[str]:
    for note in page.notes:
        yield ""
        yield escape(note)
    if page.entries:
        yield ""
        yield r"\begin{description}"
        yield from (rf"  \item[{escape(heading)}] {escape(text)}" for heading, text in page.sums)
        yield r"\end{description}"

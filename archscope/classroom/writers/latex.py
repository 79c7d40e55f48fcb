"""A sheet as LaTeX source that stands alone; the figure is TikZ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archscope.classroom import content
from archscope.classroom.sheet import Sheet
from archscope.escaping import latex as escape
from archscope.escaping import latex_needs


def write(sheet: Sheet, *, key: bool = False) -> str:
    """A document of its own."""
    return "\n".join(_document(sheet, key))


def _document(sheet: Sheet, key: bool) -> Iterator[str]:
    if latex_needs(" ".join([sheet.title, *(line.name + line.options for line in content.lines(sheet))])):
        yield "% Has letters that the fonts of pdfLaTeX lack: set it with LuaLaTeX and a font that has them."
    yield r"\documentclass[a4paper,10pt]{article}"
    yield r"\usepackage[T1]{fontenc}"
    yield r"\usepackage[margin=18mm]{geometry}"
    yield r"\usepackage{amsmath,array,booktabs,longtable,tikz}"
    yield r"\setlength{\parindent}{0pt}\pagestyle{plain}"
    yield r"\begin{document}"
    kind = "answers" if key else "worksheet"
    yield rf"{{\Large\bfseries {escape(sheet.title)}: {kind}}}\hfill {escape(sheet.number)}"
    if not key:
        yield r"\par\bigskip Name: \hrulefill\quad Date: \makebox[40mm]{\hrulefill}"
    yield from _figure(sheet)
    yield rf"\par\bigskip {escape(content.given(sheet))} {'' if key else escape(content.TASK)}"
    yield from _table(sheet, key)
    for heading, (head, *body) in content.tables(sheet):
        yield rf"\par\bigskip {escape(heading)}\par\smallskip"
        yield rf"{{\small\setlength{{\tabcolsep}}{{3pt}}\begin{{tabular}}{{r|*{{{len(head) - 1}}}{{c}}}}"
        yield from (f"{_cells(row)} \\\\" for row in (head, *body))
        yield r"\end{tabular}}"
    yield r"\par\bigskip"
    yield from (rf"\textbf{{{escape(name)}}}: {escape(doc)}.\par" for name, doc in content.definitions(sheet))
    if key:
        yield from _workings(sheet)
    yield r"\end{document}"


def _figure(sheet: Sheet) -> Iterator[str]:
    scene = content.figure(sheet)
    if scene is not None:
        from archscope.diagrams.writers.tikz import tikz

        yield r"\par\bigskip\begin{center}"
        # What stands in its comments tells the shapes.
        yield "\n".join(line for line in tikz(scene).splitlines() if not line.lstrip().startswith("%"))
        yield r"\end{center}"


def _table(sheet: Sheet, key: bool) -> Iterator[str]:
    headings = content.headings(sheet)
    wide = min(max(20.0, 84 / len(headings)), 32.0)
    columns = f">{{\\raggedleft\\arraybackslash}}p{{{wide:.0f}mm}}|" * len(headings)
    other = 174 - 20 - (len(headings) + 2) * 4.3 - len(headings) * wide
    yield r"\par\bigskip{\footnotesize\setlength{\tabcolsep}{2mm}\renewcommand{\arraystretch}{1.8}"
    yield rf"\begin{{longtable}}{{|p{{20mm}}|>{{\raggedright\arraybackslash}}p{{{other:.0f}mm}}|{columns}}}"
    yield rf"\hline {_cells(['Layer', 'What it is', *headings])} \\ \hline \endhead"
    for line in content.lines(sheet, key=key):
        yield rf"{_cells([line.name, line.options, *(cell.text for cell in line.cells)])} \\ \hline"
    yield r"\end{longtable}}"


def _workings(sheet: Sheet) -> Iterator[str]:
    yield r"\par\bigskip{\large\bfseries Workings}\par{\footnotesize"
    yield r"\begin{longtable}{@{}ll>{\raggedright\arraybackslash}p{50mm}>{\raggedright\arraybackslash}p{46mm}r@{}}"
    yield rf"\toprule {_cells(['Layer', 'Quantity', 'Formula', 'Working', 'Value'])} \\ \midrule \endhead"
    for step in content.workings(sheet):
        formula = f"{step.formula} with {step.letters}" if step.letters else step.formula
        yield rf"{_cells([step.layer, step.quantity, formula, step.working, step.value])} \\"
    yield r"\bottomrule\end{longtable}}"


def _cells(cells: Sequence[str]) -> str:
    return " & ".join(escape(cell) for cell in cells)

"""HTML: a page that stands alone, in light and dark, and a fragment of it for notebooks.

Every count shows its arithmetic when the pointer rests on it; `--working` prints it for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from archscope.analysis import Analysis, Row, Totals
from archscope.escaping import html as escape
from archscope.formats.columns import Column
from archscope.formats.sheet import NOT_COVERED, Cell, Sheet, View, lay_out
from archscope.layers.base import spell_shape, spell_shapes

_TABLE_STYLE: Final = """
.archscope table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.archscope caption { text-align: left; padding: 0 0 .5em; font-weight: 600; }
.archscope caption small { font-weight: 400; opacity: .8; }
.archscope th, .archscope td { padding: .3em .8em; text-align: left; white-space: nowrap; }
.archscope th[scope=row], .archscope tfoot th { font-weight: 600; }
.archscope sup { line-height: 0; }
.archscope .n { text-align: right; }
.archscope td[title] { cursor: help; }
.archscope thead th, .archscope tfoot th, .archscope tfoot td { border-color: currentColor; border-style: solid; }
.archscope thead th { border-width: 1.5px 0 1px; }
.archscope tfoot th, .archscope tfoot td { border-width: 1px 0 1.5px; font-weight: 600; }
.archscope tbody tr:hover { background: rgb(128 128 128 / .14); }
.archscope .scroll { overflow-x: auto; margin-bottom: 1em; }
.archscope dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; margin: 1em 0; }
.archscope dt { font-weight: 600; width: auto; white-space: nowrap; }
.archscope dd { margin: 0; }
.archscope .notes { font-size: .9em; }
""".strip()

MOST: Final = 500
"""Lines of a table that a notebook shows: 10,000 are megabytes in the file, at every run."""

_SHOWN: Final = ("parameters", "fixed", "connections", "macs")
_NAMES: Final = {"macs": "MACs", "flops": "FLOPs"}
"""What a person reads for a quantity, where it is not its name."""

_PAGE_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --page: #14171a; } }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: var(--ink); background: var(--page);
       font: 16px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; }
@media print { body { margin: 0; color: #000; background: #fff; } }
""".strip()


def write(analysis: Analysis, view: View) -> str:
    """A whole page: no script, nothing fetched."""
    sheet = lay_out(analysis, view)
    return alone(sheet.title, _content(sheet, escape(sheet.subtitle)))


def alone(title: str, content: Iterable[str]) -> str:
    """A whole page around some content: no script, nothing fetched."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{_PAGE_STYLE}\n{_TABLE_STYLE}\n</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            '<main class="archscope">',
            *content,
            "</main>",
            "</body>",
            "</html>",
        ]
    )


def fragment(analysis: Analysis) -> str:
    """What a notebook shows; it takes the colours of the page it is put into."""
    view = _bounded(analysis)
    sheet = lay_out(analysis, view)
    caption = f"{escape(sheet.title)} <small>{escape(sheet.subtitle)}</small>"
    if view.depth is not None or sheet.left:
        what = f"in groups, to depth {view.depth}" if view.depth is not None else f"of which {len(sheet.rows)} are here"
        all_of_them = '<code>archscope.formats.write(analysis, "html")</code>'
        caption += f"<br><small>{len(analysis.rows):,} layers, {what}; all: {all_of_them}</small>"
    style = f"<style>\n{_TABLE_STYLE}\n</style>"
    return "\n".join(['<div class="archscope">', style, *_content(sheet, caption), "</div>"])


def _bounded(analysis: Analysis) -> View:
    """As deep as a notebook has room for; of layers without groups, or of very many groups, the first and the last."""
    if len(analysis.rows) <= MOST:
        return View()
    deepest = max(len(row.group) for row in analysis.rows)
    fitting = (depth for depth in range(deepest, 0, -1) if len(analysis.at(depth)) <= MOST)
    depth = next(fitting, None)
    return View(most=MOST) if depth is None else View(depth=depth)


def numbers(row: Row) -> str:
    """What a notebook shows of one row: every number, and how it comes about."""
    lines = [("output", spell_shapes(row.outputs), "")]
    for quantity in _SHOWN:
        known = row.count_of(quantity)
        name = _NAMES.get(quantity, quantity)
        if known is None:
            lines.append((name, NOT_COVERED, row.reason(quantity) or ""))
        elif known:
            lines.append((name, f"{known:,}", row.working(quantity) or ""))
    if row.receptive_field:
        lines.append(("receptive field", spell_shape(row.receptive_field), ""))
    return _listed(f"{escape(row.shown)} <small>{escape(row.label)}</small>", lines)


def totals(of: Totals) -> str:
    """What a notebook shows of the totals: every number, and of one that is not covered what is known and why."""
    lines = []
    for quantity in (*_SHOWN, "flops", "units"):
        known = of.count_of(quantity)
        name = _NAMES.get(quantity, quantity)
        if known is not None:
            lines.append((name, f"{known:,}", ""))
            continue
        least = {"macs": of.macs_at_least, "flops": 2 * of.macs_at_least}.get(quantity)
        lines.append((name, f"at least {least:,}" if least else NOT_COVERED, of.reasons.get(quantity, "")))
    return _listed("Totals", lines)


def _listed(caption: str, lines: Iterable[tuple[str, str, str]]) -> str:
    cells = (
        f'<tr><th scope="row">{what}</th><td class="n">{escape(number)}</td><td>{escape(how)}</td></tr>'
        for what, number, how in lines
    )
    table = f"<table><caption>{caption}</caption><tbody>{''.join(cells)}</tbody></table>"
    return f'<div class="archscope"><style>\n{_TABLE_STYLE}\n</style><div class="scroll">{table}</div></div>'


def _content(sheet: Sheet, caption: str) -> Iterable[str]:
    yield from _main(sheet, caption)
    yield "<dl>"
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in sheet.below)
    yield "</dl>"
    if sheet.steps:
        yield from _working(sheet)
    if sheet.notes:
        yield '<div class="notes">'
        yield from (f"<p><sup>{number}</sup> {escape(note)}</p>" for number, note in enumerate(sheet.notes, 1))
        yield "</div>"


def _main(sheet: Sheet, caption: str) -> Iterable[str]:
    yield f'<div class="scroll" role="region" aria-label="{escape(sheet.title)}" tabindex="0">'
    yield "<table>"
    yield f"<caption>{caption}</caption>"
    yield f"<thead><tr>{''.join(_heading(column) for column in sheet.columns)}</tr></thead>"
    yield "<tbody>"
    half = len(sheet.rows) - len(sheet.rows) // 2
    yield from (_line(sheet.columns, row) for row in sheet.rows[:half])
    if sheet.left:
        yield f'<tr><td colspan="{len(sheet.columns)}">… {sheet.left:,} more …</td></tr>'
    yield from (_line(sheet.columns, row) for row in sheet.rows[half:])
    yield "</tbody>"
    yield f"<tfoot>{_line(sheet.columns, sheet.totals)}</tfoot>"
    yield "</table></div>"


def _heading(column: Column) -> str:
    return f'<th scope="col"{_aligned(column)} title="{escape(column.doc)}">{escape(column.heading)}</th>'


def _line(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    name, *rest = cells
    body = "".join(_cell(column, cell) for column, cell in zip(columns[1:], rest, strict=True))
    return f'<tr><th scope="row">{escape(name.text)}</th>{body}</tr>'


def _cell(column: Column, cell: Cell) -> str:
    working = f' title="{escape(cell.working)}"' if cell.working else ""
    note = f"<sup>{cell.note}</sup>" if cell.note else ""
    return f"<td{_aligned(column)}{working}>{escape(cell.text)}{note}</td>"


def _aligned(column: Column) -> str:
    return ' class="n"' if column.numeric else ""


def _working(sheet: Sheet) -> Iterable[str]:
    yield "<h2>Working</h2>"
    yield '<div class="scroll" role="region" aria-label="Working" tabindex="0">'
    yield "<table><thead><tr>"
    yield '<th scope="col">Layer</th><th scope="col">Quantity</th><th scope="col">Working</th>'
    yield '<th scope="col" class="n">Value</th></tr></thead><tbody>'
    for step in sheet.steps:
        yield (
            f'<tr><th scope="row">{escape(step.layer)}</th><td>{escape(step.quantity)}</td>'
            f'<td>{escape(step.working)}</td><td class="n">{escape(step.value)}</td></tr>'
        )
    yield "</tbody></table></div>"

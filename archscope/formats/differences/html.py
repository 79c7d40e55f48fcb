"""HTML: a page that stands alone, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator

from archscope.difference import Difference
from archscope.escaping import html as escape
from archscope.formats.differences.page import Entry, Page, lay_out
from archscope.formats.html import alone


def write(found: Difference) -> str:
    """A whole page: no script, nothing fetched."""
    page = lay_out(found)
    return alone(page.title, [f"<p>{escape(page.subtitle)}.</p>", *_totals(page, found), *_items(page), *_below(page)])


def _totals(page: Page, found: Difference) -> Iterator[str]:
    yield '<div class="scroll" role="region" aria-label="Totals" tabindex="0"><table>'
    names = "".join(f'<th scope="col" class="n">{escape(name)}</th>' for name in (*found.names, "Difference"))
    yield f"<thead><tr><td></td>{names}</tr></thead><tbody>"
    for heading, *cells in page.totals:
        numbers = "".join(f'<td class="n">{escape(cell)}</td>' for cell in cells)
        yield f'<tr><th scope="row">{escape(heading)}</th>{numbers}</tr>'
    yield "</tbody></table></div>"


def _items(page: Page) -> Iterator[str]:
    if page.entries:
        yield "<h2>What differs</h2>"
        yield "<ol>"
        yield from (_entry(entry) for entry in page.entries)
        yield "</ol>"
    yield f"<p>{escape(page.alike)}</p>"


def _entry(entry: Entry) -> str:
    told = (f"{line.heading} {line.gap}: {'; '.join(line.workings)}" for line in entry.lines)
    costs = "".join(f"<li>{escape(each)}</li>" for each in told)
    inner = f"<ul>{costs}</ul>" if costs else ""
    return f"<li><strong>{escape(entry.names)}</strong>: {escape(entry.sentence)}{inner}</li>"


def _below(page: Page) -> Iterator[str]:
    yield from (f"<p>{escape(note)}</p>" for note in page.notes)
    if page.entries:
        yield "<h2>The gaps as sums</h2>"
        yield "<dl>"
        yield from (f"<dt>{escape(heading)}</dt><dd>{escape(text)}</dd>" for heading, text in page.sums)
        yield "</dl>"

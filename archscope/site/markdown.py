"""The same pages in Markdown, for a site generator: GitHub's dialect, pictures and files beside the page.

>>> row("C1", "156")
'| C1 | 156 |'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archscope.escaping import markdown as escape
from archscope.escaping import markdown_code
from archscope.formats import write as write_table
from archscope.formats.columns import COLUMNS
from archscope.formats.sheet import NOT_COVERED
from archscope.layers.base import spell_shape
from archscope.site.audit import SAID
from archscope.site.evidence import Evidence, Mark, Table
from archscope.site.letters import meaning
from archscope.site.origin import origin
from archscope.site.page import WORKED, Page, Source, steps, told
from archscope.site.slips import first_slip


def index(pages: Sequence[Page]) -> str:
    """The page of all networks, the oldest first."""
    ordered = sorted(pages, key=lambda page: (page.analysis.network.year or 9999, page.slug))
    parts = ["# Networks", "\n".join(_comparison(ordered)), "\n".join(_slips(ordered))]
    for page in ordered:
        link = f"{page.slug}/index.md"
        parts.append(f"## [{escape(page.analysis.title)}]({link})")
        parts.append(f"[![{escape(page.analysis.title)}]({page.slug}/{_picture(page)})]({link})")
        parts.append(escape(page.analysis.network.summary))
    return _joined(parts)


def _slips(pages: Sequence[Page]) -> Iterable[str]:
    """What was printed wrong, a line each, with the command that shows it."""
    found = [(page, slip) for page in pages if (slip := first_slip(page.analysis, page.findings)) is not None]
    if found:
        yield "## What was printed wrong"
        yield ""
        yield row("Network", "What", "See")
        yield "|---|---|---|"
    for page, slip in found:
        name = f"[{escape(page.analysis.title)}]({page.slug}/index.md)"
        yield row(name, f"{escape(slip.text)}.", f"`{slip.command}`")


def network(page: Page) -> str:
    """The page of one network."""
    analysis = page.analysis
    parts = [
        f"# {escape(analysis.title)}",
        escape(analysis.network.summary),
        escape(origin(analysis.network)),
        _cited(page),
    ]
    parts += [f"![{escape(analysis.title)}]({_picture(page)})"]
    parts += ["## Layers", _tables(write_table(analysis, "markdown"))]
    parts += ["## Working", *_workings(page)]
    if page.graph is not None:
        parts += ["## Graph", f"![Graph of {escape(analysis.title)}]({page.slug}-graph.svg)"]
    if page.findings:
        parts += ["## What was published, and whether it holds", "\n".join(_findings(page))]
    for each in (*((page.memory,) if page.memory is not None else ()), *page.evidence):
        parts += _evidence(each)
    parts += ["## How other tools count it", "\n".join(_table(page.tools))]
    if page.sources:
        parts += ["## Source", *(text for source in page.sources for text in _source(source))]
    if page.downloads:
        parts += ["## Downloads", "\n".join(f"- [{each.name}]({each.name}): {each.title}" for each in page.downloads)]
    if analysis.network.sources:
        parts += ["## Sources", "\n".join(_sources(page))]
    return _joined(parts)


def row(*cells: str) -> str:
    """One line of a table, of cells that are Markdown."""
    return f"| {' | '.join(cells)} |"


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _picture(page: Page) -> str:
    return f"{page.slug}.svg"


def _tables(text: str) -> str:
    """A table under the heading that stands above it already."""
    lines = text.splitlines()
    first = next((place for place, line in enumerate(lines) if line.startswith("|")), 0)
    return "\n".join(lines[first:])


def _cited(page: Page) -> str:
    own, *others = [escape(key) for key in page.analysis.network.sources] or [""]
    also = f"; see also {', '.join(others)}" if others else ""
    return f"After {own}{also}." if own else ""


def _comparison(pages: Sequence[Page]) -> Iterable[str]:
    yield row("Network", "Input", "Layers", "Parameters", "Connections", "MACs", "Published figures that hold")
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for page in pages:
        totals = page.analysis.totals
        figures = sum(finding.verdict != "claim" for finding in page.findings)
        yield row(
            f"[{escape(page.analysis.title)}]({page.slug}/index.md)",
            spell_shape(page.analysis.input),
            str(len(page.analysis.rows)),
            *(_number(totals.count_of(quantity)) for quantity in ("parameters", "connections", "macs")),
            f"{page.held} of {figures}" if figures else NOT_COVERED,
        )


def _number(value: int | None) -> str:
    return NOT_COVERED if value is None else f"{int(value):,}"


def _workings(page: Page) -> Iterable[str]:
    for each in page.analysis.rows:
        shown = [(quantity, step) for quantity in WORKED if told(each, quantity) for step in steps(each, quantity)]
        if not shown:
            continue
        letters: dict[str, int] = {}
        lines = [f"### {escape(each.name)}: {escape(each.node.layer.label)}", ""]
        for quantity, step in shown:
            letters.update(step.value.letters)
            chain = dict.fromkeys((step.value.formula, step.value.working, f"{int(step.value):,}"))
            lines.append(f"- {COLUMNS[quantity].heading}: {escape(' = '.join(chain))}")
        named = (
            f"{letter} = {value:,}" + (f" ({words})" if (words := meaning(letter, each.node.layer.family)) else "")
            for letter, value in letters.items()
        )
        if letters:
            lines += ["", f"with {'; '.join(named)}"]
        yield "\n".join(lines)


def _findings(page: Page) -> Iterable[str]:
    yield row("Verdict", "About", "Source", "Printed", "Recomputed", "Remark")
    yield "| --- | --- | --- | ---: | ---: | --- |"
    for finding in page.findings:
        figure = finding.figure
        where = f", {figure.where}" if figure.where else ""
        about = f"{figure.layer or 'network'}, {finding.subject}" if finding.subject else "a claim in words"
        cells = (
            SAID[finding.verdict],
            about,
            figure.source + where,
            finding.printed,
            finding.recomputed,
            finding.remark,
        )
        yield row(*(escape(cell) for cell in cells))


def _evidence(evidence: Evidence) -> Iterable[str]:
    yield f"## {escape(evidence.heading)}"
    yield escape(evidence.lead)
    for table in evidence.tables:
        yield "\n".join(_table(table))
    for picture in evidence.pictures:
        yield f"![{escape(picture.shows)}]({picture.name})"
    yield "\n".join(f"- {escape(note)}" for note in evidence.notes)


def _table(table: Table) -> Iterable[str]:
    yield row(*(escape(heading) for heading in table.headings))
    yield row(*("---:" if numeric else "---" for numeric in table.numeric))
    for line in table.lines:
        yield row(*(escape(cell.text if isinstance(cell, Mark) else cell) for cell in line))


def _source(source: Source) -> Iterable[str]:
    yield f"### {escape(source.title)}"
    yield markdown_code(source.text.rstrip(), "python") if source.text else escape(source.reason)


def _sources(page: Page) -> Iterable[str]:
    for key, text in page.analysis.network.sources.items():
        yield f"- **{escape(key)}**: {escape(text)}"

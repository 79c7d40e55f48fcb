"""The page of one network in HTML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from archscope.analysis import Analysis
from archscope.escaping import xml
from archscope.layers.base import spell_shape
from archscope.site import layers_html
from archscope.site.audit import SAID, Finding
from archscope.site.bibliography import bibtex
from archscope.site.evidence import Evidence, Mark, Picture, Table
from archscope.site.frame import contents, document, lines, listing, scrolling, section
from archscope.site.highlight import highlight
from archscope.site.live import Palette, live
from archscope.site.markup import Markup, join, prose, tag
from archscope.site.origin import kept, origin
from archscope.site.page import Page, Source

_INDEX: Final = "../index.html"

_ON_DARK: Final = {
    "white": "#14171c",
    "#111827": "#eceef1",
    "#6b7280": "#aab1bc",
    "#9ca3af": "#5b6472",
    "#d1d5db": "#444c58",
    "#eef0f3": "#262c35",
    "#c2410c": "#ff9e57",
    "#1d4ed8": "#6cc0f5",
    "#7c3aed": "#b1a8ff",
}
"""What a roofline's colours become on a dark page."""


def write(page: Page) -> str:
    """The page as one file."""
    palette = Palette()
    sections = [each for each in _sections(page, palette) if each[2] is not None]
    return document(
        title=f"{page.analysis.title} · archscope",
        description=page.analysis.network.summary,
        body=[lines(_head(page), *(content for _, _, content in sections))],
        palette=palette,
        home=_INDEX,
        scripts=("page.js", "asking.js"),
        sections=contents([(name, heading) for name, heading, _ in sections]),
    )


def _sections(page: Page, palette: Palette) -> Iterable[tuple[str, str, Markup | None]]:
    yield "figure", "Figure", _figure(page, palette)
    yield "layers", "Layers", _layers(page)
    if page.graph is not None:
        yield "graph", "Graph", _graph(page, palette)
    if page.findings:
        yield "published", "Published", _published(page)
    for each in (*((page.memory,) if page.memory is not None else ()), *page.evidence):
        yield each.name, each.link, _evidence(each, palette)
    yield "tools", "Other tools", _tools(page)
    if page.sources:
        yield "code", "Code", _code(page)
    if page.downloads:
        yield "downloads", "Downloads", _downloads(page)
    if page.analysis.network.sources:
        yield "sources", "Sources", _sources(page)


def _head(page: Page) -> Markup:
    analysis = page.analysis
    return tag(
        "div",
        tag("h1", analysis.title),
        tag("p", prose(analysis.network.summary), class_="summary") if analysis.network.summary else None,
        tag("p", prose(said), class_="cited") if (said := origin(analysis.network)) else None,
        _cited(page),
        tag("dl", *(_tile(*each) for each in _tiles(page)), class_="tiles"),
        class_="hero",
    )


def _cited(page: Page) -> Markup | None:
    keys = list(page.analysis.network.sources)
    if not keys:
        return None
    links = [tag("a", key, href=f"#source-{key}") for key in keys]
    named = kept(page.analysis.network)
    spec = [" In a terminal: ", tag("code", f"archscope table {page.analysis.name}")] if named else []
    also = ["; see also ", *_comma(links[1:])] if links[1:] else []
    return tag("p", "After ", links[0], *also, ".", *spec, class_="cited")


def _comma(items: list[Markup]) -> Iterable[Markup]:
    for place, item in enumerate(items):
        yield join(None if not place else " and " if place == len(items) - 1 else ", ", item)


def _tiles(page: Page) -> Iterable[tuple[str, str, str]]:
    analysis = page.analysis
    totals = analysis.totals
    fixed = f"and {int(totals.fixed):,} fixed" if totals.fixed else ""
    yield "parameters", f"{int(totals.parameters):,}", fixed
    if totals.connections is not None:
        inside = totals.connections_in_bounds
        other = inside is not None and int(inside) != int(totals.connections)
        yield "connections", f"{int(totals.connections):,}", f"{int(inside or 0):,} in bounds" if other else ""
    if totals.macs is not None:
        yield "MACs", f"{int(totals.macs):,}", f"{2 * int(totals.macs):,} FLOPs = 2·MACs"
    yield "units", f"{int(totals.units):,}", ""
    yield "input", spell_shape(analysis.input), "channels first" if len(analysis.input) > 1 else ""
    yield "weights", _size(analysis.weight_bytes()), " and ".join(analysis.weight_types)
    yield "activations", _size(analysis.peak_activation_bytes()), f"most at once, one sample, {analysis.runs_in}"
    figures = [finding for finding in page.findings if finding.verdict != "claim"]
    if figures:
        yield "published figures", f"{page.held} of {len(figures)}", "hold" if page.held != 1 else "holds"


def _tile(term: str, value: str, note: str) -> Markup:
    return tag("div", tag("dt", term), tag("dd", tag("b", value), tag("small", note) if note else None))


def _size(size: int) -> str:
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size:,} B"


def _figure(page: Page, palette: Palette) -> Markup:
    is_graph = page.figure_style == "graph"
    drawn = "its layers as a graph" if is_graph else "drawn in the manner of the papers"
    class_ = "picture tall" if is_graph else "picture"
    title = page.analysis.title
    caption = f"{title}, {drawn}, from the architecture alone."
    picture = tag(
        "figure",
        scrolling(live(page.figure, page.analysis, palette, "figure"), f"Figure of {title}", class_=class_),
        tag(
            "figcaption",
            caption,
            tag("span", " Point at a layer, or reach it with Tab and the arrow keys.", class_="hint"),
            None if page.graph is not None else _explored(page),
        ),
        class_="live",
    )
    return section("figure", "Figure", picture, layers_html.cards(page))


def _layers(page: Page) -> Markup:
    return section(
        "layers",
        "Layers",
        layers_html.table(page),
        _towers(page.analysis),
        lead="Under each count stands the arithmetic that made it.",
    )


def _towers(analysis: Analysis) -> Markup | None:
    towers = analysis.towers
    if towers is None:
        return None
    share = [
        tag("div", tag("dt", tower), tag("dd", tag("b", f"{int(values):,}"), " parameters"))
        for tower, values in towers.parameters.items()
    ]
    rest = tag(
        "div", tag("dt", "on no tower"), tag("dd", tag("b", f"{int(towers.shared_parameters):,}"), " parameters")
    )
    crossing = [
        tag("div", tag("dt", f"into {layer}"), tag("dd", tag("b", f"{int(values):,}"), " values cross"))
        for layer, values in towers.crossing.items()
    ]
    return tag("dl", *share, rest, *crossing, class_="towers")


def _graph(page: Page, palette: Palette) -> Markup | None:
    if page.graph is None:
        return None
    picture = scrolling(
        live(page.graph, page.analysis, palette, "graph"), f"Graph of {page.analysis.title}", class_="picture tall"
    )
    return section("graph", "Graph", tag("figure", picture, class_="live"), lead=_explored(page))


def _explored(page: Page) -> Markup:
    """The way to the page of the graph alone."""
    said = "On a page of its own its blocks open and close, and its colours say what layers cost"
    return tag("span", f" {said}: ", tag("a", "explore it", href=page.explored), ".")


def _published(page: Page) -> Markup:
    figures = [finding for finding in page.findings if finding.verdict != "claim"]
    wrong = len(figures) - page.held
    lead = f"{page.held} of {len(figures)} published figures hold" + (
        f"; {wrong} do not." if wrong > 1 else "; 1 does not." if wrong else "."
    )
    head = tag(
        "tr",
        *(tag("th", text, scope="col") for text in ("Verdict", "About", "Source")),
        *(tag("th", text, scope="col", class_="number") for text in ("Printed", "Recomputed")),
        tag("th", "Remark", scope="col"),
    )
    body = (_finding(place, finding) for place, finding in enumerate(page.findings))
    table = tag(
        "table",
        tag("caption", "Published figures, and whether they hold", class_="unseen"),
        tag("thead", head),
        tag("tbody", *body),
        class_="findings",
    )
    heading = "What was published, and whether it holds"
    return section("published", heading, scrolling(table, "Table of figures"), lead=lead if figures else None)


def _finding(place: int, finding: Finding) -> Markup:
    figure = finding.figure
    where = f", {figure.where}" if figure.where else ""
    about = f"{figure.layer or 'network'}, {finding.subject}" if finding.subject else "a claim in words"
    if finding.subject:
        numbers = [tag("td", finding.printed, class_="number"), tag("td", finding.recomputed, class_="number")]
    else:
        numbers = [tag("td", f"“{finding.printed}”", colspan=2, class_="words")]
    return tag(
        "tr",
        tag("td", tag("span", SAID[finding.verdict], class_=f"verdict {finding.verdict}")),
        tag("td", about),
        tag("td", tag("a", figure.source, href=f"#source-{figure.source}"), where),
        *numbers,
        tag("td", prose(finding.remark), class_="remark"),
        id=f"published-{place + 1}",
        data_row=figure.layer,
    )


def _tools(page: Page) -> Markup:
    lead = "The same network in the words of the tools that people compare with."
    return section("tools", "How other tools count it", scrolling(_plain_table(page.tools), "Other tools"), lead=lead)


def _evidence(evidence: Evidence, palette: Palette) -> Markup:
    return section(
        evidence.name,
        evidence.heading,
        *(_table(table) for table in evidence.tables),
        *(_plot(picture, palette) for picture in evidence.pictures),
        tag("ul", *(tag("li", note) for note in evidence.notes), class_="notes") if evidence.notes else None,
        lead=evidence.lead or None,
    )


def _plot(picture: Picture, palette: Palette) -> Markup:
    """A picture that was made for a white page, in the colours of this one."""
    svg = re.sub(r'\b(fill|stroke)="([^"]+)"', lambda match: f'{match[1]}="{_themed(match[2], palette)}"', picture.svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{xml(picture.shows)}" ', 1)
    return tag("figure", scrolling(Markup(svg), picture.shows, class_="picture plot"), tag("figcaption", picture.shows))


def _themed(color: str, palette: Palette) -> str:
    return palette.color(color, _ON_DARK[color]) if color in _ON_DARK else color


def _table(table: Table) -> Markup:
    return join(tag("h3", table.name, class_="table-name"), scrolling(_plain_table(table), table.name))


def _plain_table(table: Table) -> Markup:
    head = (
        tag("th", heading, scope="col", class_="number" if numeric else None)
        for heading, numeric in zip(table.headings, table.numeric, strict=True)
    )
    lines = (tag("tr", *_cells(line, table.numeric)) for line in table.lines)
    return tag(
        "table",
        tag("caption", table.name, class_="unseen"),
        tag("thead", tag("tr", *head)),
        tag("tbody", *lines),
    )


def _cells(line: Sequence[str | Mark], numeric: Sequence[bool]) -> Iterable[Markup]:
    for place, (cell, right) in enumerate(zip(line, numeric, strict=True)):
        if isinstance(cell, Mark):
            yield tag("td", tag("span", cell.text, class_=f"verdict {cell.kind}", title=cell.why or None))
        elif place == 0:
            yield tag("th", cell, scope="row")
        else:
            yield tag("td", cell, class_="number" if right else None)


def _code(page: Page) -> Markup:
    return section("code", "Source", *(_source(source) for source in page.sources))


def _source(source: Source) -> Markup:
    if not source.text:
        return tag("p", f"{source.title}: ", prose(source.reason), class_="notes")
    text = listing(highlight(source.text), f"{source.title} source")
    return tag("details", tag("summary", source.title), text, open=True)


def _downloads(page: Page) -> Markup:
    items = (
        tag(
            "li",
            tag("a", each.name, href=each.name, download=True),
            tag("small", f"{each.title}, {_size(len(each.content))}"),
        )
        for each in page.downloads
    )
    return section("downloads", "Downloads", tag("ul", *items, class_="downloads"))


def _sources(page: Page) -> Markup:
    sources = page.analysis.network.sources
    items = (
        tag("div", tag("dt", key), tag("dd", " ".join(text.split())), id=f"source-{key}")
        for key, text in sources.items()
    )
    entries = tag("details", tag("summary", "BibTeX"), listing(bibtex(sources), "BibTeX"))
    return section("sources", "Sources", tag("dl", *items, class_="sources"), entries)

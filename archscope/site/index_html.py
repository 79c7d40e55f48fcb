"""The page of all networks in HTML: a timeline of figures, how they grew, a comparison that sorts, sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from archscope.analysis import Analysis
from archscope.formats.catalogue import read_index
from archscope.formats.sheet import NOT_COVERED
from archscope.layers.base import spell_shape
from archscope.reader import index_file
from archscope.site.bibliography import bibtex
from archscope.site.frame import contents, document, lines, listing, scrolling, section
from archscope.site.growth import Point, growth, legend, reading
from archscope.site.live import Palette
from archscope.site.markup import Markup, prose, tag
from archscope.site.page import Page
from archscope.site.search import index
from archscope.site.slips import all_hold, first_slip
from archscope.site.thumbnail import thumbnail

BIBLIOGRAPHY = "networks.bib"
"""The file with the sources of all networks, beside the page."""

_COLUMNS = (
    ("Network", False),
    ("Year", True),
    ("Task", False),
    ("Input", False),
    ("Layers", True),
    ("Parameters", True),
    ("Connections", True),
    ("MACs", True),
    ("Published figures that hold", True),
)


def write(pages: Sequence[Page]) -> str:
    """The page as one file."""
    palette = Palette()
    points = points_of((page.analysis, f"{page.slug}/index.html") for page in pages)
    plot = growth(points, palette)
    grown = None if plot is None else _growth(plot, points, palette)
    body = lines(_head(pages), _timeline(pages, palette), grown, _comparison(pages), _sources(pages))
    sections = [("timeline", "Timeline"), ("growth", "Growth"), ("comparison", "Comparison"), ("sources", "Sources")]
    there = {"timeline", "comparison", *(["growth"] if grown else []), *(["sources"] if _cited(pages) else [])}
    return document(
        title="Networks · archscope",
        description="Every number about these networks, with the arithmetic shown.",
        body=[body, tag("script", Markup(index(pages)), type="application/json", id="search-index")],
        palette=palette,
        home="index.html",
        scripts=("index.js",),
        sections=contents([each for each in sections if each[0] in there]),
    )


def _head(pages: Sequence[Page]) -> Markup:
    years = sorted({page.analysis.network.year for page in pages if page.analysis.network.year})
    layers = sum(len(page.analysis.rows) for page in pages)
    figures = [finding for page in pages for finding in page.findings]
    of = f" of {years[0]} to {years[-1]}" if len(years) > 1 else ""
    counted = [f"{_number(len(pages), 'network')}{of}", _number(layers, "layer")]
    if figures:
        wrong = sum(bool(finding.figure.why) for finding in figures)
        differ = f", {wrong:,} of which {'does' if wrong == 1 else 'do'} not hold" if wrong else ""
        counted.append(f"{_number(len(figures), 'published figure')} recomputed{differ}")
    summary = f"{', '.join(counted)}: every number exact, with the arithmetic that made it."
    box = tag(
        "div",
        tag("label", "Search networks, layers and published figures", for_="search"),
        tag("input", type="search", id="search", placeholder="C3, AlexNet, 122,304 …", autocomplete="off"),
        tag("p", id="found-count", class_="found-count", role="status"),
        tag("ul", id="found", class_="found", hidden=True),
        class_="search",
        role="search",
    )
    return tag("div", tag("h1", "Networks"), tag("p", summary, class_="summary"), box, class_="hero")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _year(page: Page) -> int:
    return page.analysis.network.year or 9999


def _timeline(pages: Sequence[Page], palette: Palette) -> Markup:
    ordered = sorted(pages, key=lambda page: (_year(page), page.slug))
    years = (
        tag(
            "li",
            tag("h3", "No year" if year == 9999 else str(year), class_="when"),
            tag("ul", *(_entry(page, palette) for page in group), class_="gallery"),
        )
        for year, group in groupby(ordered, key=_year)
    )
    return section("timeline", "Timeline", tag("ol", *years, class_="timeline"))


def _entry(page: Page, palette: Palette) -> Markup:
    analysis = page.analysis
    totals = analysis.totals
    return tag(
        "li",
        tag("div", thumbnail(page.small, palette), class_="thumb", aria_hidden="true"),
        tag(
            "div",
            tag("h4", tag("a", analysis.title, href=f"{page.slug}/index.html")),
            tag("p", tag("b", f"{int(totals.parameters):,}"), " parameters"),
            None if totals.macs is None else tag("p", f"{int(totals.macs):,} MACs"),
            _slip(page),
            class_="text",
        ),
    )


def _slip(page: Page) -> Markup | None:
    """What was printed wrong, in one line, with the command that shows it."""
    slip = first_slip(page.analysis, page.findings)
    if slip is None:
        held = all_hold(len(page.findings)) if len(page.findings) > 1 else None
        return None if held is None else tag("p", tag("span", "holds", class_="verdict"), f" {held}", class_="slip")
    more = tag("a", f"and {slip.more} more", href=f"{page.slug}/index.html#published") if slip.more else None
    return tag(
        "p",
        tag("span", "slip", class_="verdict differs"),
        " ",
        tag("a", prose(slip.text), href=f"{page.slug}/index.html#published-{slip.place + 1}", title=slip.why),
        ". " if more else ".",
        more,
        tag("code", slip.command),
        class_="slip",
    )


def points_of(shown: Iterable[tuple[Analysis, str]]) -> list[Point]:
    """The networks with where their pages are, and the other members of those families that come along."""
    points: list[Point] = []
    shipped = read_index(index_file().read_text(encoding="utf-8"))
    for analysis, href in shown:
        name = analysis.name
        family = name.partition("@")[0]
        numbers = (int(analysis.totals.parameters), int(analysis.totals.macs or 0))
        about = (family, analysis.network.year, analysis.network.task)
        points.append(Point(analysis.title, *about, *numbers, href))
        if any(line.name == name and line.parameters == numbers[0] for line in shipped):
            points += (
                Point(line.title, *about, line.parameters, line.macs or 0)
                for line in shipped
                if line.family == family and line.name != name
            )
    return points


def _growth(plot: Markup, points: Sequence[Point], palette: Palette) -> Markup:
    lead = "Each network at its parameters and its MACs of one sample; the other members of its family are small."
    left_out = sum(not point.macs or not point.parameters for point in points if point.href)
    note = tag("p", f"{_number(left_out, 'network')} without known MACs left out.", class_="lead") if left_out else None
    frame = scrolling(plot, "Parameters against multiply-accumulates", class_="picture plot")
    return section("growth", "Growth", frame, reading(), legend(points, palette), note, lead=lead)


def _comparison(pages: Sequence[Page]) -> Markup:
    head = tag("tr", *(_heading(*each) for each in _COLUMNS))
    table = tag(
        "table",
        tag("caption", "All networks side by side", class_="unseen"),
        tag("thead", head),
        tag("tbody", *(tag("tr", *_cells(page)) for page in pages)),
        class_="comparison",
    )
    return section("comparison", "Comparison", scrolling(table, "Table of networks"))


def _heading(text: str, numeric: bool) -> Markup:
    button = tag("button", text, type="button", data_column=True)
    return tag("th", button, scope="col", class_="number" if numeric else None, data_numeric=numeric)


def _cells(page: Page) -> Iterable[Markup]:
    analysis = page.analysis
    totals, network = analysis.totals, analysis.network
    yield tag("th", tag("a", analysis.title, href=f"{page.slug}/index.html"), scope="row")
    yield tag("td", str(network.year or ""), class_="number", data_value=network.year or 9999)
    yield tag("td", network.task or "")
    yield tag("td", spell_shape(analysis.input), data_value=_product(analysis.input))
    yield _count(len(analysis.rows))
    for quantity in ("parameters", "connections", "macs"):
        yield _count(totals.count_of(quantity))
    figures = [finding for finding in page.findings if finding.verdict != "claim"]
    share = page.held / len(figures) if figures else -1
    text = f"{page.held} of {len(figures)}" if figures else "none published"
    yield tag("td", text, class_="number", data_value=f"{share:.4f}")


def _count(value: int | None) -> Markup:
    if value is None:
        return tag("td", NOT_COVERED, class_="number", data_value=-1)
    return tag("td", f"{int(value):,}", class_="number", data_value=int(value))


def _product(extents: Sequence[int]) -> int:
    result = 1
    for extent in extents:
        result *= int(extent)
    return result


def _cited(pages: Sequence[Page]) -> dict[str, tuple[str, list[Page]]]:
    """Every source once, with the networks that cite it, the oldest networks first."""
    found: dict[str, tuple[str, list[Page]]] = {}
    for page in sorted(pages, key=_year):
        for key, text in page.analysis.network.sources.items():
            found.setdefault(key, (" ".join(text.split()), []))[1].append(page)
    return found


def sources_of(pages: Sequence[Page]) -> dict[str, str]:
    """Every source once by its short name."""
    return {key: text for key, (text, _) in _cited(pages).items()}


def _sources(pages: Sequence[Page]) -> Markup | None:
    found = _cited(pages)
    if not found:
        return None
    entries = (
        tag(
            "li",
            text,
            " ",
            *(tag("a", each.analysis.title, href=f"{each.slug}/index.html", class_="of") for each in citing),
            tag("details", tag("summary", "BibTeX"), listing(bibtex({key: text}), f"BibTeX of {key}")),
        )
        for key, (text, citing) in found.items()
    )
    lead = tag("p", "All of them as BibTeX: ", tag("a", BIBLIOGRAPHY, href=BIBLIOGRAPHY, download=True), class_="lead")
    return section("sources", "Sources", tag("ol", *entries, class_="cited-list"), lead=lead)

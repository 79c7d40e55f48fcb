"""The page of all networks in HTML: search, a gallery of figures, a comparison that sorts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archscope.formats.sheet import NOT_COVERED
from archscope.layers.base import spell_shape
from archscope.site.frame import contents, document, lines, scrolling, section
from archscope.site.live import Palette, still
from archscope.site.markup import Markup, prose, tag
from archscope.site.page import Page
from archscope.site.search import index

_LARGEST_THUMBNAIL = 40_000
"""Bytes of a picture in the gallery; a larger one loses its words, and its place to a number if it is larger still."""

_GALLERY = 200_000
"""Bytes of all pictures together: where there are many networks, each has its share."""

_COLUMNS = (
    ("Network", False),
    ("Input", False),
    ("Layers", True),
    ("Parameters", True),
    ("Fixed", True),
    ("Connections", True),
    ("MACs", True),
    ("Units", True),
    ("Published figures that hold", True),
)


def write(pages: Sequence[Page]) -> str:
    """The page as one file."""
    palette = Palette()
    body = lines(_head(pages), _gallery(pages, palette), _comparison(pages))
    return document(
        title="Networks · archscope",
        description="Every number about these networks, with the arithmetic shown.",
        body=[body, tag("script", Markup(index(pages)), type="application/json", id="search-index")],
        palette=palette,
        home="index.html",
        script="index.js",
        sections=contents([("gallery", "Gallery"), ("comparison", "Comparison")]),
    )


def _head(pages: Sequence[Page]) -> Markup:
    layers = sum(len(page.analysis.rows) for page in pages)
    figures = sum(finding.verdict != "claim" for page in pages for finding in page.findings)
    counted = [f"{_number(len(pages), 'network')}", f"{_number(layers, 'layer')}"]
    if figures:
        counted.append(f"{_number(figures, 'published figure')} recomputed")
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


def _gallery(pages: Sequence[Page], palette: Palette) -> Markup:
    most = min(_LARGEST_THUMBNAIL, _GALLERY // max(1, len(pages)))
    return section("gallery", "Gallery", tag("ul", *(_entry(page, palette, most) for page in pages), class_="gallery"))


def _entry(page: Page, palette: Palette, most: int) -> Markup:
    analysis = page.analysis
    totals = analysis.totals
    macs = "" if totals.macs is None else f", {int(totals.macs):,} MACs"
    return tag(
        "li",
        tag("div", _thumbnail(page, palette, most), class_="thumb", aria_hidden="true"),
        tag(
            "div",
            tag("h3", tag("a", analysis.title, href=f"{page.slug}/index.html")),
            tag("p", tag("b", f"{int(totals.parameters):,}"), f" parameters{macs}"),
            tag("p", prose(analysis.network.summary)) if analysis.network.summary else None,
            class_="text",
        ),
    )


def _thumbnail(page: Page, palette: Palette, most: int) -> Markup:
    for words in (True, False):
        picture = still(page.figure, palette, words=words)
        if len(picture.encode()) <= most:
            return picture
    return tag("p", _number(len(page.analysis.rows), "layer"))


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
    totals = analysis.totals
    yield tag("th", tag("a", analysis.title, href=f"{page.slug}/index.html"), scope="row")
    yield tag("td", spell_shape(analysis.input), data_value=_product(analysis.input))
    yield _count(len(analysis.rows))
    for quantity in ("parameters", "fixed", "connections", "macs", "units"):
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

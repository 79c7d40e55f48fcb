"""The museum: every network that comes along in small, by year, with what its paper printed wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import archscope
from archscope.analysis import Analysis
from archscope.escaping import html
from archscope.escaping import markdown as escape
from archscope.reader import spec_names
from archscope.site.audit import audit
from archscope.site.build import broad, picture_of
from archscope.site.growth import Point, growth, legend
from archscope.site.index_html import points_of
from archscope.site.live import Palette
from archscope.site.slips import all_hold, first_slip
from archscope.site.thumbnail import thumbnail
from tools.pages.markdown import page
from tools.pages.networks import anchor

_LEAD = """\
The networks that come with archscope, each in small and each held against its own paper. A *slip* is a figure that was
printed and does not hold; the command below it shows the arithmetic and why. `archscope docs` writes the same as a site
that searches and sorts, with a page for each network; `archscope list` prints the other members of each family."""


def pages() -> dict[str, str]:
    palette = Palette()
    analyses = [archscope.analyze(archscope.load(name)) for name in spec_names()]
    analyses.sort(key=lambda each: (each.network.year or 9999, each.name))
    points = points_of((each, f"#{anchor(each.name)}") for each in analyses)
    parts = [_LEAD, _grown(points, palette)]
    for year, group in groupby(analyses, key=lambda each: each.network.year):
        parts += [f"## {year}", *(_entry(each, palette) for each in group)]
    parts += ["## Sources", *_sources(analyses)]
    colors = (
        f'<style>[data-md-color-scheme="default"]{{{palette.css("light")}}}'
        f'[data-md-color-scheme="slate"]{{{palette.css("dark")}}}</style>'
    )
    return {"museum.md": page("The museum", *parts, colors)}


def _grown(points: Sequence[Point], palette: Palette) -> str:
    return f'<div class="museum-growth">{growth(points, palette)}{legend(points, palette)}</div>'


def _entry(analysis: Analysis, palette: Palette) -> str:
    totals = analysis.totals
    small = thumbnail(picture_of(broad(archscope.draw(analysis))), palette)
    macs = "" if totals.macs is None else f", {int(totals.macs):,} MACs"
    figures = audit(analysis)
    slip = first_slip(analysis, figures)
    if slip is not None:
        more = f" And {slip.more} more." if slip.more else ""
        said = f"**Slip.** {escape(slip.text)}.{more}<br>`{slip.command}`"
    elif len(figures) > 1:
        said = all_hold(len(figures))
    else:
        said = ""
    page = f"networks/{analysis.name.partition('@')[0]}.md"
    lines = [
        f'<figure class="museum-small" aria-hidden="true">{small}</figure>',
        f"### {html(analysis.title)} {{ #{anchor(analysis.name)} }}",
        f"[`{analysis.name}`]({page}): {int(totals.parameters):,} parameters{macs}.",
        said,
    ]
    return "\n\n".join(line for line in lines if line)


def _sources(analyses: list[Analysis]) -> list[str]:
    found = {key: " ".join(text.split()) for each in analyses for key, text in each.network.sources.items()}
    return ["\n".join(f"- **{key}**: {escape(text)}" for key, text in found.items())]

"""A picture as one HTML page: zoom it, point at a layer for its numbers and their working, search it.

The page is a file of its own. It loads nothing, and its content security policy lets it load nothing.

>>> import archscope
>>> text = page(archscope.draw(archscope.load("lenet5")))
>>> "(5·5·1 + 1)·6" in text
True
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.analysis import Analysis, Row
from archscope.diagrams import dressing, fonts
from archscope.diagrams.cost import painting, solids_in, switch
from archscope.diagrams.scene import Group
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import THEMES, Theme, mix
from archscope.diagrams.writers.svg import elements, number
from archscope.escaping import html as escape
from archscope.escaping import json_in_html
from archscope.layers.base import spell_shape, spell_shapes

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

QUANTITIES: Final = ("parameters", "fixed", "connections", "macs", "units")
"""The numbers that are shown of a layer, where they are not 0."""

_NAMES: Final = {"macs": "MACs"}

_KEYS: Final = (("arrows", "from layer to layer"), ("+ − 0", "nearer, further, all of it"), ("t", "light or dark"),
                ("/", "search; Enter for the next"), ("Esc", "back to here"))  # fmt: skip

_LEGEND: Final = (
    '<figure id="legend" hidden><figcaption></figcaption><canvas height="1" width="256"></canvas>'
    "<span></span><span></span><small>◻ not covered</small></figure>"
)

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(drawing: Drawing) -> str:
    """A drawing as one HTML page."""
    drawing = drawing.to_explore()
    analysis = drawing.analysis
    scene = dressing.dressed(drawing.plain, analysis, drawing.request, ())
    colours = switch(scene, analysis, drawing.request.theme, drawing.coloring)
    title = escape(analysis.title)
    facts = [_facts(group, analysis) for group in scene.groups("layer")]
    return (
        "\n".join(
            (
                "<!DOCTYPE html>",
                f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
                f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
                f"<style>\n:root {{ {_colours(drawing.request.theme)} }}\n{_part('style.css')}</style></head><body>",
                f"<header><h1>{title}</h1>",
                '<input id="search" type="search" placeholder="Search layers ( / )" aria-label="Search layers">',
                '<label>Colour <select id="colour" aria-label="Colour says"></select></label>',
                '<output id="count" for="search" aria-live="polite"></output>',
                '<button id="out" aria-label="Zoom out">−</button><button id="in" aria-label="Zoom in">+</button>',
                '<button id="all">Fit</button><button id="theme">Theme</button></header>',
                _canvas(title, f"0 0 {number(scene.width)} {number(scene.height)}"),
                f"<desc>{escape(scene.description)}</desc>",
                *elements(scene.items),
                "</svg>",
                _LEGEND,
                '<canvas id="map" hidden aria-label="The whole picture in small"></canvas></main>',
                f'<aside id="side" aria-live="polite">{"".join(_opening(analysis))}</aside>',
                f'<script id="colours" type="application/json">{json_in_html(colours)}</script>',
                f'<script id="themes" type="application/json">{json_in_html(_themes(drawing))}</script>',
                f'<script id="facts" type="application/json">{json_in_html(facts)}</script>',
                f"<script>\n{_part('view.js')}</script></body></html>",
            )
        )
        + "\n"
    )


def _canvas(title: str, box: str) -> str:
    inherited = f'font-family="{fonts.STACK}" stroke-linejoin="round"'
    return f'<main><svg id="picture" role="group" aria-label="{title}" viewBox="{box}" {inherited}>'


def _part(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


def _colours(theme: Theme) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in _variables(theme).items())


def _variables(theme: Theme) -> dict[str, str]:
    return {
        "page": theme.background, "text": theme.text, "muted": theme.muted, "band": theme.band,
        "frame": theme.frame, "link": theme.link,
    }  # fmt: skip


def _themes(drawing: Drawing) -> dict[str, Any]:
    """Both themes colour by colour, so that the page can take the reader's where nobody asked for one."""
    drawn = drawing.request.theme
    solids = solids_in(drawing.plain, drawn)
    found: dict[str, Any] = {"drawn": drawn.name, "follows": False}
    if drawn.name not in ("light", "dark"):
        return found
    found["follows"] = drawing.analysis.network.figure.get("theme") is None
    palette = drawing.analysis.network.figure.get("palette", {})
    other = THEMES["dark" if drawn.name == "light" else "light"]
    # A palette is chosen for one page; on the other its families keep that theme's own colours.
    other = replace(other, families={**other.families, **{name: other.shade(name) for name in palette}})
    for each in (drawn, other):
        found[each.name] = {"vars": _variables(each), "colours": _told(each, list(drawn.families)),
                            "painting": painting(each, solids)}  # fmt: skip
    return found


def _told(theme: Theme, families: Sequence[str]) -> list[str]:
    """Every colour that a picture in a theme can have, in an order that is the same for all themes."""
    told = [theme.text, theme.background, theme.muted, theme.line, theme.link, theme.crossing, theme.band, theme.frame,
            theme.ink, theme.patch]  # fmt: skip
    for shade in (*(theme.shade(name) for name in families), *kinds(theme).values()):
        told += [theme.lit(shade.fill), theme.shaded(shade.fill), shade.fill, shade.stroke]
        told += [mix(theme.shaded(shade.fill), link, 0.35) for link in (theme.link, theme.crossing)]
    told.append(mix(theme.background, theme.line, 0.55))
    return told


def _opening(analysis: Analysis) -> Iterator[str]:
    """What stands at the side while no layer is pointed at: the totals, and the keys."""
    yield f"<h2>{escape(analysis.title)}</h2>"
    if analysis.network.summary:
        yield f"<p>{escape(analysis.network.summary)}</p>"
    yield "<dl>"
    for quantity in QUANTITIES:
        count = analysis.totals.count_of(quantity)
        if count is None or count:
            value = "not covered" if count is None else f"{int(count):,}"
            yield f"<dt>{_NAMES.get(quantity, quantity)}</dt><dd>{value}</dd>"
    yield "</dl><h3>Point at a layer</h3><p>for its numbers and how they come about; click to keep them.</p><dl>"
    for key, what in _KEYS:
        yield f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>"
    yield "</dl>"


def _facts(group: Group, analysis: Analysis) -> Mapping[str, Any]:
    """What the side shows of one shape; layers with the same numbers are told once."""
    nodes = {row.name: row for row in analysis.nodes}
    told: dict[str, dict[str, Any]] = {}
    for name in group.layers:
        row = nodes.get(name)
        if row is None:
            shape = analysis.network.inputs.get(name, ())
            one: dict[str, Any] = {"is": "input", "facts": [["output", spell_shape(shape)]]}
        else:
            one = {"is": row.node.layer.label, "facts": list(_numbers(row))}
        told.setdefault(json.dumps(one), {"names": [], **one})["names"].append(name)
    return {"name": group.layers[0], "is": group.title.split(" (")[0], "rows": list(told.values())}


def _numbers(row: Row) -> Iterator[list[str]]:
    yield ["output", spell_shapes(row.outputs)]
    for quantity in QUANTITIES:
        count = row.count_of(quantity)
        name = _NAMES.get(quantity, quantity)
        if count is None:
            yield [name, "not covered", *filter(None, (row.reasons.get(quantity),))]
        elif count:
            yield [name, f"{int(count):,}", *((count.working,) if count.op else ())]
    if row.receptive_field:
        yield ["receptive field", spell_shape(row.receptive_field)]

"""A picture as one HTML page: zoom it, point at a layer for its numbers and their working, search it.

The page is a file of its own. It loads nothing, and its content security policy lets it load nothing.

>>> import archscope
>>> text = page(archscope.draw(archscope.load("lenet5")))
>>> "(5·5·1 + 1)·6" in text
True
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.analysis import Analysis, Row
from archscope.diagrams import fonts
from archscope.diagrams.cost import switch
from archscope.diagrams.scene import Group
from archscope.diagrams.themes import Theme
from archscope.diagrams.writers.svg import elements, number
from archscope.escaping import html as escape
from archscope.escaping import json_in_html
from archscope.layers.base import spell_shape, spell_shapes

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

QUANTITIES: Final = ("parameters", "fixed", "connections", "macs", "units")
"""The numbers that are shown of a layer, where they are not 0."""

_NAMES: Final = {"macs": "MACs"}

_KEYS: Final = (("arrows", "from layer to layer"), ("+ − 0", "nearer, further, all of it"),
                ("/", "search; Enter for the next"), ("Esc", "back to here"))  # fmt: skip

_LEGEND: Final = (
    '<figure id="legend" hidden><figcaption></figcaption><canvas height="1" width="256"></canvas>'
    "<span></span><span></span><small>◻ not covered</small></figure>"
)

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(drawing: Drawing) -> str:
    """A drawing as one HTML page."""
    drawing = drawing.to_explore()
    scene, analysis = drawing.plain, drawing.analysis
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
                '<button id="all">Fit</button></header>',
                _canvas(title, f"0 0 {number(scene.width)} {number(scene.height)}"),
                f"<desc>{escape(scene.description)}</desc>",
                *elements(scene.items),
                "</svg>",
                _LEGEND,
                "</main>",
                f'<aside id="side" aria-live="polite">{"".join(_opening(analysis))}</aside>',
                f'<script id="colours" type="application/json">{json_in_html(colours)}</script>',
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
    colours = {
        "page": theme.background, "text": theme.text, "muted": theme.muted, "band": theme.band,
        "frame": theme.frame, "link": theme.link,
    }  # fmt: skip
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


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

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
from archscope.diagrams import dressing, fonts, stepped
from archscope.diagrams.cost import painting, solids_in, switch
from archscope.diagrams.graph import deepest
from archscope.diagrams.graph import scene as graph_scene
from archscope.diagrams.scene import Group, Item, Scene, Text
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import THEMES, Theme, mix
from archscope.diagrams.writers.svg import elements, number
from archscope.errors import UsageError
from archscope.escaping import html as escape
from archscope.escaping import json_in_html
from archscope.layers.base import spell_shape, spell_shapes

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

QUANTITIES: Final = ("parameters", "fixed", "connections", "macs", "units")
"""The numbers that are shown of a layer, where they are not 0."""

MOST_SHAPES: Final = 1_200
"""A depth of more shapes is not offered beside the one that was asked for."""

_NAMES: Final = {"macs": "MACs"}

_KEYS: Final = (("arrows", "from layer to layer"), ("+ − 0", "nearer, further, all of it"), ("t", "light or dark"),
                ("[ ]", "close and open blocks"),
                ("/", "search; Enter for the next"), ("Esc", "back to here"))  # fmt: skip

_LEGEND: Final = (
    '<figure id="legend" hidden><figcaption></figcaption><canvas height="1" width="256"></canvas>'
    "<span></span><span></span><small>◻ not covered</small></figure>"
)

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(drawing: Drawing) -> str:
    """A drawing as one HTML page."""
    if drawing.request.steps:
        return stepped.page(drawing)
    drawing = drawing.to_explore()
    analysis = drawing.analysis
    levels, start = _levels(drawing)
    scene = levels[start]
    theme = drawing.request.theme
    colours = {
        **painting(theme, solids_in(scene, theme)),
        "start": start,
        "first": drawing.coloring.quantity if drawing.coloring else "family",
    }
    facts = _of_levels(levels, analysis, drawing)
    title = escape(analysis.title)
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
                '<span id="levels"><button id="less" aria-label="Close blocks">−</button><span id="depth"></span>',
                '<button id="more" aria-label="Open blocks">+</button></span>',
                '<button id="out" aria-label="Zoom out">−</button><button id="in" aria-label="Zoom in">+</button>',
                '<button id="all">Fit</button><button id="theme">Theme</button></header>',
                _canvas(title, f"0 0 {number(scene.width)} {number(scene.height)}"),
                f"<desc>{escape(scene.description)}</desc>",
                *(
                    line
                    for each in levels
                    for line in ('<g class="level">', *elements(map(_untitled, each.items)), "</g>")
                ),
                "</svg>",
                _LEGEND,
                '<canvas id="map" hidden aria-label="The whole picture in small"></canvas></main>',
                f'<aside id="side" aria-live="polite">{"".join(_opening(analysis))}</aside>',
                f'<script id="colours" type="application/json">{json_in_html(colours)}</script>',
                f'<script id="themes" type="application/json">{json_in_html(_themes(drawing, levels))}</script>',
                f'<script id="facts" type="application/json">{json_in_html(facts)}</script>',
                f"<script>\n{_part('view.js')}</script></body></html>",
            )
        )
        + "\n"
    )


def _untitled(item: Item) -> Item:
    """Without the titles that a browser would show on top: the side says what they say."""
    if not isinstance(item, Group):
        return item
    return replace(item, title="", items=tuple(_untitled(each) for each in item.items))


def _levels(drawing: Drawing) -> tuple[list[Scene], int]:
    """The picture at every depth of the blocks that a page holds, and the place of the one that was asked for."""
    analysis, asked = drawing.analysis, drawing.request
    drawn = dressing.dressed(drawing.plain, analysis, asked, ())
    if drawing.style != "graph":
        return [drawn], 0
    found: list[Scene] = []
    start, shapes = 0, len(list(drawn.groups("layer")))
    for depth in range(1, deepest(analysis, asked) + 1):
        try:
            scene = graph_scene(analysis, replace(asked, depth=depth))
        except UsageError:
            continue
        count = len(list(scene.groups("layer")))
        if count == shapes:
            start = len(found)
            found.append(drawn)
        elif count <= MOST_SHAPES and (not found or count > len(list(found[-1].groups("layer")))):
            found.append(dressing.dressed(scene, analysis, asked, ()))
    return (found, start) if drawn in found else ([drawn], 0)


def _of_levels(levels: Sequence[Scene], analysis: Analysis, drawing: Drawing) -> list[dict[str, Any]]:
    """What the page shows of every shape at every depth, and how it colours them."""
    home = {name: group.layers[0] for group in levels[-1].groups("layer") for name in group.layers}
    found = []
    for scene in levels:
        said = switch(scene, analysis, drawing.request.theme, drawing.coloring)
        facts = [_facts(group, analysis, home) for group in scene.groups("layer")]
        found.append({"facts": facts, "whole": [0, 0, scene.width, scene.height], "of": said["of"],
                      "quantities": said["quantities"]})  # fmt: skip
    return found


def _closed(group: Group, analysis: Analysis, inside: Sequence[str]) -> Mapping[str, Any]:
    """The sums of a closed block, copies included, and what is in it."""
    rows = [row for row in analysis.nodes if row.name in set(group.layers)]
    sums = [["layers", f"{len({row.node.row for row in rows}):,}"]]
    for quantity in QUANTITIES:
        counts = [row.count_of(quantity) for row in rows]
        whole = analysis.totals.count_of(quantity)
        name = _NAMES.get(quantity, quantity)
        if None in counts:
            sums.append([name, "not covered"])
        elif total := sum(int(each) for each in counts if each is not None):
            sums.append([name, f"{total:,}", *([f"{100 * total / int(whole):.1f} % of the whole"] if whole else [])])
    told = group.title.split(" (")[0]
    return {"name": _common(inside) or told.split(", ")[0], "is": told, "rows": [], "sums": sums,
            "inside": list(inside)}  # fmt: skip


def _common(names: Sequence[str]) -> str:
    """What all names of layers begin with.

    >>> _common(["conv2.0.a", "conv2.0.b"])
    'conv2.0'
    """
    parts = [name.split(".") for name in names]
    shared = 0
    while all(len(each) > shared and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return ".".join(parts[0][:shared])


def _canvas(title: str, box: str) -> str:
    inherited = f'font-family="{fonts.STACK}" stroke-linejoin="round"'
    return f'<main><svg id="picture" role="group" aria-label="{title}" viewBox="{box}" {inherited}>'


def _part(name: str) -> str:
    """A file of the page, without the lines that are remarks."""
    text = (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("//"))


def _colours(theme: Theme) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in _variables(theme).items())


def _variables(theme: Theme) -> dict[str, str]:
    return {
        "page": theme.background, "text": theme.text, "muted": theme.muted, "band": theme.band,
        "frame": theme.frame, "link": theme.link,
    }  # fmt: skip


def _themes(drawing: Drawing, levels: Sequence[Scene]) -> dict[str, Any]:
    """Both themes colour by colour, so that the page can take the reader's where nobody asked for one."""
    drawn = drawing.request.theme
    solids = tuple(dict.fromkeys(name for scene in levels for name in solids_in(scene, drawn)))
    found: dict[str, Any] = {"drawn": drawn.name, "follows": False}
    if drawn.name not in ("light", "dark"):
        return found
    found["follows"] = drawing.analysis.network.figure.get("theme") is None
    palette = drawing.analysis.network.figure.get("palette", {})
    other = THEMES["dark" if drawn.name == "light" else "light"]
    # A palette is chosen for one page; on the other its families keep that theme's own colours.
    other = replace(other, families={**other.families, **{name: other.shade(name) for name in palette}})
    inked = [item for scene in levels for item in scene.walk() if not isinstance(item, Group)]
    used = {item.fill for item in inked} | {item.stroke for item in inked if not isinstance(item, Text)}
    names = list(drawn.families)
    pairs = dict(reversed([*zip(_told(drawn, names), _told(other, names), strict=True)]))
    pairs = {one: two for one, two in pairs.items() if one in used or one == drawn.text}
    for each, colours in ((drawn, pairs.keys()), (other, pairs.values())):
        found[each.name] = {"vars": _variables(each), "colours": list(colours),
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


def _facts(group: Group, analysis: Analysis, home: Mapping[str, str]) -> Mapping[str, Any]:
    """What the side shows of one shape; layers with the same numbers are told once."""
    inside = dict.fromkeys(home.get(name, name) for name in group.layers)
    if len(inside) > 1:
        return _closed(group, analysis, list(inside))
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

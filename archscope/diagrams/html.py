"""A picture as one HTML page: zoom it, open its blocks, point at a layer for its numbers and their working, search it.

The page is a file of its own. It loads nothing, and its content security policy lets it load nothing. A graph is laid
out in the page, each block by itself, as its reader opens it. A figure stays as it is drawn, and one key leads to the
graph of the same network, where what a shape of the figure stands for is opened.

>>> import archscope
>>> text = page(archscope.draw(archscope.load("lenet5")))
>>> "(5·5·1 + 1)·6" in str(packed_in(text)["told"])
True
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archscope.diagrams import dressing, fonts, stepped
from archscope.diagrams.cost import solids_in
from archscope.diagrams.page.colours import costs_of, offered, painting, theme_beside
from archscope.diagrams.page.facts import QUANTITIES, Facts, name_of
from archscope.diagrams.page.graph import graph_of
from archscope.diagrams.page.still import pairs_of, still_of
from archscope.diagrams.scene import Group, Item, Scene
from archscope.diagrams.themes import Theme
from archscope.diagrams.writers.svg import elements
from archscope.errors import UsageError
from archscope.escaping import html as escape

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

_KEYS: Final = (
    ("↓ ↑", "along the lines, from layer to layer"), ("← →", "to what stands beside"),
    ("Shift ↓ ↑ ← →", "move the picture"),
    ("Enter", "open the block that is chosen, and go in"), ("Esc", "close the block around, back to where one was"),
    ("[ ]", "close and open all blocks, a depth at a time"), ("/", "search; Enter for the next, Shift+Enter back"),
    ("+ − 0", "nearer, further, all of it"), ("v", "the figure or the graph"),
    ("t", "light or dark"), ("?", "these keys"),
)  # fmt: skip

_LEGEND: Final = (
    '<section id="legend" aria-label="Legend" hidden><strong></strong><span></span>'
    '<canvas height="1" width="256"></canvas><span></span><small>◻ not covered</small></section>'
)

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

_PROGRAM: Final = ("columns", "ranks", "level", "layout", "draw", "graph", "still", "colour", "view", "use", "end")


def page(drawing: Drawing) -> str:
    """A drawing as one HTML page."""
    if drawing.request.steps:
        return stepped.page(drawing)
    packed, markup = _pictures(drawing)
    drawing = drawing.to_explore()
    title = escape(drawing.analysis.title)
    inherited = f'font-family="{fonts.STACK}" stroke-linejoin="round"'
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
                '<output id="count" for="search" aria-live="polite"></output>',
                '<label>Colour <select id="colour" aria-label="Colour says"></select></label>',
                f'<span id="levels">{_step("less", "Close blocks", "−")}<span id="depth"></span>',
                f'{_step("more", "Open blocks", "+")}</span>',
                f'<span>{_step("out", "Zoom out", "−")}{_step("in", "Zoom in", "+")}',
                '<button id="all">Fit</button></span><button id="other" hidden></button>',
                '<button id="theme">Theme</button>',
                '<button id="help" aria-label="Keys">?</button></header>',
                '<main><canvas id="far" hidden></canvas>',
                f'<svg id="picture" role="tree" tabindex="0" aria-label="{title}" {inherited}>',
                f'<desc>{escape(_said(drawing))}</desc><g id="figure">',
                *markup,
                '</g></svg><canvas id="map" hidden aria-label="The whole picture in small"></canvas></main>',
                _LEGEND,
                f'<aside id="side" tabindex="0" aria-live="polite">{"".join(_opening(drawing))}</aside>',
                f'<dialog id="keys" aria-label="Keys">{_keys()}',
                '<form method="dialog"><button>Close</button></form></dialog>',
                f'<script id="packed" type="text/plain">{_packed(packed)}</script>',
                f"<script>\n{_part('start.js')}unpack().then(packed => {{\n{''.join(map(_script, _PROGRAM))}}});",
                "</script></body></html>",
            )
        )
        + "\n"
    )  # fmt: skip


def packed_in(text: str) -> dict[str, Any]:
    """What a page has packed: ``told`` of its layers, ``costs`` of its shapes, its ``graph`` or its ``still``."""
    found = re.search(r'<script id="packed" type="text/plain">(.*?)</script>', text)
    return json.loads(zlib.decompress(base64.b64decode(found[1]))) if found else {}


def _packed(value: Mapping[str, Any]) -> str:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.b64encode(zlib.compress(written, 9)).decode("ascii")


def _pictures(drawing: Drawing) -> tuple[dict[str, Any], list[str]]:
    """What the program of the page has to know, and the shapes that are in the page from the beginning."""
    analysis, asked = drawing.analysis, drawing.request
    facts = Facts(analysis, drawing.coloring)
    scene = _figure(drawing)
    packed: dict[str, Any] = {"first": "graph" if drawing.to_explore().style == "graph" else "figure"}
    colors = offered(analysis, asked.theme, drawing.coloring)

    def told(own: dict[str, Any], *, folded: bool) -> dict[str, Any]:
        shapes = own.pop("layers")
        heads = [each.ramp(()).heading(each, folded=folded) for each in colors]
        return {**own, "costs": [costs_of(each, shapes) for each in colors], "headings": heads}

    graph = graph_of(facts, replace(asked, style="graph"))
    packed["graph"] = told(graph, folded=any(part.get("copies") for part in graph["parts"]))
    markup: list[str] = []
    if scene is not None:
        packed["still"] = told(still_of(scene, facts), folded=scene.folded)
        markup = list(elements(map(_untitled, scene.items)))
    if scene is not None and packed["first"] == "graph":
        packed["still"]["markup"] = "\n".join(markup)
        markup = []
    packed["themes"] = _themes(drawing, scene)
    packed["colours"] = {
        "first": drawing.coloring.quantity if drawing.coloring else "family",
        "law": colors[0].law,
        "quantities": [{"name": each.quantity, "unit": each.unit} for each in colors],
    }
    return {**packed, "told": facts.told}, markup


def _figure(drawing: Drawing) -> Scene | None:
    """The figure; none where the style is the graph, or where the page begins with the graph and no figure is drawn."""
    if drawing.style == "graph":
        return None
    if drawing.to_explore() is drawing:
        return dressing.dressed(drawing.plain, drawing.analysis, drawing.request, ())
    free = replace(drawing, request=replace(drawing.request, width=None, height=None))
    try:
        return dressing.dressed(free.plain, free.analysis, free.request, ())
    except UsageError:
        return None


def _said(drawing: Drawing) -> str:
    """What a listener is told of the picture before its layers."""
    if drawing.style != "graph":
        return f"{drawing.plain.description} Enter opens in the graph what a shape stands for."
    rows = len(drawing.analysis.rows)
    return f"Graph of {drawing.analysis.title}, {rows} layers. Arrows lead from layer to layer, Enter opens a block."


def _untitled(item: Item) -> Item:
    """Without the titles that a browser would show on top: the side says what they say."""
    if not isinstance(item, Group):
        return item
    return replace(item, title="", items=tuple(_untitled(each) for each in item.items))


def _part(name: str) -> str:
    """A file of the page, without the lines that are remarks."""
    text = (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("//"))


def _script(name: str) -> str:
    return _part(f"{name}.js")


def _colours(theme: Theme) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in _variables(theme).items())


def _variables(theme: Theme) -> dict[str, str]:
    return {
        "page": theme.background, "text": theme.text, "muted": theme.muted, "band": theme.band,
        "frame": theme.frame, "link": theme.link, "line": theme.line,
    }  # fmt: skip


def _themes(drawing: Drawing, scene: Scene | None) -> dict[str, Any]:
    """The theme, or both, so that the page can take the reader's where nobody asked for one."""
    drawn, figure = drawing.request.theme, drawing.analysis.network.figure
    solids = () if scene is None else solids_in(scene, drawn)
    found: dict[str, Any] = {"drawn": drawn.name, "follows": False, drawn.name: _theme(drawn, solids)}
    other = theme_beside(drawing)
    if other is None:
        return found
    found |= {"follows": figure.get("theme") is None, other.name: _theme(other, solids)}
    if scene is not None:
        pairs = pairs_of(scene, drawn, other)
        found[drawn.name]["colours"], found[other.name]["colours"] = list(pairs), list(pairs.values())
    return found


def _theme(theme: Theme, solids: tuple[str, ...]) -> dict[str, Any]:
    return {"tones": _variables(theme), "painting": painting(theme, solids)}


def _opening(drawing: Drawing) -> Iterator[str]:
    """What stands at the side while no layer is pointed at: the totals, and what is said on the figure."""
    analysis, figure = drawing.analysis, drawing.analysis.network.figure
    yield f"<h2>{escape(analysis.title)}</h2>"
    if analysis.network.summary:
        yield f"<p>{escape(analysis.network.summary)}</p>"
    yield "<dl>"
    for quantity in QUANTITIES:
        count = analysis.totals.count_of(quantity)
        if count is None or count:
            value = "not covered" if count is None else f"{int(count):,}"
            yield f"<dt>{name_of(quantity)}</dt><dd>{value}</dd>"
    yield "</dl><h3>Point at a layer</h3><p>for its numbers and how they come about; click to keep them.</p>"
    if drawing.style == "graph":
        yield from _sayings(drawing, figure)
    else:
        yield "<p>Enter or a double click opens in the graph what a shape stands for; <kbd>v</kbd> leads back.</p>"
    yield "<p><kbd>?</kbd> shows the keys.</p>"


def _sayings(drawing: Drawing, figure: Mapping[str, Any]) -> Iterator[str]:
    """What another style draws on the picture itself."""
    if figure.get("title"):
        yield f"<h3>{escape(figure['title'])}</h3>"
    if figure.get("caption"):
        yield f"<p>{escape(figure['caption'])}</p>"
    if figure.get("notes"):
        yield f"<ol>{''.join(f'<li>{escape(said)}</li>' for said in figure['notes'].values())}</ol>"
    if figure.get("legend"):
        yield "<p>Colours</p>"
        for name, _, _ in dressing.families(drawing.analysis, drawing.request.theme):
            first = escape(name.split(", ")[0])
            yield f'<div><span class="swatch" data-family="{first}"></span>{escape(name)}</div>'


def _step(id: str, said: str, sign: str) -> str:
    """A button with a sign alone; what it does is told to who listens and to who points at it."""
    return f'<button id="{id}" aria-label="{said}" title="{said}">{sign}</button>'


def _keys() -> str:
    rows = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>" for key, what in _KEYS)
    return f"<h2>Keys</h2><dl>{rows}</dl><p>A double click opens a block, too, as does the + on it.</p>"

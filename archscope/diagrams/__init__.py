"""Pictures of a network: its graph, and the figure as the papers drew it.

>>> import archscope
>>> picture = archscope.draw("lenet5", width="183mm", font_size=7)
>>> picture.style
'planes'
>>> picture.svg.startswith("<svg ")
True

`draw` chooses the style and lays the picture out; the `Drawing` it returns writes it in any of `FORMATS` and
shows itself in a notebook.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archscope.analysis import Analysis, analyze
from archscope.diagrams.cost import COLOR_SCALES, COLORS
from archscope.diagrams.drawing import FORMATS, Drawing
from archscope.diagrams.paging import fitting, on_page
from archscope.diagrams.request import DIRECTIONS, LETTERS, PAGES, SHOWN, STYLES, request
from archscope.diagrams.settings import ASKED, palette_of, settled
from archscope.diagrams.themes import THEMES
from archscope.network import Network

__all__ = ["COLORS", "COLOR_SCALES", "DIRECTIONS", "FORMATS", "PAGES", "SHOWN", "STYLES", "THEMES", "Drawing", "draw"]


def draw(network: Network | Analysis, **asked: Any) -> Drawing:
    """Draw a network; what can be asked for, and what is raised, stands with `archscope.draw`.

    What is None is taken from the ``figure:`` of the spec, if that says it.
    """
    analysis = settled(network if isinstance(network, Analysis) else analyze(network), asked)
    said = analysis.network.figure
    known = {
        name: said[name]
        for name in (*ASKED, "towers", "latency", "device", "glue", "steps")
        if said.get(name) is not None
    }
    wanted = request(**known)
    theme = palette_of(wanted.theme, said.get("palette", {}))
    wanted = replace(wanted, theme=theme, labelled=tuple(asked.get("labels") or ()),
                     highlighted=tuple(asked.get("highlight") or ()))  # fmt: skip
    drawing = Drawing(analysis, wanted)
    coloring = drawing.coloring  # what cannot be coloured is told now, and not when it is shown
    if coloring is not None and coloring.quantity not in SHOWN:
        drawing = replace(drawing, request=replace(wanted, priced=coloring.said))
    page = known.get("page")
    if page is not None and page not in LETTERS:
        return fitting(drawing)
    if page is None or "font_size" in known:
        return drawing
    drawing = replace(drawing, request=replace(drawing.request, page=page))
    return on_page(drawing, page, (wanted.direction,) if "direction" in known else ("tb", "lr"))

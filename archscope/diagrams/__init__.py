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

from collections.abc import Iterable, Mapping

from archscope.analysis import Analysis, analyze
from archscope.diagrams.cost import COLOR_SCALES, COLORS
from archscope.diagrams.drawing import FORMATS, Drawing
from archscope.diagrams.request import DIRECTIONS, PAGES, SHOWN, STYLES, request
from archscope.diagrams.themes import THEMES
from archscope.network import Network

__all__ = ["COLORS", "COLOR_SCALES", "DIRECTIONS", "FORMATS", "PAGES", "SHOWN", "STYLES", "THEMES", "Drawing", "draw"]


def draw(
    network: Network | Analysis,
    *,
    style: str = "auto",
    width: str | float | None = None,
    font_size: float = 8,
    theme: str = "light",
    show: str | Iterable[str] | None = None,
    depth: int | str = "auto",
    direction: str = "tb",
    towers: bool = False,
    color: str = "family",
    color_scale: str = "linear",
    latency: Mapping[str, float] | None = None,
    height: str | float | None = None,
    page: str | None = None,
) -> Drawing:
    """Draw a network; what each argument means, and what is raised, stands with `archscope.draw`."""
    analysis = network if isinstance(network, Analysis) else analyze(network)
    asked = request(
        style=style, width=width, font_size=font_size, theme=theme, show=show, depth=depth, direction=direction,
        towers=towers, color=color, color_scale=color_scale, latency=latency, height=height,
        page=page,
    )  # fmt: skip
    drawing = Drawing(analysis, asked)
    drawing.coloring  # noqa: B018 - what cannot be coloured is told now, and not when it is shown
    return drawing

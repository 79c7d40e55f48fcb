"""Pictures of a network: its graph, and the figure as the papers drew it.

>>> import archscope
>>> picture = archscope.draw(archscope.load("lenet5"), width="183mm", font_size=7)
>>> picture.style
'planes'
>>> picture.svg.startswith("<svg ")
True

`draw` chooses the style and lays the picture out; the `Drawing` it returns writes it in any of `FORMATS` and
shows itself in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable

from archscope.analysis import Analysis, analyze
from archscope.diagrams.drawing import FORMATS, Drawing
from archscope.diagrams.request import DIRECTIONS, SHOWN, STYLES, request
from archscope.diagrams.themes import THEMES
from archscope.network import Network

__all__ = ["DIRECTIONS", "FORMATS", "SHOWN", "STYLES", "THEMES", "Drawing", "draw"]


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
) -> Drawing:
    """Draw a network.

    Args:
        network: what `archscope.load` or `archscope.analyze` returned.
        style: ``planes`` as in LeCun's figure of LeNet-5, ``boxes`` as in Krizhevsky's of AlexNet, ``graph``,
            or ``auto`` for the first of these that shows the network well.
        width: of the page, such as ``"183mm"``; a bare number is millimetres. By itself a picture is as wide as
            it needs to be.
        font_size: in points, at that width.
        theme: one of `THEMES`.
        show: what to write on a layer, of `SHOWN`; a list, or names with commas between.
        depth: of a graph: how many levels of blocks to open, ``"full"`` or ``"auto"``.
        direction: of a graph: ``"tb"`` or ``"lr"``.
        towers: of boxes: draw the groups of a network in one column as towers.

    Raises:
        NotFound: no such style, theme, direction or thing to show.
        UsageError: the width cannot hold the figure, or the network has not the form of the style.
    """
    analysis = network if isinstance(network, Analysis) else analyze(network)
    asked = request(
        style=style, width=width, font_size=font_size, theme=theme, show=show, depth=depth, direction=direction,
        towers=towers,
    )  # fmt: skip
    return Drawing(analysis, asked)

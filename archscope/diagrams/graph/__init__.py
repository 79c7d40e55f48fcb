"""The style ``graph``: one node a layer, for a network of any form.

From an analysis to a picture, each step a module:

* `units`: layers, with the activation, norm, dropout or flatten absorbed into them;
* `tree`: blocks and towers within one another; `fold`: equal ones in series as one;
* `view`: what is seen at a depth: nodes, frames and edges;
* `layout`, from the innermost frame outwards: `ranks`, `place` (Graphviz), `channels`, `columns`, `level`;
* `paint`: the display list. `dot` and `mermaid` write a view for other programs to lay out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from archscope.analysis import Analysis
from archscope.diagrams.graph.dot import dot_source
from archscope.diagrams.graph.labels import DEFAULT
from archscope.diagrams.graph.layout import layout_of
from archscope.diagrams.graph.mermaid import mermaid_source
from archscope.diagrams.graph.paint import painted, shade_of
from archscope.diagrams.graph.sizes import Sizes
from archscope.diagrams.graph.view import Node, View, view_of
from archscope.diagrams.request import Request
from archscope.diagrams.scene import Scene
from archscope.diagrams.themes import Shade

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing


def scene(analysis: Analysis, request: Request) -> Scene:
    """The graph of a network as a picture.

    Raises:
        UsageError: the width cannot hold it; the message says which can.
        MissingExtra: Graphviz is not installed.
    """
    sizes = Sizes(request.font_size, request.direction)
    view = _view(analysis, request)
    return painted(view, layout_of(view, sizes, request.width), sizes, request.theme)


def dot(drawing: Drawing) -> str:
    """The graph in Graphviz's language."""
    view = _view(drawing.analysis, drawing.request)
    return dot_source(view, drawing.request, *_colours(view, drawing))


def mermaid(drawing: Drawing) -> str:
    """The graph in Mermaid's language."""
    view = _view(drawing.analysis, drawing.request)
    return mermaid_source(view, drawing.request, *_colours(view, drawing))


def _view(analysis: Analysis, request: Request) -> View:
    return view_of(analysis, depth=request.depth, show=request.shown(*DEFAULT))


def _colours(view: View, drawing: Drawing) -> tuple[Callable[[Node], Shade] | None, str]:
    """The colours of each node, and what they say where it is not its family."""
    theme, coloring = drawing.request.theme, drawing.coloring
    if coloring is None:
        return None, ""
    costs = {node.id: coloring.cost(node.layers) for node in view.nodes if node.rows}
    ramp = coloring.ramp(costs.values())
    return (lambda node: ramp.shade(costs[node.id]) if node.id in costs else shade_of(node, theme)), ramp.told(coloring)

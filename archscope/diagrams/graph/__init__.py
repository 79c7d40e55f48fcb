"""The style ``graph``: one node a layer, for a network of any form.

From an analysis to a picture, each step a module:

* `units`: layers, with the activation, norm, dropout or flatten absorbed into them;
* `tree`: blocks and towers within one another; `fold`: equal ones in series as one;
* `view`: what is seen at a depth: nodes, frames and edges;
* `layout`, from the innermost frame outwards: `ranks`, `place` (Graphviz), `channels`, `columns`, `level`;
* `paint`: the display list. `dot` and `mermaid` write a view for other programs to lay out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from archscope.analysis import Analysis
from archscope.diagrams.graph.dot import dot_source
from archscope.diagrams.graph.labels import DEFAULT
from archscope.diagrams.graph.layout import Layout, layout_of
from archscope.diagrams.graph.mermaid import mermaid_source
from archscope.diagrams.graph.paint import painted, shade_of
from archscope.diagrams.graph.sizes import Direction, Sizes
from archscope.diagrams.graph.view import MOST_NODES, Node, View, closed_in, unequal_in, view_of
from archscope.diagrams.interest import TRIES
from archscope.diagrams.request import UNITS, Request, millimetres
from archscope.diagrams.scale import SMALLER_LETTERS, TooSmallError
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
    layout = layout_of(view, sizes, request.width) if request.height is None else None
    while layout is None:
        layout = _that_fits(view, sizes, request)
        if layout is None:
            view = _folded_further(analysis, request, view, sizes)
    if request.depth == "auto":
        view, layout = _all_alike(analysis, request, sizes, view, layout)
    return painted(view, layout, sizes, request.theme)


def _all_alike(analysis: Analysis, request: Request, sizes: Sizes, view: View, layout: Layout) -> tuple[View, Layout]:
    """The same with more blocks open as far as a page holds them, and those that are alike all open or all closed."""
    depth, more = view.depth, request
    if request.height is not None:
        more, view, layout = _opened(analysis, request, sizes, view, layout)
    named = request.expand or request.collapse
    mixes = not named and any(node.kind == "block" for node in view.nodes)
    # What is closed leaves room for others, which may be like what is closed.
    while mixes and (some := unequal_in(analysis, depth, more)):
        request = replace(request, collapse=(*request.collapse, *some))
        view = _view(analysis, request, depth)
        more, layout = request, layout_of(view, sizes, request.width)
        if request.height is not None:
            more, view, layout = _opened(analysis, request, sizes, view, layout)
    return view, layout


def _opened(
    analysis: Analysis, request: Request, sizes: Sizes, view: View, layout: Layout
) -> tuple[Request, View, Layout]:
    """The same with more blocks open, those of most interest first, as far as the page holds them."""
    tried: set[tuple[str, ...]] = set()
    while len(tried) < TRIES:
        kin = next((each for each in closed_in(analysis, view.depth, request) if each.paths not in tried), None)
        if kin is None:
            break
        tried.add(kin.paths)
        asked = replace(request, expand=(*request.expand, *kin.patterns))
        shown = _view(analysis, asked, view.depth)
        found = _that_fits(shown, sizes, request) if len(shown.nodes) <= MOST_NODES else None
        if found is not None:
            request, view, layout = asked, shown, found
    return request, view, layout


def _that_fits(view: View, sizes: Sizes, request: Request) -> Layout | None:
    """The layout, if the page holds it."""
    found = layout_of(view, sizes, request.width, strict=False)
    wide, tall = request.width or found.width, request.height or found.height
    return None if found.width > wide + 0.01 or found.height > tall + 0.01 else found


def _folded_further(analysis: Analysis, request: Request, view: View, sizes: Sizes) -> View:
    """The same with fewer blocks open, which `auto` leaves to us.

    Raises:
        TooSmallError: somebody asked for this depth, or nothing is open any more.
    """
    if view.depth > 1 and request.depth == "auto":
        return _view(analysis, request, view.depth - 1)
    needed = layout_of(view, sizes, request.width, strict=False)
    wide = "a height of " if request.width is None else f"{request.width / UNITS['mm']:.4g} mm by "
    room = f"{wide}{(request.height or 0) / UNITS['mm']:.4g} mm"
    instead = "".join(f"{way} fits; or " for way in _ways_that_fit(analysis, request, view, sizes))
    error = TooSmallError(
        f"{analysis.title} as a graph does not fit {room} at {sizes.font:g} pt: it takes {millimetres(needed.width)} "
        f"by {millimetres(needed.height)}; {instead}choose that size or {SMALLER_LETTERS}"
    )
    error.room = (needed.width, needed.height)
    raise error


def _ways_that_fit(analysis: Analysis, request: Request, view: View, sizes: Sizes) -> Iterator[str]:
    """What to ask for instead: less depth, the other direction; the first that helps."""
    turned: Direction = "lr" if request.direction == "tb" else "tb"
    for direction in (request.direction, turned):
        turn = "" if direction == request.direction else f" --direction {direction}"
        for depth in range(view.depth - (not turn), 0, -1):
            shown = _view(analysis, request, depth)
            if _that_fits(shown, replace(sizes, direction=direction), request):
                yield f"--depth {depth}{turn}"
                return


def dot(drawing: Drawing) -> str:
    """The graph in Graphviz's language."""
    view = _view(drawing.analysis, drawing.request)
    return dot_source(view, drawing.request, *_colours(view, drawing))


def mermaid(drawing: Drawing) -> str:
    """The graph in Mermaid's language."""
    view = _view(drawing.analysis, drawing.request)
    return mermaid_source(view, drawing.request, *_colours(view, drawing))


def _view(analysis: Analysis, request: Request, depth: int | None = None) -> View:
    return view_of(
        analysis, depth=request.depth if depth is None else depth, show=request.shown(*DEFAULT), expand=request.expand,
        collapse=request.collapse, glue=request.glue, price=request.price,
    )  # fmt: skip


def whole(analysis: Analysis, request: Request) -> View:
    """All of a network, each block with what is in it and with its box for when it is closed."""
    return view_of(
        analysis, depth="full", show=request.shown(*DEFAULT), expand=request.expand, collapse=request.collapse,
        glue=request.glue, price=request.price, closable=True,
    )  # fmt: skip


def _colours(view: View, drawing: Drawing) -> tuple[Callable[[Node], Shade] | None, str]:
    """The colours of each node, and what they say where it is not its family."""
    theme, coloring = drawing.request.theme, drawing.coloring
    if coloring is None:
        return None, ""
    costs = {node.id: coloring.cost(node.layers) for node in view.nodes if node.rows}
    ramp = coloring.ramp(costs.values())
    return (lambda node: ramp.shade(costs[node.id]) if node.id in costs else shade_of(node, theme)), ramp.told(coloring)

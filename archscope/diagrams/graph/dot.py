"""A graph in DOT, Graphviz's language, with the `graphviz` package."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from archscope.diagrams.graph.paint import shade_of, title_of
from archscope.diagrams.graph.sizes import badge
from archscope.diagrams.graph.view import Frame, Node, View
from archscope.diagrams.request import Request
from archscope.diagrams.themes import Shade
from archscope.errors import MissingExtra
from archscope.escaping import dot, dot_html

if TYPE_CHECKING:
    from graphviz import Digraph

_FONT: Final = "Helvetica,Arial,sans-serif"
_NAME: Final = re.compile(r"[\w. ]{1,1000}")


def dot_source(view: View, request: Request, shade: Callable[[Node], Shade] | None = None, told: str = "") -> str:
    """The source of a graph; its nodes are called as the layers are.

    ``shade`` gives a node's colours, where they are not its family's, and ``told`` what they say.

    Raises:
        MissingExtra: the `graphviz` package is not installed.
    """
    try:
        from graphviz import Digraph
    except ImportError:
        raise MissingExtra("format dot", "the graphviz package", "diagrams") from None
    size, theme = f"{request.font_size:g}", request.theme
    title = f"{view.analysis.title}: {told}" if told else view.analysis.title
    graph = Digraph(
        _literal(view.analysis.name),
        graph_attr={
            "rankdir": request.direction.upper(), "label": _literal(title), "labelloc": "t",
            "bgcolor": theme.background, "fontname": _FONT, "fontsize": size, "fontcolor": theme.text,
        },
        node_attr={"shape": "box", "style": "filled", "fontname": _FONT, "fontsize": size, "fontcolor": theme.text},
        edge_attr={"color": theme.line, "arrowsize": "0.7"},
    )  # fmt: skip
    ids = {node.id: _id(node, place) for place, node in enumerate(view.nodes)}
    _frame(graph, view.root, request, ids, "", shade or (lambda node: shade_of(node, request.theme)))
    for edge in view.edges:
        graph.edge(ids[edge.source], ids[edge.target])
    return str(graph.source)


def _id(node: Node, place: int) -> str:
    """A layer's own name; one with signs that mean something in DOT gives way to a name that no layer has."""
    return node.id if _NAME.fullmatch(node.id) else f"n-{place}"


def _frame(
    graph: Digraph, frame: Frame, request: Request, ids: dict[str, str], path: str, shade: Callable[[Node], Shade]
) -> None:
    for place, child in enumerate(frame.children):
        if isinstance(child, Node):
            graph.node(ids[child.id], **_attributes(child, shade(child)))
            continue
        inner = f"{path}_{place}"
        with graph.subgraph(name=f"cluster{inner}") as cluster:
            cluster.attr(
                label=_literal(child.name), labeljust="l", style="filled", penwidth="0.8",
                fillcolor=request.theme.band, color=request.theme.frame,
            )  # fmt: skip
            _frame(cluster, child, request, ids, inner, shade)


def _literal(text: str) -> str:
    """Text that DOT takes as it is; also one between ``<`` and ``>``, which would be markup."""
    from graphviz import nohtml

    escaped: str = nohtml(dot(text).replace('\\"', '"'))  # the package puts a backslash before each quote itself
    return escaped


def _attributes(node: Node, shade: Shade) -> dict[str, str]:
    name, *lines = node.lines or ("",)
    if badge(node):
        name = f"{name} {badge(node)}".strip()
    if node.symbol:
        aside = "<BR/>".join(dot_html(line) for line in (name, *lines))
        text = {"label": _literal(node.symbol), "shape": "circle", "width": "0.25", "fixedsize": "true"}
        text |= {"xlabel": f"<{aside}>"} if aside else {}
    else:
        bold = f"<B>{dot_html(name)}</B>" if name else ""
        text = {"label": f"<{'<BR/>'.join((bold, *map(dot_html, lines)))}>" if name or lines else ""}
    sheets = {"peripheries": "2"} if node.copies > 1 else {}
    return {**text, **sheets, "fillcolor": shade.fill, "color": shade.stroke, "tooltip": _literal(title_of(node))}

"""A graph for the page, which lays out by itself what its reader opens: every box and every block, and what joins them.

Blocks stand before what is in them, so that a block is a stretch of the list.

>>> import archscope
>>> from archscope.diagrams.request import request
>>> found = graph_of(Facts(archscope.analyze("lenet5")), request(style="graph"))
>>> found["parts"][1]["lines"], found["edges"][:4]
(['C1', 'conv 5×5 · scaled tanh', '6×28×28 · 156 parameters'], [0, 1, 1, 2])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from archscope import escaping
from archscope.diagrams import fonts
from archscope.diagrams.graph import whole
from archscope.diagrams.graph.paint import family_of
from archscope.diagrams.graph.sizes import Sizes, badge, shape_of
from archscope.diagrams.graph.view import Frame, Node
from archscope.diagrams.page.facts import Facts, common
from archscope.diagrams.request import Request
from archscope.diagrams.settings import named


def graph_of(facts: Facts, request: Request) -> dict[str, Any]:
    """The graph of a network, every block of it open and closed.

    Returns:
        ``parts``: boxes and blocks; ``edges``: source, target, source, target, by their places among the parts;
        ``sizes``: the measures, in points; ``depth``: how many blocks to open at first; ``deepest``; ``layers``: of
        each part, the names of all that it stands for.
    """
    sizes = Sizes(request.font_size, request.direction)
    view = whole(facts.analysis, request)
    parts: list[dict[str, Any]] = []
    layers: list[Sequence[str]] = []
    places: dict[str, int] = {}
    maker = _Maker(facts, request, sizes)

    def add(each: Node | Frame, parent: int) -> None:
        place = len(parts)
        part = maker.block(each) if isinstance(each, Frame) else maker.box(each)
        if parent >= 0:
            part["parent"] = parent
        parts.append(part)
        layers.append(_closed(each).layers)
        if isinstance(each, Node):
            places[each.id] = place
            return
        for child in each.children:
            add(child, place)
        part["end"] = len(parts)

    for each in view.root.children:
        add(each, -1)
    edges = [places[end] for edge in view.edges for end in (edge.source, edge.target)]
    measures = {"font": sizes.font, "line": sizes.line, "pad": sizes.pad, "gap": sizes.gap, "track": sizes.track,
                "arrow": sizes.arrow, "radius": sizes.radius, "sheet": sizes.sheet, "tower": sizes.tower,
                "lr": sizes.direction == "lr"}  # fmt: skip
    return {"parts": parts, "edges": edges, "sizes": measures, "depth": request.depth, "deepest": view.depth,
            "layers": layers}  # fmt: skip


class _Maker:
    """What the page must know of one box or one block; what goes without saying is left out."""

    def __init__(self, facts: Facts, request: Request, sizes: Sizes) -> None:
        self.facts = facts
        self.request = request
        self.sizes = sizes
        analysis = facts.analysis
        figure = analysis.network.figure
        self.bold = frozenset(name for pattern in figure.get("highlight", ()) for name in named(pattern, analysis))
        self.notes = [named(pattern, analysis) for pattern in figure.get("notes", {})]

    def box(self, node: Node) -> dict[str, Any]:
        part = dict(self._drawn(node))
        if node.kind != "output":
            part["rows"] = self.facts.rows(node.layers)
        return part

    def block(self, frame: Frame) -> dict[str, Any]:
        closed = _closed(frame)
        if self.request.show is None:
            first, what, *rest = closed.lines
            shape = [rest[0].split(" · ")[0]] if rest and " parameters" not in rest[0].split(" · ")[0] else []
            lines = (first, " · ".join((what, *shape)), *self.facts.lines(closed.layers, closed.copies),
                     *self.request.price(closed.layers, closed.copies))  # fmt: skip
            closed = replace(closed, lines=lines)
        part = dict(self._drawn(closed))
        part |= {
            "title": escaping.line(frame.name),
            "titleWidth": self.sizes.title(frame) + 2 * self.sizes.pad,
            "name": common(closed.layers) or frame.name,
            "sums": self.facts.sums(closed.layers),
        }
        if frame.asked is not None:
            part["asked"] = frame.asked
        return part

    def _drawn(self, node: Node) -> Iterator[tuple[str, Any]]:
        shape = shape_of(node, self.sizes)
        extra = 2 * self.sizes.pad if node.kind == "block" else 0.0  # there stands the sign that opens it
        left, top, width, height = shape.box
        yield "lines", [escaping.line(each) for each in node.lines]
        yield "width", _whole(shape.width + extra)
        yield "height", _whole(shape.height)
        if shape.round:
            yield "sign", node.symbol
            yield "box", [left, top, width, height]
        if node.kind == "output":
            yield "output", True
        yield "family", family_of(node)
        if node.copies > 1:
            yield "copies", node.copies
            yield "badge", badge(node)
            yield "badgeWidth", fonts.width(badge(node), self.sizes.font * 1.2, bold=True) + self.sizes.pad
        if self.bold & set(node.layers):
            yield "bold", True
        marks = [number for number, names in enumerate(self.notes, start=1) if names & set(node.layers)]
        if marks:
            yield "notes", marks


def _closed(each: Node | Frame) -> Node:
    """The box of a layer, or of a block that is closed."""
    found = each if isinstance(each, Node) else each.closed
    if found is None:
        raise ValueError(f"{each.name} was made without its box; see `whole`")
    return found


def _whole(length: float) -> float:
    return int(length) if length == int(length) else length

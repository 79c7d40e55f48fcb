"""A graph that is laid out, as a display list."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.diagrams import fonts
from archscope.diagrams.graph.branches import Trunk, apart, back
from archscope.diagrams.graph.layout import FrameBox, Layout, NodeBox
from archscope.diagrams.graph.sizes import Shape, Sizes, badge
from archscope.diagrams.graph.view import Edge, Node, View
from archscope.diagrams.graph.ways import Point
from archscope.diagrams.scene import (
    HAIRLINE,
    Command,
    Group,
    Item,
    Path,
    Polygon,
    Scene,
    Text,
    circle,
    line,
    moved,
    polyline,
    rectangle,
)
from archscope.diagrams.themes import BLOCK, INPUT, Shade, Theme
from archscope.layers.base import spell_shape


def painted(view: View, layout: Layout, sizes: Sizes, theme: Theme) -> Scene:
    """The picture of a graph."""
    items: list[Item] = [_frame(box, sizes, theme) for box in layout.frames]
    drawn: dict[str, Trunk] = {}
    for edge, points in layout.edges:
        own = drawn.setdefault(edge.source, Trunk(0.5 * sizes.track)).branch(points)
        items.append(_edge(edge, own, sizes, theme))
    items += [_node(box, sizes, theme) for box in layout.nodes]
    folded = any(node.weight > 1 for node in view.nodes)
    title, told = view.analysis.title, described(view)
    return Scene(layout.width, layout.height, title, told, tuple(items), theme.background, folded)


def described(view: View) -> str:
    """What a listener is told: every layer, in order."""
    analysis = view.analysis
    steps = "; ".join(f"{row.name}, {row.label}, to {spell_shape(row.output)}" for row in analysis.rows)
    ends = ", ".join(f"{name} of {spell_shape(shape)}" for name, shape in analysis.network.inputs.items())
    folded = ", equal blocks drawn once" if any(node.weight > 1 for node in view.nodes) else ""
    return f"Graph of {analysis.title}{folded}. It takes {ends}. Its layers, in order: {steps}."


def title_of(node: Node) -> str:
    """A node in one line: its text, and the layers it stands for where their names are not in it."""
    text = ", ".join(node.lines) + (f", {badge(node)}" if badge(node) else "")
    if node.kind in ("input", "output") or node.layers == (node.name,):
        return text
    return f"{text} ({', '.join(node.layers)})"


def family_of(node: Node) -> str:
    """The family whose colours a node has: its layer's, or that of blocks or of the network's ends."""
    return node.family or (BLOCK if node.kind == "block" else INPUT)


def shade_of(node: Node, theme: Theme) -> Shade:
    """The colours of a node."""
    return theme.shade(family_of(node))


def _frame(box: FrameBox, sizes: Sizes, theme: Theme) -> Group:
    sheets = (
        _sheets(box.x, box.y, box.width, box.height, sizes, theme.band, theme.frame) if box.frame.copies > 1 else []
    )
    body = rectangle(box.x, box.y, box.width, box.height, fill=theme.band, stroke=theme.frame)
    title = Text(*box.title, box.frame.name, sizes.font, bold=True, fill=theme.text)
    return Group("frame", (*sheets, body, title), title=box.frame.name)


def _node(box: NodeBox, sizes: Sizes, theme: Theme) -> Group:
    node = box.shape.node
    shade = shade_of(node, theme)
    draw = _circle if box.shape.round else _box
    items = tuple(moved(item, box.x, box.y) for item in draw(box.shape, sizes, theme, shade))
    return Group("part" if node.kind == "output" else "layer", items, title=title_of(node), layers=node.layers,
                 own=tuple(row.name for row in node.rows))  # fmt: skip


def _box(shape: Shape, sizes: Sizes, theme: Theme, shade: Shade) -> list[Item]:
    left, top, width, height = shape.box
    items: list[Item] = [rectangle(left, top, width, height, fill=shade.fill, stroke=shade.stroke)]
    if shape.node.copies > 1:
        items += _sheets(left, top, width, height, sizes, shade.fill, shade.stroke)
    mark = badge(shape.node)
    aside = fonts.width(mark, sizes.font * 1.2, bold=True) + sizes.pad if mark else 0.0
    items += _lines(shape.node.lines, left + (width - aside) / 2, top + sizes.font / 2, sizes, theme, "middle")
    if mark:
        base = top + height / 2 + fonts.CAP_HEIGHT * sizes.font * 0.6
        items.append(
            Text(left + width - sizes.pad, base, mark, sizes.font * 1.2, bold=True, anchor="end", fill=shade.stroke)
        )
    return items


def _sheets(x: float, y: float, width: float, height: float, sizes: Sizes, fill: str, stroke: str) -> list[Item]:
    """What is seen of two more sheets behind a box: their right and lower borders."""
    sheets: list[Item] = []
    for number in (1, 2):
        far, near = number * sizes.sheet, (number - 1) * sizes.sheet
        right, bottom = x + width, y + height
        corners = (
            (right + near, y + far), (right + far, y + far), (right + far, bottom + far), (x + far, bottom + far),
            (x + far, bottom + near), (right + near, bottom + near),
        )  # fmt: skip
        sheets.append(Polygon(corners, fill=fill, stroke=stroke))
    return sheets


def _circle(shape: Shape, sizes: Sizes, theme: Theme, shade: Shade) -> list[Item]:
    x, y = shape.middle
    items: list[Item] = [circle(x, y, sizes.radius, fill=shade.fill, stroke=shade.stroke)]
    items += _sign(shape.node.symbol, x, y, sizes, shade)
    tall = len(shape.node.lines) * sizes.line
    if sizes.direction == "tb":
        end = shape.box[0] - 0.4 * sizes.font
        items += _lines(shape.node.lines, end, (shape.height - tall) / 2, sizes, theme, "end")
    else:
        items += _lines(shape.node.lines, x, 0.0, sizes, theme, "middle")
    return items


def _lines(lines: Sequence[str], x: float, top: float, sizes: Sizes, theme: Theme, anchor: str) -> list[Text]:
    """Lines of text below one another; the first is bold."""
    rise = (sizes.line + (fonts.CAP_HEIGHT - 0.05) * sizes.font) / 2
    return [
        Text(x, top + number * sizes.line + rise, text, sizes.font, bold=not number,
             anchor="end" if anchor == "end" else "middle", fill=theme.text)
        for number, text in enumerate(lines)
    ]  # fmt: skip


def _sign(symbol: str, x: float, y: float, sizes: Sizes, shade: Shade) -> list[Item]:
    """The sign in a circle, drawn with lines where it is made of lines."""
    arm = 0.45 * sizes.radius
    strokes = {
        "+": (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))),
        "×": (((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))),
        "‖": (((x - arm / 2, y - arm), (x - arm / 2, y + arm)), ((x + arm / 2, y - arm), (x + arm / 2, y + arm))),
    }.get(symbol)
    if strokes is None:
        return [Text(x, y + 0.35 * sizes.font, symbol, sizes.font, bold=True, anchor="middle", fill=shade.stroke)]
    return [line(start, end, stroke=shade.stroke, width=1.6 * HAIRLINE) for start, end in strokes]


def _edge(edge: Edge, points: Sequence[Point], sizes: Sizes, theme: Theme) -> Group:
    (x0, y0), (x1, y1) = points[-2:]
    length = max(abs(x1 - x0), abs(y1 - y0))
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    back, half = sizes.arrow, 0.5 * sizes.arrow * 0.75
    base = x1 - dx * back, y1 - dy * back
    head = Polygon(
        ((x1, y1), (base[0] - dy * half, base[1] + dx * half), (base[0] + dy * half, base[1] - dx * half)),
        fill=theme.line,
    )
    way = _rounded([*points[:-1], (x1 - dx * back * 0.8, y1 - dy * back * 0.8)], 0.5 * sizes.track, theme)
    return Group("edge", (way, head), source=edge.source, target=edge.target)


def _rounded(points: Sequence[Point], radius: float, theme: Theme) -> Path:
    """A line with rounded corners."""
    if len(points) == 2:
        return polyline(points, stroke=theme.line, width=1.2 * HAIRLINE)
    commands: list[Command] = [("M", (points[0],))]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, near_start = _towards(corner, before, radius)
        end, near_end = _towards(corner, after, radius)
        commands += [("L", (start,)), ("C", (near_start, near_end, end))]
    return Path((*commands, ("L", (points[-1],))), stroke=theme.line, width=1.2 * HAIRLINE)


def _towards(corner: Point, other: Point, radius: float) -> tuple[Point, Point]:
    """Where a rounded corner begins, and the control point of its curve there."""
    reach = min(radius, apart(corner, other) / 2)
    return back(corner, other, reach), back(corner, other, 0.45 * reach)

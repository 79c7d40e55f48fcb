"""Where everything of a graph stands: frames within frames, and the way of every edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from archscope.diagrams.graph.across import Child
from archscope.diagrams.graph.level import lay_out
from archscope.diagrams.graph.nets import FrameKey, child_key, nets_of
from archscope.diagrams.graph.ranks import BORDER
from archscope.diagrams.graph.sizes import Shape, Sizes, even, shape_of
from archscope.diagrams.graph.view import Edge, Frame, Node, View
from archscope.diagrams.graph.ways import Level, Point, straightened
from archscope.diagrams.request import UNITS, millimetres
from archscope.errors import UsageError


@dataclass(frozen=True)
class NodeBox:
    """A node in its place, from the top left corner of the page."""

    shape: Shape
    x: float
    y: float


@dataclass(frozen=True)
class FrameBox:
    """A frame in its place; ``title`` is where its title begins and its baseline."""

    frame: Frame
    x: float
    y: float
    width: float
    height: float
    title: tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """A graph laid out on a page of a size."""

    width: float
    height: float
    nodes: tuple[NodeBox, ...]
    frames: tuple[FrameBox, ...]
    edges: tuple[tuple[Edge, tuple[Point, ...]], ...]

    def moved(self, dx: float, width: float) -> Layout:
        """The same further to the right, on a page of another width."""
        return Layout(
            width,
            self.height,
            tuple(replace(box, x=box.x + dx) for box in self.nodes),
            tuple(replace(box, x=box.x + dx, title=(box.title[0] + dx, box.title[1])) for box in self.frames),
            tuple((edge, tuple((x + dx, y) for x, y in points)) for edge, points in self.edges),
        )


@dataclass(frozen=True)
class _LaidNode:
    """A node of which only the place is missing: as its level sees it, and its shape."""

    child: Child
    shape: Shape


@dataclass(frozen=True)
class _LaidFrame:
    """A frame of which only the place is missing.

    Attributes:
        child: as the level around it sees it.
        frame: what it is.
        level: its own level.
        inner: what is in it, by key.
        body: where its level begins, from its corner, across and along.
        title: where its title begins, from the left.
    """

    child: Child
    frame: Frame
    level: Level
    inner: Mapping[str, _LaidNode | _LaidFrame]
    body: Point
    title: float


def layout_of(view: View, sizes: Sizes, width: float | None = None, *, strict: bool = True) -> Layout:
    """Lay a graph out.

    Args:
        view: what to show.
        sizes: the measures.
        width: of the page; as wide as the graph if None.
        strict: whether a graph that is wider is refused, and not handed back as it is.

    Raises:
        UsageError: the width cannot hold it.
    """
    found = _Builder(view, sizes, width).layout()
    if width is None:
        return found
    if found.width > width + 0.01:
        if not strict:
            return found
        raise UsageError(
            f"{view.analysis.title} as a graph does not fit {width / UNITS['mm']:g}mm at {sizes.font:g} pt: it takes "
            f"{millimetres(found.width)}; choose that width, a smaller font, less depth or another direction"
        )
    return found.moved((width - found.width) / 2, width)


class _Builder:
    def __init__(self, view: View, sizes: Sizes, width: float | None) -> None:
        self.view = view
        self.sizes = sizes
        self.room = None if width is None else width - 2 * sizes.pad
        self.nets = nets_of(view.root, view.edges)

    def layout(self) -> Layout:
        root = self._frame(self.view.root, (), "")
        margin = self.sizes.pad
        origin = (float(margin), float(margin))
        nodes: list[NodeBox] = []
        frames: list[FrameBox] = []
        bodies: dict[FrameKey, tuple[Point, Level]] = {}
        ways: dict[str, tuple[tuple[FrameKey, str], ...]] = {}
        self._walk(root, (), (), origin, nodes, frames, bodies, ways)
        edges = tuple((edge, self._route(edge, ways, bodies)) for edge in self.view.edges)
        width, height = self.sizes.turned(root.level.across + 2 * margin, root.level.along + 2 * margin)
        return Layout(width, height, tuple(nodes), tuple(frames), edges)

    # From the inside out: sizes

    def _frame(self, frame: Frame, key: FrameKey, name: str) -> _LaidFrame:
        inner: dict[str, _LaidNode | _LaidFrame] = {}
        for place, each in enumerate(frame.children):
            called = child_key(key, place, each)
            inner[called] = (
                self._node(each, called) if isinstance(each, Node) else self._frame(each, (*key, place), called)
            )
        level = lay_out(
            [laid.child for laid in inner.values()], self.nets.get(key, ()), self.sizes, self._room(len(key))
        )
        if not key:
            return _LaidFrame(Child(name, level.across, level.along, 0.0), frame, level, inner, (0.0, 0.0), 0.0)
        before, above, after, below, title = self._margins(frame, level)
        across, along = even(before + level.across + after), even(above + level.along + below)
        child = Child(
            name, across, along, across / 2,
            {net: before + at for net, at in level.ins.items()}, {net: before + at for net, at in level.outs.items()},
            twin=frame.tower,
        )  # fmt: skip
        return _LaidFrame(child, frame, level, inner, (before, above), title)

    def _room(self, depth: int) -> float | None:
        """The width there is for the body of a frame inside so many others, if it is limited."""
        return None if self.room is None else self.room - depth * 2 * (self.sizes.pad + self.sizes.sheet)

    def _margins(self, frame: Frame, level: Level) -> tuple[float, float, float, float, float]:
        """The room around a frame's body, before, above, after and below it; and where its title begins."""
        pad, band, title = self.sizes.pad, self.sizes.line + self.sizes.pad / 2, self.sizes.title(frame)
        behind = 2 * self.sizes.sheet if frame.copies > 1 else 0.0
        if self.sizes.direction == "lr":
            lacking = max(title - level.along, 0.0)
            return pad + band, pad, pad + behind, pad + behind + lacking, pad
        first = min(level.ins.values(), default=level.across)
        last = max(level.ins.values(), default=0.0)
        free = self.sizes.track
        lacking = max(title + free - first, 0.0)
        right = max(title + free - (level.across - last), 0.0)
        if level.ins and right < lacking:
            return pad, band, pad + right + behind, pad + behind, pad + last + free
        return pad + lacking, band, pad + behind + max(title - level.across - lacking, 0.0), pad + behind, pad

    def _node(self, node: Node, key: str) -> _LaidNode:
        shape = shape_of(node, self.sizes)
        across, along = self.sizes.turned(shape.width, shape.height)
        middle, center = self.sizes.turned(*shape.middle)
        box = self.sizes.turned(*shape.box[2:])
        radius = shape.box[2] / 2 if shape.round else 0.0
        return _LaidNode(Child(key, across, along, middle, circle=radius, center=center, end=box[0]), shape)

    # From the outside in: places

    def _walk(
        self, laid: _LaidFrame, key: FrameKey, above: tuple[tuple[FrameKey, str], ...], at: Point, nodes: list[NodeBox],
        frames: list[FrameBox], bodies: dict[FrameKey, tuple[Point, Level]],
        ways: dict[str, tuple[tuple[FrameKey, str], ...]],
    ) -> None:  # fmt: skip
        if key:
            frames.append(self._box(laid, at))
        body = at[0] + laid.body[0], at[1] + laid.body[1]
        bodies[key] = body, laid.level
        for place, (name, inner) in enumerate(laid.inner.items()):
            x, y = laid.level.at[name]
            corner = body[0] + x, body[1] + y
            here = (*above, (key, name))
            if isinstance(inner, _LaidNode):
                nodes.append(NodeBox(inner.shape, *self.sizes.turned(*corner)))
                ways[inner.shape.node.id] = here
            else:
                self._walk(inner, (*key, place), here, corner, nodes, frames, bodies, ways)

    def _box(self, laid: _LaidFrame, at: Point) -> FrameBox:
        behind = 2 * self.sizes.sheet if laid.frame.copies > 1 else 0.0
        x, y = self.sizes.turned(*at)
        width, height = self.sizes.turned(laid.child.across - behind, laid.child.along - behind)
        title = (x + laid.title, y + 0.25 * self.sizes.pad + self.sizes.line)
        return FrameBox(laid.frame, x, y, width, height, title)

    def _route(
        self, edge: Edge, ways: Mapping[str, tuple[tuple[FrameKey, str], ...]],
        bodies: Mapping[FrameKey, tuple[Point, Level]],
    ) -> tuple[Point, ...]:  # fmt: skip
        """The way of an edge: out of the frames of its source, across, into those of its target."""
        here, there = ways[edge.source], ways[edge.target]
        common = 0
        while here[common] == there[common]:
            common += 1
        steps = [(frame, BORDER) for frame, _ in reversed(here[common + 1 :])]
        steps += [(frame, target) for frame, target in there[common:]]
        points: list[Point] = []
        for frame, target in steps:
            (x, y), level = bodies[frame]
            way = [(x + across, y + along) for across, along in level.routes[edge.source, target]]
            points = straightened(way, points) if points else way
        return tuple(points) if self.sizes.direction == "tb" else tuple(self.sizes.turned(*point) for point in points)

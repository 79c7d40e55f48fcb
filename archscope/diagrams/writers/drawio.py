"""A scene as a file of draw.io: shapes that can be edited, and edges that hang on the layers they join.

Each layer is a group with its own name and a tooltip; an edge keeps its source and its target when one of them is
moved. The XML is not compressed, so that a person and a version control can read it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Path, Point, Polygon, Scene, Text, bounds
from archscope.diagrams.writers.arrows import closed, corners, curve, head, tip
from archscope.diagrams.writers.svg import number
from archscope.escaping import line, xml

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

_ALIGN: Final = {"start": "left", "middle": "center", "end": "right"}
_Layer = tuple[str, tuple[float, float, float, float]]
"""The cell of a layer and what it takes up: left, top, right and bottom."""


def write(drawing: Drawing) -> str:
    """A drawing for draw.io."""
    return drawio(drawing.scene)


def drawio(scene: Scene) -> str:
    """The text of the file.

    >>> from archscope.diagrams.scene import Text
    >>> drawio(Scene(72, 36, "tiny", "one word", (Text(3, 20, "word", 8),))).count("<mxCell ")
    3
    """
    cells = _Cells()
    page = f'pageWidth="{number(scene.width)}" pageHeight="{number(scene.height)}"'
    ground = f' background="{scene.background}"' if scene.background else ""
    lines = [
        '<mxfile host="archscope">',
        f'<diagram id="picture" name="{xml(line(scene.title))}">',
        f'<mxGraphModel grid="0" page="1" {page}{ground}>',
        "<root>",
        '<mxCell id="0"/>',
        '<mxCell id="1" parent="0"/>',
        *cells.of(scene.items),
        "</root>",
        "</mxGraphModel>",
        "</diagram>",
        "</mxfile>",
    ]
    return "\n".join(lines) + "\n"


class _Cells:
    """Makes cells with ids of their own."""

    def __init__(self) -> None:
        self.count = 1
        self.edges: list[Group] = []
        self.layers: dict[str, _Layer] = {}

    def of(self, items: Iterable[Item]) -> Iterator[str]:
        """The cells of a picture: what edges hang on before the edges."""
        for item in items:
            yield from self._item(item, "1", (0.0, 0.0))
        for edge in self.edges:
            yield from self._edge(edge)

    def _next(self) -> str:
        self.count += 1
        return str(self.count)

    def _item(self, item: Item, parent: str, origin: Point) -> Iterator[str]:
        if isinstance(item, Group):
            yield from self._group(item, parent, origin)
        elif isinstance(item, Text):
            yield self._text(item, parent, origin)
        elif isinstance(item, Polygon):
            yield self._polygon(item.points, item.fill, item.stroke, item.width, parent, origin)
        elif item.fill is not None or closed(item):
            points = _flat(item)
            round_ = len(item.commands) == 6 and all(verb in "MCZ" for verb, _ in item.commands)
            yield self._polygon(points, item.fill, item.stroke, item.width, parent, origin, ellipse=round_,
                                dash=item.dash)  # fmt: skip
        else:
            yield self._line(item, parent, origin, {})

    def _group(self, group: Group, parent: str, origin: Point) -> Iterator[str]:
        if group.kind == "edge":
            self.edges.append(group)
            return
        if not group.items:
            return
        own = self._next()
        left, top, right, bottom = bounds(group.items)
        if group.layers:
            self.layers[group.layers[0]] = (own, (left, top, right, bottom))
        place = _geometry(left - origin[0], top - origin[1], right - left, bottom - top)
        title = xml(line(group.title))
        names = f' layers="{xml(" ".join(group.layers))}"' if group.layers else ""
        yield f'<UserObject label="" tooltip="{title}"{names} id="{own}">'
        yield f'<mxCell style="group;html=0" vertex="1" parent="{parent}">{place}</mxCell></UserObject>'
        for item in group.items:
            yield from self._item(item, own, (left, top))

    def _text(self, text: Text, parent: str, origin: Point) -> str:
        # A little wider than it is set, because the reader's font may be.
        wide, high = text.width * 1.06 + 1, fonts.LEADING * text.size
        aside = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
        place = _geometry(text.x - aside * wide - origin[0], text.y - 0.92 * text.size - origin[1], wide, high)
        style = {
            "text": None, "html": "0", "align": _ALIGN[text.anchor], "verticalAlign": "middle", "spacing": "0",
            "fontFamily": "Helvetica", "fontSize": number(text.size), "fontColor": text.fill,
            "fontStyle": "1" if text.bold else "0", "strokeColor": "none", "fillColor": "none",
        }  # fmt: skip
        return self._vertex(text.string, style, place, parent)

    def _polygon(
        self, points: Sequence[Point], fill: str | None, stroke: str | None, width: float, parent: str, origin: Point,
        *, ellipse: bool = False, dash: tuple[float, ...] = (),
    ) -> str:  # fmt: skip
        xs, ys = [x for x, _ in points], [y for _, y in points]
        left, top = min(xs), min(ys)
        wide, high = max(max(xs) - left, 0.01), max(max(ys) - top, 0.01)
        found = {(round(x, 4), round(y, 4)) for x, y in points}
        upright = len(points) == 4 and len({x for x, _ in found}) == 2 and len({y for _, y in found}) == 2
        style: dict[str, str | None] = {"html": "0"}
        if ellipse:
            style = {"ellipse": None, **style}
        elif not upright:
            relative = ",".join(f"[{(x - left) / wide:.4f},{(y - top) / high:.4f}]" for x, y in points)
            style |= {"shape": "mxgraph.basic.polygon", "polyCoords": f"[{relative}]", "polyline": "0"}
        style |= {"fillColor": fill or "none", "strokeColor": stroke or "none", "strokeWidth": number(width)}
        style |= _dashes(dash)
        return self._vertex("", style, _geometry(left - origin[0], top - origin[1], wide, high), parent)

    def _vertex(self, value: str, style: Mapping[str, str | None], place: str, parent: str) -> str:
        own = self._next()
        return (
            f'<mxCell id="{own}" value="{xml(value)}" style="{_style(style)}" vertex="1" parent="{parent}">'
            f"{place}</mxCell>"
        )

    def _edge(self, edge: Group) -> Iterator[str]:
        """Its lines as edges between the cells of two layers; what else it has, such as a kernel, as shapes."""
        headed = head(edge.items)
        for item in edge.items:
            if isinstance(item, Path) and item.fill is None and not closed(item):
                ends = {"source": self.layers.get(edge.source), "target": self.layers.get(edge.target)}
                yield self._line(item, "1", (0.0, 0.0), ends, tip=tip(item, headed), title=edge.title)
            elif item is not headed:
                yield from self._item(item, "1", (0.0, 0.0))

    def _line(
        self, path: Path, parent: str, origin: Point,
        ends: Mapping[str, _Layer | None], *, tip: Point | None = None, title: str = "",
    ) -> str:  # fmt: skip
        own = self._next()
        points = corners(path)
        if tip is not None:
            points[-1] = tip
        style: dict[str, str | None] = {
            "html": "0", "rounded": "1", "arcSize": "8", "strokeColor": path.stroke or "none",
            "strokeWidth": number(path.width), "startArrow": "none", "endArrow": "none" if tip is None else "block",
            "endFill": "1", "endSize": "3",
        }  # fmt: skip
        style |= _dashes(path.dash)
        joined = ""
        for name, place, (x, y) in (("source", "exit", points[0]), ("target", "entry", points[-1])):
            found = ends.get(name)
            if found is not None:
                cell, (left, top, right, bottom) = found
                joined += f' {name}="{cell}"'
                style[f"{place}X"] = f"{(x - left) / max(right - left, 0.01):.4f}"
                style[f"{place}Y"] = f"{(y - top) / max(bottom - top, 0.01):.4f}"
                style[f"{place}Perimeter"] = "0"
        spots = [(x - origin[0], y - origin[1]) for x, y in points]
        inner = "".join(_point(each) for each in spots[1:-1])
        array = f'<Array as="points">{inner}</Array>' if inner else ""
        geometry = f"{_point(spots[0], 'sourcePoint')}{_point(spots[-1], 'targetPoint')}{array}"
        label = f' tooltip="{xml(line(title))}"' if title else ""
        return (
            f'<UserObject label=""{label} id="{own}">'
            f'<mxCell style="{_style(style)}" edge="1" parent="{parent}"{joined}>'
            f'<mxGeometry relative="1" as="geometry">{geometry}</mxGeometry></mxCell></UserObject>'
        )


def _style(style: Mapping[str, str | None]) -> str:
    return xml(";".join(name if value is None else f"{name}={value}" for name, value in style.items()) + ";")


def _dashes(dash: tuple[float, ...]) -> dict[str, str | None]:
    return {"dashed": "1", "dashPattern": " ".join(number(each) for each in dash)} if dash else {}


def _geometry(x: float, y: float, width: float, height: float) -> str:
    sizes = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<mxGeometry {sizes} as="geometry"/>'


def _point(point: Point, role: str = "") -> str:
    named = f' as="{role}"' if role else ""
    return f'<mxPoint x="{number(point[0])}" y="{number(point[1])}"{named}/>'


def _flat(path: Path) -> list[Point]:
    found: list[Point] = []
    for verb, points in path.commands:
        if verb == "C":
            found += curve(found[-1], points)
        elif points:
            found.append(points[0])
    return found

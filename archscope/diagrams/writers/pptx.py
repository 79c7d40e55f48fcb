"""A scene as PowerPoint: native shapes in groups, text that is text, on a slide as large as the picture.

A picture for the page ``16:9`` is on a slide of that form, under a title that says what it is. Each layer is a group
with its name and, for who listens, its words; curves stay curves. A straight line between two layers is a connector
that is glued to a shape of each. With ``steps`` the picture is built up, one slide for each layer that is added.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from archscope.diagrams import fonts
from archscope.diagrams.request import room
from archscope.diagrams.scene import Group, Item, Path, Point, Polygon, Scene, Text, bounds, moved
from archscope.diagrams.steps import steps_of
from archscope.diagrams.writers.arrows import head, tip
from archscope.diagrams.writers.docks import Dock, Shape, docks
from archscope.diagrams.writers.pdf import WRITTEN
from archscope.errors import MissingExtra, UsageError
from archscope.escaping import line, office_property, xml

if TYPE_CHECKING:
    from archscope.diagrams.drawing import Drawing

EMU: Final = 12_700
"""Of PowerPoint's unit in a point."""

LIMITS: Final = (72.0, 4032.0)
"""The least and the largest side of a slide, in points: 1 inch and 56 inches."""

SLIDE: Final = (960.0, 540.0)
"""PowerPoint's own slide, 13.33 by 7.5 inches: a picture for the page ``16:9`` leaves room for a title on it."""

_SPACES: Final = (
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
)
_FACE: Final = '<a:latin typeface="Arial"/><a:cs typeface="Arial"/>'
_ALIGN: Final = {"start": "l", "middle": "ctr", "end": "r"}


def write(drawing: Drawing) -> bytes:
    """A drawing as PowerPoint."""
    asked = drawing.request
    wide, tall = room("16:9")
    if (asked.width, asked.height) != (wide, tall):
        return pptx(drawing.scene, steps=asked.steps)
    heading = "" if drawing.analysis.network.figure.get("title") else drawing.analysis.title
    return pptx(on_slide(drawing.scene, wide, tall), steps=asked.steps, heading=heading, ink=asked.theme.text)


def on_slide(scene: Scene, wide: float, tall: float) -> Scene:
    """The picture on PowerPoint's own slide, in the middle of a room under the title that has one margin around it."""
    margin = (SLIDE[0] - wide) / 2
    dx, dy = (SLIDE[0] - scene.width) / 2, SLIDE[1] - margin - (tall + scene.height) / 2
    items = tuple(moved(each, dx, dy) for each in scene.items)
    return replace(scene, width=SLIDE[0], height=SLIDE[1], items=items)


def pptx(scene: Scene, *, steps: bool = False, heading: str = "", ink: str = "#000000") -> bytes:
    """The bytes of the file; each slide with a heading, if there is one, in the colour of the ink.

    Raises:
        MissingExtra: `python-pptx` is not installed.
        UsageError: the picture is larger than a slide can be.
    """
    try:
        import pptx as package
        from pptx.oxml import parse_xml
        from pptx.util import Emu
    except ImportError:
        raise MissingExtra("format pptx", "python-pptx", "pptx") from None
    if max(scene.width, scene.height) > LIMITS[1]:
        raise UsageError(
            f"the picture of {scene.title} is {max(scene.width, scene.height) / 72:.0f} inches long, and a slide is at "
            "most 56; choose --width, --height or --page"
        )
    deck = package.Presentation()
    deck.slide_width, deck.slide_height = (Emu(_emu(max(each, LIMITS[0]))) for each in (scene.width, scene.height))
    layout = deck.slide_layouts[5 if heading else 6]  # a title alone, or nothing
    for shown in steps_of(scene) if steps else (scene,):
        slide = deck.slides.add_slide(layout)
        if heading:
            _entitle(slide.shapes.title, heading, ink)
        if shown.background is not None:
            ground = f"<p:bg {_SPACES}><p:bgPr>{_fill(shown.background)}<a:effectLst/></p:bgPr></p:bg>"
            slide._element.cSld.insert(0, parse_xml(ground))
        shapes = _Shapes(shown.items, after=len(slide.shapes))
        for element in parse_xml(f"<p:spTree {_SPACES}>{''.join(shapes.of(shown.items))}</p:spTree>"):
            slide.shapes._spTree.append(element)
    about = deck.core_properties
    about.title, about.subject = office_property(scene.title), office_property(scene.description)
    about.author, about.last_modified_by = "archscope", "archscope"
    about.created = about.modified = WRITTEN.replace(tzinfo=None)
    return _without_dates(deck)


def _entitle(title: Any, heading: str, ink: str) -> None:
    """Puts the title of a slide over its picture."""
    from pptx.dml.color import RGBColor
    from pptx.util import Pt

    title.left, title.top, title.width, title.height = (Pt(each) for each in (36, 18, SLIDE[0] - 72, 54))
    title.text_frame.text = line(heading)
    font = title.text_frame.paragraphs[0].runs[0].font
    color: Any = RGBColor
    font.size, font.name, font.color.rgb = Pt(28 if len(heading) < 60 else 20), "Arial", color.from_string(ink[1:])


def _without_dates(deck: Any) -> bytes:
    """The file with the same date on every part, so that the same picture is the same bytes."""
    made, kept = io.BytesIO(), io.BytesIO()
    deck.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
            part.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(part, source.read(name))
    return kept.getvalue()


def _emu(points: float) -> int:
    return round(points * EMU)


class _Shapes:
    """Writes shapes with ids of their own, and connectors that name those they are glued to."""

    def __init__(self, items: Sequence[Item], *, after: int = 0) -> None:
        self.count = 1 + after
        self.docks = docks(items)
        self.kept: dict[int, int] = {}

    def of(self, items: Iterable[Item]) -> Iterator[str]:
        """The markup of each item, which a slide takes as it is."""
        for item in items:
            made = self._item(item)
            if made:
                yield made

    def _item(self, item: Item) -> str:
        if isinstance(item, Group):
            joined = item.kind == "edge" and any(
                isinstance(each, Path) and self.docks.joined(each) for each in item.items
            )
            return self._edge(item) if joined else self._group(item)
        if isinstance(item, Text):
            return self._text(item)
        if isinstance(item, Polygon):
            ways = [("M", item.points[:1]), *(("L", (each,)) for each in item.points[1:]), ("Z", ())]
            return self._way(item, ways, item.fill, ())
        return self._way(item, item.commands, item.fill, item.dash)

    def _next(self) -> int:
        self.count += 1
        return self.count

    def _number(self, shape: Shape) -> int:
        """The id of a shape, which a connector may name before the shape is written."""
        if id(shape) not in self.kept:
            self.kept[id(shape)] = self._next()
        return self.kept[id(shape)]

    def _about(self, name: str, title: str = "", own: int | None = None) -> str:
        said = f' descr="{xml(line(title))}"' if title else ""
        return f'<p:cNvPr id="{own or self._next()}" name="{xml(line(name))}"{said}/>'

    def _group(self, group: Group) -> str:
        about = self._about(group.layers[0] if group.layers else group.title or group.kind, group.title)
        inner = "".join(self.of(group.items))
        if not inner:
            return ""
        left, top, right, bottom = bounds(group.items)
        place = _place(left, top, right - left, bottom - top)
        again = place.replace("a:off", "a:chOff").replace("a:ext", "a:chExt")
        return (
            f"<p:grpSp {_SPACES}><p:nvGrpSpPr>{about}<p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr>"
            f"<p:grpSpPr><a:xfrm>{place}{again}</a:xfrm></p:grpSpPr>{inner}</p:grpSp>"
        )

    def _text(self, text: Text) -> str:
        # A little wider than it is set, because the reader's font may be.
        wide, high = text.width * 1.06 + 1, fonts.LEADING * text.size
        aside = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
        place = _place(text.x - aside * wide, text.y - 0.92 * text.size, wide, high)
        bold = ' b="1"' if text.bold else ""
        size = f'sz="{max(100, round(text.size * 100))}"'
        return (
            f'<p:sp {_SPACES}><p:nvSpPr>{self._about("text")}<p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr>'
            f'<p:spPr><a:xfrm>{place}</a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom><a:noFill/></p:spPr>'
            '<p:txBody><a:bodyPr wrap="none" lIns="0" tIns="0" rIns="0" bIns="0" anchor="ctr"/>'
            f'<a:p><a:pPr algn="{_ALIGN[text.anchor]}"/><a:r><a:rPr lang="en-US" {size}{bold} dirty="0">'
            f"{_fill(text.fill)}{_FACE}</a:rPr><a:t>{xml(text.string)}</a:t></a:r></a:p></p:txBody></p:sp>"
        )

    def _way(
        self, shape: Shape, commands: Sequence[tuple[str, Sequence[Point]]], fill: str | None, dash: tuple[float, ...]
    ) -> str:
        place, outline = _outline(commands, filled=fill is not None, sites=self.docks.of(shape))
        return (
            f"<p:sp {_SPACES}><p:nvSpPr>{self._about('shape', own=self._number(shape))}<p:cNvSpPr/><p:nvPr/></p:nvSpPr>"
            f"<p:spPr><a:xfrm>{place}</a:xfrm>{outline}"
            f"{_fill(fill)}{_line(shape.stroke, shape.width, dash)}</p:spPr></p:sp>"
        )

    def _edge(self, edge: Group) -> str:
        """Its lines as connectors; what else it has, such as a kernel, as shapes beside them."""
        headed, written = head(edge.items), ""
        for item in edge.items:
            ends = self.docks.joined(item) if isinstance(item, Path) else None
            if isinstance(item, Path) and ends is not None:
                written += self._connector(
                    item, ends, tip(item, headed), edge.title or f"{edge.source} to {edge.target}"
                )
            elif item is not headed:
                written += self._item(item)
        return written

    def _connector(self, path: Path, ends: tuple[Dock, Dock], tip: Point | None, title: str) -> str:
        place, outline = _straight(path.commands[0][1][0], tip or path.commands[1][1][0])
        glue = "".join(
            f'<a:{name} id="{self._number(dock.shape)}" idx="{dock.number}"/>'
            for name, dock in zip(("stCxn", "endCxn"), ends, strict=True)
        )
        return (
            f"<p:cxnSp {_SPACES}><p:nvCxnSpPr>{self._about('edge', title)}<p:cNvCxnSpPr>{glue}</p:cNvCxnSpPr><p:nvPr/>"
            f"</p:nvCxnSpPr><p:spPr>{place}{outline}{_line(path.stroke, path.width, path.dash, headed=tip is not None)}"
            "</p:spPr></p:cxnSp>"
        )


def _outline(
    commands: Sequence[tuple[str, Sequence[Point]]], *, filled: bool, sites: Sequence[Point] = ()
) -> tuple[str, str]:
    """Where a way is, and its form; connectors are glued to its sites, which move and grow with it."""
    points = [point for _, each in commands for point in each]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, top, wide, high = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    steps = "".join(_step(verb, each, left, top) for verb, each in commands)
    guides = glue = ""
    for number, (x, y) in enumerate(sites):
        for axis, size, at in (("x", "w", _part(x - left, wide)), ("y", "h", _part(y - top, high))):
            guides += f'<a:gd name="{axis}{number}" fmla="*/ {size} {at} 100000"/>'
        glue += f'<a:cxn ang="0"><a:pos x="x{number}" y="y{number}"/></a:cxn>'
    unfilled = "" if filled else ' fill="none"'
    path = f'<a:path w="{_emu(wide)}" h="{_emu(high)}"{unfilled}>{steps}</a:path>'
    return _place(left, top, wide, high), (
        f"<a:custGeom><a:avLst/><a:gdLst>{guides}</a:gdLst><a:ahLst/><a:cxnLst>{glue}</a:cxnLst>"
        f'<a:rect l="0" t="0" r="r" b="b"/><a:pathLst>{path}</a:pathLst></a:custGeom>'
    )


def _part(distance: float, whole: float) -> int:
    return round(distance / max(whole, 0.01) * 100_000)


def _straight(start: Point, end: Point) -> tuple[str, str]:
    """A line from its start to its end: it is drawn from the left upper corner of its room, which may be turned."""
    left, top = min(start[0], end[0]), min(start[1], end[1])
    place = _place(left, top, abs(end[0] - start[0]), abs(end[1] - start[1]))
    turned = (' flipH="1"' if end[0] < start[0] else "") + (' flipV="1"' if end[1] < start[1] else "")
    return f"<a:xfrm{turned}>{place}</a:xfrm>", '<a:prstGeom prst="straightConnector1"><a:avLst/></a:prstGeom>'


def _step(verb: str, points: Sequence[Point], left: float, top: float) -> str:
    name = {"M": "moveTo", "L": "lnTo", "C": "cubicBezTo", "Z": "close"}[verb]
    inner = "".join(f'<a:pt x="{_emu(x - left)}" y="{_emu(y - top)}"/>' for x, y in points)
    return f"<a:{name}>{inner}</a:{name}>" if inner else f"<a:{name}/>"


def _place(left: float, top: float, wide: float, high: float) -> str:
    return f'<a:off x="{_emu(left)}" y="{_emu(top)}"/><a:ext cx="{max(0, _emu(wide))}" cy="{max(0, _emu(high))}"/>'


def _fill(color: str | None) -> str:
    if color is None:
        return "<a:noFill/>"
    return f'<a:solidFill><a:srgbClr val="{color[1:].upper()}"/></a:solidFill>'


def _line(color: str | None, width: float, dash: tuple[float, ...], *, headed: bool = False) -> str:
    if color is None:
        return "<a:ln><a:noFill/></a:ln>"
    pattern = ""
    if dash:
        # In thousandths of a per cent of the width of the line.
        pairs = zip(dash[::2], dash[1::2], strict=True)
        stops = "".join(f'<a:ds d="{round(on / width * 1e5)}" sp="{round(off / width * 1e5)}"/>' for on, off in pairs)
        pattern = f"<a:custDash>{stops}</a:custDash>"
    arrow = '<a:tailEnd type="triangle" w="sm" len="sm"/>' if headed else ""
    return f'<a:ln w="{_emu(width)}">{_fill(color)}{pattern}<a:round/>{arrow}</a:ln>'

"""Reads a written SVG and lists everything in it that is in the way of something else, or not there.

It knows the picture only from the markup: shapes, texts and the ``data-`` attributes of `archscope.diagrams.scene`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from archscope.diagrams import fonts
from archscope.network import Network

Point = tuple[float, float]
Box = tuple[float, float, float, float]

TOUCH = 0.15
"""Points by which things may touch: half the width of a thin line."""

NAMESPACE = "{http://www.w3.org/2000/svg}"


@dataclass(eq=False)
class Group:
    kind: str
    layers: tuple[str, ...]
    source: str
    target: str


@dataclass(eq=False)
class Word:
    string: str
    box: Box
    order: int
    groups: tuple[Group, ...]


@dataclass(eq=False)
class Shape:
    outline: list[Point]
    closed: bool
    filled: bool
    stroked: bool
    dashed: bool
    order: int
    groups: tuple[Group, ...]

    @property
    def segments(self) -> Iterator[tuple[Point, Point]]:
        yield from pairwise(self.outline)
        if self.closed:
            yield self.outline[-1], self.outline[0]


@dataclass
class Picture:
    width: float
    height: float
    title: str
    description: str
    words: list[Word] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def of(self, kind: str) -> list[Group]:
        return [group for group in self.groups if group.kind == kind]

    def shapes_of(self, group: Group) -> list[Shape]:
        return [shape for shape in self.shapes if group in shape.groups]


def read(svg: str) -> Picture:
    root = ET.fromstring(svg)
    left, top, width, height = (float(each) for each in root.attrib["viewBox"].split())
    assert (left, top) == (0, 0)
    picture = Picture(width, height, _child(root, "title"), _child(root, "desc"))
    _read_into(picture, root, ())
    return picture


def problems(svg: str, network: Network) -> list[str]:
    """What is wrong with a picture of a network; empty if nothing is."""
    picture = read(svg)
    return [
        *_texts_on_texts(picture),
        *_lines_through_texts(picture),
        *_texts_covered(picture),
        *_texts_outside(picture),
        *_edges_through_nodes(picture),
        *_edges_missing(picture, network),
        *_layers_missing(picture, network),
    ]


def parameters(svg: str) -> int:
    """The trainable values that the layers of a picture are said to hold, in the words for who hovers."""
    groups = ET.fromstring(svg).iter(NAMESPACE + "g")
    titles = (group.findtext(NAMESPACE + "title") or "" for group in groups if group.get("class") == "layer")
    told = (re.search(r"([\d,]+) parameters", title) for title in titles)
    return sum(int(found[1].replace(",", "")) for found in told if found)


def not_contained(svg: str) -> list[str]:
    """Shapes that leave the page, and layers that leave a frame or stand half in it."""
    picture = read(svg)
    found = []
    for shape in picture.shapes:
        xs, ys = [x for x, _ in shape.outline], [y for _, y in shape.outline]
        if min(xs) < -1 or min(ys) < -1 or max(xs) > picture.width + 1 or max(ys) > picture.height + 1:
            found.append(f"outside the page: {[group.layers[:1] for group in shape.groups]}")
    for frame in picture.of("frame"):
        (left, top, right, bottom), *_ = [_around(shape.outline) for shape in picture.shapes_of(frame)]
        for group in picture.of("layer"):
            for x1, y1, x2, y2 in (_around(shape.outline) for shape in picture.shapes_of(group)):
                apart = x2 <= left + 1 or x1 >= right - 1 or y2 <= top + 1 or y1 >= bottom - 1
                within = x1 >= left - 1 and x2 <= right + 1 and y1 >= top - 1 and y2 <= bottom + 1
                if not apart and not within:
                    found.append(f"half in a frame: {group.layers[0]}")
    return found


def _around(outline: list[Point]) -> Box:
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    return min(xs), min(ys), max(xs), max(ys)


def edges(picture: Picture, *, dashed: bool | None = None) -> set[tuple[str, str]]:
    """``(source, target)`` of every edge; only those whose lines are dashed, or are not."""
    found = set()
    for group in picture.of("edge"):
        lines = [shape for shape in picture.shapes_of(group) if not shape.closed]
        if dashed is None or any(line.dashed for line in lines) == dashed:
            found.add((group.source, group.target))
    return found


def _texts_on_texts(picture: Picture) -> Iterator[str]:
    for one, other in combinations(picture.words, 2):
        if _overlap(one.box, other.box):
            yield f"text on text: {one.string!r} and {other.string!r}"


def _lines_through_texts(picture: Picture) -> Iterator[str]:
    for word in picture.words:
        inner = _shrunk(word.box)
        for shape in picture.shapes:
            if shape.stroked and any(_cut(start, end, _corners(inner)) for start, end in shape.segments):
                yield f"line through text: {word.string!r}"
                break


def _texts_covered(picture: Picture) -> Iterator[str]:
    for word in picture.words:
        for shape in picture.shapes:
            if shape.filled and shape.order > word.order and _meet(_shrunk(word.box), shape.outline):
                yield f"text covered: {word.string!r}"
                break


def _texts_outside(picture: Picture) -> Iterator[str]:
    for word in picture.words:
        left, top, right, bottom = word.box
        if left < -TOUCH or top < -TOUCH or right > picture.width + TOUCH or bottom > picture.height + TOUCH:
            yield f"text outside: {word.string!r}"


def _edges_through_nodes(picture: Picture) -> Iterator[str]:
    nodes = [
        (group, shape.outline)
        for group in picture.of("layer")
        for shape in picture.shapes_of(group)
        if len(shape.outline) > 2
    ]
    for edge in picture.of("edge"):
        lines = [line for shape in picture.shapes_of(edge) for line in shape.segments]
        for group, outline in nodes:
            if group.layers[0] in (edge.source, edge.target):
                continue
            if any(_cut(start, end, outline) for start, end in lines):
                yield f"edge through node: {edge.source} to {edge.target} through {group.layers[0]}"
                break


def _edges_missing(picture: Picture, network: Network) -> Iterator[str]:
    wanted = wanted_edges(picture, network)
    drawn = edges(picture)
    known = {group.layers[0] for group in picture.of("layer")}
    place = {group.layers[0]: number for number, group in enumerate(picture.of("layer"))}
    for source, target in sorted(wanted - drawn):
        if place[source] > place[target]:
            continue  # From one copy of a folded block to the next: nothing else goes back.
        yield f"edge missing: {source} to {target}"
    for source, target in sorted(drawn - wanted):
        if source in known and target in known & set(network.by_name):
            yield f"edge too many: {source} to {target}"


def wanted_edges(picture: Picture, network: Network) -> set[tuple[str, str]]:
    """The network's edges between what is drawn as a shape.

    A layer that is only named is passed through, and so is one on no tower that is named with a shape on one.
    """
    home = {name: group.layers[0] for group in picture.of("layer") if picture.shapes_of(group) for name in group.layers}
    makers: dict[str, set[str]] = {name: {home[name]} for name in network.inputs if name in home}
    wanted = set()
    for node in network.nodes:
        sources = {maker for ref in node.inputs for maker in makers.get(ref.node, ())}
        own = home.get(node.name)
        if own in network.by_name and network.by_name[own].tower is not None and node.tower is None:
            own = None
        makers[node.name] = sources if own is None else {own}
        wanted |= {(source, own) for source in sources if own is not None and source != own}
    return wanted


def _layers_missing(picture: Picture, network: Network) -> Iterator[str]:
    drawn = Counter(name for group in picture.of("layer") for name in group.layers)
    for name in (*network.inputs, *network.by_name):
        if drawn[name] != 1:
            yield f"layer missing: {name}" if not drawn[name] else f"layer drawn {drawn[name]} times: {name}"
    place = 0
    for row in dict.fromkeys(node.row for node in network.nodes):
        found = re.search(rf"(?<![\w.]){re.escape(row)}(?!\w)", picture.description[place:])
        if found is None:
            yield f"layer missing in the description, or out of order: {row}"
        else:
            place += found.end()


def _read_into(picture: Picture, element: ET.Element, groups: tuple[Group, ...]) -> None:
    for order, child in enumerate(element):
        tag = child.tag.removeprefix(NAMESPACE)
        order = len(picture.words) + len(picture.shapes)
        if tag == "g":
            group = Group(
                child.get("class", ""), tuple(child.get("data-layers", "").split()), child.get("data-source", ""),
                child.get("data-target", ""),
            )  # fmt: skip
            picture.groups.append(group)
            _read_into(picture, child, (*groups, group))
        elif tag == "text":
            picture.words.append(Word("".join(child.itertext()), _text_box(child), order, groups))
        elif tag in ("polygon", "path", "rect"):
            outline, closed = _outline(child, tag)
            picture.shapes.append(
                Shape(
                    outline,
                    closed,
                    filled=child.get("fill", "#000000") != "none",
                    stroked=child.get("stroke", "none") != "none",
                    dashed="stroke-dasharray" in child.attrib,
                    order=order,
                    groups=groups,
                )
            )
        else:
            assert tag in ("title", "desc"), f"an element that the checker does not know: {tag}"


def _text_box(element: ET.Element) -> Box:
    size, x, y = (float(element.attrib[name]) for name in ("font-size", "x", "y"))
    wide = fonts.width("".join(element.itertext()), size, bold=element.get("font-weight") == "bold")
    left = x - wide * {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
    return left, y - fonts.CAP_HEIGHT * size, left + wide, y + fonts.DESCENT * size


def _outline(element: ET.Element, tag: str) -> tuple[list[Point], bool]:
    if tag == "rect":
        x, y, wide, high = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
        return [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)], True
    if tag == "polygon":
        return [_pair(each) for each in element.attrib["points"].split()], True
    points: list[Point] = []
    for verb, text in re.findall(r"([MLCZ])([^MLCZ]*)", element.attrib["d"]):
        numbers = [float(each) for each in text.replace(",", " ").split()]
        found = list(zip(numbers[::2], numbers[1::2], strict=True))
        if verb == "C":
            points += [_along(points[-1], *found, part / 8) for part in range(1, 9)]
        else:
            points += found
    return points, element.attrib["d"].rstrip().endswith("Z")


def _along(a: Point, b: Point, c: Point, d: Point, part: float) -> Point:
    rest = 1 - part
    weights = (rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3)
    x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
    return x, y


def _pair(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def _child(root: ET.Element, tag: str) -> str:
    found = root.find(NAMESPACE + tag)
    return "" if found is None else found.text or ""


def _shrunk(box: Box) -> Box:
    left, top, right, bottom = box
    return left + TOUCH, top + TOUCH, right - TOUCH, bottom - TOUCH


def _corners(box: Box) -> list[Point]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _overlap(one: Box, other: Box) -> bool:
    return all(min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis]) > TOUCH for axis in (0, 1))


def _meet(box: Box, outline: list[Point]) -> bool:
    """Whether a box and a shape have an area in common."""
    corners = _corners(box)
    if any(_cut(start, end, corners) for start, end in pairwise((*outline, outline[0]))):
        return True
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return _inside(middle, outline)


def _inside(point: Point, outline: list[Point]) -> bool:
    x, y = point
    hits = 0
    for (x1, y1), (x2, y2) in pairwise((*outline, outline[0])):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            hits += 1
    return hits % 2 == 1


def _cut(start: Point, end: Point, outline: list[Point]) -> bool:
    """Whether more than a touch of a line lies inside a shape: cut it where it crosses the sides, and try the parts."""
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    if max(start[0], end[0]) < min(xs) or min(start[0], end[0]) > max(xs):
        return False
    if max(start[1], end[1]) < min(ys) or min(start[1], end[1]) > max(ys):
        return False
    inner = _pulled_in(outline)
    dx, dy = end[0] - start[0], end[1] - start[1]
    places = [0.0, 1.0]
    for (x1, y1), (x2, y2) in pairwise((*inner, inner[0])):
        across = dx * (y2 - y1) - dy * (x2 - x1)
        if across:
            along = ((x1 - start[0]) * (y2 - y1) - (y1 - start[1]) * (x2 - x1)) / across
            if 0 < along < 1:
                places.append(along)
    length = (dx * dx + dy * dy) ** 0.5
    return any(
        (after - before) * length > TOUCH
        and _inside((start[0] + dx * (before + after) / 2, start[1] + dy * (before + after) / 2), inner)
        for before, after in pairwise(sorted(places))
    )


def _pulled_in(outline: list[Point]) -> list[Point]:
    """The shape, smaller by a touch."""
    x = sum(each[0] for each in outline) / len(outline)
    y = sum(each[1] for each in outline) / len(outline)
    pulled = []
    for px, py in outline:
        away = max(((px - x) ** 2 + (py - y) ** 2) ** 0.5, 1e-9)
        pulled.append((px - (px - x) / away * TOUCH * 1.5, py - (py - y) / away * TOUCH * 1.5))
    return pulled

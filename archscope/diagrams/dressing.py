"""What is said on a finished picture: its title, its caption, the legend of its colours, remarks, what stands out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from archscope.analysis import Analysis
from archscope.diagrams import fonts, placing
from archscope.diagrams.graph.units import units_of
from archscope.diagrams.request import Request
from archscope.diagrams.room import segments, strikes, to_line
from archscope.diagrams.scene import (
    Group,
    Item,
    Path,
    Point,
    Polygon,
    Scene,
    Text,
    bounds,
    circle,
    moved,
    rectangle,
    walk,
)
from archscope.diagrams.settings import named
from archscope.diagrams.themes import BLOCK, INPUT, Shade, Theme
from archscope.errors import UsageError

_NARROWEST: Final = 24.0
"""Lines of text are set at least so wide, in parts of the font."""


Legend = Sequence[tuple[str, str, str]]
"""What a colour is called, its fill and its outline."""


def dressed(scene: Scene, analysis: Analysis, request: Request, legend: Legend) -> Scene:
    """A picture with what its network's ``figure`` says on it.

    Args:
        scene: the picture.
        analysis: the network.
        request: how it was drawn.
        legend: the colours that are in it, in order.

    Raises:
        UsageError: a word is wider than the page.
    """
    figure = analysis.network.figure
    for pattern in figure.get("highlight", ()):
        if not placing.absent(scene, analysis, "highlight", [pattern]):
            scene = replace(scene, items=tuple(_standing_out(scene.items, named(pattern, analysis), request)))
    notes: dict[str, str] = {}
    for number, (pattern, said) in enumerate(figure.get("notes", {}).items(), start=1):
        group = placing.shape_of(pattern, scene, analysis)
        disc = [] if group is None else mark_at(scene, [str(number)], group, request)
        scene = replace(scene, items=(*scene.items, *disc))
        notes[pattern] = said if disc and placing.is_alone(group, pattern, scene, analysis) else f"{pattern}: {said}"
    parts = _parts({**figure, "notes": notes}, scene, request, legend)
    return _stacked(scene, *parts, request) if any(parts) else scene


def families(analysis: Analysis, theme: Theme, *, inputs: bool = True, blocks: bool = False) -> Legend:
    """The families of what may be drawn; those that look the same share an entry, as on paper without colours."""
    drawn = [*([INPUT] if inputs else []), *(unit.rows[0].node.layer.family for unit in units_of(analysis)),
             *([BLOCK] if blocks else [])]  # fmt: skip
    return merged((family, theme.shade(family)) for family in drawn)


def shown(scene: Scene, legend: Legend) -> Legend:
    """What of a legend is in a picture: closed blocks hide the colours of their layers."""
    known = {item.fill for item in scene.walk() if isinstance(item, Path | Polygon)}
    return [entry for entry in legend if entry[1] in known]


def merged(entries: Iterable[tuple[str, Shade]]) -> Legend:
    """A legend with one entry for each colour."""
    names: dict[Shade, dict[str, None]] = {}
    for name, shade in entries:
        names.setdefault(shade, {})[name] = None
    return [(", ".join(each), shade.fill, shade.stroke) for shade, each in names.items()]


def room_for(analysis: Analysis, request: Request, legend: Legend) -> float:
    """How much taller that makes a picture of the width that was asked for, remarks named by their layers."""
    blank = Scene(request.width or _NARROWEST * request.font_size, 0.0, "", "")
    figure = analysis.network.figure
    notes = {name: f"{name}: {said}" for name, said in figure.get("notes", {}).items()}
    above, below = _parts({**figure, "notes": notes}, blank, request, legend)
    return sum(_height(each, request) for each in (*above, *below))


def _parts(
    figure: Mapping[str, Any], scene: Scene, request: Request, legend: Legend
) -> tuple[list[list[Item]], list[list[Item]]]:
    """What stands above a picture and what below it, each from 0 down."""
    above = [_title(figure["title"], scene, request)] if figure.get("title") else []
    below = [_swatches(legend, scene, request)] if figure.get("legend") and legend else []
    notes = figure.get("notes", {})
    below += [note(number, said, _room(scene, request), request) for number, said in enumerate(notes.values(), start=1)]
    below += [paragraph_of(figure["caption"], _room(scene, request), request)] if figure.get("caption") else []
    return above, below


def _stacked(scene: Scene, above: list[list[Item]], below: list[list[Item]], request: Request) -> Scene:
    margin = 0.5 * request.font_size
    wide = max([scene.width, *(2 * margin + bounds(each)[2] - bounds(each)[0] for each in (*above, *below))])
    if request.width is not None and wide > scene.width + 0.01:
        raise UsageError(f"what is said on the figure of {scene.title} is wider than the page; choose a larger --width "
                         "or a smaller --font-size")  # fmt: skip
    items: list[Item] = []
    y = 0.0
    for each in above:
        items += [moved(item, wide / 2, y + margin) for item in each]
        y += _height(each, request)
    items = [*(moved(item, (wide - scene.width) / 2, y) for item in scene.items), *items]
    y += scene.height
    for each in below:
        items += [moved(item, margin, y) for item in each]
        y += _height(each, request)
    return replace(scene, width=wide, height=y, items=tuple(items))


def _height(items: Sequence[Item], request: Request) -> float:
    return bounds(items)[3] + 0.7 * request.font_size


def _title(text: str, scene: Scene, request: Request) -> list[Item]:
    """In the middle of 0."""
    size = 1.3 * request.font_size
    return [
        Text(0.0, (number * fonts.LEADING + fonts.ASCENT) * size, line, size, bold=True, anchor="middle",
             fill=request.theme.text)
        for number, line in enumerate(wrapped(text, _room(scene, request), size, bold=True))
    ]  # fmt: skip


def _room(scene: Scene, request: Request) -> float:
    least = 0.0 if request.width is not None else _NARROWEST * request.font_size
    return max(scene.width, least) - request.font_size


def paragraph_of(text: str, room: float, request: Request, left: float = 0.0) -> list[Item]:
    """Words in as many lines as it takes, from 0 down."""
    size = request.font_size
    return [
        Text(left, (number * fonts.LEADING + fonts.ASCENT) * size, line, size, fill=request.theme.text)
        for number, line in enumerate(wrapped(text, room - left, size))
    ]


def note(number: int, text: str, room: float, request: Request) -> list[Item]:
    """A remark behind the number that stands at its layer."""
    size = request.font_size
    return [*_disc(str(number), 0.6 * size, 0.45 * size, request), *paragraph_of(text, room, request, 1.8 * size)]


def _swatches(legend: Legend, scene: Scene, request: Request) -> list[Item]:
    """Each colour with its name, in as many rows as it takes."""
    size = request.font_size
    items: list[Item] = []
    x = y = 0.0
    for name, fill, stroke in legend:
        wide = 1.5 * size + fonts.width(name, size)
        if x and x + wide > _room(scene, request):
            x, y = 0.0, y + 1.5 * size
        items.append(rectangle(x, y, size, size, fill=fill, stroke=stroke))
        items.append(Text(x + 1.5 * size, y + 0.5 * (1 + fonts.CAP_HEIGHT) * size, name, size, fill=request.theme.text))
        x += wide + 1.5 * size
    return items


def _disc(number: str, x: float, y: float, request: Request) -> list[Item]:
    size = 0.72 * request.font_size
    radius = 0.58 * request.font_size
    return [
        circle(x, y, radius, fill=request.theme.text),
        Text(x, y + 0.5 * fonts.CAP_HEIGHT * size, number, size, bold=True, anchor="middle",
             fill=request.theme.background),
    ]  # fmt: skip


_TRIED: Final = 24
"""So many heights are tried for a number beside a layer."""

_APART: Final = 0.4
"""How far a number stands from words beside it where it can, in parts of the font."""


def mark_at(scene: Scene, numbers: Sequence[str], group: Group, request: Request) -> list[Item]:
    """The numbers of remarks at a layer, if there is room: on its face, side by side if they can be, or beside it.

    Beside it they stand on its right wherever they can, and nearer to it than to any other layer, so that none is taken
    for another's.
    """
    shapes = [each for each in walk(group.items) if isinstance(each, Path | Polygon)]
    if not shapes:
        return []
    radius = 0.58 * request.font_size
    reach = radius + 0.6
    along = reach + (len(numbers) - 1) * radius
    forms = dict.fromkeys(((along, reach), (reach, along)))
    lines = list(segments(scene.items))
    own = list(segments(shapes))
    others = list(segments(each for other in scene.groups("layer") if other is not group for each in other.items))
    texts = [bounds([each]) for each in scene.walk() if isinstance(each, Text)]
    front = _front(shapes)
    left, top, right, bottom = bounds(front)
    face = [(x, y, half, high) for half, high in forms for y in (top + high + 2.2, bottom - high - 2.2)
            for x in (right - half - 2.2, left + half + 2.2)]  # fmt: skip
    beside: list[tuple[float, float, float, float]] = []
    for around in (shapes, *([shapes[:1], front] if front != shapes[:1] else [])):
        left, top, right, bottom = bounds(around)
        beside += [(x, y, half, high) for side in (1, -1) for half, high in reversed(forms)
                   for x in [right + half + 0.6 if side > 0 else left - half - 0.6]
                   for y in _heights(top - high, bottom + high, top + high)]  # fmt: skip
    apart = _APART * request.font_size
    tried = [(*each, free) for free in (apart, 0.0) for each in (*face, *beside)]
    for nearer in (0.5, 1.0, math.inf):
        for x, y, half, high, free in tried:
            box = (x - half, y - high, x + half, y + high)
            wider = (box[0] - free, box[1], box[2] + free, box[3])
            inside = box[0] > 0 and box[1] > 0 and box[2] < scene.width and box[3] < scene.height
            if not inside or strikes(lines, box, 0.3) or any(_overlap(wider, text) for text in texts):
                continue
            # What touches its layer, or is on it, is taken for no other's.
            far = _distance((x, y), own)
            if others and far > max(half, high) + 2.4 and far > nearer * _distance((x, y), others):
                continue
            steps = [2 * radius * place - (len(numbers) - 1) * radius for place in range(len(numbers))]
            discs = [(x + step, y) if half > high else (x, y + step) for step in steps]
            return [
                Group("part", tuple(_disc(number, *at, request)), title=f"remark {number}")
                for number, at in zip(numbers, discs, strict=True)
            ]
    return []


def _distance(point: Point, lines: Iterable[tuple[Point, Point]]) -> float:
    """From a point to the nearest of some lines."""
    return min(to_line(point, *each) for each in lines)


def _front(shapes: Sequence[Path | Polygon]) -> list[Path | Polygon]:
    """Of planes behind one another that in front; of anything else what is drawn first, as the front of a box is."""

    def size(shape: Path | Polygon) -> tuple[float, float]:
        left, top, right, bottom = bounds([shape])
        return round(right - left, 3), round(bottom - top, 3)

    return [each for each in shapes if size(each) == size(shapes[0])][-1:]


def _heights(least: float, most: float, best: float) -> list[float]:
    """Heights from one to another, those next to the best one first."""
    steps = [least + (most - least) * step / _TRIED for step in range(_TRIED + 1)]
    return sorted((best, *steps), key=lambda height: abs(height - best))


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def wrapped(text: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Lines that are no wider than the room; a single word may be.

    >>> wrapped("the first of two towers", 50, 8)
    ['the first of two', 'towers']
    """
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and fonts.width(longer, size, bold=bold) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _standing_out(items: Iterable[Item], names: frozenset[str], request: Request) -> Iterator[Item]:
    """The items with bold outlines on the layers of some names."""
    for item in items:
        if not isinstance(item, Group):
            yield item
        elif item.kind == "layer" and names & set(item.layers):
            yield replace(item, items=tuple(_bold(each, request) for each in item.items))
        else:
            yield replace(item, items=tuple(_standing_out(item.items, names, request)))


def _bold(item: Item, request: Request) -> Item:
    if isinstance(item, Group):
        return replace(item, items=tuple(_bold(each, request) for each in item.items))
    if isinstance(item, Text) or item.stroke is None:
        return item
    # A sign in a circle would be a blot: a line that nothing fills is no outline.
    return replace(item, stroke=request.theme.text, width=item.width if item.fill is None else 2.8 * item.width)

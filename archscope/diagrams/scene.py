"""The display list that every picture is, before it is written as SVG, PNG, PDF or TikZ.

A style builds one `Scene`; a writer turns it into a file. Lengths are points (1/72 inch) at the final size, with
the origin at the top left and y downwards. What comes later covers what comes earlier. There are four items:

* `Path`: lines and Bézier curves, open or closed. `line`, `polyline`, `rectangle` and `circle` make common ones.
* `Polygon`: a closed shape with straight sides.
* `Text`: one line of text, placed by its baseline.
* `Group`: items that belong together, with a ``kind`` and, for a person who hovers or listens, a ``title``.

Colours are ``#rrggbb``, as a `archscope.diagrams.themes.Theme` gives them; None is no paint.

Kinds of group, which tests and readers of the SVG rely on:

* ``layer``: all that stands for one or more layers. ``layers`` names every node of the network drawn as this
  group: the layer itself first, then what was absorbed into it. Every node of the network is in exactly one
  group of kind ``layer``; the names are unique in a picture. ``own`` names those of one copy, where the others are
  equal ones that are not drawn; it is empty where there are none. ``target`` is the layer that it is only told of
  with, if it is.
* ``edge``: what joins two of them. ``source`` and ``target`` are the first names of two ``layer`` groups.
* ``frame``: a block, a tower, a band behind layers.
* ``part``: anything else that belongs together; ``target`` is the first name of the layer that it tells of, if any.

>>> scene = Scene(60, 30, title="tiny", description="one layer", items=(
...     Group("layer", (rectangle(5, 5, 50, 20, fill="#ffffff", stroke="#000000"),
...                     Text(30, 18, "conv", 8, anchor="middle")), title="conv: 3×3", layers=("conv",)),))
>>> [group.layers for group in scene.groups("layer")]
[('conv',)]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from archscope import escaping
from archscope.diagrams import fonts

Point = tuple[float, float]
Command = tuple[str, tuple[Point, ...]]
"""``("M", (p,))`` moves, ``("L", (p,))`` draws a line, ``("C", (a, b, p))`` a Bézier curve, ``("Z", ())`` closes."""

Anchor = Literal["start", "middle", "end"]
Kind = Literal["layer", "edge", "frame", "part"]

HAIRLINE: Final = 0.6
"""The usual width of a line, in points."""


@dataclass(frozen=True, slots=True)
class Path:
    """Lines and Bézier curves.

    ``dash`` is the lengths of dashes and gaps; empty for a solid line.
    """

    commands: tuple[Command, ...]
    fill: str | None = None
    stroke: str | None = None
    width: float = HAIRLINE
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed shape with straight sides."""

    points: tuple[Point, ...]
    fill: str | None = None
    stroke: str | None = None
    width: float = HAIRLINE


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; ``x`` is its start, middle or end, ``y`` its baseline."""

    x: float
    y: float
    string: str
    size: float
    bold: bool = False
    anchor: Anchor = "start"
    fill: str = "#000000"

    def __post_init__(self) -> None:
        object.__setattr__(self, "string", escaping.line(self.string))

    @property
    def width(self) -> float:
        """How wide it is set."""
        return fonts.width(self.string, self.size, bold=self.bold)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - self.width * {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor]


@dataclass(frozen=True, slots=True)
class Group:
    """Items that belong together; see the module for the kinds and what they carry."""

    kind: Kind
    items: tuple[Item, ...]
    title: str = ""
    layers: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    source: str = ""
    target: str = ""


Item = Path | Polygon | Text | Group


@dataclass(frozen=True)
class Scene:
    """A picture: its size, what a listener is told of it, and its items.

    Attributes:
        width: in points.
        height: in points.
        title: a few words, such as ``LeNet-5``.
        description: names every layer, in order, and the law of every scale.
        items: what is drawn, from the back to the front.
        background: the colour of the page; None leaves it open.
        folded: whether something in it stands for several equal copies.
    """

    width: float
    height: float
    title: str
    description: str
    items: tuple[Item, ...] = field(default=())
    background: str | None = None
    folded: bool = False

    def walk(self) -> Iterator[Item]:
        """Every item, groups before what they hold."""
        return walk(self.items)

    def groups(self, kind: Kind) -> Iterator[Group]:
        """Every group of a kind."""
        return (item for item in self.walk() if isinstance(item, Group) and item.kind == kind)


def walk(items: Iterable[Item]) -> Iterator[Item]:
    """Every item, groups before what they hold."""
    for item in items:
        yield item
        if isinstance(item, Group):
            yield from walk(item.items)


def line(start: Point, end: Point, *, stroke: str, width: float = HAIRLINE, dash: tuple[float, ...] = ()) -> Path:
    """A straight line."""
    return polyline((start, end), stroke=stroke, width=width, dash=dash)


def polyline(points: Sequence[Point], *, stroke: str, width: float = HAIRLINE, dash: tuple[float, ...] = ()) -> Path:
    """Straight lines from point to point."""
    first, *rest = points
    return Path((("M", (first,)), *(("L", (each,)) for each in rest)), stroke=stroke, width=width, dash=dash)


def rectangle(
    x: float, y: float, width: float, height: float, *,
    fill: str | None = None, stroke: str | None = None, line_width: float = HAIRLINE,
) -> Polygon:  # fmt: skip
    """An upright rectangle, from its top left corner."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Polygon(corners, fill=fill, stroke=stroke, width=line_width)


def circle(
    x: float, y: float, radius: float, *, fill: str | None = None, stroke: str | None = None, width: float = HAIRLINE
) -> Path:
    """A circle around a point, of four Bézier curves."""
    k = 0.5522847498 * radius
    r = radius
    return Path(
        (
            ("M", ((x + r, y),)),
            ("C", ((x + r, y + k), (x + k, y + r), (x, y + r))),
            ("C", ((x - k, y + r), (x - r, y + k), (x - r, y))),
            ("C", ((x - r, y - k), (x - k, y - r), (x, y - r))),
            ("C", ((x + k, y - r), (x + r, y - k), (x + r, y))),
            ("Z", ()),
        ),
        fill=fill,
        stroke=stroke,
        width=width,
    )


def paragraph(
    x: float, y: float, lines: Sequence[str], size: float, *,
    bold: bool = False, anchor: Anchor = "start", fill: str = "#000000",
) -> tuple[Text, ...]:  # fmt: skip
    """Lines of text below one another; ``y`` is the first baseline."""
    return tuple(
        Text(x, y + number * size * fonts.LEADING, string, size, bold=bold, anchor=anchor, fill=fill)
        for number, string in enumerate(lines)
    )


def moved(item: Item, dx: float, dy: float) -> Item:
    """The item, somewhere else.

    >>> moved(line((0, 0), (1, 0), stroke="#000000"), 2, 3).commands
    (('M', ((2, 3),)), ('L', ((3, 3),)))
    """
    if isinstance(item, Group):
        return replace(item, items=tuple(moved(each, dx, dy) for each in item.items))
    if isinstance(item, Text):
        return replace(item, x=item.x + dx, y=item.y + dy)
    if isinstance(item, Polygon):
        return replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
    return replace(
        item,
        commands=tuple((verb, tuple((x + dx, y + dy) for x, y in points)) for verb, points in item.commands),
    )


def bounds(items: Iterable[Item]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of items, without the width of their lines.

    A curve counts with its control points.

    >>> bounds([rectangle(1, 2, 3, 4), Text(0, 2, "", 8)])
    (0.0, -3.92, 4, 6)
    """
    xs: list[float] = []
    ys: list[float] = []
    for item in walk(items):
        if isinstance(item, Text):
            xs += [item.left, item.left + item.width]
            ys += [item.y - fonts.ASCENT * item.size, item.y + fonts.DESCENT * item.size]
        elif isinstance(item, Polygon):
            xs += [x for x, _ in item.points]
            ys += [y for _, y in item.points]
        elif isinstance(item, Path):
            xs += [x for _, points in item.commands for x, _ in points]
            ys += [y for _, points in item.commands for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)

"""What a person asks of a picture, checked and brought to one form.

>>> request(width="183mm").width
518.740157480315
>>> request(width="89 furlongs")
Traceback (most recent call last):
    ...
archscope.errors.UsageError: no width `89 furlongs`; write a number and a unit: 183mm, 18.3cm, 7.2in or 518pt
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from archscope.diagrams.themes import Theme, theme
from archscope.errors import NotFound, UsageError

UNITS: Final = {"mm": 72 / 25.4, "cm": 720 / 25.4, "in": 72.0, "pt": 1.0}
"""Points in each unit of length."""

PAGES: Final = {
    "a4": ("160mm", "247mm"),
    "letter": ("6.5in", "9in"),
    "ieee-column": ("3.5in", "9.5in"),
    "beamer": ("108mm", "68mm"),
    "16:9": ("313mm", "150mm"),
}
"""The room for a picture on each page, within its margins and, on a slide, under its title: width and height.

Beamer's slide is 128 by 96 mm, and that of 16:9 is as large as PowerPoint's, 13.33 by 7.5 inches.
"""

LETTERS: Final = {
    "beamer": (9.0, 8.0, 7.0, 6.0, 5.0, 4.5), "16:9": (18.0, 16.0, 14.0, 13.0, 12.0, 11.0, 10.0),
    "ieee-column": (8.0, 7.0, 6.0),
}  # fmt: skip
"""Font sizes for a picture on a slide or in a column; the largest that fits is taken. The least on a slide is read from
afar: on one of 128 mm, 4.5 points are what 12 are on one of 13.33 inches."""

SMALLER: Final = {"beamer": (4.0,), "16:9": (9.0, 8.0)}
"""Font sizes for a picture on a slide where none of those fits."""

STYLES: Final = ("auto", "graph", "planes", "boxes", "neurons", "transformer", "unrolled")
"""Every style: `auto` takes the first of `transformer`, `unrolled`, `neurons`, `planes`, `boxes` and `graph` that shows
the network well."""

SHOWN: Final = ("name", "op", "kernel", "shape", "parameters", "macs", "bias", "weights", "cell")
"""What can be written on a layer; biases are drawn, and weights named, in style `neurons`, the inside of a cell in
`unrolled`."""

DIRECTIONS: Final = ("tb", "lr")
"""From top to bottom, or from left to right."""

FONT_SIZES: Final = (4.0, 24.0)
"""The smallest and the largest font, in points."""


@dataclass(frozen=True)
class Request:
    """How to draw.

    Attributes:
        style: one of `STYLES`.
        width: of the page in points; None for the width the picture takes by itself.
        height: that it must not exceed, in points; None for any.
        glue: whether a graph draws what only sees its input differently as it draws other layers.
        font_size: in points.
        theme: the colours.
        show: what to write on a layer, in the order of `SHOWN`; None for what the style usually writes.
        depth: how many levels of blocks to open, ``"full"`` for all, ``"auto"`` for as many as read well.
        direction: one of `DIRECTIONS`; of a graph.
        towers: whether to draw the groups of a chain as towers.
        color: what a layer's colour says, of `archscope.diagrams.cost.COLORS`.
        color_scale: how a cost becomes a colour, of `archscope.diagrams.cost.COLOR_SCALES`.
        latency: seconds of each layer that was measured; for that colour.
        device: where they were measured; for the legend.
        priced: what some layers cost, in words, where the colours say what `SHOWN` has no word for.
        expand: names of blocks to open whatever the depth, with ``*`` for any letters.
        collapse: names of blocks to close whatever the depth.
        steps: whether to build the picture up, one slide a layer.
        keys: whether boxes tell the colours of their families under themselves.
        labelled: what somebody asks now to be called otherwise; a spec's own labels may have no place.
        highlighted: what somebody asks now to stand out.
        brief: whether less is shown than usual, so that the letters are larger.
        bare: whether attention does not even say there how it sees positions.
        instead: the style that a page has room for, in place of the one that ``auto`` takes.
        page: which of `LETTERS` says how large letters may be; empty where somebody says the size.
    """

    style: str
    width: float | None
    font_size: float
    theme: Theme
    show: tuple[str, ...] | None
    depth: int | Literal["auto", "full"]
    direction: Literal["tb", "lr"]
    towers: bool
    color: str = "family"
    color_scale: str = "linear"
    latency: Mapping[str, float] | None = None
    device: str = ""
    priced: Callable[[Iterable[str]], str] | None = None
    height: float | None = None
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    glue: bool = False
    steps: bool = False
    keys: bool = True
    labelled: tuple[str, ...] = ()
    highlighted: tuple[str, ...] = ()
    brief: bool = False
    bare: bool = False
    instead: str = ""
    page: str = ""

    def shown(self, *usual: str) -> tuple[str, ...]:
        """What to write of `SHOWN`, where a style writes what is ``usual``; what is coloured has its number, too."""
        if self.show is not None:
            return self.show
        return (*usual, self.color) if self.color in SHOWN and self.color not in usual else usual

    def shows(self, part: str, *usual: str) -> bool:
        """Whether to write one of `SHOWN`."""
        return part in self.shown(*usual)

    def price(self, layers: Iterable[str], copies: int = 1) -> tuple[str, ...]:
        """What some layers, all copies of them, cost in words, where their colour says it and nothing else does."""
        said = self.priced(layers) if self.priced is not None and self.show is None else ""
        return (f"{said} in all" if copies > 1 else said,) if said else ()


def request(
    *,
    style: str = "auto",
    width: str | float | None = None,
    font_size: float = 8,
    theme: str = "light",
    show: str | Iterable[str] | None = None,
    depth: int | str = "auto",
    direction: str = "tb",
    towers: bool = False,
    color: str = "family",
    color_scale: str = "linear",
    latency: Mapping[str, float] | None = None,
    device: str = "",
    height: str | float | None = None,
    page: str | None = None,
    expand: str | Iterable[str] = (),
    collapse: str | Iterable[str] = (),
    glue: bool = False,
    steps: bool = False,
) -> Request:
    """Check what was asked for.

    Raises:
        NotFound: no such style, theme, direction or thing to show.
        UsageError: a width, a height, a font size or a depth that cannot be, or towers in a style without.
    """
    if not (isinstance(font_size, int | float) and FONT_SIZES[0] <= font_size <= FONT_SIZES[1]):
        raise UsageError(f"no font size {font_size}: from {FONT_SIZES[0]:g} to {FONT_SIZES[1]:g} points")
    if towers and style not in ("auto", "boxes"):
        raise UsageError(f"style {style} has no towers to draw the groups as; leave --towers out, or use style boxes")
    if glue and style not in ("auto", "graph"):
        raise UsageError(f"style {style} draws no permutations and the like; leave --glue out, or use style graph")
    if page is not None:
        if width is not None or height is not None:
            raise UsageError("a page has its width and its height; leave --width and --height out, or --page")
        width, height = PAGES[_one_of(page, tuple(PAGES), "page")]
    return Request(
        style=_one_of(style, STYLES, "style"),
        width=None if width is None else _points(width, "width"),
        height=None if height is None else _points(height, "height"),
        font_size=float(font_size),
        theme=_theme(theme),
        show=None if show is None else _shown(show),
        depth=_depth(depth),
        direction="lr" if _one_of(direction, DIRECTIONS, "direction") == "lr" else "tb",
        towers=towers,
        color=color,
        color_scale=color_scale,
        latency=latency,
        device=device,
        expand=_globs(expand),
        collapse=_globs(collapse),
        glue=glue,
        steps=steps,
    )


def room(page: str) -> tuple[float, float]:
    """The width and the height of the room on a page, in points."""
    width, height = PAGES[page]
    return _points(width, "width"), _points(height, "height")


def millimetres(points: float) -> str:
    """A width that is at least so many points, in whole millimetres.

    >>> millimetres(518.74), millimetres(518.75)
    ('183mm', '184mm')
    """
    return f"{math.ceil(points / UNITS['mm'] - 1e-4)}mm"


def _theme(name: str) -> Theme:
    return theme(name)


def _one_of(name: str, names: tuple[str, ...], what: str) -> str:
    if name not in names:
        raise NotFound(f"no {what} `{name}`; {what}s: {', '.join(names)}")
    return name


def _points(length: str | float, what: str) -> float:
    text = f"{length}mm" if isinstance(length, int | float) else length
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*", text)
    unit = (match[2] or "mm") if match else ""
    if match is None or unit not in UNITS or not 0 < float(match[1]) < 100_000:
        raise UsageError(f"no {what} `{length}`; write a number and a unit: 183mm, 18.3cm, 7.2in or 518pt")
    return float(match[1]) * UNITS[unit]


def _shown(show: str | Iterable[str]) -> tuple[str, ...]:
    given = [each.strip() for each in (show.split(",") if isinstance(show, str) else show)]
    for each in given:
        if each not in SHOWN:
            raise NotFound(f"nothing to show called `{each}`; there are {', '.join(SHOWN)}")
    return tuple(each for each in SHOWN if each in given)


def _globs(given: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(each.strip() for each in (given.split(",") if isinstance(given, str) else given) if each.strip())


def _depth(depth: int | str) -> int | Literal["auto", "full"]:
    if depth == "auto":
        return "auto"
    if depth == "full":
        return "full"
    if str(depth).isdecimal():
        return int(depth)
    raise UsageError(f"no depth `{depth}`; a number of levels, `full`, or `auto`")

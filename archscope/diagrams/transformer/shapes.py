"""The shapes of a transformer's figure: rounded blocks, circles, arrows, the sine, an image cut into patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import (
    HAIRLINE,
    Command,
    Item,
    Path,
    Point,
    Polygon,
    Text,
    circle,
    line,
    polyline,
    rectangle,
)
from archscope.diagrams.themes import BLOCK, INPUT, Shade, Theme

SMALL: Final = 0.82
"""The letters below a block's title, in parts of the font."""

SHADES: Final = {
    "attention": "dense",
    "feed": "convolution",
    "gate": "convolution",
    "up": "convolution",
    "down": "convolution",
    "experts": "convolution",
    "norm": "activation",
    "add-norm": "activation",
    "embedding": "merge",
    "learned": "merge",
    "convolution": "merge",
    "merge": "merge",
    "stage": BLOCK,
    "linear": "sequence",
    "softmax": "pooling",
}
"""For each role, the family whose colours come nearest to those of Vaswani et al.; of the rest, the input's."""


_ROLE: Final = {"add-norm": "norm", "learned": "embedding", "convolution": "embedding", "merge": "embedding",
                "gate": "feed", "up": "feed", "down": "feed"}  # fmt: skip
"""For a role, the one whose colours it has."""

NAMES: Final = {
    "attention": "attention",
    "feed": "feed forward",
    "gate": "feed forward",
    "up": "feed forward",
    "down": "feed forward",
    "experts": "feed forward",
    "norm": "normalization",
    "add-norm": "normalization",
    "embedding": "embedding",
    "learned": "embedding",
    "convolution": "embedding",
    "merge": "embedding",
    "stage": "block",
    "linear": "linear",
    "softmax": "softmax",
}
"""What a legend calls them."""


def shade_of(role: str, theme: Theme) -> Shade:
    """The colours of a block; a palette may have some for its role."""
    own = _ROLE.get(role, role)
    if own in theme.families:
        return theme.families[own]
    return theme.shade(SHADES.get(role, INPUT))


def rounded(x: float, y: float, width: float, height: float, radius: float, *, fill: str, stroke: str,
            line_width: float = HAIRLINE) -> Path:  # fmt: skip
    """A rectangle with round corners, from its top left corner."""
    r, k = radius, 0.4477 * radius
    right, bottom = x + width, y + height
    commands: tuple[Command, ...] = (
        ("M", ((x + r, y),)),
        ("L", ((right - r, y),)),
        ("C", ((right - k, y), (right, y + k), (right, y + r))),
        ("L", ((right, bottom - r),)),
        ("C", ((right, bottom - k), (right - k, bottom), (right - r, bottom))),
        ("L", ((x + r, bottom),)),
        ("C", ((x + k, bottom), (x, bottom - k), (x, bottom - r))),
        ("L", ((x, y + r),)),
        ("C", ((x, y + k), (x + k, y), (x + r, y))),
        ("Z", ()),
    )
    return Path(commands, fill=fill, stroke=stroke, width=line_width)


def sign(symbol: str, x: float, y: float, radius: float, size: float, color: str) -> list[Item]:
    """The sign in a circle."""
    arm = 0.55 * radius
    strokes = {
        "+": (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))),
        "×": (((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))),
        "‖": (((x - arm / 3, y - arm), (x - arm / 3, y + arm)), ((x + arm / 3, y - arm), (x + arm / 3, y + arm))),
    }.get(symbol)
    if strokes is None:
        return [Text(x, y + 0.35 * size, symbol, size, bold=True, anchor="middle", fill=color)]
    return [line(start, end, stroke=color, width=1.4 * HAIRLINE) for start, end in strokes]


def sine(x: float, y: float, radius: float, theme: Theme) -> list[Item]:
    """A circle with one wave of a sine in it."""
    reach, high = 0.72 * radius, 0.5 * radius
    steps = [(x - reach + 2 * reach * part / 16, y - high * math.sin(math.tau * part / 16)) for part in range(17)]
    wave = polyline(steps, stroke=theme.line, width=1.3 * HAIRLINE)
    return [circle(x, y, radius, fill=theme.background, stroke=theme.line), wave]


def patches(x: float, y: float, side: float, cells: int, theme: Theme) -> list[Item]:
    """A square cut into patches, from its top left corner."""
    shade = theme.shade(INPUT)
    items: list[Item] = [rectangle(x, y, side, side, fill=shade.fill, stroke=shade.stroke)]
    for number in range(1, cells):
        at = side * number / cells
        items.append(line((x + at, y), (x + at, y + side), stroke=shade.stroke, width=0.6 * HAIRLINE))
        items.append(line((x, y + at), (x + side, y + at), stroke=shade.stroke, width=0.6 * HAIRLINE))
    return items


def arrow(points: Sequence[Point], size: float, theme: Theme, *, radius: float = 0.0, dash: tuple[float, ...] = (),
          head: bool = True) -> list[Item]:  # fmt: skip
    """A line with round corners and a head at its end."""
    points = _distinct(points)
    if not head:
        return [_way(points, radius, theme, dash)]
    (x0, y0), (x1, y1) = points[-2:]
    length = math.hypot(x1 - x0, y1 - y0)
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    back, half = 0.55 * size, 0.2 * size
    bx, by = x1 - dx * back, y1 - dy * back
    tip = Polygon(((x1, y1), (bx - dy * half, by + dx * half), (bx + dy * half, by - dx * half)), fill=theme.line)
    return [_way([*points[:-1], (x1 - dx * back * 0.8, y1 - dy * back * 0.8)], radius, theme, dash), tip]


def _distinct(points: Sequence[Point]) -> list[Point]:
    """Without points that repeat the one before, and those in the middle of a straight line."""
    kept: list[Point] = []
    for point in points:
        if kept and math.hypot(point[0] - kept[-1][0], point[1] - kept[-1][1]) < 1e-6:
            continue
        if len(kept) > 1 and _straight(kept[-2], kept[-1], point):
            kept[-1] = point
        else:
            kept.append(point)
    return kept


def _straight(one: Point, two: Point, three: Point) -> bool:
    return abs((two[0] - one[0]) * (three[1] - two[1]) - (two[1] - one[1]) * (three[0] - two[0])) < 1e-9


def _way(points: Sequence[Point], radius: float, theme: Theme, dash: tuple[float, ...]) -> Path:
    commands: list[Command] = [("M", (points[0],))]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, near_start = _towards(corner, before, radius)
        end, near_end = _towards(corner, after, radius)
        commands += [("L", (start,)), ("C", (near_start, near_end, end))]
    commands.append(("L", (points[-1],)))
    return Path(tuple(commands), stroke=theme.line, width=1.3 * HAIRLINE, dash=dash)


def _towards(corner: Point, other: Point, radius: float) -> tuple[Point, Point]:
    length = math.hypot(other[0] - corner[0], other[1] - corner[1])
    reach = min(radius, length / 2) / length if length else 0.0
    dx, dy = (other[0] - corner[0]) * reach, (other[1] - corner[1]) * reach
    return (corner[0] + dx, corner[1] + dy), (corner[0] + 0.45 * dx, corner[1] + 0.45 * dy)


def lines_of_text(x: float, top: float, title: Sequence[str], below: Sequence[str], size: float, theme: Theme,
                  *, bold: bool = False) -> list[Text]:  # fmt: skip
    """A title and the smaller lines below it, in the middle of ``x``, from their top on."""
    items: list[Text] = []
    for text, letters in ((each, size) for each in title):
        items.append(Text(x, top + 0.5 * (fonts.LEADING + fonts.CAP_HEIGHT) * letters, text, letters, bold=bold,
                          anchor="middle", fill=theme.text))  # fmt: skip
        top += fonts.LEADING * letters
    for text in below:
        letters = SMALL * size
        items.append(Text(x, top + 0.5 * (fonts.LEADING + fonts.CAP_HEIGHT) * letters, text, letters, anchor="middle",
                          fill=theme.text))  # fmt: skip
        top += fonts.LEADING * letters
    return items


def height_of_text(title: Sequence[str], below: Sequence[str], size: float) -> float:
    """How tall such lines are."""
    return fonts.LEADING * size * (len(title) + SMALL * len(below))


def width_of_text(title: Sequence[str], below: Sequence[str], size: float, *, bold: bool = False) -> float:
    """How wide they are."""
    return max(fonts.widest(title, size, bold=bold), fonts.widest(below, SMALL * size))

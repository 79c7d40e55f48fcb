"""Parameters against multiply-accumulates, both on logarithmic scales, the colour by year: a picture of a field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from archscope.diagrams import fonts
from archscope.record import Record
from archscope.site.live import Palette
from archscope.site.markup import Markup, join, tag

_WIDTH: Final = 680
_HEIGHT: Final = 440
_LEFT: Final = 58
_RIGHT: Final = 16
_TOP: Final = 14
_BOTTOM: Final = 46
_FONT: Final = 11
"""Of labels, as the style sheet has it."""

_WIDEST: Final = 1.2
"""So much wider than the font of figures is the widest that a reader's system may show a page in."""

_RISE: Final = 10.5
"""How far a label reaches above its line."""

_SHADES: Final = (
    ((30, 100, 200), (120, 180, 255)),
    ((150, 50, 150), (228, 150, 236)),
    ((200, 80, 10), (255, 176, 100)),
)
"""From the oldest year to the latest, on a light ground and on a dark one."""

_UNITS: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))


class Point(Record):
    """A network in the picture; ``href`` is empty for one that has no page, a member of a family of another size."""

    name: str
    family: str
    year: int | None
    task: str | None
    parameters: int
    macs: int
    href: str = ""

    @property
    def said(self) -> str:
        """In one line."""
        year = f", {self.year}" if self.year else ""
        return f"{self.name}{year}: {self.parameters:,} parameters, {self.macs:,} MACs"


class _Scale(Record):
    """Whole decades on a line."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)


def growth(points: Sequence[Point], palette: Palette) -> Markup | None:
    """The picture; None where there are not two networks to compare."""
    shown = [each for each in points if each.parameters and each.macs]
    if len({each.family for each in shown}) < 2:
        return None
    across = _scale((each.parameters for each in shown), _LEFT, _WIDTH - _RIGHT)
    up = _scale((each.macs for each in shown), _HEIGHT - _BOTTOM, _TOP)
    years = _years(shown)
    return tag(
        "svg",
        tag("title", "Parameters against multiply-accumulates"),
        *_axes(across, up),
        *_families(shown, across, up),
        *(_dot(each, across, up, _shade(each.year, years, palette)) for each in sorted(shown, key=_with_pages_last)),
        *_labels(shown, across, up),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="group",
        class_="growth",
        aria_label="Parameters against multiply-accumulates, on logarithmic scales",
    )


def legend(points: Iterable[Point], palette: Palette) -> Markup:
    """What colours and shapes say."""
    every = list(points)
    years = _years(every)
    tasks = sorted({each.task for each in every if each.task})
    picked = dict.fromkeys(years[round(place * (len(years) - 1) / 4)] for place in range(5)) if years else {}
    shades = (
        tag("span", tag("i", style=f"background:{_shade(year, years, palette)}"), str(year), class_="key")
        for year in picked
    )
    shapes = (
        tag("span", tag("svg", _shape(task, 6, 6, 4.5), viewBox="0 0 12 12", aria_hidden="true"), task, class_="key")
        for task in tasks
    )
    return tag("p", *shades, *shapes, class_="keys")


def _with_pages_last(point: Point) -> bool:
    return bool(point.href)


def _scale(values: Iterable[int], start: float, end: float) -> _Scale:
    every = list(values)
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    return _Scale(low, max(high, low + 1), start, end)


def spell_decade(power: int) -> str:
    """A power of ten with a letter for thousands, millions and so on.

    >>> [spell_decade(power) for power in (2, 3, 7, 11, 14)]
    ['100', '1K', '10M', '100G', '100T']
    """
    value = 10.0**power
    for size, letter in _UNITS:
        if value >= size:
            return f"{value / size:,.0f}{letter}"
    return f"{value:,.0f}"


def _axes(across: _Scale, up: _Scale) -> Iterable[Markup]:
    for power in range(across.low, across.high + 1):
        x = round(across.at(10.0**power), 1)
        yield tag("path", d=f"M{x} {_TOP}V{_HEIGHT - _BOTTOM}", class_="grid")
        yield tag("text", spell_decade(power), x=str(x), y=str(_HEIGHT - _BOTTOM + 16), text_anchor="middle")
    for power in range(up.low, up.high + 1):
        y = round(up.at(10.0**power), 1)
        yield tag("path", d=f"M{_LEFT} {y}H{_WIDTH - _RIGHT}", class_="grid")
        yield tag("text", spell_decade(power), x=str(_LEFT - 7), y=str(y + 3.5), text_anchor="end")
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield tag("text", "Parameters", x=str(middle), y=str(_HEIGHT - 8), text_anchor="middle", class_="axis")
    height = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f"translate(13 {height}) rotate(-90)"
    yield tag("text", "MACs of one sample", transform=turned, text_anchor="middle", class_="axis")


def _families(points: Sequence[Point], across: _Scale, up: _Scale) -> Iterable[Markup]:
    """A line through the members of each family, the smallest first."""
    families: dict[str, list[Point]] = {}
    for each in points:
        families.setdefault(each.family, []).append(each)
    for members in families.values():
        if len(members) > 1:
            ordered = sorted(members, key=lambda each: (each.parameters, each.macs))
            places = (f"{across.at(each.parameters):.1f} {up.at(each.macs):.1f}" for each in ordered)
            yield tag("path", d=f"M{'L'.join(places)}", class_="family")


def _dot(point: Point, across: _Scale, up: _Scale, shade: str) -> Markup:
    x, y = across.at(point.parameters), up.at(point.macs)
    if not point.href:
        return tag(
            "g", _shape(point.task, x, y, 2.3), tag("title", point.said), class_="member", style=f"color:{shade}"
        )
    return tag(
        "a",
        tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="11", class_="reach"),
        _shape(point.task, x, y, 4.6),
        tag("title", point.said),
        href=point.href,
        class_="dot",
        data_said=point.said,
        aria_label=point.said,
        style=f"color:{shade}",
    )


def _shape(task: str | None, x: float, y: float, r: float) -> Markup:
    """A circle, a square for language, a triangle for what generates."""
    if task == "language":
        return tag(
            "rect", x=f"{x - r:.1f}", y=f"{y - r:.1f}", width=f"{2 * r:.1f}", height=f"{2 * r:.1f}", class_="mark"
        )
    if task == "generation":
        return tag("path", d=f"M{x - r:.1f} {y + r:.1f}h{2 * r:.1f}l{-r:.1f} {-2 * r:.1f}z", class_="mark")
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:.1f}", class_="mark")


def width_of(name: str) -> float:
    """The room that a label takes in any font it may be shown in."""
    return _WIDEST * fonts.width(name, _FONT)


def _labels(points: Sequence[Point], across: _Scale, up: _Scale) -> Iterable[Markup]:
    """Names beside their dots, where none is in the way of another or of a dot; the others are told when pointed at."""
    dots = [(across.at(each.parameters), up.at(each.macs)) for each in points]
    taken = [
        (x - r, y - r, x + r, y + r) for each, (x, y) in zip(points, dots, strict=True) for r in [5 if each.href else 3]
    ]
    told: set[str] = set()
    for each, (x, y) in zip(points, dots, strict=True):
        name = each.name.partition(",")[0].partition(" (")[0]
        if name in told or not each.href:
            continue
        wide = width_of(name)
        places = (
            ("start", x + 8, y + 3.5, x + 7), ("end", x - 8, y + 3.5, x - 8 - wide),
            ("middle", x, y - 9, x - wide / 2), ("middle", x, y + 16, x - wide / 2),
        )  # fmt: skip
        for anchor, at, base, left in places:
            box = (left, base - _RISE, left + wide, base + 3)
            inside = box[0] > _LEFT and box[2] < _WIDTH - 2 and box[1] > 2 and box[3] < _HEIGHT - _BOTTOM
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                told.add(name)
                yield tag("text", name, x=f"{at:.1f}", y=f"{base:.1f}", text_anchor=anchor, class_="name")
                break


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _years(points: Iterable[Point]) -> list[int]:
    """Each year once, the oldest first."""
    return sorted({each.year for each in points if each.year})


def _shade(year: int | None, years: Sequence[int], palette: Palette) -> str:
    """The colour of a year by its place among the years that there are: the field did not grow evenly."""
    if not year:
        return "var(--muted)"
    part = years.index(year) / max(1, len(years) - 1) * (len(_SHADES) - 1)
    low = min(int(part), len(_SHADES) - 2)
    light, dark = (
        "#" + "".join(f"{round(one + (two - one) * (part - low)):02x}" for one, two in zip(old, new, strict=True))
        for old, new in zip(_SHADES[low], _SHADES[low + 1], strict=True)
    )
    return palette.color(light, dark)


def reading() -> Markup:
    """Where the dot that is pointed at is told, for those who see and those who listen."""
    return join(tag("p", "Point at a dot, or step from one to the next with Tab.", class_="reading", role="status"))

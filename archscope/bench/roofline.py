"""A roofline as SVG: how fast each layer is beside what the device allows, and how long beside its floor.

The upper panel is the classical one: FLOP/s over FLOPs a byte, under the memory slope and the compute roof.
A layer without arithmetic has no place in it, and such layers are often the slow ones; so the lower panel puts
every layer's time over its floor. There the device's limit is the diagonal, and the cost of starting one
operation, below which no layer can be, is a level line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from archscope.bench import units
from archscope.escaping import xml

WIDTH: Final = 760
HEIGHT: Final = 980
LEFT, RIGHT = 92, 728
COLORS: Final = {"compute": "#c2410c", "memory": "#1d4ed8", "launch": "#7c3aed"}
GREY: Final = "#6b7280"
LETTER: Final = 7.0
"""The width of a letter of text of the usual size, rather more than less."""


@dataclass(frozen=True)
class _Panel:
    """A plot with two logarithmic axes."""

    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies on the page."""
        across = math.log(x / self.x[0]) / math.log(self.x[1] / self.x[0])
        up = math.log(y / self.y[0]) / math.log(self.y[1] / self.y[0])
        return LEFT + across * (RIGHT - LEFT), self.bottom - up * (self.bottom - self.top)


@dataclass(frozen=True)
class _Point:
    name: str
    x: float
    y: float
    bound: str


def write_svgs(document: Mapping[str, Any]) -> dict[str, str]:
    """The roofline of every cell whose layers were timed, by the cell's name."""
    cells = [each for each in document["cells"] if each["status"] == "ok" and any(map(_placed, each["layers"] or ()))]
    ceilings = document["ceilings"] or {"bandwidth": {}}
    known = [cell for cell in cells if any(ceilings["bandwidth"].values()) and ceilings["peak_flops"].get(_peak(cell))]
    return {cell["id"]: _svg(cell, ceilings) for cell in known}


_Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


def _placed(layer: Mapping[str, Any]) -> bool:
    """Whether a layer has a place beside its floor."""
    return layer["type"] is not None and bool(layer["floor"]) and bool(layer["time"])


def _peak(cell: Mapping[str, Any]) -> str:
    """The number format whose peak holds for a cell."""
    return str(cell["dtype"]).removeprefix("amp-")


def _svg(cell: Mapping[str, Any], ceilings: Mapping[str, Any]) -> str:
    layers = [each for each in cell["layers"] if _placed(each)]
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f"<title>Roofline of {xml(cell['id'])}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 34, f"{cell['model']['name']}, batch {cell['batch']}, {cell['dtype']}", size=19, bold=True),
        _text(LEFT, 56, ceilings["device"], color=GREY),
        *_legend(layers),
        *_rates(cell, ceilings, layers),
        *_times(ceilings, layers),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rates(cell: Mapping[str, Any], ceilings: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    peak = ceilings["peak_flops"][_peak(cell)]
    bandwidth = max(rate for rate in ceilings["bandwidth"].values() if rate)
    points = [
        _Point(each["name"], each["flops"] / each["bytes"], each["flops_per_s"], each["bound"])
        for each in layers
        if each["flops"] and each["bytes"] and each["flops_per_s"]
    ]
    ridge = peak / bandwidth
    x = _decades([point.x for point in points] + [ridge / 3, ridge * 10])
    y = _decades([point.y for point in points] + [peak * 1.3, bandwidth * x[0]])
    panel = _Panel(112, 500, x, y)
    yield _text(LEFT, 96, "Layers with arithmetic: the rate each reaches", bold=True)
    yield from _axes(
        panel, "FLOPs a byte", lambda value: units.digits(value), lambda value: units.rate(value, "FLOP/s")
    )
    yield _line(panel, (x[0], bandwidth * x[0]), (ridge, peak), "#111827", 2)
    yield _line(panel, (ridge, peak), (x[1], peak), "#111827", 2)
    name, box = _roof(panel, ridge, peak, points)
    yield name
    yield _memory(panel, ridge, bandwidth)
    yield from _points(panel, points, [box])


def _roof(panel: _Panel, ridge: float, peak: float, points: Sequence[_Point]) -> tuple[str, _Box]:
    """The roof's name where it covers no point, and the room that it takes: over the roof, or under it."""
    name = f"peak {units.rate(peak, 'FLOP/s')}"
    width = LETTER * len(name)
    right, height = panel.at(panel.x[1], peak)
    left = panel.at(ridge, peak)[0]
    dots = [(x - 5, y - 5, x + 5, y + 5) for x, y in (panel.at(each.x, each.y) for each in points)]
    spots = [(across, height + drop) for drop in (-7, 17) for across in (right - 6, left + 12 + width)]
    boxes = [(across - width, up - 12, across, up + 4) for across, up in spots]
    free = (place for place, box in enumerate(boxes) if not any(map(_over(box), dots)))
    place = next(free, 0)
    return _text(*spots[place], name, anchor="end"), boxes[place]


def _memory(panel: _Panel, ridge: float, bandwidth: float) -> str:
    """The slope's name, over it; on a level with the roof's where the slope is too short for it."""
    name = f"memory {units.rate(bandwidth, 'B/s')}"
    middle = math.sqrt(panel.x[0] * ridge)
    across, up = panel.at(middle, bandwidth * middle)
    if across - 8 - LETTER * len(name) >= LEFT:
        return _text(across - 8, up - 8, name, anchor="end")
    return _text(LEFT + 6, panel.at(ridge, bandwidth * ridge)[1] - 7, name)


def _times(ceilings: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    points = [_Point(each["name"], each["floor"], each["time"], each["bound"]) for each in layers]
    launch = (ceilings.get("launch") or {}).get("op")
    low_high = _decades([each.x for each in points] + [each.y for each in points] + ([launch] if launch else []))
    panel = _Panel(582, 918, low_high, low_high)
    yield _text(LEFT, 566, "All layers: the time each takes over its floor", bold=True)
    taken: list[_Box] = []
    yield from _axes(panel, "floor: what this device would need", units.time, units.time)
    yield _line(panel, (low_high[0], low_high[0]), (low_high[1], low_high[1]), "#111827", 2)
    for factor in (10, 100):
        if low_high[0] * factor < low_high[1]:
            yield _line(panel, (low_high[0], low_high[0] * factor), (low_high[1] / factor, low_high[1]), "#d1d5db", 1)
            across, up = panel.at(low_high[1] / factor, low_high[1])
            yield _text(across - 4, up + 14, f"{factor}× the floor", color=GREY, anchor="end", size=11)
    if launch:
        yield _line(panel, (low_high[0], launch), (low_high[1], launch), COLORS["launch"], 1.5, dashed=True)
        across, up = panel.at(low_high[1], launch)
        name = f"starting one operation: {units.time(launch)}"
        yield _text(across - 6, up - 6, name, color=COLORS["launch"], anchor="end")
        taken.append((across - 6 - LETTER * len(name), up - 18, across, up - 2))
    yield from _points(panel, points, taken)


def _legend(layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    across = 372.0
    for bound in COLORS:
        if any(each["bound"] == bound for each in layers):
            yield f'<circle cx="{across:.1f}" cy="30" r="5" fill="{COLORS[bound]}"/>'
            yield _text(across + 10, 34, f"{bound}-bound")
            across += 130


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """The powers of ten around some values."""
    known = [value for value in values if value > 0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def _axes(panel: _Panel, under: str, across: Callable[[float], str], up: Callable[[float], str]) -> Iterator[str]:
    yield (
        f'<rect x="{LEFT}" y="{panel.top}" width="{RIGHT - LEFT}" height="{panel.bottom - panel.top}" '
        'fill="none" stroke="#9ca3af"/>'
    )
    for value in _powers(panel.x):
        x, y = panel.at(value, panel.y[0])
        yield f'<line x1="{x:.1f}" y1="{panel.top}" x2="{x:.1f}" y2="{panel.bottom}" stroke="#eef0f3"/>'
        yield _text(x, y + 17, across(value), anchor="middle", color=GREY, size=11)
    for value in _powers(panel.y):
        x, y = panel.at(panel.x[0], value)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="#eef0f3"/>'
        yield _text(x - 7, y + 4, up(value), anchor="end", color=GREY, size=11)
    yield _text((LEFT + RIGHT) / 2, panel.bottom + 36, under, anchor="middle")


def _powers(span: tuple[float, float]) -> list[float]:
    low, high = round(math.log10(span[0])), round(math.log10(span[1]))
    return [10.0**power for power in range(low, high + 1)]


def _points(panel: _Panel, points: Sequence[_Point], words: Sequence[_Box]) -> Iterator[str]:
    """Points with their names, each name where it covers no other, nor the words that stand there."""
    taken = [*words]
    places = [(point, *panel.at(point.x, point.y)) for point in points]
    for _, x, y in places:
        taken.append((x - 5, y - 5, x + 5, y + 5))
    for point, x, y in sorted(places, key=lambda place: place[2]):
        width = 7.2 * len(point.name)
        spots = [
            (x + 8 + shift, y + 4 + drop, "start", (x + 8 + shift, y - 7 + drop, x + 8 + shift + width, y + 6 + drop))
            for drop in (0, -12, 12, -24, 24, -36, 36)
            for shift in (0, -16 - width)
        ]
        inside = [spot for spot in spots if spot[3][0] > LEFT and spot[3][2] < RIGHT]
        spot = next((each for each in inside if not any(map(_over(each[3]), taken))), spots[0])
        taken.append(spot[3])
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLORS.get(point.bound, GREY)}" fill-opacity="0.85">'
            f"<title>{xml(point.name)}</title></circle>"
        )
        yield _text(spot[0], spot[1], point.name, size=12, halo=True)


def _over(box: _Box) -> Callable[[_Box], bool]:
    return lambda other: box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


def _line(
    panel: _Panel,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    width: float,
    *,
    dashed: bool = False,
) -> str:
    (x1, y1), (x2, y2) = panel.at(*start), panel.at(*end)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="{width}"{dash}/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    color: str = "#111827",
    size: int = 13,
    bold: bool = False,
    halo: bool = False,
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    weight += ' paint-order="stroke" stroke="white" stroke-width="3"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="{size}"{weight}>'
        f"{xml(text)}</text>"
    )

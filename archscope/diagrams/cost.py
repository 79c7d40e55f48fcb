"""What each layer costs, as its colour: a ramp from light to dark that is read in grey and by colour-blind people too.

A picture is drawn in its families' colours first, whatever its style; `coloured` then paints each layer anew and adds
the legend. A shape that stands for several layers has the colour of their sum, copies included. What is not covered
stays the colour of the page, with a dashed line of the legend that says so.

>>> import archscope
>>> picture = archscope.draw("lenet5", color="macs")
>>> "MACs" in picture.svg
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.diagrams import fonts
from archscope.diagrams.dressing import wrapped
from archscope.diagrams.request import Request, millimetres
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text, moved, rectangle
from archscope.diagrams.solids import kinds
from archscope.diagrams.themes import Shade, Theme, mix
from archscope.errors import NotFound, UsageError, did_you_mean
from archscope.memory import per_layer

COLORS: Final = ("family", "macs", "parameters", "connections", "activation_bytes", "saved_bytes", "latency")
"""What a layer's colour can say."""

COLOR_SCALES: Final = ("linear", "log")
"""How its cost becomes its colour."""

_UNITS: Final = {
    "macs": "MACs",
    "parameters": "parameters",
    "connections": "connections",
    "activation_bytes": "bytes of output, float32",
    "saved_bytes": "bytes saved for the backward pass, float32",
    "latency": "latency",
}

_SPELLED: Final = {"connections": " connections", "activation_bytes": " bytes", "saved_bytes": " bytes saved"}
"""What stands behind a number on a layer; seconds have their unit."""

_HEADING: Final = 24.0
"""A heading may be so wide over a narrow picture, in parts of the font."""

_STEPS: Final = 32
"""Swatches of a legend."""


@dataclass(frozen=True)
class Coloring:
    """What the colours of a picture say.

    Attributes:
        quantity: of `COLORS`, without ``family``.
        values: what every layer costs; None where that is not covered.
        layer_of: the layer whose cost a node of the network shows: itself, or its row where only that is known.
        law: of `COLOR_SCALES`.
        theme: whose ramp it is.
        device: where it was measured; empty if it was counted.
        towers: the rows of nodes that stand on one of several towers, where only the cost of a row is known.
    """

    quantity: str
    values: Mapping[str, float | None]
    layer_of: Mapping[str, str]
    law: str
    theme: Theme
    device: str = ""
    towers: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """What is counted, in words, and where it was measured."""
        return f"{_UNITS[self.quantity]} on {self.device}" if self.device else _UNITS[self.quantity]

    def said(self, layers: Iterable[str]) -> str:
        """What the layers of one shape cost together, as it stands on it; empty where they are none, or it is 0."""
        own = [each for each in layers if each in self.layer_of]
        cost = self.cost(own)
        if not own or cost == 0:
            return ""
        if cost is None:
            return "not measured" if self.quantity == "latency" else f"{self.quantity.replace('_', ' ')} not covered"
        return f"{spell(cost)}{_SPELLED.get(self.quantity, '')}" if self.quantity != "latency" else self._timed(own)

    def _timed(self, layers: Sequence[str]) -> str:
        """A time, apart for rows that stand on other towers, too: "2 ms on both", "2 ms on all 4, join6 10 µs"."""
        rows = dict.fromkeys(self.layer_of[each] for each in layers)
        on = list(self.towers.values())
        away = {row: on.count(row) for name, row in self.towers.items() if row in rows and name not in layers}
        said = []
        for many in dict.fromkeys(sorted(away.values(), reverse=True)):
            time = spell(sum(self.values[row] or 0 for row in away if away[row] == many))
            said.append(f"{time} on both" if many == 2 else f"{time} on all {many}")
        others = [row for row in rows if row not in away]
        alone = spell(sum(self.values[row] or 0 for row in others))
        if not said:
            return alone
        names = others[0] if len(others) == 1 else f"{len(others)} more layers"
        return ", ".join(said if alone == "0" else [*said, f"{names} {alone}"])

    def cost(self, layers: Iterable[str]) -> float | None:
        """What the layers of one shape cost together; None if that of any is not covered."""
        known = [self.values[each] for each in {self.layer_of[name]: None for name in layers if name in self.layer_of}]
        return None if not known or None in known else sum(each for each in known if each is not None)

    def ramp(self, costs: Iterable[float | None]) -> Ramp:
        """From what costs least to what costs most."""
        known = [each for each in costs if each]
        most = max(known, default=0.0)
        least = min(known, default=0.0) if self.law == "log" else 0.0
        return Ramp(least, most, self.law, self.theme)


@dataclass(frozen=True)
class Ramp:
    """Costs → colours, the darker the more (in a dark theme, the lighter)."""

    least: float
    most: float
    law: str
    theme: Theme

    def place(self, cost: float) -> float:
        """Where on the ramp a cost stands, 0 to 1; nothing at all stands at 0."""
        if cost <= 0 or self.most <= 0:
            return 0.0
        if self.law == "linear":
            return cost / self.most
        if self.least == self.most:
            return 1.0
        # What costs least is told from what costs nothing.
        return 0.08 + 0.92 * math.log(cost / self.least) / math.log(self.most / self.least)

    def shade(self, cost: float | None) -> Shade:
        """The colours of a cost."""
        if cost is None:
            return Shade(self.theme.background, self.theme.muted)
        return Shade(self.color(self.place(cost)), self.theme.ink)

    def heading(self, coloring: Coloring, *, folded: bool) -> str:
        """What stands over a legend."""
        law = ", by the logarithm" if self.law == "log" else ""
        return f"{coloring.unit}{law}{', of all ×N copies' if folded else ''}"

    def told(self, coloring: Coloring) -> str:
        """What it says, in words."""
        law = "by the logarithm" if self.law == "log" else "to scale"
        return f"{coloring.unit}, {law} from {spell(self.least)} to {spell(self.most)}"

    def color(self, place: float) -> str:
        """The colour at a place of the ramp."""
        return mix(*self.theme.ramp, place)


def coloring(
    analysis: Analysis, quantity: str, law: str, theme: Theme, latency: Mapping[str, float] | None, device: str = ""
) -> Coloring | None:
    """What was asked of the colours; None where they are the families'. ``device`` is where latency was measured.

    Raises:
        NotFound: there is no such quantity or scale.
        UsageError: nobody measured how long the layers take, or a layer that was measured is none of the network's.
    """
    if quantity not in COLORS:
        raise NotFound(f"no color `{quantity}`; {did_you_mean(quantity, COLORS, what='colors')}")
    if law not in COLOR_SCALES:
        raise NotFound(f"no color scale `{law}`; color scales: {', '.join(COLOR_SCALES)}")
    if (quantity == "latency") is not (latency is not None):
        raise UsageError("color latency and what `bench` measured go together: --color latency --results FILE")
    if quantity == "family":
        return None
    own = {node.name: node.name for node in analysis.network.nodes}
    rows = {node.name: node.row for node in analysis.network.nodes}
    if quantity == "saved_bytes":
        return Coloring(quantity, _saved(analysis), own, law, theme)
    if latency is not None:
        return Coloring(quantity, _measured(analysis, latency), rows, law, theme, device, _on_towers(analysis))
    of: Callable[[Row], float | None] = _COSTS[quantity]
    return Coloring(quantity, {row.name: of(row) for row in analysis.nodes}, own, law, theme)


def _saved(analysis: Analysis) -> Mapping[str, float | None]:
    held = per_layer(analysis.network, meanwhile=False)
    return {name: None if each is None else float(each.saved_bytes) for name, each in held.items()}


def _known(quantity: str) -> Callable[[Row], float | None]:
    def of(row: Row) -> float | None:
        count = row.count_of(quantity)
        return None if count is None else float(int(count))

    return of


_COSTS: Final[Mapping[str, Callable[[Row], float | None]]] = {
    "macs": _known("macs"),
    "parameters": _known("parameters"),
    "connections": _known("connections"),
    "activation_bytes": lambda row: float(row.activation_bytes()),
}


def _on_towers(analysis: Analysis) -> Mapping[str, str]:
    """The rows of the nodes on towers, without those of the activations and the like that belong to them."""
    heads = {(node.row, node.tower): node.name for node in reversed(analysis.network.nodes) if node.tower is not None}
    return {name: row for (row, _), name in heads.items()}


def _measured(analysis: Analysis, latency: Mapping[str, float]) -> Mapping[str, float | None]:
    """Seconds of every row; what was not measured is not covered."""
    rows = [row.name for row in analysis.rows]
    strange = next((name for name in latency if name not in rows), None)
    if strange is not None:
        raise UsageError(f"`{strange}` was measured, and {analysis.name} has no such layer; was it this network?")
    return {name: latency.get(name) for name in rows}


def coloured(scene: Scene, analysis: Analysis, coloring: Coloring, request: Request) -> Scene:
    """A picture in the colours of its layers' costs, with the legend under it.

    Raises:
        UsageError: the legend is wider than the page that was asked for.
    """
    costs = {group.layers: coloring.cost(group.layers) for group in scene.groups("layer")}
    ramp = coloring.ramp(costs.values())
    inside = repainted(scene, analysis, coloring.theme, lambda layers: ramp.shade(costs.get(layers)))
    return _with_legend(inside, coloring, ramp, costs, request)


def repainted(scene: Scene, analysis: Analysis, theme: Theme, shade_of: Callable[[tuple[str, ...]], Shade]) -> Scene:
    """A picture whose layers have other colours than those of their families; ``shade_of`` takes those of a group."""
    families = {row.name: row.node.layer.family for row in analysis.nodes}
    drawn = {group.layers[0]: group.layers for group in scene.groups("layer")}
    others = _others(scene, theme)

    def painted(item: Item) -> Item:
        if not isinstance(item, Group):
            return item
        if item.kind == "layer" and item.layers[0] in families:
            was, now = theme.shade(families[item.layers[0]]), shade_of(item.layers)
            # A block of several layers may have the colours of any family, and a volume those of its kind.
            change: dict[str, str] = {}
            for shade in (*theme.families.values(), *others.values(), was):
                change |= _change(theme, shade, now)
            return _with_colors(item, change)
        if item.kind == "edge" and item.source in families:
            was, now = theme.shade(families[item.source]), shade_of(drawn.get(item.source, (item.source,)))
            patches: dict[str, str] = {}
            for shade in (*others.values(), was):
                patches |= _patched(theme, shade, now)
            return _with_colors(item, patches)
        return replace(item, items=tuple(painted(each) for each in item.items))

    return replace(scene, items=tuple(painted(each) for each in scene.items))


def _others(scene: Scene, theme: Theme) -> dict[str, Shade]:
    """The colours of volumes that a picture has beside those of the families."""
    drawn = {item.fill for item in scene.walk() if isinstance(item, Path | Polygon)}
    return {name: shade for name, shade in kinds(theme).items() if shade.fill in drawn}


def _change(theme: Theme, was: Shade, now: Shade) -> dict[str, str]:
    """Each colour of a shape that light falls on, by what it was."""
    return {
        theme.lit(was.fill): theme.lit(now.fill),
        theme.shaded(was.fill): theme.shaded(now.fill),
        was.fill: now.fill,
        was.stroke: now.stroke,
    }


def _patched(theme: Theme, was: Shade, now: Shade) -> dict[str, str]:
    """A kernel that lies on the face of a box."""
    return {
        mix(theme.shaded(was.fill), link, 0.35): mix(theme.shaded(now.fill), link, 0.35)
        for link in (theme.link, theme.crossing)
    }


def _with_colors(item: Item, change: Mapping[str, str]) -> Item:
    if isinstance(item, Group):
        return replace(item, items=tuple(_with_colors(each, change) for each in item.items))
    if isinstance(item, Text):
        return replace(item, fill=change.get(item.fill, item.fill))
    fill = None if item.fill is None else change.get(item.fill, item.fill)
    stroke = None if item.stroke is None else change.get(item.stroke, item.stroke)
    return replace(item, fill=fill, stroke=stroke)


def _with_legend(
    scene: Scene, coloring: Coloring, ramp: Ramp, costs: Mapping[tuple[str, ...], float | None], request: Request
) -> Scene:
    size = request.font_size
    heading = ramp.heading(coloring, folded=scene.folded)
    said = wrapped(heading, max(scene.width, _room(request)) - size, size, bold=True)
    uncovered = any(cost is None and names[0] in coloring.layer_of for names, cost in costs.items())
    legend, width = _legend(coloring, ramp, size, said, uncovered=uncovered)
    margin = 0.5 * size
    if request.width is not None and width + 2 * margin > scene.width:
        needed = millimetres(width + 2 * margin)
        raise UsageError(f"the legend is wider than the page; choose --width {needed}, or a smaller --font-size")
    whole = max(scene.width, width + 2 * margin)
    aside = (whole - scene.width) / 2
    items = tuple(moved(item, aside, 0.0) for item in scene.items) if aside else scene.items
    group = Group("part", tuple(moved(item, margin, scene.height + margin) for item in legend))
    return replace(
        scene,
        width=whole,
        height=scene.height + _legend_height(size, len(said)),
        items=(*items, group),
        description=f"{scene.description} Coloured by {ramp.told(coloring)}.",
    )


def _legend(
    coloring: Coloring, ramp: Ramp, size: float, said: Sequence[str], *, uncovered: bool
) -> tuple[list[Item], float]:
    """The legend from its own top left corner, under its heading, and its width."""
    theme = coloring.theme
    ends = spell(ramp.least), spell(ramp.most)
    wide = max(12 * size, fonts.width(ends[0], size) + fonts.width(ends[1], size) + 2 * size)
    base = fonts.ASCENT * size
    top = len(said) * size * fonts.LEADING
    items: list[Item] = [
        Text(0, base + number * size * fonts.LEADING, line, size, bold=True, fill=theme.text)
        for number, line in enumerate(said)
    ]
    step = wide / _STEPS
    # Each swatch reaches under those after it, so that no seam shows between them.
    items += [
        rectangle(number * step, top, wide - number * step, size, fill=ramp.color(number / (_STEPS - 1)))
        for number in range(_STEPS)
    ]
    items.append(rectangle(0, top, wide, size, stroke=theme.ink))
    under = top + size + base + 0.2 * size
    items += [
        Text(0, under, ends[0], size, fill=theme.text),
        Text(wide, under, ends[1], size, anchor="end", fill=theme.text),
    ]
    width = max(wide, fonts.widest(said, size, bold=True))
    if uncovered:
        left = wide + size
        items.append(rectangle(left, top, size, size, fill=theme.background, stroke=theme.muted))
        items.append(Text(left + 1.4 * size, top + 0.8 * size, "not covered", size, fill=theme.text))
        width = max(width, left + 1.4 * size + fonts.width("not covered", size))
    return items, width


def legend_height(coloring: Coloring, request: Request) -> float:
    """How much taller a legend makes a picture of the width that was asked for, at most."""
    size = request.font_size
    heading = coloring.ramp(()).heading(coloring, folded=True)
    return _legend_height(size, len(wrapped(heading, _room(request) - size, size, bold=True)))


def _legend_height(size: float, lines: int) -> float:
    """That of its heading, the ramp, the costs at its ends, and room around them."""
    return (lines * fonts.LEADING + 1.0 + 0.2 + fonts.ASCENT + fonts.DESCENT + 1.0) * size


def _room(request: Request) -> float:
    """The width that a heading may take whatever the picture is."""
    return request.width or _HEADING * request.font_size


def spell(cost: float) -> str:
    """A cost at the end of a ramp: whole numbers as they are, seconds with a unit.

    >>> spell(105415200.0), spell(0.000236), spell(0.0)
    ('105,415,200', '236 µs', '0')
    """
    if cost == int(cost):
        return f"{int(cost):,}"
    unit, factor = next(
        ((unit, factor) for unit, factor in (("s", 1.0), ("ms", 1e3)) if cost * factor >= 1), ("µs", 1e6)
    )
    return f"{cost * factor:.3g} {unit}"


def solids_in(scene: Scene, theme: Theme) -> tuple[str, ...]:
    """The kinds of volumes whose colours a picture has."""
    return tuple(_others(scene, theme))

"""Pictures of numbers: what a network holds while it runs, and how its cost grows.

>>> from archscope.diagrams.themes import theme
>>> from archscope.memory import memory
>>> from archscope.reader import load
>>> scene = timeline(memory(load("lenet5"), 4, optimizer="sgd"), theme("light"))
>>> scene.title
'lenet5: what is held while it runs'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archscope.diagrams import fonts
from archscope.diagrams.scene import Group, Item, Scene, Text, line, polyline, rectangle
from archscope.diagrams.themes import Theme
from archscope.errors import NotFound
from archscope.memory import Memory
from archscope.memory.ledger import KINDS, Moment

WIDTH: Final = 440.0
HEIGHT: Final = 200.0
LEFT: Final = 58.0
TOP: Final = 26.0
SIZE: Final = 7.0
_LEGEND: Final = 86.0
_LINE: Final = 9.0

_FAMILIES: Final[Mapping[str, str]] = {
    "weights": "convolution", "casts": "sequence", "state": "dense", "gradients": "normalization", "saved": "pooling",
    "values": "activation", "passing": "merge", "temporary": "shape",
}  # fmt: skip
"""The colours of kinds of memory are those of families of layers: they were chosen to be told apart."""

MARKS: Final = ("convolution", "pooling", "dense", "normalization", "merge", "activation")

SUFFIXES: Final[Mapping[str, str]] = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
"""The formats that a picture of numbers is written in, by suffix."""


def written(scene: Scene, format: str) -> str | bytes:
    """A picture in ``svg``, ``png`` or ``pdf``.

    Raises:
        NotFound: there is no such format.
        MissingExtra: a package that it needs is not installed.
    """
    if format == "svg":
        from archscope.diagrams.writers.svg import svg

        return svg(scene)
    if format == "png":
        from archscope.diagrams.writers.png import png

        return png(scene)
    if format == "pdf":
        from archscope.diagrams.writers.pdf import pdf

        return pdf(scene)
    raise NotFound(f"no format `{format}` for a picture of numbers; formats: svg, png, pdf")


def timeline(held: Memory, colors: Theme) -> Scene:
    """What is held while each layer runs: layers across, bytes up, stacked by kind."""
    fullest: dict[tuple[str, str], Moment] = {}
    for moment in held.track:
        key = (moment.phase, moment.layer)
        if moment.total and (key not in fullest or moment.total > fullest[key].total):
            fullest[key] = moment
    track = [*fullest.values()]
    most = max(moment.total for moment in track)
    step = WIDTH / len(track)
    items: list[Item] = [*_axis(most, colors)]
    for place, moment in enumerate(track):
        items.append(_bar(place, step, moment.held, most, colors, f"{moment.phase} {moment.layer}".strip()))
    items += _phases([moment.phase for moment in track], step, colors)
    items += legend([(kind, _shade(kind, colors)) for kind in KINDS if any(each.held[kind] for each in track)], colors)
    peak = held.peak
    where = f" at {peak.most.layer}" if peak.most.layer else ""
    least = "at least " if held.decided or held.not_covered else ""
    said = f"Most: {least}{_exactly(peak.most.total)} in {peak.part}{where}"
    items.append(Text(LEFT, TOP - 12, said, SIZE + 1, bold=True, fill=colors.text))
    return framed(f"{held.network.name}: what is held while it runs", said, items, colors)


def curve(
    name: str,
    over: str,
    values: Sequence[int],
    lines: Mapping[str, Sequence[int]],
    overtaken: Mapping[str, int],
    colors: Theme,
) -> Scene:
    """How quantities grow with a number, on scales that double; a mark is where the square overtakes the rest.

    Args:
        name: the network's name.
        over: what grows.
        values: at which sizes.
        lines: quantities by name, one for each size.
        overtaken: by quantity, from where on its part in the square is the larger one.
        colors: of the picture.
    """
    every = [each for line_ in lines.values() for each in line_ if each > 0] or [1]
    low, high = math.log2(min(every)), math.log2(max(every))
    first, last = math.log2(values[0]), math.log2(values[-1])

    def at(size: float, quantity: int) -> tuple[float, float]:
        across = (math.log2(size) - first) / max(last - first, 1e-9)
        up = (math.log2(max(quantity, 1)) - low) / max(high - low, 1e-9)
        return LEFT + across * WIDTH, TOP + (1 - max(up, 0.0)) * HEIGHT

    items: list[Item] = [rectangle(LEFT, TOP, WIDTH, HEIGHT, stroke=colors.line)]
    for value in _few(values):
        x, _ = at(value, 1)
        items.append(Text(x, TOP + HEIGHT + 10, f"{value:,}", SIZE, anchor="middle", fill=colors.text))
    for part in range(5):
        y = TOP + HEIGHT * (1 - part / 4)
        items.append(line((LEFT, y), (LEFT + WIDTH, y), stroke=colors.band))
        items.append(Text(LEFT - 4, y + 2.5, short(2 ** (low + (high - low) * part / 4)), SIZE, anchor="end",
                          fill=colors.text))  # fmt: skip
    shades = []
    for place, (quantity, line_) in enumerate(lines.items()):
        stroke = colors.shade(MARKS[place % len(MARKS)]).stroke
        shades.append((quantity, stroke))
        points = [at(size, each) for size, each in zip(values, line_, strict=True)]
        items.append(Group("part", (polyline(points, stroke=stroke, width=1.4),), title=quantity))
        if quantity in overtaken and values[0] <= overtaken[quantity] <= values[-1]:
            x, _ = at(overtaken[quantity], 1)
            said = f"{quantity}: square overtakes at {overtaken[quantity]:,}"
            items.append(line((x, TOP), (x, TOP + HEIGHT), stroke=stroke, dash=(3, 2)))
            items.append(Text(x - 3, TOP + 9 + 9 * place, said, SIZE, anchor="end" if x > 200 else "start",
                              fill=colors.text))  # fmt: skip
    items.append(Text(LEFT + WIDTH / 2, TOP + HEIGHT + 22, over, SIZE + 1, anchor="middle", fill=colors.text))
    items += legend(shades, colors)
    return framed(f"{name} over {over}", f"{', '.join(lines)} as {over} grows, both scales doubling", items, colors)


def framed(title: str, description: str, items: Sequence[Item], colors: Theme) -> Scene:
    """A picture of what stands between the scales and beside them."""
    width, height = LEFT + WIDTH + _LEGEND, TOP + HEIGHT + 34
    ground = rectangle(0, 0, width, height, fill=colors.background)
    return Scene(width, height, title, description, (ground, *(_within(item, width) for item in items)))


def _within(item: Item, width: float) -> Item:
    """Words that are longer than a picture is wide, by their beginning."""
    if not isinstance(item, Text) or (fits := fonts.fitting(item.string, item.size, width, bold=item.bold)) == len(
        item.string
    ):
        return item
    return replace(item, string=f"{item.string[: fits - 1]}…")


def _axis(most: float, colors: Theme) -> list[Item]:
    items: list[Item] = []
    for part in range(5):
        y = TOP + HEIGHT * (1 - part / 4)
        items.append(line((LEFT, y), (LEFT + WIDTH, y), stroke=colors.band))
        items.append(Text(LEFT - 4, y + 2.5, _bytes(most * part / 4), SIZE, anchor="end", fill=colors.text))
    return items


def _bar(place: int, step: float, held: Mapping[str, int], most: int, colors: Theme, title: str) -> Group:
    y = TOP + HEIGHT
    parts: list[Item] = []
    for kind in KINDS:
        tall = HEIGHT * held[kind] / most
        if tall <= 0:
            continue
        y -= tall
        parts.append(rectangle(LEFT + place * step, y, max(step - (0.4 if step > 2 else 0), 0.1), tall,
                               fill=_shade(kind, colors)))  # fmt: skip
    return Group("part", tuple(parts), title=f"{title}: {_exactly(sum(held.values()))}")


def _phases(phases: Sequence[str], step: float, colors: Theme) -> list[Item]:
    """The name of each phase under the middle of its bars; in a second line where the one before leaves no room."""
    items: list[Item] = []
    free = 0.0
    for phase in dict.fromkeys(phases):
        first = phases.index(phase)
        many = phases.count(phase)
        text = Text(LEFT + (first + many / 2) * step, TOP + HEIGHT + 11, phase, SIZE, anchor="middle",
                    fill=colors.text)  # fmt: skip
        if first:
            x = LEFT + first * step
            items.append(line((x, TOP), (x, TOP + HEIGHT), stroke=colors.line, dash=(2, 2)))
        if text.left < free:
            items.append(replace(text, y=text.y + _LINE))
            continue
        items.append(text)
        free = text.left + text.width + 3
    return items


def legend(signs: Sequence[tuple[str, str | Callable[[float, float], Item]]], colors: Theme) -> list[Item]:
    """Names with their colours, or with what draws their sign, to the right of a plot."""
    items: list[Item] = []
    for place, (name, sign) in enumerate(signs):
        y = TOP + 12 * place
        if isinstance(sign, str):
            items.append(rectangle(LEFT + WIDTH + 8, y, 8, 8, fill=sign, stroke=colors.line))
        else:
            items.append(sign(LEFT + WIDTH + 12, y + 4))
        items.append(Text(LEFT + WIDTH + 20, y + 7, name, SIZE, fill=colors.text))
    return items


def _shade(kind: str, colors: Theme) -> str:
    return colors.shade(_FAMILIES[kind]).stroke


def _few(values: Sequence[int]) -> list[int]:
    every = max(1, len(values) // 6)
    return [*values[::every]]


def _bytes(size: float) -> str:
    """Bytes in the unit that keeps the number short."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size:.0f} B"


def _exactly(size: int) -> str:
    return f"{size:,} bytes ({_bytes(size)})"


def short(number: float) -> str:
    """A number in thousands, millions and so on.

    >>> short(2.4e9)
    '2.4 G'
    """
    for unit, scale in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.3g}"

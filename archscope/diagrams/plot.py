"""Two pictures of numbers: what a network holds while it runs, and how its cost grows.

>>> from archscope.diagrams.themes import theme
>>> from archscope.memory import memory
>>> from archscope.reader import load
>>> scene = timeline(memory(load("lenet5"), 4, optimizer="sgd"), theme("light"))
>>> scene.title
'lenet5: what is held while it runs'
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from archscope.diagrams.scene import Group, Item, Scene, Text, line, polyline, rectangle
from archscope.diagrams.themes import Theme
from archscope.errors import NotFound
from archscope.memory import Memory
from archscope.memory.ledger import KINDS, Moment

_WIDTH: Final = 440.0
_HEIGHT: Final = 200.0
_LEFT: Final = 58.0
_TOP: Final = 26.0
_SIZE: Final = 7.0
_LEGEND: Final = 86.0

_FAMILIES: Final[Mapping[str, str]] = {
    "weights": "convolution", "state": "dense", "gradients": "normalization", "saved": "pooling",
    "values": "activation", "passing": "merge", "temporary": "shape",
}  # fmt: skip
"""The colours of kinds of memory are those of families of layers: they were chosen to be told apart."""

_MARKS: Final = ("convolution", "pooling", "dense", "normalization", "merge", "activation")

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
    step = _WIDTH / len(track)
    items: list[Item] = [*_axis(most, colors)]
    for place, moment in enumerate(track):
        items.append(_bar(place, step, moment.held, most, colors, f"{moment.phase} {moment.layer}".strip()))
    items += _phases([moment.phase for moment in track], step, colors)
    items += _legend([(kind, _shade(kind, colors)) for kind in KINDS if any(each.held[kind] for each in track)], colors)
    peak = held.peak
    where = f" at {peak.most.layer}" if peak.most.layer else ""
    said = f"Most: {_exactly(peak.most.total)} in {peak.name}{where}"
    items.append(Text(_LEFT, _TOP - 12, said, _SIZE + 1, bold=True, fill=colors.text))
    return _scene(f"{held.network.name}: what is held while it runs", said, items, colors)


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
        return _LEFT + across * _WIDTH, _TOP + (1 - max(up, 0.0)) * _HEIGHT

    items: list[Item] = [rectangle(_LEFT, _TOP, _WIDTH, _HEIGHT, stroke=colors.line)]
    for value in _few(values):
        x, _ = at(value, 1)
        items.append(Text(x, _TOP + _HEIGHT + 10, f"{value:,}", _SIZE, anchor="middle", fill=colors.text))
    for part in range(5):
        y = _TOP + _HEIGHT * (1 - part / 4)
        items.append(line((_LEFT, y), (_LEFT + _WIDTH, y), stroke=colors.band))
        items.append(Text(_LEFT - 4, y + 2.5, _short(2 ** (low + (high - low) * part / 4)), _SIZE, anchor="end",
                          fill=colors.text))  # fmt: skip
    shades = []
    for place, (quantity, line_) in enumerate(lines.items()):
        stroke = colors.shade(_MARKS[place % len(_MARKS)]).stroke
        shades.append((quantity, stroke))
        points = [at(size, each) for size, each in zip(values, line_, strict=True)]
        items.append(Group("part", (polyline(points, stroke=stroke, width=1.4),), title=quantity))
        if quantity in overtaken and values[0] <= overtaken[quantity] <= values[-1]:
            x, _ = at(overtaken[quantity], 1)
            said = f"{quantity}: square overtakes at {overtaken[quantity]:,}"
            items.append(line((x, _TOP), (x, _TOP + _HEIGHT), stroke=stroke, dash=(3, 2)))
            items.append(Text(x - 3, _TOP + 9 + 9 * place, said, _SIZE, anchor="end" if x > 200 else "start",
                              fill=colors.text))  # fmt: skip
    items.append(Text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 22, over, _SIZE + 1, anchor="middle", fill=colors.text))
    items += _legend(shades, colors)
    return _scene(f"{name} over {over}", f"{', '.join(lines)} as {over} grows, both scales doubling", items, colors)


def _scene(title: str, description: str, items: Sequence[Item], colors: Theme) -> Scene:
    width, height = _LEFT + _WIDTH + _LEGEND, _TOP + _HEIGHT + 34
    ground = rectangle(0, 0, width, height, fill=colors.background)
    return Scene(width, height, title, description, (ground, *items))


def _axis(most: float, colors: Theme) -> list[Item]:
    items: list[Item] = []
    for part in range(5):
        y = _TOP + _HEIGHT * (1 - part / 4)
        items.append(line((_LEFT, y), (_LEFT + _WIDTH, y), stroke=colors.band))
        items.append(Text(_LEFT - 4, y + 2.5, _bytes(most * part / 4), _SIZE, anchor="end", fill=colors.text))
    return items


def _bar(place: int, step: float, held: Mapping[str, int], most: int, colors: Theme, title: str) -> Group:
    y = _TOP + _HEIGHT
    parts: list[Item] = []
    for kind in KINDS:
        tall = _HEIGHT * held[kind] / most
        if tall <= 0:
            continue
        y -= tall
        parts.append(rectangle(_LEFT + place * step, y, max(step - (0.4 if step > 2 else 0), 0.1), tall,
                               fill=_shade(kind, colors)))  # fmt: skip
    return Group("part", tuple(parts), title=f"{title}: {_exactly(sum(held.values()))}")


def _phases(phases: Sequence[str], step: float, colors: Theme) -> list[Item]:
    """The name of each phase under the middle of its bars, as far as there is room."""
    items: list[Item] = []
    free = 0.0
    for phase in dict.fromkeys(phases):
        first = phases.index(phase)
        many = phases.count(phase)
        text = Text(_LEFT + (first + many / 2) * step, _TOP + _HEIGHT + 11, phase, _SIZE, anchor="middle",
                    fill=colors.text)  # fmt: skip
        if first:
            x = _LEFT + first * step
            items.append(line((x, _TOP), (x, _TOP + _HEIGHT), stroke=colors.line, dash=(2, 2)))
        if text.left >= free and many * step > text.width / 2:
            items.append(text)
            free = text.left + text.width + 3
    return items


def _legend(shades: Sequence[tuple[str, str]], colors: Theme) -> list[Item]:
    items: list[Item] = []
    for place, (name, fill) in enumerate(shades):
        y = _TOP + 12 * place
        items.append(rectangle(_LEFT + _WIDTH + 8, y, 8, 8, fill=fill, stroke=colors.line))
        items.append(Text(_LEFT + _WIDTH + 20, y + 7, name, _SIZE, fill=colors.text))
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


def _short(number: float) -> str:
    """A number in thousands, millions and so on.

    >>> _short(2.4e9)
    '2.4 G'
    """
    for unit, scale in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.3g}"

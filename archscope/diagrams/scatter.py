"""Networks on a plane: two quantities across and up, a mark for each network, a colour and a sign for each family.

>>> from archscope.diagrams.themes import theme
>>> plane = Plane("parameters", "macs")
>>> plane.add("vgg", "vgg@A", 133e6, 7.6e9)
>>> plane.add("resnet", "resnet@18", 11.7e6, 1.8e9)
>>> scatter(plane, [], theme("light")).title
'macs over parameters'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from archscope.diagrams.plot import HEIGHT, LEFT, MARKS, SIZE, TOP, WIDTH, framed, legend, short
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text, circle, line, polyline, rectangle
from archscope.diagrams.themes import Theme
from archscope.errors import UsageError

_CELLS: Final = 220
"""Places along each side that are told apart: a million networks are drawn as at most so many squared."""
_LABELLED: Final = 40
_RADIUS: Final = 2.3

Place = tuple[float, float]


class Plane:
    """Networks that are added one by one; of those that would cover each other the first is kept.

    Attributes:
        across, up: the quantities.
        many: how many networks were added.
    """

    def __init__(self, across: str, up: str) -> None:
        self.across, self.up = across, up
        self.many = 0
        self.families: dict[str, dict[tuple[int, int], tuple[str, Place]]] = {}

    def add(self, family: str, name: str, across: float, up: float) -> None:
        """One more network; what is 0 stands at the edge."""
        self.many += 1
        cell = (_cell(across), _cell(up))
        self.families.setdefault(family, {}).setdefault(cell, (name, (across, up)))

    def places(self) -> Iterator[Place]:
        """Where networks stand."""
        return (place for each in self.families.values() for _, place in each.values())


def _cell(value: float) -> int:
    """Places that differ by one in a hundred are told apart."""
    return round(_CELLS * math.log10(value)) // 2 if value > 0 else -1


def scatter(plane: Plane, front: Sequence[Place], colors: Theme) -> Scene:
    """The picture; both scales are logarithmic.

    Args:
        plane: the networks.
        front: those that no other one beats, in their order across.
        colors: of the picture.

    Raises:
        UsageError: no network has both quantities.
    """
    places = [*plane.places()]
    if not places:
        raise UsageError(f"no network here has both {plane.across} and {plane.up}, so there is nothing to draw")
    across, up = (_Scale([place[side] for place in places]) for side in (0, 1))

    def at(place: Place) -> Place:
        return LEFT + across(place[0]) * WIDTH, TOP + (1 - up(place[1])) * HEIGHT

    items: list[Item] = [rectangle(LEFT, TOP, WIDTH, HEIGHT, stroke=colors.line)]
    for value in across.ticks:
        x, _ = at((value, up.low))
        items.append(line((x, TOP), (x, TOP + HEIGHT), stroke=colors.band))
        items.append(Text(x, TOP + HEIGHT + 10, short(value), SIZE, anchor="middle", fill=colors.text))
    for value in up.ticks:
        _, y = at((across.low, value))
        items.append(line((LEFT, y), (LEFT + WIDTH, y), stroke=colors.band))
        items.append(Text(LEFT - 4, y + 2.5, short(value), SIZE, anchor="end", fill=colors.text))
    if front:
        items.append(polyline(_steps([at(each) for each in front]), stroke=colors.text, width=0.8, dash=(3, 2)))
        items += [circle(*at(each), 2 * _RADIUS, stroke=colors.text) for each in front]
    shades: list[tuple[str, Callable[[float, float], Item]]] = []
    labelled = len(places) <= _LABELLED
    taken = [(x - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in map(at, places)] if labelled else []
    for number, (family, marks) in enumerate(plane.families.items()):
        draw = _mark(number, colors)
        shades.append((family, draw))
        for name, place in marks.values():
            x, y = at(place)
            said = f"{name}: {plane.across} {place[0]:,}, {plane.up} {place[1]:,}"
            items.append(Group("part", (draw(x, y),), title=said))
            if labelled:
                items += _label(name.rpartition("@")[2], x, y, taken, colors)
    items.append(Text(LEFT + WIDTH / 2, TOP + HEIGHT + 22, plane.across, SIZE + 1, anchor="middle", fill=colors.text))
    items.append(Text(LEFT, TOP - 8, plane.up, SIZE + 1, fill=colors.text))
    items += legend(shades, colors)
    title = f"{plane.up} over {plane.across}"
    families = ", ".join(plane.families)
    return framed(title, f"{plane.many:,} networks of {families}: {title}, both scales logarithmic", items, colors)


class _Scale:
    """A logarithmic scale with room at both ends; what is 0 stands at its beginning."""

    def __init__(self, values: Sequence[float]) -> None:
        known = [each for each in values if each > 0] or [1]
        low, high = math.log10(min(known)), math.log10(max(known))
        room = max(0.06 * (high - low), 0.06)
        self.first, self.last = low - room, high + room
        self.low = 10**self.first

    def __call__(self, value: float) -> float:
        return (math.log10(value) - self.first) / (self.last - self.first) if value > 0 else 0.0

    @property
    def ticks(self) -> list[float]:
        """Round numbers along it: 1, 2 and 5 of each power of ten where it is short, else powers alone."""
        wide = self.last - self.first
        of = (1,) if wide > 4 else (1, 2, 5) if wide > 0.9 else (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)
        powers = range(math.floor(self.first), math.ceil(self.last) + 1)
        step = max(1, round(wide / 8))
        ticks = [each * 10.0**power for power in powers if power % step == 0 for each in of]
        return [each for each in ticks if self.first <= math.log10(each) <= self.last]


def _steps(front: Sequence[Place]) -> list[Place]:
    """The border of what the front beats: a step from each network to the next, over what both of them beat."""
    path: list[Place] = []
    for (x, y), (x2, _) in pairwise(front):
        path += [(x, y), (x2, y)]
    return [*path, front[-1]]


def _mark(number: int, colors: Theme) -> Callable[[float, float], Item]:
    """A sign of its own for each family: colours come round again after six, with another shape."""
    shade = colors.shade(MARKS[number % len(MARKS)])
    sides = (0, 4, 3, 5)[(number // len(MARKS) + number) % 4]

    def draw(x: float, y: float) -> Path | Polygon:
        if not sides:
            return circle(x, y, _RADIUS, fill=shade.stroke, stroke=colors.background, width=0.4)
        turn = -math.pi / 2
        corners = tuple(
            (x + 1.25 * _RADIUS * math.cos(turn + 2 * math.pi * each / sides),
             y + 1.25 * _RADIUS * math.sin(turn + 2 * math.pi * each / sides))
            for each in range(sides)
        )  # fmt: skip
        return Polygon(corners, fill=shade.stroke, stroke=colors.background, width=0.4)

    return draw


def _label(name: str, x: float, y: float, taken: list[tuple[float, float, float]], colors: Theme) -> list[Item]:
    """A network's name beside its mark, where no other name stands: to the right, the left, above or below."""
    wide = Text(x, y, name, SIZE - 1.5).width
    for left, base in ((x + 5.5, y + 2), (x - 5.5 - wide, y + 2), (x - wide / 2, y - 5.5), (x - wide / 2, y + 10)):
        if left >= LEFT and left + wide <= LEFT + WIDTH and all(
            abs(base - other) > SIZE - 1 or left > end or left + wide < start for start, end, other in taken
        ):  # fmt: skip
            taken.append((left, left + wide, base))
            return [Text(left, base, name, SIZE - 1.5, fill=colors.text)]
    return []

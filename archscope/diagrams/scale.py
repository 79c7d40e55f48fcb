"""How long a side is drawn, and the largest figure that fits a width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from archscope.diagrams.request import millimetres
from archscope.diagrams.scene import Item, Scene, bounds, moved
from archscope.errors import UsageError

SMALLER_LETTERS: Final = "a smaller --font-size"
"""What helps where nothing else does; said with its number where one is known to."""


class TooSmallError(UsageError):
    """The page cannot hold the figure; ``room`` is the width and the height it takes at least."""

    room: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Extents → lengths; the largest extent has length 1.

    The law is linear where the extents differ at most 8-fold, the square root up to 64-fold, the logarithm
    beyond.

    >>> lenet5, alexnet = scale([32, 28, 14, 10, 5]), scale([227, 55, 27, 13])
    >>> lenet5.law, lenet5(14), alexnet.law, round(alexnet(55), 3)
    ('to scale', 0.4375, 'by their square root', 0.492)
    """

    largest: int
    law: str

    def __call__(self, extent: float) -> float:
        """The length of a side, at most 1."""
        if self.law == LINEAR:
            return extent / self.largest
        if self.law == ROOT:
            return math.sqrt(extent / self.largest)
        return math.log2(1 + extent) / math.log2(1 + self.largest)


LINEAR = "to scale"
ROOT = "by their square root"
LOGARITHM = "by their logarithm"


def scale(extents: Iterable[int]) -> Scale:
    """The scale for some extents."""
    known = [max(1, each) for each in extents] or [1]
    ratio = max(known) / min(known)
    return Scale(max(known), LINEAR if ratio <= 8 else ROOT if ratio <= 64 else LOGARITHM)


FEW: Final = 64
"""Beside maps, a vector of fewer units is shorter than a vector can be, though it be the longest of the figure."""


def lengths(units: Sequence[int], *, beside_maps: bool) -> Scale:
    """The scale for vectors.

    >>> lengths([10], beside_maps=True)(10) < 0.2, lengths([10], beside_maps=False)(10)
    (True, 1.0)
    """
    return scale((*units, FEW) if beside_maps and max(units, default=FEW) < FEW else units)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands from left to right; ``draw`` makes the items of it.

    Finding a size takes several plans, and only the last one is drawn where ``reach`` says how far up and down the
    items go: what `bounds` would say of them.
    """

    left: float
    right: float
    draw: Callable[[], Sequence[Item]]
    reach: Callable[[], tuple[float, float]] | None = None

    def upright(self) -> tuple[float, float]:
        """The top and the bottom of all items."""
        if self.reach is not None:
            return self.reach()
        _, top, _, bottom = bounds(self.draw())
        return top, bottom


def fit(
    plan: Callable[[float, float], Plan],
    *,
    page: Page,
    natural: float,
    least: float,
    most: float,
) -> Plan:
    """Plan as large as the page allows, then widen the gaps until it is filled.

    Args:
        plan: the plan for a size in points and a factor for the gaps.
        page: to fill.
        natural: the size where the page has no width to fill.
        least: the smallest size at which all can be made out.
        most: the largest size that looks well.

    Raises:
        UsageError: not even the least size fits; says the width and the height that would.
    """
    planned = cache(plan)

    def over(size: float, gaps: float) -> float:
        return page.over(planned(size, gaps))

    require_room(planned, page=page, least=least)
    if page.width is None:
        return planned(_largest(lambda each: over(each, 1.0), least, natural), 1.0)
    if over(least, 1.0) > 0:
        return planned(least, _largest(lambda gaps: over(least, gaps), TIGHT, 1.0))
    size = _largest(lambda each: over(each, 1.0), least, most)
    return planned(size, _largest(lambda gaps: over(size, gaps), 1.0, LOOSE))


def require_room(plan: Callable[[float, float], Plan], *, page: Page, least: float) -> None:
    """Insist that the page holds the smallest plan.

    Raises:
        TooSmallError: it does not; says the width and the height that would.
    """
    smallest = plan(least, 1.0 if page.width is None else TIGHT)
    if not page.holds(smallest):
        raise page.too_small(smallest)


@dataclass(frozen=True, slots=True)
class Page:
    """What a figure is put on.

    Attributes:
        title: the network's.
        width: None for as wide as the figure needs.
        font_size: in points.
        background: the colour of the page.
        height: that the figure must not exceed; None for any.
    """

    title: str
    width: float | None
    font_size: float
    background: str
    height: float | None = None

    @property
    def margin(self) -> float:
        """Around the figure."""
        return 0.5 * self.font_size

    def holds(self, plan: Plan) -> bool:
        """Whether a plan is neither wider nor taller than the page."""
        return self.over(plan) <= 0

    def may_hold(self, wide: float, tall: float) -> bool:
        """Whether it is at least so wide and so high."""
        return (self.width is None or wide <= self.width) and (self.height is None or tall <= self.height)

    def over(self, plan: Plan) -> float:
        """By how much a plan is wider than the page, or, where it is not, wider or taller; less than 0 is to spare."""
        wide = -math.inf if self.width is None else plan.right - plan.left - (self.width - 2 * self.margin)
        if wide > 0 or self.height is None:
            return wide
        return max(wide, self._tall(plan) - self.height)

    def too_small(self, plan: Plan) -> TooSmallError:
        """What to say where not even this plan, the smallest there is, can be held."""
        wide, tall = plan.right - plan.left + 2 * self.margin, self._tall(plan)
        limits = {"width": (self.width, wide), "height": (self.height, tall)}
        asked = {name: both for name, both in limits.items() if both[0] is not None}
        room = " by ".join(f"{limit * 25.4 / 72:.4g} mm" for limit, _ in asked.values() if limit is not None)
        needs = " and ".join(f"--{name} {millimetres(length)}" for name, (_, length) in asked.items())
        height = "a height of " if self.width is None else ""
        error = TooSmallError(
            f"the figure of {self.title} does not fit {height}{room}: with a font of {self.font_size:g} pt it needs "
            f"{needs} at least; or use {SMALLER_LETTERS}"
        )
        error.room = (wide, tall)
        return error

    def _tall(self, plan: Plan) -> float:
        top, bottom = plan.upright()
        return bottom - top + 2 * self.margin

    def scene(self, plan: Plan, description: str) -> Scene:
        """The figure in the middle of the page."""
        items = plan.draw()
        _, top, _, bottom = bounds(items)
        width = self.width or plan.right - plan.left + 2 * self.margin
        aside = (width - plan.left - plan.right) / 2
        placed = tuple(moved(item, aside, self.margin - top) for item in items)
        return Scene(width, bottom - top + 2 * self.margin, self.title, description, placed, self.background)


TIGHT = 0.55
LOOSE = 4.0


_STEPS: Final = 16
"""So often is a range halved."""


def _largest(over: Callable[[float], float], low: float, high: float) -> float:
    """The largest value between two that fits, as halving the range finds it; the low one does fit.

    What is over the page grows nearly in proportion, so that a few values tell where it begins: only halves between
    the last of them that fits and the first that does not are asked.

    >>> asked = []
    >>> _largest(lambda each: asked.append(each) or each - 2.5, 1.0, 5.0), len(asked) < 8
    (2.5, True)
    """
    known: dict[float, float] = {}

    def fits(value: float) -> bool:
        if value not in known:
            known[value] = over(value)
        return known[value] <= 0

    if fits(high):
        return high
    held, beyond = _closing_in(fits, known, low, high)
    found = _halved(lambda each: each <= held or (each < beyond and fits(each)), low, high)
    return found if fits(found) else _halved(fits, low, high)


def _closing_in(
    fits: Callable[[float], bool], known: dict[float, float], low: float, high: float
) -> tuple[float, float]:
    """Two values that are nearer than halving comes, if a few steps lead there: the first fits, the second does not."""
    near = (high - low) / 2**_STEPS
    if not fits(low):
        return low, high
    newest, other = [low], [high]
    for _ in range(_STEPS // 2):
        if high - low <= near:
            break
        value = _crossing([[(each, known[each]) for each in side[-2:]] for side in (newest, other)], near)
        value = min(max(value, low + near / 4), high - near / 4)
        if fits(value) != (newest[-1] == low):
            newest, other = other, newest
        newest.append(value)
        low, high = (value, high) if fits(value) else (low, value)
    return low, high


def _crossing(sides: Sequence[Sequence[tuple[float, float]]], near: float) -> float:
    """Where a line through two values on one side of zero crosses it, if between the two sides; else their middle.

    The first line is through one on each side.

    >>> round(_crossing([[(1.0, -3.0), (2.0, -2.0)], [(9.0, 40.0)]], 0.01), 6)
    4.0
    """
    pairs = [(side[0], side[-1]) for side in sides if len(side) > 1] or [(sides[0][-1], sides[1][-1])]
    low, high = sorted(side[-1][0] for side in sides)
    for (one, before), (other, after) in pairs:
        if before != after:
            value = other - after * (other - one) / (after - before)
            if low - near <= value <= high + near:
                return value
    return (low + high) / 2


def _halved(fits: Callable[[float], bool], low: float, high: float) -> float:
    """The largest value that fits, by halving a range of which the low end does. The same steps on every machine."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low

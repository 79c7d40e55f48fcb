"""How long a side is drawn, and the largest figure that fits a width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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

    Finding a size takes many plans, and only the last one is drawn.
    """

    left: float
    right: float
    draw: Callable[[], Sequence[Item]]


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

    def fits(size: float, gaps: float) -> bool:
        return page.holds(plan(size, gaps))

    if page.width is None:
        if not fits(least, 1.0):
            raise page.too_small(plan(least, 1.0))
        return plan(_largest(lambda each: fits(each, 1.0), least, natural), 1.0)
    if not fits(least, TIGHT):
        raise page.too_small(plan(least, TIGHT))
    if not fits(least, 1.0):
        return plan(least, _largest(lambda gaps: fits(least, gaps), TIGHT, 1.0))
    size = _largest(lambda each: fits(each, 1.0), least, most)
    return plan(size, _largest(lambda gaps: fits(size, gaps), 1.0, LOOSE))


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
        if self.width is not None and plan.right - plan.left > self.width - 2 * self.margin:
            return False
        return self.height is None or self._tall(plan) <= self.height

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
        _, top, _, bottom = bounds(plan.draw())
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


def _largest(fits: Callable[[float], bool], low: float, high: float) -> float:
    """The largest value between two that fits; the low one does. The same steps on every machine."""
    if fits(high):
        return high
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low

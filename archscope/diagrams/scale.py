"""How long a side is drawn, and the largest figure that fits a width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from archscope.diagrams.request import millimetres
from archscope.diagrams.scene import Item
from archscope.errors import UsageError


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


@dataclass(frozen=True, slots=True)
class Layout:
    """A figure laid out, in points."""

    width: float
    height: float
    items: tuple[Item, ...]


def fit(
    lay_out: Callable[[float, float], Layout],
    *,
    width: float | None,
    natural: float,
    least: float,
    most: float,
    what: str,
) -> Layout:
    """Lay out as large as a width allows, then widen the gaps until it is filled.

    Args:
        lay_out: the layout for a size in points and a factor for the gaps.
        width: to fill; None for the natural size.
        natural: the size where there is no width to fill.
        least: the smallest size at which all can be made out.
        most: the largest size that looks well.
        what: names the figure in the message.

    Raises:
        UsageError: not even the least size fits; says the width that would.
    """
    if width is None:
        return lay_out(natural, 1.0)
    smallest = lay_out(least, TIGHT)
    if smallest.width > width:
        raise UsageError(
            f"{what} does not fit {width * 25.4 / 72:.4g} mm: with this font it needs --width "
            f"{millimetres(smallest.width)}; or use a smaller --font-size"
        )
    gaps = 1.0
    if lay_out(least, 1.0).width > width:
        gaps = _largest(lambda gap: lay_out(least, gap).width <= width, TIGHT, 1.0)
        return lay_out(least, gaps)
    size = _largest(lambda each: lay_out(each, 1.0).width <= width, least, most)
    gaps = _largest(lambda gap: lay_out(size, gap).width <= width, 1.0, LOOSE)
    return lay_out(size, gaps)


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

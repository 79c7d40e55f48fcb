"""Padding as a pair of numbers for each axis, in the forms that PyTorch asks for; needs no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence

Sides = tuple[tuple[int, int], ...]
"""``((before, after), …)``, a pair for each spatial axis."""


def flat(sides: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """The order of `torch.nn.functional.pad`: the last axis first.

    >>> flat(((1, 2), (3, 4)))
    (3, 4, 1, 2)
    """
    return tuple(side for pair in reversed(sides) for side in pair)


def symmetric(sides: Sides | str) -> tuple[int, ...] | None:
    """One number for each axis, if both its sides are padded alike; else None.

    >>> symmetric(((1, 1), (2, 2))), symmetric(((1, 2), (2, 2))), symmetric("same")
    ((1, 2), None, None)
    """
    if isinstance(sides, str) or any(before != after for before, after in sides):
        return None
    return tuple(before for before, _ in sides)


def same_sides(extents: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Sides:
    """Keras's ``same``: outputs cover every ``stride``-th input, and the odd zero comes after.

    >>> same_sides((32, 32), (11, 11), (4, 4), (1, 1))
    ((3, 4), (3, 4))
    """
    sides = []
    for extent, k, s, d in zip(extents, kernel, stride, dilation, strict=True):
        last_start = s * (math.ceil(extent / s) - 1)
        missing = max(last_start + d * (k - 1) + 1 - extent, 0)
        sides.append((missing // 2, missing - missing // 2))
    return tuple(sides)

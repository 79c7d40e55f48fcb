"""The batch, and how it is told from the other axes of a tensor."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from archscope.layers import Shape

BATCH: Final = 5
"""Samples that run at once: few, and a number that axes seldom have."""


def sample_of(tensor: Tensor) -> Shape:
    """The shape of one sample: the batch taken away, wherever it went."""
    shape = tuple(tensor.shape)
    if shape and shape[0] == BATCH:
        return shape[1:]
    if BATCH in shape:
        place = shape.index(BATCH)
        return (*shape[:place], *shape[place + 1 :])
    return (shape[0] // BATCH, *shape[1:]) if shape and shape[0] % BATCH == 0 else shape

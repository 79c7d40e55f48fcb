"""A tensor that the code fills with one number, as the layer that makes it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from archscope.layers import TYPES, Layer, Shape


def filled(values: Tensor | None, shape: Shape) -> Layer | None:
    """The layer that makes these values in each sample, of a shape; None where they are not one number everywhere.

    >>> filled(torch.ones(2, 3), (3,)), filled(torch.eye(2), (2,)), filled(torch.full((2, 3), math.inf), (3,))
    (Constant(shape=(3,), value=1.0), None, None)
    """
    if values is None or not shape or not values.numel() or values.dtype != torch.get_default_dtype():
        return None
    number = values.reshape(-1)[0].item()
    if not math.isfinite(number) or not bool((values == number).all()):
        return None
    return TYPES["constant"](shape=list(shape), **({"value": number} if number else {}))


__all__ = ["filled"]

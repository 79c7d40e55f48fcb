"""A tensor that the code fills with one number, as the layer that makes it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from archscope.layers import TYPES, Layer, Shape


def types_of(state: Iterable[Tensor]) -> frozenset[torch.dtype]:
    """The types of numbers that code may fill a layer with: the usual one, and that of a module that has one.

    >>> sorted(map(str, types_of([torch.ones(1).bfloat16(), torch.ones(1, dtype=torch.long)])))
    ['torch.bfloat16', 'torch.float32']
    """
    own = {each.dtype for each in state if each.is_floating_point()}
    return frozenset({torch.get_default_dtype(), *(own if len(own) == 1 else ())})


def filled(values: Tensor | None, shape: Shape, types: Collection[torch.dtype]) -> Layer | None:
    """The layer that makes these values in each sample, of a shape; None where they are not one number everywhere.

    >>> usual = types_of([])
    >>> filled(torch.ones(2, 3), (3,), usual), filled(torch.eye(2), (2,), usual)
    (Constant(shape=(3,), value=1.0), None)
    >>> filled(torch.full((2, 3), math.inf), (3,), usual), filled(torch.ones(2, 3).double(), (3,), usual)
    (None, None)
    """
    if values is None or not shape or not values.numel() or values.dtype not in types:
        return None
    number = values.reshape(-1)[0].item()
    if not math.isfinite(number) or not bool((values == number).all()):
        return None
    return TYPES["constant"](shape=list(shape), **({"value": number} if number else {}))


__all__ = ["filled", "types_of"]

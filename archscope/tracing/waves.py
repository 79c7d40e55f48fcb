"""A table of sines and cosines that a module adds: as the layer that adds it, or told of what its code works out."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from archscope.layers import TYPES, Layer, Shape
from archscope.recognising.function import WAVES

_CLOSE: Final = 2e-3
"""How near a table in single precision comes to the angles of far positions."""


def waves(added: Tensor, wanted: Shape, held: int) -> Layer | None:
    """The layer that adds these values to ``(positions, features)``, of a table that holds so many values.

    None where they are other values: not sines and cosines in turn, or not those of positions from 0 on.

    >>> places = torch.arange(4)[:, None] / 10_000 ** (torch.arange(0, 6, 2) / 6)
    >>> table = torch.stack((places.sin(), places.cos()), -1).flatten(1)
    >>> waves(table, (4, 6), 60), waves(-table, (4, 6), 60)
    (SinusoidalPositions(max_len=10), None)
    """
    if len(wanted) != 2 or added.numel() != math.prod(wanted) or added.dtype == torch.bool:
        return None
    positions, features = wanted
    if positions < 2 or features % 2 or held % features:
        return None
    table = added.detach().cpu().double().reshape(positions, features)
    base = _base(table, features)
    if base is None:
        return None
    angles = torch.arange(positions).double()[:, None] / base ** (torch.arange(0, features, 2).double() / features)
    if (torch.stack((angles.sin(), angles.cos()), -1).flatten(1) - table).abs().max() > _CLOSE:
        return None
    return TYPES["sinusoidal_positions"](max_len=held // features, base=base)


def positions_in(added: Tensor | None, wanted: Shape | None, held: int | None) -> tuple[Layer | None, str]:
    """The layer that adds these values, of a table of ``held``; where code works them out, what is to be known of them.

    Code holds no table, so that it is no layer that does.
    """
    if added is None or wanted is None:
        return None, ""
    if held is None:
        return None, WAVES if wavy(added, wanted) else ""
    return waves(added, wanted, held), ""


def wavy(added: Tensor, wanted: Shape) -> bool:
    """Whether values are sines and cosines of positions, in turn or all of one before all of the other.

    >>> places = torch.arange(4)[:, None] / 10_000 ** (torch.arange(0, 6, 2) / 6)
    >>> wavy(torch.cat((places.sin(), places.cos()), 1), (4, 6)), wavy(torch.rand(4, 6), (4, 6))
    (True, False)
    """
    if len(wanted) != 2 or added.numel() != math.prod(wanted):
        return False
    table = added.detach().reshape(wanted)
    halves = table.chunk(2, 1)
    orders = (
        [table] if wanted[1] % 2 else [table, *(torch.stack(each, -1).flatten(1) for each in (halves, halves[::-1]))]
    )
    return any(waves(each, wanted, each.numel()) is not None for each in orders)


def _base(table: Tensor, features: int) -> float | None:
    """How slowly the slowest wave goes, from how far it has gone at the second position."""
    if features == 2:
        return 10_000
    sine, cosine = table[1, -2:].tolist()
    angle = math.atan2(sine, cosine)
    if angle <= 0:
        return None
    base = angle ** (-features / (features - 2))
    plain = (float(f"{base:.{digits}e}") for digits in range(4))
    return next((each for each in plain if abs(each - base) < 1e-3 * base), base)

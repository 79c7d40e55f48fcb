"""`Cut`: a large layer with fewer of its channels, whose lines are counted and multiplied by how many there are.

Channels of one layer are alike: each output map of a group has the same lines to each input map of the group. So a few
of them, groups, input maps and output maps, stand for all, and the map itself is kept whole: borders, strides and
padding are where lines differ.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from archscope.building.historic import Subsampling
from archscope.layers import Shape

LIGHT: Final = 30_000_000
"""Multiplications up to which a layer keeps its input maps and groups; a few output maps stand for all in any case."""
FEW: Final = 2
"""Output maps, input maps and groups that stand for all."""
FEATURES: Final = 32
"""Outputs of a dense layer that stand for all."""


class Cut(NamedTuple):
    """What is left of a layer.

    Attributes:
        module: the layer, or a copy that has fewer groups.
        shape: the input shape it takes.
        tensors: the shapes of what it holds, by name, where they are not its own.
        lines: how many lines to an input map each that is kept stands for.
        units: how many units each that is kept stands for.
        words: what was kept, to be said; empty where it is all.
    """

    module: nn.Module
    shape: Shape
    tensors: Mapping[str, tuple[int, ...]] = {}
    lines: Fraction = Fraction(1)
    units: Fraction = Fraction(1)
    words: str = ""


def cut(module: nn.Module, shape: Shape, units: int) -> Cut:
    """The layer with fewer channels, of ``units`` outputs in all; the layer itself where there is no way or no need.

    >>> conv = nn.Conv2d(64, 128, 3, device="meta")
    >>> few = cut(conv, (64, 200, 200), 128 * 198 * 198)
    >>> few.shape, few.tensors["weight"], few.lines, few.units
    ((2, 200, 200), (2, 2, 3, 3), Fraction(32, 1), Fraction(64, 1))
    """
    if isinstance(module, nn.Linear):
        return _dense(module, shape)
    if isinstance(module, _ConvNd):
        return _kernels(module, shape, units)
    if isinstance(module, (_BatchNorm, Subsampling, nn.PReLU)) and len(shape) > 1 and units > LIGHT // 32:
        return _channels(module, shape)
    return Cut(module, shape)


def _dense(module: nn.Linear, shape: Shape) -> Cut:
    kept = min(FEATURES, module.out_features)
    tensors = {"weight": (kept, module.in_features), "bias": (kept,)}
    words = f"{kept} of {module.out_features:,} outputs" if kept < module.out_features else ""
    return Cut(module, shape, tensors, units=Fraction(module.out_features, kept), words=words)


def _kernels(module: Any, shape: Shape, units: int) -> Cut:
    kernel = math.prod(module.kernel_size)
    outs, ins = module.out_channels // module.groups, module.in_channels // module.groups
    places = max(units // module.out_channels, math.prod(shape[1:]))
    rows = min(outs, max(1, FEW // module.groups))
    heavy = places * kernel * ins * rows * module.groups > LIGHT
    columns = min(ins, FEW) if heavy else ins
    groups = min(module.groups, FEW) if heavy else module.groups
    turned = isinstance(module, _ConvTransposeNd)
    weight = (groups * columns, rows) if turned else (groups * rows, columns)
    own = copy.deepcopy(module)
    own.groups = groups
    kept = ((groups, module.groups, "groups"), (columns, ins, "input maps"), (rows, outs, "output maps"))
    parts = [f"{some:,} of {whole:,} {what}" for some, whole, what in kept if some < whole]
    return Cut(
        own,
        (groups * columns, *shape[1:]),
        {"weight": (*weight, *module.kernel_size), "bias": (groups * rows, *_places(module))},
        Fraction(ins, columns),
        Fraction(module.out_channels, groups * rows),
        ", ".join(parts),
    )


def _places(module: Any) -> tuple[int, ...]:
    """The grid of biases, where each unit has one of its own."""
    return () if module.bias is None else tuple(module.bias.shape[1:])


def _channels(module: nn.Module, shape: Shape) -> Cut:
    """A layer that works on each channel by itself."""
    kept = min(FEW, int(shape[0]))
    tensors = {name: (min(kept, tensor.numel()),) for name, tensor in (*module.named_parameters(),
               *module.named_buffers()) if tensor.dim() == 1}  # fmt: skip
    words = f"{kept} of {int(shape[0]):,} maps" if kept < shape[0] else ""
    return Cut(module, (kept, *shape[1:]), tensors, units=Fraction(int(shape[0]), kept), words=words)

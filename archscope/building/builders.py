"""One layer as a module: the class its construction names, called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import nn

from archscope.building import arithmetic, functions, historic, local, modules, padding, scores, sequences
from archscope.building.constructions import Construction, construction
from archscope.layers import Layer, Shape

COUNTERS: Final = frozenset({"num_batches_tracked"})
"""Buffers that are no value of the network: PyTorch's batch norm counts the batches it has seen."""


def build_layer(layer: Layer, *inputs: Shape) -> nn.Module:
    """One layer as a module, for input shapes without the batch axis.

    >>> from archscope.layers import Conv2d
    >>> build_layer(Conv2d(out_channels=6, kernel_size=5), (1, 32, 32))
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """
    made = construction(layer, *inputs)
    return class_of(made)(*made.arguments, **made.options)


def class_of(made: Construction) -> Callable[..., nn.Module]:
    """The class that a construction names: one of ours where there is one of that name, else PyTorch's."""
    for module in (arithmetic, historic, local, modules, padding, functions, scores, sequences):
        if made.name in vars(module):
            return vars(module)[made.name]  # type: ignore[no-any-return]
    return getattr(nn, made.name)  # type: ignore[no-any-return]

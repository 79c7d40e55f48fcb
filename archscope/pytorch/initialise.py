"""How weights start, where a spec says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from archscope.errors import UsageError, did_you_mean

DISTRIBUTIONS: Final[Mapping[str, Callable[..., object]]] = MappingProxyType({
    "normal": nn.init.normal_,
    "uniform": nn.init.uniform_,
    "constant": nn.init.constant_,
})  # fmt: skip
"""By the name specs use: takes the tensor and the numbers of the spec."""


def initialise(module: nn.Module, init: tuple[tuple[str, tuple[str, tuple[float, ...]]], ...], layer: str) -> None:
    """Start the weights of a module as its node says; what is not said starts as PyTorch has it.

    >>> layer = nn.Linear(3, 2)
    >>> initialise(layer, (("bias", ("constant", (1.0,))),), "fc")
    >>> layer.bias.tolist()
    [1.0, 1.0]
    """
    tensors: dict[str, Tensor] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for weight, (distribution, numbers) in init:
        if weight not in tensors:
            raise UsageError(f"`{layer}` has no weight `{weight}` to start; "
                             f"{did_you_mean(weight, tensors, what='weights')}")  # fmt: skip
        if distribution not in DISTRIBUTIONS:
            raise UsageError(f"`{layer}`: unknown initialisation `{distribution}`; "
                             f"{did_you_mean(distribution, DISTRIBUTIONS, what='initialisations')}")  # fmt: skip
        with torch.no_grad():
            DISTRIBUTIONS[distribution](tensors[weight], *numbers)

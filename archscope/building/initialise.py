"""How weights start, where a spec says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from archscope.building.historic import Subsampling, TableConv2d, UntiedConv2d
from archscope.errors import UsageError, did_you_mean

Init = tuple[tuple[str, tuple[str, tuple[float, ...]]], ...]
"""``((weight, (scheme, numbers)), …)``, as `archscope.network.Node.init` has it."""


def _uniform_fan_in(tensor: Tensor, fan_in: int, reach: float) -> None:
    nn.init.uniform_(tensor, -reach / fan_in, reach / fan_in)


_PLAIN: Final[Mapping[str, Callable[..., object]]] = MappingProxyType({
    "normal": nn.init.normal_,
    "uniform": nn.init.uniform_,
    "constant": nn.init.constant_,
    "zeros": nn.init.zeros_,
    "ones": nn.init.ones_,
})  # fmt: skip
_BY_SHAPE: Final[Mapping[str, Callable[..., object]]] = MappingProxyType({
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_normal": nn.init.xavier_normal_,
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
})  # fmt: skip
SCHEMES: Final = (*_PLAIN, "uniform_fan_in", *_BY_SHAPE)
"""Every scheme by the name specs use."""


def initialise(module: nn.Module, init: Init, layer: str) -> None:
    """Start the parameters of a module as its node says; what is not said starts as PyTorch has it.

    A weight that the module does not have or does not train is left out: a network may state one scheme for
    the weights of all its layers. On the meta device there is nothing to start.

    >>> layer = nn.Linear(3, 2)
    >>> initialise(layer, (("bias", ("constant", (1.0,))),), "fc")
    >>> layer.bias.tolist()
    [1.0, 1.0]
    """
    parameters = dict(module.named_parameters())
    for weight, (scheme, numbers) in init:
        if scheme not in SCHEMES:
            raise UsageError(
                f"`{layer}`: unknown initialisation `{scheme}`; {did_you_mean(scheme, SCHEMES, what='initialisations')}"
            )
        if weight in parameters and not parameters[weight].is_meta:
            with torch.no_grad():
                for part, fan_in in _parts(module, weight, parameters[weight]):
                    _start(part, fan_in, scheme, numbers, f"`{layer}.{weight}`")


def _start(tensor: Tensor, fan_in: int, scheme: str, numbers: tuple[float, ...], name: str) -> None:
    if scheme in _PLAIN:
        _PLAIN[scheme](tensor, *numbers)
    elif scheme == "uniform_fan_in":
        _uniform_fan_in(tensor, fan_in, *numbers)
    elif tensor.dim() < 2:
        raise UsageError(f"{name}: `{scheme}` needs a matrix, and this is a vector; use `uniform_fan_in` or a constant")
    else:
        _BY_SHAPE[scheme](tensor)


def _parts(module: nn.Module, weight: str, tensor: Tensor) -> Iterator[tuple[Tensor, int]]:
    """A parameter in parts of one fan-in each: over a connection table, an output map at a time."""
    if not isinstance(module, TableConv2d):
        yield tensor, _fan_in(module, tensor)
        return
    window, first = math.prod(module.kernel_size), 0
    for output_map, row in enumerate(module.table):
        part = tensor[output_map : output_map + 1] if weight == "bias" else tensor[first : first + len(row)][None]
        yield part, window * len(row)
        first += len(row)


def _fan_in(module: nn.Module, tensor: Tensor) -> int:
    """Inputs of one unit."""
    if isinstance(module, Subsampling):
        return math.prod(module.kernel_size)
    if isinstance(module, UntiedConv2d):
        return math.prod(module.weight.shape[1:])
    if isinstance(module, _ConvTransposeNd):
        return module.in_channels // module.groups * math.prod(module.kernel_size)
    matrix = getattr(module, "weight", None)
    shaped = matrix if isinstance(matrix, Tensor) and tensor.dim() < 2 else tensor
    return max(1, math.prod(shaped.shape[1:]))

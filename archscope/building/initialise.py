"""How weights start, where a spec says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor, nn

from archscope.building.fans import fan_in, needs_a_matrix
from archscope.building.historic import TableConv2d
from archscope.errors import UsageError, did_you_mean
from archscope.network import Node


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


def initialise(module: nn.Module, node: Node) -> None:
    """Start the parameters of a module as its node says; what is not said starts as PyTorch has it.

    A weight that the module does not have or does not train is left out: a network may state one scheme for
    the weights of all its layers. On the meta device there is nothing to start.

    >>> from archscope.layers import Linear
    >>> layer = nn.Linear(3, 2)
    >>> initialise(layer, Node("fc", Linear(out_features=2), (), "fc", init=(("bias", ("constant", (1.0,))),)))
    >>> layer.bias.tolist()
    [1.0, 1.0]
    """
    parameters = dict(module.named_parameters())
    for weight, (scheme, numbers) in node.init:
        if scheme not in SCHEMES:
            raise UsageError(
                f"`{node.name}`: unknown initialisation `{scheme}`; "
                f"{did_you_mean(scheme, SCHEMES, what='initialisations')}"
            )
        if weight in parameters and not parameters[weight].is_meta:
            with torch.no_grad():
                for part, inputs in _parts(module, node, weight, parameters):
                    _start(part, inputs, scheme, numbers, f"`{node.name}.{weight}`")


def _start(tensor: Tensor, inputs: int, scheme: str, numbers: tuple[float, ...], name: str) -> None:
    if scheme in _PLAIN:
        _PLAIN[scheme](tensor, *numbers)
    elif scheme == "uniform_fan_in":
        _uniform_fan_in(tensor, inputs, *numbers)
    elif tensor.dim() < 2:
        raise needs_a_matrix(scheme, name)
    else:
        _BY_SHAPE[scheme](tensor)


def _parts(
    module: nn.Module, node: Node, weight: str, parameters: Mapping[str, Tensor]
) -> Iterator[tuple[Tensor, int]]:
    """A parameter in parts of one fan-in each: over a connection table, an output map at a time."""
    tensor = parameters[weight]
    if not isinstance(module, TableConv2d):
        yield tensor, fan_in(node.layer, weight, {name: each.shape for name, each in parameters.items()})
        return
    window, first = math.prod(module.kernel_size), 0
    for output_map, row in enumerate(module.table):
        part = tensor[output_map : output_map + 1] if weight == "bias" else tensor[first : first + len(row)][None]
        yield part, window * len(row)
        first += len(row)

"""Weights of modules of Flax and Equinox as PyTorch's modules hold them: outputs in front, channels first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from archscope.importing.jax.things import JaxCalled
from archscope.network import Network, Node
from archscope.oracles.attention_weights import ROLES, joined, of_heads
from archscope.oracles.keras_weights import turned

_FLAX: Final = ("query", "key", "value", "out")
_EQUINOX: Final = ("query_proj", "key_proj", "value_proj", "output_proj")
"""What the libraries call the projections, in the order of `ROLES`."""


def laid(called: JaxCalled, held: Mapping[str, Any], last: bool) -> tuple[dict[str, Any], str]:
    """The weights by node and name, and the first layer whose weights have another form; empty if none has.

    Args:
        called: the module, and the network that was read of it.
        held: the module's arrays, by where they are in it.
        last: whether its library has channels last, as Flax has.
    """
    found: dict[str, Any] = {}
    network = called.network
    for node in network.nodes:
        sizes = {each.name: tuple(map(int, each.shape)) for each in network.facts[node.name].weights}
        arrays = _of_attention if node.layer.type == "multihead_attention" else _of_layer
        made = arrays(called, node, held, last)
        if any(name not in made or made[name].size != math.prod(size) for name, size in sizes.items()):
            return found, node.name
        found |= {f"{node.name}.{name}": made[name].reshape(size) for name, size in sizes.items()}
    return found, ""


def _source(network: Network, node: Node, name: str) -> str:
    """Where a weight is in the module; empty where nobody knows."""
    source = None if network.observed is None else network.observed.sources.get((node.name, name))
    return "" if source is None else source.name


def _of_layer(called: JaxCalled, node: Node, held: Mapping[str, Any], last: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    network, lies = called.network, called.lies
    for weight in network.facts[node.name].weights:
        source = _source(network, node, weight.name)
        if source not in held:
            continue
        array, shape = held[source], tuple(map(int, weight.shape))
        kernel = last and source.rpartition(".")[2] == "kernel"
        if kernel and node.layer.type == "linear" and array.size == math.prod(shape):
            array = array.reshape(shape[::-1])  # of several axes in and out, and those in front that are summed
        if node.layer.type.startswith("conv_transpose") and weight.name == "weight":
            array = _turned_back(array.transpose(-1, -2, *range(array.ndim - 2)) if kernel else array, shape)
        elif source in lies.orders and array.ndim == len(lies.orders[source]):
            array = array.transpose(lies.orders[source])
        elif kernel:
            array = turned(network, node, "kernel", array, lambda each: each.name in lies.flattened)
        found[weight.name] = array
    return found


def _turned_back(kernel: Any, shape: tuple[int, ...]) -> Any:
    """The kernel of a transposed convolution, from the one that runs over what was drawn apart.

    That one has outputs in front and the inputs of their group behind; PyTorch has inputs in front, the outputs of
    one group behind, and each window back to front.

    >>> import numpy as np
    >>> _turned_back(np.arange(6).reshape(2, 1, 3), (1, 2, 3)).tolist()
    [[[2, 1, 0], [5, 4, 3]]]
    """
    outputs, each, *window = kernel.shape
    groups = shape[0] // each
    apart = kernel.reshape(groups, outputs // groups, each, *window).swapaxes(1, 2)
    return apart.reshape(groups * each, -1, *window)[(..., *[slice(None, None, -1)] * len(window))]


def _of_attention(called: JaxCalled, node: Node, held: Mapping[str, Any], last: bool) -> dict[str, Any]:
    """The projections of attention, joined as PyTorch has them."""
    network = called.network
    names = [each.name for each in network.facts[node.name].weights]
    before, dot, _ = _source(network, node, names[0]).rpartition(".")
    place = before + dot
    theirs = dict(zip(ROLES, _FLAX if last else _EQUINOX, strict=True))
    kernels = {role: held[name] for role, name in _named(place, theirs, "kernel" if last else "weight").items()
               if name in held}  # fmt: skip
    biases = {role: held[name].reshape(-1) for role, name in _named(place, theirs, "bias").items() if name in held}
    if last:
        kernels = {role: of_heads(role, kernel) for role, kernel in kernels.items()}
    return joined(names, kernels, biases)


def _named(place: str, theirs: Mapping[str, str], name: str) -> dict[str, str]:
    return {role: f"{place}{each}.{name}" for role, each in theirs.items()}

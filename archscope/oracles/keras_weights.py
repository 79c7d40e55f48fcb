"""Weights of Keras's layers as PyTorch's modules hold them: kernels with their outputs in front, channels first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from archscope.importing.keras.config import is_of
from archscope.layers import Facts
from archscope.network import Network, Node, Ref
from archscope.oracles.attention_weights import ROLES, joined, of_heads

NAMES: Final = {
    "kernel": "weight", "depthwise_kernel": "weight", "pointwise_kernel": "weight", "embeddings": "weight",
    "gamma": "weight", "alpha": "weight", "bias": "bias", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}  # fmt: skip
"""What Keras calls a weight, and what PyTorch does."""
_PLAIN: Final = ("permute", "transpose", "reshape", "linear", "embedding", "select", "function")
"""Layers behind which axes are as Keras has them."""


def laid(network: Network, stored: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The weights by node and name, and the first layer whose weights have another form; empty if none has.

    Args:
        network: as it was read from the file.
        stored: Keras's arrays, by layer and name with a tab between.
    """
    of: dict[str, dict[str, Any]] = {}
    for name, array in stored.items():
        layer, _, own = name.partition("\t")
        of.setdefault(layer, {})[own] = array
    found: dict[str, Any] = {}
    for layer, arrays in of.items():
        nodes = [node for node in network.nodes if is_of(node.name, layer, of) and network.facts[node.name].weights]
        owners = [node for node in nodes if node.shares is None]
        if len(owners) == 1 and owners[0].layer.type == "multihead_attention":
            facts = network.facts[owners[0].name]
            made = _of_attention([each.name for each in facts.weights], arrays)
            if any(each.name not in made or made[each.name].shape != each.shape for each in facts.weights):
                return found, layer
            found |= {f"{node.name}.{name}": array for node in nodes for name, array in made.items()}
            continue
        for name, array in arrays.items():
            node = _owner(owners, name)
            ours = NAMES.get(name)
            weight = None if node is None else next(
                (each for each in network.facts[node.name].weights if each.name == ours), None)  # fmt: skip
            if node is None or weight is None or math.prod(map(int, weight.shape)) != array.size:
                return found, layer
            whole = turned(network, node, name, array).reshape(tuple(map(int, weight.shape)))
            for each in (node, *(each for each in nodes if each.shares == node.name)):
                found[f"{each.name}.{ours}"] = whole
    return found, ""


def _of_attention(names: Iterable[str], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The projections of attention, joined as PyTorch has them."""
    theirs = dict(zip(ROLES, ("query", "key", "value", "attention_output"), strict=True))
    kernels = {role: of_heads(role, arrays[f"{each}.kernel"]) for role, each in theirs.items()
               if f"{each}.kernel" in arrays}  # fmt: skip
    biases = {role: arrays[f"{each}.bias"].reshape(-1) for role, each in theirs.items() if f"{each}.bias" in arrays}
    return joined(names, kernels, biases)


def _owner(nodes: list[Node], name: str) -> Node | None:
    """The node that a weight is of: of two, the first has each channel's own kernel."""
    if len(nodes) == 2 and nodes[0].name.endswith(".depthwise"):
        return nodes[0] if name == "depthwise_kernel" else nodes[1]
    return nodes[0] if len(nodes) == 1 else None


def turned(
    network: Network, node: Node, name: str, array: Any, flattened: Callable[[Node], bool] | None = None
) -> Any:  # fmt: skip
    """An array with its axes in PyTorch's order.

    ``flattened`` says of a flatten whether its grid has its channels last there; what made it says so, if left out.
    """
    if not name.endswith("kernel"):
        return array
    if node.layer.type != "linear":
        axes = array.ndim
        inner, outer = (axes - 2, axes - 1) if name == "depthwise_kernel" else (axes - 1, axes - 2)
        return array.transpose(inner, outer, *range(axes - 2))
    grid = _flattened(network, node.inputs[0], flattened or (lambda each: _is_last(network, each.inputs[0])))
    if grid is not None:
        channels, *rest = grid
        array = array.reshape(*rest, channels, -1)
        array = array.transpose(len(rest), *range(len(rest)), len(rest) + 1).reshape(-1, array.shape[-1])
    return array.transpose()


def _flattened(network: Network, ref: Ref, is_last: Callable[[Node], bool]) -> tuple[int, ...] | None:
    """The grid that was flattened for a layer, where its channels lie last in Keras."""
    nodes = {node.name: node for node in network.nodes}
    while ref.node in nodes:
        node = nodes[ref.node]
        if node.layer.type == "flatten":
            return tuple(map(int, _given(network.facts[node.name]))) if is_last(node) else None
        if len(network.facts[node.name].output) != 1 or node.layer.type in _PLAIN or not node.inputs:
            return None
        ref = node.inputs[0]
    return None


def _given(facts: Facts) -> tuple[int, ...]:
    return tuple(facts.inputs[0])


def _is_last(network: Network, ref: Ref) -> bool:
    """Whether Keras has the channels of a value last where archscope has them first."""
    nodes = {node.name: node for node in network.nodes}
    while ref.node in nodes:
        node = nodes[ref.node]
        if node.layer.type.startswith(("conv", "max_pool", "avg_pool", "adaptive")):
            return True
        if node.layer.type in _PLAIN or not node.inputs:
            return False
        ref = node.inputs[0]
    return len(network.inputs[ref.node]) > 2

"""Weights of Keras's layers as PyTorch's modules hold them: kernels with their outputs in front, channels first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from archscope.importing.keras.config import is_of
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
        # A kernel of each channel's own has the channel, and then how many are made of it.
        of_each = name == "depthwise_kernel" or (
            getattr(node.layer, "groups", 1) > 1 and array.shape[-1] != getattr(node.layer, "out_channels", None)
        )
        inner, outer = (axes - 2, axes - 1) if of_each else (axes - 1, axes - 2)
        return array.transpose(inner, outer, *range(axes - 2))
    if len(network.facts[node.name].inputs[0]) == 1:
        array = array[_rows(network, node.inputs[0], flattened or (lambda each: _is_last(network, each.inputs[0])))]
    return array.transpose()


def _rows(network: Network, ref: Ref, is_last: Callable[[Node], bool]) -> list[int]:
    """Where Keras has each feature of a vector: of a grid that was flattened with its channels last, elsewhere."""
    node = next((each for each in network.nodes if each.name == ref.node), None)
    if node is None:
        return [*range(math.prod(map(int, network.inputs[ref.node])))]
    facts = network.facts[node.name]
    many = math.prod(map(int, facts.outputs[ref.output]))
    if node.layer.type == "flatten" and is_last(node):
        channels, *rest = map(int, facts.inputs[0])
        return [place * channels + channel for channel in range(channels) for place in range(math.prod(rest))]
    if node.layer.type == "concat" and len(facts.output) == 1:
        rows: list[int] = []
        for each in node.inputs:
            rows += [len(rows) + row for row in _rows(network, each, is_last)]
        return rows
    if len(facts.output) != 1 or node.layer.type in ("flatten", *_PLAIN) or not node.inputs:
        return [*range(many)]
    found = _rows(network, node.inputs[0], is_last)
    return found if len(found) == many else [*range(many)]


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

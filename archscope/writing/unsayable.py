"""What the language of specs has no words for: a network with any of it is refused, and each is named."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Final

from archscope.diagnostics import clipped
from archscope.errors import UsageError
from archscope.layers import TYPES
from archscope.limits import MOST_MISTAKES
from archscope.network import Network, Node

_OF_TWO: Final = frozenset(
    {"add", "radd", "sub", "rsub", "mul", "rmul", "div", "truediv", "matmul", "bmm", "concat", "cat"}
)
"""Functions that join two values; what they make of one and a number is a layer."""
_PARTS: Final = "weights of "
_PRODUCTS: Final = frozenset({"matmul", "bmm", "baddbmm", "einsum", "dropout"})
_MASKED: Final = frozenset({"add", "where", "masked_fill", "sub"})
_ARRANGED: Final = frozenset({"view", "reshape", "permute", "transpose", "unflatten"})
"""What puts features into heads, and back."""
_WRITTEN: Final = _ARRANGED | _MASKED | _PRODUCTS | {"cat", "concat", "expand", "linear", "softmax", "split", "mul"}
"""Functions that attention is written out in."""


def check_sayable(network: Network) -> None:
    """Insist that a spec can say all of a network.

    Raises:
        UsageError: it cannot; names what, where, and why.
    """
    attention = dict(_attention(network))
    told = (f"`{name}` (attention): {why}" for name, why in attention.values())
    found = [*dict.fromkeys(told), *_functions(network, attention), *_ends(network)]
    if not found:
        return
    listed = "".join(f"\n  {clipped(each)}" for each in found[:MOST_MISTAKES])
    more = f"\n  and {len(found) - MOST_MISTAKES:,} more" if len(found) > MOST_MISTAKES else ""
    raise UsageError(
        f"{network.name} cannot be written as a spec; the language has no words for {len(found):,} of its parts"
        f"{listed}{more}\nhelp: `archscope table` counts them as they are; a submodule without them can be written"
    )


def _attention(network: Network) -> Iterator[tuple[str, tuple[str, str]]]:
    """What attention written out is made of and a spec cannot say, by node: the module that it is, and why."""
    inside: dict[str, list[Node]] = {}
    for node in network.nodes:
        inside.setdefault(_module(network, node), []).append(node)
    for module, nodes in inside.items():
        cores = [each for each in nodes if _weighs(network, each)]
        odd = [each for each in nodes if each.layer.type not in TYPES and each.layer.label.split(",")[0] in _WRITTEN]
        if cores and any(each.layer.label in _ARRANGED for each in odd):
            why = module or network.name, _of_attention(network, nodes, cores)
            yield from ((each.name, why) for each in odd)


def _module(network: Network, node: Node) -> str:
    """The module that a node is in; what a node has taken for its activation is where that is."""
    module = node.name.rpartition(".")[0]
    return module.rpartition(".")[0] if module in network.by_name else module


def _weighs(network: Network, node: Node) -> bool:
    """Whether a node makes weights that a product takes, or the whole of dot-product attention."""
    if node.layer.type == "scaled_dot_product_attention":
        return True
    after = network.consumers[node.name] if "softmax" in (node.layer.type, node.layer.label) else ()
    return any({each.layer.type, each.layer.label} & _PRODUCTS for each in after)


def _of_attention(network: Network, nodes: Sequence[Node], cores: Sequence[Node]) -> str:
    """What attention does that the layer of a spec does not."""
    parts = next((beyond for each in nodes if (beyond := getattr(each.layer, "beyond", "")).startswith(_PARTS)), "")
    if parts:
        return f"it uses {parts} in part, and a layer of a spec has those of another as a whole or not at all"
    ends = {ref.node for ref in network.outputs}
    softmaxes = [each for each in cores if each.layer.type != "scaled_dot_product_attention"]
    if any(each.name in ends or len(network.consumers[each.name]) > 1 for each in softmaxes):
        return "its weights are handed out, and `multihead_attention` gives what they weigh and nothing else"
    before = [network.by_name[ref.node] for each in softmaxes for ref in each.inputs if ref.node in network.by_name]
    if any({each.layer.type, each.layer.label} & _MASKED for each in before):
        return "its scores have a mask, and `multihead_attention` hides what comes later (`causal`) or nothing"
    if any({each.layer.type, each.layer.label} & {"cat", "concat"} for each in nodes):
        return ("keys and values are joined with others, which are not seen to be those of `add_bias_kv` or "
                "`add_zero_attn`")  # fmt: skip
    return "it is written out in operations that are not seen to be one layer"


def _functions(network: Network, told: Container[str]) -> Iterator[str]:
    for node in network.nodes:
        if node.layer.type not in TYPES and node.name not in told:
            at = getattr(node.layer, "at", "")
            yield f"`{node.name}` ({node.layer.label}){f' at {at}' if at else ''}: {_why(node)}"


def _why(node: Node) -> str:
    beyond, like, label = getattr(node.layer, "beyond", ""), getattr(node.layer, "like", None), node.layer.label
    if beyond and (like is not None or label in TYPES):
        return f"`{like.type if like is not None else label}` has nothing for {beyond}"
    if label in _OF_TWO and len(node.inputs) == 1:
        return "one of its two values is made in the code, and is no layer"
    if not node.inputs and label not in TYPES:
        return "a constant that is made in the code is no layer"
    if beyond and getattr(node.layer, "misfit", False):
        return f"no layer type has {beyond}"
    if label in TYPES or getattr(node.layer, "misfit", False):
        return f"this `{label}` takes or gives what the layer type of that name does not"
    return f"`{label}` is no layer type"


def _ends(network: Network) -> Iterator[str]:
    for name, shape in network.inputs.items():
        if not shape:
            yield f"`{name}`: one number a sample; an input of a spec has at least one axis"
    for ref in network.outputs:
        if ref.node in network.inputs:
            yield f"`{ref.node}`: an input that is handed out as it is; an output of a spec is that of a layer"
    wanted = {ref.node for ref in network.outputs}
    for node in network.nodes:
        if not network.consumers[node.name] and node.name not in wanted:
            yield f"`{node.name}` ({node.layer.label}): nothing reads it, and it is no output"

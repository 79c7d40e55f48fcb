"""What the language of specs has no words for: a network with any of it is refused, and each is named."""

from __future__ import annotations

from collections.abc import Iterator
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


def check_sayable(network: Network) -> None:
    """Insist that a spec can say all of a network.

    Raises:
        UsageError: it cannot; names what, where, and why.
    """
    found = [*_functions(network), *_ends(network)]
    if not found:
        return
    listed = "".join(f"\n  {clipped(each)}" for each in found[:MOST_MISTAKES])
    more = f"\n  and {len(found) - MOST_MISTAKES:,} more" if len(found) > MOST_MISTAKES else ""
    raise UsageError(
        f"{network.name} cannot be written as a spec; the language has no words for {len(found):,} of its parts"
        f"{listed}{more}\nhelp: `archscope table` counts them as they are; a submodule without them can be written"
    )


def _functions(network: Network) -> Iterator[str]:
    for node in network.nodes:
        if node.layer.type not in TYPES:
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

"""Activations beside the layers that feed them, as a spec has them: one row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from archscope.layers import Facts
from archscope.network import Node, Ref


def folded(
    nodes: Sequence[Node], outputs: Sequence[Ref], facts: Mapping[str, Facts]
) -> tuple[list[Node], tuple[Ref, ...], dict[str, Facts], dict[str, str]]:
    """Nodes in which an activation that alone reads the node before it stands in that node's row; all their names."""
    readers = Counter(ref.node for node in nodes for ref in node.inputs)
    readers.update(ref.node for ref in outputs)
    names: dict[str, str] = {}
    result: list[Node] = []
    for node in nodes:
        inputs = node.inputs
        if any(names.get(ref.node, ref.node) != ref.node for ref in inputs):
            inputs = tuple([Ref(names.get(ref.node, ref.node), ref.output) for ref in inputs])
        before = result[-1] if result else None
        name, row, group, joins = node.name, node.row, node.group, False
        if before is not None and _joins(node, inputs, before) and readers[node.inputs[0].node] == 1:
            name, row, group, joins = f"{before.row}.{node.layer.type}", before.row, before.group, True
        names[node.name] = name
        same = not joins and inputs is node.inputs
        result.append(node if same else Node(name, node.layer, inputs, row, group, shares=node.shares, folded=joins))
    ends = tuple(Ref(names.get(ref.node, ref.node), ref.output) for ref in outputs)
    return result, ends, {names[name]: each for name, each in facts.items()}, names


def _joins(node: Node, inputs: Sequence[Ref], before: Node) -> bool:
    plain = node.layer.family == "activation" and node.shares is None and node.layer.type != "prelu"
    if not plain or before.folded or before.layer.family == "activation" or len(inputs) != 1:
        return False
    return inputs[0].node == before.name and not inputs[0].output

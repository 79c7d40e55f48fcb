"""Attention that is written out, with a constant that hides what comes later, as the layer it is."""

from __future__ import annotations

import math
from typing import Any

from archscope.errors import Rejects
from archscope.layers import TYPES
from archscope.network import Node
from archscope.recognising.replacing import Part, Whole, readers_of, replaced


def attended(network: Part, causal: set[str]) -> Part:
    """A network in which attention is one layer; ``causal`` names the nodes that hide what comes later."""
    if not causal:
        return network
    found = map(_Written(network).out, sorted(causal & network.facts.keys()))
    return replaced(network, dict(each for each in found if each is not None))


class _Written:
    """Attention as it is written out: a product, a factor, what is hidden, softmax, dropout, a product."""

    def __init__(self, network: Part) -> None:
        self._network = network
        self._made = {node.name: node for node in network.nodes}
        self._readers = readers_of(network.nodes)
        self._outputs = {ref.node for ref in network.outputs}

    def out(self, name: str) -> tuple[str, Whole] | None:
        """The node that ends it, and the layer; None where it is written in another way."""
        scores, factor = self._scores(self._made[name])
        last, dropped = self._last(name)
        if scores is None or last is None:
            return None
        queries, values = (self._network.facts[each.name].inputs for each in (scores, last))
        turned = self._made.get(scores.inputs[1].node)
        if turned is None or not _exchanges(turned.layer, len(queries[1])):
            return None
        usual = math.isclose(factor * math.sqrt(int(queries[0][-1])), 1, rel_tol=1e-6)
        layer = TYPES["scaled_dot_product_attention"](
            is_causal=True, scale=None if usual else factor, dropout_p=dropped
        )
        try:
            facts = layer.facts(queries[0], self._network.facts[turned.name].inputs[0], values[1])
        except Rejects:  # keys for several heads of queries, say
            return None
        if facts.outputs != self._network.facts[last.name].outputs:
            return None
        return last.name, Whole((scores.inputs[0], turned.inputs[0], last.inputs[1]), layer, facts)

    def _scores(self, hiding: Node) -> tuple[Node | None, float]:
        """The product that gives the scores, and the factor after it."""
        before, factor = self._alone(hiding), 1.0
        if before is not None and before.layer.type == "scale":
            layer: Any = before.layer
            factor, before = layer.factor, None if layer.shift else self._alone(before)
        return (before if before is not None and before.layer.type == "matmul" else None), factor

    def _last(self, name: str) -> tuple[Node | None, float]:
        """The product with the values, and how probably a weight is dropped before it."""
        after, dropped = self._reader(name), 0.0
        layer: Any = None if after is None else after.layer
        if after is None or layer.type != "softmax" or layer.dim not in (-1, len(self._network.facts[name].output) - 1):
            return None, dropped
        weights, after = after.name, self._reader(after.name)
        if after is not None and after.layer.type == "dropout":
            layer = after.layer
            dropped, weights, after = layer.p, after.name, self._reader(after.name)
        ends = after is not None and after.layer.type == "matmul" and after.inputs[0].node == weights
        return (after if ends else None), dropped

    def _alone(self, node: Node) -> Node | None:
        """What a node reads, if nothing else reads that."""
        before = self._made.get(node.inputs[0].node)
        return before if before is not None and self._reader(before.name) is not None else None

    def _reader(self, name: str) -> Node | None:
        """What reads a node, if that is one other node."""
        places = self._readers.get(name, [])
        return self._network.nodes[places[0]] if len(places) == 1 and name not in self._outputs else None


def _exchanges(layer: Any, axes: int) -> bool:
    return layer.type == "transpose" and {layer.dim0 % axes, layer.dim1 % axes} == {axes - 2, axes - 1}

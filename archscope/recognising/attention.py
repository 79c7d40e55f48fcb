"""Attention that is written out as products and a softmax, as the layer it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from archscope.errors import Rejects
from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.network import Node, Ref
from archscope.recognising.replacing import Part, Pieces, Whole, replaced
from archscope.working import count


def attended(network: Part, causal: set[str]) -> Part:
    """A network in which attention is one layer; ``causal`` names the nodes that hide what comes later."""
    if not causal:
        return network
    found = map(_Written(network).out, sorted(causal & network.facts.keys()))
    return replaced(network, dict(each for each in found if each is not None))


def joined(network: Part, causal: set[str]) -> Part:
    """A network in which attention is one layer, as files have it: products and a softmax.

    It hides nothing, or what comes later, in nodes that ``causal`` names.
    """
    written = _Plain(network, causal)
    softmaxes = [node for node in network.nodes if node.layer.type == "softmax"]
    found = {name: each for softmax in softmaxes for name, each in written.whole(softmax).items()}
    return replaced(network, found) if found else network


class _Written(Pieces):
    """Attention as it is written out: a product, a factor, what is hidden, softmax, dropout, a product."""

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
        facts = self._facts(layer, (queries[0], self._network.facts[turned.name].inputs[0], values[1]), scores, last)
        read = (scores.inputs[0], turned.inputs[0], last.inputs[1])
        return None if facts is None else (last.name, Whole(read, layer, facts))

    def _facts(self, layer: Layer, shapes: Sequence[Shape], scores: Node, last: Node) -> Facts | None:
        """The facts of the layer, of as many samples as its products ran for; None where it is not what they do."""
        try:
            facts = layer.facts(*shapes)
        except Rejects:  # keys for several heads of queries, say
            return None
        ran = [self._network.facts[each.name].macs for each in (scores, last)]
        if facts.outputs != self._network.facts[last.name].outputs or not facts.macs or None in ran:
            return None
        samples, rest = divmod(sum(int(each) for each in ran if each is not None), int(facts.macs))
        if rest or samples == 1:
            return None if rest else facts
        batch = count(samples, "batch")
        inside = None if facts.macs_in_bounds is None else batch * facts.macs_in_bounds
        return facts.replace(macs=batch * facts.macs, macs_in_bounds=inside)

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


def _exchanges(layer: Any, axes: int) -> bool:
    return layer.type == "transpose" and {layer.dim0 % axes, layer.dim1 % axes} == {axes - 2, axes - 1}


class _Plain(_Written):
    """Attention of which queries and keys may be scaled before their product, and the scores after it."""

    def __init__(self, network: Part, causal: set[str]) -> None:
        super().__init__(network)
        self._causal = causal

    def whole(self, softmax: Node) -> dict[str, Whole]:
        """The layer by the node that ends it, and what turns its keys otherwise; none if it is another."""
        layer: Any = softmax.layer
        axes = len(self._network.facts[softmax.name].output)
        given = softmax.inputs[0]
        hides = given.node in self._causal and self._is_read_once(given.node)
        scores, factor = self._unscaled(self._made[given.node].inputs[0] if hides else given)
        last = self._reader(softmax.name)
        dropped = 0.0
        if last is not None and last.layer.type == "dropout":
            dropout: Any = last.layer
            dropped, last = dropout.p, self._reader(last.name)
        if layer.dim % axes != axes - 1 or scores is None or last is None or last.layer.type != "matmul":
            return {}
        if self._source(last.inputs[0]) != softmax.name or scores.layer.type != "matmul":
            return {}
        queries, keys, factor = self._operands(scores, factor)
        if keys is None:
            return {}
        read = (queries, keys, last.inputs[1])
        shapes = [self._shape(ref) for ref in read]
        turned = self._turned_back(keys)
        shapes[1] = turned[keys.node].facts.output if turned else shapes[1]
        usual = math.isclose(factor * math.sqrt(int(shapes[0][-1])), 1, rel_tol=1e-4)
        said: dict[str, Any] = {"is_causal": True} if hides else {}
        whole = TYPES["scaled_dot_product_attention"](scale=None if usual else factor, dropout_p=dropped, **said)
        facts = self._facts(whole, shapes, scores, last)
        return {} if facts is None else {**turned, last.name: Whole(read, whole, facts)}

    def _turned_back(self, keys: Ref) -> dict[str, Whole]:
        """What makes keys of what was turned into their place and for the product at once; none otherwise."""
        node = self._made.get(keys.node)
        layer: Any = None if node is None else node.layer
        if node is None or layer.type != "permute" or not self._is_turned_at_once(node):
            return {}
        dims = [*layer.dims[:-2], layer.dims[-1], layer.dims[-2]]
        moved = [axis for axis, place in enumerate(dims) if axis != place]
        swaps = len(moved) == 2
        other = TYPES["transpose"](dim0=moved[0], dim1=moved[1]) if swaps else TYPES["permute"](dims=dims)
        name = ".".join((*node.group, other.type))
        return {node.name: Whole(node.inputs, other, other.facts(*self._network.facts[node.name].inputs), name)}

    def _is_turned_at_once(self, node: Node) -> bool:
        """Whether a node that turns all axes exchanges the last two after others."""
        layer: Any = node.layer
        axes = len(self._network.facts[node.name].output)
        return layer.type == "permute" and len(layer.dims) == axes > 2 and self._is_read_once(node.name)

    def _operands(self, scores: Node, factor: float) -> tuple[Ref, Ref | None, float]:
        """What is multiplied before it is scaled and turned, and all factors together."""
        queries, by = self._past_scales(scores.inputs[0])
        factor *= by
        turned, by = self._past_scales(scores.inputs[1])
        factor *= by
        node = self._made.get(turned.node)
        if node is None or not self._is_read_once(node.name) or not node.inputs:
            return queries, None, factor
        if self._is_turned_at_once(node):
            return queries, turned, factor
        if not _exchanges(node.layer, len(self._network.facts[node.name].output)):
            return queries, None, factor
        keys, by = self._past_scales(node.inputs[0])
        return queries, keys, factor * by

    def _past_scales(self, ref: Ref) -> tuple[Ref, float]:
        factor = 1.0
        while (node := self._made.get(ref.node)) is not None and node.layer.type == "scale":
            layer: Any = node.layer
            if layer.shift or not self._is_read_once(node.name):
                break
            factor *= layer.factor
            ref = node.inputs[0]
        return ref, factor

    def _unscaled(self, ref: Ref) -> tuple[Node | None, float]:
        found, factor = self._past_scales(ref)
        node = self._made.get(found.node)
        return (node if node is not None and self._is_read_once(node.name) else None), factor

    def _is_read_once(self, name: str) -> bool:
        return self._reader(name) is not None

    def _source(self, ref: Ref) -> str:
        node = self._made.get(ref.node)
        return node.inputs[0].node if node is not None and node.layer.type == "dropout" else ref.node

    def _shape(self, ref: Ref) -> Shape:
        node = self._made.get(ref.node)
        for reader in self._network.nodes:
            if ref in reader.inputs and node is None:
                return self._network.facts[reader.name].inputs[reader.inputs.index(ref)]
        return self._network.facts[ref.node].outputs[ref.output]

"""RMS norms that are written out, a mean square, a root and products, as the layer they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from archscope.layers import TYPES, Facts, Layer
from archscope.network import Node, Ref
from archscope.recognising.replacing import Part, Pieces, Whole, replaced


class _Norm(NamedTuple):
    """A norm as it is written out.

    Attributes:
        base: what is normalized.
        eps: what is added to the mean square.
        end: the node that ends it, which may be before its weight.
        within: all its nodes.
        weight: its weight, if it has one.
    """

    base: Ref
    eps: float
    end: str
    within: frozenset[str]
    weight: str = ""


def normed(network: Part) -> Part:
    """A network in which RMS norms are layers, with their weights where nothing else has them."""
    if not any(node.layer.type == "mean" for node in network.nodes):
        return network
    written = _Written(network)
    return replaced(network, written.wholes([*written.norms()]))


class _Written(Pieces):
    """RMS norms as they are written out: a square, its mean, a step, a root, a product, and a weight's product."""

    def norms(self) -> Iterator[_Norm]:
        """Every norm, with its weight if that is nobody else's but other norms'."""
        found = {each.end: each for each in map(self._bare, self._network.nodes) if each is not None}
        weighed = {norm.end: self._weighed(norm) for norm in found.values()}
        ends = {each.end for each in weighed.values() if each is not None}
        for norm in found.values():
            with_weight = weighed[norm.end]
            own = with_weight is not None and all(name in ends for name in self._names(with_weight.weight))
            yield with_weight if own and with_weight is not None else norm

    def _bare(self, mean: Node) -> _Norm | None:
        """The norm that a mean belongs to, without a weight."""
        layer: Any = mean.layer
        if layer.type != "mean" or not layer.keepdim or not self._is_last(mean):
            return None
        square, step = self._made.get(mean.inputs[0].node), self._reader(mean.name)
        if square is None or step is None or not _squares(square) or self._reader(square.name) is not mean:
            return None
        shifts: Any = step.layer
        root = self._reader(step.name)
        if shifts.type != "scale" or shifts.factor != 1 or shifts.shift <= 0 or root is None:
            return None
        end, base = self._reader(root.name), square.inputs[0]
        if end is None or not _divides(root.layer, end, base, root.name):
            return None
        within = frozenset([square.name, mean.name, step.name, root.name, end.name])
        return _Norm(base, shifts.shift, end.name, within)

    def _weighed(self, norm: _Norm) -> _Norm | None:
        """The norm with the weight that alone multiplies what it makes."""
        end = self._reader(norm.end)
        if end is None or end.layer.type != "multiply" or len(end.inputs) != 2:
            return None
        other = next((ref.node for ref in end.inputs if ref.node != norm.end), "")
        weight = self._made.get(other)
        width = int(self._network.facts[norm.end].output[-1])
        if weight is None or weight.layer.type != "parameter":
            return None
        held = self._network.facts[other].output
        if int(held[-1]) != width or any(int(each) != 1 for each in held[:-1]):
            return None
        return norm._replace(end=end.name, within=norm.within | {end.name}, weight=other)

    def wholes(self, norms: list[_Norm]) -> dict[str, Whole]:
        """The layers, by the node that ends each."""
        covered = {name for norm in norms for name in (*norm.within, norm.weight)}
        beside = {node.group[:depth] for node in self._network.nodes if node.name not in covered
                  for depth in range(1, len(node.group) + 1)}  # fmt: skip
        place = {node.name: number for number, node in enumerate(self._network.nodes)}
        found: dict[str, Whole] = {}
        holders: dict[str, str] = {}
        for norm in sorted(norms, key=lambda each: place[each.end]):
            layer, facts = self._layer(norm)
            group = self._made[norm.end].group
            name = ".".join(group if group and group not in beside else (*group, layer.type))
            found[norm.end] = Whole((norm.base,), layer, facts, name, holders.get(norm.weight))
            if norm.weight:
                holders.setdefault(norm.weight, norm.end)
        return found

    def _layer(self, norm: _Norm) -> tuple[Layer, Facts]:
        shape = self._network.facts[norm.end].output
        layer = TYPES["rms_norm"](normalized_shape=[int(shape[-1])], eps=norm.eps, elementwise_affine=bool(norm.weight))
        facts = layer.facts(shape)
        if not norm.weight:
            return layer, facts
        (held,), (stated,) = self._network.facts[norm.weight].weights, facts.weights
        return layer, facts.replace(weights=(stated.replace(trainable=held.trainable, dtype=held.dtype),))

    def _is_last(self, mean: Node) -> bool:
        layer: Any = mean.layer
        axes = len(self._network.facts[mean.name].inputs[0])
        dims = layer.dim if isinstance(layer.dim, (list, tuple)) else [layer.dim]
        return axes > 0 and [each % axes for each in dims] == [axes - 1]

    def _names(self, name: str) -> list[str]:
        """What reads a node."""
        return [*([""] if name in self._outputs else ()),
                *(self._network.nodes[place].name for place in self._readers.get(name, ()))]  # fmt: skip


def _squares(node: Node) -> bool:
    layer: Any = node.layer
    alike = len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]
    return (layer.type == "power" and layer.exponent == 2) or (layer.type == "multiply" and alike)


def _divides(root: Any, end: Node, base: Ref, name: str) -> bool:
    """Whether a node divides what is normalized by a root."""
    over = (root.type == "power" and root.exponent == 0.5) or root.type == "sqrt"
    if end.layer.type == "divide" and over:
        return end.inputs == (base, Ref(name))
    under = root.type == "power" and root.exponent == -0.5
    return end.layer.type == "multiply" and under and {*end.inputs} == {base, Ref(name)} and len(end.inputs) == 2


__all__ = ["normed"]

"""Squared distances from codes that are written out, a difference, its square and a sum, as the units they are."""

from __future__ import annotations

from typing import Any

from archscope.errors import Rejects
from archscope.layers import TYPES, Facts
from archscope.layers.base import Weight
from archscope.network import Node
from archscope.recognising.norms import squares
from archscope.recognising.replacing import Part, Pieces, Whole, replaced


def distant(network: Part) -> Part:
    """A network in which squared distances from codes are Euclidean RBF units."""
    if not any(node.layer.type == "sum" for node in network.nodes):
        return network
    written = _Written(network)
    ends = {node.name: whole for node in network.nodes if (whole := written.units(node)) is not None}
    return replaced(network, ends) if ends else network


class _Written(Pieces):
    """Differences from codes, squared and added up."""

    def units(self, end: Node) -> Whole | None:
        """The units that a sum ends; None where it is another."""
        layer: Any = end.layer
        square = self._before(end) if layer.type == "sum" and not layer.keepdim and self._is_over_last(end) else None
        apart = self._before(square) if square is not None and squares(square) else None
        found = None if apart is None else self._codes(apart)
        if apart is None or found is None:
            return None
        spread, held, roles = found
        if spread.layer.type != "unsqueeze" or len(held.shape) < 2:
            return None
        given, between = (self._network.facts[spread.name].inputs[0], self._network.facts[spread.name].output)
        many, wide = held.shape[-2:]
        if (*given[:-1], 1, *given[-1:]) != between or wide != given[-1] or held.values != many * wide:
            return None
        units = TYPES["rbf"](out_features=int(many), **({"trainable": True} if held.trainable else {}))
        facts = self._counted(units, given, held)
        if facts is None or facts.output != self._network.facts[end.name].output:
            return None
        named = self._names_for({end.name, apart.name, spread.name, *roles, *(each.node for each in end.inputs)})
        return Whole(spread.inputs, units, facts, named(end, units), roles=roles)

    def _counted(self, units: Any, given: tuple[int, ...], held: Weight) -> Facts | None:
        try:
            facts: Facts = units.facts(given)
        except Rejects:
            return None
        return facts.replace(weights=tuple(each.replace(trainable=held.trainable, dtype=held.dtype)
                                           for each in facts.weights))  # fmt: skip

    def _codes(self, apart: Node) -> tuple[Node, Weight, dict[str, str]] | None:
        """What a difference is one of beside the codes, those, and what the weight of a parameter is called then."""
        called = getattr(apart.layer, "called", apart.layer.type)
        if called not in ("sub", "rsub", "subtract"):
            return None
        weights = self._network.facts[apart.name].weights
        if len(apart.inputs) == len(weights) == 1:
            spread = self._only(apart.inputs[0])
            return None if spread is None else (spread, weights[0], {})
        nodes = [self._only(ref) for ref in apart.inputs]
        codes = next((each for each in nodes if each is not None and each.layer.type == "parameter"), None)
        spread = next((each for each in nodes if each is not None and each is not codes), None)
        if codes is None or spread is None or len(nodes) != 2 or codes.shares is not None:
            return None
        return spread, self._network.facts[codes.name].weights[0], {codes.name: "weight"}

    def _before(self, node: Node) -> Node | None:
        """What a node reads, where that is one value that nothing else reads."""
        return self._only(node.inputs[0]) if len({*node.inputs}) == 1 else None

    def _is_over_last(self, sum_: Node) -> bool:
        layer: Any = sum_.layer
        axes = len(self._network.facts[sum_.name].inputs[0])
        dims = layer.dim if isinstance(layer.dim, (list, tuple)) else [layer.dim]
        return axes > 0 and [each % axes for each in dims] == [axes - 1]


__all__ = ["distant"]

"""Local response normalization that is written out, a mean of squares over neighbouring maps, as the layer it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from archscope.layers import TYPES
from archscope.network import Node, Ref
from archscope.recognising.replacing import Part, Pieces, Whole, replaced

_VIEWS: Final = frozenset({"reshape", "squeeze", "unsqueeze"})
_POOLS: Final[Mapping[str, str]] = {"avg_pool2d": "zero_pad2d", "avg_pool3d": "zero_pad3d"}
"""Pools over one more axis than maps have, and what puts zeros around their values."""


def responding(network: Part) -> Part:
    """A network in which local response normalization that is written out is a layer.

    As PyTorch writes it: maps become an axis of space, their squares are averaged along that, and the value is divided
    by a power of the mean, grown and shifted.
    """
    if not any(node.layer.type in _POOLS for node in network.nodes):
        return network
    written = _Written(network)
    ends = (node for node in network.nodes if node.layer.type == "divide" and len(node.inputs) == 2)
    return replaced(network, {node.name: found for node in ends if (found := written.whole(node)) is not None})


class _Written(Pieces):
    """A quotient, a power, a sum, a product, a pool, zeros around, a square; nothing else reads what is between."""

    def whole(self, end: Node) -> Whole | None:
        """The layer in the place of what ends in a quotient; None where that is something else."""
        value, divisor = end.inputs
        power = self._only(divisor)
        if power is None or power.layer.type != "power":
            return None
        factor, shift, ref = self._scaled(power.inputs[0])
        pool = self._only(self._past_views(ref))
        padded = None if pool is None or pool.layer.type not in _POOLS else self._only(pool.inputs[0])
        if pool is None or padded is None or padded.layer.type != _POOLS[pool.layer.type]:
            return None
        square = self._only(self._past_views(padded.inputs[0]))
        size = self._neighbours(pool.layer, padded.layer)
        shape = self._network.facts[end.name].output
        laid = self._network.facts[padded.name].inputs[0]
        as_laid = (*laid[:2], math.prod(laid[2:])) == (1, shape[0], math.prod(shape[1:])) if len(shape) > 1 else False
        if square is None or not size or not as_laid or not _is_square(square, value):
            return None
        exponent: Any = power.layer
        if factor <= 0 or exponent.exponent <= 0:
            return None
        layer = TYPES["lrn"](size=size, alpha=factor, beta=exponent.exponent, k=shift)
        named = self._names_for(self._between(square, end))
        return Whole((value,), layer, layer.facts(shape), named(end, layer))

    def _scaled(self, ref: Ref) -> tuple[float, float, Ref]:
        """What a value is multiplied by, what is added then, and the value."""
        factor, shift = 1.0, 0.0
        while (node := self._only(ref)) is not None and node.layer.type == "scale":
            layer: Any = node.layer
            shift += factor * layer.shift
            factor *= layer.factor
            ref = node.inputs[0]
        return factor, shift, ref

    def _past_views(self, ref: Ref) -> Ref:
        while (node := self._only(ref)) is not None and node.layer.type in _VIEWS:
            ref = node.inputs[0]
        return ref

    def _between(self, first: Node, end: Node) -> set[str]:
        """The nodes from one to another, in the order that they run in."""
        return {node.name for node in self._network.nodes[self._places[first.name] : self._places[end.name] + 1]}

    def _neighbours(self, pool: Any, padded: Any) -> int:
        """Maps that a mean is taken over, with as many before as PyTorch's layer has; 0 if it is another mean."""
        size, *rest = pool.kernel_size
        around = ((size // 2, (size - 1) // 2), *((0, 0) for _ in rest))
        plain = {*pool.stride} == {1} and _is_none(pool.padding) and {*rest} == {1}
        return size if plain and tuple(padded.padding) == around else 0


def _is_none(padding: Any) -> bool:
    """Whether nothing is put around, however it is said."""
    return not any(any(each) if isinstance(each, tuple) else each for each in padding)


def _is_square(node: Node, value: Ref) -> bool:
    """Whether a node makes the square of a value."""
    layer: Any = node.layer
    by_itself = layer.type == "multiply" and node.inputs == (value, value)
    return by_itself or (layer.type == "power" and layer.exponent == 2 and node.inputs == (value,))


__all__ = ["responding"]

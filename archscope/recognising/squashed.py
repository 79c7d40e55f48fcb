"""Activations that are written out, a value times what a sigmoid makes of it, as the layers they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from archscope.layers import TYPES, Layer
from archscope.network import Node, Ref
from archscope.recognising.replacing import Part, Pieces, Whole, replaced

_POINTS: Final = (-6.1, -3.7, -2.9, -1.3, -0.31, 0.17, 0.83, 1.9, 3.2, 6.3)
"""Where what is written out is held against an activation: both sides of every bend that one has."""

_LONGEST: Final = 12
"""Nodes of the longest way to write an activation out, GELU's approximation with a cube of two products, and more."""

_ENDS: Final = frozenset({"multiply", "divide", "scale", "power"})
"""What the last node of one is."""


def _sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def _softplus(a: float) -> float:
    return math.log1p(math.exp(a))


def _relu6(a: float) -> float:
    return min(max(a, 0.0), 6.0)


_OF_ONE: Final[Mapping[str, Callable[[Any, float], float]]] = {
    "abs": lambda _, a: abs(a),
    "erf": lambda _, a: math.erf(a),
    "erfc": lambda _, a: math.erfc(a),
    "exp": lambda _, a: math.exp(a),
    "hardsigmoid": lambda _, a: _relu6(a + 3) / 6,
    "power": lambda layer, a: math.pow(a, layer.exponent),
    "relu": lambda _, a: max(a, 0.0),
    "relu6": lambda _, a: _relu6(a),
    "scale": lambda layer, a: layer.factor * a + layer.shift,
    "sigmoid": lambda _, a: _sigmoid(a),
    "softplus": lambda layer, a: _softplus(layer.beta * a) / layer.beta,
    "tanh": lambda _, a: math.tanh(a),
}
"""What a node makes of one value."""

_OF_TWO: Final[Mapping[str, Callable[[float, float], float]]] = {
    "add": lambda a, b: a + b,
    "divide": lambda a, b: a / b,
    "multiply": lambda a, b: a * b,
    "subtract": lambda a, b: a - b,
}
"""What a node makes of two."""

_KNOWN: Final[tuple[tuple[str, Mapping[str, Any], Callable[[float], float]], ...]] = (
    ("gelu", {}, lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2),
    (
        "gelu",
        {"approximate": "tanh"},
        lambda a: a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))) / 2,
    ),
    ("silu", {}, lambda a: a * _sigmoid(a)),
    ("mish", {}, lambda a: a * math.tanh(_softplus(a))),
    ("hardswish", {}, lambda a: a * _relu6(a + 3) / 6),
    ("hardsigmoid", {}, lambda a: _relu6(a + 3) / 6),
    ("sigmoid", {}, _sigmoid),
    ("softsign", {}, lambda a: a / (1 + abs(a))),
    ("scaled_tanh", {}, lambda a: 1.7159 * math.tanh(2 / 3 * a)),
)
"""The activations that are looked for, by type and options, and what each makes of a value."""


class _Step(NamedTuple):
    """A node, and what it makes of its values."""

    node: Node
    function: Callable[..., float]


class _Region(NamedTuple):
    """Nodes that make one value of one value.

    Attributes:
        base: the value that they read.
        steps: them, the last first.
    """

    base: Ref
    steps: tuple[_Step, ...]


def squashed(network: Part) -> Part:
    """A network in which activations that are written out are layers, whatever the order of their factors.

    What is written out is known by its values, and not by its form: it is worked out at ten places.
    """
    if not any(node.layer.type in _ENDS for node in network.nodes):
        return network
    written = _Written(network)
    return replaced(network, written.wholes(dict(written.activations())))


class _Written(Pieces):
    """Activations as they are written out: nodes of one value, of which nothing else reads what is between."""

    def activations(self) -> Iterator[tuple[_Region, Layer]]:
        """Every activation that is written out, and the layer that it is; a part of another one is none."""
        taken: set[str] = set()
        for end in reversed(self._network.nodes):
            if end.layer.type not in _ENDS or end.name in taken:
                continue
            for region in self._regions(end):
                layer = _activation(region)
                if layer is not None:
                    taken.update(step.node.name for step in region.steps)
                    yield region, layer
                    break

    def _regions(self, end: Node) -> Iterator[_Region]:
        """What ends in a node and reads one value, the shortest first."""
        steps: list[_Step] = []
        within: set[str] = set()
        shape = self._network.facts[end.name].output
        node = end
        while len(steps) < _LONGEST and self._network.facts[node.name].output == shape:
            function = _function(node)
            if function is None:
                return
            steps.append(_Step(node, function))
            within.add(node.name)
            reads = {ref for step in steps for ref in step.node.inputs if ref.node not in within}
            if len(reads) == 1 and len(steps) > 1:
                yield _Region(next(iter(reads)), tuple(steps))
            last = max((ref.node for ref in reads), key=self._place)
            if last not in self._made or last in self._outputs or not self._all_within(last, within):
                return
            node = self._made[last]

    def _place(self, name: str) -> int:
        return self._places.get(name, -1)

    def _all_within(self, name: str, within: set[str]) -> bool:
        return all(self._network.nodes[place].name in within for place in self._readers.get(name, ()))

    def wholes(self, found: Mapping[_Region, Layer]) -> dict[str, Whole]:
        """The layers, by the node that ends each."""
        named = self._names_for({step.node.name for region in found for step in region.steps})
        wholes: dict[str, Whole] = {}
        for region, layer in found.items():
            end = region.steps[0].node
            facts = layer.facts(self._network.facts[end.name].output)
            wholes[end.name] = Whole((region.base,), layer, facts, named(end, layer))
        return wholes


def _function(node: Node) -> Callable[..., float] | None:
    """What a node makes of its values, if that is known."""
    layer: Any = node.layer
    called = getattr(layer, "called", layer.type)
    if len(node.inputs) == 1 and called in _OF_ONE:
        return lambda a: _OF_ONE[called](layer, a)
    return _OF_TWO.get(called) if len(node.inputs) == 2 else None


def _activation(region: _Region) -> Layer | None:
    """The activation that makes the same of every value."""
    try:
        made = [_worked(region, point) for point in _POINTS]
    except (ArithmeticError, ValueError):  # a root of a negative number: no activation has one
        return None
    for type_, options, function in _KNOWN:
        if all(math.isclose(own, function(point), rel_tol=1e-6, abs_tol=1e-6)
               for own, point in zip(made, _POINTS, strict=True)):  # fmt: skip
            return TYPES[type_](**options)
    return None


def _worked(region: _Region, point: float) -> float:
    """What a region makes of a value."""
    values = {region.base: point}
    made = point
    for node, function in reversed(region.steps):
        made = values[Ref(node.name)] = function(*(values[ref] for ref in node.inputs))
    return made


__all__ = ["squashed"]

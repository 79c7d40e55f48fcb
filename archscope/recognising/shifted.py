"""Learned numbers for each map that code multiplies and adds itself: biases of a layer, and LeCun's sub-sampling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from archscope.layers import TYPES, Facts, Layer
from archscope.network import Node, Ref
from archscope.recognising.function import Function
from archscope.recognising.replacing import Part, Pieces, Whole, replaced
from archscope.record import EMPTY
from archscope.working import count, product

_AT_EVERY: Final = frozenset({"linear"} | {f"conv{more}{axes}d" for more in ("", "_transpose") for axes in (1, 2, 3)})
"""Types of layers that have a bias for each map, or for each feature."""

_CHOOSES: Final = frozenset({"index", "index_select", "getitem", "gathernd"})
"""Functions that put maps into another order."""


class _Affine(NamedTuple):
    """A value with a learned number for each map added to it.

    Attributes:
        value: the value.
        shift: the node of the numbers.
        end: the node that adds them.
    """

    value: Ref
    shift: str
    end: Node


class _Biased(NamedTuple):
    """A layer with its biases, and the sum that adds them."""

    layer: Layer
    facts: Facts
    sum: _Affine


def shifted(network: Part, divisors: Mapping[str, int] = EMPTY) -> Part:
    """A network in which biases that code adds itself are the layer's, and sub-sampling that it writes is a layer.

    ``divisors`` are what average pools divide the sum of a window by, by name, where that is not what is in one.
    """
    if not any(node.layer.type == "parameter" for node in network.nodes):
        return network
    written = _Written(network, divisors)
    ends: dict[str, Whole] = {}
    layers: dict[str, _Biased] = {}
    for each in written.affine():
        found = written.biased(each)
        if found is None:
            ends |= written.subsampling(each) or written.of_parts(each)
        else:
            layers[each.value.node] = found
    network = _with_biases(network, layers) if layers else network
    return replaced(network, ends) if ends else network


def _with_biases(network: Part, layers: Mapping[str, _Biased]) -> Part:
    """The network with layers in their places, and what added their biases gone."""
    sums = {each.sum.end.name: Ref(name) for name, each in layers.items()}
    gone = {**{name: ref.node for name, ref in sums.items()}, **{each.sum.shift: name for name, each in layers.items()}}
    nodes: list[Node] = []
    for node in network.nodes:
        if node.name not in gone:
            layer = layers[node.name].layer if node.name in layers else node.layer
            nodes.append(node.replace(layer=layer, inputs=tuple(sums.get(ref.node, ref) for ref in node.inputs)))
    facts = {name: each for name, each in network.facts.items() if name not in gone}
    facts |= {name: each.facts for name, each in layers.items()}
    within = {name: gone.get(row, row) for name, row in network.within.items()}
    roles = {each.sum.shift: "bias" for each in layers.values()}
    outputs = tuple(sums.get(ref.node, ref) for ref in network.outputs)
    return Part(nodes, outputs, facts, {**within, **gone}, {**network.roles, **roles})


class _Written(Pieces):
    """Nodes that multiply and add a learned number for each map."""

    def __init__(self, network: Part, divisors: Mapping[str, int]) -> None:
        super().__init__(network)
        self._divisors = divisors
        self._shared = {node.shares for node in network.nodes}

    def affine(self) -> Iterator[_Affine]:
        """Every sum of a value and a learned number for each map."""
        for node in self._network.nodes:
            if node.layer.type == "add" and (found := self._beside(node)) is not None:
                yield _Affine(*found, node)

    def _beside(self, node: Node) -> tuple[Ref, str] | None:
        """What a node of two values reads beside a parameter that nothing else reads, and that."""
        if len(node.inputs) != 2:
            return None
        for value, other in (node.inputs, node.inputs[::-1]):
            learned = self._made.get(other.node)
            if learned is not None and learned.layer.type == "parameter" and self._reader(learned.name) is node:
                return (value, other.node) if learned.name not in self._shared and learned.shares is None else None
        return None

    def _for_each(self, name: str, axis: int, shape: tuple[int, ...]) -> bool:
        """Whether a parameter is a number for each step of an axis of a shape."""
        wanted = [1] * len(shape)
        wanted[axis] = shape[axis]
        return [*map(int, self._network.facts[name].output)] == wanted

    def _for_all(self, name: str, shape: tuple[int, ...]) -> bool:
        """Whether a parameter is a number for each value of a shape."""
        return tuple(map(int, self._network.facts[name].output)) == tuple(map(int, shape))

    def subsampling(self, sum_: _Affine) -> dict[str, Whole]:
        """The layers that sub-sampling is: that of sums, and a factor before it where the code does not take sums."""
        product_ = self._only(sum_.value)
        found = None if product_ is None or product_.layer.type != "multiply" else self._beside(product_)
        pooled = None if found is None else self._pooled(self._only(found[0]))
        if product_ is None or found is None or pooled is None:
            return {}
        pool, times, covered = pooled
        shape = self._network.facts[sum_.end.name].output
        if shape != self._network.facts[pool.name].output or not all(
            self._for_each(each, 0, shape) for each in (found[1], sum_.shift)
        ):
            return {}
        like: Any = pool.layer.like if isinstance(pool.layer, Function) else pool.layer
        layer = TYPES["subsampling"](kernel_size=like.kernel_size, stride=like.stride)
        given = self._network.facts[pool.name].inputs[0]
        facts = self._with_held(layer.facts(given), {"weight": found[1], "bias": sum_.shift})
        roles = {found[1]: "weight", sum_.shift: "bias"}
        gone = {pool.name, product_.name, sum_.end.name, *roles, *covered}
        named = self._names_for(gone)
        wholes: dict[str, Whole] = {}
        reads = pool.inputs
        if not math.isclose(times, 1):
            before = TYPES["scale"](factor=times)
            name = ".".join((*pool.group, "scale"))
            wholes[pool.name], reads = Whole(reads, before, before.facts(given), name), (Ref(pool.name),)
        # Weights of one layer that are values of the module itself are called after it.
        stem = found[1].removesuffix("_weight")
        free = stem in gone or stem not in self._made
        own = stem if free and f"{stem}_bias" == sum_.shift else named(sum_.end, layer)
        wholes[sum_.end.name] = Whole(reads, layer, facts, own, roles=roles)
        return wholes

    def _pooled(self, node: Node | None) -> tuple[Node, float, set[str]] | None:
        """The pool that makes a value, what its windows' sums are taken times, and the nodes beside it."""
        factor, covered = 1.0, set[str]()
        if node is not None and node.layer.type == "scale" and not (scale := _any(node.layer)).shift:
            factor, covered, node = scale.factor, {node.name}, self._only(node.inputs[0])
        if node is None:
            return None
        pool: Any = node.layer.like if isinstance(node.layer, Function) else node.layer
        if getattr(pool, "type", "") != "avg_pool2d" or pool.ceil_mode or any(map(sum, pool.padding)):
            return None
        if isinstance(node.layer, Function) and node.name not in self._divisors:
            return None
        many = math.prod(pool.kernel_size)
        return node, factor / self._divisors.get(node.name, many), covered

    def biased(self, sum_: _Affine) -> _Biased | None:
        """The layer with the numbers as its biases, where it has none."""
        node = self._only(sum_.value)
        if node is None or node.layer.type not in _AT_EVERY or node.shares or node.name in self._shared:
            return None
        layer: Any = node.layer
        facts = self._network.facts[node.name]
        axis = len(facts.output) - 1 if layer.type == "linear" else 0
        each = self._for_each(sum_.shift, axis, facts.output)
        if layer.bias or not (each or (layer.type == "conv2d" and self._for_all(sum_.shift, facts.output))):
            return None
        with_bias = TYPES[layer.type](**{**layer.stated(), "bias": True, **({} if each else {"untie_biases": True})})
        stated = self._with_held(with_bias.facts(*facts.inputs), {"bias": sum_.shift})
        facts = facts.replace(weights=(*facts.weights, *stated.weights[-1:]), connections=stated.connections,
                              connections_in_bounds=stated.connections_in_bounds)  # fmt: skip
        return _Biased(with_bias, facts, sum_)

    def of_parts(self, sum_: _Affine) -> dict[str, Whole]:
        """Biases of what several convolutions over parts of one weight make side by side: a line for each unit.

        Likewise those of an `einsum` of a learned tensor, such as convolutions that share no weights.
        """
        shape = self._network.facts[sum_.end.name].output
        each, untied = self._for_each(sum_.shift, 0, shape), self._for_all(sum_.shift, shape)
        if not (each or untied) or not (self._is_of_parts(sum_.value) or (untied and self._is_learned(sum_.value))):
            return {}
        (weight,) = self._network.facts[sum_.shift].weights
        lines = product(count(each) for each in shape)
        own = weight.replace(name="bias", shape=shape[:1] if each else shape)
        facts = Facts((shape,), (shape,), (own,), connections=lines, connections_in_bounds=lines, windows=(),
                      shifts=True)  # fmt: skip
        name = ".".join((*sum_.end.group, "biases"))
        added = Function("add", facts, beyond="biases")
        return {sum_.end.name: Whole((sum_.value,), added, facts, name, roles={sum_.shift: "bias"})}

    def _is_learned(self, ref: Ref) -> bool:
        """Whether a value is what an `einsum` of a tensor of its own makes, and nothing else reads it."""
        node = self._only(ref)
        facts = None if node is None else self._network.facts[node.name]
        called = "" if node is None or not isinstance(node.layer, Function) else node.layer.called
        return called == "einsum" and facts is not None and bool(facts.weights)

    def _is_of_parts(self, ref: Ref) -> bool:
        """Whether a value is what convolutions make side by side, in any order, of chosen maps or with parts of one."""
        made = [*self._convolved(ref)]
        return all(made) and any(each is not None and self._is_part(each) for each in made)

    def _convolved(self, ref: Ref) -> Iterator[Node | None]:
        """The convolutions without biases that a value has the maps of; None for anything else."""
        node = self._only(ref)
        layer: Any = None if node is None else node.layer
        if node is not None and ((layer.type == "concat" and layer.dim == 0) or _chooses(node)):
            for each in node.inputs:
                yield from self._convolved(each)
            return
        like: Any = layer.like if isinstance(layer, Function) else layer
        yield node if like is not None and like.type == "conv2d" and not like.bias else None

    def _is_part(self, conv: Node) -> bool:
        before = self._made.get(conv.inputs[0].node)
        return isinstance(conv.layer, Function) or (before is not None and _chooses(before))

    def _with_held(self, facts: Facts, held: Mapping[str, str]) -> Facts:
        """The facts with weights as parameters hold them, by the name of the weight."""
        weights = []
        for stated in facts.weights:
            if stated.name in held:
                own = self._network.facts[held[stated.name]].weights[0]
                stated = stated.replace(trainable=own.trainable, dtype=own.dtype)
            weights.append(stated)
        return facts.replace(weights=tuple(weights))


def _chooses(node: Node) -> bool:
    return isinstance(node.layer, Function) and node.layer.called in _CHOOSES and len(node.inputs) == 1


def _any(layer: Layer) -> Any:
    return layer


__all__ = ["shifted"]

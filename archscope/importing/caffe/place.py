"""`Place`: one layer of a Caffe file while the network is put together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from archscope.errors import Rejects, UsageError
from archscope.escaping import line
from archscope.importing.caffe.net import Blob, Call
from archscope.importing.caffe.options import Options
from archscope.importing.nodes import Nodes as Kept
from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.layers.base import NOTHING, Weight
from archscope.network import Ref
from archscope.recognising.function import Function
from archscope.working import Count

_BETWEEN: Final = re.compile(r"[/.]+")


class Value(NamedTuple):
    """A result: where it comes from, and its shape without the batch."""

    ref: Ref
    shape: Shape


class Owner(NamedTuple):
    """Where a weight with a name stands."""

    node: str
    weight: Weight
    kind: str
    place: int


class Nodes(Kept):
    """The nodes so far, and the weights that have a name.

    Args:
        file: the file.
        batch: samples that run at once.
        written: samples that the file was written for.
        axis: the axis that they lie along: the first one, and the second where there are steps in front.
    """

    def __init__(self, file: str, *, batch: int, written: int, axis: int) -> None:
        super().__init__(file, batch)
        self.written = written
        self.axis = axis
        self.owners: dict[str, Owner] = {}


class Place:
    """One layer.

    Args:
        nodes: where its nodes are kept.
        call: what the file says of it.
        values: what it is given.
        message: the message that holds its options.
    """

    def __init__(self, nodes: Nodes, call: Call, values: list[Value], message: str) -> None:
        self.nodes = nodes
        self.call = call
        self.values = values
        own = Options(call.said, self.cannot, "the layer")
        self.options = Options(own.message(message), self.cannot, message)
        words = [each for each in _BETWEEN.split(line(call.name).replace(" ", "_")[:200]) if each]
        self._path = ".".join(words) or call.kind.lower()
        self._group = tuple(words[:-1])

    @property
    def kind(self) -> str:
        """Its type in Caffe."""
        return self.call.kind

    @property
    def value(self) -> Value:
        """The first value that it is given."""
        if not self.values:
            raise self.cannot("reads nothing")
        return self.values[0]

    def cannot(self, why: str, at: int = 0) -> UsageError:
        """It cannot be read."""
        return UsageError(f"{self.nodes.file}:{at or self.call.line}: the layer `{line(self.call.name)[:80]}` "
                          f"({self.kind[:80]}) {why}")  # fmt: skip

    def takes(self, many: int, most: int | None = None) -> None:
        """Insist on so many values."""
        found = len(self.values)
        if found < many or found > (many if most is None else most):
            raise self.cannot(f"reads {found} values, and takes {many if most is None else f'{many} to {most}'}")

    def axis(self, axis: int, rank: int | None = None) -> int:
        """An axis of Caffe's, which counts the batch, as one of a sample."""
        full = (len(self.value.shape) if rank is None else rank) + 1
        if not -full <= axis < full:
            raise self.cannot(f"has the axis {axis}, and is given {full} axes")
        own = axis % full
        if own == self.nodes.axis:
            raise self.cannot("works along the axis of the samples, which archscope does not read")
        return own if own < self.nodes.axis else own - 1

    def full(self, value: Value) -> list[int]:
        """The extents of a value with those of the batch that the file was written for."""
        found = [int(each) for each in value.shape]
        return [*found[: self.nodes.axis], self.nodes.written, *found[self.nodes.axis :]]

    def made(self, type_: str, values: Sequence[Value] | None = None, *, name: str = "", **options: Any) -> Value:
        """Keep a layer of a type; its first result."""
        return self.layer(self.typed(type_, options), self.values if values is None else values, name=name)[0]

    def layer(
        self, layer: Layer, values: Sequence[Value], *, name: str = "", facts: Facts | None = None, blobs: int = 0,
        of: Value | None = None,
    ) -> list[Value]:  # fmt: skip
        """Keep a node of a layer, whose weights are those of the file from one on, or of another node; its results."""
        facts = self.facts(layer, values) if facts is None else facts
        own = self.nodes.named(f"{self._path}{name}")
        shares, apart = None if of is None else of.ref.node, ""
        if of is None:
            facts, shares, apart = self._held(facts, own, blobs)
        else:
            facts = facts.replace(weights=self.nodes.facts[of.ref.node].weights)
        if apart and not isinstance(layer, Function):
            layer = Function(self.kind, facts, like=layer, beyond=apart)
        self.nodes.keep(own, layer, tuple(each.ref for each in values), facts, self._group, shares)
        return [Value(Ref(own, place), shape) for place, shape in enumerate(facts.outputs)]

    def facts(self, layer: Layer, values: Sequence[Value]) -> Facts:
        """What a layer says of itself here."""
        try:
            return layer.facts(*(value.shape for value in values))
        except Rejects as error:
            raise self.cannot(f"does not take what it is given: {error}") from None

    def function(
        self, called: str, values: Sequence[Value], outputs: Sequence[Shape], *, pointwise: bool = False, name: str = ""
    ) -> list[Value]:
        """Keep what no layer type describes, and multiplies nothing by weights."""
        lost = {} if pointwise else {"receptive_field": f"archscope has no layer type for `{called}`"}
        facts = Facts(tuple(value.shape for value in values), tuple(outputs), windows=() if pointwise else None,
                      reasons=lost)  # fmt: skip
        return self.layer(Function(called, facts), values, facts=facts, name=name)

    def like(
        self, type_: str, values: Sequence[Value], beyond: str, *, weights: Sequence[Weight] | None = None,
        lines: Count | None = NOTHING, output: Shape | None = None, **options: Any,
    ) -> Value:  # fmt: skip
        """Keep what is a layer of a type but for something: its products are the layer's, the rest is stated."""
        layer = self.typed(type_, options)
        facts = self.facts(layer, values)
        if weights is not None:
            facts = facts.replace(outputs=facts.outputs[:1], weights=tuple(weights), connections=lines,
                                  connections_in_bounds=lines)  # fmt: skip
        if output is not None:
            facts = facts.replace(outputs=(output,))
        return self.layer(Function(self.kind, facts, like=layer, beyond=beyond), values, facts=facts)[0]

    def learned(self, shape: Sequence[int], name: str, blob: int) -> Value:
        """Keep a weight of its own, as a value."""
        layer = self.typed("parameter", {"shape": list(shape)})
        return self.layer(layer, [], name=name, blobs=blob)[0]

    def typed(self, type_: str, options: Mapping[str, Any]) -> Layer:
        """A layer of a type."""
        try:
            return TYPES[type_](**options)
        except Rejects as error:
            raise self.cannot(f"is no `{type_}` of archscope: {error}") from None

    def _held(self, facts: Facts, own: str, first: int) -> tuple[Facts, str | None, str]:
        """The facts with weights as the file has them: trained or not, or those of another layer; why not all."""
        if not any(each.trainable for each in facts.weights):
            return facts, None, ""
        found: list[Weight] = []
        taken: list[Owner] = []
        for place, weight in enumerate(facts.weights, start=first):
            blob = self.call.blobs[place] if place < len(self.call.blobs) else Blob()
            weight = weight.replace(trainable=weight.trainable and blob.trained)
            owner = self.nodes.owners.get(blob.name) if blob.name else None
            if owner is None:
                if blob.name:
                    self.nodes.owners[blob.name] = Owner(own, weight, self.kind, place)
                found.append(weight)
                continue
            if owner.weight.values != weight.values:
                raise self.cannot(f"shares `{line(blob.name)[:40]}` with `{owner.node}`, where it has another shape")
            found.append(weight.replace(name=owner.weight.name, trainable=owner.weight.trainable))
            taken.append(owner)
        if not taken:
            return facts.replace(weights=tuple(found)), None, ""
        owner = taken[0]
        if any(each.node != owner.node for each in taken):
            raise self.cannot("shares weights with several layers, which archscope does not read")
        whole = len(taken) == len(found) and owner.kind == self.kind
        held = tuple(
            each if any(each.name == theirs.weight.name for theirs in taken) else each.replace(name=f"own {each.name}")
            for each in found
        )
        return facts.replace(weights=held), owner.node, "" if whole else f"some weights of `{owner.node}`"

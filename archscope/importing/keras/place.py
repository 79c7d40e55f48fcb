"""`Place`: one call of a Keras layer while the network is put together, with axes as archscope has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from archscope.errors import Rejects, UsageError
from archscope.escaping import line
from archscope.importing.nodes import Nodes as Kept
from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.layers.base import Weight
from archscope.network import Ref
from archscope.recognising.function import Function
from archscope.working import Count


class Padded(NamedTuple):
    """Padding around a value: before and after on each axis of its grid, the number that it is of, and what made it."""

    sides: tuple[tuple[int, int], ...]
    fill: float
    name: str


class Value(NamedTuple):
    """A result.

    Attributes:
        ref: where it comes from.
        shape: its extents, without what is padded.
        last: whether Keras has its channels last where we have them first.
        padded: padding around it that is no layer yet, as it may be of a window behind it.
    """

    ref: Ref
    shape: Shape
    last: bool = False
    padded: Padded | None = None


class Nodes(Kept):
    """The nodes so far, and the calls of layers that hold weights."""

    def __init__(self, file: str, *, first: bool, batch: int) -> None:
        super().__init__(file, batch)
        self.first = first
        self.owners: dict[str, str] = {}
        self.flattened = False
        self.turned: dict[tuple[Ref, bool], Value] = {}


class Said(dict[str, Any]):
    """What a file says of a layer's options: one that is asked for and is not there is told by its name."""

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        super().__init__(options)
        self._place = place

    def __missing__(self, name: str) -> Any:
        raise self._place.cannot(f"does not say `{line(name)[:40]}`")


class Place:
    """One call of a layer.

    Args:
        nodes: where its layers are kept.
        name: what it is called.
        kind: its class in Keras.
        options: its configuration.
        values: what it is given.
        given: what else it is called with.
        group: the models that it stands in.

    Attributes:
        called: what it is called with by place, where it is a function.
    """

    def __init__(
        self, nodes: Nodes, name: str, kind: str, options: Mapping[str, Any], values: list[Value],
        given: Mapping[str, Any], group: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.name = name
        self.called: Sequence[Any] = ()
        self.kind = kind
        self.options: Mapping[str, Any] = Said(options, self)
        self.values = values
        self.given = given
        self._group = group
        self._path = ".".join((*group, name))
        self.trains = bool(options.get("trainable", True))

    @property
    def value(self) -> Value:
        """The one value that it is given."""
        if not self.values:
            raise self.cannot("is given nothing")
        return self.values[0]

    def cannot(self, why: str) -> UsageError:
        """It cannot be read."""
        return UsageError(f"{self.nodes.file}: the layer `{self._path}` ({line(self.kind)[:80]}) {why}")

    def numbers(self, name: str, axes: int, usual: int = 1) -> tuple[int, ...]:
        """An option with a number for each axis."""
        said = self.options.get(name, usual)
        many = (said,) * axes if isinstance(said, (int, float)) else tuple(said)
        if len(many) != axes:
            raise self.cannot(f"has `{name}` of {len(many)} axes where there are {axes}")
        return tuple(int(each) for each in many)

    def grid(self, axes: int) -> Value:
        """Its value with channels in front of so many axes."""
        value = self.value
        if len(value.shape) != axes + 1:
            raise self.cannot(f"takes {axes + 1} axes, and is given {len(value.shape)}")
        return self._turned(value, first=True)

    def plain(self, value: Value | None = None) -> Value:
        """A value with its axes as Keras has them."""
        return self._turned(self.value if value is None else value, first=False)

    def settled(self, value: Value) -> Value:
        """A value whose padding is a layer of its own."""
        if value.padded is None:
            return value
        sides, fill, name = value.padded
        flat = [side for pair in reversed(sides) for side in pair]
        whole = value._replace(padded=None)
        own = Place(self.nodes, name, "Pad", {}, [whole], {}, self._group)
        if not fill:
            return own.made(f"zero_pad{len(sides)}d", padding=flat)
        return own.made(f"constant_pad{len(sides)}d", padding=flat, value=fill)

    def alike(self) -> list[Value]:
        """All values with their axes in one order; there is one at least."""
        if all(value.last == self.value.last for value in self.values or [self.value]):
            return self.values
        return [self.plain(value) for value in self.values]

    def _turned(self, value: Value, *, first: bool) -> Value:
        rank = len(value.shape)
        if value.last is first or rank < 2 or self.nodes.first:
            return value
        if (value.ref, first) in self.nodes.turned:
            return self.nodes.turned[value.ref, first]
        order = [rank - 1, *range(rank - 1)] if first else [*range(1, rank), 0]
        layer = TYPES["transpose"](dim0=0, dim1=1) if rank == 2 else TYPES["permute"](dims=order)
        made = self.layer(layer, [value], f"{self._path}.{layer.type}")
        turned = self.nodes.turned[value.ref, first] = made._replace(last=first)
        return turned

    def made(self, type_: str, values: list[Value] | None = None, *, name: str = "", **options: Any) -> Value:
        """Keep a layer of a type; what it makes has its axes as its first input."""
        return self.all_made(type_, values, name=name, **options)[0]

    def all_made(self, type_: str, values: list[Value] | None = None, *, name: str = "", **options: Any) -> list[Value]:
        """Keep a layer of a type; all that it makes, with axes as its first input."""
        try:
            layer = TYPES[type_](**options)
        except Rejects as error:
            raise self.cannot(f"is no `{type_}` of archscope: {error}") from None
        first = self.layer(layer, self.values if values is None else values, f"{self._path}{name}")
        outputs = self.nodes.facts[first.ref.node].outputs
        return [first, *(first._replace(ref=Ref(first.ref.node, place), shape=shape)
                         for place, shape in enumerate(outputs[1:], start=1))]  # fmt: skip

    def layer(self, layer: Layer, values: list[Value], name: str, facts: Facts | None = None) -> Value:
        """Keep a node of a layer; weights of one that was called before are its own."""
        try:
            facts = layer.facts(*(value.shape for value in values)) if facts is None else facts
        except Rejects as error:
            raise self.cannot(f"does not take what it is given: {error}") from None
        if not self.trains and facts.weights:
            facts = facts.replace(weights=tuple(each.replace(trainable=False) for each in facts.weights))
        owner = self.nodes.owners.get(name) if facts.weights else None
        own = self.nodes.named(name)
        if facts.weights:
            self.nodes.owners.setdefault(name, own)
        refs = tuple(value.ref for value in values)
        self.nodes.keep(own, layer, refs, facts, tuple(own.split(".")[:-1]), owner)
        # One axis is in no order: what is made of it again has its axes as Keras has them.
        return Value(Ref(own), facts.output, bool(values) and values[0].last and len(facts.output) > 1)

    def function(
        self, called: str, like: Layer, values: list[Value], weights: tuple[Weight, ...], lines: Count | None,
        beyond: str,
    ) -> Value:  # fmt: skip
        """Keep what is a layer but for its weights: its products are the layer's, its weights and lines are stated."""
        try:
            facts = like.facts(*(value.shape for value in values))
        except Rejects as error:
            raise self.cannot(f"does not take what it is given: {error}") from None
        facts = facts.replace(outputs=facts.outputs[:1], weights=weights, connections=lines,
                              connections_in_bounds=lines)  # fmt: skip
        return self.layer(Function(called, facts, like=like, beyond=beyond), values, self._path, facts)

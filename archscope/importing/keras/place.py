"""`Place`: one call of a Keras layer while the network is put together, with axes as archscope has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from archscope.errors import Rejects, UsageError
from archscope.escaping import line
from archscope.importing.nodes import Nodes as Kept
from archscope.layers import TYPES, Facts, Layer, Shape
from archscope.layers.base import Weight
from archscope.network import Node, Ref
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
        ones: whether it is made of ones in the place of a value, of which a mean is the share that lies inside.
    """

    ref: Ref
    shape: Shape
    last: bool = False
    padded: Padded | None = None
    ones: bool = False


_GIVEN: Final = Node("", TYPES["identity"](), (), "")


class Nodes(Kept):
    """The nodes so far, and the calls of layers that hold weights.

    Attributes:
        first: whether the file has channels first.
        owners: the node that holds the weights of a layer, by the layer.
        flattened: whether a grid is flattened whose channels are last in the file.
        scaled: whether a matrix is stored in fewer bits, with scales.
        turned: values whose axes were turned, by what they were and the order.
        turns: what a value was before its axes were turned, and the order.
        known: the numbers of layers by what they are and what they are given; many are alike.
        last: nodes of which Keras has the channels last where we have them first.
        spare: nodes that are no layers where nothing reads them: turns, and what became part of another layer.
    """

    def __init__(self, file: str, *, first: bool, batch: int) -> None:
        super().__init__(file, batch)
        self.first = first
        self.owners: dict[str, str] = {}
        self.flattened = False
        self.scaled = False
        self.turned: dict[tuple[Ref, tuple[int, ...]], Value] = {}
        self.turns: dict[Ref, tuple[Value, tuple[int, ...]]] = {}
        self.last: set[str] = set()
        self.spare: set[str] = set()
        self.known: dict[tuple[Layer, tuple[Shape, ...]], Facts] = {}

    def node(self, value: Value) -> Node:
        """The node that makes a value; one that is no layer for what the network is given."""
        return next((each for each in reversed(self.nodes) if each.name == value.ref.node), _GIVEN)

    def change(self, value: Value, layer: Layer, shapes: tuple[Shape, ...]) -> Value:
        """Have another layer in the place of the node that makes a value; what that makes."""
        place = next(place for place, each in enumerate(self.nodes) if each.name == value.ref.node)
        before, self.nodes[place:] = self.nodes[place], self.nodes[place + 1 :]
        facts, trained = layer.facts(*shapes), {each.name: each.trainable for each in self.facts[before.name].weights}
        weights = tuple(each.replace(trainable=trained.get(each.name, each.trainable)) for each in facts.weights)
        self.keep(before.name, layer, before.inputs, facts.replace(weights=weights), before.group, before.shares)
        self.nodes[place:] = [self.nodes[-1], *self.nodes[place:-1]]
        return value._replace(shape=facts.output)

    def from_source(self, value: Value, order: tuple[int, ...]) -> tuple[Value, tuple[int, ...]]:
        """What was turned to make a value, and its axes once they are turned again."""
        source, before = self.turns.get(value.ref, (value, tuple(range(len(order)))))
        return source, tuple(before[axis] for axis in order)

    def is_there(self, value: Value, order: tuple[int, ...]) -> bool:
        """Whether a value whose axes are turned so needs no node more."""
        source, whole = self.from_source(value, order)
        return whole == tuple(range(len(whole))) or (source.ref, whole) in self.turned

    def tidy(self, ends: Iterable[Ref]) -> None:
        """Leave out what is no layer and nothing reads; what reads nothing comes before its first reader."""
        read = {each.node for each in ends}
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if node.name in self.spare and node.name not in read:
                del self.facts[node.name]
                continue
            read.update(each.node for each in node.inputs)
            kept.insert(len(kept) if node.inputs else _before_its_readers(kept, node.name), node)
        self.nodes[:] = reversed(kept)


def _before_its_readers(later: Sequence[Node], name: str) -> int:
    """The place, the last nodes first, of a node that reads nothing: right before the first that reads it."""
    readers = [place for place, each in enumerate(later) if any(ref.node == name for ref in each.inputs)]
    return readers[-1] + 1 if readers else len(later)


class Said(dict[str, Any]):
    """What a file says of a layer's options: one that is asked for and is not there is told by its name.

    Attributes:
        asked: the options that were asked for.
    """

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        super().__init__(options)
        self.asked: set[str] = set()
        self._place = place

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __missing__(self, name: str) -> Any:
        raise self._place.cannot(f"does not say `{line(name)[:40]}`")

    def get(self, name: str, usual: Any = None) -> Any:
        """What is said of an option."""
        self.asked.add(name)
        return super().get(name, usual)

    def finish(self) -> None:
        """Insist that all that was said was asked for, or changes no number: what is not known may change any."""
        for name, value in self.items():
            if name == "dtype" and "'Quantized" in str(value) and not self._place.stored:
                raise self._place.cannot("has quantized weights, by its `dtype`, which archscope does not read; save "
                                         "the model before it is quantized")  # fmt: skip
            if name == "quantization_config" and self._place.stored:
                continue  # how the numbers were found
            if name in self.asked or _QUIET.fullmatch(name) or _says_nothing(name, value):
                continue
            shown = f"{line(name)[:40]}: {line(str(value))[:40]}"
            raise self._place.cannot(f"has `{shown}`, which archscope does not read, and numbers may depend on it; "
                                     "leave it as it is usually")  # fmt: skip


_QUIET: Final = re.compile(
    r".*(initializer|regularizer|constraint)|name|trainable|dtype|seed|data_format|batch_(input_)?shape|noise_shape|"
    r"synchronized|renorm_momentum|recurrent_activation|unit_forget_bias|(recurrent_)?dropout|implementation|stateful|"
    r"unroll|use_cudnn|zero_output_for_mask|mask_zero|mask_value|input_length|flash_attention|fill_mode|fill_value|"
    r"lora_alpha|reach|rate|stddev|l1|l2|variance|bounding_box_format|(query|key|value)_shape|build_input_shape|autocast"
)
"""Options that change no number: how weights start, what happens in training alone, and how it is run."""


_OF_FEWER_BITS: Final = ("Dense", "EinsumDense", "Embedding")
"""Classes whose matrix may be stored in fewer bits."""


def _says_nothing(name: str, value: Any) -> bool:
    if name == "groups" and value == 1:
        return True
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)


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
        also: values that it is called with by a name that is not of its inputs: states to begin with, a mask.
        path: its name behind those of the models that it stands in.
        alone: whether nothing else reads what it is given.
        said: what was said of options, of which all has to be asked for.
        stored: the type that a matrix of it is stored in, if that has fewer bits.
    """

    def __init__(
        self, nodes: Nodes, name: str, kind: str, options: Mapping[str, Any], values: list[Value],
        given: Mapping[str, Any], group: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.name = name
        self.called: Sequence[Any] = ()
        self.also: Mapping[str, list[Value]] = {}
        self.alone = False
        self.kind = kind
        self.said: list[Said] = []
        self.options = self.saying(options)
        self.values = values
        self.given = given
        self._group = group
        self.path = ".".join((*group, name))
        self.trains = bool(options.get("trainable", True))
        said = options.get("dtype")
        fewer = kind in _OF_FEWER_BITS and isinstance(said, dict) and said.get("class_name") == "QuantizedDTypePolicy"
        self.stored = "int8" if fewer and isinstance(said, dict) and said["config"].get("mode") == "int8" else ""

    def saying(self, options: Mapping[str, Any]) -> Said:
        """Options of the layer, or of one within it, all of which have to be asked for."""
        self.said.append(Said(options, self))
        return self.said[-1]

    @property
    def value(self) -> Value:
        """The one value that it is given."""
        if not self.values:
            raise self.cannot("is given nothing")
        return self.values[0]

    def cannot(self, why: str) -> UsageError:
        """It cannot be read."""
        return UsageError(f"{self.nodes.file}: the layer `{self.path}` ({line(self.kind)[:80]}) {why}")

    def axis(self, usual: int = -1) -> int:
        """The one axis that it works along, as Keras counts."""
        said = self.options.get("axis", usual)
        if isinstance(said, (list, tuple)):
            if len(said) != 1:
                raise self.cannot(f"works along {len(said)} axes, {line(str(said))[:80]}, where archscope has one")
            (said,) = said
        return int(said)

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
        if value.ones:
            raise self.cannot("works on ones with others around, of which archscope reads a mean alone")
        sides, fill, name = value.padded
        flat = [side for pair in reversed(sides) for side in pair]
        whole = value._replace(padded=None)
        own = Place(self.nodes, name, "Pad", {}, [whole], {}, self._group)
        if not fill:
            return own.made(f"zero_pad{len(sides)}d", padding=flat)
        return own.made(f"constant_pad{len(sides)}d", padding=flat, value=fill)

    def alike(self) -> list[Value]:
        """All values with their axes in one order: that of a weight among them, or one that they are there in."""
        if all(value.last == self.value.last for value in self.values or [self.value]):
            return self.values
        held = {value.last for value in self.values if self.nodes.node(value).layer.type == "parameter"}
        there = [first for first in (False, True) if all(self._is_there(value, first=first) for value in self.values)]
        first = next(iter(held)) if len(held) == 1 else there == [True]
        return [self._turned(value, first=first) for value in self.values]

    def _is_there(self, value: Value, *, first: bool) -> bool:
        """Whether a value has been turned so already, or lies so."""
        rank = len(value.shape)
        order = (rank - 1, *range(rank - 1)) if first else (*range(1, rank), 0)
        return value.last is first or self.nodes.is_there(value, order)

    def _turned(self, value: Value, *, first: bool) -> Value:
        rank = len(value.shape)
        if value.last is first or rank < 2 or self.nodes.first:
            return value
        return self.turned(value, (rank - 1, *range(rank - 1)) if first else (*range(1, rank), 0), last=first)

    def turned(self, value: Value, order: tuple[int, ...], *, last: bool) -> Value:
        """A value with its axes in another order; turns that meet are one, and what is turned back is what it was."""
        source, whole = self.nodes.from_source(value, order)
        if whole == tuple(range(len(whole))):
            return source._replace(last=last)
        if (source.ref, whole) not in self.nodes.turned:
            layer = TYPES["transpose"](dim0=0, dim1=1) if len(whole) == 2 else TYPES["permute"](dims=list(whole))
            made = self.layer(layer, [source], f"{self.path}.{layer.type}")
            self.nodes.spare.add(made.ref.node)
            self.nodes.turned[source.ref, whole] = made
            self.nodes.turns[made.ref] = source, whole
            (self.nodes.last.add if last else self.nodes.last.discard)(made.ref.node)
        return self.nodes.turned[source.ref, whole]._replace(last=last)

    def made(self, type_: str, values: list[Value] | None = None, *, name: str = "", **options: Any) -> Value:
        """Keep a layer of a type; what it makes has its axes as its first input."""
        return self.all_made(type_, values, name=name, **options)[0]

    def all_made(self, type_: str, values: list[Value] | None = None, *, name: str = "", **options: Any) -> list[Value]:
        """Keep a layer of a type; all that it makes, with axes as its first input."""
        try:
            layer = TYPES[type_](**options)
        except Rejects as error:
            raise self.cannot(f"is no `{type_}` of archscope: {error}") from None
        first = self.layer(layer, self.values if values is None else values, f"{self.path}{name}")
        outputs = self.nodes.facts[first.ref.node].outputs
        return [first, *(first._replace(ref=Ref(first.ref.node, place), shape=shape)
                         for place, shape in enumerate(outputs[1:], start=1))]  # fmt: skip

    def layer(self, layer: Layer, values: list[Value], name: str, facts: Facts | None = None) -> Value:
        """Keep a node of a layer; weights of one that was called before are its own."""
        facts = self.facts_of(layer, values) if facts is None else facts
        if not self.trains and facts.weights:
            facts = facts.replace(weights=tuple(each.replace(trainable=False) for each in facts.weights))
        if self.stored:
            matrices = tuple(each.replace(dtype=self.stored, trainable=False) if len(each.shape) > 1 else each
                             for each in facts.weights)  # fmt: skip
            facts = facts.replace(weights=matrices)
            self.nodes.scaled |= bool(matrices)
        owner = self.nodes.owners.get(name) if facts.weights else None
        own = self.nodes.named(name)
        if facts.weights:
            self.nodes.owners.setdefault(name, own)
        refs = tuple(value.ref for value in values)
        self.nodes.keep(own, layer, refs, facts, tuple(own.split(".")[:-1]), owner)
        # One axis is in no order: what is made of it again has its axes as Keras has them.
        last = bool(values) and values[0].last and len(facts.output) > 1
        if last:
            self.nodes.last.add(own)
        return Value(Ref(own), facts.output, last)

    def function(
        self, called: str, like: Layer, values: list[Value], weights: tuple[Weight, ...], lines: Count | None,
        beyond: str,
    ) -> Value:  # fmt: skip
        """Keep what is a layer but for its weights: its products are the layer's, its weights and lines are stated."""
        facts = self.facts_of(like, values)
        facts = facts.replace(outputs=facts.outputs[:1], weights=weights, connections=lines,
                              connections_in_bounds=lines)  # fmt: skip
        return self.layer(Function(called, facts, like=like, beyond=beyond), values, self.path, facts)

    def facts_of(self, layer: Layer, values: list[Value]) -> Facts:
        """The numbers of a layer that is given some values."""
        place = layer, tuple(value.shape for value in values)
        facts = self.nodes.known.get(place)
        if facts is not None:
            return facts
        try:
            facts = self.nodes.known[place] = layer.facts(*place[1])
        except Rejects as error:
            raise self.cannot(f"does not take what it is given: {error}") from None
        return facts

    def stated(self, function: Function, values: list[Value], *, name: str = "", last: bool = False) -> list[Value]:
        """Keep a function whose numbers are all stated; all that it makes, with channels last in Keras or not."""
        facts = function.seen.replace(inputs=tuple(value.shape for value in values))
        first = self.layer(function, values, f"{self.path}{name}", facts)
        return [first._replace(ref=Ref(first.ref.node, place), shape=shape, last=last and len(shape) > 1)
                for place, shape in enumerate(facts.outputs)]  # fmt: skip

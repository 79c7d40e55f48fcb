"""What the writers of Keras and of Flax share: channels last, and weights that the source makes itself.

Expressions are Keras's; that of Flax says them in its own words.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, ClassVar, Final

from archscope.errors import UsageError
from archscope.layers import Shape
from archscope.layers.base import spell_shape
from archscope.network import Network, Node
from archscope.writing.blocks import Dialect, Lines, in_classes
from archscope.writing.keras_axes import channels_first, channels_last
from archscope.writing.keras_functions import Form, axis_of, cannot
from archscope.writing.keras_pooling import around
from archscope.writing.listing import Listing, Place, assignment, class_name, transcribe
from archscope.writing.pieces import Uncut
from archscope.writing.starting import shown


class ChannelsLast(Place, ABC):
    """One node before a writer of Keras or of Flax.

    Attributes:
        framework: what it is written in.
        initializer: what an argument that starts a weight ends with.
        value: what stands behind a weight where its values are read.
        rows: what holds several rows as an attribute.
    """

    framework: ClassVar[str]
    initializer: ClassVar[str]
    value: ClassVar[str] = ""
    rows: ClassVar[type[list[Any]] | type[tuple[Any, ...]]] = list

    @abstractmethod
    def layer_of(self, layer: str) -> str:
        """The expression that makes a layer of the framework's; ``layer`` is its class and arguments."""

    @abstractmethod
    def dense_of(self, into: int, made: int, rest: str) -> str:
        """The expression that makes a dense layer; ``rest`` are its other arguments."""

    @abstractmethod
    def own_weight(self, name: str, extents: str, initializer: str, trainable: bool) -> str:
        """The expression that makes a weight of the model's own."""

    @abstractmethod
    def method(self, name: str) -> str:
        """Have a method of the class, and name it."""

    @abstractmethod
    def start(self, scheme: str, numbers: Sequence[float]) -> str:
        """How a weight starts, as an expression."""

    @abstractmethod
    def start_within(self, reach: str) -> str:
        """How kernels start that have a reach for each of the table's ``row``; it goes into the constructor."""

    @abstractmethod
    def window(self, values: Sequence[int]) -> str:
        """A number for each axis of a window, as functions take it."""

    def made(self, layer: str) -> str:
        """Make a layer and call it; ``layer`` is its class and arguments."""
        self._check_own()
        self.construct(*assignment(f"self.{self.name}", self.layer_of(layer)))
        return f"self.{self.name}({', '.join(self.taken)})"

    def part(self, name: str, into: int, made: int, *, bias: bool, of: str) -> str:
        """Make a dense layer within this one, and call it on a value."""
        self._check_own()
        own = f"self.{self.name}_{name.replace('.', '_')}"
        rest = ("" if bias else ", use_bias=False") + self.initializers(of=f"{name}.", weight="kernel", bias="bias")
        self.construct(*assignment(own, self.dense_of(into, made, rest)))
        return f"{own}({of})"

    def _check_own(self) -> None:
        if self.tied:
            raise self.cannot(f"a layer there does not take the weights of `{self.node.shares}`, which runs otherwise")

    def weight(self, name: str, shape: Sequence[int], initializer: str, trainable: bool = True) -> str:
        """Make a weight of the model's own, unless it is another layer's, and name it."""
        if name in self.tied:
            return f"self.{self.owner}_{name}{self.value}"
        full = f"{self.name}_{name}"
        extents = f"({', '.join(str(int(extent)) for extent in shape)}{',' if len(shape) == 1 else ''})"
        self.construct(*assignment(f"self.{full}", self.own_weight(full, extents, initializer, trainable)))
        return f"self.{full}{self.value}"

    def initializers(self, *, of: str = "", **arguments: str) -> str:
        """Arguments that start the weights of a layer as the spec says.

        ``arguments`` are what the framework calls each, ``weight="gamma"``; ``of`` stands before the names of the
        weights of a layer within this one. A ``kernel`` goes by its extents there as it does in PyTorch.
        """
        return "".join(
            f", {argument}_{self.initializer}={self.said(of + weight, by_extents=argument == 'kernel')}"
            for weight, argument in arguments.items()
            if of + weight in self.starts
        )

    def started(self, weight: str, otherwise: str) -> str:
        """How a weight of the model's own starts: as the spec says, or else otherwise."""
        return self.said(weight) if weight in self.starts else otherwise

    def said(self, weight: str, *, by_extents: bool = False) -> str:
        """How the spec says that a weight starts; ``by_extents`` where the framework's schemes go by PyTorch's axes."""
        how = self.starts[weight]
        worked_out = how[0] == "uniform_fan_in" or (how[0].startswith(("xavier", "kaiming")) and not by_extents)
        return self.start(*(self.starts.plain(weight) if worked_out else how))

    def written(self, text: str) -> str:
        """What has been written of the node, if nothing that the spec says of it is left out.

        Raises:
            UsageError: no part of it starts a weight as the spec says; names the layer and the weight.
        """
        if self.starts.unread:
            weight = self.starts.unread[0]
            raise self.cannot(f"nothing there starts its `{weight}` as its `init` says")
        return text

    def cannot(self, why: str) -> UsageError:
        """The layer cannot be written."""
        return cannot(self, why)


def listed(
    network: Network,
    call: Callable[[Node, list[str], Listing], str] | None,
    write: Callable[[Node, list[str], Listing], str],
    batch: str = "{}.shape[0]",
) -> Lines:
    """A network's lines, the arguments of its function and its result.

    ``call`` writes a node that calls a piece, ``write`` any other; ``batch`` is how many samples an input has.
    """
    listing = Listing.of(network)

    def written(node: Node, taken: list[str]) -> str:
        chosen = call if call is not None and node.layer.type == "call" else write
        return chosen(node, taken, listing)

    arguments, results = transcribe(network, listing, written, batch)
    return listing, arguments, results


def in_classes_or_whole(network: Network, lines: Callable[..., Lines], dialect: Dialect) -> tuple[Lines, list[str]]:
    """The lines of a network's own class, and those of its blocks' classes before it, if it can be cut along them."""
    # A layer of Keras makes its weights when it is first called: none is given those of another class.
    # What cannot be written is named as the network names it, and not as a block does: by listing the whole.
    with suppress(Uncut, UsageError):
        return in_classes(network, lines, None, class_name(network), dialect)
    return lines(network), []


def last(shape: Shape) -> tuple[int, ...]:
    """The extents of a sample with its channels last."""
    return (*(int(each) for each in shape[1:]), int(shape[0])) if len(shape) > 1 else (int(shape[0]),)


def batches(network: Network) -> str:
    """What the source takes, channels last."""
    return f"batches of {'; '.join(spell_shape(last(shape)) for shape in network.inputs.values())}, channels last"


def over_table(place: ChannelsLast, sides: Sequence[tuple[int, int]]) -> str:
    """A convolution over a connection table, with that padding around what it takes."""
    layer, table = place.layer, f"self.{place.name}_table"
    weight, *bias = place.facts.weights
    brackets = str(place.rows())
    rows = (f"    {place.rows(row)}," for row in layer.connection_table)
    place.construct(f"{table} = {brackets[0]}", *rows, brackets[1])
    kernels = place.weight("weight", weight.shape, _start_over_table(place))
    value = around(place.taken[0], sides)
    steps = f"{place.window(layer.stride)}, {place.window(layer.dilation)}"
    run = f"{place.method('over_table')}({value}, {kernels}, {table}, {steps})"
    return shifted(place, run) if bias else run


def _start_over_table(place: ChannelsLast) -> str:
    """How the kernels over a connection table start: each as far from 0 as its output map's number of inputs says."""
    scheme, numbers = place.starts.get("weight", ("", ()))
    if scheme not in ("", "uniform_fan_in"):
        if scheme.startswith(("xavier", "kaiming")):
            raise place.cannot(f"`{scheme}` there does not know how many maps each unit of a table sees")
        return place.start(scheme, numbers)
    return place.start_within(start_over_table(place))


def start_over_table(place: ChannelsLast) -> str:
    """How far from 0 the kernels of a ``row`` of a connection table start."""
    numbers = place.starts.get("weight", ("", ()))[1]
    inputs = f"({math.prod(place.layer.kernel_size)} * len(row))"
    return f"{shown(numbers[0])} / {inputs}" if numbers else f"{inputs} ** -0.5"


def shifted(place: ChannelsLast, value: str) -> str:
    """A value and its bias, one for each map or for each unit."""
    shape = place.facts.weights[1].shape
    shift = place.weight("bias", shape, place.started("bias", '"zeros"'))
    return f"{value} + {shift if len(shape) == 1 else f'ops.transpose({shift}, {(*range(1, len(shape)), 0)})'}"


def linear(dense: Callable[[Any], str], with_theirs: Callable[[Any], str]) -> Form:
    """A dense layer; or, where its matrix is another layer's, the product with it."""

    def form(place: ChannelsLast) -> str:
        rank = len(place.shape)
        place.taken = [channels_first(place.taken[0], rank)]  # the features last, as a dense layer there has them
        made = _tied_bias(place, with_theirs(place)) if place.tied else place.made(dense(place))
        return channels_last(made, rank)

    return form


def _tied_bias(place: ChannelsLast, product: str) -> str:
    if not place.layer.bias:
        return product
    if "bias" in place.tied:
        return f"{product} + self.{place.owner}.bias{place.value}"
    start = place.started("bias", '"zeros"')
    return f"{product} + {place.weight('bias', place.facts.weights[1].shape, start)}"


def embedding(class_: str, argument: str) -> Form:
    """An embedding by a class of the framework's, and what its vectors are called there."""

    def form(place: ChannelsLast) -> str:
        if place.tied:
            raise place.cannot("its vectors there are never those of a dense layer")
        place.taken = [channels_first(place.taken[0], len(place.shape))]
        start = place.initializers(weight=argument)
        made = place.made(f"{class_}({place.layer.num_embeddings}, {place.layer.embedding_dim}{start})")
        return channels_last(made, len(place.facts.output))

    return form


def bag(class_: str, argument: str) -> Form:
    """An embedding of several tokens as one vector."""

    def form(place: ChannelsLast) -> str:
        layer, (tokens, *weights) = place.layer, place.taken
        place.taken = [tokens]
        start = place.initializers(weight=argument)
        found = place.made(f"{class_}({layer.num_embeddings}, {layer.embedding_dim}{start})")
        return f"ops.{layer.mode}({' * '.join([found, *(f'{each}[..., None]' for each in weights)])}, axis=1)"

    return form


def _subsampling(place: ChannelsLast) -> str:
    layer, (weight, bias) = place.layer, place.facts.weights
    average = f"keras.initializers.Constant(1 / {math.prod(layer.kernel_size)})"
    scale = place.weight("weight", weight.shape, place.started("weight", average))
    shift = place.weight("bias", bias.shape, place.started("bias", '"zeros"'))
    return (f"{place.method('subsample')}({place.taken[0]}, {scale}, {shift}, {tuple(layer.kernel_size)}, "
            f"{tuple(layer.steps)})")  # fmt: skip


def _rbf(place: ChannelsLast) -> str:
    (weight,) = place.facts.weights
    initializer = '"ones"'
    if place.layer.codes is not None:
        brackets = str(place.rows())
        rows = (f'    "{"".join(code.split())}",' for code in place.layer.codes)
        place.construct(f"codes = {brackets[0]}", *rows, brackets[1])
        place.construct('values = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]')
        initializer = f"{place.method('given')}(values)"
    codes = place.weight("weight", weight.shape, place.started("weight", initializer), weight.trainable)
    return f"ops.sum(ops.square(ops.expand_dims({place.taken[0]}, -2) - {codes}), axis=-1)"


def _parameter(place: ChannelsLast) -> str:
    (weight,) = place.facts.weights
    value = place.weight("weight", weight.shape, place.started("weight", "keras.initializers.RandomNormal(0, 0.02)"))
    made = channels_last(f"{value}[None]", len(weight.shape))
    extents = ", ".join(str(extent) for extent in last(place.facts.output))
    return f"ops.broadcast_to({made}, (batch, {extents}))"


def _constant(place: ChannelsLast) -> str:
    extents = ", ".join(str(extent) for extent in last(place.facts.output))
    return f"ops.full((batch, {extents}), {place.layer.value!r})"


def _lrn(place: ChannelsLast) -> str:
    layer = place.layer
    numbers = f"{layer.size}, {layer.alpha:g}, {layer.beta:g}, {layer.k:g}"
    form = place.method("normalize_within" if layer.within_channel else "normalize_maps")
    return f"{form}({place.taken[0]}, {numbers})"


def _flatten(place: ChannelsLast) -> str:
    return f"ops.reshape({channels_first(place.taken[0], len(place.shape))}, (-1, {int(place.facts.output[0])}))"


def _concat(place: ChannelsLast) -> str:
    axis = axis_of(place.layer.dim, len(place.shape))
    return f"ops.concatenate([{', '.join(place.taken)}], axis={axis})"


def _squash(place: ChannelsLast) -> str:
    layer = place.layer
    rest = "" if not layer.stated() else f", amplitude={layer.amplitude!r}, slope={layer.slope!r}"
    return f"{place.method('squash')}({place.taken[0]}{rest})"


SHARED: Final[Mapping[str, Form]] = MappingProxyType({
    "subsampling": _subsampling,
    "rbf": _rbf,
    "parameter": _parameter,
    "constant": _constant,
    "lrn": _lrn,
    "flatten": _flatten,
    "concat": _concat,
    "scaled_tanh": _squash,
})  # fmt: skip
"""How to write what is the same in both."""

"""A network as Keras 3 source: a class for each block, channels last as Keras has it, without a trace of archscope.

Writing it needs neither Keras nor PyTorch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from archscope.building.constructions import no_layer
from archscope.network import Network, Node
from archscope.patience import without_collector
from archscope.writing import keras_papers, keras_pooling, keras_recurrent, keras_sequences, keras_windows, scores
from archscope.writing.blocks import Dialect, Lines, source
from archscope.writing.channels_last import (
    SHARED,
    ChannelsLast,
    bag,
    batches,
    embedding,
    in_classes_or_whole,
    last,
    linear,
    listed,
    over_table,
    shifted,
)
from archscope.writing.classes import Arguments
from archscope.writing.keras_axes import AXES
from archscope.writing.keras_functions import FUNCTIONS
from archscope.writing.keras_pooling import around, sides_of
from archscope.writing.listing import Listing, assignment, class_name, short
from archscope.writing.starting import shown

_METHODS: Final = {
    "subsample": '''
@staticmethod
def subsample(x, weight, bias, size, strides):
    """Sum each window; scale and shift each map by values of its own."""
    summed = ops.average_pool(x, size, strides) * (size[0] * size[1])
    return summed * weight + bias
''',
    "over_table": '''
@staticmethod
def over_table(x, weight, table, strides, dilation):
    """Convolve over a connection table: each output map sees the input maps of its row."""
    maps, first = [], 0
    for row in table:
        kernel = ops.transpose(weight[first : first + len(row)], (1, 2, 0))[..., None]
        seen = ops.take(x, row, axis=-1)
        maps.append(ops.conv(seen, kernel, strides, dilation_rate=dilation))
        first += len(row)
    return ops.concatenate(maps, axis=-1)
''',
    "normalize_maps": '''
@staticmethod
def normalize_maps(x, size, alpha, beta, k):
    """Local response normalization across neighbouring maps."""
    maps = x.shape[-1]
    around = [[0, 0]] * (len(x.shape) - 1) + [[size // 2, (size - 1) // 2]]
    squares = ops.pad(ops.square(x), around)
    total = sum(squares[..., each : each + maps] for each in range(size))
    return x / (k + alpha / size * total) ** beta
''',
    "within": '''
@staticmethod
def within(reach):
    """Start each value evenly within its own distance from 0."""

    def start(shape, dtype):
        return keras.random.uniform(shape, -1, 1, dtype) * ops.convert_to_tensor(reach, dtype)

    return start
''',
    "given": '''
@staticmethod
def given(values):
    """Start as these values."""
    return lambda shape, dtype: ops.convert_to_tensor(values, dtype)
''',
    "squash": '''
@staticmethod
def squash(x, amplitude=1.7159, slope=2 / 3):
    """LeCun's scaled tanh."""
    return amplitude * ops.tanh(slope * x)
''',
}
ALL_METHODS: Final = {
    **_METHODS, **keras_sequences.METHODS, **keras_recurrent.METHODS, **keras_windows.METHODS, **scores.KERAS
}  # fmt: skip
"""Methods for the layers that Keras does not have, or has in another form."""

_INITIALIZERS: Final = {
    "normal": "keras.initializers.RandomNormal({})",
    "uniform": "keras.initializers.RandomUniform({})",
    "constant": "keras.initializers.Constant({})",
    "xavier_uniform": '"glorot_uniform"',
    "xavier_normal": 'keras.initializers.VarianceScaling(1.0, "fan_avg", "untruncated_normal")',
    "kaiming_uniform": '"he_uniform"',
    "kaiming_normal": 'keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")',
    "zeros": '"zeros"',
    "ones": '"ones"',
}


class _Place(ChannelsLast):
    """One node before a writer."""

    framework = "Keras"
    initializer = "initializer"
    needed: dict[str, str]

    def layer_of(self, layer: str) -> str:
        return f"layers.{layer}"

    def dense_of(self, into: int, made: int, rest: str) -> str:  # noqa: ARG002 - Flax's
        return self.layer_of(f"Dense({made}{rest})")

    def own_weight(self, name: str, extents: str, initializer: str, trainable: bool) -> str:
        rest = "" if trainable else ", trainable=False"
        return f'self.add_weight(name="{name}", shape={extents}, initializer={initializer}{rest})'

    def method(self, name: str) -> str:
        self.listing.methods[name] = ALL_METHODS[name]
        return f"self.{name}"

    def start(self, scheme: str, numbers: Sequence[float]) -> str:
        return _INITIALIZERS[scheme].format(", ".join(map(shown, numbers)))

    def start_within(self, reach: str) -> str:
        self.construct(f"reach = [[[{reach}]] for row in self.{self.name}_table for _ in row]")
        return f"{self.method('within')}(reach)"

    def window(self, values: Sequence[int]) -> str:
        return short(values)

    def own(self, class_: str, arguments: str) -> str:
        """Make a layer of one of the classes of papers, and call it."""
        self.needed[class_] = keras_papers.CLASSES[class_]
        if not self.borrows:
            self.construct(*assignment(f"self.{self.name}", f"{class_}({arguments})"))
        return f"self.{self.name}({', '.join(self.taken)})"


_DIALECT: Final = Dialect(
    base="layers.Layer",
    runs="call",
    names=frozenset({"keras", "layers", "ops"}),
    arguments=Arguments(
        prefix="layers.",
        positions={
            "Conv": ("filters", "kernel_size"),
            "Dense": ("units",),
            "Embedding": ("input_dim", "output_dim"),
            "Dropout": ("rate",),
            "SpatialDropout": ("rate",),
            "MaxPooling": ("pool_size",),
            "AveragePooling": ("pool_size",),
            "GroupNormalization": ("groups",),
            "MultiHeadAttention": ("num_heads", "key_dim"),
            "GroupQueryAttention": ("head_dim", "num_query_heads", "num_key_value_heads"),
        },
        filled={
            "Conv": {"strides": "1", "padding": '"valid"', "dilation_rate": "1", "groups": "1", "use_bias": "True"}
        },
    ),
)


_PLAIN: Final = replace(
    _DIALECT, base="", runs="__call__", names=_DIALECT.names | {"named", "model", *keras_papers.CLASSES}
)
"""Classes that are no layers: what they call are layers of one functional model."""
_NEEDS_A_CLASS: Final = re.compile(
    r"add_weight\(|@staticmethod|ops\.shape\(|GroupQueryAttention|self\.\w+\.(?:kernel|embeddings|bias)\b"
)
"""Weights and functions of a model's own, which it has to be a class for, and a layer that takes numbers alone."""

_MADE: Final = '''


def named(part, before=""):
    """Have every layer called as what holds it calls it, as a saved model shows it."""
    for name, each in enumerate(part) if isinstance(part, list) else vars(part).items():
        if isinstance(each, layers.Layer):
            each.name = f"{{before}}{{name}}"
        elif isinstance(each, list) or hasattr(each, "__dict__"):
            named(each, f"{{before}}{{name}}_")
    return part


def model():
    """The network as a functional model, which Keras saves with every layer of it."""
{inputs}
    return keras.Model({given}, named({name}())({taken}), name="{name}")
'''


@without_collector()
def write_keras(network: Network) -> str:
    """The source of a Keras model.

    Raises:
        UsageError: Keras has no such layer; names it.

    >>> import archscope
    >>> print(write_keras(archscope.load("lenet5-keras")).split("def __call__")[1].split("def named")[0].rstrip())
    (self, x):
            x = ops.tanh(self.conv1(x))
            x = self.pool1(x)
            x = ops.tanh(self.conv2(x))
            x = self.pool2(x)
            x = ops.reshape(ops.transpose(x, (0, 3, 1, 2)), (-1, 400))
            x = ops.tanh(self.fc1(x))
            x = ops.tanh(self.fc2(x))
            x = ops.softmax(self.fc3(x))
            return x
    """
    needed: dict[str, str] = {}
    imports = [f"# Takes {batches(network)}.", "import keras", "from keras import layers, ops"]
    lines, before = in_classes_or_whole(network, partial(_listed, needed=needed), _PLAIN)
    # Its classes come before those that use them.
    own = [line for text in needed.values() for line in (*text.strip("\n").split("\n"), "", "")]
    plain = source(network, lines, before, imports, "", _PLAIN)
    if _NEEDS_A_CLASS.search(plain) or class_name(network) in needed:
        lines, before = in_classes_or_whole(network, _listed, _DIALECT)
        return source(network, lines, before, imports, "keras.Model", _DIALECT)
    imports[0] = imports[0].replace(", channels last.", ", channels last; `model()` makes it.")
    return source(network, lines, [*own, *before], imports, "", _PLAIN) + _made(network)


def _made(network: Network) -> str:
    """The function that makes a functional model of the class."""
    given = [f"x{place}" for place in range(len(network.inputs))] if len(network.inputs) > 1 else ["x"]
    whole = ', dtype="int32"'
    inputs = [
        f"    {name} = keras.Input({last(shape)}{whole if own in network.tokens else ''})"
        for name, (own, shape) in zip(given, network.inputs.items(), strict=True)
    ]
    taken = ", ".join(given)
    return _MADE.format(inputs="\n".join(inputs), given=f"[{taken}]" if len(given) > 1 else taken, taken=taken,
                        name=class_name(network)).rstrip()  # fmt: skip


def _listed(
    network: Network, call: Callable[[Node, list[str], Listing], str] | None = None,
    needed: dict[str, str] | None = None,
) -> Lines:  # fmt: skip
    """The lines of a network; with the classes that it needs beside it, where it is no class of Keras's itself."""

    def write(node: Node, taken: list[str], listing: Listing) -> str:
        if node.layer.type not in FORMS:
            raise no_layer(node.layer)
        place = _Place(network, node, taken, listing)
        own = None
        if needed is not None and not place.tied and node.layer.type in keras_papers.FORMS:
            place.needed = needed
            own = keras_papers.FORMS[node.layer.type](place)
        return place.written(FORMS[node.layer.type](place) if own is None else own)

    return listed(network, call, write, batch="ops.shape({})[0]" if needed is None else "{}")


def _conv(place: _Place) -> str:
    layer = place.layer
    axes = len(layer.kernel_size)
    sides, same = sides_of(place, layer.stride, layer.dilation)
    if getattr(layer, "connection_table", None) is not None:
        return over_table(place, sides)
    padded = same and any(map(any, sides))
    rest = "" if set(layer.stride) == {1} else f", strides={short(layer.stride)}"
    rest += ', padding="same"' if padded else ""
    rest += "" if set(layer.dilation) == {1} else f", dilation_rate={short(layer.dilation)}"
    rest += "" if layer.groups == 1 else f", groups={layer.groups}"
    rest += "" if layer.one_bias_a_map else ", use_bias=False"
    if not padded:
        place.taken = [around(place.taken[0], sides)]
    kernel = short(layer.kernel_size)
    started = place.initializers(weight="kernel", **({"bias": "bias"} if layer.one_bias_a_map else {}))
    made = place.made(f"Conv{axes}D({layer.out_channels}, {kernel}{rest}{started})")
    return made if layer.one_bias_a_map or not layer.bias else shifted(place, made)


def _dense(place: _Place) -> str:
    rest = "" if place.layer.bias else ", use_bias=False"
    return f"Dense({place.layer.out_features}{rest}{place.initializers(weight='kernel', bias='bias')})"


def _with_theirs(place: _Place) -> str:
    """The product with the matrix of an embedding, or of a dense layer that has a bias where it has none."""
    owner = "embeddings" if place.owner_type == "embedding" else "kernel"
    matrix = f"self.{place.owner}.{owner}"
    return f"ops.matmul({place.taken[0]}, {f'ops.transpose({matrix})' if owner == 'embeddings' else matrix})"


def _batch_norm(place: _Place) -> str:
    layer = place.layer
    if not layer.track_running_stats:
        raise place.cannot("a batch normalization there always keeps running statistics")
    rest = "" if layer.affine else ", center=False, scale=False"
    rest += place.initializers(weight="gamma", bias="beta")
    return place.made(f"BatchNormalization(momentum={1 - layer.momentum:g}, epsilon={layer.eps:g}{rest})")


def _dropout(place: _Place) -> str:
    return place.made(f"Dropout({place.layer.p:g})")


def _spatial_dropout(place: _Place) -> str:
    return place.made(f"SpatialDropout{len(place.shape) - 1}D({place.layer.p:g})")


def _drop_path(place: _Place) -> str:
    return place.made(f"Dropout({place.layer.p:g}, noise_shape={(None, *[1] * len(place.shape))})")


FORMS: Final[dict[str, Callable[[_Place], str]]] = {
    **FUNCTIONS,
    **AXES,
    **keras_sequences.SEQUENCES,
    **keras_recurrent.RECURRENT,
    **keras_windows.WINDOWS,
    **keras_pooling.POOLING,
    **SHARED,
    **{f"conv{axes}d": _conv for axes in (1, 2, 3)},
    "linear": linear(_dense, _with_theirs),
    "embedding": embedding("Embedding", "embeddings"),
    "embedding_bag": bag("Embedding", "embeddings"),
    "relative_position_bias": scores.keras_bias,
    "attention_mask": scores.keras_mask,
    "batch_norm": _batch_norm,
    "dropout": _dropout,
    **{f"dropout{n}d": _spatial_dropout for n in (1, 2, 3)},
    "drop_path": _drop_path,
}  # fmt: skip
"""How to write each layer type, or why it cannot be written."""

"""A network as Keras 3 source: a class for each block, channels last as Keras has it, without a trace of archscope.

Writing it needs neither Keras nor PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from archscope.building.constructions import no_layer
from archscope.errors import UsageError
from archscope.layers import Shape
from archscope.layers.base import spell_shape
from archscope.network import Network, Node
from archscope.writing import keras_pooling, keras_recurrent, keras_sequences, keras_windows, scores
from archscope.writing.blocks import Dialect, in_classes
from archscope.writing.classes import Arguments
from archscope.writing.keras_axes import AXES, channels_first, channels_last
from archscope.writing.keras_functions import FUNCTIONS, axis_of, cannot
from archscope.writing.keras_pooling import around, sides_of
from archscope.writing.listing import Listing, Place, assignment, class_name, doc, laid_out, short, transcribe
from archscope.writing.pieces import Uncut

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
    "xavier_normal": '"glorot_normal"',
    "kaiming_uniform": '"he_uniform"',
    "kaiming_normal": '"he_normal"',
    "zeros": '"zeros"',
    "ones": '"ones"',
}


class _Place(Place):
    """One node before a writer."""

    def made(self, layer: str) -> str:
        """Make a Keras layer and call it."""
        if self.tied:
            raise self.cannot(f"a Keras layer does not take the weights of `{self.node.shares}`, which runs otherwise")
        self.construct(*assignment(f"self.{self.name}", f"layers.{layer}"))
        return f"self.{self.name}({', '.join(self.taken)})"

    def weight(self, name: str, shape: Sequence[int], initializer: str, trainable: bool = True) -> str:
        """Make a weight of the model's own, unless it is another layer's, and name it."""
        if name in self.tied:
            return f"self.{self.owner}_{name}"
        full = f"{self.name}_{name}"
        rest = "" if trainable else ", trainable=False"
        extents = f"({', '.join(str(int(extent)) for extent in shape)}{',' if len(shape) == 1 else ''})"
        call = f'self.add_weight(name="{full}", shape={extents}, initializer={initializer}{rest})'
        self.construct(*assignment(f"self.{full}", call))
        return f"self.{full}"

    def method(self, name: str) -> str:
        """Have a method of the class, and name it."""
        self.listing.methods[name] = ALL_METHODS[name]
        return f"self.{name}"

    @property
    def initializers(self) -> str:
        """Arguments that start the weights of a Keras layer as the spec says."""
        return "".join(
            f", {'kernel' if weight == 'weight' else weight}_initializer={_initializer(*how)}"
            for weight, how in self.starts.items()
            if weight != "bias" or not getattr(self.layer, "untie_biases", False)
        )

    def started(self, weight: str, otherwise: str) -> str:
        """How a weight of the model's own starts: as the spec says, or else otherwise."""
        return _initializer(*self.starts[weight]) if weight in self.starts else otherwise

    def cannot(self, why: str) -> UsageError:
        """The layer cannot be written."""
        return cannot(self, why)


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


def write_keras(network: Network) -> str:
    """The source of a Keras model.

    Raises:
        UsageError: Keras has no such layer; names it.

    >>> import archscope
    >>> print(write_keras(archscope.load("lenet5-keras")).split("def call")[1])
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
    # What cannot be written is named as the network names it, and not as a block does: so once as a whole.
    (listing, arguments, results), before = _listed(network), list[str]()
    with suppress(Uncut):
        # A layer there makes its weights when it is first called: it is never given those of another class.
        (listing, arguments, results), before = in_classes(network, _listed, None, class_name(network), _DIALECT)
    shapes = "; ".join(spell_shape(last(shape)) for shape in network.inputs.values())
    imports = [f"# Takes batches of {shapes}, channels last.", "import keras", "from keras import layers, ops"]
    return laid_out(
        [*imports, *(["", "", *before[:-2]] if before else [])],
        f"class {class_name(network)}(keras.Model):", doc(network), listing,
        f"def call(self, {arguments}):", results, "def __init__(self):",
    )  # fmt: skip


def _listed(
    network: Network, call: Callable[[Node, list[str], Listing], str] | None = None
) -> tuple[Listing, str, str]:
    """A network's lines, the arguments of its function and its result; ``call`` writes a node that calls a piece."""
    listing = Listing.of(network)

    def write(node: Node, taken: list[str]) -> str:
        if call is not None and node.layer.type == "call":
            return call(node, taken, listing)
        if node.layer.type not in FORMS:
            raise no_layer(node.layer)
        return FORMS[node.layer.type](_Place(network, node, taken, listing))

    arguments, results = transcribe(network, listing, write, batch="ops.shape({})[0]")
    return listing, arguments, results


def last(shape: Shape) -> tuple[int, ...]:
    """The extents of a sample with its channels last."""
    return (*(int(each) for each in shape[1:]), int(shape[0])) if len(shape) > 1 else (int(shape[0]),)


def _initializer(scheme: str, numbers: Sequence[float]) -> str:
    values = ", ".join(f"{number:.6g}" for number in numbers)
    return _INITIALIZERS[scheme].format(values)


def _conv(place: _Place) -> str:
    layer = place.layer
    axes = len(layer.kernel_size)
    sides, same = sides_of(place, layer.stride, layer.dilation)
    if getattr(layer, "connection_table", None) is not None:
        return _table_conv(place, sides)
    padded = same and any(map(any, sides))
    rest = "" if set(layer.stride) == {1} else f", strides={short(layer.stride)}"
    rest += ', padding="same"' if padded else ""
    rest += "" if set(layer.dilation) == {1} else f", dilation_rate={short(layer.dilation)}"
    rest += "" if layer.groups == 1 else f", groups={layer.groups}"
    rest += "" if layer.one_bias_a_map else ", use_bias=False"
    if not padded:
        place.taken = [around(place.taken[0], sides)]
    kernel = short(layer.kernel_size)
    made = place.made(f"Conv{axes}D({layer.out_channels}, {kernel}{rest}{place.initializers})")
    return made if layer.one_bias_a_map or not layer.bias else _shifted(place, made)


def _table_conv(place: _Place, sides: Sequence[tuple[int, int]]) -> str:
    layer = place.layer
    weight, *bias = place.facts.weights
    place.construct(f"self.{place.name}_table = [", *(f"    {list(row)}," for row in layer.connection_table), "]")
    kernels = place.weight("weight", weight.shape, _over_table(place))
    value = around(place.taken[0], sides)
    table = f"self.{place.name}_table"
    run = f"{place.method('over_table')}({value}, {kernels}, {table}, {short(layer.stride)}, {short(layer.dilation)})"
    return _shifted(place, run) if bias else run


def _shifted(place: _Place, value: str) -> str:
    """A value and its bias, one for each map or for each unit."""
    shape = place.facts.weights[1].shape
    shift = place.weight("bias", shape, place.started("bias", '"zeros"'))
    return f"{value} + {shift if len(shape) == 1 else f'ops.transpose({shift}, (1, 2, 0))'}"


def _over_table(place: _Place) -> str:
    """How the kernels over a connection table start: each as far from 0 as its output map's number of inputs says."""
    scheme, numbers = place.starts.get("weight", ("", ()))
    if scheme not in ("", "uniform_fan_in"):
        return _initializer(scheme, numbers)
    window = math.prod(place.layer.kernel_size)
    reach = f"{numbers[0]:g} / ({window} * len(row))" if scheme else f"({window} * len(row)) ** -0.5"
    place.construct(f"reach = [[[{reach}]] for row in self.{place.name}_table for _ in row]")
    return f"{place.method('within')}(reach)"


def _subsampling(place: _Place) -> str:
    layer, (weight, bias) = place.layer, place.facts.weights
    average = f"keras.initializers.Constant(1 / {math.prod(layer.kernel_size)})"
    scale = place.weight("weight", weight.shape, place.started("weight", average))
    shift = place.weight("bias", bias.shape, place.started("bias", '"zeros"'))
    return (f"{place.method('subsample')}({place.taken[0]}, {scale}, {shift}, {tuple(layer.kernel_size)}, "
            f"{tuple(layer.steps)})")  # fmt: skip


def _tied(place: _Place) -> str:
    """A dense layer with the matrix of an embedding, or of a dense layer that has a bias where it has none."""
    owner = "embeddings" if place.owner_type == "embedding" else "kernel"
    matrix = f"self.{place.owner}.{owner}"
    made = f"ops.matmul({place.taken[0]}, {f'ops.transpose({matrix})' if owner == 'embeddings' else matrix})"
    if not place.layer.bias:
        return made
    if "bias" in place.tied:
        return f"{made} + self.{place.owner}.bias"
    start = place.started("bias", '"zeros"')
    return f"{made} + {place.weight('bias', place.facts.weights[1].shape, start)}"


def _linear(place: _Place) -> str:
    rest = "" if place.layer.bias else ", use_bias=False"
    rank = len(place.shape)
    place.taken = [channels_first(place.taken[0], rank)]  # the features last, as a dense layer there has them
    dense = f"Dense({place.layer.out_features}{rest}{place.initializers})"
    return channels_last(_tied(place) if place.tied else place.made(dense), rank)


def _rbf(place: _Place) -> str:
    (weight,) = place.facts.weights
    initializer = '"ones"'
    if place.layer.codes is not None:
        bitmaps = ("".join(code.split()) for code in place.layer.codes)
        rows = (f'    "{bitmap}",' for bitmap in bitmaps)
        place.construct("codes = [", *rows, "]")
        place.construct('values = [[1.0 if mark == "#" else -1.0 for mark in code] for code in codes]')
        initializer = f"{place.method('given')}(values)"
    codes = place.weight("weight", weight.shape, initializer, weight.trainable)
    return f"ops.sum(ops.square(ops.expand_dims({place.taken[0]}, -2) - {codes}), axis=-1)"


def _embedding(place: _Place) -> str:
    if place.tied:
        raise place.cannot("its vectors there are never those of a dense layer")
    place.taken = [channels_first(place.taken[0], len(place.shape))]
    made = place.made(f"Embedding({place.layer.num_embeddings}, {place.layer.embedding_dim})")
    return channels_last(made, len(place.facts.output))


def _parameter(place: _Place) -> str:
    (weight,) = place.facts.weights
    value = place.weight("weight", weight.shape, place.started("weight", "keras.initializers.RandomNormal(0, 0.02)"))
    made = channels_last(f"{value}[None]", len(weight.shape))
    extents = ", ".join(str(extent) for extent in last(place.facts.output))
    return f"ops.broadcast_to({made}, (batch, {extents}))"


def _lrn(place: _Place) -> str:
    layer = place.layer
    numbers = f"{layer.size}, {layer.alpha:g}, {layer.beta:g}, {layer.k:g}"
    form = place.method("normalize_within" if layer.within_channel else "normalize_maps")
    return f"{form}({place.taken[0]}, {numbers})"


def _batch_norm(place: _Place) -> str:
    layer = place.layer
    if not layer.track_running_stats:
        raise place.cannot("a batch normalization there always keeps running statistics")
    rest = "" if layer.affine else ", center=False, scale=False"
    return place.made(f"BatchNormalization(momentum={1 - layer.momentum:g}, epsilon={layer.eps:g}{rest})")


def _dropout(place: _Place) -> str:
    return place.made(f"Dropout({place.layer.p:g})")


def _spatial_dropout(place: _Place) -> str:
    return place.made(f"SpatialDropout{len(place.shape) - 1}D({place.layer.p:g})")


def _drop_path(place: _Place) -> str:
    return place.made(f"Dropout({place.layer.p:g}, noise_shape={(None, *[1] * len(place.shape))})")


def _flatten(place: _Place) -> str:
    return f"ops.reshape({channels_first(place.taken[0], len(place.shape))}, (-1, {int(place.facts.output[0])}))"


def _concat(place: _Place) -> str:
    axis = axis_of(place.layer.dim, len(place.shape))
    return f"ops.concatenate([{', '.join(place.taken)}], axis={axis})"


def _squash(place: _Place) -> str:
    layer = place.layer
    rest = "" if not layer.stated() else f", amplitude={layer.amplitude!r}, slope={layer.slope!r}"
    return f"{place.method('squash')}({place.taken[0]}{rest})"


FORMS: Final[dict[str, Callable[[_Place], str]]] = {
    **FUNCTIONS,
    **AXES,
    **keras_sequences.SEQUENCES,
    **keras_recurrent.RECURRENT,
    **keras_windows.WINDOWS,
    **keras_pooling.POOLING,
    **{f"conv{axes}d": _conv for axes in (1, 2, 3)},
    "subsampling": _subsampling,
    "linear": _linear,
    "rbf": _rbf,
    "embedding": _embedding,
    "parameter": _parameter,
    "relative_position_bias": scores.keras_bias,
    "attention_mask": scores.keras_mask,
    "lrn": _lrn,
    "batch_norm": _batch_norm,
    "dropout": _dropout,
    **{f"dropout{n}d": _spatial_dropout for n in (1, 2, 3)},
    "drop_path": _drop_path,
    "flatten": _flatten,
    "concat": _concat,
    "scaled_tanh": _squash,
}  # fmt: skip
"""How to write each layer type, or why it cannot be written."""

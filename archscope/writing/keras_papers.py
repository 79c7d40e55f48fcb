"""Layers of papers that Keras has not, as classes of its own kind: a functional model holds them with their options."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.channels_last import last, start_over_table
from archscope.writing.keras_axes import channels_last
from archscope.writing.keras_pooling import around, sides_of

CLASSES: Final[Mapping[str, str]] = MappingProxyType({
    "Weight": '''
@keras.saving.register_keras_serializable("papers")
class Weight(layers.Layer):
    """A weight by itself, the same for every sample."""

    def __init__(self, shape, initializer="zeros", **rest):
        super().__init__(**rest)
        self.shape, self.initializer = tuple(shape), keras.initializers.get(initializer)

    def build(self, given):
        self.value = self.add_weight(name="value", shape=self.shape, initializer=self.initializer)

    def call(self, x):
        return ops.broadcast_to(self.value, (ops.shape(x)[0], *self.shape))

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "shape": self.shape, "initializer": initializer}
''',
    "Constant": '''
@keras.saving.register_keras_serializable("papers")
class Constant(layers.Layer):
    """The same number in every place, for every sample."""

    def __init__(self, shape, value=0.0, **rest):
        super().__init__(**rest)
        self.shape, self.value = tuple(shape), value

    def call(self, x):
        return ops.full((ops.shape(x)[0], *self.shape), self.value)

    def get_config(self):
        return {**super().get_config(), "shape": self.shape, "value": self.value}
''',
    "ScaledTanh": '''
@keras.saving.register_keras_serializable("papers")
class ScaledTanh(layers.Layer):
    """LeCun's scaled tanh."""

    def __init__(self, amplitude=1.7159, slope=2 / 3, **rest):
        super().__init__(**rest)
        self.amplitude, self.slope = amplitude, slope

    def call(self, x):
        return self.amplitude * ops.tanh(self.slope * x)

    def get_config(self):
        return {**super().get_config(), "amplitude": self.amplitude, "slope": self.slope}
''',
    "LocalResponseNormalization": '''
@keras.saving.register_keras_serializable("papers")
class LocalResponseNormalization(layers.Layer):
    """Local response normalization across neighbouring maps."""

    def __init__(self, size, alpha, beta, k, **rest):
        super().__init__(**rest)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, x):
        maps, size = x.shape[-1], self.size
        around = [[0, 0]] * (len(x.shape) - 1) + [[size // 2, (size - 1) // 2]]
        squares = ops.pad(ops.square(x), around)
        total = sum(squares[..., each : each + maps] for each in range(size))
        return x / (self.k + self.alpha / size * total) ** self.beta

    def get_config(self):
        said = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**super().get_config(), **said}
''',
    "Subsample": '''
@keras.saving.register_keras_serializable("papers")
class Subsample(layers.Layer):
    """Sum each window; scale and shift each map by values of its own."""

    def __init__(self, pool_size, strides, scale_initializer, shift_initializer="zeros", **rest):
        super().__init__(**rest)
        self.pool_size, self.strides = tuple(pool_size), tuple(strides)
        self.scale_initializer = keras.initializers.get(scale_initializer)
        self.shift_initializer = keras.initializers.get(shift_initializer)

    def build(self, given):
        maps = (given[-1],)
        self.scale = self.add_weight(name="scale", shape=maps, initializer=self.scale_initializer)
        self.shift = self.add_weight(name="shift", shape=maps, initializer=self.shift_initializer)

    def call(self, x):
        many = self.pool_size[0] * self.pool_size[1]
        summed = ops.average_pool(x, self.pool_size, self.strides) * many
        return summed * self.scale + self.shift

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
            "shift_initializer": keras.initializers.serialize(self.shift_initializer),
        }
''',
    "TableConv2D": '''
@keras.saving.register_keras_serializable("papers")
class TableConv2D(layers.Layer):
    """Convolve over a connection table: each output map sees the input maps of its row.

    Each row's kernels start evenly within its ``reach`` of 0.
    """

    def __init__(self, table, kernel_size, reach, strides=1, dilation_rate=1, bias=None, **rest):
        super().__init__(**rest)
        self.table, self.kernel_size, self.reach = table, tuple(kernel_size), reach
        self.strides, self.dilation_rate, self.bias_shape = strides, dilation_rate, bias

    def build(self, given):
        reach = [[[far]] for far, row in zip(self.reach, self.table) for _ in row]

        def start(shape, dtype):
            within = keras.random.uniform(shape, -1, 1, dtype)
            return within * ops.convert_to_tensor(reach, dtype)

        kernels = (len(reach), *self.kernel_size)
        self.kernel = self.add_weight(name="kernel", shape=kernels, initializer=start)
        self.bias = None
        if self.bias_shape is not None:
            self.bias = self.add_weight(name="bias", shape=self.bias_shape, initializer="zeros")

    def call(self, x):
        maps, first = [], 0
        for row in self.table:
            kernel = ops.transpose(self.kernel[first : first + len(row)], (1, 2, 0))[..., None]
            seen = ops.take(x, row, axis=-1)
            maps.append(ops.conv(seen, kernel, self.strides, dilation_rate=self.dilation_rate))
            first += len(row)
        made = ops.concatenate(maps, axis=-1)
        return made if self.bias is None else made + self.bias

    def get_config(self):
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "reach": self.reach,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "bias": self.bias_shape,
        }
''',
})  # fmt: skip
"""Classes by name; each says its options, so that a saved model has them."""


def _parameter(place: Any) -> str:
    (weight,) = place.facts.weights
    shape = tuple(int(each) for each in weight.shape)
    start = place.started("weight", "keras.initializers.RandomNormal(0, 0.02)")
    rest = "" if weight.trainable else ", trainable=False"
    place.taken = ["batch"]
    return channels_last(place.own("Weight", f"{shape}, {start}{rest}"), len(shape))


def _constant(place: Any) -> str:
    place.taken = ["batch"]
    return str(place.own("Constant", f"{tuple(map(int, last(place.facts.output)))}, {place.layer.value!r}"))


def _scaled_tanh(place: Any) -> str:
    return str(place.own("ScaledTanh", ", ".join(f"{name}={value!r}" for name, value in place.layer.stated().items())))


def _lrn(place: Any) -> str | None:
    layer = place.layer
    if layer.within_channel:
        return None
    return str(place.own("LocalResponseNormalization", f"{layer.size}, {layer.alpha:g}, {layer.beta:g}, {layer.k:g}"))


def _subsampling(place: Any) -> str | None:
    layer, shapes = place.layer, {each.shape for each in place.facts.weights}
    if shapes != {place.shape[:1]} or len(layer.kernel_size) != 2:
        return None
    average = f"keras.initializers.Constant(1 / {math.prod(layer.kernel_size)})"
    scale, shift = place.started("weight", average), place.started("bias", '"zeros"')
    rest = "" if shift == '"zeros"' else f", {shift}"
    return str(place.own("Subsample", f"{tuple(layer.kernel_size)}, {tuple(layer.steps)}, {scale}{rest}"))


def _table_conv(place: Any) -> str | None:
    layer = place.layer
    if layer.connection_table is None or place.starts.get("weight", ("uniform_fan_in",))[0] != "uniform_fan_in":
        return None
    if len(layer.kernel_size) != 2 or place.started("bias", '"zeros"') != '"zeros"':
        return None
    _, *bias = place.facts.weights
    if bias and len(bias[0].shape) != 1:
        return None
    sides, _ = sides_of(place, layer.stride, layer.dilation)
    table = f"{place.name}_table"
    place.construct(f"{table} = [", *(f"    {list(row)}," for row in layer.connection_table), "]")
    rest = "".join(f", {name}={tuple(value)}" for name, value in
                   (("strides", layer.stride), ("dilation_rate", layer.dilation)) if set(value) != {1})  # fmt: skip
    rest += f", bias={tuple(map(int, bias[0].shape))}" if bias else ""
    reach = f"[{start_over_table(place)} for row in {table}]"
    place.taken = [around(place.taken[0], sides)]
    return str(place.own("TableConv2D", f"{table}, {tuple(layer.kernel_size)}, {reach}{rest}"))


FORMS: Final[Mapping[str, Callable[[Any], str | None]]] = MappingProxyType({
    "parameter": _parameter, "constant": _constant, "scaled_tanh": _scaled_tanh, "lrn": _lrn,
    "subsampling": _subsampling, "conv2d": _table_conv,
})  # fmt: skip
"""How to write each as one of these classes; None where it is none."""

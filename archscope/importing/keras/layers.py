"""Which layers each of Keras's classes is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.escaping import line
from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES
from archscope.layers.base import Weight, extents

Reading = Callable[[Place], Value | list[Value]]
"""What a call is: keeps its layers, and gives what they make."""

ACTIVATIONS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = MappingProxyType({
    "relu": ("relu", {}), "relu6": ("relu6", {}), "sigmoid": ("sigmoid", {}), "tanh": ("tanh", {}),
    "softmax": ("softmax", {"dim": -1}), "log_softmax": ("log_softmax", {"dim": -1}), "softplus": ("softplus", {}),
    "softsign": ("softsign", {}), "selu": ("selu", {}), "elu": ("elu", {}), "exponential": ("exp", {}),
    "silu": ("silu", {}), "swish": ("silu", {}), "gelu": ("gelu", {}), "mish": ("mish", {}),
    "hard_sigmoid": ("hardsigmoid", {}), "hard_silu": ("hardswish", {}), "hard_swish": ("hardswish", {}),
    "leaky_relu": ("leaky_relu", {"negative_slope": 0.2}), "celu": ("celu", {}), "tanh_shrink": ("tanhshrink", {}),
    "log_sigmoid": ("logsigmoid", {}), "hard_tanh": ("hardtanh", {}),
})  # fmt: skip
"""Keras's activations by name, and what each is here."""


def activated(place: Place, value: Value, said: Any) -> Value:
    """What an activation makes of a value."""
    name = said.get("config", said.get("class_name")) if isinstance(said, dict) else said
    name = name.get("name", "") if isinstance(name, dict) else name
    if name in (None, "linear"):
        return value
    if name not in ACTIVATIONS:
        raise place.cannot(f"has the activation `{str(name)[:60]}`, which is none of Keras's")
    type_, options = ACTIVATIONS[name]
    if "dim" in options:
        options = {"dim": 0 if value.last else len(value.shape) - 1}
    return place.made(type_, [value], name=f".{type_}", **options)


def _ending(place: Place, value: Value) -> Value:
    return activated(place, value, place.options.get("activation"))


def _padding(place: Place, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    if place.value.padded is not None:
        return place.value.padded.sides
    kind = place.options.get("padding", "valid")
    if kind == "causal":
        return tuple((apart * (window - 1), 0) for window, apart in zip(kernel, dilation, strict=True))
    return "same" if kind == "same" else 0


def _conv(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        value = place.grid(axes)
        kernel, dilation = place.numbers("kernel_size", axes), place.numbers("dilation_rate", axes)
        made = place.made(
            f"conv{axes}d", [value], out_channels=place.options["filters"], kernel_size=kernel,
            stride=place.numbers("strides", axes), padding=_padding(place, kernel, dilation), dilation=dilation,
            groups=place.options.get("groups", 1), bias=bool(place.options.get("use_bias", True)),
        )  # fmt: skip
        return _ending(place, made)

    return reading


def _depthwise(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        made = _by_channel(place, axes, "", bias=bool(place.options.get("use_bias", True)))
        return _ending(place, made)

    return reading


def _by_channel(place: Place, axes: int, name: str, *, bias: bool) -> Value:
    value = place.grid(axes)
    channels = int(value.shape[0])
    kernel, dilation = place.numbers("kernel_size", axes), place.numbers("dilation_rate", axes)
    return place.made(
        f"conv{axes}d", [value], name=name, out_channels=channels * int(place.options.get("depth_multiplier", 1)),
        kernel_size=kernel, stride=place.numbers("strides", axes), dilation=dilation, groups=channels, bias=bias,
        padding=_padding(place, kernel, dilation),
    )  # fmt: skip


def _separable(axes: int) -> Reading:
    """A convolution of each channel by itself, and one over all channels."""

    def reading(place: Place) -> Value:
        apart = _by_channel(place, axes, ".depthwise", bias=False)
        made = place.made(f"conv{axes}d", [apart], name=".pointwise", out_channels=place.options["filters"],
                          kernel_size=1, bias=bool(place.options.get("use_bias", True)))  # fmt: skip
        return _ending(place, made)

    return reading


def _transposed(axes: int) -> Reading:
    """Sizes as Keras has them: times the stride for ``same``; what is too much is cut off, behind first."""

    def reading(place: Place) -> Value:
        value = place.grid(axes)
        kernel, stride = place.numbers("kernel_size", axes), place.numbers("strides", axes)
        dilation = place.numbers("dilation_rate", axes)
        if place.options.get("output_padding") is not None:
            raise place.cannot("has `output_padding`, which archscope does not read")
        cut = []
        more = [0] * axes
        for axis, (window, step, apart) in enumerate(zip(kernel, stride, dilation, strict=True)):
            reach = apart * (window - 1) + 1
            rest = reach - step if place.options.get("padding", "valid") == "same" else min(reach - step, 0)
            more[axis] = max(-rest, 0)
            cut.append((max(rest, 0) // 2, max(rest, 0) - max(rest, 0) // 2))
        made = place.made(
            f"conv_transpose{axes}d", [value], out_channels=place.options["filters"], kernel_size=kernel,
            stride=stride, padding=tuple(cut), output_padding=tuple(more), dilation=dilation,
            groups=place.options.get("groups", 1) or 1, bias=bool(place.options.get("use_bias", True)),
        )  # fmt: skip
        return _ending(place, made)

    return reading


def pool(kind: str, axes: int) -> Reading:
    def reading(place: Place) -> Value:
        value = place.grid(axes)
        kernel = place.numbers("pool_size", axes, 2)
        stride = kernel if place.options.get("strides") is None else place.numbers("strides", axes)
        options: dict[str, Any] = {"padding": "same" if place.options.get("padding") == "same" else 0}
        if kind == "avg" and options["padding"] == "same":
            options["count_include_pad"] = False
        if place.value.padded is not None:
            options["padding"] = place.value.padded.sides
        return place.made(f"{kind}_pool{axes}d", [value], kernel_size=kernel, stride=stride, **options)

    return reading


def _global(kind: str, axes: int) -> Reading:
    def reading(place: Place) -> Value:
        made = place.made(f"adaptive_{kind}_pool{axes}d", [place.grid(axes)], output_size=1)
        return made if place.options.get("keepdims") else place.made("flatten", [made], name=".flatten")

    return reading


def _adaptive(kind: str, axes: int) -> Reading:
    def reading(place: Place) -> Value:
        size = place.numbers("output_size", axes)
        return place.made(f"adaptive_{kind}_pool{axes}d", [place.grid(axes)], output_size=size)

    return reading


def _dense(place: Place) -> Value:
    value = place.plain()
    made = place.made("linear", [value], out_features=place.options["units"], every_position=len(value.shape) > 2,
                      bias=bool(place.options.get("use_bias", True)))  # fmt: skip
    if place.options.get("lora_rank"):
        raise place.cannot("has weights of LoRA, which archscope does not read")
    return _ending(place, made)


def _embedding(place: Place) -> Value:
    made = place.made("embedding", num_embeddings=place.options["input_dim"], embedding_dim=place.options["output_dim"])
    return made._replace(last=False)


def axis_of(place: Place, value: Value, axis: int) -> int:
    """An axis of Keras's, which counts the batch, as one of ours."""
    rank = len(value.shape)
    own = axis % (rank + 1) - 1
    if own < 0:
        raise place.cannot("works along the batch")
    return (own + 1) % rank if value.last else own


def _batch_norm(place: Place) -> Value:
    options = {"eps": place.options.get("epsilon", 1e-3), "momentum": round(1 - place.options.get("momentum", 0.99), 9)}
    return _affine(place, "batch_norm", _channels(place), **options)


def _channels(place: Place) -> Value:
    """The value with its channels in front, where a norm works along these."""
    value = place.value if len(place.value.shape) < 2 else place.grid(len(place.value.shape) - 1)
    if axis_of(place, value, place.axis()) != 0:
        raise place.cannot("normalizes along another axis than that of the channels")
    return value


def _affine(place: Place, type_: str, value: Value, *, switch: str = "affine", **options: Any) -> Value:
    """A norm that scales and shifts, does neither, or one of both."""
    scale, center = (bool(place.options.get(name, True)) for name in ("scale", "center"))
    options[switch] = scale or center
    if scale == center:
        return place.made(type_, [value], **options)
    layer = TYPES[type_](**options)
    facts = layer.facts(value.shape)
    gone = "bias" if scale else "weight"
    weights = tuple(each for each in facts.weights if each.name != gone)
    lines = None if facts.connections is None else facts.connections - extents(value.shape)
    return place.function(place.kind, layer, [value], weights, lines, f"no {gone}")


def _layer_norm(place: Place) -> Value:
    value = place.plain()
    axis = place.options.get("axis", -1)
    axes = sorted(axis_of(place, value, int(each)) for each in (axis if isinstance(axis, list) else [axis]))
    rank = len(value.shape)
    if not axes or axes != list(range(rank - len(axes), rank)):
        raise place.cannot("normalizes along other axes than the last ones")
    shape = [int(each) for each in value.shape[axes[0] :]]
    eps = place.options.get("epsilon", 1e-3)
    if place.kind == "RMSNormalization" or place.options.get("rms_scaling"):
        return place.made("rms_norm", [value], normalized_shape=shape, eps=eps)
    if place.options.get("scale", True) and not place.options.get("center", True):
        return place.made("layer_norm", [value], normalized_shape=shape, eps=eps, bias=False)
    return _affine(place, "layer_norm", value, switch="elementwise_affine", normalized_shape=shape, eps=eps)


def _group_norm(place: Place) -> Value:
    value = _channels(place)
    groups = int(place.options.get("groups", 32))
    groups = int(value.shape[0]) if groups == -1 else groups
    return _affine(place, "group_norm", value, num_groups=groups, eps=place.options.get("epsilon", 1e-3))


def _flatten(place: Place) -> Value:
    place.nodes.flattened |= place.value.last
    return place.made("flatten")._replace(last=False)


def _reshape(place: Place) -> Value:
    value = place.plain()
    wanted = [int(each) for each in place.options["target_shape"]]
    if -1 in wanted:
        rest = math.prod(each for each in wanted if each != -1)
        wanted[wanted.index(-1)] = math.prod(map(int, value.shape)) // max(rest, 1)
    return place.made("reshape", [value], shape=wanted)


def _permute(place: Place) -> Value:
    return place.made("permute", [place.plain()], dims=[int(each) - 1 for each in place.options["dims"]])


def _repeat_vector(place: Place) -> Value:
    made = place.made("unsqueeze", [place.value], name=".unsqueeze", dim=0)
    return place.made("repeat", [made], repeats=[place.options["n"], 1])


def _dropout(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        if axes == 0:
            return place.made("dropout", p=place.options["rate"])
        return place.made(f"dropout{axes}d", [place.grid(axes)], p=place.options["rate"])

    return reading


def _handed_on(place: Place) -> Value:
    return place.value


def _activation(place: Place) -> Value:
    return activated(place, place.value, place.options["activation"])


def _relu(place: Place) -> Value:
    most, slope, least = (place.options.get(name) or 0 for name in ("max_value", "negative_slope", "threshold"))
    if least or (most and slope) or most not in (0, 6):
        raise place.cannot("is a ReLU with a threshold, or a largest value other than 6, which no layer type has")
    if slope:
        return place.made("leaky_relu", negative_slope=slope)
    return place.made("relu6" if most else "relu")


def _leaky(place: Place) -> Value:
    return place.made("leaky_relu", negative_slope=place.options.get("negative_slope", place.options.get("alpha", 0.3)))


def _prelu(place: Place) -> Value:
    value = place.value if len(place.value.shape) < 2 else place.grid(len(place.value.shape) - 1)
    shared = {axis_of(place, value, int(each)) for each in place.options.get("shared_axes") or []}
    own = tuple(extent for axis, extent in enumerate(value.shape) if axis not in shared)
    if not own or (0 not in shared and len(own) == 1):
        return place.made("prelu", [value], num_parameters=math.prod(map(int, own)))
    layer = TYPES["prelu"](num_parameters=1)
    return place.function("PReLU", layer, [value], (Weight("weight", own),), extents(value.shape),
                          "slopes along other axes than the channels")  # fmt: skip


def _softmax(place: Place) -> Value:
    return place.made("softmax", dim=axis_of(place, place.value, place.axis()))


def _merged(type_: str) -> Reading:
    return lambda place: place.made(type_, place.alike())


def _average(place: Place) -> Value:
    made = place.made("add", place.alike(), name=".add")
    return place.made("scale", [made], factor=1 / len(place.values))


def _concatenate(place: Place) -> Value:
    values = place.alike()
    return place.made("concat", values, dim=axis_of(place, values[0], place.axis()))


def _zero_padding(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        sides = _sides(place, "padding", axes)
        flat = [side for pair in reversed(sides) for side in pair]
        return place.made(f"zero_pad{axes}d", [place.grid(axes)], padding=flat)

    return reading


def _sides(place: Place, name: str, axes: int) -> list[tuple[int, int]]:
    said = place.options[name]
    if isinstance(said, int):
        return [(said, said)] * axes
    pairs = [said] if axes == 1 else [[each, each] if isinstance(each, int) else each for each in said]
    if len(pairs) != axes or any(len(pair) != 2 for pair in pairs):
        raise place.cannot(f"has a `{name}` of {line(str(said))[:80]}, which is not two sides of {axes} axes")
    return [(int(first), int(last)) for first, last in pairs]


def _cropping(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        value = place.grid(axes)
        for axis, (before, after) in enumerate(_sides(place, "cropping", axes), start=1):
            if before or after:
                value = place.made("slice", [value], dim=axis, start=before, end=-after if after else None)
        return value

    return reading


def _upsampling(axes: int) -> Reading:
    def reading(place: Place) -> Value:
        mode = {"bilinear": "bilinear", "nearest": "nearest", "bicubic": "bicubic"}.get(
            place.options.get("interpolation", "nearest"), ""
        )
        if not mode:
            raise place.cannot(f"interpolates in a way that no layer type has: {place.options['interpolation']}")
        size = [float(each) for each in place.numbers("size", axes, 2)]
        return place.made("upsample", [place.grid(axes)], scale_factor=size, mode=mode)

    return reading


def _rescaling(place: Place) -> Value:
    scale, offset = place.options["scale"], place.options.get("offset", 0.0)
    if isinstance(scale, list) or isinstance(offset, list):
        raise place.cannot("scales each channel by a number of its own, which no layer type does")
    return place.value if scale == 1 and not offset else place.made("scale", factor=scale, shift=offset)


_POOLS: Final = ((1, "1D"), (2, "2D"), (3, "3D"))

READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    **{f"Conv{name}": _conv(axes) for axes, name in _POOLS},
    **{f"DepthwiseConv{name}": _depthwise(axes) for axes, name in _POOLS},
    **{f"SeparableConv{name}": _separable(axes) for axes, name in _POOLS},
    **{f"Conv{name}Transpose": _transposed(axes) for axes, name in _POOLS},
    **{f"MaxPooling{name}": pool("max", axes) for axes, name in _POOLS},
    **{f"AveragePooling{name}": pool("avg", axes) for axes, name in _POOLS},
    **{f"GlobalMaxPooling{name}": _global("max", axes) for axes, name in _POOLS},
    **{f"GlobalAveragePooling{name}": _global("avg", axes) for axes, name in _POOLS},
    **{f"ZeroPadding{name}": _zero_padding(axes) for axes, name in _POOLS},
    **{f"Cropping{name}": _cropping(axes) for axes, name in _POOLS},
    **{f"UpSampling{name}": _upsampling(axes) for axes, name in _POOLS},
    **{f"SpatialDropout{name}": _dropout(axes) for axes, name in _POOLS},
    **{f"AdaptiveMaxPooling{name}": _adaptive("max", axes) for axes, name in _POOLS},
    **{f"AdaptiveAveragePooling{name}": _adaptive("avg", axes) for axes, name in _POOLS},
    "Dense": _dense, "Embedding": _embedding,
    "BatchNormalization": _batch_norm, "LayerNormalization": _layer_norm, "RMSNormalization": _layer_norm,
    "GroupNormalization": _group_norm, "Flatten": _flatten, "Reshape": _reshape, "Permute": _permute,
    "RepeatVector": _repeat_vector, "Dropout": _dropout(0), "Activation": _activation, "ReLU": _relu,
    "LeakyReLU": _leaky, "PReLU": _prelu, "Softmax": _softmax, "Concatenate": _concatenate, "Average": _average,
    "ELU": lambda place: place.made("elu", alpha=place.options.get("alpha", 1.0)),
    "Rescaling": _rescaling,
    "UnitNormalization": lambda place: place.made("normalize", dim=axis_of(place, place.value, place.axis())),
    **{name: _merged(name.lower()) for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")},
    **dict.fromkeys(("GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Identity",
                     "Masking"), _handed_on),
})  # fmt: skip
"""Keras's classes, and the layers that each is."""

"""Which layers each of Caffe's types is, but for those with windows or steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.caffe.place import Place, Value
from archscope.importing.caffe.windows import Reading
from archscope.layers.base import extents


def _unary(type_: str, **options: tuple[str, float]) -> Reading:
    """A function of each value: its options are numbers by Caffe's name."""

    def reading(place: Place) -> list[Value]:
        place.takes(1)
        given: dict[str, Any] = {name: place.options.number(theirs, usual) for name, (theirs, usual) in options.items()}
        place.options.unimportant("engine")
        return [place.made(type_, **given)]

    return reading


def _relu(place: Place) -> list[Value]:
    place.takes(1)
    slope = place.options.number("negative_slope", 0)
    place.options.unimportant("engine")
    return [place.made("leaky_relu", negative_slope=slope) if slope else place.made("relu")]


def _prelu(place: Place) -> list[Value]:
    place.takes(1)
    shared = place.options.flag("channel_shared", usual=False)
    place.options.unimportant("filler")
    return [place.made("prelu", num_parameters=1 if shared else int(place.value.shape[0]))]


def _swish(place: Place) -> list[Value]:
    place.takes(1)
    if place.options.number("beta", 1) == 1:
        return [place.made("silu")]
    return place.function("swish", place.values, [place.value.shape], pointwise=True)


def _scaled(place: Place, value: Value, factor: float, shift: float) -> Value:
    """A value times a factor, and a shift."""
    if factor == 1 and not shift:
        return value
    return place.made("scale", [value], name=".scale", factor=factor, shift=shift)


def _power(place: Place) -> list[Value]:
    """``(shift + scale · x) ^ power``."""
    place.takes(1)
    options = place.options
    exponent, factor, shift = options.number("power", 1), options.number("scale", 1), options.number("shift", 0)
    if exponent == 1:
        return [place.value if factor == 1 and not shift else place.made("scale", factor=factor, shift=shift)]
    return [place.made("power", [_scaled(place, place.value, factor, shift)], exponent=exponent)]


def _base(place: Place) -> float:
    """The natural logarithm of a base, e by −1."""
    base = place.options.number("base", -1)
    if base == -1:
        return 1.0
    if not 0 < base < math.inf or base == 1:
        raise place.cannot(f"has the base {base:g}; it may be −1 for e, or a positive number other than 1")
    return math.log(base)


def _exp(place: Place) -> list[Value]:
    """``base ^ (shift + scale · x)``."""
    place.takes(1)
    base = _base(place)
    factor, shift = place.options.number("scale", 1), place.options.number("shift", 0)
    return [place.made("exp", [_scaled(place, place.value, base * factor, base * shift)])]


def _log(place: Place) -> list[Value]:
    """``log(shift + scale · x)``, over that of the base."""
    place.takes(1)
    base = _base(place)
    value = _scaled(place, place.value, place.options.number("scale", 1), place.options.number("shift", 0))
    made = place.made("log", [value])
    return [_scaled(place, made, 1 / base, 0.0)]


def _lrn(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    region = options.word("norm_region", "ACROSS_CHANNELS", ("ACROSS_CHANNELS", "WITHIN_CHANNEL"))
    within = region == "WITHIN_CHANNEL"
    options.unimportant("engine")
    given: dict[str, Any] = {"size": options.whole("local_size", 5, least=1), "alpha": options.number("alpha", 1.0),
             "beta": options.number("beta", 0.75), "k": options.number("k", 1.0)}  # fmt: skip
    if within:
        given["k"] = 1.0  # what is said of it is not used there
    return [place.made("lrn", within_channel=within, **given)]


def _dropout(place: Place) -> list[Value]:
    place.takes(1)
    place.options.unimportant("scale_train")
    return [place.made("dropout", p=place.options.number("dropout_ratio", 0.5))]


def _softmax(place: Place) -> list[Value]:
    place.takes(1)
    place.options.unimportant("engine")
    return [place.made("softmax", dim=place.axis(place.options.whole("axis", 1, least=-8)))]


def _inner_product(place: Place) -> list[Value]:
    """A product over all axes from one on, which are flattened first."""
    place.takes(1)
    options = place.options
    axis = place.axis(options.whole("axis", 1, least=-8))
    given: dict[str, Any] = {
        "out_features": options.wanted("num_output"),
        "bias": options.flag("bias_term", usual=True),
    }
    options.unimportant("weight_filler", "bias_filler", "transpose")
    value = flattened(place, place.value, axis)
    return [place.made("linear", [value], every_position=axis > 0, **given)]


def flattened(place: Place, value: Value, axis: int) -> Value:
    """A value with one axis in the place of all from one on."""
    rest = value.shape[axis:]
    if len(rest) == 1:
        return value
    if not axis and rest:
        return place.made("flatten", [value], name=".flatten")
    wanted = [*map(int, value.shape[:axis]), math.prod(map(int, rest))]
    return place.made("reshape", [value], name=".reshape", shape=wanted)


def _embed(place: Place) -> list[Value]:
    place.takes(1)
    options = place.options
    width, bias = options.wanted("num_output"), options.flag("bias_term", usual=True)
    options.unimportant("weight_filler", "bias_filler")
    made = place.made("embedding", num_embeddings=options.wanted("input_dim"), embedding_dim=width)
    if not bias:
        return [made]
    shift = place.learned([1] * (len(made.shape) - 1) + [width], ".bias", 1)
    return [place.made("add", [made, shift], name=".add")]


def _batch_norm(place: Place) -> list[Value]:
    place.takes(1)
    return [place.made("batch_norm", affine=False, **_norm(place))]


def _norm(place: Place) -> dict[str, Any]:
    options = place.options
    options.unimportant("use_global_stats")
    return {"eps": options.number("eps", 1e-5),
            "momentum": round(1 - options.number("moving_average_fraction", 0.999), 9)}  # fmt: skip


def scaled_norm(place: Place, scale: Place) -> list[Value]:
    """A batch norm and the scale behind it, which together are one batch norm."""
    place.takes(1)
    given = _norm(place)
    bias = scale.options.flag("bias_term", usual=False)
    scale.options.unimportant("axis", "num_axes", "filler", "bias_filler")
    place.call = place.call._replace(blobs=scale.call.blobs)
    if bias:
        return [place.made("batch_norm", **given)]
    facts = place.facts(place.typed("batch_norm", given), place.values)
    lines = None if facts.connections is None else facts.connections - extents(place.value.shape)
    weights = tuple(each for each in facts.weights if each.name != "bias")
    return [place.like("batch_norm", place.values, "no bias", weights=weights, lines=lines, **given)]


def _wide(place: Place, shape: Sequence[int], axis: int, many: int) -> list[int]:
    """The extents of a weight that lies along some axes of a value, 1 along the others."""
    if not shape and many == 0:
        return [1]
    first = place.axis(axis)
    last = len(shape) if many == -1 else first + many
    if last > len(shape):
        raise place.cannot(f"has `num_axes: {many}` from axis {axis} on, and is given {len(shape) + 1} axes")
    return [int(each) if first <= at < last else 1 for at, each in enumerate(shape)]


def _scale(place: Place) -> list[Value]:
    """A product with a weight, or with another value."""
    options = place.options
    options.unimportant("filler", "bias_filler")
    bias = options.flag("bias_term", usual=False)
    return [_along(place, "multiply", ".weight", bias=bias)]


def _bias(place: Place) -> list[Value]:
    place.options.unimportant("filler")
    return [_along(place, "add", ".bias", bias=False)]


def _along(place: Place, type_: str, name: str, *, bias: bool) -> Value:
    place.takes(1, 2)
    axis, many = place.options.whole("axis", 1, least=-8), place.options.whole("num_axes", 1, least=-1)
    value = place.value
    if len(place.values) == 2:
        first, other = place.axis(axis), place.values[1].shape
        wide = [1] * first + [*map(int, other)] + [1] * (len(value.shape) - first - len(other))
        factor = place.values[1]
        if list(map(int, factor.shape)) != wide:
            factor = place.made("reshape", [factor], name=".reshape", shape=wide)
    else:
        wide = _wide(place, value.shape, axis, many)
        factor = place.learned(wide, name, 0)
    made = place.made(type_, [value, factor])
    if not bias:
        return made
    shift = place.learned(wide, ".bias", 2 - len(place.values))
    return place.made("add", [made, shift], name=".add")


def _eltwise(place: Place) -> list[Value]:
    options = place.options
    kind = options.word("operation", "SUM", ("PROD", "SUM", "MAX"))
    factors = options.numbers("coeff")
    options.unimportant("stable_prod_grad")
    if len({value.shape for value in place.values}) != 1 or len(place.values) < 2:
        raise place.cannot("joins values of different shapes, or fewer than two")
    if factors and (len(factors) != len(place.values) or kind != "SUM"):
        raise place.cannot(f"says `coeff` {len(factors)} times for {len(place.values)} values, or for no sum")
    values = place.values
    if kind == "SUM":
        if factors == [1, -1]:
            return [place.made("subtract")]
        pairs = zip(values, factors or [1.0] * len(values), strict=True)
        return [place.made("add", [_scaled(place, value, factor, 0.0) for value, factor in pairs])]
    if kind == "PROD":
        return [place.made("multiply")]
    made = values[0]
    for other in values[1:]:
        made = place.made("maximum", [made, other])
    return [made]


def _axpy(place: Place) -> list[Value]:
    """A factor for each channel times the second value, and the third."""
    place.takes(3)
    scaled = place.made("multiply", place.values[:2], name=".multiply")
    return [place.made("add", [scaled, place.values[2]])]


def _handed_on(place: Place) -> list[Value]:
    place.takes(1)
    return [place.value] * max(len(place.call.tops), 1)


READINGS: Final[Mapping[str, tuple[str, Reading]]] = MappingProxyType({
    "ReLU": ("relu_param", _relu),
    "ReLU6": ("relu_param", _unary("relu6")),
    "PReLU": ("prelu_param", _prelu),
    "ELU": ("elu_param", _unary("elu", alpha=("alpha", 1.0))),
    "Sigmoid": ("sigmoid_param", _unary("sigmoid")),
    "TanH": ("tanh_param", _unary("tanh")),
    "AbsVal": ("absval_param", _unary("abs")),
    "BNLL": ("bnll_param", _unary("softplus")),
    "Clip": ("clip_param", _unary("hardtanh", min_val=("min", 0.0), max_val=("max", 6.0))),
    "Swish": ("swish_param", _swish),
    "Power": ("power_param", _power),
    "Exp": ("exp_param", _exp),
    "Log": ("log_param", _log),
    "LRN": ("lrn_param", _lrn),
    "Dropout": ("dropout_param", _dropout),
    "Softmax": ("softmax_param", _softmax),
    "InnerProduct": ("inner_product_param", _inner_product),
    "Embed": ("embed_param", _embed),
    "BatchNorm": ("batch_norm_param", _batch_norm),
    "Scale": ("scale_param", _scale),
    "Bias": ("bias_param", _bias),
    "Eltwise": ("eltwise_param", _eltwise),
    "Axpy": ("axpy_param", _axpy),
    "Split": ("split_param", _handed_on),
})  # fmt: skip
"""Caffe's types, the messages that hold their options, and the layers that each is."""

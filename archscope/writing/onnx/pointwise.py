"""Operators of ONNX for what works value by value: activations, gates, arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.onnx.sheet import Place, axis_of

Form = Callable[[Place], str]


def _one(operator: str, **options: str | float) -> Form:
    """One operator; options that are names are those of the layer's options, numbers stand as they are."""

    def form(place: Place) -> str:
        given: dict[str, Any] = {
            name: float(getattr(place.layer, each) if isinstance(each, str) else each) for name, each in options.items()
        }
        return place.run(operator, place.taken[0], **given)

    return form


def _clipped(least: Any, most: Any) -> Form:
    def form(place: Place) -> str:
        ends = (getattr(place.layer, each) if isinstance(each, str) else each for each in (least, most))
        return place.run("Clip", place.taken[0], *(place.constant(each) for each in ends))

    return form


def _in_a_row(operator: str) -> Form:
    """An operator of two values, for as many as there are."""

    def form(place: Place) -> str:
        first, *others = place.taken
        for each in others:
            first = place.run(operator, first, each)
        return first

    return form


def _silu(place: Place) -> str:
    return silu(place, place.taken[0])


def silu(place: Place, value: str) -> str:
    """``x · σ(x)``, as opsets before 24 have it."""
    return place.run("Mul", value, place.run("Sigmoid", value))


def _scaled_tanh(place: Place) -> str:
    slope, amplitude = (place.constant(each) for each in (place.layer.slope, place.layer.amplitude))
    return place.run("Mul", place.run("Tanh", place.run("Mul", place.taken[0], slope)), amplitude)


def _softplus(place: Place) -> str:
    beta = place.layer.beta
    if beta == 1:
        return place.run("Softplus", place.taken[0])
    scaled = place.run("Mul", place.taken[0], place.constant(beta))
    return place.run("Div", place.run("Softplus", scaled), place.constant(beta))


def _logsigmoid(place: Place) -> str:
    return place.run("Neg", place.run("Softplus", place.run("Neg", place.taken[0])))


def _tanhshrink(place: Place) -> str:
    return place.run("Sub", place.taken[0], place.run("Tanh", place.taken[0]))


def _softshrink(place: Place) -> str:
    lambd = float(place.layer.lambd)
    return place.run("Shrink", place.taken[0], lambd=lambd, bias=lambd)


def _threshold(place: Place) -> str:
    above = place.run("Greater", place.taken[0], place.constant(place.layer.threshold))
    return place.run("Where", above, place.taken[0], place.constant(place.layer.value))


def _rrelu(place: Place) -> str:
    """What it is at inference: the middle of the slopes."""
    return place.run("LeakyRelu", place.taken[0], alpha=(place.layer.lower + place.layer.upper) / 2)


def _prelu(place: Place) -> str:
    many = int(place.facts.weights[0].shape[0])
    slopes = place.weight("weight", (many, *[1] * (len(place.shape) - 1)) if len(place.shape) > 1 else (many,))
    return place.run("PRelu", place.taken[0], slopes)


def _softmax(operator: str) -> Form:
    def form(place: Place) -> str:
        return place.run(operator, place.taken[0], axis=axis_of(place.layer.dim, len(place.shape)))

    return form


def _softmin(place: Place) -> str:
    turned = place.run("Neg", place.taken[0])
    return place.run("Softmax", turned, axis=axis_of(place.layer.dim, len(place.shape)))


def _gelu(place: Place) -> str:
    return place.run("Gelu", place.taken[0], approximate=place.layer.approximate)


def _gated(function: Callable[[Place, str], str]) -> Form:
    """The halves of an axis, one of them through a function."""

    def form(place: Place) -> str:
        axis = axis_of(place.layer.dim, len(place.shape))
        value, gate = place.run_all("Split", place.taken[0], outputs=2, axis=axis, num_outputs=2)
        return place.run("Mul", value, function(place, gate))

    return form


def _maxout(place: Place) -> str:
    axis = axis_of(place.layer.dim, len(place.shape))
    before, made, after = place.shape[: axis - 1], place.output[axis - 1], place.shape[axis:]
    apart = place.reshape(place.taken[0], *before, made, place.layer.pieces, *after)
    return place.run("ReduceMax", apart, place.whole(axis + 1), keepdims=0)


def _power(place: Place) -> str:
    return place.run("Pow", place.taken[0], place.constant(place.layer.exponent))


def _scale(place: Place) -> str:
    layer, value = place.layer, place.taken[0]
    if layer.factor != 1 or not layer.shift:
        value = place.run("Mul", value, place.constant(layer.factor))
    return place.run("Add", value, place.constant(layer.shift)) if layer.shift else value


def _dropout(place: Place) -> str:
    return place.run("Dropout", place.taken[0], place.constant(place.layer.p))


def same(place: Place) -> str:
    """What comes, as it is."""
    return place.run("Identity", place.taken[0])


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "identity": same,
    "relu": _one("Relu"),
    "relu6": _clipped(0, 6),
    "hardtanh": _clipped("min_val", "max_val"),
    "leaky_relu": _one("LeakyRelu", alpha="negative_slope"),
    "elu": _one("Elu", alpha="alpha"),
    "celu": _one("Celu", alpha="alpha"),
    "selu": _one("Selu"),
    "gelu": _gelu,
    "silu": _silu,
    "sigmoid": _one("Sigmoid"),
    "tanh": _one("Tanh"),
    "scaled_tanh": _scaled_tanh,
    "hardsigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": _one("HardSwish"),
    "softplus": _softplus,
    "prelu": _prelu,
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "softmin": _softmin,
    "softmax2d": lambda place: place.run("Softmax", place.taken[0], axis=1),
    "mish": _one("Mish"),
    "softsign": _one("Softsign"),
    "logsigmoid": _logsigmoid,
    "tanhshrink": _tanhshrink,
    "softshrink": _softshrink,
    "hardshrink": _one("Shrink", lambd="lambd"),
    "threshold": _threshold,
    "rrelu": _rrelu,
    "glu": _gated(lambda place, gate: place.run("Sigmoid", gate)),
    "geglu": _gated(lambda place, gate: place.run("Gelu", gate)),
    "swiglu": _gated(silu),
    "reglu": _gated(lambda place, gate: place.run("Relu", gate)),
    "maxout": _maxout,
    "abs": _one("Abs"),
    "exp": _one("Exp"),
    "log": _one("Log"),
    "sqrt": _one("Sqrt"),
    "power": _power,
    "scale": _scale,
    "add": _in_a_row("Add"),
    "multiply": _in_a_row("Mul"),
    "subtract": _in_a_row("Sub"),
    "divide": _in_a_row("Div"),
    "maximum": _in_a_row("Max"),
    "minimum": _in_a_row("Min"),
    "pow": _in_a_row("Pow"),
    "dropout": _dropout,
    **dict.fromkeys(("dropout1d", "dropout2d", "dropout3d", "drop_path"), same),
})  # fmt: skip
"""The operators of each, from its place; the value they make."""

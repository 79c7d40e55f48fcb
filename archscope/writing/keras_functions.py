"""Layers that are one expression in Keras, without a weight of their own: by layer type, channels last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import UsageError
from archscope.writing.listing import Place, summed

Form = Callable[[Any], str]


def cannot(place: Place, why: str) -> UsageError:
    """The layer cannot be written in Keras, or in what its place is of."""
    framework = getattr(place, "framework", "Keras")
    return UsageError(f"`{place.node.name}` ({place.layer.type}) cannot be written in {framework}: {why}")


def axis_of(dim: int, rank: int) -> int:
    """An axis of a sample, channels first, as Keras counts it: with the batch, channels last.

    >>> axis_of(0, 3), axis_of(1, 3), axis_of(-1, 3)
    (-1, 1, 2)
    """
    place = dim % rank
    return -1 if place == 0 else place


def function(template: str) -> Form:
    """An expression around the inputs."""
    return lambda place: template.format(*place.taken)


def _along(template: str) -> Form:
    """A function along the axis `dim`; the channels, the last axis there, go without saying."""

    def form(place: Place) -> str:
        axis = axis_of(place.layer.dim, len(place.shape))
        return template.format(place.taken[0], "" if axis == -1 else f", axis={axis}")

    return form


def _random_slope(place: Place) -> str:
    raise cannot(place, "no slope there is drawn anew while training")


def _gelu(place: Place) -> str:
    return f"ops.gelu({place.taken[0]}, approximate={place.layer.approximate == 'tanh'})"


def _scale(place: Place) -> str:
    layer, value = place.layer, place.taken[0]
    scaled = value if layer.factor == 1 else f"{value} * {layer.factor!r}"
    return f"{scaled} + {layer.shift!r}" if layer.shift else scaled


FUNCTIONS: Final[Mapping[str, Form]] = MappingProxyType({
    "identity": function("{}"),
    "relu": function("ops.relu({})"),
    "tanh": function("ops.tanh({})"),
    "sigmoid": function("ops.sigmoid({})"),
    "silu": function("ops.silu({})"),
    "relu6": function("ops.relu6({})"),
    "selu": function("ops.selu({})"),
    "hardsigmoid": function("ops.hard_sigmoid({})"),
    "hardswish": function("ops.hard_silu({})"),
    "leaky_relu": lambda place: f"ops.leaky_relu({place.taken[0]}, {place.layer.negative_slope:g})",
    "elu": lambda place: f"ops.elu({place.taken[0]}, {place.layer.alpha:g})",
    "gelu": _gelu,
    "hardtanh": lambda place: f"ops.clip({place.taken[0]}, {place.layer.min_val:g}, {place.layer.max_val:g})",
    "softmax": _along("ops.softmax({}{})"),
    "log_softmax": _along("ops.log_softmax({}{})"),
    "softmin": _along("ops.softmax(-({}){})"),
    "softmax2d": function("ops.softmax({})"),
    "mish": lambda place: place.made('Activation("mish")'),
    "softsign": function("ops.softsign({})"),
    "logsigmoid": function("ops.log_sigmoid({})"),
    "tanhshrink": function("ops.tanh_shrink({})"),
    "celu": lambda place: f"ops.celu({place.taken[0]}, {place.layer.alpha:g})",
    "softshrink": lambda place: f"ops.soft_shrink({place.taken[0]}, {place.layer.lambd:g})",
    "hardshrink": lambda place: f"ops.hard_shrink({place.taken[0]}, {place.layer.lambd:g})",
    "threshold": lambda place: f"ops.threshold({place.taken[0]}, {place.layer.threshold:g}, {place.layer.value:g})",
    "rrelu": _random_slope,
    "softplus": lambda place: f"ops.softplus({place.layer.beta:g} * {place.taken[0]}) / {place.layer.beta:g}",
    "abs": function("ops.abs({})"),
    "exp": function("ops.exp({})"),
    "log": function("ops.log({})"),
    "sqrt": function("ops.sqrt({})"),
    "power": lambda place: f"ops.power({place.taken[0]}, {place.layer.exponent!r})",
    "scale": _scale,
    "maximum": function("ops.maximum({}, {})"),
    "minimum": function("ops.minimum({}, {})"),
    "pow": function("ops.power({}, {})"),
    "subtract": lambda place: " - ".join(place.taken),
    "divide": lambda place: " / ".join(place.taken),
    "add": lambda place: summed(place.taken),
    "multiply": lambda place: " * ".join(place.taken),
})  # fmt: skip
"""The expression of each layer type that is a function in Keras."""

"""Recurrence in Keras: one bias a gate where PyTorch has two, and the last step alone unless all are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras.layers import Reading
from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES, Layer
from archscope.layers.base import Weight
from archscope.working import count

_GATES: Final = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_TYPES: Final = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
_DECIDING: Final = ("units", "use_bias", "reset_after", "activation", "trainable")


def _recurrent(place: Place) -> Value:
    return _one(place, place.kind, place.options, both=False)


def _bidirectional(place: Place) -> Value:
    inner, back = place.options["layer"], place.options.get("backward_layer")
    if place.options.get("merge_mode", "concat") != "concat" or inner["class_name"] not in _TYPES:
        raise place.cannot("joins its directions in a way that archscope does not read")
    if _deciding(back or inner) != _deciding(inner):
        raise place.cannot("has another layer backwards than forwards, which no layer type has")
    place.trains = bool(inner["config"].get("trainable", True))
    return _one(place, inner["class_name"], place.saying(inner["config"]), both=True)


def _deciding(layer: Mapping[str, Any]) -> list[Any]:
    """What of a direction decides numbers."""
    return [layer["class_name"], *(layer["config"].get(name) for name in _DECIDING)]


def _one(place: Place, kind: str, options: Mapping[str, Any], *, both: bool) -> Value:
    value = place.plain()
    for name, what in (("return_state", "gives its states"), ("time_major", "has the steps in front of the batch")):
        if options.get(name):
            raise place.cannot(f"has `{name}: {options[name]}`: it {what}, which archscope does not read; leave it out")
    hidden, bias = int(options["units"]), bool(options.get("use_bias", True))
    if options.get("activation", "tanh") != "tanh" and kind != "SimpleRNN":
        raise place.cannot("has another activation than tanh, which no layer type has")
    more = {"nonlinearity": options.get("activation", "tanh")} if kind == "SimpleRNN" else {}
    if more.get("nonlinearity") not in (None, "tanh", "relu"):
        raise place.cannot("has another activation than tanh or ReLU, which no layer type has")
    paired = kind == "GRU" and bool(options.get("reset_after", True))
    layer = TYPES[_TYPES[kind]](hidden_size=hidden, bias=bias, bidirectional=both, **more)
    if not bias or paired:
        made = place.made(_TYPES[kind], [value], hidden_size=hidden, bias=bias, bidirectional=both, **more)
    else:
        made = _with_one_bias(place, kind, layer, value, hidden, both=both)
    if options.get("return_sequences"):
        return made._replace(last=False)
    # The last step of each direction.
    return place.made("select", [made], name=".select", dim=0, index=-1)._replace(last=False)


def _with_one_bias(place: Place, kind: str, layer: Layer, value: Value, hidden: int, *, both: bool) -> Value:
    gated, inputs = _GATES[kind] * hidden, int(value.shape[1])
    weights = tuple(
        Weight(f"{name}{suffix}", shape)
        for suffix in ("", "_reverse")[: 1 + both]
        for name, shape in (("kernel", (gated, inputs)), ("recurrent_kernel", (gated, hidden)), ("bias", (gated,)))
    )
    steps = count(value.shape[0], "t")
    lines = (count(inputs, "c") + count(hidden, "h") + 1) * count(gated, "g") * steps
    return place.function(kind, layer, [value], weights, count(2) * lines if both else lines, "one bias a gate")


READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {**dict.fromkeys(_TYPES, _recurrent), "Bidirectional": _bidirectional}
)
"""Keras's classes, and the layers that each is."""

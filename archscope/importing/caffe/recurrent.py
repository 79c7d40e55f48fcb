"""Recurrence in Caffe: steps in front of the samples, one bias a gate, and a signal where a sequence begins."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.importing.caffe.layers import flattened
from archscope.importing.caffe.place import Place, Value
from archscope.importing.caffe.windows import Reading
from archscope.layers.base import Weight
from archscope.working import count

KINDS: Final = frozenset({"LSTM", "RNN"})


def _given(place: Place) -> tuple[Value, int]:
    """A row of features for each step, and how many the state has."""
    options = place.options
    if options.flag("expose_hidden", usual=False):
        raise place.cannot("has `expose_hidden: true`, so that it takes and gives its states, which archscope does not "
                           "read; leave it out")  # fmt: skip
    if len(place.values) > 1:  # the signal is no value of these
        raise place.cannot("takes a third value, which is the same at every step and has weights of its own, as LRCN's "
                           "second LSTM has it, and archscope does not read that; leave its `bottom` out to see "
                           "the rest, without these weights")  # fmt: skip
    options.unimportant("weight_filler", "bias_filler", "debug_info")
    if len(place.value.shape) < 2:
        raise place.cannot("takes steps, samples and features, and is given fewer axes")
    return flattened(place, place.value, 1), options.wanted("num_output")


def _lstm(place: Place) -> list[Value]:
    value, hidden = _given(place)
    return [_one_bias(place, "lstm", value, hidden, 4)]


def _rnn(place: Place) -> list[Value]:
    """A state, and what a matrix of its own and tanh make of it."""
    value, hidden = _given(place)
    state = _one_bias(place, "rnn", value, hidden, 1)
    layer = place.typed("linear", {"out_features": hidden, "every_position": True})
    made = place.layer(layer, [state], name=".output", blobs=3)
    return [place.made("tanh", made, name=".tanh")]


def _one_bias(place: Place, type_: str, value: Value, hidden: int, gates: int) -> Value:
    inputs, gated = int(value.shape[1]), gates * hidden
    weights = (Weight("weight_x", (gated, inputs)), Weight("bias", (gated,)), Weight("weight_h", (gated, hidden)))
    steps = count(value.shape[0], "t")
    lines = (count(inputs, "c") + count(hidden, "h") + 1) * count(gated, "g") * steps
    return place.like(type_, [value], "one bias a gate", weights=weights, lines=lines, hidden_size=hidden)


READINGS: Final[Mapping[str, tuple[str, Reading]]] = MappingProxyType(
    {"LSTM": ("recurrent_param", _lstm), "RNN": ("recurrent_param", _rnn)}
)
"""Caffe's types, the messages that hold their options, and the layers that each is."""

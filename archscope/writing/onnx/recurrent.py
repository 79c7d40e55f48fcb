"""Operators of ONNX for recurrence and its cells, whose gates stand in another order there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from archscope.writing.onnx.sheet import Array, Place

Form = Callable[[Place], "str | Sequence[str]"]

_ORDER: Final = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""Where each gate of ONNX's order stands in PyTorch's: input, output, forget, cell; update, reset, new."""


def _gates(kind: str) -> Callable[[Array], Array]:
    """Gates in ONNX's order."""

    def turn(values: Array) -> Array:
        parts = np.split(values, len(_ORDER[kind]))
        return np.concatenate([parts[at] for at in _ORDER[kind]])

    return turn


def _recurrent(place: Place) -> Sequence[str]:
    layer = place.layer
    if getattr(layer, "proj_size", None):
        raise place.cannot("ONNX's LSTM has no projection; leave `proj_size` out, or put a linear layer behind it")
    both = layer.bidirectional
    value = place.transpose(place.taken[0], 1, 0, 2)
    lasts: list[list[str]] = [[] for _ in place.facts.outputs[1:]]
    for depth in range(layer.num_layers):
        value, states = _one(place, value, depth, both)
        for each, state in zip(lasts, states, strict=True):
            each.append(state)
    ends = [each[0] if len(each) == 1 else place.run("Concat", *each, axis=0) for each in lasts]
    return [place.transpose(each, 1, 0, 2) for each in (value, *ends)]


def _one(place: Place, value: str, depth: int, both: bool) -> tuple[str, list[str]]:
    """One layer: every state with both directions side by side, and the last states, the directions in front."""
    layer, kind = place.layer, place.layer.type
    ways, many, hidden = 1 + both, len(_ORDER[kind]), layer.hidden_size
    suffixes = [f"_l{depth}", f"_l{depth}_reverse"][:ways]
    shapes = {each.name: tuple(int(extent) for extent in each.shape) for each in place.facts.weights}
    turn = _gates(kind)

    def stacked(*parts: Array) -> Array:
        return np.stack([turn(part) for part in parts])

    def joined(*parts: Array) -> Array:
        return np.stack([np.concatenate([turn(a), turn(b)]) for a, b in zip(parts[::2], parts[1::2], strict=True)])

    given = [f"weight_ih{suffix}" for suffix in suffixes]
    weights = place.packed(f"W_l{depth}", given, (ways, many * hidden, shapes[given[0]][1]), stacked)
    again = place.packed(f"R_l{depth}", [f"weight_hh{suffix}" for suffix in suffixes],
                         (ways, many * hidden, hidden), stacked)  # fmt: skip
    biases = [f"{name}{suffix}" for suffix in suffixes for name in ("bias_ih", "bias_hh")]
    bias = place.packed(f"B_l{depth}", biases, (ways, 2 * many * hidden), joined)
    first = [_first(place, state, depth * ways, ways) for state in place.taken[1:]]
    settings: dict[str, Any] = {"hidden_size": hidden, "direction": "bidirectional" if both else "forward"}
    if kind == "gru":
        settings["linear_before_reset"] = 1
    if kind == "rnn" and layer.nonlinearity == "relu":
        settings["activations"] = ["Relu"] * ways
    made, *states = place.run_all(kind.upper(), value, weights, again, bias, "", *first,
                                  outputs=len(place.facts.outputs), **settings)  # fmt: skip
    steps = place.shape[0]
    if not both:
        return place.run("Squeeze", made, place.whole(1)), states
    turned = place.transpose(made, 0, 2, 1, 3)
    return place.run("Reshape", turned, place.whole(steps, -1, ways * hidden)), states


def _first(place: Place, state: str, at: int, ways: int) -> str:
    """The states that one layer begins with, of those of all layers."""
    turned = place.transpose(state, 1, 0, 2)
    return turned if ways == place.facts.outputs[1][0] else place.slice(turned, 0, at, at + ways)


def _products(place: Place) -> tuple[str, str]:
    """What a cell makes of its input and of its state, every gate side by side."""
    layer = place.layer
    state = place.taken[1] if len(place.taken) > 1 else place.expand(
        place.constant(np.zeros(layer.hidden_size)), (layer.hidden_size,))  # fmt: skip
    ours = place.run("Gemm", place.taken[0], place.weight("weight_ih"), place.weight("bias_ih"), transB=1)
    return ours, place.run("Gemm", state, place.weight("weight_hh"), place.weight("bias_hh"), transB=1)


def _split(place: Place, value: str, many: int) -> list[str]:
    return place.run_all("Split", value, outputs=many, axis=1, num_outputs=many)


def _rnn_cell(place: Place) -> str:
    total = place.run("Add", *_products(place))
    return place.run({"tanh": "Tanh", "relu": "Relu"}[place.layer.nonlinearity], total)


def _lstm_cell(place: Place) -> Sequence[str]:
    gates = _split(place, place.run("Add", *_products(place)), 4)
    reads, forgets, gives = (place.run("Sigmoid", gates[at]) for at in (0, 1, 3))
    cell = place.run("Mul", reads, place.run("Tanh", gates[2]))
    if len(place.taken) > 2:
        cell = place.run("Add", place.run("Mul", forgets, place.taken[2]), cell)
    return [place.run("Mul", gives, place.run("Tanh", cell)), cell]


def _gru_cell(place: Place) -> str:
    ours, theirs = (_split(place, each, 3) for each in _products(place))
    reset, update = (place.run("Sigmoid", place.run("Add", ours[at], theirs[at])) for at in (0, 1))
    new = place.run("Tanh", place.run("Add", ours[2], place.run("Mul", reset, theirs[2])))
    left = place.run("Mul", place.run("Sub", place.constant(1.0), update), new)
    if len(place.taken) < 2:
        return left
    return place.run("Add", left, place.run("Mul", update, place.taken[1]))


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    **dict.fromkeys(("rnn", "lstm", "gru"), _recurrent),
    "rnn_cell": _rnn_cell,
    "lstm_cell": _lstm_cell,
    "gru_cell": _gru_cell,
})  # fmt: skip
"""The operators of each, from its place; the values they make."""

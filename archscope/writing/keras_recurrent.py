"""Recurrence and its cells in Keras, by layer type: with two constants a gate, as a spec has them, and Keras has not.

The weights are the model's own, in PyTorch's order of gates. A spec has features last and positions first; values
there stand the other way round, so each is turned before and back after.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_functions import Form

METHODS: Final = {
    "rnn_step": '''
@staticmethod
def rnn_step(x, states, into, back, *shifts, function=ops.tanh):
    """One step: what comes in and the state before, each by its matrix."""
    made = ops.matmul(x, ops.transpose(into)) + ops.matmul(states[0], ops.transpose(back))
    return (function(sum(shifts, made)),)
''',
    "lstm_step": '''
@staticmethod
def lstm_step(x, states, into, back, *shifts, projection=None):
    """One step: what comes in and the state before make three gates and a new value."""
    hidden, cell = states
    made = ops.matmul(x, ops.transpose(into)) + ops.matmul(hidden, ops.transpose(back))
    enter, forget, new, leave = ops.split(sum(shifts, made), 4, axis=-1)
    cell = ops.sigmoid(forget) * cell + ops.sigmoid(enter) * ops.tanh(new)
    hidden = ops.sigmoid(leave) * ops.tanh(cell)
    return hidden if projection is None else ops.matmul(hidden, ops.transpose(projection)), cell
''',
    "gru_step": '''
@staticmethod
def gru_step(x, states, into, back, *shifts):
    """One step: what comes in and the state before make two gates and a new value."""
    (hidden,) = states
    came, kept = ops.matmul(x, ops.transpose(into)), ops.matmul(hidden, ops.transpose(back))
    came, kept = (came + shifts[0], kept + shifts[1]) if shifts else (came, kept)
    (r, z, n), (r_kept, z_kept, n_kept) = ops.split(came, 3, axis=-1), ops.split(kept, 3, axis=-1)
    update = ops.sigmoid(z + z_kept)
    new = ops.tanh(n + ops.sigmoid(r + r_kept) * n_kept)
    return ((1 - update) * new + update * hidden,)
''',
    "recur": '''
@staticmethod
def recur(x, steps, first=(), sizes=(), directions=1, dropped=None):
    """Every state of the last layer, and every layer's last, positions behind features."""
    x, *first = (ops.transpose(each, (0, 2, 1)) for each in (x, *first))
    first += [ops.zeros((ops.shape(x)[0], len(steps), size)) for size in sizes]
    last = []
    for depth in range(0, len(steps), directions):
        sides = []
        for side in range(directions):
            states = [each[:, depth + side] for each in first]
            made = []
            for place in range(x.shape[1])[:: -1 if side else 1]:
                states = steps[depth + side](x[:, place], states)
                made.append(states[0])
            sides.append(ops.stack(made[:: -1 if side else 1], axis=1))
            last.append(states)
        x = ops.concatenate(sides, axis=-1)
        if dropped is not None and depth + directions < len(steps):
            x = dropped(x)
    made = (x, *(ops.stack(each, axis=1) for each in zip(*last)))
    return [ops.transpose(each, (0, 2, 1)) for each in made]
''',
}
"""Methods for a step of each kind, and for all of them along a sequence."""


def _held(place: Any) -> dict[str, str]:
    """The model's own weights, each started as the spec says, else evenly within one over the root of the units."""
    reach = f"{place.layer.hidden_size} ** -0.5"
    start = f"keras.initializers.RandomUniform(-({reach}), {reach})"
    return {
        weight.name: place.weight(weight.name, weight.shape, place.started(weight.name, start))
        for weight in place.facts.weights
    }


def _step(place: Any, kind: str, held: Mapping[str, str], suffix: str, before: str) -> str:
    """One step of a layer, given what comes in and the states before it."""
    names = [f"{name}{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    given = [before, *(held[name] for name in names if name in held)]
    if getattr(place.layer, "nonlinearity", "tanh") != "tanh":
        given.append(f"function=ops.{place.layer.nonlinearity}")
    if f"weight_hr{suffix}" in held:
        given.append(f"projection={held[f'weight_hr{suffix}']}")
    return f"{place.method(f'{kind}_step')}({', '.join(given)})"


def _recurrent(place: Any) -> str:
    layer, kind = place.layer, place.layer.type
    held, directions = _held(place), 2 if layer.bidirectional else 1
    steps = [
        f"lambda *now: {_step(place, kind, held, f'_l{depth}{side}', '*now')}"
        for depth in range(layer.num_layers) for side in ("", "_reverse")[:directions]
    ]  # fmt: skip
    given = [place.taken[0], f"[{', '.join(steps)}]"]
    if place.taken[1:]:
        given.append(f"first=[{', '.join(place.taken[1:])}]")
    else:
        states = [layer.hidden_size, layer.hidden_size] if kind == "lstm" else [layer.hidden_size]
        given.append(f"sizes={[getattr(layer, 'proj_size', None) or states[0], *states[1:]]}")
    if directions > 1:
        given.append("directions=2")
    if layer.dropout and layer.num_layers > 1:
        dropped = f"self.{place.name}_dropped"
        place.construct(f"{dropped} = {place.layer_of(f'Dropout({layer.dropout:g})')}")
        given.append(f"dropped={dropped}")
    return f"{place.method('recur')}({', '.join(given)})"


def _cell(place: Any) -> str:
    kind = place.layer.type.removesuffix("_cell")
    states = ", ".join(place.taken[1:])
    if not states:
        nothing = f"ops.zeros((ops.shape({place.taken[0]})[0], {place.layer.hidden_size}))"
        states = ", ".join([nothing] * (2 if kind == "lstm" else 1))
    step = _step(place, kind, _held(place), "", f"{place.taken[0]}, [{states}]")
    return step if kind == "lstm" else f"{step}[0]"


RECURRENT: Final[Mapping[str, Form]] = MappingProxyType({
    **dict.fromkeys(("rnn", "lstm", "gru"), _recurrent),
    **dict.fromkeys(("rnn_cell", "lstm_cell", "gru_cell"), _cell),
})  # fmt: skip
"""How to write each."""

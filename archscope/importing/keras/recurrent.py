"""Recurrence in Keras: one bias a gate where PyTorch has two, states as vectors, and cells one behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras.layers import ACTIVATIONS, Reading
from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES
from archscope.layers.base import Weight
from archscope.recognising.function import Function
from archscope.working import count

_GATES: Final = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_TYPES: Final = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
_DECIDING: Final = ("units", "use_bias", "reset_after", "activation", "trainable", "cell")
_JOINED: Final = {"sum": "add", "mul": "multiply", "ave": "add"}


def _recurrent(place: Place) -> Value | list[Value]:
    return _ended(place, place.options, _directions(place, [place.options], _cells(place, place.kind, place.options)))


def _bidirectional(place: Place) -> Value | list[Value]:
    inner, back = place.options["layer"], place.options.get("backward_layer")
    kind, merge = inner["class_name"], place.options.get("merge_mode", "concat")
    if kind not in (*_TYPES, "RNN") or merge not in ("concat", None, *_JOINED):
        raise place.cannot("joins its directions in a way that archscope does not read")
    if back is not None and _deciding(back) != _deciding(inner):
        raise place.cannot("has another layer backwards than forwards, which no layer type has")
    place.trains = bool(inner["config"].get("trainable", True))
    options = place.saying(inner["config"])
    cells = _cells(place, kind, options)
    if len(cells) > 1:
        raise place.cannot("reads cells one behind the other in two directions, which archscope does not read")
    return _ended(place, options, _directions(place, [options, options], cells), merge)


def _deciding(layer: Mapping[str, Any]) -> list[Any]:
    """What of a direction decides numbers."""
    return [layer["class_name"], *(layer["config"].get(name) for name in _DECIDING)]


def _cells(place: Place, kind: str, options: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The cells one behind the other, with their options."""
    if kind != "RNN":
        return [(kind, options)]
    cell = options["cell"]
    stacked = cell["class_name"] == "StackedRNNCells"
    found = place.saying(cell["config"])["cells"] if stacked else [cell]
    for each in found:
        if each["class_name"].removesuffix("Cell") not in _TYPES:
            raise place.cannot(f"has the cell `{str(each['class_name'])[:60]}`, whose code archscope does not know")
    return [(each["class_name"].removesuffix("Cell"), place.saying(each["config"])) for each in found]


class _Ran:
    """What cells made: the steps of the last, and the states of each, a direction behind the other."""

    def __init__(self, steps: Value, states: list[list[Value]], backwards: int) -> None:
        self.steps = steps
        self.states = states
        self.directions = backwards


def _directions(
    place: Place, directions: Sequence[Mapping[str, Any]], cells: Sequence[tuple[str, Mapping[str, Any]]]
) -> _Ran:  # fmt: skip
    """Keep the layer of each cell."""
    value = place.plain()
    asked = [name for name in ("go_backwards",) if directions[0].get(name)]
    if directions[0].get("time_major"):
        raise place.cannot("has `time_major: True`: it has the steps in front of the batch, which archscope does not "
                           "read; leave it out")  # fmt: skip
    begin = [*place.values[1:], *place.also.get("initial_state", ())]
    both, states = len(directions) > 1, []
    for number, (kind, options) in enumerate(cells):
        each = len(directions) * (2 if kind == "LSTM" else 1)
        own, begin = begin[:each], begin[each:]
        if own and len(own) != each:
            raise place.cannot(f"is given {len(own)} states to begin with, where it has {each}")
        given = _to_begin(place, own, both=both)
        name = f".{number}" if len(cells) > 1 else ""
        before = place.trains
        place.trains = before and bool(options.get("trainable", True))
        made = _one(place, kind, options, [value, *given], name, asked, both=both)
        place.trains = before
        value = made[0]._replace(last=False)
        states.append(made[1:])
    if begin:
        raise place.cannot(f"is given {len(begin)} states to begin with that no cell of it has")
    return _Ran(value, states, len(directions))


def _to_begin(place: Place, states: list[Value], *, both: bool) -> list[Value]:
    """States to begin with, each direction's in a row of one matrix."""
    if not both:
        return [place.made("unsqueeze", [each], name=".begin", dim=0) for each in states]
    half = len(states) // 2
    return [place.made("stack", [one, other], name=".begin", dim=0)
            for one, other in zip(states[:half], states[half:], strict=True)]  # fmt: skip


def _one(
    place: Place, kind: str, options: Mapping[str, Any], values: list[Value], name: str, beyond: Sequence[str], *,
    both: bool,
) -> list[Value]:  # fmt: skip
    """Keep one layer; its steps, and its last states."""
    hidden, bias = int(options["units"]), bool(options.get("use_bias", True))
    said = options.get("activation", "tanh")
    activation = said.get("config", "") if isinstance(said, dict) else said or "linear"
    if activation != "linear" and activation not in ACTIVATIONS:
        raise place.cannot(f"has the activation `{str(activation)[:60]}`, which is none of Keras's")
    ours = activation == "tanh" or (activation == "relu" and kind == "SimpleRNN")
    stated: dict[str, Any] = {"hidden_size": hidden, "bias": bias, "bidirectional": both}
    if kind == "SimpleRNN" and ours:
        stated["nonlinearity"] = activation
    paired = kind == "GRU" and bool(options.get("reset_after", True))
    beyond = [{"go_backwards": "backwards"}[each] for each in beyond]
    beyond += [] if ours else [f"{activation} for tanh"]
    if (not bias or paired) and not beyond:
        return place.all_made(_TYPES[kind], values, name=name, **stated)
    layer = TYPES[_TYPES[kind]](**stated)
    facts = place.facts_of(layer, values)
    if bias and not paired:
        beyond = ["one bias a gate", *beyond]
        weights, lines = _with_one_bias(kind, values[0].shape, hidden, both=both)
        facts = facts.replace(weights=weights, connections=lines, connections_in_bounds=lines)
    made = place.stated(Function(kind, facts, like=layer, beyond=", ".join(beyond)), values, name=name)
    return [each._replace(last=values[0].last and len(each.shape) > 1) for each in made]


def _with_one_bias(kind: str, shape: tuple[int, ...], hidden: int, *, both: bool) -> tuple[tuple[Weight, ...], Any]:
    gated, inputs = _GATES[kind] * hidden, int(shape[1])
    weights = tuple(
        Weight(f"{name}{suffix}", shape)
        for suffix in ("", "_reverse")[: 1 + both]
        for name, shape in (("kernel", (gated, inputs)), ("recurrent_kernel", (gated, hidden)), ("bias", (gated,)))
    )
    lines = (count(inputs, "c") + count(hidden, "h") + 1) * count(gated, "g") * count(shape[0], "t")
    return weights, count(2) * lines if both else lines


def _ended(
    place: Place, options: Mapping[str, Any], ran: _Ran, merge: str | None = "concat"
) -> Value | list[Value]:  # fmt: skip
    """What is given back: all steps or the last, of each direction or joined, and the states if they are asked for."""
    made = _outputs(place, ran, merge, every=bool(options.get("return_sequences")))
    if options.get("return_state"):
        made += [_state(place, state, direction) for direction in range(ran.directions)
                 for states in ran.states for state in states]  # fmt: skip
    return made if len(made) > 1 else made[0]


def _outputs(place: Place, ran: _Ran, merge: str | None, *, every: bool) -> list[Value]:
    hidden = ran.states[-1][0]
    if ran.directions == 1:
        # The last step alone.
        last = ran.steps if every else place.made("select", [ran.steps], name=".select", dim=0, index=-1)
        return [last._replace(last=False)]
    if merge == "concat":
        return [ran.steps if every else place.made("flatten", [hidden], name=".flatten")._replace(last=False)]
    halves = (place.all_made("chunk", [ran.steps], name=".chunk", chunks=2, dim=1) if every else
              [_state(place, hidden, 0, spare=False), _state(place, hidden, 1, spare=False)])  # fmt: skip
    if merge is None:
        return halves
    joined = place.made(_JOINED[merge], halves, name=f".{_JOINED[merge]}")
    return [place.made("scale", [joined], name=".scale", factor=0.5) if merge == "ave" else joined]


def _state(place: Place, state: Value, direction: int, *, spare: bool = True) -> Value:
    """The last state of a direction; no row where nothing reads it."""
    made = place.made("select", [state], name=".state", dim=0, index=direction)._replace(last=False)
    if spare:
        place.nodes.spare.add(made.ref.node)
    return made


READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {**dict.fromkeys(_TYPES, _recurrent), "Bidirectional": _bidirectional, "RNN": _recurrent}
)
"""Keras's classes, and the layers that each is."""

"""LSTM, GRU and RNN of ONNX: weights of both directions in one tensor, the biases of both products in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import Rejects
from archscope.importing.graph import Operator
from archscope.importing.meaning import Meaning, Values
from archscope.layers import TYPES, Shape
from archscope.layers.base import Weight
from archscope.recognising.batches import LOST
from archscope.working import count

_GATES: Final = {"LSTM": 4, "GRU": 3, "RNN": 1}
_OF_FEWER_BITS: Final = "com.microsoft::DynamicQuantizeLSTM"
_SUFFIXES: Final = ("", "_reverse")


def of_fewer_bits(operator: Operator, values: Values) -> Meaning | None:
    """An LSTM whose weights have their inputs in front, and scales and zero points behind all others."""
    values.plain(*filter(None, operator.inputs[8:]))
    return _recurrence(operator.replace(type="LSTM", domain="", inputs=operator.inputs[:8]), values, gates=2)


def _recurrence(operator: Operator, values: Values, gates: int = 1) -> Meaning | None:
    """One layer of recurrence in one direction or both; what it makes has an axis for the directions.

    ``(steps, batch, features)`` comes in and ``(steps, directions, batch, hidden)`` goes out. ``gates`` is the axis of
    the weights that the gates lie along.
    """
    x, weight, again = (values.tensor(operator.input(place)) for place in range(3))
    if x.dim() != 3 or weight.dim() != 3 or again.dim() != 3 or operator.attributes.get("layout", 0):
        return None
    for taken in (0, 5, 6):  # sequences and states have their batch second
        values.takes(operator.input(taken), 1)
    directions, gated, inputs = weight.shape[0], weight.shape[gates], weight.shape[3 - gates]
    hidden = again.shape[3 - gates]
    kind = operator.type.lower()
    held = _held(operator, values, directions, gated, hidden, inputs)
    usual, why = _usual(operator, values)
    more = _learned(operator, values)
    if gated != _GATES[operator.type] * hidden or held is None:
        return None
    if odd := _odd(operator, values, hidden):
        return Meaning(kind, reads=operator.inputs[:4], known=False, after=LOST, why=odd)
    options: dict[str, Any] = {"hidden_size": hidden, "bias": bool(operator.input(3)), "bidirectional": directions == 2}
    if kind == "rnn" and usual == "relu":
        options["nonlinearity"] = "relu"
    try:
        layer = TYPES[kind](**options)
        facts = layer.facts((x.shape[0], x.shape[2]))
    except Rejects:
        return None
    steps, batch = x.shape[:2]
    place = values.place(operator.input(0))
    after = place if place >= 0 else LOST
    macs = None if facts.macs is None else facts.macs * count(batch, "batch")
    shapes: tuple[Shape, ...] = ((steps, batch, directions * hidden),)
    shapes += ((directions, batch, hidden),) * (len(facts.outputs) - 1)
    first = operator.outputs[0] if operator.outputs else ""
    reads = (*operator.inputs[:4], *more)
    if first and values.shape(first) != shapes[0]:
        return Meaning(kind, reads=reads, macs=macs, after=LOST)
    made = (*operator.outputs, "", "")[: len(shapes)]
    named = tuple(name or f"{operator.origin}, output {number}" for number, name in enumerate(made))
    if more:  # its multiplies are those of the layer, its weights are not
        return Meaning(kind, {}, reads=reads, results=named, macs=macs, after=after, shapes=shapes)
    return Meaning(kind, {}, reads=reads, results=named, macs=macs, layers=(layer,), after=after, shapes=shapes,
                   beyond=why)  # fmt: skip


def _odd(operator: Operator, values: Values, hidden: int) -> str:
    """Why a recurrence runs nowhere; PyTorch writes a projection as if it were the state, without its weights."""
    states = [values.shape(name) for name in operator.inputs[5:7] if name]
    wide = next((shape[-1] for shape in states if shape and shape[-1] != hidden), hidden)
    if wide == hidden:
        return ""
    return f"its first state has {wide} values and its weights are of {hidden}, which runs nowhere"


def _learned(operator: Operator, values: Values) -> tuple[str, ...]:
    """Weights beside those of the products: peepholes, and first states other than zero."""
    more = []
    for place, name in enumerate(operator.inputs[4:], start=4):
        numbers = values.constant(name)
        zero = numbers is not None and not any(numbers.values)
        if name and place > 4 and values.learned(name) and not zero:
            more.append(name)
        elif name:
            values.plain(name)
    return tuple(more)


def _held(
    operator: Operator, values: Values, directions: int, gated: int, hidden: int, inputs: int
) -> tuple[str, ...] | None:
    """Each direction's weights by PyTorch's names, in the place of what the file has."""
    shapes: dict[int, list[tuple[str, Shape]]] = {
        1: [("weight_ih_l0", (gated, inputs))],
        2: [("weight_hh_l0", (gated, hidden))],
        3: [("bias_ih_l0", (gated,)), ("bias_hh_l0", (gated,))],
    }
    names: list[str] = []
    for at, parts in shapes.items():
        name = operator.input(at)
        if not name:
            continue
        if values.reached(name):
            return None
        weights = tuple(Weight(f"{name}.{part}{suffix}", shape, True, values.dtype(name))
                        for suffix in _SUFFIXES[:directions] for part, shape in parts)  # fmt: skip
        values.hold(name, weights, instead=name)
        names += [each.name for each in weights]
    return tuple(names)


def _usual(operator: Operator, values: Values) -> tuple[str, str]:
    """The activation, and what the layer's type does not have; empty for nothing."""
    if any(operator.input(place) and values.reached(operator.input(place)) for place in (4, 5, 6)):
        return "", "given states"
    if operator.input(7):
        return "", "peepholes"
    said = [each.lower() for each in operator.attributes.get("activations") or ()]
    if operator.type == "RNN" and said and set(said) == {"relu"}:
        return "relu", ""
    wanted = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}[operator.type]
    if said and said != wanted * (len(said) // len(wanted)):
        return "", "other activations"
    if operator.type == "GRU" and not operator.attributes.get("linear_before_reset", 0):
        return "", "reset before the product"
    return "", ""


def merged(operators: tuple[Operator, ...], ends: tuple[str, ...]) -> tuple[Operator, ...]:
    """Operators in which what takes the axis of the directions away after a recurrence is part of it.

    PyTorch's exporters write a squeeze of it for one direction, and a transposition with a reshape for two. Steps that
    nobody reads, where the last state is enough, are left out.
    """
    readers: dict[str, list[int]] = {}
    for place, each in enumerate(operators):
        for name in each.inputs:
            readers.setdefault(name, []).append(place)
    changed = list(operators)
    for place, each in enumerate(operators):
        if each.name not in (*_GATES, _OF_FEWER_BITS) or not each.outputs or not each.outputs[0]:
            continue
        end = each.outputs[0]
        if end not in readers and end not in ends:
            changed[place] = each.replace(outputs=("", *each.outputs[1:]))
            continue
        chain: list[int] = []
        while len(readers.get(end, ())) == 1 and len(chain) < 2:
            (after,) = readers[end]
            found = operators[after].type
            if found not in (("Squeeze", "Transpose"), ("Reshape",))[len(chain)]:
                break
            chain.append(after)
            end = operators[after].outputs[0]
            if found == "Squeeze":
                break
        whole = [operators[after].type for after in chain]
        if whole in (["Squeeze"], ["Transpose", "Reshape"]):
            changed[place] = each.replace(outputs=(end, *each.outputs[1:]))
            for after in chain:
                changed[after] = changed[after].replace(type="", outputs=())
    return tuple(each for each in changed if each.type)


READINGS: Final[Mapping[str, Callable[[Operator, Values], Meaning | None]]] = MappingProxyType(
    dict.fromkeys(_GATES, _recurrence)
)
"""Operators by name, and what each means."""

__all__ = ["READINGS", "merged"]

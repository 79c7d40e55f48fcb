"""torchinfo's "total mult-adds": weights times positions, the bias with them."""

from __future__ import annotations

from typing import Final

from archscope.conventions.answers import biased_products, table
from archscope.conventions.tally import (
    BIAS,
    NOTHING,
    OVER_OUTPUTS,
    Tally,
    biased,
    held,
    is_grouped,
    made,
    missed,
    ours,
    values,
)
from archscope.layers.base import Facts, Layer

_ONE_PLACE: Final = "it counts a dense layer at one position of several"
_EVERY_PARAMETER: Final = "it counts every parameter of such a layer once, whatever is done with it"
_BIASES: Final = "it counts the bias"
_CELL: Final = "it multiplies a cell's weights with its width, which is wrong"


def _convolution(layer: Layer, facts: Facts) -> Tally:
    if not layer.type.startswith("conv_transpose"):
        return biased_products(layer, facts)
    return Tally((held(facts) - _bias(facts)) * values(facts.output[1:]), _extra(facts, made(facts)), OVER_OUTPUTS)


def _linear(layer: Layer, facts: Facts) -> Tally:
    many = values(facts.output[:-1]) > 1
    return Tally(held(facts) - _bias(facts), _extra(facts, _bias(facts)), _ONE_PLACE if many else "")


def _recurrent(layer: Layer, facts: Facts) -> Tally:
    places = int(facts.inputs[0][0])
    weights = sum(int(each.values) for each in facts.weights if not each.name.startswith("bias"))
    return Tally(weights * places, ((_biases(facts) * places, _BIASES),) if _biases(facts) else ())


def _cell(layer: Layer, facts: Facts) -> Tally:
    return Tally(held(facts) * int(facts.output[-1]), (), _CELL)


def _attention(layer: Layer, facts: Facts) -> Tally:
    return _every_parameter(layer, facts) if is_grouped(facts) else missed(layer, facts)


def _every_parameter(layer: Layer, facts: Facts) -> Tally:
    if ours(facts):
        return Tally(held(facts), (), _EVERY_PARAMETER) if held(facts) else missed(layer, facts)
    return Tally(0, ((held(facts), _EVERY_PARAMETER),)) if held(facts) else NOTHING


def _bias(facts: Facts) -> int:
    return sum(int(weight.values) for weight in facts.weights if weight.name == "bias")


def _biases(facts: Facts) -> int:
    return sum(int(weight.values) for weight in facts.weights if weight.name.startswith("bias"))


def _extra(facts: Facts, amount: int) -> tuple[tuple[int, str], ...]:
    return ((amount, BIAS),) if biased(facts) else ()


rule: Final = table(
    ("conv?d conv_transpose?d", _convolution),
    ("linear", _linear),
    ("rnn lstm gru", _recurrent),
    ("rnn_cell lstm_cell gru_cell", _cell),
    ("multihead_attention", _attention),
    otherwise=_every_parameter,
)
"""What torchinfo counts of a layer."""

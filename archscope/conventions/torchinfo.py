"""torchinfo's "total mult-adds": weights times positions, the bias with them."""

from __future__ import annotations

from typing import Final

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
    option,
    ours,
    values,
)
from archscope.layers.base import Facts, Layer

_ONE_PLACE: Final = "it counts a dense layer at one position of several"
_EVERY_PARAMETER: Final = "it counts every parameter of such a layer once, whatever is done with it"
_BIASES: Final = "it counts the bias"
_CELL: Final = "it multiplies a cell's weights with its width, which is wrong"


def rule(layer: Layer, facts: Facts) -> Tally:
    """What torchinfo counts of a layer."""
    if layer.family == "convolution":
        places = values(facts.output[1:])
        if layer.type.startswith("conv_transpose"):
            return Tally((held(facts) - _bias(facts)) * places, _extra(facts, made(facts)), OVER_OUTPUTS)
        if option(layer, "connection_table") is not None:
            return Tally(ours(facts), _extra(facts, made(facts)))
        return Tally(ours(facts), _extra(facts, made(facts)))
    if layer.type == "linear":
        weight = held(facts) - _bias(facts)
        many = values(facts.output[:-1]) > 1
        return Tally(weight, _extra(facts, _bias(facts)), _ONE_PLACE if many else "")
    if layer.type in ("rnn", "lstm", "gru"):
        places = int(facts.inputs[0][0])
        weights = sum(int(each.values) for each in facts.weights if not each.name.startswith("bias"))
        return Tally(weights * places, ((_biases(facts) * places, _BIASES),) if _biases(facts) else ())
    if layer.type.endswith("_cell"):
        return Tally(held(facts) * int(facts.output[-1]), (), _CELL)
    if layer.type == "multihead_attention" and not is_grouped(facts):
        return missed(layer, facts)
    if ours(facts):
        return Tally(held(facts), (), _EVERY_PARAMETER) if held(facts) else missed(layer, facts)
    return Tally(0, ((held(facts), _EVERY_PARAMETER),)) if held(facts) else NOTHING


def _bias(facts: Facts) -> int:
    return sum(int(weight.values) for weight in facts.weights if weight.name == "bias")


def _biases(facts: Facts) -> int:
    return sum(int(weight.values) for weight in facts.weights if weight.name.startswith("bias"))


def _extra(facts: Facts, amount: int) -> tuple[tuple[int, str], ...]:
    return ((amount, BIAS),) if biased(facts) else ()

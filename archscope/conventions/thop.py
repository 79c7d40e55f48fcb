"""THOP's `profile`: "MACs" of the modules that it knows by their class."""

from __future__ import annotations

import math
from typing import Final

from archscope.conventions.answers import each, norm, products, projected, recurrent, table, without_tables
from archscope.conventions.tally import (
    NOTHING,
    OVER_OUTPUTS,
    Recurrence,
    Tally,
    is_grouped,
    made,
    missed,
    option,
    over_outputs,
    read,
)
from archscope.layers.base import Facts, Layer

_NORMS: Final = "it counts batch, layer and instance norms, four for each value, two without learned factors"
_SOFTMAX: Final = "it counts softmax: an exponential, a sum and a division for each value"
_POOLED: Final = "it counts average pooling: one for each value that is made, and the sums where it is adaptive"
_PRELU: Final = "it counts PReLU, one for each value"
_RESIZED: Final = "it counts resizing: 1, 5, 11 or 259 for each value that is made, by its mode"
_CELLS: Final = "it counts the gates of recurrent layers, their biases and products one by one"
_PER_VALUE: Final = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def _transposed(layer: Layer, facts: Facts) -> Tally:
    return Tally(over_outputs(layer, facts), (), OVER_OUTPUTS)


def _softmax(layer: Layer, facts: Facts) -> Tally:
    along = int(facts.inputs[0][option(layer, "dim")])
    return Tally(0, ((read(facts) // along * (3 * along - 1), _SOFTMAX),))


def _adaptive(layer: Layer, facts: Facts) -> Tally:
    taps = math.prod(n / m for n, m in zip(facts.inputs[0][1:], facts.output[1:], strict=True))
    return Tally(0, ((int((taps + 1) * made(facts)), _POOLED),))


def _resized(layer: Layer, facts: Facts) -> Tally:
    per_value = _PER_VALUE.get(option(layer, "mode"))
    return NOTHING if per_value is None else Tally(0, ((per_value * made(facts), _RESIZED),))


def _attention(layer: Layer, facts: Facts) -> Tally:
    return projected(layer, facts) if is_grouped(facts) else missed(layer, facts)


def _beside(cell: Recurrence) -> int:
    return cell.hidden * (cell.gates + {1: 0, 3: 4, 4: 4}[cell.gates]) + cell.biases


rule: Final = table(
    ("conv_transpose?d", _transposed),
    ("conv?d linear", without_tables(products)),
    ("batch_norm layer_norm instance_norm", norm(4, 2, _NORMS)),
    ("softmax", _softmax),
    ("avg_pool?d", each(1, made, _POOLED)),
    ("adaptive_avg_pool?d", _adaptive),
    ("prelu", each(1, read, _PRELU)),
    ("upsample", _resized),
    ("rnn lstm gru rnn_cell lstm_cell gru_cell", recurrent(_beside, _CELLS)),
    ("multihead_attention", _attention),
)
"""What THOP counts of a layer."""

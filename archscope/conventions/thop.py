"""THOP's `profile`: "MACs" of the modules that it knows by their class."""

from __future__ import annotations

import math
from typing import Final

from archscope.conventions.tally import (
    MISSED_ATTENTION,
    NOTHING,
    OVER_OUTPUTS,
    Tally,
    affine,
    is_grouped,
    made,
    missed,
    option,
    ours,
    over_outputs,
    projections,
    read,
    recurrence,
)
from archscope.layers.base import Facts, Layer

_NORMS: Final = "it counts batch, layer and instance norms, four for each value, two without learned factors"
_SOFTMAX: Final = "it counts softmax: an exponential, a sum and a division for each value"
_POOLED: Final = "it counts average pooling: one for each value that is made, and the sums where it is adaptive"
_PRELU: Final = "it counts PReLU, one for each value"
_RESIZED: Final = "it counts resizing: 1, 5, 11 or 259 for each value that is made, by its mode"
_CELLS: Final = "it counts the gates of recurrent layers, their biases and products one by one"
_PER_VALUE: Final = {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}


def rule(layer: Layer, facts: Facts) -> Tally:
    """What THOP counts of a layer."""
    kind = layer.type
    if kind.startswith("conv_transpose"):
        return Tally(over_outputs(layer, facts), (), OVER_OUTPUTS)
    if kind in ("conv1d", "conv2d", "conv3d", "linear"):
        return missed(layer, facts) if option(layer, "connection_table") is not None else Tally(ours(facts))
    if kind in ("batch_norm", "layer_norm", "instance_norm"):
        return Tally(0, (((4 if affine(facts) else 2) * read(facts), _NORMS),))
    if kind == "softmax":
        along = int(facts.inputs[0][option(layer, "dim")])
        return Tally(0, ((read(facts) // along * (3 * along - 1), _SOFTMAX),))
    if kind.startswith("avg_pool"):
        return Tally(0, ((made(facts), _POOLED),))
    if kind.startswith("adaptive_avg_pool"):
        taps = math.prod(n / m for n, m in zip(facts.inputs[0][1:], facts.output[1:], strict=True))
        return Tally(0, ((int((taps + 1) * made(facts)), _POOLED),))
    if kind == "prelu":
        return Tally(0, ((read(facts), _PRELU),))
    if kind == "upsample" and option(layer, "mode") in _PER_VALUE:
        return Tally(0, ((_PER_VALUE[option(layer, "mode")] * made(facts), _RESIZED),))
    cells = recurrence(layer, facts)
    if cells is not None:
        behind = {1: 0, 3: 4, 4: 4}[cells.gates]
        extra = cells.cells * (cells.hidden * (cells.gates + behind) + cells.biases)
        return Tally(ours(facts), ((extra, _CELLS),))
    if kind == "multihead_attention" and is_grouped(facts):
        return Tally(projections(facts), (), MISSED_ATTENTION)
    return missed(layer, facts) if ours(facts) else NOTHING

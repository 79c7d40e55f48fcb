"""fvcore's `FlopCountAnalysis`: multiply-accumulates that it calls flops, and what norms and resizing come to."""

from __future__ import annotations

from typing import Final

from archscope.conventions.tally import (
    MISSED_ATTENTION,
    NOTHING,
    Tally,
    affine,
    made,
    missed,
    option,
    ours,
    projections,
    read,
)
from archscope.layers.base import Facts, Layer

_BATCH: Final = "it counts batch normalization, two for each value, one without learned factors"
_NORMS: Final = "it counts other norms, five for each value, four without learned factors"
_POOLED: Final = "it counts adaptive average pooling, one for each value that is read"
_RESIZED: Final = "it counts resizing, one for each value that is made, four where it is bilinear"
_SAME: Final = "it has no rule for PyTorch's convolutions with `same` padding and counts nothing there"
_PRODUCTS: Final = (
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear", "matmul",
    "rnn_cell", "lstm_cell", "gru_cell",
)  # fmt: skip


def rule(layer: Layer, facts: Facts) -> Tally:
    """What fvcore counts of a layer."""
    kind = layer.type
    if option(layer, "padding") == "same" and set(option(layer, "stride")) == {1} and ours(facts):
        return Tally(why=_SAME)
    if kind in _PRODUCTS:
        return Tally(ours(facts))
    if kind == "batch_norm":
        times = (2 if affine(facts) else 1) if option(layer, "track_running_stats") else 5 if affine(facts) else 4
        return Tally(0, ((times * read(facts), _BATCH),))
    if kind in ("layer_norm", "group_norm", "instance_norm"):
        return Tally(0, (((5 if affine(facts) else 4) * read(facts), _NORMS),))
    if kind == "adaptive_avg_pool2d":
        return Tally(0, ((read(facts), _POOLED),))
    if kind == "upsample" and len(facts.inputs[0]) == 3 and option(layer, "mode") in ("nearest", "bilinear"):
        return Tally(0, (((4 if option(layer, "mode") == "bilinear" else 1) * made(facts), _RESIZED),))
    if kind == "multihead_attention":
        return Tally(projections(facts), (), MISSED_ATTENTION)
    return missed(layer, facts) if ours(facts) else NOTHING

"""fvcore's `FlopCountAnalysis`: multiply-accumulates that it calls flops, and what norms and resizing come to."""

from __future__ import annotations

from typing import Final

from archscope.conventions.answers import each, norm, products, projected, table
from archscope.conventions.tally import NOTHING, Tally, made, option, ours, read
from archscope.layers.base import Facts, Layer

_BATCH: Final = "it counts batch normalization, two for each value, one without learned factors"
_NORMS: Final = "it counts other norms, five for each value, four without learned factors"
_POOLED: Final = "it counts adaptive average pooling, one for each value that is read"
_RESIZED: Final = "it counts resizing, one for each value that is made, four where it is bilinear"
_SAME: Final = "it has no rule for PyTorch's convolutions with `same` padding and counts nothing there"


def _convolution(layer: Layer, facts: Facts) -> Tally:
    same = option(layer, "padding") == "same" and set(option(layer, "stride")) == {1}
    return Tally(why=_SAME) if same and ours(facts) else Tally(ours(facts))


def _batch_norm(layer: Layer, facts: Facts) -> Tally:
    answer = norm(2, 1, _BATCH) if option(layer, "track_running_stats") else norm(5, 4, _BATCH)
    return answer(layer, facts)


def _resized(layer: Layer, facts: Facts) -> Tally:
    mode = option(layer, "mode")
    if len(facts.inputs[0]) != 3 or mode not in ("nearest", "bilinear"):
        return NOTHING
    return Tally(0, (((4 if mode == "bilinear" else 1) * made(facts), _RESIZED),))


_REST: Final = (
    ("conv?d conv_transpose?d", _convolution),
    ("linear matmul rnn_cell lstm_cell gru_cell", products),
    ("batch_norm", _batch_norm),
    ("layer_norm group_norm instance_norm", norm(5, 4, _NORMS)),
    ("adaptive_avg_pool2d", each(1, read, _POOLED)),
    ("upsample", _resized),
)

rule: Final = table(("multihead_attention", projected), *_REST)
"""What fvcore counts of a layer."""

with_attention: Final = table(("multihead_attention scaled_dot_product_attention", products), *_REST)
"""What it counts where attention is written as products of matrices, and not as the one function it does not know."""

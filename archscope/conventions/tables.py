"""The tables of torchvision and of timm, and Keras's summary: what they print of a network."""

from __future__ import annotations

from typing import Final

from archscope.conventions.tally import NOTHING, Tally, missed, option, ours
from archscope.layers.base import Facts, Layer

_PRODUCTS: Final = ("linear", "matmul", "multihead_attention", "scaled_dot_product_attention",
                    "rnn_cell", "lstm_cell", "gru_cell")  # fmt: skip


def torchvision(layer: Layer, facts: Facts) -> Tally:
    """Products of convolutions and matrices, those of attention too, by the operations that run."""
    if layer.family == "convolution" and option(layer, "connection_table") is None:
        return Tally(ours(facts))
    if layer.type in _PRODUCTS:
        return Tally(ours(facts))
    return missed(layer, facts) if ours(facts) else NOTHING

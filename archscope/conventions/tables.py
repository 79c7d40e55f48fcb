"""The table of torchvision's weights: what it prints of a network."""

from __future__ import annotations

from typing import Final

from archscope.conventions.answers import products, table, without_tables

torchvision: Final = table(
    ("conv?d conv_transpose?d", without_tables(products)),
    ("linear matmul multihead_attention scaled_dot_product_attention rnn_cell lstm_cell gru_cell", products),
)
"""Products of convolutions and matrices, those of attention too, by the operations that run."""

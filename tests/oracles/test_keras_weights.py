"""Weights of Keras's layers where PyTorch has them in another order."""

from __future__ import annotations

import numpy as np

import archscope
from archscope.oracles.keras_weights import laid

JOINED = """
input: {a: [2, 2, 2], b: [3]}
layers:
  flat: {type: flatten, from: a}
  both: {type: concat, from: [flat, b]}
  dense: {type: linear, out_features: 1}
"""


def test_a_dense_layer_behind_joined_vectors_has_the_rows_of_each() -> None:
    found, odd = laid(archscope.read(JOINED, name="net"), {"dense\tkernel": np.arange(11.0)[:, None]})
    # four places with two channels each in Keras: a channel after the other here; what is joined to them stays
    assert (odd, list(found["dense.weight"][0])) == ("", [0, 2, 4, 6, 1, 3, 5, 7, 8, 9, 10])


def test_several_kernels_of_each_channel_stand_one_after_the_other() -> None:
    text = "input: [2, 3, 3]\nlayers:\n  dw: {type: conv2d, out_channels: 4, kernel_size: 1, groups: 2, bias: false}\n"
    found, odd = laid(archscope.read(text, name="net"), {"dw\tkernel": np.arange(4.0).reshape(1, 1, 2, 2)})
    assert (odd, list(found["dw.weight"].ravel())) == ("", [0, 1, 2, 3])

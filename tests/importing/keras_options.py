"""Run as a program with ``KERAS_BACKEND=torch``: what a layer of every class says of itself, and what that takes."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

from keras import layers as kl

WITH: dict[str, dict[str, Any]] = {
    "Conv": {"filters": 2, "kernel_size": 1}, "DepthwiseConv": {"kernel_size": 1},
    "SeparableConv": {"filters": 2, "kernel_size": 1}, "SpatialDropout": {"rate": 0.5},
    "ConvLSTM": {"filters": 2, "kernel_size": 1}, "AdaptiveMaxPooling": {"output_size": 2},
    "AdaptiveAveragePooling": {"output_size": 2}, "MaxPooling": {"pool_size": 2}, "AveragePooling": {"pool_size": 2},
}  # fmt: skip
BY_NAME: dict[str, dict[str, Any]] = {
    "Activation": {"activation": "relu"}, "AlphaDropout": {"rate": 0.5}, "Dense": {"units": 2},
    "Dropout": {"rate": 0.5}, "Embedding": {"input_dim": 3, "output_dim": 2}, "GRU": {"units": 2},
    "GaussianDropout": {"rate": 0.5}, "GaussianNoise": {"stddev": 0.5}, "GroupNormalization": {"groups": 1},
    "LSTM": {"units": 2}, "MultiHeadAttention": {"num_heads": 2, "key_dim": 2}, "Permute": {"dims": (2, 1)},
    "RepeatVector": {"n": 2}, "Rescaling": {"scale": 2.0}, "Reshape": {"target_shape": (2, 2)},
    "Resizing": {"height": 2, "width": 2}, "SimpleRNN": {"units": 2}, "RandomCrop": {"height": 4, "width": 4},
    "Normalization": {"mean": 0.0, "variance": 1.0}, "EinsumDense": {"equation": "abc,cd->abd", "output_shape": (4, 2)},
    "GroupQueryAttention": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1}, "Dot": {"axes": 1},
    "ReversibleEmbedding": {"input_dim": 3, "output_dim": 2}, "CategoryEncoding": {"num_tokens": 3},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "CenterCrop": {"height": 2, "width": 2},
}  # fmt: skip


OF_TENSORFLOW = {"Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "TextVectorization"}
"""Classes that are not made without it."""


def made(name: str) -> Any:
    stem = name.removesuffix("Transpose")[:-2] if name[-2:] in ("1D", "2D", "3D") or "Transpose" in name else ""
    if name == "Bidirectional":
        return kl.Bidirectional(kl.LSTM(2))
    if name == "RNN":
        return kl.RNN([kl.LSTMCell(2), kl.GRUCell(3)])
    return getattr(kl, name)(**BY_NAME.get(name, WITH.get(stem, {})))


def taken(kind: type) -> list[str]:
    found: dict[str, None] = {}
    for owner in kind.__mro__:
        if "__init__" not in owner.__dict__ or owner.__name__ in ("Layer", "Operation"):
            continue
        own = inspect.signature(owner.__init__).parameters.values()
        found |= dict.fromkeys(each.name for each in own if each.kind is each.POSITIONAL_OR_KEYWORD)
        if not any(each.kind is each.VAR_KEYWORD for each in own):
            break
    return [name for name in found if name != "self"]


if __name__ == "__main__":
    print(json.dumps({
        name: [made(name).get_config(), taken(getattr(kl, name))] for name in sys.argv[1:]
        if hasattr(kl, name) and name not in OF_TENSORFLOW
    }, default=str))  # fmt: skip

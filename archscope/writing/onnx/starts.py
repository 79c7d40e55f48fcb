"""How weights start, drawn by NumPy: as the spec says, else as PyTorch's layers start."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from archscope.building.fans import Plain, fan_in
from archscope.building.fans import plain as as_plain
from archscope.layers.base import Weight
from archscope.network import Network, Node
from archscope.writing.onnx.sheet import Array, Values, plain
from archscope.writing.starting import Starts

SEED: Final = 0
"""What every draw begins with, beside the name of the weight: a network is always written with the same values."""


def drawn(network: Network) -> Values:
    """Values for each weight of a network."""

    def values(node: Node, weight: Weight) -> Array:
        draw = np.random.default_rng([SEED, zlib.crc32(f"{node.name}.{weight.name}".encode())])
        return _values(network, node, weight, draw)

    return values


def zeros(node: Node, weight: Weight) -> Array:  # noqa: ARG001 - as every other source of values
    """Nothing but zeros, in the place of one value."""
    return np.broadcast_to(np.float32(0), plain(weight.shape))


def _values(network: Network, node: Node, weight: Weight, draw: np.random.Generator) -> Array:
    layer: Any = node.layer
    shape, facts = plain(weight.shape), network.facts[node.name]
    starts, rows = Starts(node, facts), getattr(layer, "connection_table", None)
    if weight.name in starts:
        if rows is None:
            return _drawn(starts.plain(weight.name), shape, draw)
        name = f"`{node.name}.{weight.name}`"
        parts = ((_part(shape, row, weight.name == "bias"), math.prod(layer.kernel_size) * len(row)) for row in rows)
        made = [_drawn(as_plain(starts[weight.name], part, inputs, name), part, draw) for part, inputs in parts]
        return np.concatenate([each.reshape(-1, *shape[1:]) for each in made])
    usual = _usual(layer, weight.name, shape, draw)
    if usual is not None:
        return usual
    if rows is None:
        reach = _usual_inputs(layer, weight.name, {each.name: plain(each.shape) for each in facts.weights}) ** -0.5
        return draw.uniform(-reach, reach, shape)
    reaches = [(math.prod(layer.kernel_size) * len(row)) ** -0.5 for row in rows]
    many = [1 if weight.name == "bias" else len(row) for row in rows]
    return draw.uniform(-1, 1, shape) * np.repeat(reaches, many).reshape(-1, *[1] * (len(shape) - 1))


def _part(shape: Sequence[int], row: Sequence[int], bias: bool) -> tuple[int, ...]:
    """The kernels of one output map over a table, as if they were an ordinary convolution's; or its bias."""
    return (1, *shape[1:]) if bias else (1, len(row), *shape[1:])


def _usual_inputs(layer: Any, weight: str, shapes: Mapping[str, Sequence[int]]) -> int:
    """What PyTorch goes by where nothing is said: the inputs of a unit, but for layers that have ways of their own."""
    if layer.type in ("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"):
        return int(layer.hidden_size)
    if layer.type == "bilinear":
        return shapes["weight"][1]
    return fan_in(layer, weight, shapes)


def _usual(layer: Any, name: str, shape: Sequence[int], draw: np.random.Generator) -> Array | None:
    """How PyTorch starts a weight that is not spread evenly by its fan-in; None for the others."""
    if layer.family == "normalization":
        return np.full(shape, 0.0 if name in ("bias", "running_mean") else 1.0)
    if layer.type == "sinusoidal_positions":
        return _waves(layer, shape)
    if layer.type in ("parameter", "relative_position_bias"):
        return draw.normal(0, 0.02, shape)
    if layer.type in ("embedding", "embedding_bag"):
        return draw.normal(0, 1, shape)
    if layer.type == "subsampling":
        return np.full(shape, 0.0 if name == "bias" else 1 / math.prod(layer.kernel_size))
    if layer.type == "prelu":
        return np.full(shape, 0.25)
    if layer.type == "rbf":
        return _codes(layer, shape, draw)
    if layer.type == "multihead_attention":
        return _of_attention(name, shape, draw)
    return None


def _of_attention(name: str, shape: Sequence[int], draw: np.random.Generator) -> Array | None:
    if name in ("bias_k", "bias_v"):
        return draw.normal(0, (2 / (shape[-1] * 2)) ** 0.5, shape)
    if name in ("in_proj_bias", "out_proj.bias"):
        return np.zeros(shape)
    return None if "." in name else _drawn(as_plain(("xavier_uniform", ()), shape, shape[1], name), shape, draw)


def _drawn(how: Plain, shape: Sequence[int], draw: np.random.Generator) -> Array:
    """Values of a distribution, or a constant."""
    kind, numbers = how
    if kind == "constant":
        return np.full(shape, numbers[0])
    one, other = numbers
    return draw.normal(one, other, shape) if kind == "normal" else draw.uniform(one, other, shape)


def _codes(layer: Any, shape: Sequence[int], draw: np.random.Generator) -> Array:
    if layer.codes is None:
        return draw.integers(0, 2, shape) * 2.0 - 1
    return np.array([[1.0 if mark == "#" else -1.0 for mark in "".join(code.split())] for code in layer.codes])


def _waves(layer: Any, shape: Sequence[int]) -> Array:
    length, features = shape
    factors = (layer.base ** (np.arange(0, features, 2) / features)).astype(np.float32)
    angles = np.arange(length, dtype=np.float32)[:, None] / factors
    return np.stack((np.sin(angles), np.cos(angles)), -1).reshape(length, -1)[:, :features]

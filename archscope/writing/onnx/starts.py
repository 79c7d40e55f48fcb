"""How weights start, drawn by NumPy: as the spec says, else as PyTorch's layers start."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from archscope.errors import UsageError
from archscope.layers.base import Weight
from archscope.network import Network, Node
from archscope.writing.onnx.sheet import Array, Values, plain

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
    shape, layer = plain(weight.shape), node.layer
    shapes = {each.name: plain(each.shape) for each in network.facts[node.name].weights}
    fan_in = _fan_in(layer, weight.name, shapes)
    said = dict(node.init).get(weight.name) if weight.trainable else None
    if said is not None and len(shape) < 2 and said[0] in _BY_SHAPE:
        raise UsageError(f"`{node.name}.{weight.name}`: `{said[0]}` needs a matrix, and this is a vector; use "
                         "`uniform_fan_in` or a constant")  # fmt: skip
    if said is not None and len(fan_in) == 1:
        return _scheme(*said, shape, fan_in[0], draw)
    if said is not None:
        parts = [_scheme(*said, _part(shape, many, fan_in), many, draw) for many in fan_in]
        return np.concatenate([each.reshape(-1, *shape[1:]) for each in parts])
    usual = _usual(layer, weight.name, shape, draw)
    if usual is not None:
        return usual
    reach = [many**-0.5 for many in fan_in]
    if len(reach) == 1:
        return draw.uniform(-reach[0], reach[0], shape)
    return draw.uniform(-1, 1, shape) * _each(layer, reach, shape)


def _part(shape: Sequence[int], many: int, fan_in: Sequence[int]) -> tuple[int, ...]:
    """The kernels of one output map over a table, as if they were an ordinary convolution's; or its bias."""
    if shape[0] == len(fan_in):
        return (1, *shape[1:])
    return (1, many // math.prod(shape[1:]), *shape[1:])


def _each(layer: Any, reach: Sequence[float], shape: Sequence[int]) -> Array:
    rows = [len(row) for row in layer.connection_table] if shape[0] != len(reach) else [1] * len(reach)
    return np.repeat(reach, rows).reshape(-1, *[1] * (len(shape) - 1))


def _fan_in(layer: Any, name: str, shapes: Mapping[str, Sequence[int]]) -> list[int]:
    """Inputs of one unit; of each output map, over a connection table."""
    first = next(iter(shapes.values()))
    if getattr(layer, "connection_table", None) is not None:
        return [math.prod(layer.kernel_size) * len(row) for row in layer.connection_table]
    if layer.type == "subsampling":
        return [math.prod(layer.kernel_size)]
    if layer.type.startswith("conv_transpose"):
        return [first[0] // layer.groups * math.prod(layer.kernel_size)]
    if layer.type in ("rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell"):
        return [layer.hidden_size]
    if layer.type == "bilinear":
        return [first[1]]
    if layer.type == "mixture_of_experts":
        matrix = name.removesuffix("_bias") if name.endswith("_bias") else name.replace(".bias", ".weight")
        return [shapes[matrix][-1]]
    shape = shapes[name] if len(shapes[name]) > 1 else shapes.get(name.replace("bias", "weight"), first)
    return [max(1, math.prod(shape[1:]))]


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
    return None if "." in name else _scheme("xavier_uniform", (), shape, shape[1], draw)


def _scheme(name: str, numbers: Sequence[float], shape: Sequence[int], fan_in: int, draw: np.random.Generator) -> Array:
    """Values by a scheme that specs name."""
    if name in _PLAIN:
        return _PLAIN[name](draw, shape, *numbers)
    if name == "uniform_fan_in":
        return draw.uniform(-numbers[0] / fan_in, numbers[0] / fan_in, shape)
    window = math.prod(shape[2:])
    into, out = shape[1] * window, shape[0] * window
    spread = (2 / (into + out)) ** 0.5 if name.startswith("xavier") else (2 / into) ** 0.5
    if name.endswith("normal"):
        return draw.normal(0, spread, shape)
    return draw.uniform(-spread * 3**0.5, spread * 3**0.5, shape)


_PLAIN: Final[Mapping[str, Callable[..., Array]]] = MappingProxyType({
    "normal": lambda draw, shape, mean=0.0, std=1.0: draw.normal(mean, std, shape),
    "uniform": lambda draw, shape, low=0.0, high=1.0: draw.uniform(low, high, shape),
    "constant": lambda _, shape, value: np.full(shape, value),
    "zeros": lambda _, shape: np.zeros(shape),
    "ones": lambda _, shape: np.ones(shape),
})  # fmt: skip


_BY_SHAPE: Final = frozenset({"xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"})


def _codes(layer: Any, shape: Sequence[int], draw: np.random.Generator) -> Array:
    if layer.codes is None:
        return draw.integers(0, 2, shape) * 2.0 - 1
    return np.array([[1.0 if mark == "#" else -1.0 for mark in "".join(code.split())] for code in layer.codes])


def _waves(layer: Any, shape: Sequence[int]) -> Array:
    length, features = shape
    factors = (layer.base ** (np.arange(0, features, 2) / features)).astype(np.float32)
    angles = np.arange(length, dtype=np.float32)[:, None] / factors
    return np.stack((np.sin(angles), np.cos(angles)), -1).reshape(length, -1)[:, :features]

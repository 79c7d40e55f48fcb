"""Operators of ONNX for norms, and for local responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from archscope.writing.onnx.sheet import Place

Form = Callable[[Place], str]

_LEAST: Final = float(np.finfo(np.float32).eps)
"""The smallest step above 1, which PyTorch's RMS norm adds where nothing is said."""


def _affine(place: Place, shape: Sequence[int]) -> tuple[str, str]:
    """Factors and shifts; ones and zeros where the layer has none."""
    ones = place.weight("weight") or place.constant(np.ones(shape))
    return ones, place.weight("bias") or place.constant(np.zeros(shape))


def _by_channel(place: Place) -> str:
    """A norm by statistics that are held."""
    affine = _affine(place, place.shape[:1])
    held = (place.weight("running_mean"), place.weight("running_var"))
    return place.run("BatchNormalization", place.taken[0], *affine, *held, epsilon=place.layer.eps,
                     momentum=1 - place.layer.momentum)  # fmt: skip


def _batch_norm(place: Place) -> str:
    if place.has("running_mean"):
        return _by_channel(place)
    # Without statistics of its own it takes those of the batch.
    value, rank = place.taken[0], len(place.shape)
    axes = place.whole(0, *range(2, rank + 1))
    apart = place.run("Sub", value, place.run("ReduceMean", value, axes, keepdims=1))
    spread = place.run("ReduceMean", place.run("Mul", apart, apart), axes, keepdims=1)
    root = place.run("Sqrt", place.run("Add", spread, place.constant(place.layer.eps)))
    made, by_map = place.run("Div", apart, root), (place.shape[0], *[1] * (rank - 1))
    if not place.layer.affine:
        return made
    return place.run("Add", place.run("Mul", made, place.weight("weight", by_map)), place.weight("bias", by_map))


def _instance_norm(place: Place) -> str:
    if place.has("running_mean"):
        return _by_channel(place)
    affine = _affine(place, place.shape[:1])
    return place.run("InstanceNormalization", place.taken[0], *affine, epsilon=place.layer.eps)


def _group_norm(place: Place) -> str:
    affine = _affine(place, place.shape[:1])
    return place.run("GroupNormalization", place.taken[0], *affine, epsilon=place.layer.eps,
                     num_groups=place.layer.num_groups)  # fmt: skip


def _over(place: Place) -> tuple[int, ...]:
    return tuple(place.layer.normalized_shape or place.shape)


def _layer_norm(place: Place) -> str:
    over = _over(place)
    factors = place.weight("weight") or place.constant(np.ones(over))
    return place.run("LayerNormalization", place.taken[0], factors, place.weight("bias"), axis=-len(over),
                     epsilon=place.layer.eps)  # fmt: skip


def _rms_norm(place: Place) -> str:
    over = _over(place)
    factors = place.weight("weight") or place.constant(np.ones(over))
    eps = _LEAST if place.layer.eps is None else place.layer.eps
    return place.run("RMSNormalization", place.taken[0], factors, axis=-len(over), epsilon=eps)


def _lrn(place: Place) -> str:
    layer, value = place.layer, place.taken[0]
    if layer.within_channel:
        around = [layer.size // 2] * 4
        mean = place.run("AveragePool", place.run("Mul", value, value), kernel_shape=[layer.size] * 2, strides=[1, 1],
                         pads=around, count_include_pad=1)  # fmt: skip
        return _divided(place, mean)
    if layer.size % 2 and len(place.shape) == 3:
        return place.run("LRN", value, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k)
    # ONNX's own puts the odd neighbour of an even size on the other side than PyTorch, and wants maps.
    maps, axis, before = place.shape[0], place.whole(1), layer.size // 2
    sides = place.whole(before, layer.size - 1 - before)
    squares = place.run("Pad", place.run("Mul", value, value), sides, place.constant(0.0), axis)
    total = place.slice(squares, 1, 0, maps)
    for at in range(1, layer.size):
        total = place.run("Add", total, place.slice(squares, 1, at, at + maps))
    return _divided(place, place.run("Div", total, place.constant(layer.size)))


def _divided(place: Place, mean: str) -> str:
    """The value by ``(k + alpha · mean) ^ beta``."""
    layer = place.layer
    scaled = place.run("Add", place.run("Mul", mean, place.constant(layer.alpha)), place.constant(layer.k))
    return place.run("Div", place.taken[0], place.run("Pow", scaled, place.constant(layer.beta)))


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "lrn": _lrn,
})  # fmt: skip
"""The operators of each, from its place; the value they make."""

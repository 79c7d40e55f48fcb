"""Operators of ONNX for pooling: windows, whole maps, parts of a map, LeNet-5's sub-sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from archscope.building.sides import Sides
from archscope.writing.onnx.sheet import Array, Place
from archscope.writing.onnx.windows import padded, pads, sides_of

Form = Callable[[Place], str]


def _max(place: Place) -> str:
    layer = place.layer
    sides = sides_of(place, layer.steps, layer.dilation)
    value, rest = _around(place, sides, -math.inf)
    return place.run("MaxPool", value, kernel_shape=layer.kernel_size, strides=layer.steps, dilations=layer.dilation,
                     pads=pads(rest), ceil_mode=int(layer.ceil_mode))  # fmt: skip


def _around(place: Place, sides: Sides, fill: float) -> tuple[str, Sides]:
    """The value and the padding that is left to the pool: as wide as a window, it has none there."""
    if all(max(pair) < size for pair, size in zip(sides, place.layer.kernel_size, strict=True)):
        return place.taken[0], sides
    return padded(place, place.taken[0], sides, fill), ((0, 0),) * len(sides)


def _avg(place: Place) -> str:
    layer = place.layer
    sides = sides_of(place, layer.steps, (1,) * layer.axes)
    over = _over(place, sides)
    value, rest = _around(place, sides, 0.0)
    settings: dict[str, Any] = {"kernel_shape": layer.kernel_size, "strides": layer.steps}
    if not any(over) and (rest == sides or layer.count_include_pad):
        return place.run("AveragePool", value, pads=pads(rest), count_include_pad=int(layer.count_include_pad),
                         ceil_mode=int(layer.ceil_mode), **settings)  # fmt: skip
    # Windows that hang over the end: the sum of what they hold, by how many values PyTorch takes it for.
    further = tuple((before, after + more) for (before, after), more in zip(sides, over, strict=True))
    whole = place.run("AveragePool", padded(place, place.taken[0], further), count_include_pad=1, **settings)
    return place.run("Mul", whole, place.constant(_shares(place, sides)[None, None]))


def _over(place: Place, sides: Sides) -> list[int]:
    """How far the last windows hang over the padded input."""
    layer = place.layer
    along = zip(place.output[1:], layer.steps, layer.kernel_size, place.shape[1:], sides, strict=True)
    return [max(0, (many - 1) * step + size - extent - sum(pair)) for many, step, size, extent, pair in along]


def _shares(place: Place, sides: Sides) -> Array:
    """The values of a window over those that count, at every position."""
    layer, made = place.layer, np.ones((), np.float64)
    along = zip(place.output[1:], layer.steps, layer.kernel_size, place.shape[1:], sides, strict=True)
    for many, step, size, extent, (before, after) in along:
        first = np.arange(many) * step - before
        least, most = (-before, extent + after) if layer.count_include_pad else (0, extent)
        counted = np.minimum(first + size, most) - np.maximum(first, least)
        made = made[..., None] * (size / counted)
    return made


def _adaptive(kind: str) -> Form:
    reduce, pool = {"avg": ("ReduceMean", "AveragePool"), "max": ("ReduceMax", "MaxPool")}[kind]

    def form(place: Place) -> str:
        value, before, after = place.taken[0], place.shape[1:], place.output[1:]
        if set(after) == {1}:
            return place.run(f"Global{pool}", value)
        if all(extent % made == 0 for extent, made in zip(before, after, strict=True)):
            sizes = [extent // made for extent, made in zip(before, after, strict=True)]
            return place.run(pool, value, kernel_shape=sizes, strides=sizes)
        for axis, (extent, made) in enumerate(zip(before, after, strict=True), start=2):
            ends = [(at * extent // made, -(-(at + 1) * extent // made)) for at in range(made)]
            parts = [place.run(reduce, place.slice(value, axis, *each), place.whole(axis)) for each in ends]
            value = parts[0] if made == 1 else place.run("Concat", *parts, axis=axis)
        return value

    return form


def _subsampling(place: Place) -> str:
    layer = place.layer
    mean = place.run("AveragePool", place.taken[0], kernel_shape=layer.kernel_size, strides=layer.steps)
    total = place.run("Mul", mean, place.constant(math.prod(layer.kernel_size)))
    by_map = (place.shape[0], 1, 1)
    scaled = place.run("Mul", total, place.weight("weight", by_map))
    return place.run("Add", scaled, place.weight("bias", by_map))


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    **{f"max_pool{axes}d": _max for axes in (1, 2, 3)},
    **{f"avg_pool{axes}d": _avg for axes in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{axes}d": _adaptive(kind) for kind in ("avg", "max") for axes in (1, 2, 3)},
    "subsampling": _subsampling,
})  # fmt: skip
"""The operators of each, from its place; the value they make."""

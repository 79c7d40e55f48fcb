"""Operators of ONNX for convolutions of every kind, and what lays windows side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, product
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from archscope.building.sides import Sides, same_sides
from archscope.writing.onnx.sheet import Place

Form = Callable[[Place], str]


def sides_of(place: Place, stride: Sequence[int], dilation: Sequence[int]) -> Sides:
    """The padding of a layer in numbers."""
    layer = place.layer
    if layer.padding != "same":
        sides: Sides = layer.padding
        return sides
    return same_sides(place.shape[1:], layer.kernel_size, stride, dilation)


def pads(sides: Sides) -> list[int]:
    """The order of ONNX: what comes before each axis, then what comes after.

    >>> pads(((1, 2), (3, 4)))
    [1, 3, 2, 4]
    """
    return [before for before, _ in sides] + [after for _, after in sides]


def padded(place: Place, value: str, sides: Sides, fill: float = 0.0, mode: str = "constant") -> str:
    """A value with its padding around it."""
    if not any(map(any, sides)):
        return value
    axes = place.whole(*range(2, len(sides) + 2))
    filled = place.constant(fill) if mode == "constant" else ""
    return place.run("Pad", value, place.whole(*pads(sides)), filled, axes, mode=mode)


def _conv(place: Place) -> str:
    layer = place.layer
    settings = _settings(place)
    if getattr(layer, "connection_table", None) is not None:
        return _over_table(place, settings)
    untied = getattr(layer, "untie_biases", False)
    bias = "" if untied else place.weight("bias")
    made = place.run("Conv", place.taken[0], place.weight("weight"), bias, group=layer.groups, **settings)
    return place.run("Add", made, place.weight("bias")) if untied and place.has("bias") else made


def _settings(place: Place) -> dict[str, Any]:
    layer = place.layer
    sides = sides_of(place, layer.stride, layer.dilation)
    return {"kernel_shape": layer.kernel_size, "strides": layer.stride, "dilations": layer.dilation,
            "pads": pads(sides)}  # fmt: skip


def _over_table(place: Place, settings: Mapping[str, Any]) -> str:
    """A convolution over a connection table: output maps of as many inputs are one, in a group each."""
    table, kernel = place.layer.connection_table, place.layer.kernel_size
    first = list(accumulate((len(row) for row in table), initial=0))
    maps, order = list[str](), list[int]()
    for many in sorted({len(row) for row in table}):
        chosen = [at for at, row in enumerate(table) if len(row) == many]
        kernels = [first[at] + each for at in chosen for each in range(many)]
        weight = place.weight("weight")
        if kernels != list(range(first[-1])):
            weight = place.run("Gather", weight, place.whole(*kernels))
        weight = place.run("Reshape", weight, place.whole(len(chosen), many, *kernel))
        seen = place.run("Gather", place.taken[0], place.whole(*(each for at in chosen for each in table[at])), axis=1)
        maps.append(place.run("Conv", seen, weight, group=len(chosen), **settings))
        order += chosen
    made = maps[0] if len(maps) == 1 else place.run("Concat", *maps, axis=1)
    if order != sorted(order):
        made = place.run("Gather", made, place.whole(*(order.index(at) for at in range(len(table)))), axis=1)
    shift = place.weight("bias") if place.layer.untie_biases else place.weight("bias", (len(table), 1, 1))
    return place.run("Add", made, shift) if shift else made


def _conv_transpose(place: Place) -> str:
    layer = place.layer
    return place.run(
        "ConvTranspose", place.taken[0], place.weight("weight"), place.weight("bias"), kernel_shape=layer.kernel_size,
        strides=layer.stride, dilations=layer.dilation, pads=pads(layer.padding), group=layer.groups,
        output_padding=layer.output_padding,
    )  # fmt: skip


def _windows(place: Place, value: str, counts: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> str:
    """Windows of a padded value: the values of each, a kernel's place after the other, at every position.

    ``(channels, …)`` comes in and ``(channels · places, positions)`` goes out, as PyTorch's ``unfold`` has it.
    """
    kernel = place.layer.kernel_size
    axes = place.whole(*range(2, len(kernel) + 2))
    laid = []
    for at in product(*map(range, kernel)):
        first = [each * apart for each, apart in zip(at, dilation, strict=True)]
        ends = [start + (many - 1) * step + 1 for start, many, step in zip(first, counts, stride, strict=True)]
        cut = place.run("Slice", value, place.whole(*first), place.whole(*ends), axes, place.whole(*stride))
        laid.append(place.reshape(cut, place.shape[0], 1, math.prod(counts)))
    joined = laid[0] if len(laid) == 1 else place.run("Concat", *laid, axis=2)
    return place.reshape(joined, place.shape[0] * math.prod(kernel), math.prod(counts))


def _local(place: Place) -> str:
    layer, (maps, *counts) = place.layer, place.output
    sides = sides_of(place, layer.stride, (1,) * len(counts))
    value = padded(place, place.taken[0], sides)
    windows = _windows(place, value, counts, layer.stride, (1,) * len(counts))
    each = place.shape[0] * math.prod(layer.kernel_size)
    kernels = place.weight("weight", (maps, math.prod(counts), each))
    made = place.reshape(place.run("Einsum", kernels, windows, equation="nlk,bkl->bnl"), *place.output)
    return place.run("Add", made, place.weight("bias", place.output)) if place.has("bias") else made


def _around(layer: Any) -> Sides:
    return tuple((each, each) for each in layer.padding)


def _unfold(place: Place) -> str:
    layer = place.layer
    value = padded(place, place.taken[0], _around(layer))
    along = zip(place.shape[1:], layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True)
    counts = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in along]
    return _windows(place, value, counts, layer.stride, layer.dilation)


def _fold(place: Place) -> str:
    layer = place.layer
    return place.run("Col2Im", place.taken[0], place.whole(*layer.output_size), place.whole(*layer.kernel_size),
                     pads=pads(_around(layer)), strides=layer.stride, dilations=layer.dilation)  # fmt: skip


def _border(mode: str) -> Form:
    def form(place: Place) -> str:
        sides = place.layer.padding
        made = padded(place, place.taken[0], sides, getattr(place.layer, "value", 0.0), mode)
        return place.run("Identity", made) if made == place.taken[0] else made

    return form


_MODES: Final[Mapping[str, Mapping[str, Any]]] = {
    "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    "bicubic": {"mode": "cubic", "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75},
}
_LINEAR: Final[Mapping[str, Any]] = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}


def _upsample(place: Place) -> str:
    layer = place.layer
    axes = list(range(2, len(place.shape) + 1))
    given = (*_scales(place, axes), "")[:2]
    return place.run("Resize", place.taken[0], "", *given, axes=axes, **_MODES.get(layer.mode, _LINEAR))


def _scales(place: Place, axes: Sequence[int]) -> tuple[str, ...]:
    """The factors where they come to the extents as single floats too; else the extents."""
    scales = place.layer.scale_factor
    if scales is not None:
        factors = np.asarray(list(scales) * (len(axes) if len(scales) == 1 else 1), np.float32)
        if tuple((factors * np.asarray(place.shape[1:], np.float32)).astype(int)) == place.output[1:]:
            return (place.constant(factors),)
    return "", place.whole(*place.output[1:])


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    **{f"conv{axes}d": _conv for axes in (1, 2, 3)},
    **{f"conv_transpose{axes}d": _conv_transpose for axes in (1, 2, 3)},
    **{f"locally_connected{axes}d": _local for axes in (1, 2)},
    **{f"{name}_pad{axes}d": _border(mode) for axes in (1, 2, 3) for name, mode in (
        ("zero", "constant"), ("constant", "constant"), ("reflection", "reflect"), ("replication", "edge"),
        ("circular", "wrap"))},
    "unfold": _unfold,
    "fold": _fold,
    "upsample": _upsample,
})  # fmt: skip
"""The operators of each, from its place; the value they make."""

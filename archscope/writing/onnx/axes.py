"""Operators of ONNX for what turns axes, cuts along them, joins along them, or makes one value of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from archscope.writing.onnx.sheet import Place, axis_of, plain

Form = Callable[[Place], "str | Sequence[str]"]


def _axes(place: Place, dims: Sequence[int]) -> list[int]:
    return [axis_of(dim, len(place.shape)) for dim in dims]


def _permute(place: Place) -> str:
    return place.transpose(place.taken[0], 0, *_axes(place, place.layer.dims))


def _transpose(place: Place) -> str:
    order = list(range(len(place.shape) + 1))
    one, other = _axes(place, (place.layer.dim0, place.layer.dim1))
    order[one], order[other] = other, one
    return place.transpose(place.taken[0], *order)


def _squeeze(place: Place) -> str:
    ones = [axis for axis, extent in enumerate(place.shape) if extent == 1]
    axes = _axes(place, ones if place.layer.dim is None else place.layer.dim)
    return place.run("Squeeze", place.taken[0], place.whole(*axes)) if axes else place.run("Identity", place.taken[0])


def _unsqueeze(place: Place) -> str:
    return place.run("Unsqueeze", place.taken[0], place.whole(axis_of(place.layer.dim, len(place.shape) + 1)))


def _expand(place: Place) -> str:
    return place.run("Expand", place.taken[0], place.whole(1, *place.output))


def _slice(place: Place) -> str:
    layer = place.layer
    (axis,) = _axes(place, [layer.dim])
    extent = place.shape[axis - 1]
    start, end, _ = slice(layer.start, layer.end, layer.step).indices(extent)
    return place.slice(place.taken[0], axis, start, end, layer.step)


def _select(place: Place) -> str:
    (axis,) = _axes(place, [place.layer.dim])
    at = place.layer.index % place.shape[axis - 1]
    return place.run("Gather", place.taken[0], place.constant(at, np.int64), axis=axis)


def _parts(place: Place) -> Sequence[str]:
    (axis,) = _axes(place, [place.layer.dim])
    sizes = [plain(shape)[axis - 1] for shape in place.facts.outputs]
    return place.run_all("Split", place.taken[0], place.whole(*sizes), outputs=len(sizes), axis=axis)


def _crop(place: Place) -> str:
    layer, made = place.layer, place.output[1:]
    first = [(size - kept) // 2 for size, kept in zip(place.shape[1:], made, strict=True)]
    if layer.offset is not None:
        first = list(layer.offset) * (len(made) if len(layer.offset) == 1 else 1)
    ends = [start + kept for start, kept in zip(first, made, strict=True)]
    axes = range(2, len(made) + 2)
    return place.run("Slice", place.taken[0], *(place.whole(*each) for each in (first, ends, axes)))


def _reduced(operator: str) -> Form:
    def form(place: Place) -> str:
        return reduced(place, operator, place.taken[0])

    return form


def reduced(place: Place, operator: str, value: str, *, kept: bool | None = None) -> str:
    """One value for those along the layer's axes."""
    keep = place.layer.keepdim if kept is None else kept
    return place.run(operator, value, place.whole(*_axes(place, place.layer.dim)), keepdims=int(keep))


def _var(place: Place) -> str:
    layer, value = place.layer, place.taken[0]
    apart = place.run("Sub", value, reduced(place, "ReduceMean", value, kept=True))
    squares = reduced(place, "ReduceSum", place.run("Mul", apart, apart))
    many = 1
    for axis in _axes(place, layer.dim):
        many *= place.shape[axis - 1]
    return place.run("Div", squares, place.constant(many - layer.correction))


def _std(place: Place) -> str:
    return place.run("Sqrt", _var(place))


def _repeat(place: Place) -> str:
    return place.run("Tile", place.taken[0], place.whole(1, *place.layer.repeats))


def _roll(place: Place) -> str:
    value = place.taken[0]
    for shift, axis in zip(place.layer.shifts, _axes(place, place.layer.dims), strict=True):
        extent = place.shape[axis - 1]
        at = -shift % extent
        if at:
            ends = (place.slice(value, axis, at, extent), place.slice(value, axis, 0, at))
            value = place.run("Concat", *ends, axis=axis)
    return value


def _normalize(place: Place) -> str:
    layer, value = place.layer, place.taken[0]
    axis = place.whole(axis_of(layer.dim, len(place.shape)))
    if layer.p in (1, 2):
        length = place.run(f"ReduceL{int(layer.p)}", value, axis, keepdims=1)
    else:
        powers = place.run("Pow", place.run("Abs", value), place.constant(layer.p))
        total = place.run("ReduceSum", powers, axis, keepdims=1)
        length = place.run("Pow", total, place.constant(1 / layer.p))
    return place.run("Div", value, place.run("Max", length, place.constant(layer.eps)))


def _concat(place: Place) -> str:
    return place.run("Concat", *place.taken, axis=axis_of(place.layer.dim, len(place.shape)))


def _stack(place: Place) -> str:
    axis = axis_of(place.layer.dim, len(place.shape) + 1)
    return place.run("Concat", *(place.run("Unsqueeze", each, place.whole(axis)) for each in place.taken), axis=axis)


def _matmul(place: Place) -> str:
    return place.run("MatMul", *place.taken)


def _flatten(place: Place) -> str:
    return place.run("Flatten", place.taken[0], axis=1)


def _reshape(place: Place) -> str:
    return place.reshape(place.taken[0], *place.output)


def _pixel_shuffle(place: Place) -> str:
    return place.run("DepthToSpace", place.taken[0], blocksize=place.layer.upscale_factor, mode="CRD")


def _pixel_unshuffle(place: Place) -> str:
    factor, (channels, height, width) = place.layer.downscale_factor, place.shape
    apart = place.reshape(place.taken[0], channels, height // factor, factor, width // factor, factor)
    return place.reshape(place.transpose(apart, 0, 1, 3, 5, 2, 4), *place.output)


def _channel_shuffle(place: Place) -> str:
    groups, (channels, *rest) = place.layer.groups, place.shape
    apart = place.reshape(place.taken[0], groups, channels // groups, *rest)
    return place.reshape(place.transpose(apart, 0, 2, 1, *range(3, len(rest) + 3)), *place.shape)


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "permute": _permute,
    "transpose": _transpose,
    "squeeze": _squeeze,
    "unsqueeze": _unsqueeze,
    "expand": _expand,
    "slice": _slice,
    "select": _select,
    "split": _parts,
    "chunk": _parts,
    "crop": _crop,
    "mean": _reduced("ReduceMean"),
    "sum": _reduced("ReduceSum"),
    "max": _reduced("ReduceMax"),
    "min": _reduced("ReduceMin"),
    "logsumexp": _reduced("ReduceLogSumExp"),
    "var": _var,
    "std": _std,
    "repeat": _repeat,
    "roll": _roll,
    "normalize": _normalize,
    "concat": _concat,
    "stack": _stack,
    "matmul": _matmul,
    "flatten": _flatten,
    "reshape": _reshape,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
})  # fmt: skip
"""The operators of each, from its place; the values they make."""

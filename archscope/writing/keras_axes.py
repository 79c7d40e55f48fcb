"""Layers that move values along axes in Keras, where the channels come last: by layer type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import prod
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_functions import Form, cannot

# An axis of a sample is counted from 0, channels first; there the channels are the last axis and the others stay.


def _there(axis: int, rank: int) -> int:
    """An axis of a sample as a place among the axes there, the batch among them."""
    return axis or rank


def _order(value: str, order: Sequence[int]) -> str:
    return value if list(order) == sorted(order) else f"ops.transpose({value}, {tuple(order)})"


def channels_first(value: str, rank: int) -> str:
    """The value with its channels in front, as a spec has them."""
    return _order(value, (0, rank, *range(1, rank)))


def channels_last(value: str, rank: int) -> str:
    """The value with its channels last again."""
    return _order(value, (0, *range(2, rank + 1), 1))


def _axes(place: Any, dims: Sequence[int]) -> list[int]:
    return [dim % len(place.shape) for dim in dims]


def _permuted(place: Any, axes: Sequence[int]) -> str:
    rank = len(place.shape)
    return _order(place.taken[0], (0, *(_there(axis, rank) for axis in (*axes[1:], axes[0]))))


def _permute(place: Any) -> str:
    return _permuted(place, _axes(place, place.layer.dims))


def _transpose(place: Any) -> str:
    one, other = _axes(place, [place.layer.dim0, place.layer.dim1])
    axes = list(range(len(place.shape)))
    axes[one], axes[other] = other, one
    return _permuted(place, axes)


def _reranked(place: Any, axes: Sequence[int], template: str) -> str:
    """A function that takes axes away: where the channels are among them, others take their place."""
    rank, left = len(place.shape), len(place.facts.output)
    if 0 not in axes:
        return template.format(place.taken[0], _said(axes))
    return channels_last(
        template.format(channels_first(place.taken[0], rank), _said([each + 1 for each in axes])), left
    )


def _said(axes: Sequence[int]) -> str:
    return str(axes[0] if len(axes) == 1 else tuple(axes))


def _squeeze(place: Any) -> str:
    ones = [axis for axis, extent in enumerate(place.shape) if extent == 1]
    axes = ones if place.layer.dim is None else _axes(place, place.layer.dim)
    return _reranked(place, axes, "ops.squeeze({}, axis={})") if axes else str(place.taken[0])


def _unsqueeze(place: Any) -> str:
    rank = len(place.shape)
    axis = place.layer.dim % (rank + 1)
    if axis:
        return f"ops.expand_dims({place.taken[0]}, {axis})"
    return channels_last(f"ops.expand_dims({channels_first(place.taken[0], rank)}, 1)", rank + 1)


def _expand(place: Any) -> str:
    value, rank = place.taken[0], len(place.shape)
    for axis, (old, new) in enumerate(zip(place.shape, place.facts.output, strict=True)):
        value = value if old == new else f"ops.repeat({value}, {int(new)}, axis={_there(axis, rank)})"
    return str(value)


def _along(place: Any, axis: int, inside: str) -> str:
    """Some of the positions of an axis, by what stands between the brackets."""
    before = ["..."] if axis == 0 else [":"] * axis
    return f"{place.taken[0]}[{', '.join([*before, inside])}]"


def _slice(place: Any) -> str:
    layer = place.layer
    inside = f"{layer.start or ''}:{'' if layer.end is None else layer.end}" + (
        f":{layer.step}" if layer.step > 1 else ""
    )
    return _along(place, _axes(place, [layer.dim])[0], inside)


def _select(place: Any) -> str:
    axis = _axes(place, [place.layer.dim])[0]
    chosen = _along(place, axis, str(place.layer.index))
    return chosen if axis else channels_last(chosen, len(place.shape) - 1)


def _parts(place: Any) -> str:
    rank = len(place.shape)
    axis = _axes(place, [place.layer.dim])[0]
    if len(place.facts.outputs) == 1:
        return str(place.taken[0])
    ends = list(accumulate(int(shape[axis]) for shape in place.facts.outputs))[:-1]
    return f"ops.split({place.taken[0]}, {ends}, axis={_there(axis, rank)})"


def _crop(place: Any) -> str:
    inside = []
    for window, wanted in zip(place.facts.windows, place.facts.output[1:], strict=True):
        inside.append(f"{-window.padding}:{int(wanted) - window.padding}")
    return f"{place.taken[0]}[:, {', '.join(inside)}]"


def _reduced(name: str) -> Form:
    def form(place: Any) -> str:
        axes = _axes(place, place.layer.dim)
        if place.layer.keepdim:
            there = [_there(axis, len(place.shape)) for axis in axes]
            return f"ops.{name}({place.taken[0]}, axis={_said(there)}, keepdims=True)"
        return _reranked(place, axes, f"ops.{name}({{}}, axis={{}})")

    return form


def _spread(name: str) -> Form:
    """Keras divides by the number of values; another correction is a factor."""

    def form(place: Any) -> str:
        many = prod(int(place.shape[axis]) for axis in _axes(place, place.layer.dim))
        left = many - place.layer.correction
        if left < 1:
            raise cannot(place, f"nothing is left of {many} values to divide by")
        root = "" if name == "var" else " ** 0.5"
        return f"{_reduced(name)(place)} * ({many} / {left}){root}" if left != many else _reduced(name)(place)

    return form


def _repeat(place: Any) -> str:
    return f"ops.tile({place.taken[0]}, {(1, *place.layer.repeats[1:], place.layer.repeats[0])})"


def _stack(place: Any) -> str:
    """A new axis among those of the channels-first order; where it is the first, it is the channels there."""
    rank, dim = len(place.shape), place.layer.dim % (len(place.shape) + 1)
    if dim:
        return f"ops.stack([{', '.join(place.taken)}], axis={dim})"
    first = ", ".join(channels_first(each, rank) for each in place.taken)
    return channels_last(f"ops.stack([{first}], axis=1)", rank + 1)


def _normalize(place: Any) -> str:
    layer = place.layer
    axis = _there(_axes(place, [layer.dim])[0], len(place.shape))
    length = f"ops.norm({place.taken[0]}, ord={layer.p:g}, axis={axis}, keepdims=True)"
    return f"{place.taken[0]} / ops.maximum({length}, {layer.eps!r})"


def _reshape(place: Any) -> str:
    made = place.facts.output
    extents = ", ".join(str(int(extent)) for extent in made)
    flat = f"ops.reshape({channels_first(place.taken[0], len(place.shape))}, (-1, {extents}))"
    return channels_last(flat, len(made))


def _halved(template: str) -> Form:
    """An expression of the two halves of an axis."""

    def form(place: Any) -> str:
        axis = _axes(place, [place.layer.dim])[0]
        half = int(place.facts.output[axis])
        return template.format(_along(place, axis, f":{half}"), _along(place, axis, f"{half}:"))

    return form


def _roll(place: Any) -> str:
    axes = tuple(_there(axis, len(place.shape)) for axis in _axes(place, place.layer.dims))
    return f"ops.roll({place.taken[0]}, {place.layer.shifts}, axis={axes})"


def _maxout(place: Any) -> str:
    axis, rank = _axes(place, [place.layer.dim])[0], len(place.shape)
    extents = [*place.shape[1:], place.shape[0]]
    at, made = _there(axis, rank), int(place.facts.output[axis])
    extents[at - 1 : at] = [made, place.layer.pieces]
    return f"ops.max(ops.reshape({place.taken[0]}, {(-1, *extents)}), axis={at + 1})"


def _pixel_shuffle(place: Any) -> str:
    (maps, height, width), r = (int(each) for each in place.facts.output), place.layer.upscale_factor
    apart = f"ops.reshape({place.taken[0]}, {(-1, height // r, width // r, maps, r, r)})"
    return f"ops.reshape(ops.transpose({apart}, (0, 1, 4, 2, 5, 3)), {(-1, height, width, maps)})"


def _pixel_unshuffle(place: Any) -> str:
    (maps, height, width), r = place.shape, place.layer.downscale_factor
    apart = f"ops.reshape({place.taken[0]}, {(-1, height // r, r, width // r, r, maps)})"
    return f"ops.reshape(ops.transpose({apart}, (0, 1, 3, 5, 2, 4)), {(-1, height // r, width // r, maps * r * r)})"


def _channel_shuffle(place: Any) -> str:
    maps, *grid = place.shape
    groups, rank = place.layer.groups, len(grid) + 1
    apart = f"ops.reshape({place.taken[0]}, {(-1, *grid, groups, maps // groups)})"
    order = (*range(rank), rank + 1, rank)
    return f"ops.reshape(ops.transpose({apart}, {order}), {(-1, *grid, maps)})"


def _border(fill: str) -> Form:
    """Padding of each side, in the order of axes there."""

    def form(place: Any) -> str:
        pairs = ", ".join(str(list(each)) for each in ((0, 0), *place.layer.padding, (0, 0)))
        value = getattr(place.layer, "value", None)
        return f"ops.pad({place.taken[0]}, [{pairs}], {fill.format(value)})"

    return form


def _continued(place: Any) -> str:
    """Each side continued with the other end, an axis after the other."""
    value = str(place.taken[0])
    for axis, (before, after) in enumerate(place.layer.padding, start=1):
        size, inside = place.shape[axis], ", ".join([":"] * axis)
        parts = [f"{value}[{inside}, {size - before}:]"] * bool(before) + [value]
        parts += [f"{value}[{inside}, :{after}]"] * bool(after)
        value = f"ops.concatenate([{', '.join(parts)}], axis={axis})" if len(parts) > 1 else value
    return value


AXES: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType({
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
    "mean": _reduced("mean"),
    "sum": _reduced("sum"),
    "max": _reduced("max"),
    "min": _reduced("min"),
    "logsumexp": _reduced("logsumexp"),
    "var": _spread("var"),
    "std": _spread("std"),
    "repeat": _repeat,
    "stack": _stack,
    "normalize": _normalize,
    "reshape": _reshape,
    "glu": _halved("{} * ops.sigmoid({})"),
    "geglu": _halved("{} * ops.gelu({}, approximate=False)"),
    "swiglu": _halved("{} * ops.silu({})"),
    "reglu": _halved("{} * ops.relu({})"),
    "maxout": _maxout,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "roll": _roll,
    **{f"constant_pad{n}d": _border("constant_values={!r}") for n in (1, 2, 3)},
    **{f"reflection_pad{n}d": _border('mode="reflect"') for n in (1, 2)},
    **{f"circular_pad{n}d": _continued for n in (1, 2, 3)},
})  # fmt: skip
"""The expression of each."""

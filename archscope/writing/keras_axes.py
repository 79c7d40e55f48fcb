"""Layers along named axes in Keras, where the channels come last: by layer type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_functions import Form

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


def _reshape(place: Any) -> str:
    made = place.facts.output
    extents = ", ".join(str(int(extent)) for extent in made)
    flat = f"ops.reshape({channels_first(place.taken[0], len(place.shape))}, (-1, {extents}))"
    return channels_last(flat, len(made))


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
    "reshape": _reshape,
})  # fmt: skip
"""The expression of each."""

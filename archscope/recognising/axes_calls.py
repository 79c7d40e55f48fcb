"""Calls that turn, cut, repeat or take away axes, or join their values to one, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from archscope.layers import TYPES, Layer
from archscope.recognising.batches import APART, LOST, WITHOUT, index_steps
from archscope.recognising.call import Call, Reading, together, without
from archscope.recognising.signatures import over_grid
from archscope.recognising.tensor import Tensor


def _many(value: Any) -> list[int]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def turned(call: Call, order: Sequence[int]) -> tuple[Layer, ...]:
    """Axes in another order; where the batch alone has moved, nothing has happened to a sample."""
    dims = [without(axis, call.place) for axis in order if axis != call.place]
    if dims == sorted(dims):
        return ()
    moved = [axis for axis, dim in enumerate(dims) if axis != dim]
    if len(moved) == 2:
        return (TYPES["transpose"](dim0=moved[0], dim1=moved[1]),)
    return (TYPES["permute"](dims=dims),)


def _permute(call: Call) -> tuple[Layer, ...]:
    return turned(call, [dim % call.input.dim() for dim in call.given["dims"]])


def _transpose(call: Call) -> tuple[Layer, ...] | None:
    rank = call.input.dim()
    if call.name in ("t", "T") and rank != 2:
        return None
    order = list(range(rank))
    one, other = call.given["dim0"] % rank, call.given["dim1"] % rank
    order[one], order[other] = other, one
    return turned(call, order)


def _index(call: Call) -> tuple[Layer, ...] | None:
    """Slices, then positions, from the last axis on; then new axes."""
    shape = call.input.shape
    steps = index_steps(call.given["index"], shape)
    if steps is None:
        return None
    layers: list[Layer] = []
    for axis, each in reversed([step for step in steps if step[0] is not None]):
        if isinstance(each, int) and axis == call.place and call.batch == 1:
            continue  # the one sample that there is
        if isinstance(each, int):
            layers.append(TYPES["select"](dim=call.axis(axis), index=each))
        elif each.indices(shape[axis]) != (0, shape[axis], 1):
            layers.append(_slice(call, axis, each))
    kept = [step for step in steps if not isinstance(step[1], int)]
    for place, (axis, _) in enumerate(kept):
        if axis is None and place != call.after:
            layers.append(TYPES["unsqueeze"](dim=without(place, call.after)))
    return tuple(layers)


def _slice(call: Call, axis: int, along: slice) -> Layer:
    size = call.input.shape[axis]
    end = None if along.stop is None or along.stop >= size else along.stop
    return TYPES["slice"](dim=call.axis(axis), start=along.start or 0, end=end, step=along.step or 1)


def _cut(call: Call) -> tuple[Layer, ...] | None:
    """A part of one axis, as programs and files have it."""
    if call.given["input"] is None:  # of bounds that are not known
        return None
    axis = int(call.given["dim"]) % call.input.dim()
    along, size = slice(call.given["start"], call.given["end"], call.given["step"]), call.input.shape[axis]
    return () if along.indices(size) == (0, size, 1) else (_slice(call, axis, along),)


def _narrow(call: Call) -> tuple[Layer, ...]:
    axis, start, length = (int(call.given[name]) for name in ("dim", "start", "length"))
    axis %= call.input.dim()
    along = slice(start, start + length)
    whole = length == call.input.shape[axis]
    return () if whole else (_slice(call, axis, along),)


def _select(call: Call) -> Layer | tuple[Layer, ...]:
    if call.batch == 1 and call.given["dim"] % call.input.dim() == call.place:
        return ()  # the one sample that there is
    return TYPES["select"](dim=call.axis(call.given["dim"]), index=int(call.given["index"]))


def _parts(call: Call) -> tuple[Layer, ...]:
    """Equal parts are a chunk, others a split; one part is what was there."""
    axis = call.given["dim"] % call.input.dim()
    sizes = [each.shape[axis] for each in call.results]
    if len(sizes) == 1:
        return ()
    many = len(sizes)
    first = -(-sum(sizes) // many)
    even = all(size == first for size in sizes[:-1]) and 0 < sizes[-1] <= first
    dim = call.axis(axis)
    return (TYPES["chunk"](chunks=many, dim=dim) if even else TYPES["split"](split_size=sizes, dim=dim),)


def _squeeze(call: Call) -> tuple[Layer, ...] | None:
    if call.given["dim"] is None:
        dims = [axis for axis, extent in enumerate(call.input.shape) if extent == 1]
    else:
        dims = [dim % call.input.dim() for dim in _many(call.given["dim"])]
    gone = [call.axis(axis) for axis in dims if call.input.shape[axis] == 1 and (axis != call.place or call.batch != 1)]
    return (TYPES["squeeze"](dim=gone),) if gone else ()


def _unsqueeze(call: Call) -> tuple[Layer, ...]:
    axis = call.given["dim"] % call.made.dim()
    if axis == call.after and call.place == WITHOUT:
        return ()  # one sample is a batch again
    return (TYPES["unsqueeze"](dim=without(axis, call.after)),)


def _unbind(call: Call) -> tuple[Layer, ...] | None:
    """The one sample of a batch; positions of another axis are layers each, see `archscope.recognising.calls`."""
    alone = call.batch == 1 and call.given["dim"] % call.input.dim() == call.place
    return () if alone else None


def _stack(call: Call) -> tuple[Layer, ...] | None:
    """Side by side along a new axis; the one sample of a batch as a batch again."""
    if call.batch == 1 and call.place == WITHOUT and call.after >= 0:
        return ()
    tensors = call.given["tensors"]
    if call.after == LOST or any(call.place_of(each) != call.place for each in tensors):
        return None
    return (TYPES["stack"](dim=without(call.given["dim"] % call.made.dim(), call.after)),)


def _expand(call: Call) -> tuple[Layer, ...] | None:
    """Axes of one value repeated; a new axis in front would be none of a sample's."""
    before, after = call.input.shape, call.made.shape
    if len(before) != len(after) or call.place != call.after:
        return None
    fitting = all(
        old == new or (old == 1 and axis != call.place)
        for axis, (old, new) in enumerate(zip(before, after, strict=True))
    )
    size = [new for axis, new in enumerate(after) if axis != call.place]
    if not fitting:
        return None
    return () if before == after else (TYPES["expand"](size=size),)


def _reduced(type_: str) -> Reading:
    def reading(call: Call) -> Layer | tuple[Layer, ...] | None:
        dim = call.given["dim"]
        if isinstance(dim, Tensor) and type_ in ("max", "min"):
            return together(f"{type_}imum", call, call.input, dim)
        if dim is None or isinstance(dim, (Tensor, bool)) or call.given.get("dtype") is not None:
            return None
        rank = call.input.dim()
        keep = bool(call.given["keepdim"])
        if type_ == "mean" and call.place == 0 and rank > 3 and over_grid(dim, rank):
            # A mean over all places of a grid is a pooling to one; where it drops the axes, they are flattened. Of two
            # axes nobody knows whether the last is places or, as in a norm that is written out, features.
            pooling = TYPES[f"adaptive_avg_pool{rank - 2}d"](output_size=1)
            return (pooling,) if keep else (pooling, TYPES["flatten"]())
        dims = sorted(call.axis(each) for each in _many(dim))
        more = {"correction": _correction(call)} if type_ in ("var", "std") else {}
        return (TYPES[type_](dim=dims, keepdim=keep, **more),)

    return reading


def _correction(call: Call) -> int:
    """What is taken from the number of values: 1 unless another number, or that it is biased, is said."""
    said = call.given["correction"]
    return int(said) if said is not None else int(call.given["unbiased"] is not False)


def _normalize(call: Call) -> Layer:
    return TYPES["normalize"](dim=call.axis(call.given["dim"]), p=call.given["p"], eps=call.given["eps"])


def _repeat(call: Call) -> tuple[Layer, ...] | None:
    """Every axis so many times; the batch once."""
    repeats = [int(each) for each in _many(call.given["repeats"])]
    repeats = [1] * (call.input.dim() - len(repeats)) + repeats
    if len(repeats) != call.input.dim() or call.place != call.after or (call.place >= 0 and repeats[call.place] != 1):
        return None
    of_sample = [each for axis, each in enumerate(repeats) if axis != call.place]
    return (TYPES["repeat"](repeats=of_sample),) if any(each != 1 for each in of_sample) else ()


def _rolled(call: Call) -> Layer | None:
    """Axes by name; without names all values would go round as one row."""
    if call.given["dims"] is None or call.place != call.after:
        return None
    dims = [call.axis(int(dim)) for dim in _many(call.given["dims"])]
    return TYPES["roll"](shifts=[int(each) for each in _many(call.given["shifts"])], dims=dims)


def _reshaped(call: Call) -> Layer | None:
    """Values in order: flat, or in another shape; the batch stays in front, or goes into the first axis."""
    if call.place > 0 or call.after > 0 or call.made.dim() < 1:
        return None
    shape = [int(each) for each in call.made.shape[max(call.after, APART) + 1 :]]
    if call.after == APART:
        shape[0] //= call.batch or 1
    if not shape or 0 in shape:
        return None
    return TYPES["flatten"]() if len(shape) == 1 else TYPES["reshape"](shape=shape)


def _concat(call: Call) -> Layer | tuple[Layer, ...] | None:
    """Values one after another; a cache has none at the first pass, and adds none."""
    tensors = [each for each in call.given["tensors"] if each.numel()]
    if len(tensors) == 1:
        return ()
    rank = call.made.dim()
    axis = without(call.given["dim"] % rank, call.after)
    alike = all(id(each) in call.fitted or call.place_of(each) == call.after for each in tensors)
    return TYPES["concat"](dim=axis) if alike else None


READINGS: Final[tuple[tuple[str, Reading], ...]] = (
    ("permute", _permute),
    ("transpose swapaxes swapdims t T mT mH", _transpose),
    ("getitem", _index),
    ("narrow", _narrow),
    ("slice", _cut),
    ("select", _select),
    ("split chunk split_with_sizes tensor_split unsafe_split unsafe_chunk", _parts),
    ("squeeze", _squeeze),
    ("unsqueeze", _unsqueeze),
    ("unbind", _unbind),
    ("stack", _stack),
    ("expand expand_as broadcast_to", _expand),
    ("repeat tile", _repeat),
    ("roll", _rolled),
    ("mean", _reduced("mean")),
    ("sum", _reduced("sum")),
    ("amax max", _reduced("max")),
    ("amin min", _reduced("min")),
    ("logsumexp", _reduced("logsumexp")),
    ("var", _reduced("var")),
    ("std", _reduced("std")),
    ("normalize", _normalize),
    ("flatten view reshape unflatten view_as reshape_as", _reshaped),
    ("cat concat concatenate", _concat),
)
"""Functions by name, and what makes layers of a call."""

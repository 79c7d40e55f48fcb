"""Where the batch may be in what a module is called with: in front, or behind time, as its layers take it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

from torch import Tensor

from archscope.tracing.inputs import Call, Given

_MOST: Final = 4
"""Tensors of a call of which it is tried where each has its batch."""


def elsewhere(call: Call) -> Iterator[Call]:
    """The call with its batch in other places: the same one in all tensors first, then some in front and some behind.

    Of tensors whose extents are said as a whole, some may have none.

    >>> [(each.args[0].axis, each.args[1].axis) for each in elsewhere(Call((Given((5, 8)), Given((2, 6)))))]
    [(1, 1), (1, 0), (0, 1)]
    """
    said: list[Any] = []
    call.mapped(said.append)
    tensors = [each for each in said if isinstance(each, (Tensor, Given))]
    if not tensors or len(tensors) > _MOST:
        return
    every = product((1, 0, None) if call.whole else (1, 0), repeat=len(tensors))
    for axes in sorted(every, key=lambda axes: (axes.count(None), len({*axes}), -axes.count(1))):
        moved = _moved(call, tensors, axes) if 1 in axes else None
        if moved is not None:
            yield moved


def _moved(call: Call, tensors: Sequence[Tensor | Given], axes: Sequence[int | None]) -> Call | None:
    """The call with its batch at these axes; None where tensors have no such axes, or other numbers of samples."""
    batches: set[int] = set()
    described: list[Given] = []
    for each, axis in zip(tensors, axes, strict=True):
        if isinstance(each, Given) and (axis is None or (each.batched is False and not call.whole)):
            if axis:
                return None
            described.append(_one(each, call.batch))
            continue
        if axis is None:
            return None
        extents = _extents(each, call, axis)
        if axis >= len(extents):
            return None
        batches.add(extents[axis])
        if isinstance(each, Given):
            described.append(each.replace(shape=(*extents[:axis], *extents[axis + 1 :]), batched=True, axis=axis))
    if len(batches) != 1:
        return None
    left = iter(described)
    args, kwargs = call.mapped(lambda value: next(left) if isinstance(value, Given) else value)
    there = tuple(axis or 0 for each, axis in zip(tensors, axes, strict=True) if isinstance(each, Tensor))
    return call.replace(args=args, kwargs=kwargs, batch=batches.pop() if described else call.batch, axes=there)


def _extents(tensor: Tensor | Given, call: Call, axis: int) -> tuple[int, ...]:
    """The extents of a tensor with its batch, which those that are described have where it is asked for."""
    if isinstance(tensor, Tensor):
        return tuple(tensor.shape)
    if call.whole:
        return _one(tensor, call.batch).shape
    return tensor.replace(axis=axis).whole(call.batch) if axis <= len(tensor.shape) else ()


def unbatched(call: Call) -> Call:
    """The call of which no tensor has a batch axis: what is described is one sample as a whole."""
    args, kwargs = call.mapped(lambda value: _one(value, call.batch) if isinstance(value, Given) else value)
    return call.replace(args=args, kwargs=kwargs, batch=1, axes=())


def _one(given: Given, batch: int) -> Given:
    """So many samples that are described, as one."""
    return given if given.batched is False else given.replace(shape=given.whole(batch), batched=False, axis=0)


__all__ = ["elsewhere", "unbatched"]

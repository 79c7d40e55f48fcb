"""Tensors that carry no batch axis: each is one sample's, and code for one sample runs on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor

from archscope.tracing.inputs import Call, Given

_CONVOLUTION: Final = re.compile(r"conv(?:_transpose)?([123])d")
_SEQUENCES: Final = frozenset({"lstm", "gru", "rnn", "multiheadattention"})
_PICTURE: Final = 3
"""Axes of a picture: channels, rows and columns."""


def told(name: str, rank: int, place: int, most: int) -> bool | None:
    """Whether a layer says that there is no batch axis, or that there is one; None if it says nothing.

    A layer that takes one sample, or takes the axis for its channels, says that there is none.

    Args:
        name: the layer's function or module.
        rank: the axes of what it is given.
        place: the axis that is taken for the batch's.
        most: the axes of the input that has most.

    >>> told("conv2d", 3, 0, 3), told("conv2d", 4, 0, 4), told("conv2d", 4, 1, 3), told("relu", 3, 0, 3)
    (True, False, True, None)
    """
    found = _CONVOLUTION.fullmatch(name)
    channels = rank - 1 - int(found[1]) if found else 1 if name == "batch_norm" else None
    if channels is not None:
        return True if place == channels else False if 0 <= place < channels else None
    if name in _SEQUENCES and place >= 0:
        return rank == 2
    return True if name == "linear" and rank == most == 1 and place == 0 else None


def samples_in(call: Call) -> int:
    """How many samples tensors without a batch axis are: as many as lie in each list, if those are alike.

    >>> samples_in(Call(([Given((3, 8, 8)), Given((3, 8, 10))],))), samples_in(Call((Given((3, 8, 8)),)))
    (2, 1)
    """
    lists = _lists(call)
    sizes = {len(each) for each in lists}
    return sizes.pop() if len(sizes) == 1 and all(map(_are_alike, lists)) else 1


def are_listed(call: Call) -> bool:
    """Whether all that a call consists of are tensors in lists."""
    return bool(_lists(call))


def are_pictures(call: Call) -> bool:
    """Whether it may be that each tensor in a list is a picture, which layers see in batches alone."""
    lists = _lists(call)
    return bool(lists) and all(isinstance(each, Tensor) and each.dim() == _PICTURE for every in lists for each in every)


def _lists(call: Call) -> list[Sequence[Any]]:
    """The lists that a call consists of; none if there is a tensor outside of them."""
    values = (*call.args, *call.kwargs.values())
    lists = [each for each in values if type(each) in (list, tuple) and each]
    inside = all(isinstance(each, (Tensor, Given)) for every in lists for each in every)
    outside: list[Any] = []
    beside = Call(tuple(each for each in values if not any(each is every for every in lists)))
    beside.mapped(outside.append)
    return lists if inside and not any(isinstance(each, (Tensor, Given)) for each in outside) else []


def _are_alike(tensors: Sequence[Any]) -> bool:
    """Whether tensors may be samples of one kind: as many axes, and channels or features in common."""
    shapes = [_shape(each) for each in tensors]
    ranks = {len(shape) for shape in shapes}
    if len(ranks) > 1 or ranks == {0}:
        return False
    ends = (-1,) if ranks == {2} else (0, -1) if ranks == {1} else (0,)
    return all(len({shape[end] for shape in shapes}) == 1 for end in ends)


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(tensor.shape)

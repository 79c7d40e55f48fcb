"""Where the batch axis of a tensor is, after functions have moved axes about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

APART: Final = -1
"""The place of a batch that has no axis of its own: there is none, or it is the outer part of the first axis."""

LOST: Final = -2
"""Where nobody knows where the batch went."""

WITHOUT: Final = -3
"""There is no batch axis: it is one sample's, taken out of the batch, or of all of them at once."""

Axes = Sequence[int]


def moved(name: str, given: Mapping[str, Any], place: int, before: Axes, after: Axes, batch: int) -> int:
    """Where the batch axis is after a call, of which ``place`` is where it was.

    A function that is not known to move axes leaves them where they are, counted from the end if there are more.

    >>> moved("permute", {"dims": (2, 0, 1)}, 0, (5, 3, 4), (4, 5, 3), 5)
    1
    >>> moved("reshape", {}, 0, (5, 3, 4), (15, 4), 5), moved("reshape", {}, -1, (15, 4), (5, 3, 4), 5)
    (-1, 0)
    >>> moved("select", {"dim": 0}, 0, (5, 3), (3,), 5)
    -3
    """
    if place == LOST:
        return LOST
    if place == WITHOUT:
        return _entered(name, given, before, after, batch)
    own = before[place] if 0 <= place < len(before) else batch  # one sample may be a batch of its own
    if name in _RESHAPES:
        return _reshaped(place, before, after, own)
    start = max(place, 0)
    try:
        found = _MOVES[name](given, start, before, after) if name in _MOVES else _stayed(start, before, after)
    except (IndexError, KeyError, TypeError, ValueError):  # arguments of a form that nobody foresaw
        return LOST
    if found == WITHOUT:
        return WITHOUT
    if place == APART:
        back = name in _PARTS and after and after[0] == batch
        return 0 if back else APART if found == 0 else LOST
    if name in _JOINING and 0 == found < len(after) and after[0] != batch and after[0] % batch == 0:
        return APART
    fits = 0 <= found < len(after) and (after[found] in (own, batch) or name in _PARTS)
    return found if fits else LOST


def is_doubtful(name: str, place: int, found: int, before: Axes, after: Axes, batch: int) -> bool:
    """Whether another axis may be that of the batch, for all that the shapes and the function's name say.

    >>> is_doubtful("movedim", 0, 0, (1, 1, 4), (1, 4, 1), 1), is_doubtful("relu", 0, 0, (1, 1, 4), (1, 1, 4), 1)
    (True, False)
    """
    if found == LOST:
        return True
    if name in _RESHAPES:
        front = math.prod(before[: max(place, 0)])
        return sum(extent == batch and math.prod(after[:axis]) == front for axis, extent in enumerate(after)) > 1
    known = name in _MOVES or name in _PARTS or name in _JOINING or name in _KEEPING
    return found >= 0 and not known and tuple(before) != tuple(after) and list(after).count(batch) > 1


def is_torn(name: str, place: int, found: int, after: Axes, batch: int) -> bool:
    """Whether a call takes some of several samples out, as code does with steps that it takes one after another.

    >>> is_torn("select", 0, WITHOUT, (8,), 5), is_torn("getitem", 0, 0, (1, 8), 5), is_torn("relu", 0, 0, (5, 8), 5)
    (True, True, False)
    """
    if batch < 2 or place < 0 or name not in _PARTS | {"select", "unbind"}:
        return False
    return found == WITHOUT or (0 <= found < len(after) and after[found] != batch)


def is_numbered(name: str, given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> bool:
    """Whether a call takes samples by their numbers, be it all that there are, or leaves one of all of them.

    >>> is_numbered("getitem", {"index": (slice(None), 0)}, 1, (4, 1, 8), (4, 8))
    True
    >>> is_numbered("select", {"dim": -1}, 1, (4, 1), (4,)), is_numbered("chunk", {"dim": 1}, 0, (1, 4, 8), (1, 2, 8))
    (True, False)
    >>> is_numbered("getitem", {"index": (slice(None), slice(1, None))}, 0, (1, 4, 8), (1, 3, 8))
    False
    >>> is_numbered("sum", {"dim": (0, 1)}, 0, (1, 4, 8), (1, 1, 8)), is_numbered("sum", {"dim": 0}, 0, (1, 8), (8,))
    (True, False)
    """
    if not 0 <= place < len(before):
        return False
    if name in _TAKING or (name in _SUMMING and len(after) == len(before)):
        return place in _named(given["dim"], len(before))
    steps = index_steps(given["index"], before) if name == "getitem" else None
    return any(axis == place and each != slice(None) for axis, each in steps or ())


def is_squeezed(name: str, given: Mapping[str, Any], place: int, before: Axes) -> bool:
    """Whether a call takes the axis of the batch away, which it does of one sample alone.

    >>> is_squeezed("squeeze", {"dim": None}, 0, (1, 8)), is_squeezed("squeeze", {"dim": -1}, 0, (1, 8, 1))
    (True, False)
    """
    if name != "squeeze" or not 0 <= place < len(before) or before[place] != 1:
        return False
    return given["dim"] is None or place in _named(given["dim"], len(before))


def _named(dim: Any, rank: int) -> list[int]:
    """The axes that an argument names; none where it names them in a way that nobody foresaw."""
    dims = dim if isinstance(dim, (tuple, list)) else [dim]
    return [each % rank for each in dims if isinstance(each, int) and not isinstance(each, bool)]


def is_across(name: str, given: Mapping[str, Any], rank: int, places: Sequence[int]) -> bool:
    """Whether a call weighs or compares samples with each other; ``places`` are the batch axes of what it reads.

    >>> is_across("softmax", {"dim": -1}, 3, [2]), is_across("scaled_dot_product_attention", {}, 4, [2, 2, 2])
    (True, True)
    >>> is_across("matmul", {}, 4, [2, 3]), is_across("matmul", {}, 4, [0, 0])
    (True, False)
    """
    if rank < _SCORES:
        return False
    if name == "softmax":
        return isinstance(given.get("dim"), int) and 0 < places[0] == given["dim"] % rank
    if name == "scaled_dot_product_attention":
        return places[0] == rank - 2
    return name in ("matmul", "bmm") and list(places) == [rank - 2, rank - 1]


def recurs(name: str) -> bool:
    """Whether a function runs a recurrence over a sequence.

    >>> recurs("lstm"), recurs("lstm_cell")
    (True, False)
    """
    return name in ("lstm", "gru", "rnn_tanh", "rnn_relu")


def seen_twice(one: Axes, other: Axes, batch: int, others: int) -> int:
    """Where the batch axis is in what two runs made, of so many samples each: the axis that is as long as the batch.

    >>> seen_twice((1, 1, 4), (1, 2, 4), 1, 2), seen_twice((3, 4), (6, 4), 1, 2), seen_twice((3, 4), (3, 4), 1, 2)
    (1, -1, -3)
    """
    if len(one) != len(other):
        return LOST
    changed = [axis for axis, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs]
    if not changed:
        return WITHOUT
    if len(changed) > 1:
        return LOST
    (axis,) = changed
    if (one[axis], other[axis]) == (batch, others):
        return axis
    return APART if axis == 0 and one[0] * others == other[0] * batch else LOST


def _entered(name: str, given: Mapping[str, Any], before: Axes, after: Axes, batch: int) -> int:
    """Samples that were taken out of the batch come together again, or one is a batch of its own."""
    dim = given.get("dim")
    if name == "stack" and len(given["tensors"]) == batch:
        return int(dim or 0) % len(after)
    if name in _ROOM and len(after) == len(before) + 1 and after[0] == batch:
        return 0
    if name == "pad_sequence":  # its second argument says whether the batch comes first
        return 0 if dim else 1
    if name == "unsqueeze" and dim in (0, -len(after)):
        return 0
    if name == "getitem":
        index = given["index"]
        return 0 if index is None or (isinstance(index, tuple) and index[:1] == (None,)) else WITHOUT
    return WITHOUT


def _stayed(place: int, before: Axes, after: Axes) -> int:
    return place if len(before) == len(after) else place + len(after) - len(before)


def _in_front(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    """New axes come behind the others."""
    return place


def _permuted(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    dims: list[int] = [int(dim) % len(before) for dim in given["dims"]]
    return dims.index(place)


def _exchanged(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    one, other = (given[name] % len(before) for name in ("dim0", "dim1"))
    exchanged: dict[int, int] = {one: other, other: one}
    return exchanged.get(place, place)


def _more(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    return place + (int(given["dim"]) % len(after) <= place)


def _fewer(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:
    """After axes went away, or became one value each: those of a reduction or a selection."""
    if hasattr(given["dim"], "shape"):  # the larger of two
        return _stayed(place, before, after)
    dims = given["dim"] if isinstance(given["dim"], (tuple, list)) else [given["dim"]]
    if None in dims:
        return WITHOUT
    gone = [dim % len(before) for dim in dims]
    if len(before) == len(after):
        return WITHOUT if place in gone and before[place] != 1 else place
    return WITHOUT if place in gone else place - sum(axis < place for axis in gone)


def _squeezed(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    """After axes of one value went away, all of them or those that were named."""
    dims = given["dim"] if isinstance(given["dim"], (tuple, list)) else [given["dim"]]
    named = range(len(before)) if None in dims else [dim % len(before) for dim in dims]
    gone = [axis for axis in named if before[axis] == 1]
    return WITHOUT if place in gone else place - sum(axis < place for axis in gone)


def _summed(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    """A product sums up the last axis."""
    return WITHOUT if place == len(before) - 1 else place


def _reshaped(place: int, before: Axes, after: Axes, batch: int) -> int:
    """The values stay in order, so as many of them lie in front of the batch as did before."""
    front = math.prod(before[: max(place, 0)])
    for axis, extent in enumerate(after):
        if math.prod(after[:axis]) == front and extent == batch:
            return axis
    return APART if front == 1 and after and after[0] % batch == 0 else LOST


def _indexed(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    steps = index_steps(given["index"], before)
    made = 0
    for axis, each in steps or ():
        if axis == place:
            return made if isinstance(each, slice) else WITHOUT
        made += not isinstance(each, int)
    return LOST


def index_steps(index: Any, shape: Axes) -> list[tuple[int | None, Any]] | None:
    """What an index does, axis by axis: a whole number, a slice, or None for a new axis; None if it does more.

    >>> index_steps((Ellipsis, None, -1), (5, 3, 8))
    [(0, slice(None, None, None)), (1, slice(None, None, None)), (None, None), (2, -1)]
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    named = sum(each is not None and each is not Ellipsis for each in parts)
    places = [place for place, each in enumerate(parts) if each is Ellipsis]
    at = places[0] if places else len(parts)
    parts[at : at + 1] = [slice(None)] * (len(shape) - named)
    steps: list[tuple[int | None, Any]] = []
    axis = 0
    for each in parts:
        if each is None:
            steps.append((None, None))
            continue
        if isinstance(each, bool) or not isinstance(each, (int, slice)):
            return None
        steps.append((axis, each))
        axis += 1
    return steps


_SCORES: Final = 3
"""Axes of scores with their batch, or with their heads."""

_PARTS: Final = frozenset({
    "getitem", "narrow", "slice", "split", "split_with_sizes", "unsafe_split", "chunk", "tensor_split",
})  # fmt: skip
"""Functions that take a part of an axis, be it of the samples."""

_TAKING: Final = (_PARTS - {"getitem", "slice"}) | {"select", "unbind", "index_select"}
"""Functions that take positions along an axis that is named."""

_SUMMING: Final = frozenset({"sum", "mean", "amax", "amin", "max", "min", "logsumexp", "std", "var", "prod"})
"""Functions that leave one value of an axis that is named."""

_ROOM: Final = frozenset({"new_full", "new_zeros", "new_ones", "new_empty"})
"""Functions that make the memory that samples are written into."""

_JOINING: Final = frozenset({"cat", "concat", "concatenate", "repeat", "tile", "repeat_interleave"})
"""Functions after which an axis may have every sample several times."""

_KEEPING: Final = frozenset({
    "add", "sub", "mul", "div", "truediv", "pow", "where", "masked_fill", "matmul", "bmm", "expand", "expand_as", "pad",
    "interpolate", "upsample", "softmax", "log_softmax", "scaled_dot_product_attention", "layer_norm", "batch_norm",
    "maximum", "minimum", "normalize", "group_norm", "instance_norm", "rms_norm", "glu", "prelu", "pixel_shuffle",
    "pixel_unshuffle", "bilinear",
    *(f"{kind}{axes}d" for axes in (1, 2, 3) for kind in ("conv", "conv_transpose", "max_pool", "avg_pool",
                                                         "adaptive_avg_pool", "adaptive_max_pool")),
})  # fmt: skip
"""Functions that change extents and leave the axes in their order, counted from the end."""

_RESHAPES: Final = frozenset({"view", "reshape", "view_as", "reshape_as", "unflatten", "flatten"})
_MOVES: Final[Mapping[str, Callable[[Mapping[str, Any], int, Axes, Axes], int]]] = MappingProxyType({
    "permute": _permuted,
    **dict.fromkeys(("embedding", "one_hot", "unfold", "rfft"), _in_front),
    "getitem": _indexed,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "t", "T", "mT", "mH"), _exchanged),
    **dict.fromkeys(("unsqueeze", "stack"), _more),
    "linear": _summed,
    "squeeze": _squeezed,
    **dict.fromkeys(("select", "unbind", "mean", "sum", "max", "amax", "argmax", "min", "amin", "std", "var",
                     "norm", "logsumexp", "prod"), _fewer),
})  # fmt: skip
"""Functions that move axes, by their plain names."""

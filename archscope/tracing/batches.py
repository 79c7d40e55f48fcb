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

Axes = Sequence[int]


def moved(name: str, given: Mapping[str, Any], place: int, before: Axes, after: Axes, batch: int) -> int:
    """Where the batch axis is after a call, of which ``place`` is where it was.

    A function that is not known to move axes leaves them where they are, counted from the end if there are more.

    >>> moved("permute", {"dims": (2, 0, 1)}, 0, (5, 3, 4), (4, 5, 3), 5)
    1
    >>> moved("reshape", {}, 0, (5, 3, 4), (15, 4), 5), moved("reshape", {}, -1, (15, 4), (5, 3, 4), 5)
    (-1, 0)
    """
    if place == LOST:
        return LOST
    if name in _RESHAPES:
        return _reshaped(place, before, after, batch)
    start = max(place, 0)
    try:
        found = _MOVES[name](given, start, before, after) if name in _MOVES else _stayed(start, before, after)
    except (IndexError, KeyError, TypeError, ValueError):  # arguments of a form that nobody foresaw
        return LOST
    if place == APART:
        return APART if found == 0 else LOST
    return found if 0 <= found < len(after) and after[found] == batch else LOST


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
    """After axes went away: those of a reduction or a selection, or axes of one value."""
    if len(before) == len(after):
        return place
    dims = given["dim"] if isinstance(given["dim"], (tuple, list)) else [given["dim"]]
    gone = [] if None in dims else [dim % len(before) for dim in dims]
    gone = [axis for axis in gone if len(before) - len(after) == len(gone) or before[axis] == 1]
    return LOST if place in gone or None in dims else place - sum(axis < place for axis in gone)


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
            return made if isinstance(each, slice) else LOST
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


_RESHAPES: Final = frozenset({"view", "reshape", "view_as", "reshape_as", "unflatten", "flatten"})
_MOVES: Final[Mapping[str, Callable[[Mapping[str, Any], int, Axes, Axes], int]]] = MappingProxyType({
    "permute": _permuted,
    **dict.fromkeys(("embedding", "one_hot", "unfold", "rfft"), _in_front),
    "getitem": _indexed,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "t", "T", "mT", "mH"), _exchanged),
    **dict.fromkeys(("unsqueeze", "stack"), _more),
    **dict.fromkeys(("squeeze", "select", "unbind", "mean", "sum", "max", "amax", "argmax", "min", "amin", "std", "var",
                     "norm", "logsumexp", "prod"), _fewer),
})  # fmt: skip
"""Functions that move axes, by their plain names."""

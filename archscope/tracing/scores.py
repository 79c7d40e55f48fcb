"""What attention is given beside its inputs, from the values: which bias by distance, which mask it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product as every
from typing import Any, Final

import torch
from torch import Tensor

from archscope.building.offsets import bucket_of, regions, rows_of_window
from archscope.errors import Rejects
from archscope.layers import AttentionMask, RelativePositionBias

_HIDDEN: Final = -100
"""What Swin adds where nothing is to be seen; others add more."""

_DISTANCES: Final = (128, *(1 << power for power in range(2, 13)), *range(20, 1020, 20))
"""From which distance on all are in one bucket: first what T5 has, then what others may."""

_MOST_AXES: Final = 3
_MOST: Final = 1 << 24
"""Values that are looked at one by one."""


def bias_of(rows: Tensor, heads: int, held: int) -> RelativePositionBias | None:
    """The bias that looks up these rows, of ``(queries, keys)``, in a table that holds so many; None if it is no such.

    >>> bias_of(torch.tensor([[1, 0], [2, 1]]), 4, 3)
    RelativePositionBias(num_heads=4, window=(2,))
    """
    if rows.dim() != 2 or not 0 < rows.numel() <= _MOST:
        return None
    return next((each for each in _biases(rows, heads, held)), None)


def _biases(rows: Tensor, heads: int, held: int) -> Iterator[RelativePositionBias]:
    queries, keys = rows.shape
    if queries == keys:
        for token in (False, True):
            for window in _windows(queries - token, held - 3 * token):
                if rows_of_window(window, class_token=token) == rows.flatten().tolist():
                    yield RelativePositionBias(num_heads=heads, window=window, class_token=token)
    apart = rows[:, 0].flip(0).tolist() + rows[0, 1:].tolist()  # by how much later the key is, from 1 − queries on
    places = torch.arange(keys)[None] - torch.arange(queries)[:, None] + queries - 1
    if torch.equal(torch.tensor(apart)[places], rows):
        yield from _buckets(apart, heads, held, queries, keys)


def _buckets(apart: list[int], heads: int, held: int, queries: int, keys: int) -> Iterator[RelativePositionBias]:
    several: dict[str, Any] = {} if queries == keys else {"key_length": keys}
    for both, distance in every((False, True), _DISTANCES):
        try:
            layer = RelativePositionBias(
                num_heads=heads, num_buckets=held, max_distance=distance, bidirectional=both, length=queries, **several
            )
        except Rejects:
            continue
        if all(bucket_of(at + 1 - queries, held, distance, both=both) == row for at, row in enumerate(apart)):
            yield layer


def _windows(positions: int, offsets: int) -> Iterator[tuple[int, ...]]:
    """Windows of so many positions and of so many offsets, few axes first."""
    for axes in range(1, _MOST_AXES + 1):
        for window in _factors(positions, axes):
            if math.prod(2 * extent - 1 for extent in window) == offsets and (axes == 1 or 1 not in window):
                yield window


def _factors(number: int, axes: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a number as a product of so many, those of equal factors first."""
    if axes == 1:
        yield (number,)
        return
    found = [(first, *rest) for first in range(1, number + 1) if number % first == 0
             for rest in _factors(number // first, axes - 1)]  # fmt: skip
    yield from sorted(found, key=lambda each: max(each) - min(each))


def mask_of(values: Tensor) -> AttentionMask | None:
    """The mask that has these values, with axes of one value in front or not; None if it is no such.

    True values of a mask of yes and no are what is seen.

    >>> mask_of(torch.ones(1, 5, 5).tril().triu(-1).bool())
    AttentionMask(length=5, causal=True, sliding_window=2)
    """
    if not 0 < values.numel() <= _MOST or values.dim() < 2:
        return None
    shape = list(values.shape)
    while len(shape) > 2 and shape[0] == 1:
        del shape[0]
    if len(shape) == 4 and shape[1] == 1:  # a mask for every window, the same for its heads
        del shape[1]
    plain = values.reshape(shape)
    hidden = ~plain if plain.dtype == torch.bool else plain <= _HIDDEN
    if plain.dtype != torch.bool and (not plain.is_floating_point() or bool(((plain != 0) & ~hidden).any())):
        return None
    if not hidden.any():
        return None
    return _of_distance(hidden) if len(shape) == 2 else _of_windows(hidden) if len(shape) == 3 else None


def _of_distance(hidden: Tensor) -> AttentionMask | None:
    """The mask of what lies so far apart; nothing here takes more memory than a byte for each pair."""
    queries, keys = hidden.shape
    some = (~hidden).any(1)
    if not some.any():
        return None
    numbers = hidden.to(torch.uint8)
    first, last = numbers.argmin(1), keys - 1 - numbers.flip(1).argmin(1)
    ahead, back = (int(each[some].max()) for each in (last - torch.arange(queries), torch.arange(queries) - first))
    several: dict[str, Any] = {} if queries == keys else {"key_length": keys}
    if (
        not torch.equal(~hidden, torch.ones_like(hidden).tril_(ahead).triu_(-back))
        or (ahead and ahead != back)
        or ahead < 0
    ):
        return None
    window = None if back == queries - 1 and not ahead else back + 1
    try:
        return AttentionMask(length=queries, **several, causal=not ahead, sliding_window=window)
    except Rejects:
        return None


def _of_windows(hidden: Tensor) -> AttentionMask | None:
    many, positions, keys = hidden.shape
    if positions != keys or bool(torch.diagonal(hidden, dim1=1, dim2=2).any()):
        return None
    return next(_shifted(hidden, many, positions), None)


def _shifted(hidden: Tensor, many: int, positions: int) -> Iterator[AttentionMask]:
    for axes in range(1, _MOST_AXES + 1):
        for window, windows in every(_factors(positions, axes), _factors(many, axes)):
            if axes > 1 and 1 in window:
                continue
            for shift in _shifts(window, windows):
                grid = tuple(size * times for size, times in zip(window, windows, strict=True))
                region = torch.tensor(regions(grid, window, shift))
                if torch.equal(region[:, None, :] != region[:, :, None], hidden):
                    yield AttentionMask(grid=grid, window=window, shift=shift)


def _shifts(window: Sequence[int], windows: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """How far a grid may have been moved: half a window as a rule, not at all where one window spans it."""
    half = tuple(size // 2 for size in window)
    where_several = tuple(moved if times > 1 else 0 for moved, times in zip(half, windows, strict=True))
    yield from {half: None, where_several: None} if any(where_several) else [half] if any(half) else ()

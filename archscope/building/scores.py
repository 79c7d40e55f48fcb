"""Modules for what attention adds to its scores: relative positions and masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any, Self

import torch
from torch import Tensor, nn

from archscope.building.functions import Typed


def rows_of_window(window: Sequence[int], *, class_token: bool = False) -> list[int]:
    """The row of a table of offsets for every query and key of a window, key after key.

    >>> rows_of_window([2]), rows_of_window([2], class_token=True)
    ([1, 0, 2, 1], [5, 3, 3, 4, 1, 0, 4, 2, 1])
    """
    places = list(product(*map(range, window)))
    rows = [[_offset(query, key, window) for key in places] for query in places]
    if class_token:
        table = math.prod(2 * extent - 1 for extent in window)
        rows = [[table + 2] + [table] * len(places), *([table + 1, *row] for row in rows)]
    return [row for query in rows for row in query]


def _offset(query: Sequence[int], key: Sequence[int], window: Sequence[int]) -> int:
    row = 0
    for mine, theirs, extent in zip(query, key, window, strict=True):
        row = row * (2 * extent - 1) + mine - theirs + extent - 1
    return row


def rows_of_distances(queries: int, keys: int, buckets: int, most: int = 128, *, both: bool = True) -> list[int]:
    """The row of a table of distances for every query and key, key after key: the bucket that T5 puts them in.

    >>> rows_of_distances(3, 3, 4, 2)
    [0, 3, 3, 1, 0, 3, 1, 1, 0]
    """
    bucket = {apart: bucket_of(apart, buckets, most, both=both) for apart in range(1 - queries, keys)}
    return [bucket[key - query] for query in range(queries) for key in range(keys)]


def bucket_of(apart: int, buckets: int, most: int, *, both: bool) -> int:
    """The bucket of one distance: near ones each by itself, far ones in buckets that are wider by the same factor."""
    many = buckets // 2 if both else buckets
    exact = many // 2
    first = many if both and apart > 0 else 0
    distance = abs(apart) if both else max(0, -apart)
    if distance < exact:
        return first + distance
    ratio: float = most / exact
    far: Iterator[float] = (exact * ratio ** (place / (many - exact)) for place in range(1, many - exact))
    return first + exact + sum(1 for each in far if distance >= each)


def regions(grid: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> list[list[int]]:
    """For each window of a shifted grid, which part of the grid each of its positions was in before.

    >>> regions([4], [2], [1])
    [[0, 0], [1, 2]]
    """
    found = []
    for corner in product(*(range(0, extent, size) for extent, size in zip(grid, window, strict=True))):
        inside = product(*(range(at, at + size) for at, size in zip(corner, window, strict=True)))
        found.append([_region(place, grid, window, shift) for place in inside])
    return found


def _region(place: Sequence[int], grid: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> int:
    region = 0
    for at, extent, size, moved in zip(place, grid, window, shift, strict=True):
        region = region * 3 + (moved > 0) * ((at >= extent - size) + (at >= extent - moved))
    return region


class RelativePositionBias(Typed):
    """A learned value for each head and distance, the same for every sample; starts as small normal values.

    >>> RelativePositionBias(num_heads=3, window=(7, 7))(5).shape
    torch.Size([5, 3, 49, 49])
    """

    layer_type = "relative_position_bias"

    def __init__(
        self,
        *,
        num_heads: int,
        window: tuple[int, ...] | None = None,
        class_token: bool = False,
        num_buckets: int | None = None,
        max_distance: int = 128,
        bidirectional: bool = True,
        length: int | None = None,
        key_length: int | None = None,
    ) -> None:
        told: dict[str, Any] = {"window": window, "class_token": class_token}
        if window is None:
            told = {"num_buckets": num_buckets, "max_distance": max_distance, "bidirectional": bidirectional,
                    "length": length, "key_length": key_length}  # fmt: skip
        super().__init__(num_heads=num_heads, **told)
        if window is not None:
            held = math.prod(2 * extent - 1 for extent in window) + 3 * class_token
            queries = keys = math.prod(window) + class_token
            self._rows = rows_of_window(window, class_token=class_token)
        else:
            held, queries, keys = num_buckets or 0, length or 0, key_length or length or 0
            self._rows = rows_of_distances(queries, keys, held, max_distance, both=bidirectional)
        self.lengths = queries, keys
        self.weight = nn.Parameter(torch.empty(held, num_heads))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, batch: int = 1) -> Tensor:
        looked_up = self.weight[self._rows]
        bias = looked_up.view(*self.lengths, -1).permute(2, 0, 1)
        return bias.expand(batch, *bias.shape)


class AttentionMask(Typed):
    """What may not be seen, as −∞ among zeros, in the type of the module's values.

    >>> AttentionMask(length=3, causal=True)(1)
    tensor([[[0., -inf, -inf],
             [0., 0., -inf],
             [0., 0., 0.]]])
    """

    layer_type = "attention_mask"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        length, key_length = options.get("length"), options.get("key_length")
        self.lengths = length or 0, key_length or length or 0
        self.causal: bool = options.get("causal", False)
        self.sliding_window: int | None = options.get("sliding_window")
        shifted = [options.get(name) for name in ("grid", "window", "shift")]
        self._regions = None if None in shifted else regions(*shifted)  # type: ignore[arg-type]
        self.like = torch.empty(0)  # says where its values are, and of which type

    def forward(self, batch: int = 1) -> Tensor:
        hidden = self._by_distance() if self._regions is None else self._by_windows(self._regions)
        mask = self.like.new_zeros(hidden.shape).masked_fill(hidden, float("-inf"))
        return mask.expand(batch, *mask.shape)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Go where the module goes, though there is no buffer to go along."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.like = fn(self.like)
        return self

    def _by_distance(self) -> Tensor:
        queries, keys = (torch.arange(length, device=self.like.device) for length in self.lengths)
        apart = queries[:, None] - keys
        if self.sliding_window is None:
            return apart < 0
        if not self.causal:
            return apart.abs() >= self.sliding_window
        return (apart < 0) | (apart >= self.sliding_window)

    def _by_windows(self, regions: list[list[int]]) -> Tensor:
        region = torch.tensor(regions, device=self.like.device)
        return region[:, None, :] != region[:, :, None]

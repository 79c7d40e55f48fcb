"""Where a query and a key stand to one another: rows of tables of relative positions, parts of a shifted grid.

Importing this needs no PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product


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

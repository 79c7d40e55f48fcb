"""`Front`: the networks that no other one beats in both of two quantities, found while the rows go by.

>>> front = Front()
>>> for name, x, y in (("a", 3, 3), ("b", 1, 5), ("c", 2, 2), ("d", 2, 2), ("e", 9, 9)):
...     front.add(name, x, y)
>>> [*front]
['b', 'c', 'd']
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from archscope.errors import UsageError
from archscope.sweep.ranges import split


class Front:
    """Least is best in both; networks that are equal in both stand beside one another."""

    def __init__(self) -> None:
        self._first: list[float] = []
        self._second: list[float] = []
        self._kept: list[list[Any]] = []

    def add(self, network: Any, first: float, second: float) -> None:
        """Look at one more."""
        at = bisect_left(self._first, first)
        if at < len(self._first) and (self._first[at], self._second[at]) == (first, second):
            self._kept[at].append(network)
            return
        if (at and self._second[at - 1] <= second) or (
            at < len(self._first) and self._first[at] == first and self._second[at] <= second
        ):
            return
        end = at
        while end < len(self._first) and self._second[end] >= second:
            end += 1
        self._first[at:end], self._second[at:end], self._kept[at:end] = [first], [second], [[network]]

    def __iter__(self) -> Iterator[Any]:
        """The networks of the front, the least in the first quantity first."""
        return (network for kept in self._kept for network in kept)


class Sides(NamedTuple):
    """Two quantities, and of which the most is best: ``parameters,units:most``."""

    first: str
    second: str
    signs: tuple[int, int]


def sides(text: str) -> Sides:
    """The two quantities of a front as a person writes them.

    Raises:
        UsageError: there are not two.

    >>> sides("parameters,units:most")
    Sides(first='parameters', second='units', signs=(1, -1))
    """
    parts = [each.rpartition(":") if each.endswith((":most", ":least")) else (each, ":", "least")
             for each in split(text)]  # fmt: skip
    names = [name.strip() for name, _, _ in parts]
    if len(parts) != 2 or not all(names) or names[0] == names[1]:
        raise UsageError(f"`--front {text}`: a front is of two quantities, such as parameters,macs; `units:most` where "
                         "more is better")  # fmt: skip
    return Sides(names[0], names[1], (*(-1 if word == "most" else 1 for _, _, word in parts),))  # type: ignore[arg-type]

"""The values of one setting as a person writes them: ``0..4``, ``128..512:32``, ``64..1024*2``, ``relu,tanh``.

>>> list(values("0..3")), list(values("18,34,50")), list(values("8..64*2"))
(['0', '1', '2', '3'], ['18', '34', '50'], ['8', '16', '32', '64'])
>>> list(values("[1, 1],[2, 2]"))
['[1, 1]', '[2, 2]']
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, overload

from archscope.errors import UsageError

MOST_POINTS: Final = 10**10
"""So many points are no sweep: at ten thousand a second they take eleven days."""

_RANGE: Final = re.compile(
    r"(?P<first>-?\d[\d_]*)?\s*\.\.\s*(?P<last>-?\d[\d_]*)?\s*(?:(?P<sign>[:*])\s*(?P<step>\S*))?"
)
_LONGEST: Final = 15
_CLOSING: Final = {"[": "]", "{": "}", "(": ")"}


class Values(Sequence[str]):
    """Values one after another, those of a range worked out when they are asked for."""

    def __init__(self, parts: Sequence[Sequence[int] | Sequence[str]]) -> None:
        self.parts = tuple(parts)
        self._ends = list(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        part = bisect_right(self._ends, at)
        before = self._ends[part - 1] if part else 0
        return str(self.parts[part][at - before])


def values(text: str, where: str = "") -> Values:
    """The values that a text stands for; ``where`` begins a message, such as ``--set C1.padding=``.

    Raises:
        UsageError: there are none, or a range has no end.
    """
    said = f"`{where}{text}`"
    parts: list[Sequence[int] | Sequence[str]] = []
    for each in split(text):
        found = _RANGE.fullmatch(each)
        parts.append((each,) if found is None else _range(found, said))
        if not each:
            raise UsageError(f"{said}: a value is empty; write values with commas between, or a range such as 0..4")
    made = Values(parts)
    if len(made) > MOST_POINTS:
        raise UsageError(f"{said} has {len(made):,} values, more than a sweep ever gets through; use a larger step")
    return made


def _range(found: re.Match[str], said: str) -> Sequence[int]:
    if found["first"] is None or found["last"] is None:
        end = "an end" if found["last"] is None else "a beginning"
        raise UsageError(f"{said}: a range without {end}; write both, such as 0..4")
    if max(len(found["first"]), len(found["last"])) > _LONGEST:
        raise UsageError(f"{said}: no option is so large")
    first, last = (int(found[each].replace("_", "")) for each in ("first", "last"))
    if last < first:
        raise UsageError(f"{said}: the range {first}..{last} is empty; write the smaller number first")
    if found["sign"] is None:
        return range(first, last + 1)
    step = found["step"]
    if not step.isdecimal() or len(step) > _LONGEST or int(step) < (1 if found["sign"] == ":" else 2):
        least = "1" if found["sign"] == ":" else "2"
        raise UsageError(f"{said}: steps of `{step}` never end; write a whole number from {least} on behind the "
                         f"`{found['sign']}`")  # fmt: skip
    if found["sign"] == ":":
        return range(first, last + 1, int(step))
    if first < 1:
        raise UsageError(f"{said}: {first} stays {first} when it is multiplied; begin at 1 or more")
    grown = [first]
    while grown[-1] * int(step) <= last:
        grown.append(grown[-1] * int(step))
    return grown


def split(text: str) -> list[str]:
    """What stands between commas, those in brackets and in quotes left alone.

    >>> split("[3, 5], 7"), split('"a,b",c')
    (['[3, 5]', '7'], ['"a,b"', 'c'])
    """
    parts, open_, start, quote = [], "", 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in _CLOSING:
            open_ += _CLOSING[letter]
        elif open_ and letter == open_[-1]:
            open_ = open_[:-1]
        elif letter == "," and not open_:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def shapes(text: str, where: str = "") -> tuple[str, ...]:
    """Input shapes: each extent may be a range, and ``=`` is as large as the one before it.

    >>> shapes("3,128..192:32,=")
    ('3,128,128', '3,160,160', '3,192,192')
    >>> len(shapes("3,32..64:32,32..64:32"))
    4

    Raises:
        UsageError: an extent is empty or has no end, or there are too many shapes.
    """
    made: list[tuple[str, ...]] = [()]
    for extent in split(text.strip("[]() ")):
        if extent == "=":
            if not made[0]:
                raise UsageError(f"`{where}{text}`: `=` is as large as the extent before it, and there is none")
            made = [(*each, each[-1]) for each in made]
            continue
        grown = values(extent, where)
        if len(made) * len(grown) > MOST_SHAPES:
            raise UsageError(f"`{where}{text}` are more than {MOST_SHAPES:,} shapes; use larger steps")
        made = [(*each, value) for each in made for value in grown]
    return tuple(",".join(each) for each in made)


MOST_SHAPES: Final = 1_000_000
"""Shapes are held one by one; so many are a few hundred megabytes."""

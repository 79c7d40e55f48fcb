"""`Stored`: what the header of a file of weights says."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from archscope.errors import UsageError
from archscope.escaping import line
from archscope.layers import Shape
from archscope.record import Record

MOST: Final = 1_000_000
"""Tensors of a file: a mixture of many experts has some ten thousand."""
LARGEST: Final = (1 << 63) - 1
"""An extent or a place in a file that such formats can write and mean."""


class Tensor(Record):
    """One tensor of a file.

    Attributes:
        name: what it is called.
        shape: its extents in PyTorch's order; of a quantised one those of what its blocks stand for.
        dtype: the type that it is stored in, by the format's own name.
    """

    name: str
    shape: Shape
    dtype: str

    @property
    def values(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


class Stored(Record):
    """What a file of weights holds, or several that belong together.

    Attributes:
        path: the file that was named.
        format: what it is, in a word or two: ``safetensors``.
        tensors: in the order of the file.
        files: how many files they lie in.
        network: what it says of the network, ``llama``; empty where it says nothing.
        parts: of how many files it says that it is one.
    """

    path: str
    format: str
    tensors: tuple[Tensor, ...]
    files: int = 1
    network: str = ""
    parts: int = 1

    @property
    def values(self) -> int:
        """How many numbers it has in all.

        >>> Stored("w", "safetensors", (Tensor("a", (2, 3), "F32"), Tensor("b", (), "F32"))).values
        7
        """
        return sum(each.values for each in self.tensors)

    @property
    def sentence(self) -> str:
        """What is there, in a few words: ``2 tensors with 7 values``."""
        tensors = f"{len(self.tensors):,} tensor{'' if len(self.tensors) == 1 else 's'}"
        files = f" in {self.files} files" if self.files > 1 else ""
        return f"{tensors}{files} with {self.values:,} value{'' if self.values == 1 else 's'}"


class Extent(Record):
    """Where the bytes of a tensor lie, behind the header.

    Attributes:
        name: the tensor.
        start: the first byte.
        end: the byte after the last; None where the size of its type is not known.
    """

    name: str
    start: int
    end: int | None


def held_apart(extents: Iterable[Extent], size: int, path: str) -> None:
    """Insist that tensors lie in the file, and none on another.

    Raises:
        UsageError: two lie on one another, or one beyond the end.
    """
    ended, before = 0, ""
    for each in sorted(extents, key=lambda each: (each.start, each.end or 0)):
        if each.start < ended:
            raise broken(path, f"`{shown(each.name)}` lies on `{shown(before)}`")
        end = each.start if each.end is None else each.end
        if end > size:
            raise broken(path, f"`{shown(each.name)}` ends at byte {end:,} of {size:,}")
        ended, before = max(ended, end), each.name


def broken(path: str, why: str) -> UsageError:
    """The error of a header that contradicts itself, or its file."""
    return UsageError(f"{path} is no whole file of weights: {why}")


def shown(name: str) -> str:
    """A name as a message has it."""
    return line(name)[:80]


__all__ = ["LARGEST", "MOST", "Extent", "Stored", "Tensor", "broken", "held_apart", "shown"]

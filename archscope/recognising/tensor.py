"""`Tensor`: as much of a tensor as a reader asks of it, whoever made it."""

from __future__ import annotations

import math
from abc import ABC
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:

    @runtime_checkable
    class Tensor(Protocol):
        """What has a shape, with the batch in it, and a type of numbers."""

        @property
        def shape(self) -> tuple[int, ...]:
            """Its extents."""

        def dim(self) -> int:
            """How many axes it has."""

        def numel(self) -> int:
            """How many values it has."""

        def is_floating_point(self) -> bool:
            """Whether it holds numbers with a point."""

else:

    class Tensor(ABC):  # noqa: B024 - classes are registered with it
        """What has ``shape``, ``dim()``, ``numel()`` and ``is_floating_point()``.

        PyTorch's own is registered where PyTorch is loaded; asking each for its attributes would cost more than the
        rest of the reading.
        """


class Shaped(Tensor if not TYPE_CHECKING else object):  # type: ignore[misc]
    """A tensor that is known by its shape; equal to itself alone.

    Args:
        shape: its extents, with the batch.
        floating: whether it holds numbers with a point.

    >>> tensor = Shaped((2, 3, 4))
    >>> tensor.dim(), tensor.numel(), tensor.is_floating_point()
    (3, 24, True)
    """

    __slots__ = ("floating", "shape")

    def __init__(self, shape: tuple[int, ...], *, floating: bool = True) -> None:
        self.shape = shape
        self.floating = floating

    def __repr__(self) -> str:
        return f"Shaped({self.shape})"

    def dim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    def numel(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    def is_floating_point(self) -> bool:
        """Whether it holds numbers with a point."""
        return self.floating

"""`Repeated`: learned values that code has once for each sample, and where the samples stand in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import Tensor

from archscope.layers import Shape
from archscope.recognising.batches import APART, LOST
from archscope.tracing.roles import IN_ORDER

REPEATS: Final = frozenset({"broadcast_to", "expand", "expand_as", "repeat", "tile"})
"""Functions that may have a parameter once for each sample."""

COPIES: Final = frozenset({"repeat", "tile"})
"""Those that copy it."""

_SEES: Final = REPEATS - COPIES | frozenset({
    "view", "view_as", "unsqueeze", "squeeze", "getitem", "narrow", "detach", "alias", "data", "requires_grad",
})  # fmt: skip
"""Functions that make no memory of their own."""


class Repeated:
    """Follows values of parameters to where they are there for each sample.

    Args:
        asked: where a function that may repeat a constant for each sample puts the batch axis, given its name and the
            shapes before and after; `LOST` if it does not.
    """

    def __init__(self, asked: Callable[[str, Shape, Shape], int]) -> None:
        self._asked = asked
        self._places: dict[int, int] = {}
        self._copied: set[int] = set()
        self._kept: list[Tensor] = []  # so that no other is given the address of one

    def call(self, name: str, parent: Tensor, result: Tensor, *, alike: bool, moves: bool, part: bool) -> int:
        """A call made something of a learned value: how often that has it, once for each sample or once.

        Args:
            name: of the function.
            parent: the learned value.
            result: what it made.
            alike: whether it makes a value of each value, or hands them on.
            moves: whether it takes some of the values, or turns axes.
            part: whether the parent is no whole parameter.
        """
        samples, place = 1, self._places.get(id(parent), LOST)
        if name in REPEATS and place == LOST:
            place = self._asked(name, tuple(parent.shape), tuple(result.shape))
            samples = 1 if place == LOST else int(result.shape[place])
            self.put(result, place)
        elif alike and result.shape == parent.shape:
            self.put(result, place)
        if (alike or moves) and (id(parent) in self._copied or self._is_copy(name, parent, result, part=part)):
            self._kept.append(result)
            self._copied.add(id(result))
        return samples

    def _is_copy(self, name: str, parent: Tensor, result: Tensor, *, part: bool) -> bool:
        """Whether a call makes a copy for every sample, and not of a whole parameter with the samples in front."""
        if name in COPIES and id(result) in self._places:
            return part or self._places[id(result)] > 0
        return id(parent) in self._places and name in IN_ORDER - _SEES

    def put(self, tensor: Tensor, place: int) -> None:
        """Know where the samples stand in a tensor."""
        if place >= 0:
            self._kept.append(tensor)
            self._places[id(tensor)] = place

    def has(self, tensor: Tensor) -> bool:
        """Whether code has it once for each sample."""
        return id(tensor) in self._places

    def in_one_piece(self, tensor: Tensor) -> None:
        """Code asks for a tensor in one piece: of one sample it is, and of more it may be copied for that."""
        if self.has(tensor):
            self._copied.add(id(tensor))

    def copied(self, tensor: Tensor) -> bool:
        """Whether code copies it for every sample in a way that memory does not follow."""
        return id(tensor) in self._copied

    def place(self, tensor: Tensor) -> int:
        """Where a learned value has an axis for the batch: where it is repeated, or in front if one value is there."""
        usual = 0 if tensor.dim() > 1 and tensor.shape[0] == 1 else APART
        return self._places.get(id(tensor), usual)

    def natural(self, tensor: Tensor) -> Shape:
        """The shape of a learned value by itself, without an axis for the batch."""
        shape, place = tuple(tensor.shape), self.place(tensor)
        return (shape if place == APART else (*shape[:place], *shape[place + 1 :])) or (1,)

"""The batch, and how it is told from the other axes of a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archscope.layers import Shape
from archscope.recognising import einsums
from archscope.recognising.batches import (
    APART,
    LOST,
    WITHOUT,
    is_across,
    is_doubtful,
    is_numbered,
    is_squeezed,
    is_torn,
    moved,
    recurs,
    seen_twice,
)
from archscope.recognising.call import Call
from archscope.recognising.signatures import SIGNATURES, bound
from archscope.tracing.alone import told
from archscope.tracing.values import Values


def sample_of(tensor: Tensor, batch: int | None = 1) -> Shape:
    """The shape of one sample: the batch taken away, wherever it went; None is no batch axis at all.

    >>> import torch
    >>> sample_of(torch.zeros(1, 3, 4)), sample_of(torch.zeros(7, 1, 3)), sample_of(torch.zeros(16, 9), 4)
    ((3, 4), (7, 3), (4, 9))
    """
    shape = shape_of(tensor)
    if batch is None or not shape:
        return shape
    if shape[0] == batch:
        return shape[1:]
    if batch in shape:
        place = shape.index(batch)
        return (*shape[:place], *shape[place + 1 :])
    return (shape[0] // batch, *shape[1:]) if shape[0] % batch == 0 else shape


_WITH_BATCH: Final = 3
"""Axes of a sequence with its batch."""


_NUMBERS: Final = "numbers"
"""What the trail calls numbers that the code makes."""


_PACKING: Final = frozenset({"pack_padded_sequence", "pad_packed_sequence"})
"""What packs sequences of several lengths, and what makes them whole again."""


class NeedsValues(Exception):
    """What is asked for lies in values, and there are none."""


def shape_of(tensor: Tensor) -> Shape:
    """The extents of a tensor; those of the longest sample along each axis where each has its own."""
    if not tensor.is_nested:
        return tuple(tensor.shape)
    if tensor.layout is torch.jagged:
        return _longest(tensor)
    try:
        samples = [tuple(each.shape) for each in tensor.unbind()]
    except NotImplementedError as error:
        raise NeedsValues("lengths of samples are values, and on meta there are none") from error
    return (len(samples), *(max(extents) for extents in zip(*samples, strict=True)))


def _longest(jagged: Any) -> Shape:
    """The extents of a jagged tensor: along the axis where each sample has its own, those of the longest."""
    lengths = jagged.offsets().diff() if jagged.lengths() is None else jagged.lengths()
    if lengths.is_meta:
        raise NeedsValues("lengths of samples are values, and on meta there are none")
    shape = [*jagged.shape]
    shape[jagged._ragged_idx] = int(lengths.max()) if len(lengths) else 0
    return tuple(shape)


class Trail(NamedTuple):
    """What the calls of a run made, in their order, of so many samples; and what those on constants repeated."""

    batch: int
    made: list[tuple[str, Shape]]
    repeated: list[tuple[str, Shape]]


class Samples:
    """Where the batch axis of each tensor is, as it moves about.

    Attributes:
        batch: samples that run at once; None where there is no batch axis.
        doubted: whether shapes and names alone did not tell it somewhere.
        trail: what the calls made.
        alone: whether the first layer that tells says that no input has a batch axis; None if none tells.
        most: the axes of the input that has most.
        misplaced: whether a layer takes another axis for the batch's.
        torn: whether one of several samples is taken out.
        numbered: nodes and inputs of whose samples the code takes some by their numbers, be it all that there are.
        squeezed: those whose axis of the batch the code takes away, as it does of one sample alone.

    Args:
        values: what is known of tensors.
        batch: samples that run at once.
        guide: what a run of more samples made, which tells where shapes and names do not.
    """

    def __init__(self, values: Values, batch: int | None, guide: Trail | None = None) -> None:
        self._values = values
        self._guide = guide
        self.batch = batch
        self.doubted = False
        self.trail = Trail(batch or 0, [], [])
        self.alone: bool | None = None
        self.most = 0
        self.misplaced = self.torn = False
        self.numbered: set[str] = set()
        self.squeezed: set[str] = set()

    def takes(self, given: Sequence[Tensor], first: Any, *, states: bool) -> None:
        """A layer for sequences is given tensors, with the batch first or second; behind the first lie states."""
        for number, each in enumerate(given):
            wanted = (WITHOUT, 1 if (states and number) or not first else 0)
            if each.dim() == _WITH_BATCH and self._values.ref(each) is not None and self.place(each) not in wanted:
                self.misplaced = True

    def place(self, tensor: Tensor) -> int:
        """Where the batch axis of a tensor is; where nobody knows it, in front if that fits."""
        if self.batch is None:
            return APART
        known = self._values.place(tensor)
        if known is not None and known != LOST:
            return known
        return 0 if tensor.dim() and shape_of(tensor)[0] == self.batch else LOST

    def shape(self, tensor: Tensor, place: int | None = None) -> Shape:
        """The shape of one sample of a tensor, of which the batch axis is at a place if that is known."""
        place = self._values.place(tensor) if place is None else place
        shape = shape_of(tensor)
        steps = self._values.steps(tensor)
        if steps is not None:
            return (steps, *shape[1:])
        if place is None or place == LOST or self.batch is None or not shape:
            return sample_of(tensor, self.batch)
        if place == APART:
            return (shape[0] // self.batch, *shape[1:])
        if place == WITHOUT:
            return shape
        return (*shape[:place], *shape[place + 1 :])

    def many(self, tensor: Tensor, place: int) -> int | None:
        """Of how many samples a tensor is that has the batch at a place; None where nobody knows that place."""
        if self.batch is None or self.batch == 1 or place == WITHOUT:
            return 1
        known = place == APART or (0 <= place < tensor.dim() and shape_of(tensor)[place] == self.batch)
        return self.batch if known else None

    def hear(self, name: str, tensor: Any) -> None:
        """A layer is given a tensor."""
        if self.alone is not None or self.batch is None or self._values.ref(tensor) is None:
            return
        if self._values.place(tensor) != LOST and not (self.doubted and self._guide is None):
            self.alone = told(name, tensor.dim(), self.place(tensor), self.most)

    def call(
        self, plain: str, args: Sequence[Any], kwargs: Mapping[str, Any], given: list[Tensor], results: list[Tensor]
    ) -> Call:
        """A call with where the batch was and where it is."""
        if plain in SIGNATURES:
            arguments = bound(plain, args, kwargs)
        else:
            arguments = {"dim": kwargs.get("dim", args[1] if len(args) > 1 else None)}
        self.hear(plain, arguments.get("input"))
        reached = [each for each in given if self._values.ref(each) is not None]
        if not reached or not results or self.batch is None:
            place = APART if self.batch is None else 0
            return Call(plain, arguments, results, self.batch, place, place, self.place)
        first = max(reached, key=lambda each: (each.dim(), self.place(each) != WITHOUT))
        place = self.place(first)
        before, shape = shape_of(first), shape_of(results[0])
        if plain == "einsum":
            after = self._summed(arguments, place, before, shape)
        else:
            after = moved(plain, arguments, place, before, shape, self.batch)
            self.misplaced |= is_across(plain, arguments, len(before), [self.place(each) for each in reached])
            self.torn |= is_torn(plain, place, after, shape, self.batch)
            ref = self._values.ref(first)
            if ref is not None and self._values.place(first) != LOST:
                # Of the rows of all samples a part is taken, of which some samples have more than others.
                rows = place == after == APART and shape[:1] != before[:1]
                at = 0 if rows else place
                self.numbered.update([ref.node] if is_numbered(plain, arguments, at, before, shape) else ())
                self.squeezed.update([ref.node] if is_squeezed(plain, arguments, place, before) else ())
        self.trail.made.append((plain, shape))
        if recurs(plain) and isinstance(args[-1], bool):
            self.takes(args[:1], args[-1], states=False)
        if plain in _PACKING:
            after = self._packed(plain, args, results)
        elif (steps := self._values.steps(first)) and shape[:1] == before[:1]:
            self._values.pack(results[0], steps)
        elif is_doubtful(plain, place, after, before, shape, self.batch):
            self.doubted = True
            after = self._guided(plain, shape, after)
        return Call(plain, arguments, results, self.batch, place, after, self.place)

    def places(self, call: Call, results: Sequence[Tensor]) -> list[int]:
        """Where the batch axis is in each result of a call."""
        if call.name not in _PACKING:
            return [call.after] * len(results)
        # Beside what is packed lies how many samples have each step; beside what is whole again, their lengths.
        return [call.after, WITHOUT if call.name.startswith("pack") else 0]

    def _packed(self, plain: str, args: Sequence[Any], results: list[Tensor]) -> int:
        """Where the batch is in sequences that are packed, and that become whole again; both say where they take it."""
        if plain == "pack_padded_sequence":
            self.takes(args[:1], args[2], states=False)
            self._values.pack(results[0], len(results[1]))
            return APART
        return 0 if args[2] else 1

    @staticmethod
    def _summed(arguments: Mapping[str, Any], place: int, before: Shape, shape: Shape) -> int:
        try:
            return LOST if place < 0 else einsums.moved(arguments, place, before, shape)
        except (StopIteration, ValueError):
            return LOST

    def repeats(self, name: str, before: Shape, after: Shape) -> int:
        """Where a call that may repeat a constant for each sample puts the batch axis; `LOST` if it does not.

        Of one sample nothing is repeated, and an axis of one value may be anything; in front it is taken for the
        batch's, elsewhere a run of more samples tells.
        """
        self.trail.repeated.append((name, after))
        old = (1,) * (len(after) - len(before)) + before
        able = [axis for axis, extent in enumerate(after) if extent == self.batch and old[axis] == 1]
        if not able or self.batch is None:
            return LOST
        sure = able == [0] and self.batch == 1
        if sure or self._guide is None:
            self.doubted |= not sure
            return 0 if sure else LOST
        at = len(self.trail.repeated) - 1
        called, theirs = self._guide.repeated[at] if at < len(self._guide.repeated) else ("", ())
        found = seen_twice(after, theirs, self.batch, self._guide.batch) if called == name else LOST
        return found if found in able else LOST

    def has_each(self, tensor: Tensor, *, matters: bool) -> bool:
        """Whether numbers that the code makes are there once for each sample; once for all of them if not.

        Of one sample, one row may be either; where that matters a run of more samples tells.
        """
        shape = shape_of(tensor)
        self.trail.repeated.append((_NUMBERS, shape))
        at = len(self.trail.repeated) - 1
        if shape[:1] != (self.batch,):
            return False
        if self._guide is None or at >= len(self._guide.repeated):
            self.doubted |= matters and self.batch == 1
            return True
        called, theirs = self._guide.repeated[at]
        return called != _NUMBERS or theirs == (self._guide.batch, *shape[1:])

    def _guided(self, name: str, shape: Shape, otherwise: int) -> int:
        """Where the batch axis is by the run of more samples; once that went another way, it tells nothing any more."""
        at = len(self.trail.made) - 1
        if self.batch is None or self._guide is None or at >= len(self._guide.made):
            return otherwise
        called, theirs = self._guide.made[at]
        found = seen_twice(shape, theirs, self.batch, self._guide.batch) if called == name else LOST
        return otherwise if found == LOST else found

    def after_module(self, made: Tensor, given: Tensor, place: int, *, state: bool) -> int:
        """Where the batch axis is in what a whole module made; recurrent states have their layers in front.

        What recurs over a packed sequence gives one.
        """
        if self.batch is None or place == WITHOUT:
            return APART if self.batch is None else WITHOUT
        steps = self._values.steps(given)
        if steps is not None and not state:
            self._values.pack(made, steps)
            return APART
        if state and made.dim() == 3 and made.shape[1] == self.batch:
            return 1
        if place >= 0 and made.dim() == given.dim() and made.shape[place] == self.batch:
            return place
        return 0 if made.dim() and made.shape[0] == self.batch else LOST

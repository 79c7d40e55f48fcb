"""`Layout`: how the values of a tensor lie in memory, which decides whether PyTorch can see them differently or copies.

>>> maps = Layout.of((2, 3, 4))
>>> turned = maps.turned((0, 2, 1))
>>> turned.strides, turned.in_order, turned.seen_as((2, 12))
((12, 1, 4), False, None)
>>> maps.seen_as((2, 12)).strides
(12, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archscope.record import Record
from archscope.working import as_count


class Layout(Record):
    """Extents, the batch among them, and how far apart the values are along each."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, shape: Sequence[int]) -> Layout:
        """Values in the order of their axes."""
        return cls(tuple(shape), _in_order(shape))

    @property
    def in_order(self) -> bool:
        """Whether they lie in the order of their axes without gaps; an axis of one value says nothing."""
        expected: int = 1
        for extent, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if extent == 1:
                continue
            if stride != expected:
                return False
            expected = expected * extent
        return True

    @property
    def in_rows(self) -> bool:
        """Whether all axes but the last are seen as one, as a matrix of rows; an axis of one value says nothing."""
        axes = [each for each in zip(self.shape[:-1], self.strides[:-1], strict=True) if each[0] != 1]
        return all(stride == below[0] * below[1] for (_, stride), below in pairwise(axes))

    @property
    def channels_last(self) -> bool:
        """Whether PyTorch takes maps for some that lie with their channels last.

        After ``is_channels_last_strides_2d`` and ``3d``; where extents of one value leave it open, they lie in order.
        """
        if len(self.shape) not in (4, 5):
            return False
        least: int = 0
        for axis in (1, *range(len(self.shape) - 1, 1, -1), 0):
            if self.strides[axis] < least or (axis == 0 and self.strides[1] == least):
                return False
            least = self.strides[axis] * self.shape[axis]
        return self.strides[1] != 0

    @property
    def in_one_row(self) -> Layout:
        """Rows as maps that are one row high.

        >>> Layout.of((2, 8, 5)).turned((0, 2, 1)).in_one_row
        Layout(shape=(2, 5, 1, 8), strides=(40, 1, 40, 5))
        """
        long, step = self.shape[-1], self.strides[-1]
        return Layout((*self.shape[:-1], 1, long), (*self.strides[:-1], long * step, step))

    def lies_as(self, other: Layout) -> bool:
        """Whether the values lie as those of another of this shape do; an axis of one value says nothing."""
        if len(self.shape) != len(other.shape):  # a parameter that code turns, which nothing follows
            return False
        pairs = zip(self.shape, self.strides, other.strides, strict=True)
        return all(extent == 1 or one == two for extent, one, two in pairs)

    def ordered_as(self, other: Layout) -> bool:
        """Whether it lies in the order of its axes where another does, and else with its channels last."""
        return self.in_order if other.in_order else self.channels_last

    def turned(self, dims: Sequence[int]) -> Layout:
        """With the axes in another order."""
        return Layout(tuple(self.shape[axis] for axis in dims), tuple(self.strides[axis] for axis in dims))

    def without(self, axis: int) -> Layout:
        """With one position of an axis, which goes."""
        return Layout(_left(self.shape, axis), _left(self.strides, axis))

    def apart(self, batch: int) -> Layout:
        """With an axis for the samples, which stand in the first one."""
        many, left = divmod(self.shape[0], batch) if self.shape else (0, 1)
        return self if left else self.seen_as((batch, many, *self.shape[1:])) or self

    def part(self, shape: Sequence[int], step: int = 1) -> Layout:
        """With fewer positions along some axes, ``step`` apart, or one position repeated."""
        strides = [
            stride if here == there else 0 if here == 1 else stride * step
            for here, there, stride in zip(self.shape, shape, self.strides, strict=True)
        ]
        return Layout(tuple(shape), tuple(strides))

    def repeated(self, shape: Sequence[int], axes: Sequence[int]) -> Layout:
        """With each value repeated along some axes, which may be gone from this one; along all where none are named.

        >>> Layout.of((2, 5)).repeated((2, 3, 5), [1]).strides
        (5, 0, 1)
        """
        stay = len(self.shape) == len(shape)
        left = iter([stride for axis, stride in enumerate(self.strides) if not (stay and axis in axes)])
        strides = (0 if axis in axes or not axes else next(left) for axis in range(len(shape)))
        return Layout(tuple(shape), tuple(strides))

    def spread(self, shape: Sequence[int]) -> Layout:
        """Beside values of this shape: repeated along axes of one value, and along those before the first.

        >>> Layout.of((5, 1)).spread((3, 5, 6)).strides
        (0, 1, 0)
        """
        more = len(shape) - len(self.shape)
        pairs = zip(self.shape, shape[more:], self.strides, strict=True)
        return Layout(tuple(shape), (*[0] * more, *(stride if one == all_ else 0 for one, all_, stride in pairs)))

    def seen_as(self, shape: Sequence[int]) -> Layout | None:
        """The same memory in another shape; None where that needs a copy.

        >>> Layout.of((6, 4, 1)).turned((1, 0, 2)).seen_as((2, 2, 6, 1)).strides
        (2, 1, 4, 1)
        """
        if self.in_order:
            return Layout.of(shape)
        strides: list[int] = []
        left = [*shape]
        while left and left[-1] == 1:  # these lie as the last axis does, were that of one value
            strides.append(self.strides[-1])
            left.pop()
        for extent, stride in reversed(_blocks(self)):
            # The last axes of the new shape have to make up each block of the old one.
            rest: int = extent
            step: int = stride
            while left and (rest != 1 or left[-1] == 1):
                wanted = left[-1]
                if rest % wanted:
                    return None
                strides.append(step)
                step = step * wanted
                rest = rest // wanted
                left.pop()
            if rest != 1:
                return None
        return Layout(tuple(shape), tuple(reversed([*strides, *(1 for _ in left)])))

    def like(self, *others: Layout) -> Layout:
        """A new tensor after this one: its axes in the same order in memory, without gaps.

        Where a value is repeated along axes, others that an operation reads too say in which order these lie.

        >>> repeated, turned = Layout((2, 3), (0, 0)), Layout.of((3, 2)).turned((1, 0))
        >>> repeated.like(), repeated.like(turned) == turned
        (Layout(shape=(2, 3), strides=(3, 1)), True)
        """
        if self.in_order:
            return self
        if any(stride == 0 for stride in self.strides):
            return lying(self.shape, self._order([self, *(each for each in others if each.shape == self.shape)]))
        order = sorted(range(len(self.shape)), key=lambda axis: (-_typical(self.strides[axis]), axis))
        return lying(self.shape, order)

    def _order(self, layouts: Sequence[Layout]) -> list[int]:
        """The axes as PyTorch's ``TensorIterator`` orders them: the first layout that tells two apart decides."""
        order = [*range(len(self.shape))]
        for end in reversed(order[:-1]):
            place = end
            for faster in range(end + 1, len(order)):
                wrong = _in_wrong_order(order[place], order[faster], layouts)
                if wrong is False:
                    break
                if wrong:
                    order[place], order[faster] = order[faster], order[place]
                    place = faster
        return order


class Anyhow(Layout):
    """Values of which nobody knows how they lie: nothing is copied for it, so that what is held is at least that.

    >>> turned = Anyhow.of((2, 3, 4)).turned((0, 2, 1))
    >>> turned.shape, turned.in_order, turned.seen_as((8, 3)).in_order
    ((2, 4, 3), True, True)
    """

    @property
    def in_order(self) -> bool:
        """It may be so."""
        return True

    @property
    def in_rows(self) -> bool:
        """It may be so."""
        return True

    @property
    def channels_last(self) -> bool:
        """Nothing is said of maps."""
        return False

    def lies_as(self, other: Layout) -> bool:  # noqa: ARG002 - it is a `Layout`
        """It may be so."""
        return True

    def turned(self, dims: Sequence[int]) -> Layout:
        """With the axes in another order."""
        return Anyhow.of([self.shape[axis] for axis in dims])

    def without(self, axis: int) -> Layout:
        """With one position of an axis, which goes."""
        return Anyhow.of(_left(self.shape, axis))

    def part(self, shape: Sequence[int], step: int = 1) -> Layout:  # noqa: ARG002 - it is a `Layout`
        """With fewer positions along some axes."""
        return Anyhow.of(shape)

    def repeated(self, shape: Sequence[int], axes: Sequence[int]) -> Layout:  # noqa: ARG002 - it is a `Layout`
        """With each value repeated along some axes."""
        return Anyhow.of(shape)

    def seen_as(self, shape: Sequence[int]) -> Layout | None:
        """In another shape."""
        return Anyhow.of(shape)


def with_channels_last(shape: Sequence[int]) -> Layout:
    """Maps whose channels lie last.

    >>> with_channels_last((2, 3, 4, 5)).strides
    (60, 1, 15, 3)
    """
    return lying(shape, (0, *range(2, len(shape)), 1))


def lying(shape: Sequence[int], order: Sequence[int]) -> Layout:
    """Values whose axes lie in some order in memory."""
    strides = dict(zip(order, Layout.of([shape[axis] for axis in order]).strides, strict=True))
    return Layout(tuple(shape), tuple(strides[axis] for axis in range(len(shape))))


def _typical(stride: int) -> int:
    return as_count(stride).typical


def _in_wrong_order(slower: int, faster: int, layouts: Sequence[Layout]) -> bool | None:
    """Whether an axis lies closer than one that should; None where no layout says."""
    for each in layouts:
        if 0 in (each.strides[slower], each.strides[faster]):
            continue
        slow, fast = (_typical(each.strides[axis]) for axis in (slower, faster))
        if slow != fast:
            return slow < fast
        if _typical(each.shape[slower]) < _typical(each.shape[faster]):
            return True
    return None


def _in_order(shape: Sequence[int]) -> tuple[int, ...]:
    strides: list[int] = []
    size: int = 1
    for extent in reversed(shape):
        strides.append(size)
        size = size * extent
    return tuple(reversed(strides))


def _left(values: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*values[:axis], *values[axis + 1 :])


def _blocks(layout: Layout) -> list[tuple[int, int]]:
    """Axes that lie one after the other as one: how many values, and how far the last are apart."""
    blocks: list[tuple[int, int]] = []
    for extent, stride in zip(layout.shape, layout.strides, strict=True):
        if extent == 1:
            continue
        if blocks and blocks[-1][1] == extent * stride:
            blocks[-1] = (blocks[-1][0] * extent, stride)
        else:
            blocks.append((extent, stride))
    return blocks

"""Axes of a value as parts of those that it began with, whatever turned, split or joined them since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archscope.layers import Shape


class Atom(NamedTuple):
    """Some of the steps along an axis that a value began with.

    Attributes:
        base: the axis, by number.
        extent: how many steps there are.
        stride: how far each goes.
    """

    base: int
    extent: int
    stride: int = 1


Axes = tuple[tuple[Atom, ...], ...]
"""The parts of each axis, the one that changes least first; an axis of one step has none."""


class Turned(Exception):
    """Axes cannot be followed any further."""


def fresh(shape: Shape, base: int) -> Axes:
    """The axes of a value that begins here, numbered from one on.

    >>> fresh((2, 1, 6), 0)
    ((Atom(base=0, extent=2, stride=1),), (), (Atom(base=2, extent=6, stride=1),))
    """
    return tuple((Atom(base + place, extent),) if extent > 1 else () for place, extent in enumerate(shape))


def reshaped(axes: Axes, shape: Sequence[int]) -> Axes:
    """The axes once the same values, in the same order, have another shape.

    >>> reshaped(fresh((2, 6), 0), (2, 3, 2))[1:]
    ((Atom(base=1, extent=3, stride=2),), (Atom(base=1, extent=2, stride=1),))
    >>> reshaped(reshaped(fresh((2, 6), 0), (2, 3, 2)), (2, 6)) == fresh((2, 6), 0)
    True

    Raises:
        Turned: an axis would be split in the middle of a step.
    """
    left = [atom for axis in axes for atom in axis]
    left.reverse()
    made = []
    for extent in shape:
        axis: list[Atom] = []
        wanted = extent
        while wanted > 1:
            if not left:
                raise Turned
            atom = left.pop()
            if wanted % atom.extent == 0:
                wanted //= atom.extent
            elif atom.extent % wanted == 0:
                inner = atom.extent // wanted
                left.append(atom._replace(extent=inner))
                atom, wanted = Atom(atom.base, wanted, atom.stride * inner), 1
            else:
                raise Turned
            axis.append(atom)
        made.append(joined(axis))
    if left:
        raise Turned
    return tuple(made)


def joined(axis: Sequence[Atom]) -> tuple[Atom, ...]:
    """The parts of one axis, those that go on where the one before ends as one.

    >>> joined([Atom(0, 2, 3), Atom(0, 3, 1)])
    (Atom(base=0, extent=6, stride=1),)
    """
    made: list[Atom] = []
    for atom in axis:
        before = made[-1] if made else None
        if before is not None and before.base == atom.base and before.stride == atom.extent * atom.stride:
            made[-1] = Atom(atom.base, before.extent * atom.extent, atom.stride)
        else:
            made.append(atom)
    return tuple(made)


def extents(axes: Axes) -> Shape:
    """How long each axis is.

    >>> extents(fresh((2, 1, 6), 0))
    (2, 1, 6)
    """
    made = []
    for axis in axes:
        many = 1
        for atom in axis:
            many *= atom.extent
        made.append(many)
    return tuple(made)


__all__ = ["Atom", "Axes", "Turned", "extents", "fresh", "joined", "reshaped"]

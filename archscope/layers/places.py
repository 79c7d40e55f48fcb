"""Where an axis, a slice or a part lies: what the layers that work along named axes share."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.errors import Rejects
from archscope.layers.base import Shape, Window, spell_shape
from archscope.working import Count, count, product

LOST = {"receptive_field": "the grid is rearranged"}


def joined(shape: Shape) -> dict[str, str]:
    """Why there is no window after units that are each connected to all values of a vector, at one position or several.

    >>> joined((400,))["receptive_field"]
    'every unit sees its whole input; there is no grid any more'
    >>> joined((35, 16))["receptive_field"]
    'every unit sees the features of one position, and a grid has its channels first'
    """
    if len(shape) == 1:
        return {"receptive_field": "every unit sees its whole input; there is no grid any more"}
    return {"receptive_field": "every unit sees the features of one position, and a grid has its channels first"}


def axis_in(dim: int, shape: Shape, *, option: str = "dim", more: int = 0) -> int:
    """An axis counted from 0, of a shape without its batch; ``more`` axes are about to be there too.

    >>> axis_in(-1, (3, 8, 8))
    2

    Raises:
        Rejects: there is no such axis.
    """
    rank = len(shape) + more
    if not -rank <= dim < rank:
        raise Rejects(
            f"`{option}: {dim}` is no axis of {spell_shape(shape)}",
            option=option,
            input=0,
            help="axes count from 0, without the batch",
        )
    return dim % rank


def axes_in(dims: Sequence[int], shape: Shape, *, option: str = "dim") -> tuple[int, ...]:
    """Several axes, each once.

    Raises:
        Rejects: there is no such axis, or one is named twice.
    """
    axes = tuple(axis_in(dim, shape, option=option) for dim in dims)
    if len(set(axes)) < len(axes):
        raise Rejects(f"`{option}` names an axis of {spell_shape(shape)} twice", option=option, input=0)
    return axes


def kept_grid(shape: Shape, axes: Sequence[int], window: Window) -> tuple[Window, ...]:
    """Windows that look at one position, but along some axes; none where those are the channels."""
    if not set(axes) - {0}:
        return ()
    return tuple(window if axis in axes else Window(1) for axis in range(1, len(shape)))


def replaced(shape: Shape, axis: int, extent: int) -> Shape:
    """A shape with another extent along one axis."""
    return (*shape[:axis], extent, *shape[axis + 1 :])


def taken_out(shape: Shape, axes: Sequence[int], option: str, help: str) -> Shape:
    """A shape without some of its axes.

    Raises:
        Rejects: nothing would be left.
    """
    rest = tuple(extent for axis, extent in enumerate(shape) if axis not in axes)
    if not rest:
        raise Rejects(f"leaves no axis of {spell_shape(shape)}", option=option, input=0, help=help)
    return rest


def counted(extents: Sequence[int]) -> Count:
    """The product of some extents, with its working."""
    return product(count(each) for each in extents)

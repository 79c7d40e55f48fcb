"""Which layers `einsum` is: axes in another order, a dense layer, or a product of two values with axes turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from archscope.layers import TYPES, Layer
from archscope.recognising.axes_calls import turned
from archscope.recognising.batches import WITHOUT, Axes
from archscope.recognising.call import Call
from archscope.recognising.tensor import Tensor


class Product(NamedTuple):
    """A matrix product of two values: the layers that turn the axes of each before it, and those of the result after.

    Attributes:
        turns: the layers of each operand.
        orders: the axes of each operand in the order in which they are multiplied.
        after: the layers of the result.
    """

    turns: tuple[tuple[Layer, ...], tuple[Layer, ...]]
    orders: tuple[tuple[int, ...], tuple[int, ...]]
    after: tuple[Layer, ...]


def letters(given: Mapping[str, Any]) -> tuple[list[str], str] | None:
    """The letters of each operand and of the result; None where they are not all written out, or one comes twice.

    >>> letters({"equation": "bij, jk -> bik", "operands": (1, 2)})
    (['bij', 'jk'], 'bik')
    """
    equation = given["equation"]
    if not isinstance(equation, str) or "->" not in equation or "." in equation:
        return None
    taken, _, made = equation.replace(" ", "").partition("->")
    parts = taken.split(",")
    many = len(given["operands"]) if isinstance(given["operands"], (tuple, list)) else 1
    alone = all(len(set(each)) == len(each) for each in (*parts, made))
    return (parts, made) if alone and len(parts) == many else None


def moved(given: Mapping[str, Any], place: int, before: Axes, after: Axes) -> int:  # noqa: ARG001
    """Where the batch axis of an operand is in the result."""
    found = letters(given)
    if found is None:
        raise ValueError("not written out")
    operands = given["operands"] if isinstance(given["operands"], (tuple, list)) else (given["operands"],)
    own = next(each for each, tensor in zip(found[0], operands, strict=True) if tuple(tensor.shape) == tuple(before))
    return found[1].index(own[place]) if own[place] in found[1] else WITHOUT


def read(call: Call) -> Layer | tuple[Layer, ...] | None:
    """The layers of a sum over one value, or over a value and a matrix of its own."""
    found = letters(call.given)
    if found is None:
        return None
    (taken, *others), made = found
    if not others:
        return turned(call._replace(given={"input": _operands(call)[0]}), [taken.index(each) for each in made]) if (
            set(taken) == set(made)) else None  # fmt: skip
    (matrix,) = others if len(others) == 1 else ("",)
    summed, new = _matrix(taken, matrix, made)
    if not summed or made != taken[:-1] + new or call.after == len(made) - 1:
        return None
    rank = len(made)
    return TYPES["linear"](out_features=call.made.shape[-1], bias=False, every_position=rank - (call.after >= 0) > 2)


def is_turned(given: Mapping[str, Any]) -> bool:
    """Whether the matrix has its inputs in front."""
    found = letters(given)
    return found is not None and len(found[0]) == 2 and found[0][1][:1] == found[0][0][-1:]


def product_of(call: Call) -> Product | None:
    """The product of two values that a call is; None if it is no such product, or none of one sample with another."""
    found = letters(call.given)
    if found is None or len(found[0]) != 2:
        return None
    (left, right), made = found
    common = [each for each in made if each in left and each in right]
    summed = [each for each in left if each in right and each not in made]
    rows, columns = ([each for each in own if each not in other] for own, other in ((left, right), (right, left)))
    if (len(summed), len(rows), len(columns)) != (1, 1, 1) or set(rows + columns + common) != set(made):
        return None
    orders = ([*common, *rows, *summed], [*common, *summed, *columns])
    operands = _operands(call)
    places = [call.place_of(each) for each in operands]
    if any(place < 0 for place in places) or left[places[0]] != right[places[1]] or left[places[0]] not in made:
        return None
    ordered = [[own.index(each) for each in order] for own, order in zip((left, right), orders, strict=True)]
    result = [*common, *rows, *columns]
    turns = [
        turned(call._replace(given={"input": tensor}, place=place), order)
        for tensor, place, order in zip(operands, places, ordered, strict=True)
    ]
    after = turned(
        call._replace(given={"input": call.made}, place=result.index(left[places[0]])),
        [result.index(each) for each in made],
    )
    return Product((turns[0], turns[1]), (tuple(ordered[0]), tuple(ordered[1])), (TYPES["matmul"](), *after))


def _operands(call: Call) -> Sequence[Tensor]:
    operands = call.given["operands"]
    return operands if isinstance(operands, (tuple, list)) else (operands,)


def _matrix(taken: str, matrix: str, made: str) -> tuple[str, str]:
    """The letter that a matrix sums over and the one that it makes; empty if it is no matrix for the last axis."""
    if len(matrix) != 2 or taken[-1] not in matrix or taken[-1] in made:
        return "", ""
    new = matrix.replace(taken[-1], "")
    return (taken[-1], new) if new not in taken else ("", "")

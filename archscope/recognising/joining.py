"""Learned values beside others: what takes them so, and the axes that they have there."""

from __future__ import annotations

from typing import Final

from archscope.layers import Shape
from archscope.recognising.batches import APART, LOST, WITHOUT
from archscope.recognising.call import Call

JOINS: Final = frozenset({
    "add", "radd", "iadd", "sub", "subtract", "isub", "mul", "rmul", "imul", "multiply", "div", "truediv", "itruediv",
    "divide", "true_divide", "matmul", "bmm", "cat", "concat", "concatenate", "scaled_dot_product_attention",
    "pow", "ipow", "maximum", "minimum", "addcmul", "addcdiv", "lerp", "hypot", "atan2", "arctan2", "fmax", "fmin",
})  # fmt: skip
"""Functions that take a learned value beside others as they take any value."""


def is_dense(call: Call) -> bool:
    """Whether it is a product with a matrix: a dense layer, and the matrix its weight."""
    return call.name in ("matmul", "bmm") and call.given["other"].dim() == 2


def fitted(shape: Shape, call: Call) -> Shape | None:
    """A learned value's shape with the axes of the result, without the batch; None if it has more, or another batch."""
    rank = call.made.dim()
    if len(shape) > rank or call.after == LOST:
        return None
    full = (1,) * (rank - len(shape)) + shape
    if call.after == WITHOUT:
        return full
    if call.after == APART:
        return full if call.batch is None or full[0] == 1 or call.batch == 1 else None
    if full[call.after] not in (1, call.batch):
        return None
    return (*full[: call.after], *full[call.after + 1 :])

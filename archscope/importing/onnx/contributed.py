"""Attention of ONNX Runtime's own: with its projection, of values of several heads side by side, and of shared keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.graph import Operator
from archscope.importing.meaning import Meaning, Values
from archscope.layers import Shape
from archscope.working import Count, count, product, total


def made_by(type_: str, said: Mapping[str, Any], shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of what such an operator makes first, of the shapes of what it reads; None of any other."""
    rule = _SHAPES.get(type_)
    try:
        return None if rule is None else rule(said, shapes)
    except (IndexError, KeyError, TypeError, ZeroDivisionError):
        return None


def _projected(said: Mapping[str, Any], shapes: Sequence[Any]) -> Shape:
    sizes = said.get("qkv_hidden_sizes") or (shapes[1][1] // 3,) * 3
    return (*shapes[0][:2], sizes[2])


def _several(_: Mapping[str, Any], shapes: Sequence[Any]) -> Shape:
    (samples, length, _), values = shapes[0], shapes[2]
    return samples, length, values[2] if len(values) == 3 else values[1] * values[3]


def _grouped(said: Mapping[str, Any], shapes: Sequence[Any]) -> Shape:
    samples, length, width = shapes[0]
    heads = said["num_heads"]
    apart = len(shapes) > 1 and shapes[1] is not None
    return samples, length, width if apart else width // (heads + 2 * said["kv_num_heads"]) * heads


def _by_blocks(said: Mapping[str, Any], shapes: Sequence[Any]) -> Shape:
    return *shapes[0][:-1], int(said["N"])


def _embedded(_: Mapping[str, Any], shapes: Sequence[Any]) -> Shape:
    return *shapes[0], shapes[2][1]


_SHAPES: Final[Mapping[str, Callable[[Mapping[str, Any], Sequence[Any]], Shape]]] = MappingProxyType({
    "Attention": _projected, "MultiHeadAttention": _several, "GroupQueryAttention": _grouped,
    "QAttention": _projected, "MatMulNBits": _by_blocks, "EmbedLayerNormalization": _embedded,
})  # fmt: skip


def _scored(samples: int, heads: int, length: int, keys: int, *widths: int) -> Count:
    """The products of queries with keys, and of scores with values."""
    return total(product(count(each) for each in (samples, heads, length, keys, wide) if each != 1) for wide in widths)


def _attention(operator: Operator, values: Values) -> Meaning | None:
    """Of one value and a weight for queries, keys and values."""
    (samples, length, inputs), (_, width) = values.shape(operator.input(0)), values.shape(operator.input(1))
    said = operator.attributes
    heads = said["num_heads"]
    sizes = said.get("qkv_hidden_sizes") or (width // 3,) * 3
    kept = values.shape(operator.input(4))[3] if operator.input(4) else 0
    projected = product(count(each) for each in (samples, length, inputs, width) if each != 1)
    scored = _scored(samples, heads, length, length + kept, sizes[0] // heads, sizes[2] // heads)
    return Meaning("attention", macs=total((projected, scored)), after=values.place(operator.input(0)))


def _of_whole_numbers(operator: Operator, values: Values) -> Meaning | None:
    """The same on numbers of fewer bits, with scales and zero points between what it reads."""
    values.plain(*(name for place, name in enumerate(operator.inputs) if name and place in (3, 4, 6, 7)))
    reads = tuple(operator.input(place) for place in (0, 1, 2, 5, 8))
    meaning = _attention(operator.replace(inputs=reads), values)
    return None if meaning is None else meaning._replace(reads=tuple(filter(None, reads)))


def _several_heads(operator: Operator, values: Values) -> Meaning | None:
    """Of queries, keys and values, each with its heads side by side; keys and values also in an axis of their own."""
    heads = operator.attributes["num_heads"]
    if not operator.input(1) or not operator.input(2):  # packed into one
        return None
    (samples, length, wide), keys, given = (values.shape(operator.input(place)) for place in range(3))
    kept = values.shape(operator.input(6))[2] if operator.input(6) else 0
    after = given[2] // heads if len(given) == 3 else given[3]
    macs = _scored(samples, heads, length, keys[-2] + kept, wide // heads, after)
    return Meaning("attention", macs=macs, after=values.place(operator.input(0)))


def _shared_keys(operator: Operator, values: Values) -> Meaning | None:
    """Of more heads of queries than of keys; how many keys are kept from before is a value, and not covered."""
    said = operator.attributes
    values.plain(*filter(None, operator.inputs[5:]))
    if operator.input(3) and values.shape(operator.input(3))[2]:
        return None
    samples, length, wide = values.shape(operator.input(0))
    heads = said["num_heads"]
    width = wide // (heads if operator.input(1) else heads + 2 * said["kv_num_heads"])
    macs = _scored(samples, heads, length, length, width, width)
    return Meaning("attention", macs=macs, after=values.place(operator.input(0)))


def _looked_up(operator: Operator, _: Values) -> Meaning:
    """A sum of rows of two or three tables and its norm; how many keys there are is no value of a layer."""
    return Meaning(operator.name, known=False, results=operator.outputs[:1])


READINGS: Final[Mapping[str, Callable[[Operator, Values], Meaning | None]]] = MappingProxyType({
    "com.microsoft::Attention": _attention,
    "com.microsoft::EmbedLayerNormalization": _looked_up,
    "com.microsoft::QAttention": _of_whole_numbers,
    "com.microsoft::MultiHeadAttention": _several_heads,
    "com.microsoft::GroupQueryAttention": _shared_keys,
})  # fmt: skip
"""Operators by name, and what each means."""

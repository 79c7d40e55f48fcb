"""Kinds of option that say what lies around an input: sides, and padding that may be ``same``."""

from __future__ import annotations

from typing import Any, Literal

from archscope.errors import Rejects
from archscope.options import Json, Kind, elements, non_negative, spell

Sides = tuple[tuple[int, int], ...]
"""Padding as ``((before, after), …)``, one pair for each axis: ``((top, bottom), (left, right))``."""

Padding = Sides | Literal["same"]


_WORDS = {"same": "write `same`", "valid": "write 0, or leave it out: that is no padding"}
"""What is meant by words as others spell them."""


def _parse_sides(value: Any, axes: int, kind: Kind, name: str) -> Sides:
    if not isinstance(value, (list, tuple)):
        side = kind.parse(value)
        return ((side, side),) * axes
    if len(value) == axes and all(isinstance(each, tuple) and len(each) == 2 for each in value):
        return tuple((kind.parse(before), kind.parse(after)) for before, after in value)
    if len(value) == axes and axes > 1:
        return tuple((side, side) for side in elements(kind, value))
    if len(value) == 2 * axes:
        flat = elements(kind, value)
        return tuple((flat[2 * axis], flat[2 * axis + 1]) for axis in reversed(range(axes)))
    raise Rejects(f"expected {name}, got {spell(value)}")


def _show_sides(value: Padding) -> Any:
    if isinstance(value, str):
        return value
    if all(before == after for before, after in value):
        sides = [before for before, _ in value]
        return sides[0] if len(set(sides)) == 1 else sides
    return [side for axis in reversed(value) for side in axis]


def _sides_schema(axes: int, kind: Kind) -> list[Json]:
    lengths = sorted({axes, 2 * axes} - {1})
    arrays = [{"type": "array", "items": kind.schema, "minItems": length, "maxItems": length} for length in lengths]
    return [kind.schema, *arrays]


def _sides_name(axes: int) -> str:
    return {
        1: "a number or two (left, right)",
        2: "a number, a pair (height, width) or four sides (left, right, top, bottom)",
        3: "a number, three (depth, height, width) or six sides (left, right, top, bottom, front, back)",
    }[axes]


def sides(axes: int) -> Kind:
    """Padding with explicit sides, in PyTorch's order: the last axis first.

    >>> sides(2).parse([3, 4, 1, 2])
    ((1, 2), (3, 4))
    """
    name = _sides_name(axes)
    return Kind(
        name,
        lambda value: _parse_sides(value, axes, non_negative, name),
        {"anyOf": _sides_schema(axes, non_negative)},
        _show_sides,
    )


def padding(axes: int) -> Kind:
    """Padding of a convolution or a pooling: `sides`, or ``same`` in Keras's asymmetric sense.

    >>> padding(2).parse(2), padding(2).parse("same")
    (((2, 2), (2, 2)), 'same')
    """
    name = _sides_name(axes) + ", or `same`"

    def parse(value: Any) -> Padding:
        if value == "same":
            return "same"
        if isinstance(value, str):
            raise Rejects(
                f"expected {name}, got {spell(value)}",
                help=_WORDS.get(value.casefold()),
            )
        return _parse_sides(value, axes, non_negative, name)

    schema = {"anyOf": [{"const": "same"}, *_sides_schema(axes, non_negative)]}
    return Kind(name, parse, schema, _show_sides)

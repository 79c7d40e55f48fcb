"""Kinds of option value: how each is written, checked, brought to one form and described.

A layer declares its options with `option`; the reader, the JSON Schema, the reference pages and the
constructors all read that one declaration.

>>> pair.parse(5)
(5, 5)
>>> positive.parse(0)
Traceback (most recent call last):
archscope.errors.Rejects: expected a positive integer, got 0
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from archscope.errors import Rejects, did_you_mean
from archscope.limits import LARGEST_NUMBER, LARGEST_REAL, MOST_AXES
from archscope.record import Record

Json = dict[str, Any]


class Kind(Record):
    """One kind of option value.

    Attributes:
        name: how the kind is called in messages and on the reference pages: "a positive integer".
        parse: brings what a person wrote to the canonical form, or raises `Rejects`.
        schema: the JSON Schema of what a person may write.
        show: turns the canonical form back into the shortest way to write it.
    """

    name: str
    parse: Callable[[Any], Any]
    schema: Json
    show: Callable[[Any], Any] = lambda value: value


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


class Option(Record):
    """One option of a layer type: its kind, its default and what it means."""

    kind: Kind
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        """Whether a spec has to state it."""
        return self.default is REQUIRED


def option(kind: Kind, *, default: Any = REQUIRED, doc: str) -> Any:
    """Declare an option in the body of a layer class; see `archscope.layers.base.Layer`."""
    return Option(kind, default, doc)


def spell(value: object) -> str:
    """A value as a person would have written it in YAML, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = f"'{value}'"
    elif isinstance(value, int) and abs(value) > 10**30:
        return f"a number of {_digits(value)} digits"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {spell(each)}" for key, each in islice(value.items(), 8)) + "}"
    elif isinstance(value, Sequence):
        text = "[" + ", ".join(spell(each) for each in islice(value, 24)) + "]"
    else:
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _digits(value: int) -> int:
    return int(abs(value).bit_length() * math.log10(2)) + 1


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(least: int, name: str, most: int = LARGEST_NUMBER) -> Kind:
    def parse(value: Any) -> int:
        if not _is_int(value) or value < least:
            raise Rejects(f"expected {name}, got {spell(value)}")
        if value > most:
            raise Rejects(f"expected {name} up to {most:,}, got {spell(value)}")
        return int(value)

    return Kind(name, parse, {"type": "integer", "minimum": least, "maximum": most})


positive: Final = _integer(1, "a positive integer")
non_negative: Final = _integer(0, "a whole number, 0 or more")


def up_to(most: int) -> Kind:
    """A positive integer with a limit of its own, of which `archscope.limits` says why.

    >>> up_to(8).parse(9)
    Traceback (most recent call last):
    archscope.errors.Rejects: expected a positive integer up to 8, got 9
    """
    return _integer(1, "a positive integer", most)


def _any_integer(value: Any) -> int:
    if not _is_int(value) or abs(value) > LARGEST_NUMBER:
        raise Rejects(f"expected an integer, got {spell(value)}")
    return int(value)


integer: Final = Kind(
    "an integer", _any_integer, {"type": "integer", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Rejects(f"expected a number, got {spell(value)}")
    if not abs(value) <= LARGEST_REAL:
        raise Rejects(f"expected a finite number, got {spell(value)}")
    return float(value)


def _show_number(value: float) -> float | int:
    return int(value) if value == int(value) and abs(value) < 1e15 else value


number: Final = Kind("a number", _number, {"type": "number"}, _show_number)


def _positive_number(value: Any) -> float:
    parsed = _number(value)
    if parsed <= 0:
        raise Rejects(f"expected a number above 0, got {spell(value)}")
    return parsed


positive_number: Final = Kind(
    "a number above 0", _positive_number, {"type": "number", "exclusiveMinimum": 0}, _show_number
)


def _non_negative_number(value: Any) -> float:
    parsed = _number(value)
    if parsed < 0:
        raise Rejects(f"expected a number, 0 or more, got {spell(value)}")
    return parsed


non_negative_number: Final = Kind(
    "a number, 0 or more", _non_negative_number, {"type": "number", "minimum": 0}, _show_number
)


def _probability(value: Any) -> float:
    parsed = _number(value)
    if not 0 <= parsed <= 1:
        raise Rejects(f"expected a probability from 0 to 1, got {spell(value)}")
    return parsed


probability: Final = Kind("a probability", _probability, {"type": "number", "minimum": 0, "maximum": 1}, _show_number)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        meant = _SAID.get(value.casefold()) if isinstance(value, str) else None
        raise Rejects(f"expected true or false, got {spell(value)}", help=meant and f"write {meant}")
    return value


_SAID: Final = {
    **dict.fromkeys(("yes", "on", "true", "y", "t"), "true"),
    **dict.fromkeys(("no", "off", "false", "n", "f", "none"), "false"),
}
"""What is meant by words for true and false that this YAML has for text."""


flag: Final = Kind("true or false", _flag, {"type": "boolean"})


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Rejects(f"expected text, got {spell(value)}")
    return value


text: Final = Kind("text", _text, {"type": "string", "pattern": "\\S"})


def described(name: str) -> Kind:
    """A value that whoever reads it checks, part by part; the kind says what the reference pages call it."""
    return Kind(name, lambda value: value, {})


def choice(*names: str) -> Kind:
    """One of a few words.

    >>> choice("nearest", "bilinear").parse("nearst")
    Traceback (most recent call last):
    archscope.errors.Rejects: expected one of nearest, bilinear, got 'nearst'; did you mean `nearest`?
    """

    def parse(value: Any) -> str:
        if value not in names:
            wanted = ", ".join(names) if len(names) <= 6 else f"{len(names)} words"
            raise Rejects(
                f"expected one of {wanted}, got {spell(value)}",
                help=did_you_mean(str(value), names, what="choices"),
            )
        return str(value)

    return Kind(f"one of {', '.join(names)}", parse, {"enum": list(names)})


def optional(kind: Kind) -> Kind:
    """A value that may be left open with ``null``."""

    def parse(value: Any) -> Any:
        return None if value is None else kind.parse(value)

    def show(value: Any) -> Any:
        return None if value is None else kind.show(value)

    return Kind(f"{kind.name}, or null", parse, {"anyOf": [kind.schema, {"type": "null"}]}, show)


def each_axis(axes: int, kind: Kind = positive) -> Kind:
    """One value for each of ``axes`` spatial axes; a single value stands for all.

    >>> each_axis(3).parse(2)
    (2, 2, 2)
    """
    many = {1: "a list of one", 2: "a pair of them", 3: "three of them"}[axes]

    def parse(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            return (kind.parse(value),) * axes
        if len(value) != axes:
            raise Rejects(f"expected {kind.name} or {many}, got {spell(value)}")
        return tuple(elements(kind, value))

    def show(value: tuple[Any, ...]) -> Any:
        return kind.show(value[0]) if len(set(value)) == 1 else [kind.show(each) for each in value]

    array = {"type": "array", "items": kind.schema, "minItems": axes, "maxItems": axes}
    return Kind(f"{kind.name} or {many}", parse, {"anyOf": [kind.schema, array]}, show)


def elements(kind: Kind, values: Sequence[Any]) -> list[Any]:
    """Each value of a list; a mistake says at which place."""
    parsed = []
    for position, value in enumerate(values):
        try:
            parsed.append(kind.parse(value))
        except Rejects as error:
            error.path = (position, *error.path)
            raise
    return parsed


pair: Final = each_axis(2)


def list_of(kind: Kind, name: str, *, least: int = 1) -> Kind:
    """A list with elements of one kind."""

    def parse(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) < least:
            raise Rejects(f"expected {name}, got {spell(value)}")
        return tuple(elements(kind, value))

    def show(value: tuple[Any, ...]) -> list[Any]:
        return [kind.show(each) for each in value]

    return Kind(name, parse, {"type": "array", "items": kind.schema, "minItems": least}, show)


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, (list, tuple)) and len(value) > MOST_AXES:
        raise Rejects(f"expected a shape of at most {MOST_AXES} axes, got {len(value):,}")
    return tuple(_EXTENTS.parse(value))


_EXTENTS: Final = list_of(positive, "a list of positive integers")
shape: Final = Kind(_EXTENTS.name, _shape, {**_EXTENTS.schema, "maxItems": MOST_AXES}, _EXTENTS.show)


def _extent_or_open(value: Any) -> int:
    if value == -1 and _is_int(value):
        return -1
    return int(positive.parse(value))


open_shape: Final = list_of(
    Kind(
        "a positive integer, or -1 for what is left",
        _extent_or_open,
        {"anyOf": [{"const": -1}, positive.schema]},
    ),
    "a list of positive integers, one of which may be -1",
)


def one_or_many(kind: Kind, name: str) -> Kind:
    """One value, kept as a list of one, or a list."""
    many = list_of(kind, name)

    def parse(value: Any) -> tuple[Any, ...]:
        return tuple(many.parse(value)) if isinstance(value, (list, tuple)) else (kind.parse(value),)

    def show(value: tuple[Any, ...]) -> Any:
        return kind.show(value[0]) if len(value) == 1 else many.show(value)

    return Kind(name, parse, {"anyOf": [kind.schema, many.schema]}, show)


def _connection_table(value: Any) -> tuple[tuple[int, ...], ...]:
    rows = list_of(list_of(non_negative, "a list of input maps"), "a list of input maps for each output map")
    parsed = rows.parse(value)
    for position, row in enumerate(parsed):
        if len(set(row)) < len(row):
            twice = next(source for source, times in Counter(row).items() if times > 1)
            raise Rejects(f"output map {position} names input map {twice} twice", path=(position,))
    return tuple(tuple(row) for row in parsed)


connection_table: Final = Kind(
    "for each output map, the list of input maps it sees, counted from 0",
    _connection_table,
    {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"type": "integer", "minimum": 0},
        },
    },
    lambda value: [list(row) for row in value],
)

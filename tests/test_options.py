"""Kinds of option value: what each takes, what it makes of it, and that its JSON Schema says the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from archscope import options, paddings
from archscope.errors import Rejects
from archscope.layers import TYPES
from archscope.options import Kind

KINDS: dict[str, Kind] = {
    "positive": options.positive,
    "non_negative": options.non_negative,
    "integer": options.integer,
    "number": options.number,
    "positive_number": options.positive_number,
    "non_negative_number": options.non_negative_number,
    "probability": options.probability,
    "flag": options.flag,
    "text": options.text,
    "choice": options.choice("none", "tanh"),
    "optional": options.optional(options.positive),
    "each_axis(1)": options.each_axis(1),
    "each_axis(2)": options.each_axis(2),
    "each_axis(3)": options.each_axis(3),
    **{f"sides({n})": paddings.sides(n) for n in (1, 2, 3)},
    **{f"padding({n})": paddings.padding(n) for n in (1, 2, 3)},
    "list_of": options.list_of(options.positive, "a list"),
    "shape": options.shape,
    "open_shape": options.open_shape,
    "one_or_many": options.one_or_many(options.positive, "one or many"),
    "connection_table": options.connection_table,
}

TAKEN: list[tuple[str, Any, Any]] = [
    ("positive", 1, 1),
    ("non_negative", 0, 0),
    ("integer", -3, -3),
    ("number", 2, 2.0),
    ("positive_number", 0.5, 0.5),
    ("probability", 1, 1.0),
    ("flag", False, False),
    ("text", "C1", "C1"),
    ("choice", "tanh", "tanh"),
    ("optional", None, None),
    ("optional", 4, 4),
    ("each_axis(1)", 5, (5,)),
    ("each_axis(1)", [5], (5,)),
    ("each_axis(2)", 5, (5, 5)),
    ("each_axis(2)", [3, 5], (3, 5)),
    ("each_axis(3)", (1, 2, 3), (1, 2, 3)),
    ("sides(1)", 2, ((2, 2),)),
    ("sides(1)", [2, 0], ((2, 0),)),
    ("sides(2)", [1, 2], ((1, 1), (2, 2))),
    ("sides(2)", [1, 2, 3, 4], ((3, 4), (1, 2))),
    ("sides(2)", ((3, 4), (1, 2)), ((3, 4), (1, 2))),
    ("sides(3)", [1, 2, 3], ((1, 1), (2, 2), (3, 3))),
    ("sides(3)", [1, 2, 3, 4, 5, 6], ((5, 6), (3, 4), (1, 2))),
    ("padding(2)", "same", "same"),
    ("padding(2)", 0, ((0, 0), (0, 0))),
    ("shape", [3, 4], (3, 4)),
    ("open_shape", [3, -1], (3, -1)),
    ("one_or_many", 4, (4,)),
    ("one_or_many", [4, 5], (4, 5)),
    ("connection_table", [[0, 2], [1]], ((0, 2), (1,))),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("positive", 0, "expected a positive integer, got 0"),
    ("positive", "5", "expected a positive integer, got '5'"),
    ("positive", 2.0, "expected a positive integer, got 2.0"),
    ("positive", None, "expected a positive integer, got nothing"),
    ("positive", 10**9 + 1, "expected a positive integer up to 1,000,000,000, got 1000000001"),
    ("positive", 10**1_000_000, "expected a positive integer up to 1,000,000,000, got a number of 1000001 digits"),
    ("non_negative", -1, "expected a whole number, 0 or more, got -1"),
    ("integer", True, "expected an integer, got true"),
    ("integer", 10**10, "expected an integer, got 10000000000"),
    ("number", "many", "expected a number, got 'many'"),
    ("number", math.inf, "expected a finite number, got inf"),
    ("number", 10**400, "expected a finite number, got a number of 401 digits"),
    ("positive_number", 0, "expected a number above 0, got 0"),
    ("probability", 1.01, "expected a probability from 0 to 1, got 1.01"),
    ("flag", "yes", "expected true or false, got 'yes'; write true"),
    ("flag", "maybe", "expected true or false, got 'maybe'"),
    ("text", "  ", "expected text, got '  '"),
    ("choice", "tan", "expected one of none, tanh, got 'tan'; did you mean `tanh`?"),
    ("choice", ["none"], "expected one of none, tanh, got ['none']; did you mean `none`?"),
    ("each_axis(2)", [1], "expected a positive integer or a pair of them, got [1]"),
    ("each_axis(3)", {"a": 1}, "expected a positive integer, got {a: 1}"),
    ("sides(2)", [1, 2, 3],
     ("expected a number, a pair (height, width) or four sides (left, right, top, bottom), got [1, 2, 3]")),
    ("sides(1)", "same", "expected a whole number, 0 or more, got 'same'"),
    ("shape", [], "expected a list of positive integers, got []"),
    ("shape", [3, -1], "expected a positive integer, got -1"),
    ("open_shape", [3, -2], "expected a positive integer, got -2"),
    ("connection_table", [[0], []], "expected a list of input maps, got []"),
    ("connection_table", [[0], [1, 1]], "output map 1 names input map 1 twice"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "written", "parsed"), TAKEN, ids=str)
def test_a_value_is_brought_to_one_form(kind: str, written: Any, parsed: Any) -> None:
    assert KINDS[kind].parse(written) == parsed


@pytest.mark.parametrize(
    ("kind", "written", "message"), REFUSED, ids=lambda value: str(value)[:30] if not isinstance(value, int) else ""
)
def test_a_wrong_value_is_refused_with_what_was_expected(kind: str, written: Any, message: str) -> None:
    with pytest.raises(Rejects) as caught:
        KINDS[kind].parse(written)
    assert str(caught.value) == message


def test_a_wrong_element_is_found_in_its_list() -> None:
    with pytest.raises(Rejects) as caught:
        options.connection_table.parse([[0, 1], [2, "x"]])
    assert caught.value.path == (1, 1)
    with pytest.raises(Rejects) as caught:
        paddings.sides(2).parse([0, 0, -1, 0])
    assert caught.value.path == (2,)


SCALARS: list[Any] = [
    None, True, False, -(10**9) - 1, -(10**9), -3, -1, 0, 1, 2, 7, 10**9, 10**9 + 1, -0.5, 0.25, 1.5,
    "same", "valid", "none", "tanh", "", " ", "x",
]  # fmt: skip
NUMBERS = [[*range(1, length + 1)] for length in range(7)]
FLAWED = [
    [*row[:position], flaw, *row[position + 1 :]]
    for row in NUMBERS
    for position in {0, len(row) - 1}
    if row
    for flaw in (-1, 0, 1.5, "same", None, True, [1], [], [1, 1], [0, 2])
]
VALUES = [*SCALARS, *NUMBERS, *FLAWED, {}, {"a": 1}, [[0], [1]], [[0, 2], [1]], [[0, 0]], [[]], [[[1]]]]


@pytest.mark.parametrize("name", KINDS)
def test_the_json_schema_takes_what_the_program_takes_and_nothing_else(name: str) -> None:
    """So an editor marks a mistake exactly where the program reports one."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    kind = KINDS[name]
    validator = jsonschema.Draft202012Validator(kind.schema)
    for value in VALUES:
        assert validator.is_valid(value) == takes(kind, value), value


@pytest.mark.parametrize("name", KINDS)
def test_what_is_shown_is_read_back_the_same(name: str) -> None:
    kind = KINDS[name]
    for value in [*VALUES, *(written for tried, written, _ in TAKEN if tried == name)]:
        if takes(kind, value):
            parsed = kind.parse(value)
            assert kind.parse(kind.show(parsed)) == parsed
            assert kind.parse(parsed) == parsed


def takes(kind: Kind, value: Any) -> bool:
    try:
        kind.parse(value)
    except Rejects:
        return False
    return True


def test_every_option_of_every_layer_has_a_kind_that_is_tried_here() -> None:
    tried = {kind.name for kind in KINDS.values()}
    for layer in TYPES.values():
        for option in layer.options.values():
            name = option.kind.name
            assert name.removesuffix(", or null") in tried or name.startswith(
                ("one of ", "a list of", "a whole", "a number above", "a positive integer or", "true, false or a list")
            ), name

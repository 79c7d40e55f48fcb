"""A count is a number and the arithmetic that made it; what is printed evaluates to what was computed."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archscope.working import Count, count, product, subtotal, total
from tests.layers.layer_case import evaluate

LETTERS = {"k": 5, "c": 1, "n": 6, "h": 28, "g": 2, "big": 12_345}
leaves = st.one_of(
    st.sampled_from([count(value, letter) for letter, value in LETTERS.items()]),
    st.integers(0, 3_000).map(count),
    st.integers(1, 9),
)


def combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda pair: count(0) + pair[0] if pair[0] is pair[1] else pair[0] + pair[1]),
        pairs.map(lambda pair: pair[0] * pair[1]),
        pairs.map(lambda pair: pair[0] - pair[1]),
        st.tuples(parts, st.integers(1, 7)).map(lambda pair: (count(0) + pair[0]).floor_over(pair[1])),
        st.tuples(parts, st.integers(1, 7)).map(lambda pair: (count(0) + pair[0]).ceil_over(count(pair[1], "g" * 2))),
        st.tuples(parts, st.integers(1, 7)).map(lambda pair: (pair[0] * count(pair[1])).over(pair[1])),
        st.lists(parts, min_size=1, max_size=4).map(total),
        st.lists(parts, min_size=1, max_size=3).map(product),
    )


expressions = st.recursive(leaves, combined, max_leaves=12)


@settings(max_examples=300)
@given(expressions)
def test_the_arithmetic_shown_is_the_arithmetic_done(made: Any) -> None:
    number = count(0) + made
    assert isinstance(number, Count)
    assert evaluate(number.working) == number
    values = {**LETTERS, **{letter: value for letter, value in number.letters.items() if letter == "gg"}}
    if "gg" not in values or number.formula.count("gg") <= 1:
        assert evaluate(number.formula, values) == number


@settings(max_examples=100)
@given(expressions)
def test_a_count_is_the_same_after_a_trip_through_pickle(made: Any) -> None:
    number = count(0) + made
    again = pickle.loads(pickle.dumps(number))
    assert (again, again.working, again.formula) == (number, number.working, number.formula)


@pytest.mark.parametrize(
    ("number", "working"),
    [
        ((count(5) * 5 * 1 + 1) * 6, "(5·5·1 + 1)·6"),
        (count(5) * 5 * 60 + 16, "5·5·60 + 16"),
        (count(10) - (count(3) + 2), "10 − (3 + 2)"),
        (count(10) - (count(3) - 2), "10 − (3 − 2)"),
        ((count(10) - 3) - 2, "10 − 3 − 2"),
        (1 + count(2) * 3, "1 + 2·3"),
        (2 * (count(1) + 1), "2·(1 + 1)"),
        (10 - count(4), "10 − 4"),
        (count(12).over(count(2) * 3), "12/(2·3)"),
        (count(3) * count(96).over(2), "3·96/2"),
        ((count(227) - 11).floor_over(4) + 1, "⌊(227 − 11)/4⌋ + 1"),
        (count(7).ceil_over(count(1) + 1), "⌈7/(1 + 1)⌉"),
        (count(4_096) * 9_216, "4,096·9,216"),
        (count(0), "0"),
        (count(-16) - count(1) * 16, "−16 − 1·16"),
        (count(3) * count(-2), "3·(−2)"),
        (count(3) - count(-2), "3 − (−2)"),
        (total([]), "0"),
        (product([]), "1"),
        (total([count(5)]), "5"),
        (total([count(2) * 3, count(0), count(2) * 3]), "2·2·3"),
        (total([count(2) * 3, count(6)]), "2·3 + 6"),
        (subtotal([count(2) * 3, count(0), count(1_000)]), "6 + 1,000"),
        (subtotal([]), "0"),
        (count(3) * subtotal([count(2) * 3, count(4)]), "3·(6 + 4)"),
    ],
    ids=str,
)
def test_brackets_stand_where_they_are_needed_and_nowhere_else(number: Count, working: str) -> None:
    assert number.working == working
    assert evaluate(working) == number


def test_a_formula_has_letters_and_the_letters_their_values() -> None:
    k, c, n = count(5, "k"), count(3, "c"), count(6, "n")
    number = (k * k * c + 1) * n
    assert number.formula == "(k·k·c + 1)·n"
    assert number.letters == {"k": 5, "c": 3, "n": 6}


def test_a_subtotal_has_no_letters_because_it_shows_none() -> None:
    number = subtotal([count(5, "k") * 2, count(6, "n")])
    assert (number.formula, number.letters) == ("10 + 6", {})


def test_a_count_is_an_int_in_every_use() -> None:
    number = (count(5) * 5 + 1) * 6
    assert number == 156
    assert hash(number) == hash(156)
    assert f"{number:,}" == "156"
    assert [0] * (count(2) + 1) == [0, 0, 0]
    assert {156: "found"}[number] == "found"


def test_a_count_times_a_fraction_is_no_count_and_loses_nothing() -> None:
    assert count(5) * 1.5 == 1.5 * count(5) == 7.5
    assert count(5) + 0.5 == 0.5 + count(5) == 5.5
    assert (count(5) - 0.5, 0.5 - count(5)) == (4.5, -4.5)


def test_a_number_given_forgets_what_made_it() -> None:
    assert count(count(14) + 14, "h").working == "28"


def test_a_division_that_leaves_a_rest_is_a_mistake_of_the_rule() -> None:
    with pytest.raises(ArithmeticError, match="3 does not divide 64"):
        count(64).over(3)


def test_a_sum_over_ten_thousand_layers_is_written_without_recursion() -> None:
    number: Count = count(0)
    for layer in range(10_000):
        number = number + layer
    assert number.working.count("+") == 10_000
    assert number == 49_995_000

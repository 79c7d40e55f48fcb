"""Arithmetic over names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archscope.errors import Rejects
from archscope.reader.blocks.expression import DEEPEST, LONGEST, evaluate

NAMES: dict[str, Any] = {"a": 7, "b": -3, "n": (3, 4, 6, 3), "act": "relu", "yes": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4*$a", 28),
        ("$a//2", 3),
        ("$b//2", -2),
        ("2 + 3 * $a", 23),
        ("(2 + 3) * $a", 35),
        ("-$a - -2", -5),
        ("7 - 3 - 2", 2),
        ("100 // 7 // 2", 7),
        ("$n[2]*2", 12),
        ("$n[-1]", 3),
        ("$n[$b + 4]", 4),
        ("$n + 1", 4),
        ("$act", "relu"),
    ],
)
def test_an_expression_has_the_value_that_python_gives_it(text: str, value: Any) -> None:
    assert evaluate(text, NAMES.__getitem__) == value


def bracketed(parts: tuple[str, str, str]) -> str:
    return f"({' '.join(parts)})"


ATOMS = st.integers(0, 50).map(str) | st.just("$a")
SIGNS = st.sampled_from(["+", "-", "*", "//"])


@given(st.recursive(ATOMS, lambda inner: st.tuples(inner, SIGNS, inner).map(bracketed), max_leaves=8))
def test_brackets_and_signs_mean_what_they_mean_in_python(text: str) -> None:
    try:
        expected = eval(text.replace("$a", "7"))
    except ZeroDivisionError:
        with pytest.raises(Rejects, match="divides by 0"):
            evaluate(text, NAMES.__getitem__)
        return
    assert evaluate(text, NAMES.__getitem__) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("$a/2", "`/2` has no meaning"),
        ("costs $a", "in a text `$$` is a dollar"),
        ("$a ** 2", "no expression"),
        ("2*", "no expression"),
        ("(2", "no expression"),
        ("2)", "no expression"),
        ("$a $a", "no expression"),
        ("$act + 1", "reckons with 'relu'"),
        ("$yes + 1", "reckons with true"),
        ("$a[0]", "is no list"),
        ("$n[4]", "has 4 entries"),
        ("1//0", "divides by 0"),
        ("9" * 30, "is more than"),
        ("*".join(["1000000"] * 4), "is more than"),
        ("1+" * LONGEST + "1", "characters"),
        ("(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1), "deep"),
    ],
)
def test_what_has_no_value_is_refused(text: str, says: str) -> None:
    with pytest.raises(Rejects, match=None) as caught:
        evaluate(text, NAMES.__getitem__)
    assert says in str(caught.value)

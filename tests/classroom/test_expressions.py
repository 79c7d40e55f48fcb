"""Numbers, arithmetic and shapes as pupils write them."""

import pytest

from archscope.classroom.expressions import LONGEST, NoNumber, evaluate, read
from archscope.classroom.notation import read_shape, same_shape
from tests.steps import counted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("156", 156), (" 156 ", 156), ("122,304", 122_304), ("122 304", 122_304), ("122.304", 122_304),
        ("122'304", 122_304), ("122’304", 122_304), ("122_304", 122_304), ("122\u202f304", 122_304),
        ("1,234,567", 1_234_567), ("1.234.567", 1_234_567), ("156.0", 156), ("156.00", 156), ("0", 0),
        ("(5*5+1)*6", 156), ("(5·5·1 + 1)·6", 156), ("(5×5+1)×6", 156), ("(5x5+1)x6", 156), ("[5*5+1]*6", 156),
        ("(5²+1)·6", 156), ("(5^2+1)*6", 156), ("(5**2+1)*6", 156), ("6(5·5+1)", 156), ("(5·5+1)6", 156),
        ("=(5*5+1)*6", 156), ("'=156", 156), ("156 parameters", 156), ("312/2", 156), ("312 ÷ 2", 156),
        ("(5·5·1 + 1)·28·28·6", 122_304), ("2·(11·11·3 + 1)·48", 34_944), ("96/2·5·5", 1200), ("−(1−7)", 6),
        ("⌊(227 − 11)/4⌋ + 1", 55), ("⌈(32−5)/2⌉", 14), ("2^3^2", 512), ("7 - 2 - 1", 4), ("(5*5+1)*6 = 156", 156),
    ],
)  # fmt: skip
def test_right_numbers_in_odd_notation_are_read(text, value):
    assert evaluate(text) == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing to read"),
        ("abc", "`a` is no part"),
        ("=B2*6", "`B` is no part"),
        ("=SUM(A1:A9)", "`S` is no part"),
        ("__import__('os')", "`_` is no part"),
        ("1e9", "`e` is no part"),
        ("12.000", "may be 12 or 12,000"),
        ("1.5", "is no whole number"),
        ("1,5", "is no whole number"),
        ("1.234,5", "two signs"),
        ("5 5", "no sign stands between"),
        ("7/2", "7/2, which is no whole number"),
        ("1/0", "divides by 0"),
        ("(5*5+1", "bracket is not closed"),
        ("5*5)", "stands where the arithmetic should end"),
        ("5*", "a number is missing at the end"),
        ("*5", "a number is missing before `*`"),
        ("9^9^9", "exponent"),
        ("9^80", "too large"),
        ("2^0.5", "is no whole number"),
        ("2^-1", "a number is missing before"),
        ("9" * 30, "too large"),
        ("(" * 99 + "1" + ")" * 99, "brackets stand inside of one another"),
        ("1" * (LONGEST + 1), "more than 200"),
        ("\x1b[2J", "is no part"),
    ],
)
def test_what_is_no_number_is_refused_in_a_few_words(text, why):
    with pytest.raises(NoNumber, match=None) as caught:
        evaluate(text)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_an_answer_of_a_hundred_thousand_letters_is_refused_without_being_read():
    def refuse(text):
        with pytest.raises(NoNumber):
            evaluate(text)
        with pytest.raises(NoNumber):
            read_shape(text)

    for text in ("1+" * 50_000, "(" * 100_000, "9^" * 50_000, "x" * 100_000):
        refuse(text)
        assert counted(lambda text=text: refuse(text)) < 500, "lines of Python"


def test_what_stands_behind_the_last_equals_sign_is_the_answer():
    written = read("5*5*6 = 150 = 156")
    assert (written.value, written.worked) == (156, 150)
    assert read("5*5*6 = 150").worked is None


@pytest.mark.parametrize(
    "text",
    ["6×28×28", "6x28x28", "6*28*28", "(6, 28, 28)", "[6,28,28]", "6@28×28", "6 @ 28 x 28", "6 28 28", "6,28,28",
     "6 maps of 28×28", "6 feature maps of 28 x 28", "6 channels 28 by 28", "(None, 6, 28, 28)",
     "torch.Size([6, 28, 28])",      "6;28;28", "6·28·28", "6X28X28"],
)  # fmt: skip
def test_a_shape_in_odd_notation_is_the_shape(text):
    assert same_shape(text, (6, 28, 28)) == ""


@pytest.mark.parametrize(
    ("text", "right", "how"),
    [
        ("28×28×6", (6, 28, 28), "channels last"),
        ("(1, 6, 28, 28)", (6, 28, 28), "with a batch of 1"),
        ("(None, 28, 28, 6)", (6, 28, 28), "channels last"),
        ("120", (120, 1, 1), "without its axes of 1"),
        ("4,096", (4096,), ""),
        ("4096×1", (4096,), ""),
        ("16·5·5", (400,), ""),
        ("6×30×30", (6, 28, 28), None),
        ("28×6×28", (6, 28, 28), None),
        ("6×28", (6, 28, 28), None),
    ],
)
def test_a_shape_matches_in_words(text, right, how):
    assert same_shape(text, right) == how


@pytest.mark.parametrize("text", ["", "six", "6×-1×2", "6×2.5×3", "1×" * 20 + "1", "=A1", "6×99999999999"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(NoNumber):
        read_shape(text)

"""A number that a pupil wrote, or the arithmetic for it: read by a parser of its own, bounded, and never run as code.

>>> evaluate("(5*5+1)*6"), evaluate("122 304"), evaluate("(5×5·1 + 1)6"), evaluate("2^10 − 1")
(156, 122304, 156, 1023)
>>> evaluate("⌊(227 − 11)/4⌋ + 1")
55
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from archscope.escaping import terminal
from archscope.record import Record

LONGEST: Final = 200
"""Characters of an answer: the longest working of a layer has half as many."""
LARGEST: Final = 10**24
"""What no number on the way may exceed: no count of a network is near it."""
DEEPEST: Final = 24
"""Brackets inside of brackets."""

_RAISED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_SIGNS: Final = {
    **dict.fromkeys("*×xX·⋅∙•∗✕⨯", "*"), **dict.fromkeys("−–—‐‑", "-"), **dict.fromkeys("÷∕", "/"),
    **dict.fromkeys("[{", "("), **dict.fromkeys("]}", ")"),
}  # fmt: skip
_THIN: Final = "\u00a0\u2007\u2009\u202f"
_NUMBER: Final = re.compile(rf"[0-9]+(?:([,._'’ {_THIN}])[0-9]+)*")
_WORDS: Final = re.compile(
    r"\s*(?:trainable\s+)?(?:parameters?|params?|weights?|connections?|macs?|multiply-adds?|flops?|units?|neurons?|"
    r"values?|pixels?)\.?\s*\Z", re.IGNORECASE)  # fmt: skip


class NoNumber(Exception):
    """What was written is no number and no arithmetic; the text says why, in a few words."""


class Written(Record):
    """What a pupil wrote for a number.

    Attributes:
        value: the number that counts: the last one where several stand between equals signs.
        text: what was written, fit to be shown.
        worked: what the arithmetic before an equals sign really comes to, if it is another number.
        plain: whether it is a number alone, without arithmetic.
        numbers: every number in the arithmetic, in order.
    """

    value: int
    text: str
    worked: int | None = None
    plain: bool = True
    numbers: tuple[int, ...] = ()


def evaluate(text: str) -> int:
    """The whole number that an expression comes to.

    Raises:
        NoNumber: it is none, is no whole number, is too long or too large.
    """
    return read(text).value


def read(text: str) -> Written:
    """A number as a pupil wrote it, ``156``, ``(5·5 + 1)·6`` or ``(5·5 + 1)·6 = 156``.

    Raises:
        NoNumber: as `evaluate`.

    >>> read("(5*5 + 1)*6 = 150")
    Written(value=150, text='(5*5 + 1)*6 = 150', worked=156, plain=False, numbers=(5, 5, 1, 6))
    """
    shown = terminal(" ".join(text.split()), LONGEST)
    if len(text) > LONGEST:
        raise NoNumber(f"it has {len(text):,} characters, more than {LONGEST}")
    sides = [side for side in text.strip().lstrip("'").split("=") if side.strip()]
    if not sides:
        raise NoNumber("there is nothing to read")
    read_sides = [_side(side) for side in sides]
    value, (worked, numbers) = read_sides[-1][0], read_sides[0]
    plain = all(len(each) == 1 for _, each in read_sides)
    return Written(value, shown, worked if worked != value else None, plain, numbers)


def _side(text: str) -> tuple[int, tuple[int, ...]]:
    tokens = _tokens(_WORDS.sub("", text))
    value = _Reading(tokens).whole()
    if value.denominator != 1:
        raise NoNumber(f"it comes to {value.numerator:,}/{value.denominator:,}, which is no whole number")
    return int(value), tuple(int(each) for each in tokens if isinstance(each, int))


def _tokens(text: str) -> list[int | str]:
    tokens: list[int | str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign.isspace():
            at += 1
        elif sign in "0123456789":
            found = _NUMBER.match(text, at)
            assert found is not None  # noqa: S101 - a digit begins it
            tokens.append(_grouped(found[0]))
            at = found.end()
        elif sign.translate(_RAISED) != sign:
            end = at
            while end < len(text) and text[end].translate(_RAISED) != text[end]:
                end += 1
            tokens += ["^", int(text[at:end].translate(_RAISED))]
            at = end
        elif text.startswith("**", at):
            tokens.append("^")
            at += 2
        elif (known := _SIGNS.get(sign, sign)) in "+-*/^()⌊⌋⌈⌉":
            tokens.append(known)
            at += 1
        else:
            raise NoNumber(f"`{terminal(sign)}` is no part of a number or its arithmetic")
    return tokens


def _grouped(text: str) -> int:
    """A number with what stands between its thousands; a comma and a point mean either, so what is unclear is refused.

    >>> _grouped("122,304"), _grouped("1 516"), _grouped("122.304")
    (122304, 1516, 122304)
    """
    signs = {sign for sign in text if sign not in "0123456789"}
    if not signs:
        return int(text)
    if len(signs) > 1:
        raise NoNumber(f"`{text}` has two signs between its digits; write it without")
    sign = signs.pop()
    first, *groups = text.split(sign)
    if len(groups) == 1 and sign in ".," and not groups[0].strip("0"):
        if len(groups[0]) != 3:  # a spreadsheet's 156.0
            return int(first)
        if sign == "." and first != "0":
            raise NoNumber(f"`{text}` may be {first} or {first},{groups[0]}; write it without the point")
    if len(first) > 3 or first == "0" or any(len(group) != 3 for group in groups):
        if sign in ".,":
            raise NoNumber(f"`{text}` is no whole number")
        raise NoNumber(f"no sign stands between the numbers of `{text}`")
    return int(first + "".join(groups))


class _Reading:
    """One expression, read from left to right: sums of products of powers of numbers and brackets."""

    def __init__(self, tokens: Sequence[int | str]) -> None:
        self.tokens = [*tokens, ""]
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> int | str:
        return self.tokens[self.at]

    def take(self) -> int | str:
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Fraction:
        value = self.sum()
        if self.next != "":
            raise NoNumber(f"`{self.next}` stands where the arithmetic should end")
        return value

    def sum(self) -> Fraction:
        negative = self.next == "-"
        if self.next in ("+", "-"):
            self.take()
        value = self.product()
        if negative:
            value = -value
        while self.next in ("+", "-"):
            value = _bounded(value + self.product() if self.take() == "+" else value - self.product())
        return value

    def product(self) -> Fraction:
        value = self.power()
        while True:
            if self.next in ("*", "/"):
                sign = self.take()
                factor = self.power()
                if sign == "/" and not factor:
                    raise NoNumber("it divides by 0")
                value = _bounded(value * factor if sign == "*" else value / factor)
            elif self.next in ("(", "⌊", "⌈") or (isinstance(self.next, int) and self.tokens[self.at - 1] == ")"):
                value = _bounded(value * self.power())  # (5·5 + 1)6
            else:
                return value

    def power(self) -> Fraction:
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        exponent = self.power()
        if exponent.denominator != 1 or not 0 <= exponent <= 80:
            raise NoNumber("an exponent is a whole number from 0 to 80")
        if int(exponent) * max(abs(base.numerator).bit_length(), base.denominator.bit_length()) > 400:
            raise NoNumber("a number on the way is too large")
        return _bounded(base ** int(exponent))

    def atom(self) -> Fraction:
        sign = self.take() if self.next != "" else ""
        if isinstance(sign, int):
            return _bounded(Fraction(sign))
        if sign in ("(", "⌊", "⌈"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise NoNumber(f"more than {DEEPEST} brackets stand inside of one another")
            value = self.sum()
            if self.next != {"(": ")", "⌊": "⌋", "⌈": "⌉"}[sign]:
                raise NoNumber("a bracket is not closed")
            self.take()
            self.depth -= 1
            return value if sign == "(" else Fraction(value.__floor__() if sign == "⌊" else value.__ceil__())
        raise NoNumber(f"a number is missing before `{sign}`" if sign else "a number is missing at the end")


def _bounded(value: Fraction) -> Fraction:
    if abs(value) > LARGEST or value.denominator > LARGEST:
        raise NoNumber("a number on the way is too large")
    return value

"""Arithmetic over names in a spec: ``4*$c``, ``$k//2``, ``$n[0]``.

Integers with ``+ - * //`` and brackets; ``$name`` is an option of the block, a name of ``let:``, or an input of the
block, whose channels it then is. ``$$`` is a ``$`` of a text that is no expression.

>>> evaluate("4*($c + 1)", {"c": 64}.__getitem__)
260
>>> evaluate("$n[1]", {"n": (3, 4, 6)}.__getitem__)
4
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from archscope.errors import Rejects
from archscope.options import spell

LONGEST: Final = 200
"""Characters an expression may have."""
DEEPEST: Final = 24
"""Brackets within brackets."""
LARGEST: Final = 10**15
"""The largest value on the way; an option takes less."""

_NAME: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_TOKEN: Final = re.compile(r"\s*(?:([0-9]+)|\$([A-Za-z_][A-Za-z0-9_]*)|(//|[-+*()\[\]]))\s*")
_WRITE: Final = "write integers and $names with + - * // and brackets"


def names_in(text: str) -> list[str]:
    """The names that a text asks for.

    >>> names_in("4*$c + $k"), names_in("costs $$c")
    (['c', 'k'], [])
    """
    return _NAME.findall(text.replace("$$", ""))


def literal(text: str) -> str | None:
    """A text with a `$` for each `$$`; None for one that asks for names.

    >>> literal("costs $$5"), literal("2*$c")
    ('costs $5', None)
    """
    return None if "$" in text.replace("$$", "") else text.replace("$$", "$")


def escaped(text: str) -> str:
    """A text as a line says it: with `$$` for each `$`."""
    return text.replace("$", "$$")


def whole_name(text: str) -> str | None:
    """The name that is all of a text: ``$act`` may stand for a value of any kind."""
    found = _NAME.fullmatch(text.strip())
    return None if found is None else found[1]


def evaluate(text: str, value_of: Callable[[str], Any]) -> Any:
    """The value of an expression.

    Raises:
        Rejects: it is none, or its value is no integer.
    """
    if len(text) > LONGEST:
        raise Rejects(f"an expression of {len(text):,} characters", help=f"it has at most {LONGEST}")
    return _Parser(text, value_of).value()


class _Parser:
    """Reads the tokens of one expression and works it out on the way."""

    def __init__(self, text: str, value_of: Callable[[str], Any]) -> None:
        self.text = text
        self.value_of = value_of
        self.tokens = self._tokens()
        self.at = 0
        self.depth = 0

    def _tokens(self) -> list[tuple[str, str, str]]:
        found, place = [], 0
        while place < len(self.text):
            token = _TOKEN.match(self.text, place)
            if token is None:
                rest = self.text[place:].strip()
                text = f"{_WRITE}; in a text `$$` is a dollar"
                help_ = "write // to divide without a remainder" if rest.startswith("/") else text
                raise Rejects(f"`{self.text}` is no expression: `{rest}` has no meaning in it", help=help_)
            found.append((token[1] or "", token[2] or "", token[3] or ""))
            place = token.end()
        return found

    def value(self) -> Any:
        value = self._sum()
        if self.at < len(self.tokens):
            raise self._unfinished()
        return value

    def _next(self) -> tuple[str, str, str]:
        if self.at >= len(self.tokens):
            raise self._unfinished()
        self.at += 1
        return self.tokens[self.at - 1]

    def _unfinished(self) -> Rejects:
        return Rejects(f"`{self.text}` is no expression", help=_WRITE)

    def _sign(self, *signs: str) -> str:
        """The next token if it is one of some signs; nothing otherwise."""
        if self.at < len(self.tokens) and self.tokens[self.at][2] in signs:
            self.at += 1
            return self.tokens[self.at - 1][2]
        return ""

    def _sum(self) -> Any:
        value = self._product()
        while sign := self._sign("+", "-"):
            other = self._product()
            value = self._bounded(self._number(value) + (1 if sign == "+" else -1) * self._number(other))
        return value

    def _product(self) -> Any:
        value = self._atom()
        while sign := self._sign("*", "//"):
            left, right = self._number(value), self._number(self._atom())
            if sign == "//" and right == 0:
                raise Rejects(f"`{self.text}` divides by 0")
            value = self._bounded(left * right if sign == "*" else left // right)
        return value

    def _atom(self) -> Any:
        number, name, sign = self._next()
        if number:
            return self._bounded(int(number)) if len(number) < 20 else self._bounded(LARGEST + 1)
        if name:
            return self._indexed(self.value_of(name), name)
        self.depth += 1
        if self.depth > DEEPEST:
            raise Rejects(f"`{self.text}` has brackets more than {DEEPEST} deep")
        try:
            if sign == "-":
                return -self._number(self._atom())
            if sign == "(":
                value = self._sum()
                if not self._sign(")"):
                    raise self._unfinished()
                return value
        finally:
            self.depth -= 1
        raise self._unfinished()

    def _indexed(self, value: Any, name: str) -> Any:
        if not self._sign("["):
            return value
        position = self._number(self._sum())
        if not self._sign("]"):
            raise self._unfinished()
        if not isinstance(value, (tuple, list)):
            raise Rejects(f"`{self.text}`: `${name}` is no list, it is {spell(value)}")
        if not -len(value) <= position < len(value):
            raise Rejects(f"`{self.text}`: `${name}` has {len(value)} entries, counted from 0, and none at {position}")
        return value[position]

    def _number(self, value: Any) -> int:
        """A value to reckon with; the size of an input stands for its channels."""
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(first, bool) or not isinstance(first, int):
            raise Rejects(f"`{self.text}` reckons with {spell(value)}, which is no integer", help=_WRITE)
        return int(first)

    def _bounded(self, value: int) -> int:
        if abs(value) > LARGEST:
            raise Rejects(f"`{self.text}` is more than {LARGEST:,}")
        return value

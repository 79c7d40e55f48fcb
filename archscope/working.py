"""`Count`: an ``int`` that remembers the arithmetic that made it.

A rule writes a count once, as arithmetic over counts. The result is the number *and* its derivation,
so what is printed can never drift from what was computed:

>>> k, c, n = count(5, "k"), count(1, "c"), count(6, "n")
>>> parameters = (k * k * c + 1) * n
>>> parameters
156
>>> parameters.working
'(5·5·1 + 1)·6'
>>> parameters.formula
'(k·k·c + 1)·n'
>>> parameters.letters
{'k': 5, 'c': 1, 'n': 6}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, Final, Self

_SUM: Final = 1
_PRODUCT: Final = 2
_ATOM: Final = 3

_RANK: Final = {"+": _SUM, "-": _SUM, "·": _PRODUCT, "/": _PRODUCT, "⌊/⌋": _ATOM, "⌈/⌉": _ATOM, "Σ": _SUM}
_SIGN: Final = {"+": " + ", "-": " − ", "·": "·", "/": "/"}


class Count(int):
    """An exact integer with the expression it came from.

    Args:
        value: the number.
        op: how it was made: ``"+"``, ``"-"``, ``"·"``, ``"/"``, ``"⌊/⌋"`` or ``"⌈/⌉"``;
            empty for a number that was given.
        parts: what it was made from.
        letter: the name of a given number in a formula, such as ``k``.

    >>> (count(28) * 28 * 6).working
    '28·28·6'
    """

    # Most counts are plain numbers, and a million of them are made: what is not stated takes no room.
    op: str = ""
    parts: tuple[Count, ...] = ()
    letter: str = ""
    is_open: ClassVar[bool] = False
    """Whether it is a formula in symbols; see `archscope.symbols`."""

    def __new__(cls, value: int, op: str = "", parts: tuple[Count, ...] = (), letter: str = "") -> Self:
        self = int.__new__(cls, value)
        if op:
            self.op = op
            self.parts = parts
        if letter:
            self.letter = letter
        return self

    def __add__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(self) + int(other), "+", (self, as_count(other)))

    def __radd__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(other) + int(self), "+", (as_count(other), self))

    def __sub__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(self) - int(other), "-", (self, as_count(other)))

    def __rsub__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(other) - int(self), "-", (as_count(other), self))

    def __mul__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(self) * int(other), "·", (self, as_count(other)))

    def __rmul__(self, other: int) -> Count:
        if not isinstance(other, int):
            return NotImplemented
        return Count(int(other) * int(self), "·", (as_count(other), self))

    def over(self, divisor: int) -> Count:
        """Divide exactly.

        Raises:
            ArithmeticError: there is a remainder; a rule must have rejected such an input before.

        >>> count(96, "c").over(count(2, "g")).working
        '96/2'
        """
        quotient, remainder = divmod(int(self), int(divisor))
        if remainder:
            raise ArithmeticError(f"{int(divisor)} does not divide {int(self)}")
        return Count(quotient, "/", (self, as_count(divisor)))

    def floor_over(self, divisor: int) -> Count:
        """Divide and round down, written ``⌊a/b⌋``."""
        return Count(int(self) // int(divisor), "⌊/⌋", (self, as_count(divisor)))

    def ceil_over(self, divisor: int) -> Count:
        """Divide and round up, written ``⌈a/b⌉``."""
        return Count(-(-int(self) // int(divisor)), "⌈/⌉", (self, as_count(divisor)))

    @property
    def working(self) -> str:
        """The arithmetic in numbers, ``(5·5·1 + 1)·6``; the number alone where it was given."""
        return _write(self, lambda leaf: leaf.text)

    @property
    def formula(self) -> str:
        """The arithmetic in letters, ``(k·k·c + 1)·n``; numbers without a letter stay numbers."""
        return _write(self, lambda leaf: leaf.letter or leaf.text)

    @property
    def letters(self) -> dict[str, int]:
        """The value of every letter of the formula, in order of appearance."""
        return {leaf.letter: int(leaf) for leaf in _leaves(self) if leaf.letter}

    @property
    def text(self) -> str:
        """The number as a person reads it."""
        return _digits(self)

    def lettered(self, letter: str) -> Count:
        """The same as a given number, under a letter."""
        return Count(int(self), letter=letter)

    def bare(self) -> int:
        """The number alone."""
        return int(self)

    @property
    def typical(self) -> int:
        """The number itself; of a formula, its value at sizes that are like no other."""
        return int(self)

    def summed(self, op: str, counts: tuple[Count, ...]) -> Count:
        """The sum of some counts, this one among them."""
        return Count(sum(map(int, counts)), op, counts)

    def __getnewargs__(self) -> tuple[int, str, tuple[Count, ...], str]:  # type: ignore[override]
        return int(self), self.op, self.parts, self.letter


def count(value: int, letter: str = "") -> Count:
    """A given number, with its letter in formulas: the leaf of every derivation.

    Whatever arithmetic ``value`` carried is forgotten: in ``28·28·6`` the 28 is a number, whatever made it.

    >>> count(count(2) + 3, "k").working
    '5'
    """
    return value.lettered(letter) if isinstance(value, Count) else Count(value, letter=letter)


def bare(value: float) -> int:
    """A number without the arithmetic that made it, rounded down; a formula as it is, written as a given number."""
    return value.bare() if isinstance(value, Count) else int(value)


def digits(value: int) -> str:
    """A number as a person reads it, ``122,304``; a formula as the polynomial it comes to."""
    return as_count(value).text


def factor(value: int) -> str:
    """An extent beside the sign of a product: a sum of several terms in brackets."""
    text = str(bare(value))
    return f"({text})" if " " in text else text


def product(factors: Iterable[int]) -> Count:
    """Multiply any number of counts; the empty product is 1.

    >>> product([count(28), count(28), count(6)]).working
    '28·28·6'
    """
    result: Count | None = None
    for factor in factors:
        result = as_count(factor) if result is None else result * factor
    return count(1) if result is None else result


def total(terms: Iterable[int]) -> Count:
    """Add any number of counts; equal terms are written once, and zeros not at all.

    >>> half = (count(11) * 11 * 3 + 1) * 48
    >>> total([half, half]).working
    '2·(11·11·3 + 1)·48'
    >>> total([count(156), count(0), count(12)]).working
    '156 + 12'
    """
    counts = [as_count(term) for term in terms if term]
    if len(counts) < 2:
        return counts[0] if counts else count(0)
    first = counts[0]
    if all(_same(first, other) for other in counts[1:]):
        return count(len(counts)) * first
    return _first_open(counts).summed("+", tuple(counts))


def subtotal(terms: Iterable[int]) -> Count:
    """Add numbers whose own working stands elsewhere, in the lines of a table say; zeros are not written.

    >>> subtotal([(count(5) * 5 + 1) * 6, (count(1) + 1) * 6]).working
    '156 + 12'
    """
    counts = tuple([as_count(term) for term in terms if term])
    return _first_open(counts).summed("Σ", counts)


def as_count(value: int) -> Count:
    """A count as it is, with its arithmetic; any other number as one that was given."""
    return value if isinstance(value, Count) else Count(value)


def _first_open(counts: Sequence[Count]) -> Count:
    """The one that knows how to add them: a formula, if one is among them."""
    return next((each for each in counts if each.is_open), counts[0] if counts else Count(0))


def _same(a: Count, b: Count) -> bool:
    if a is b:
        return True
    if a != b or a.op != b.op or len(a.parts) != len(b.parts):
        return False
    return a.working == b.working


def _digits(number: int) -> str:
    return f"{int(number):,}".replace("-", "−")


def _leaves(root: Count) -> Iterator[Count]:
    stack = [root]
    while stack:
        top = stack.pop()
        if not top.op:
            yield top
        elif top.op != "Σ":  # its terms are written as numbers
            stack.extend(reversed(top.parts))


def _write(root: Count, leaf: Callable[[Count], str]) -> str:
    """Write an expression without recursion: a person may add up 10,000 counts one by one."""
    done: list[tuple[str, int]] = []
    stack: list[tuple[Count, bool]] = [(root, False)]
    while stack:
        top, ready = stack.pop()
        if not top.op:
            text = leaf(top)
            done.append((text, _SUM if text.startswith("−") or " " in text else _PRODUCT if "·" in text else _ATOM))
        elif top.op == "Σ":
            done.append((" + ".join(part.text for part in top.parts) or "0", _SUM))
        elif not ready:
            stack.append((top, True))
            stack.extend((part, False) for part in reversed(top.parts))
        else:
            terms = done[-len(top.parts) :]
            del done[-len(top.parts) :]
            done.append((_join(top.op, terms), _RANK[top.op]))
    return done[0][0]


def _join(op: str, terms: list[tuple[str, int]]) -> str:
    if op in ("⌊/⌋", "⌈/⌉"):
        inner = _fenced(terms[0], _PRODUCT) + "/" + _fenced(terms[1], _ATOM)
        return f"{op[0]}{inner}{op[-1]}"
    rank = _RANK[op]
    needed = rank + 1 if op in ("-", "/") else rank
    return _SIGN[op].join([_fenced(terms[0], rank), *(_fenced(term, needed) for term in terms[1:])])


def _fenced(term: tuple[str, int], needed: int) -> str:
    text, rank = term
    return text if rank >= needed else f"({text})"

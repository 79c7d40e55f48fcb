"""`Polynomial`: an exact polynomial in named symbols, which is what a count is when an extent is left open.

>>> length = symbol("L")
>>> scores = 2 * length * length * 768 + 12 * 768 * 768 * length
>>> print(scores)
1,536·L² + 7,077,888·L
>>> scores.at(L=1024)
8858370048
>>> print(scores.derivative("L"))
3,072·L + 7,077,888
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from archscope.errors import UsageError
from archscope.limits import HIGHEST_DEGREE, MOST_TERMS

Monomial = tuple[tuple[str, int], ...]
"""Symbols with their powers, in alphabetical order; the empty one is that of the constant."""

_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LEVEL: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_POWER: Final = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]+")


class Polynomial:
    """A sum of whole multiples of products of symbols; immutable, with ``+``, ``−`` and ``·``.

    ``terms`` has a whole number other than 0 for each product that occurs.
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms: Mapping[Monomial, int] = {each: factor for each, factor in terms.items() if factor}
        self._hash = hash(frozenset(self.terms.items()))

    @property
    def constant(self) -> int:
        """What is left where every symbol is 0."""
        return self.terms.get((), 0)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that occur, in alphabetical order."""
        return tuple(sorted({name for each in self.terms for name, _ in each}))

    @property
    def degree(self) -> int:
        """The largest sum of powers in a term; 0 for a number."""
        return max((sum(power for _, power in each) for each in self.terms), default=0)

    def __add__(self, other: Polynomial | int) -> Polynomial:
        terms = dict(self.terms)
        for each, factor in _terms(other).items():
            terms[each] = terms.get(each, 0) + factor
        return Polynomial(terms)

    __radd__ = __add__

    def __neg__(self) -> Polynomial:
        return Polynomial({each: -factor for each, factor in self.terms.items()})

    def __sub__(self, other: Polynomial | int) -> Polynomial:
        return self + -as_polynomial(other)

    def __rsub__(self, other: Polynomial | int) -> Polynomial:
        return -self + other

    def __mul__(self, other: Polynomial | int) -> Polynomial:
        terms: dict[Monomial, int] = {}
        right = _terms(other).items()
        if len(self.terms) * len(right) > MOST_TERMS:
            raise UsageError(f"a formula would have more than {MOST_TERMS:,} terms; leave fewer numbers open")
        for mine, factor in self.terms.items():
            for theirs, other_factor in right:
                both = _multiplied(mine, theirs)
                terms[both] = terms.get(both, 0) + factor * other_factor
                if len(both) and sum(power for _, power in both) > HIGHEST_DEGREE:
                    raise UsageError(f"a formula would be of a degree above {HIGHEST_DEGREE}; leave other numbers open")
        return Polynomial(terms)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            other = as_polynomial(other)
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def at(self, **values: int) -> int:
        """Its value at a point.

        Raises:
            KeyError: a symbol has no value.
        """
        return sum(factor * _value(each, values) for each, factor in self.terms.items())

    def put(self, name: str, value: Polynomial) -> Polynomial:
        """The polynomial with another one in the place of a symbol.

        >>> print((symbol("H") * symbol("H")).put("H", 32 * symbol("m") + 3))
        1,024·m² + 192·m + 9
        """
        result = Polynomial({})
        for each, factor in self.terms.items():
            term = as_polynomial(factor)
            for symbol_, power in each:
                base = value if symbol_ == name else symbol(symbol_)
                for _ in range(power):
                    term = term * base
            result = result + term
        return result

    def derivative(self, name: str) -> Polynomial:
        """How fast it grows with a symbol."""
        terms: dict[Monomial, int] = {}
        for each, factor in self.terms.items():
            powers = dict(each)
            power = powers.pop(name, 0)
            if power > 1:
                powers[name] = power - 1
            if power:
                left = tuple(sorted(powers.items()))
                terms[left] = terms.get(left, 0) + factor * power
        return Polynomial(terms)

    def by_power(self, name: str) -> dict[int, Polynomial]:
        """What stands before each power of a symbol, the highest power first.

        >>> {power: str(factor) for power, factor in (3 * symbol("L") * symbol("L") + 5).by_power("L").items()}
        {2: '3', 0: '5'}
        """
        parts: dict[int, dict[Monomial, int]] = {}
        for each, factor in self.terms.items():
            power = dict(each).get(name, 0)
            rest = tuple(pair for pair in each if pair[0] != name)
            parts.setdefault(power, {})[rest] = factor
        return {power: Polynomial(parts[power]) for power in sorted(parts, reverse=True)}

    def to_sympy(self) -> Any:
        """The same as a SymPy expression, its symbols positive integers.

        Raises:
            MissingExtra: SymPy is not installed.
        """
        from importlib.util import find_spec

        from archscope.errors import MissingExtra

        if find_spec("sympy") is None:
            raise MissingExtra("a SymPy expression", "SymPy (pip install sympy)")
        import sympy

        known = {name: sympy.Symbol(name, integer=True, positive=True) for name in self.symbols}
        terms = (factor * sympy.prod([known[name] ** power for name, power in each])
                 for each, factor in self.terms.items())  # fmt: skip
        return sympy.Add(*terms)

    def ordered(self) -> Iterator[tuple[Monomial, int]]:
        """Its terms, those of the highest degree first."""
        return iter(sorted(self.terms.items(), key=lambda term: (-sum(power for _, power in term[0]), term[0])))

    def __str__(self) -> str:
        text = ""
        for each, factor in self.ordered():
            product = "·".join(_power(name, power) for name, power in each)
            size = f"{abs(factor):,}"
            term = product if product and size == "1" else f"{size}·{product}" if product else size
            sign = "−" if factor < 0 else "+"
            text = f"{text} {sign} {term}" if text else f"−{term}" if factor < 0 else term
        return text or "0"

    @property
    def code(self) -> str:
        """The same in the notation of programming languages, a dot in a name written as an underscore.

        >>> (3 * symbol("L") * symbol("L") - symbol("C1.groups") + 1).code
        '3*L**2 - C1_groups + 1'
        """
        text = str(self).replace(",", "").replace("·", "*").replace("−", "-").replace(".", "_")
        return _POWER.sub(lambda found: "**" + found[0].translate(_LEVEL), text)

    def __repr__(self) -> str:
        return f"Polynomial({self})"


def symbol(name: str) -> Polynomial:
    """A symbol as a polynomial."""
    return Polynomial({((name, 1),): 1})


def as_polynomial(value: Polynomial | int) -> Polynomial:
    """A polynomial as it is, and a number as a constant one."""
    return value if isinstance(value, Polynomial) else Polynomial({(): int(value)})


def same_sign_around(polynomial: Polynomial, name: str, at: int) -> tuple[int | None, int | None]:
    """The largest range of whole numbers around a point in which a polynomial in one symbol keeps its sign.

    A bound of None is one that does not exist.

    >>> x = symbol("x")
    >>> same_sign_around(x - 7, "x", 100), same_sign_around((x - 3) * (x - 9), "x", 5)
    ((8, None), (4, 8))
    """
    sign = _sign(polynomial.at(**{name: at}))
    turns = _turns(polynomial, name)
    low = high = None
    for each in turns:
        if each >= at and _sign(polynomial.at(**{name: each})) != sign and high is None:
            high = each - 1
        if each <= at and _sign(polynomial.at(**{name: each})) != sign:
            low = each + 1
    return low, high


def roots(polynomial: Polynomial, name: str) -> list[int]:
    """The whole numbers at which a polynomial in one symbol is 0; none where it is 0 everywhere.

    >>> x = symbol("x")
    >>> roots((x - 3) * (x - 9), "x"), roots(2 * x - 3, "x")
    ([3, 9], [])
    """
    return [each for each in _turns(polynomial, name) if not polynomial.at(**{name: each})]


def _turns(polynomial: Polynomial, name: str) -> list[int]:
    """Whole numbers where, or right beside which, the sign changes, in order: every root is one or lies between two."""
    if polynomial.degree == 0:
        return []
    if polynomial.degree == 1:
        slope, rest = polynomial.terms[((name, 1),)], polynomial.constant
        root = -rest // slope
        return [root - 1, root, root + 1, root + 2]
    stops = _turns(polynomial.derivative(name), name)
    bound = 2 + sum(abs(factor) for factor in polynomial.terms.values())
    corners = [-bound, *[each for each in stops if -bound < each < bound], bound]
    found: list[int] = []
    for left, right in pairwise(corners):
        low, high = left, right
        first = _sign(polynomial.at(**{name: low}))
        if first == _sign(polynomial.at(**{name: high})):
            continue
        while high - low > 1:  # one root lies between: the polynomial rises or falls all the way
            middle = (low + high) // 2
            if _sign(polynomial.at(**{name: middle})) == first:
                low = middle
            else:
                high = middle
        found.extend(each for each in (low - 1, low, high, high + 1))
    return sorted({*found, *corners[1:-1]})


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _terms(value: Polynomial | int) -> Mapping[Monomial, int]:
    return value.terms if isinstance(value, Polynomial) else {(): value} if value else {}


def _multiplied(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + power
    return tuple(sorted(powers.items()))


def _value(monomial: Monomial, values: Mapping[str, int]) -> int:
    result = 1
    for name, power in monomial:
        result *= values[name] ** power
    return result


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}{str(power).translate(_RAISED)}"

"""`Symbolic`: a count in which an extent was left open, so that the rules of the layers work out formulas.

The rules are run as they are. Where one asks something that the symbols leave open (does the window fit? is there a
remainder?), the answer is that of the network as it stands, and what this takes for granted is written down in
`Ground`: a least and a largest value, and for a division that rounds, the residue class (``H = 32·m + 3``) on which it
is exact.

>>> from archscope.working import count
>>> ground = Ground({"length": 128})
>>> length = ground.open("length")
>>> scores = count(2) * count(length, "l") * count(length, "s") * count(768, "e")
>>> scores.working, scores.formula, str(scores.polynomial)
('2·length·length·768', '2·l·s·e', '1,536·length²')
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import gcd
from typing import Any, ClassVar, Final

from archscope.errors import Rejects
from archscope.polynomials import Polynomial, as_polynomial, same_sign_around, symbol
from archscope.ranges import Condition, Range
from archscope.record import EMPTY
from archscope.working import Count, as_count

_UNLIKE: Final = 9_973
"""So much larger than in the network as it stands are sizes that are like no other."""

LARGEST_MODULUS: Final = 1 << 20
"""A division that would split the sizes into more classes than this is not followed."""


class Refined(Exception):
    """A division rounds on the classes taken so far; they were made finer, and the rules have to run again."""


class NotOpen(Rejects):
    """A rule needs the number itself, where a symbol stands."""


class Ground:
    """The ground formulas stand on: which symbols are open, and for which of their values what was worked out holds.

    Args:
        values: what each symbol is in the network as it stands.
        steps: what its values are multiples of, where not every number is one.
    """

    def __init__(self, values: Mapping[str, int], steps: Mapping[str, int] = EMPTY) -> None:
        free = (each for each in "mnpquvwxyz" if each not in values)
        self.ranges = {name: Range.of(name, value, next(free), steps.get(name, 1)) for name, value in values.items()}
        self.conditions: dict[Condition, None] = {}
        self.unlike: dict[Polynomial, None] = {}
        """What is 0 where two counts are the same that are another formula each, and were told apart."""
        self.read: dict[str, set[int]] = {}
        """By symbol, for which of its values a module was read; nothing says what it does elsewhere."""
        self.plain: Callable[[Mapping[str, int]], Any] | None = None
        """Makes the network with numbers in the place of the symbols."""

    def open(self, name: str) -> Symbolic:
        """A symbol, as a count."""
        return Symbolic.leaf(self.ranges[name].polynomial, self)

    @property
    def remarks(self) -> Iterator[tuple[str, str]]:
        """What is to be said beside the ranges."""
        yield from (("Where", str(each)) for each in self.conditions)
        for name, values in self.read.items():
            listed = ", ".join(f"{each:,}" for each in sorted(values))
            yield "Read", f"at {name} = {listed}: what the module does elsewhere is taken to be the same"

    def holds(self, steps: Mapping[str, int]) -> bool:
        """Whether formulas hold where each step has a value."""
        inside = all(
            each.least <= steps[each.step] and (each.most is None or steps[each.step] <= each.most)
            for each in self.ranges.values()
        )
        return inside and all(each.holds(steps) for each in self.conditions)

    def values(self, steps: Mapping[str, int]) -> dict[str, int]:
        """What the symbols are where each step has a value."""
        return {name: each.modulus * steps[each.step] + each.rest for name, each in self.ranges.items()}

    @property
    def here(self) -> dict[str, int]:
        """Every step's value in the network as it stands."""
        return {each.step: each.here for each in self.ranges.values()}

    def below(self, polynomial: Polynomial) -> bool:
        """Whether a polynomial is below 0 in the network as it stands; what this takes for granted is written down."""
        # Whole numbers: this one is negative where the polynomial is, positive where it is not, and never 0.
        doubled = 2 * polynomial + 1
        answer = doubled.at(**self.here) < 0
        names = polynomial.symbols
        if len(names) == 1:
            self.narrow(names[0], *same_sign_around(doubled, names[0], self.here[names[0]]))
        elif names and not self._certain(doubled):
            self.conditions[Condition(polynomial, "<" if answer else "≥")] = None
        return answer

    def refine(self, polynomial: Polynomial, divisor: int) -> Refined:
        """Make classes finer, so that a division by a number is exact but for a constant."""
        for monomial, factor in polynomial.terms.items():
            missing = divisor // gcd(factor, divisor)
            for name in (name for name, _ in monomial if missing > 1):
                known = self._of_step(name)
                if known.modulus * missing > LARGEST_MODULUS:
                    raise NotOpen(f"`{known.name}`: its divisions split it into more than {LARGEST_MODULUS:,} classes")
                self.ranges[known.name] = Range.of(known.name, known.value, known.free, known.modulus * missing)
        self.conditions.clear()
        self.unlike.clear()
        return Refined()

    def _of_step(self, step: str) -> Range:
        return next(each for each in self.ranges.values() if each.step == step)

    def narrow(self, step: str, low: int | None, high: int | None) -> None:
        """Take less for a symbol: no step below one bound, none above the other."""
        known = self._of_step(step)
        least = known.least if low is None else max(known.least, low)
        most = known.most if high is None else high if known.most is None else min(known.most, high)
        if (least, most) != (known.least, known.most):
            self.ranges[known.name] = known.replace(least=least, most=most)

    def _certain(self, polynomial: Polynomial) -> bool:
        """Whether the sign is the same from each symbol's least value on: all coefficients from there have it."""
        for each in self.ranges.values():
            polynomial = polynomial.put(each.step, symbol(each.step) + each.least)
        signs = {factor > 0 for factor in polynomial.terms.values()}
        return len(signs) == 1 and bool(polynomial.constant)


class Symbolic(Count):
    """A count with a polynomial; as a plain number it is refused, so that no rule loses a symbol in silence.

    Comparisons and divisions are answered for the network as it stands, and noted in ``ground``.
    """

    is_open: ClassVar[bool] = True
    polynomial: Polynomial
    ground: Ground

    @classmethod
    def leaf(cls, polynomial: Polynomial, ground: Ground, letter: str = "") -> Symbolic:
        """A given number, written as its polynomial."""
        return cls._of("", (), polynomial, ground, letter)

    @classmethod
    def _of(
        cls, op: str, parts: tuple[Count, ...], polynomial: Polynomial, ground: Ground, letter: str = ""
    ) -> Symbolic:
        self = cls.__new__(cls, polynomial.at(**ground.here), op, parts, letter)
        self.polynomial = polynomial
        self.ground = ground
        return self

    def lettered(self, letter: str) -> Symbolic:
        return self.leaf(self.polynomial, self.ground, letter)

    def bare(self) -> int:
        return self.lettered("")

    @property
    def typical(self) -> int:
        here = self.ground.here
        return self.polynomial.at(**{name: value + _UNLIKE + place for place, (name, value) in enumerate(here.items())})

    def summed(self, op: str, counts: tuple[Count, ...]) -> Symbolic:
        result = Polynomial({})
        for each in counts:
            result = result + polynomial_of(each)
        return self._of(op, counts, result, self.ground)

    @property
    def text(self) -> str:
        return str(self.polynomial)

    def _with(self, op: str, left: int, right: int, polynomial: Polynomial) -> Symbolic:
        return self._of(op, (as_count(left), as_count(right)), polynomial, self.ground)

    def __add__(self, other: int) -> Count:
        return self._with("+", self, other, self.polynomial + polynomial_of(other))

    def __radd__(self, other: int) -> Count:
        return self._with("+", other, self, self.polynomial + polynomial_of(other))

    def __sub__(self, other: int) -> Count:
        return self._with("-", self, other, self.polynomial - polynomial_of(other))

    def __rsub__(self, other: int) -> Count:
        return self._with("-", other, self, polynomial_of(other) - self.polynomial)

    def __mul__(self, other: int) -> Count:
        return self._with("·", self, other, self.polynomial * polynomial_of(other))

    def __rmul__(self, other: int) -> Count:
        return self._with("·", other, self, self.polynomial * polynomial_of(other))

    def __neg__(self) -> Symbolic:
        return self._with("-", 0, self, -self.polynomial)

    def over(self, divisor: int) -> Count:
        quotient, rest = divmod(self, divisor)
        if rest:
            raise ArithmeticError(f"{as_count(divisor).text} does not divide {self.text}")
        return self._with("/", self, divisor, polynomial_of(quotient))

    def floor_over(self, divisor: int) -> Count:
        return self._with("⌊/⌋", self, divisor, polynomial_of(self // divisor))

    def ceil_over(self, divisor: int) -> Count:
        return self._with("⌈/⌉", self, divisor, polynomial_of(-((-self) // divisor)))

    def __floordiv__(self, divisor: int) -> Symbolic:
        return divmod(self, divisor)[0]

    def __mod__(self, divisor: int) -> int:
        return divmod(self, divisor)[1]

    def __divmod__(self, divisor: int) -> tuple[Symbolic, int]:
        if isinstance(divisor, Symbolic):
            return self._exactly(divisor)
        by = int(divisor)
        constant = self.polynomial.constant
        rising = self.polynomial - constant
        if any(factor % by for factor in rising.terms.values()):
            raise self.ground.refine(self.polynomial, by)
        terms = {each: factor // by for each, factor in rising.terms.items()}
        whole, rest = divmod(constant, by)
        return self.leaf(Polynomial(terms) + whole, self.ground), rest

    def _exactly(self, divisor: Symbolic) -> tuple[Symbolic, int]:
        """Divide by a symbol that is a factor of every term, or by what this is itself, or by what is more."""
        if self.polynomial == divisor.polynomial:
            return self.leaf(as_polynomial(1), self.ground), 0
        terms = list(divisor.polynomial.terms.items())
        if len(terms) == 1:
            (power, by), mine = terms[0], self.polynomial.terms.items()
            if all(_holds(each, power) and not factor % by for each, factor in mine):
                left = {_without(each, power): factor // by for each, factor in mine}
                return self.leaf(Polynomial(left), self.ground), 0
        if not self.polynomial.degree and self.polynomial.constant >= 0 and self < divisor:
            return self.leaf(as_polynomial(0), self.ground), self
        raise NotOpen(f"{self.text} is divided by {divisor.text}, and how often it goes is no formula")

    def __rdivmod__(self, number: int) -> Any:
        raise NotOpen(f"{int(number):,} is divided by {self.text}, and how often it goes is no formula")

    __rfloordiv__ = __rmod__ = __rdivmod__

    def __truediv__(self, divisor: float) -> Any:
        raise NotOpen(f"{self.text} is scaled by a number that is not whole")

    __rtruediv__ = __truediv__

    def __eq__(self, other: object) -> bool:
        """Whether both are the same formula: a height that happens to be 56 here is not 56."""
        if not isinstance(other, int):
            return NotImplemented
        theirs = polynomial_of(other)
        if self.polynomial == theirs:
            return True
        self.ground.unlike[self.polynomial - theirs] = None
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: int) -> bool:
        return self.ground.below(self.polynomial - polynomial_of(other))

    def __le__(self, other: int) -> bool:
        return not self > other

    def __gt__(self, other: int) -> bool:
        return self.ground.below(polynomial_of(other) - self.polynomial)

    def __ge__(self, other: int) -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self != 0

    def __hash__(self) -> int:
        return hash(self.polynomial)

    def __int__(self) -> int:
        raise NotOpen(f"a rule needs the number that {self.text} stands for")

    __index__ = __trunc__ = __float__ = __int__

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return self.text

    def at(self, **values: int) -> int:
        """Its value where each symbol has a value.

        Raises:
            ValueError: it was worked out for other values of the symbols; says for which.

        >>> ground = Ground({"length": 128})
        >>> (ground.open("length") * 3).at(length=5)
        15
        """
        steps = {}
        for name, known in self.ground.ranges.items():
            step = known.step_of(values[name]) if name in values else known.here
            if step is None:
                raise ValueError(f"{name} = {values[name]:,} is none of the sizes this formula holds for: {known}")
            steps[known.step] = step
        broken = next((each for each in self.ground.conditions if not each.holds(steps)), None)
        if broken is not None:
            where = ", ".join(f"{name} = {step:,}" for name, step in steps.items())
            raise ValueError(f"{where} is none of the sizes this formula holds for: {broken}")
        return self.polynomial.at(**steps)

    def derivative(self, name: str) -> Polynomial:
        """How fast it grows with the free step of a symbol."""
        return self.polynomial.derivative(self.ground.ranges[name].step)

    def to_sympy(self) -> Any:
        """As a SymPy expression."""
        return self.polynomial.to_sympy()


def polynomial_of(value: Any) -> Polynomial:
    """The polynomial of a count; that of a whole number is constant.

    Raises:
        NotOpen: the number is not whole.
    """
    if isinstance(value, Symbolic):
        return value.polynomial
    if value != int(value):
        raise NotOpen(f"a symbol is scaled by {value:g}, which is not whole")
    return as_polynomial(int(value))


def _holds(monomial: Any, factor: Any) -> bool:
    powers = dict(monomial)
    return all(powers.get(name, 0) >= power for name, power in factor)


def _without(monomial: Any, factor: Any) -> Any:
    powers = dict(monomial)
    for name, power in factor:
        powers[name] -= power
    return tuple(sorted((name, power) for name, power in powers.items() if power))


__all__ = ["Ground", "NotOpen", "Refined", "Symbolic", "polynomial_of"]

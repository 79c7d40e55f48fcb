"""What the symbols of formulas stand for: ranges of values, and conditions that several of them keep.

>>> print(Range.of("height", 32, "m", 4), Range.of("kernel", 3, "n", 12), sep="; ")
height = 4·m, m ≥ 1; kernel = 12·n + 3, n ≥ 0
"""

from __future__ import annotations

from collections.abc import Mapping

from archscope.polynomials import Polynomial, symbol
from archscope.record import Record


class Range(Record):
    """What a symbol stands for: ``modulus·step + rest``, from ``least`` to ``most`` of these values.

    ``free`` is what polynomials are written in where the modulus is not 1; where it is, that is the symbol itself.
    """

    name: str
    value: int
    free: str
    modulus: int = 1
    least: int = 1
    most: int | None = None

    @classmethod
    def of(cls, name: str, value: int, free: str, modulus: int = 1) -> Range:
        """All values above 0 that leave what the value leaves.

        >>> str(Range.of("kernel", 3, "m", 12)), str(Range.of("height", 32, "m", 4))
        ('kernel = 12·m + 3, m ≥ 0', 'height = 4·m, m ≥ 1')
        """
        return cls(name, value, free, modulus, least=0 if value % modulus else 1)

    @property
    def rest(self) -> int:
        """What is left over when a value is divided by the modulus."""
        return self.value % self.modulus if self.modulus > 1 else 0

    @property
    def step(self) -> str:
        """The symbol that polynomials are written in."""
        return self.name if self.modulus == 1 else self.free

    @property
    def here(self) -> int:
        """The value of ``step`` for the network as it stands."""
        return (self.value - self.rest) // self.modulus

    @property
    def polynomial(self) -> Polynomial:
        """The symbol's value, written in ``step``."""
        return self.modulus * symbol(self.step) + self.rest

    def step_of(self, value: int) -> int | None:
        """The step of a value; None where no formula holds for it."""
        step, over = divmod(value - self.rest, self.modulus)
        return None if over or step < self.least or (self.most is not None and step > self.most) else step

    def __str__(self) -> str:
        bounds = (
            f"{self.step} ≥ {self.least:,}" if self.most is None else f"{self.least:,} ≤ {self.step} ≤ {self.most:,}"
        )
        text = f"{self.name} = {self.polynomial}" if self.modulus > 1 else ""
        return f"{text}, {bounds}" if text else bounds


class Condition(Record):
    """What formulas take for granted of their symbols: that a polynomial is below 0, is not, or is not 0.

    >>> x = symbol("x")
    >>> print(Condition(x * x - 9, "<"), Condition(x - 5, "≠"), sep="; ")
    x² − 9 < 0; x ≠ 5
    """

    polynomial: Polynomial
    sign: str

    def holds(self, steps: Mapping[str, int]) -> bool:
        """Whether it is so where each symbol has a value."""
        value = self.polynomial.at(**steps)
        return value < 0 if self.sign == "<" else value >= 0 if self.sign == "≥" else value != 0

    def __str__(self) -> str:
        constant = self.polynomial.constant
        if self.sign == "≠" and self.polynomial - constant in map(symbol, self.polynomial.symbols):
            return f"{self.polynomial - constant} ≠ {-constant:,}"
        return f"{self.polynomial} {self.sign} 0"


__all__ = ["Condition", "Range"]

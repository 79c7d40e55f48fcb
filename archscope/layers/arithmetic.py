"""Arithmetic value by value with what a spec states: absolute value, exponential, root, power, scale."""

from __future__ import annotations

import math
from typing import ClassVar, Final

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer
from archscope.layers.pointwise import Pointwise
from archscope.layers.steps import Step, chain
from archscope.options import number, option

_LARGEST_ROOT: Final = 1000.0
"""Roots of widths are less; beyond, any number is near one."""


class _Arithmetic(Pointwise):
    """A function of each value by itself, of no activation's name."""

    family: ClassVar[str] = "arithmetic"
    verb: ClassVar[str] = "Arithmetic"


class Abs(_Arithmetic):
    """``|a|``: the rectification of Jarrett et al. 2009.

    >>> Abs().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "abs"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    backward_copies: ClassVar[int] = 1
    word: ClassVar[str] = "absolute value"


class Exp(_Arithmetic):
    """``eᵃ``.

    >>> Exp().facts((10,)).output
    (10,)
    """

    type: ClassVar[str] = "exp"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "exponential"


class Log(_Arithmetic):
    """The natural logarithm.

    >>> Log().facts((10,)).output
    (10,)
    """

    type: ClassVar[str] = "log"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "logarithm"


class Sqrt(_Arithmetic):
    """The square root.

    >>> Sqrt().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "sqrt"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    backward_copies: ClassVar[int] = 1
    word: ClassVar[str] = "square root"


class Power(_Arithmetic):
    """``a`` to a constant power: 2 squares, −1 is the reciprocal.

    >>> Power(exponent=2).facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "power"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    backward_copies: ClassVar[int] = 2
    exponent: float = option(number, doc="The power.")

    @property
    def label(self) -> str:
        return f"to the power {self.exponent:g}"


class Scale(_Arithmetic):
    """``factor · a + shift`` with two constants: the ``1/√d`` of attention, ``1 − a`` of a gate.

    >>> Scale(factor=-1, shift=1).label
    '×−1 +1'
    """

    type: ClassVar[str] = "scale"
    factor: float = option(number, default=1.0, doc="What every value is multiplied by.")
    shift: float = option(number, default=0.0, doc="What is added after.")

    @property
    def label(self) -> str:
        sign = "−" if self.shift < 0 else "+"
        factor = f"×{_spelt(self.factor)}".replace("-", "−")
        shift = f"{sign}{abs(self.shift):g}"
        return factor if not self.shift else shift if self.factor == 1 else f"{factor} {shift}"

    def check(self) -> None:
        if self.factor == 1 and not self.shift:
            raise Rejects("neither scales nor shifts", option="factor", help="state `factor`, `shift` or both")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        steps = chain(*[("mul", "")] * (self.factor != 1), *[("add", "")] * (self.shift != 0), shape=facts.output)
        return tuple(each.replace(passes=each.reads) if each.op == "add" else each for each in steps)


def _spelt(factor: float) -> str:
    """A number as people write it: the root that it is, if it is one of a whole number.

    >>> _spelt(math.sqrt(512)), _spelt(8.0), _spelt(22.6274), _spelt(-math.sqrt(2))
    ('√512', '8', '22.6274', '-1.41421')
    """
    square = round(factor * factor) if 1 < factor < _LARGEST_ROOT else 0
    return f"√{square}" if square and factor == math.sqrt(square) and factor % 1 else f"{factor:g}"


LAYERS: tuple[type[Layer], ...] = (Abs, Exp, Log, Sqrt, Power, Scale)

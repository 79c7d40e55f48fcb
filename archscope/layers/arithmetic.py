"""Arithmetic value by value with what a spec states: absolute value, exponential, root, power, scale."""

from __future__ import annotations

import math
import struct
from typing import ClassVar, Final

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer
from archscope.layers.pointwise import Pointwise
from archscope.layers.steps import Step, chain
from archscope.options import number, option

_LARGEST_ROOT: Final = 1000.0
"""Roots of widths are less; beyond, any number is near one."""

_WIDTHS: Final = (64, 256, 1024)
"""Widths of attention whose roots are whole."""


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
    """A number as people write it: the root that it is, or one over that, if it is one of a whole number.

    Of those that decimals say as well, those of attention with 64, 256 or 1,024 features are roots.

    >>> _spelt(math.sqrt(512)), _spelt(8.0), _spelt(22.6274), _spelt(-math.sqrt(2))
    ('√512', '8', '22.6274', '-1.41421')
    >>> _spelt(48**-0.5), _spelt(1 / math.sqrt(48)), _spelt(0.125), _spelt(0.5), _spelt(0.144338), _spelt(1 / 3)
    ('1/√48', '1/√48', '1/√64', '0.5', '0.144338', '0.333333')
    >>> _spelt(_in_float32(48**-0.5)), _spelt(_in_float32(512**0.5)), _spelt(_in_float32(0.3))
    ('1/√48', '√512', '0.3')
    """
    over = 1 / _LARGEST_ROOT < factor < 1
    if over or 1 < factor < _LARGEST_ROOT:
        square = round(1 / factor**2 if over else factor * factor)
        root = math.sqrt(square)
        roots = (1 / root, square**-0.5) if over else (root,)
        if factor in (*roots, *map(_in_float32, roots)) and (root % 1 or (over and square in _WIDTHS)):
            return f"1/√{square}" if over else f"√{square}"
    return f"{factor:g}"


def _in_float32(value: float) -> float:
    (rounded,) = struct.unpack("f", struct.pack("f", value))
    return float(rounded)


LAYERS: tuple[type[Layer], ...] = (Abs, Exp, Log, Sqrt, Power, Scale)

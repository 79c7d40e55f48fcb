"""Arithmetic, value by value: with a number, of a value alone, and of several values."""

from __future__ import annotations

import math
from typing import Any, Final

from archscope.layers import TYPES, Layer
from archscope.recognising.call import Call, Reading, together
from archscope.recognising.tensor import Tensor


def _scaled(factor: float = 1.0, shift: float = 0.0) -> tuple[Layer, ...]:
    """A factor and a shift; nothing where they change nothing."""
    return () if factor == 1 and not shift else (TYPES["scale"](factor=factor, shift=shift),)


def _number(value: Any) -> float | None:
    """A number that stands in the code; a truth value is none."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if plain else None


def _arithmetic(call: Call) -> Layer | tuple[Layer, ...] | None:
    """One of the four kinds of arithmetic, of two values or of a value and a number, from either side."""
    kind = _KINDS[call.name]
    value, other = call.given["input"], call.given["other"]
    first = isinstance(value, Tensor) and call.name not in _REVERSED
    if isinstance(value, Tensor) and isinstance(other, Tensor):
        plain = call.given.get("alpha", 1) == 1 and call.given.get("rounding_mode") is None
        return together(kind, call, value, other) if plain and call.name not in _REVERSED else None
    tensor, constant = (value, other) if isinstance(value, Tensor) else (other, value)
    number = _number(constant)
    if number is None or not tensor.is_floating_point() or call.given.get("rounding_mode") is not None:
        return None
    number *= call.given.get("alpha", 1)
    if kind == "add":
        return _scaled(shift=number)
    if kind == "subtract":
        return _scaled(shift=-number) if first else _scaled(-1.0, number)
    if kind == "multiply":
        return _scaled(number)
    if first:
        return _scaled(1 / number) if number else None
    return (TYPES["power"](exponent=-1), *_scaled(number))


_KINDS: Final = {
    **dict.fromkeys(("add", "radd", "iadd"), "add"),
    **dict.fromkeys(("sub", "subtract", "isub", "rsub"), "subtract"),
    **dict.fromkeys(("mul", "rmul", "imul", "multiply"), "multiply"),
    **dict.fromkeys(("div", "truediv", "itruediv", "divide", "true_divide", "rtruediv", "rdiv"), "divide"),
}
_REVERSED: Final = frozenset({"rsub", "rtruediv", "rdiv"})


def _extreme(call: Call) -> Layer | None:
    return together(call.name, call, call.given["input"], call.given["other"])


def _power(call: Call) -> Layer | tuple[Layer, ...] | None:
    if isinstance(call.given["input"], Tensor) and isinstance(call.given["exponent"], Tensor):
        return together("pow", call, call.input, call.given["exponent"])
    exponent = _number(call.given["exponent"])
    if not isinstance(call.given["input"], Tensor) or exponent is None or not call.input.is_floating_point():
        return None
    return () if exponent == 1 else (TYPES["power"](exponent=exponent),)


def _of_floats(type_: str, **options: float) -> Reading:
    """A function of each value; of whole numbers it makes other numbers than the layer's."""
    return lambda call: TYPES[type_](**options) if call.input.is_floating_point() else None


def _clamped(call: Call) -> Layer | None:
    """Values cut off at constants; below 0, and above 6 or not at all, that has a name."""
    low, high = call.given["min"], call.given.get("max")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float, type(None))):
        return None
    if low == 0 and high in (None, 6):
        return TYPES["relu" if high is None else "relu6"]()
    return None if high is None else TYPES["hardtanh"](min_val=float(low), max_val=float(high))


READINGS: Final[tuple[tuple[str, Reading], ...]] = (
    ("clamp clip clamp_min", _clamped),
    (" ".join(_KINDS), _arithmetic),
    ("pow ipow", _power),
    ("maximum minimum", _extreme),
    ("square", _of_floats("power", exponent=2)),
    ("rsqrt", _of_floats("power", exponent=-0.5)),
    ("reciprocal", _of_floats("power", exponent=-1)),
    ("neg negative", _of_floats("scale", factor=-1)),
    ("abs absolute", _of_floats("abs")),
    ("exp", _of_floats("exp")),
    ("log", _of_floats("log")),
    ("sqrt", _of_floats("sqrt")),
)
"""Functions by name, and what makes layers of a call."""

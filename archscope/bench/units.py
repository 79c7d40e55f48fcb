"""Numbers as a person reads them: three digits and a unit.

>>> time(79.5e-6), time(0.0385), rate(1.17e11, "FLOP/s"), share(0.2345)
('79.5 µs', '38.5 ms', '117 GFLOP/s', '23 %')
"""

from __future__ import annotations

from typing import Final

_TIMES: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_PREFIXES: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def digits(value: float) -> str:
    """Three significant digits without an exponent.

    >>> digits(1236.4), digits(12.345), digits(0.01234)
    ('1236', '12.3', '0.0123')
    """
    if value == 0:
        return "0"
    if abs(value) >= 999.5:
        return f"{value:.0f}"
    return f"{value:.3g}"


def time(seconds: float | None) -> str:
    """A time."""
    if seconds is None:
        return "–"
    for size, unit in _TIMES:
        if abs(seconds) >= size * 0.9995:
            return f"{digits(seconds / size)} {unit}"
    return "0" if seconds == 0 else f"{digits(seconds / 1e-9)} ns"


def rate(value: float | None, unit: str) -> str:
    """A rate in SI units with a prefix."""
    if value is None:
        return "–"
    for size, prefix in _PREFIXES:
        if value >= size * 0.9995:
            return f"{digits(value / size)} {prefix}{unit}"
    return f"{digits(value)} {unit}"


def share(part: float | None) -> str:
    """A part of a whole."""
    if part is None:
        return "–"
    percent = 100 * part
    return f"{percent:.1f} %" if 0 < abs(percent) < 9.95 else f"{percent:.0f} %"


def plus_minus(value: float, interval: list[float] | None) -> str:
    """Half the width of an interval as a part of its value.

    >>> plus_minus(100.0, [99.0, 103.0])
    '±2.0 %'
    """
    if interval is None:
        return ""
    return f"±{share((interval[1] - interval[0]) / 2 / value)}"

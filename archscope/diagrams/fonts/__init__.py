"""The shipped font, Archscope Sans, and how wide a line of text set in it is.

It has the widths of Liberation Sans, Arimo, Arial and Helvetica, so a picture laid out with these numbers looks
the same in any of them and its bytes do not depend on the fonts of the machine. Sizes and widths are in points.

>>> round(width("conv1", 10), 2), round(width("conv1", 10, bold=True), 2)
(26.68, 28.9)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from archscope.diagrams.fonts.widths import BOLD, REGULAR
from archscope.errors import UsageError

FAMILY: Final = "Archscope Sans"
"""The name of the shipped font."""

STACK: Final = "Liberation Sans, Arimo, Arial, Helvetica, sans-serif"
"""What a browser is asked for: fonts of the same widths, most exact first."""

ASCENT: Final = 0.74
"""Height of the tallest letters above the baseline, in parts of the size."""

DESCENT: Final = 0.21
"""Depth of ``g`` below the baseline."""

CAP_HEIGHT: Final = 0.69
"""Height of capitals and figures."""

LEADING: Final = 1.2
"""From one baseline to the next."""

_UNITS: Final = 2048
_WIDE: Final = _UNITS
_OTHER: Final = 1366


def path(*, bold: bool = False) -> Path:
    """The font's file."""
    return Path(__file__).parent / f"ArchscopeSans-{'Bold' if bold else 'Regular'}.ttf"


@cache
def _advances(bold: bool) -> dict[str, int]:
    return {each: advance for advance, same in (BOLD if bold else REGULAR).items() for each in same}


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is.

    A character that the shipped font does not have is taken to be as wide as a capital, one of an East Asian
    script as wide as the font is high.
    """
    advances = _advances(bold)
    return sum(advances.get(each) or _guess(each) for each in text) * size / _UNITS


def widest(lines: Iterable[str], size: float, *, bold: bool = False) -> float:
    """The width of the widest of some lines; 0 if there is none."""
    return max((width(line, size, bold=bold) for line in lines), default=0.0)


def missing(text: str) -> str:
    """The characters that the shipped font does not have, each once.

    >>> missing("conv1: 3×3 層")
    '層'
    """
    return "".join(dict.fromkeys(each for each in text if each not in _advances(False)))


def require(texts: Iterable[str], format: str) -> None:
    """Insist that the shipped font can set some texts.

    Raises:
        UsageError: it cannot, and a format that embeds it would show holes.
    """
    lacking = missing("".join(texts))
    if lacking:
        raise UsageError(f"the font of format {format} has no {' '.join(lacking)}; write svg, which any font can set")


def _guess(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER

"""The shipped font, Archscope Sans, and how wide a line of text set in it is.

It has the widths of Liberation Sans, Arimo, Arial and Helvetica, so a picture laid out with these numbers looks
the same in any of them and its bytes do not depend on the fonts of the machine. Sizes and widths are in points.

>>> round(width("conv1", 10), 2), round(width("conv1", 10, bold=True), 2)
(26.68, 28.9)
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from archscope.diagrams.fonts.widths import BOLD, REGULAR
from archscope.errors import UsageError

FAMILY: Final = "Archscope Sans"
"""The name of the shipped font."""

OTHER: Final = "Noto Sans CJK JP"
"""The name of the font for what the shipped one lacks: Korean, Chinese and Japanese."""

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


def fitting(text: str, size: float, room: float, *, bold: bool = False) -> int:
    """How many letters from the first on are no wider than some room.

    >>> fitting("conv conv", 10, width("conv", 10)), fitting("x" * 100_000, 10, 100)
    (4, 20)
    """
    advances, wide = _advances(bold), 0
    for place, each in enumerate(text):
        wide += advances.get(each) or _guess(each)
        if wide * size / _UNITS > room:
            return place
    return len(text)


def widest(lines: Iterable[str], size: float, *, bold: bool = False) -> float:
    """The width of the widest of some lines; 0 if there is none."""
    return max((width(line, size, bold=bold) for line in lines), default=0.0)


def missing(text: str) -> str:
    """The characters that the shipped font does not have, each once.

    >>> missing("conv1: 3×3 слой 層")
    '層'
    """
    return "".join(dict.fromkeys(each for each in text if each not in _advances(False)))


def other_path(*, bold: bool = False) -> Path | None:
    """The file of the font for what the shipped one lacks, Noto Sans CJK, where its package is installed."""
    style = "Bold" if bold else "Regular"
    found = importlib.util.find_spec(f"noto_cjk_sans_jp_{style.lower()}")
    folders = [] if found is None else list(found.submodule_search_locations or ())
    paths = [Path(folder) / f"NotoSansCJKjp-{style}.otf" for folder in folders]
    return next((each for each in paths if each.is_file()), None)


@cache
def _others() -> frozenset[str]:
    """The characters of that font."""
    path, bold = other_path(), other_path(bold=True)
    if path is None or bold is None:
        return frozenset()
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def settable(text: str) -> str:
    """A text as files that embed a font set it: a question mark for what stands for a character that nothing shows.

    >>> settable("C1 \N{REPLACEMENT CHARACTER}[31m")
    'C1 ?[31m'
    """
    return text.replace("\N{REPLACEMENT CHARACTER}", "?")


def stretches(text: str) -> list[tuple[str, bool]]:
    """A line cut where its font changes: each piece, and whether it is set in the other font.

    >>> stretches("conv слой")
    [('conv слой', False)]
    """
    lacking = missing(text)
    return [("".join(each), other) for other, each in groupby(text, lambda character: character in lacking)]


def require(texts: Iterable[str], format: str) -> None:
    """Insist that the shipped font, or the other one where it is installed, can set some texts.

    Raises:
        UsageError: they cannot, and a format that embeds them would show holes.
    """
    lacking = [each for each in missing(settable("".join(texts))) if each not in _others()]
    if lacking:
        shown = " ".join(lacking[:_NAMED]) + (f" and {len(lacking) - _NAMED:,} more" if len(lacking) > _NAMED else "")
        remedy = "" if _others() else "; pip install 'archscope[diagrams]' brings one for Korean, Chinese and Japanese"
        raise UsageError(f"the font of format {format} has no {shown}; write svg, which any font can set{remedy}")


_NAMED: Final = 8
"""Characters that a message names."""


def _guess(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER

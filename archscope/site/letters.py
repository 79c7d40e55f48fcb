"""What the letters of a formula stand for, in words; a family may use one for something of its own.

>>> meaning("n", "convolution"), meaning("n", "dense")
('kernels, and so output maps', 'units')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_COMMON: Final[Mapping[str, str]] = {
    "k": "side of the window",
    "kd": "depth of the window",
    "kh": "height of the window",
    "kw": "width of the window",
    "kl": "length of the window",
    "c": "input maps",
    "n": "maps",
    "g": "groups",
    "pairs": "pairs of maps that are joined",
    "d": "depth of the output",
    "h": "height of the output",
    "w": "width of the output",
    "l": "length of the output",
    "td": "taps inside the input, over all depths",
    "th": "taps inside the input, over all rows",
    "tl": "taps inside the input, over the length",
    "tw": "taps inside the input, over all columns",
}

_ALONG: Final[Mapping[str, str]] = {
    "a": "start of the layer before",
    "d": "dilation",
    "j": "jump of the layer before",
    "k": "side of the window",
    "i": "side of the input",
    "o": "added after",
    "p": "padding at each end",
    "p₁": "padding before",
    "p₂": "padding after",
    "r": "field of the layer before",
    "s": "stride",
}

_INDICES: Final = "₀₁₂₃₄₅₆₇₈₉"

_BY_FAMILY: Final[Mapping[str, Mapping[str, str]]] = {
    "convolution": {"n": "kernels, and so output maps"},
    "dense": {
        "a": "experts that run",
        "c": "inputs of a unit",
        "c₁": "values of the first input",
        "c₂": "values of the second input",
        "l": "positions",
        "m": "hidden units of an expert",
        "n": "units",
        "s": "experts that every position has",
        "v": "words it knows",
    },
    "sequence": {
        "b": "buckets of distances",
        "c": "features of a step",
        "e": "features of a query",
        "h": "hidden units; in attention, heads",
        "k": "features of a key",
        "l": "queries",
        "m": "extent of the window",
        "n": "units",
        "p": "values that the state is projected to",
        "s": "keys",
        "t": "steps",
        "v": "features of a value",
    },
}


def meaning(letter: str, family: str) -> str:
    """A letter in words; nothing for one that is not known here.

    A stroke makes a side of the output one of the input; an index counts extents of the same kind.

    >>> meaning("h′", "convolution"), meaning("n₂", "normalization")
    ('height of the input', 'extent 2 of what it normalizes')
    """
    if letter.endswith("′"):
        return meaning(letter.removesuffix("′"), family).replace("output", "input")
    if letter[-1:] in _INDICES and family == "normalization":
        return f"extent {_INDICES.index(letter[-1])} of what it normalizes"
    if letter[-1:] in _INDICES and letter[0] == "m" and family == "sequence":
        return f"extent {_INDICES.index(letter[-1])} of the window"
    return _BY_FAMILY.get(family, {}).get(letter) or _COMMON.get(letter, "")


def along(letter: str, family: str) -> str:
    """A letter of what happens along one axis: how an extent, a receptive field or a jump comes about.

    >>> along("i", "convolution"), along("h", "sequence")
    ('side of the input', 'hidden units; in attention, heads')
    """
    return _ALONG.get(letter) or meaning(letter, family)

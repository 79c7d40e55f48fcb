"""The colours of volumes: those that PlotNeuralNet made usual, in every theme.

A convolution is the yellow of straw and its activation a darker band, pooling is red, up-sampling blue, what is dense
violet, a softmax purple. A theme whose families were changed keeps those.

>>> from archscope.diagrams.themes import theme
>>> solid(theme("light"), "pooling").fill
'#f3b0aa'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from archscope.diagrams.themes import BLOCK, THEMES, Shade, Theme, luminance, mix

BAND: Final = "band"
"""The end of a box that is an activation's."""

COPIED: Final = "copied"
"""Maps that were made elsewhere."""

Hatch = Literal["level", "upright", "rising", "falling"]
"""How the lines go that are drawn on the front of a volume."""

_SOLIDS: Final[Mapping[str, Mapping[str, Shade]]] = {
    "light": {
        "convolution": Shade("#fde0a6", "#6b4300"),
        BAND: Shade("#f9bd74", "#6b4300"),
        "pooling": Shade("#f3b0aa", "#8a1414"),
        "upsampling": Shade("#b9d3f2", "#0d4a8c"),
        "dense": Shade("#dccdf3", "#55309a"),
        "softmax": Shade("#e9bfe6", "#7a0f76"),
        "merge": Shade("#c8e8c4", "#1f6416"),
        COPIED: Shade("#ffffff", "#55606e"),
    },
    "dark": {
        "convolution": Shade("#4a3710", "#f5c768"),
        BAND: Shade("#6b4108", "#f5c768"),
        "pooling": Shade("#551c1a", "#ff9a90"),
        "upsampling": Shade("#14365c", "#8cc0fb"),
        "dense": Shade("#36265a", "#c9b0f7"),
        "softmax": Shade("#511a4f", "#f09fec"),
        "merge": Shade("#1c4019", "#93d98a"),
        COPIED: Shade("#14171c", "#a9b2bf"),
    },
    # Greys that a press keeps apart are few: what else is told apart is hatched.
    "print": {
        "convolution": Shade("#e2e2e2", "#000000"),
        BAND: Shade("#b4b4b4", "#000000"),
        "pooling": Shade("#8c8c8c", "#000000"),
        "upsampling": Shade("#cbcbcb", "#000000"),
        "dense": Shade("#f6f6f6", "#000000"),
        "softmax": Shade("#cfcfcf", "#000000"),
        "merge": Shade("#ffffff", "#000000"),
        COPIED: Shade("#ffffff", "#000000"),
        BLOCK: Shade("#ffffff", "#000000"),
    },
}

_HATCHES: Final[Mapping[str, Hatch]] = {
    "dense": "level",
    "softmax": "level",
    "upsampling": "falling",
    "normalization": "rising",
    "merge": "upright",
    "sequence": "rising",
    "activation": "upright",
}
"""On the fronts of boxes of theme ``print``."""

_OF_FAMILY: Final = {BAND: "activation", "upsampling": "convolution", "softmax": "dense", COPIED: "input"}
"""The family that a solid without one of its own belongs to."""


def solid(theme: Theme, family: str) -> Shade:
    """The colours of a volume of a family, or of one of its kinds."""
    own = _OF_FAMILY.get(family, family)
    usual = THEMES.get(theme.name)
    if usual is not None and usual.shade(own) == theme.shade(own):
        return _SOLIDS.get(theme.name, {}).get(family) or theme.shade(own)
    return theme.shade(own)


def hatch_of(theme: Theme, family: str) -> Hatch | None:
    """How a volume of a family is hatched; None where its colour tells it from others."""
    return _HATCHES.get(family) if theme.name == "print" else None


def other(shade: Shade) -> Shade:
    """The colours of every second part of a volume."""
    if luminance(shade.fill) < luminance(shade.stroke):
        return Shade(mix(shade.fill, "#000000", 0.35), shade.stroke)
    return Shade(mix(shade.fill, shade.stroke, 0.13), shade.stroke)


def kinds(theme: Theme) -> Mapping[str, Shade]:
    """Every kind of volume that has colours of its own in a theme, and of its every second part."""
    found = {each: solid(theme, each) for each in (*theme.families, *_SOLIDS[theme.name])}
    return {**found, **{f"{name}, other part": other(shade) for name, shade in found.items()}}

"""The colours of a picture: `light`, `dark` and `print`.

Every text keeps a contrast of 4.5:1 with what is behind it and every line one of 3:1, which the tests compute.
A layer's colour is that of its family, chosen so that the families stay apart for colour-blind readers; what
matters is said in words as well.

>>> theme("light").shade("convolution").stroke
'#0067a3'
>>> theme("sepia")
Traceback (most recent call last):
    ...
archscope.errors.NotFound: no theme `sepia`; themes: light, dark, print
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from archscope.errors import NotFound

INPUT: Final = "input"
"""The family of a network's inputs and outputs, which are no layers."""

BLOCK: Final = "block"
"""The family of a block of layers drawn as one."""


@dataclass(frozen=True, slots=True)
class Shade:
    """The two colours of a family: what fills its shapes and what draws their outline."""

    fill: str
    stroke: str


@dataclass(frozen=True)
class Theme:
    """The colours of a picture.

    Attributes:
        name: what a person asks for.
        background: of the page; shapes that hold no family's colour are filled with it.
        text: names and numbers.
        muted: remarks.
        line: outlines, and the edges between layers.
        link: a kernel and its lines.
        crossing: what goes from one tower to another; dashed as well.
        band: behind a tower or a block.
        frame: the outline of a block.
        ramp: the colours of what costs nothing and of what costs most; between them they are mixed.
        ink: the outlines of what is coloured so.
        families: by name; see `shade`.
    """

    name: str
    background: str
    text: str
    muted: str
    line: str
    link: str
    crossing: str
    band: str
    frame: str
    ramp: tuple[str, str]
    ink: str
    families: Mapping[str, Shade]

    def shade(self, family: str) -> Shade:
        """A family's colours; those of the input for a family that has none of its own."""
        return self.families.get(family, self.families[INPUT])

    @cached_property
    def is_dark(self) -> bool:
        """Whether light text stands on a dark page."""
        return luminance(self.background) < luminance(self.text)

    @property
    def patch(self) -> str:
        """What fills a kernel that lies on a map."""
        return mix(self.background, self.link, 0.35)

    @property
    def light(self) -> tuple[str, float]:
        """What is mixed into a face that looks at the light, and how much of it."""
        return "#ffffff", 0.14 if self.is_dark else 0.55

    @property
    def shadow(self) -> tuple[str, float]:
        """What is mixed into a face that looks away from it."""
        return "#000000", 0.3 if self.is_dark else 0.1

    def lit(self, color: str) -> str:
        """The colour of a face that looks at the light."""
        return mix(color, *self.light)

    def shaded(self, color: str) -> str:
        """The colour of a face that looks away from it."""
        return mix(color, *self.shadow)


def mix(color: str, other: str, part: float) -> str:
    """A colour with a part of another in it.

    >>> mix("#ffffff", "#000000", 0.5)
    '#808080'
    """
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{int(one + (two - one) * part + 0.5):02x}" for one, two in pairs)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0 to 1."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(color))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast as WCAG 2 defines it, 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def theme(name: str) -> Theme:
    """A theme by name.

    Raises:
        NotFound: there is none of that name.
    """
    if name not in THEMES:
        raise NotFound(f"no theme `{name}`; themes: {', '.join(THEMES)}")
    return THEMES[name]


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


THEMES: Final[Mapping[str, Theme]] = {
    each.name: each
    for each in (
        Theme(
            name="light",
            background="#ffffff",
            text="#1a1a1a",
            muted="#595959",
            line="#333333",
            link="#0067a3",
            crossing="#b34700",
            band="#f3f4f6",
            frame="#80858e",
            ramp=("#fff8ec", "#e0701a"),
            ink="#5a2a00",
            families={
                INPUT: Shade("#ececec", "#3a3a3a"),
                "convolution": Shade("#d3e7f5", "#0067a3"),
                "pooling": Shade("#d3efe3", "#00785a"),
                "dense": Shade("#fbe0cd", "#b34700"),
                "normalization": Shade("#e6e9ee", "#5b6675"),
                "activation": Shade("#f8f0c0", "#7a6500"),
                "merge": Shade("#f7dbe9", "#7a1259"),
                "shape": Shade("#efefef", "#6b6b6b"),
                "axes": Shade("#e7efe9", "#4d6b5a"),
                "arithmetic": Shade("#f3ece4", "#7a5c3a"),
                "sequence": Shade("#eadcfb", "#8816f3"),
                BLOCK: Shade("#e2e6f5", "#0d2b85"),
            },
        ),
        Theme(
            name="dark",
            background="#14171c",
            text="#f2f3f5",
            muted="#b3b9c2",
            line="#c9ced6",
            link="#6cc0f5",
            crossing="#ff9e57",
            band="#1f242c",
            frame="#7c8592",
            ramp=("#2a221a", "#9a4a12"),
            ink="#ffb27a",
            families={
                INPUT: Shade("#33373e", "#ebebeb"),
                "convolution": Shade("#143a54", "#6cc0f5"),
                "pooling": Shade("#10402f", "#52d0a4"),
                "dense": Shade("#54290f", "#ff9e57"),
                "normalization": Shade("#303843", "#a4b1c1"),
                "activation": Shade("#433a08", "#e6cf4f"),
                "merge": Shade("#4f1d38", "#d08db6"),
                "shape": Shade("#2c2f34", "#a8adb5"),
                "axes": Shade("#26332c", "#9dc4ac"),
                "arithmetic": Shade("#3a2f22", "#d9b98c"),
                "sequence": Shade("#2e2a63", "#dac1e1"),
                BLOCK: Shade("#262c52", "#7797f8"),
            },
        ),
        Theme(
            name="print",
            background="#ffffff",
            text="#000000",
            muted="#404040",
            line="#000000",
            link="#000000",
            crossing="#000000",
            band="#f2f2f2",
            frame="#7a7a7a",
            ramp=("#ffffff", "#8c8c8c"),
            ink="#000000",
            families={
                INPUT: Shade("#ffffff", "#000000"),
                "convolution": Shade("#e4e4e4", "#000000"),
                "pooling": Shade("#f4f4f4", "#000000"),
                "dense": Shade("#cfcfcf", "#000000"),
                "normalization": Shade("#ffffff", "#000000"),
                "activation": Shade("#ffffff", "#000000"),
                "merge": Shade("#ffffff", "#000000"),
                "shape": Shade("#ffffff", "#000000"),
                "axes": Shade("#ffffff", "#000000"),
                "arithmetic": Shade("#ffffff", "#000000"),
                "sequence": Shade("#d9d9d9", "#000000"),
                BLOCK: Shade("#ececec", "#000000"),
            },
        ),
    )
}
"""By name, in the order in which they are offered."""

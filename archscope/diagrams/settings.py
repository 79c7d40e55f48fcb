"""What a picture shall look like, from two sides: the ``figure:`` of a spec, and what a person asks for now.

What is asked for now wins. `settled` brings both together on the network, where every style finds what layers are to
be called; `palette_of` makes the colours.

>>> import archscope
>>> analysis = archscope.analyze("lenet5")
>>> settled(analysis, {"labels": {"C1": "Stem"}}).network.figure
{'labels': {'C1': 'Stem'}}
>>> settled(analysis, {"highlight": ["C9"]})
Traceback (most recent call last):
    ...
archscope.errors.NotFound: LeNet-5 has no layer `C9` to highlight; layers: C1, S2, C3, S4, C5, flatten, F6, OUTPUT
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from archscope.analysis import Analysis
from archscope.diagrams.themes import THEMES, Shade, Theme, contrast, mix
from archscope.errors import NotFound, UsageError, did_you_mean

ASKED: Final = ("style", "width", "height", "page", "font_size", "theme", "show", "depth", "expand", "collapse",
                "direction", "color", "color_scale")  # fmt: skip
"""What of a figure is said to every style; see `archscope.diagrams.request`."""

_READ: Final = 4.5
"""So much contrast has a text that can be read."""

DRESSED: Final = ("title", "caption", "legend", "palette", "labels", "highlight", "notes")
"""What is said on the picture, or of single layers."""

ROLES: Final = ("attention", "feed", "experts", "norm", "embedding", "linear", "softmax")
"""Blocks of style `transformer`, which a palette may colour by themselves."""

_VERBS: Final = {"labels": "to label", "highlight": "to highlight", "notes": "to remark on"}


def settled(analysis: Analysis, given: Mapping[str, Any]) -> Analysis:
    """The analysis of the network with both brought together as its ``figure``.

    Raises:
        NotFound: a layer that is named is not there.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    said = dict(analysis.network.figure)
    if "page" in asked:
        said = {name: value for name, value in said.items() if name not in ("width", "height")}
    if "width" in asked or "height" in asked:
        said.pop("page", None)
    whole = {**said, **asked}
    for key, verb in _VERBS.items():
        for name in whole.get(key, ()):
            if not named(name, analysis):
                names = [row.name for row in analysis.rows] + [".".join(path) for path in analysis.network.groups]
                raise NotFound(f"{analysis.title} has no layer `{name}` {verb}; "
                               f"{did_you_mean(name, names, what='layers')}")  # fmt: skip
    if whole == dict(analysis.network.figure):
        return analysis
    return analysis.replace(network=analysis.network.replace(figure=whole))


def named(pattern: str, analysis: Analysis) -> frozenset[str]:
    """The nodes that a name or a pattern stands for: layers, nodes, and all that is in a group."""
    network = analysis.network
    found = set()
    for node in network.nodes:
        inside = [".".join(node.group[:depth]) for depth in range(1, len(node.group) + 1)]
        if any(name == pattern or fnmatchcase(name, pattern) for name in (node.name, node.row, *inside)):
            found.add(node.name)
    return frozenset(found)


def palette_of(theme: Theme, palette: Mapping[str, str]) -> Theme:
    """A theme with the colours of some families changed; outlines are as dark as the theme's lines must be.

    Colours that were chosen for a light page are as much darker on a dark one as its text needs.

    Raises:
        NotFound: there is no such family.
        UsageError: no colour, or one on which the text cannot be read.

    >>> from archscope.diagrams.themes import theme
    >>> palette_of(theme("light"), {"convolution": "#ffd9b3"}).shade("convolution").fill
    '#ffd9b3'
    >>> palette_of(theme("light"), {"convolution": "#101010"})
    Traceback (most recent call last):
        ...
    archscope.errors.UsageError: no text can be read on convolution: #101010 in theme light; choose a lighter colour
    >>> palette_of(theme("dark"), {"convolution": "#ffd9b3"}).shade("convolution").fill
    '#665748'
    """
    families = dict(theme.families)
    for name, color in palette.items():
        if name not in families and name not in ROLES:
            raise NotFound(f"no family `{name}`; {did_you_mean(name, (*families, *ROLES), what='families')}")
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", color):
            raise UsageError(f'palette: `{name}: {color}` is no colour; write six digits, such as "#ffd9b3"')
        fill = readable(color.lower(), theme)
        if fill is None:
            way = "darker" if theme.is_dark else "lighter"
            raise UsageError(f"no text can be read on {name}: {color} in theme {theme.name}; choose a {way} colour")
        families[name] = Shade(fill, _outline(fill, theme))
    return replace(theme, families=families)


def readable(color: str, theme: Theme) -> str | None:
    """A colour on which the text of a theme can be read: it, or on a dark page the same darker; None if it is none."""
    parts = range(1, 10) if theme.is_dark and contrast(color, THEMES["light"].text) >= _READ else ()
    tried = (color, *(mix(color, "#000000", part / 10) for part in parts))
    return next((each for each in tried if contrast(each, theme.text) >= _READ), None)


def _outline(fill: str, theme: Theme) -> str:
    """The fill mixed with the text until a line of it stands out from the page and from the fill."""
    for tenths in range(3, 10):
        color = mix(fill, theme.text, tenths / 10)
        if min(contrast(color, theme.background), contrast(color, fill)) >= 3:
            return color
    return theme.text

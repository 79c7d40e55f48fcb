"""Colours that can be read and told apart."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

import archscope
from archscope.diagrams.settings import palette_of
from archscope.diagrams.themes import BLOCK, INPUT, THEMES, Theme, contrast, luminance, theme
from archscope.layers import TYPES

themes = pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))

# Machado, Oliveira, Fernandes 2009, severity 1.0: linear RGB as a person with the deficiency sees it.
DEFICIENCIES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _seen(color: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """A colour in CIE L*a*b*, after the matrix."""
    linear = []
    for place in (1, 3, 5):
        value = int(color[place : place + 2], 16) / 255
        linear.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    r, g, b = (max(0.0, min(1.0, sum(w * v for w, v in zip(row, linear, strict=True)))) for row in matrix)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _difference(one: str, other: str, deficiency: str) -> float:
    pair = zip(*(_seen(color, DEFICIENCIES[deficiency]) for color in (one, other)), strict=True)
    return sum((a - b) ** 2 for a, b in pair) ** 0.5


@themes
def test_text_can_be_read_on_everything_it_stands_on(theme: Theme) -> None:
    behind = [theme.background, theme.band, *(shade.fill for shade in theme.families.values())]
    for text in (theme.text, theme.muted):
        assert min(contrast(text, each) for each in behind) >= 4.5


@themes
def test_lines_stand_out_from_the_page_and_from_what_they_cross(theme: Theme) -> None:
    for line in (theme.line, theme.link, theme.crossing, theme.frame):
        assert min(contrast(line, each) for each in (theme.background, theme.band)) >= 3
    for shade in theme.families.values():
        faces = (shade.fill, theme.lit(shade.fill), theme.shaded(shade.fill))
        assert min(contrast(shade.stroke, each) for each in (theme.background, theme.band, *faces)) >= 3
        assert min(contrast(each, face) for each in (theme.link, theme.crossing) for face in faces) >= 3
    assert contrast(theme.link, theme.patch) >= 3


@themes
def test_every_family_of_layers_has_a_colour_of_its_own(theme: Theme) -> None:
    families = {layer.family for layer in TYPES.values()}
    assert families | {INPUT, BLOCK} == set(theme.families)
    assert theme.shade("a family of tomorrow") == theme.shade(INPUT)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_families_that_have_boxes_stay_apart_for_colour_blind_readers(name: str, deficiency: str) -> None:
    strokes = [
        THEMES[name].shade(family).stroke
        for family in ("convolution", "pooling", "dense", "merge", "sequence", BLOCK, INPUT)
    ]
    assert min(_difference(one, other, deficiency) for one, other in combinations(strokes, 2)) >= 10


def test_print_needs_no_colour() -> None:
    theme = THEMES["print"]
    colors = [theme.text, theme.line, theme.link, theme.crossing, theme.band, theme.frame]
    colors += [each for shade in theme.families.values() for each in (shade.fill, shade.stroke)]
    assert all(each[1:3] == each[3:5] == each[5:7] for each in colors)
    shown = sorted(luminance(theme.shade(family).fill) for family in ("convolution", "pooling", "dense"))
    assert all(two - one >= 0.1 for one, two in pairwise(shown))


@pytest.mark.parametrize("color", ["#ffd9b3", "#cce5ff", "#ffffff", "#ffff00", "#c0c0c0"])
@pytest.mark.parametrize("name", ["light", "dark", "print"])
def test_a_palette_of_a_light_page_can_be_read_on_every_page(name: str, color: str) -> None:
    asked = theme(name)
    shade = palette_of(asked, {"convolution": color}).shade("convolution")
    assert contrast(shade.fill, asked.text) >= 4.5
    assert min(contrast(shade.stroke, each) for each in (shade.fill, asked.background)) >= 3
    assert (shade.fill == color) is (name != "dark")
    # It is the same colour: no channel changes its place among the others.
    channels = [[int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in (color, shade.fill)]
    for one, two in combinations(range(3), 2):
        assert (channels[0][one] >= channels[0][two]) is (channels[1][one] >= channels[1][two])


def test_a_palette_between_light_and_dark_is_refused_on_a_dark_page() -> None:
    with pytest.raises(archscope.UsageError, match="#777777 in theme dark; choose a darker colour"):
        palette_of(theme("dark"), {"convolution": "#777777"})

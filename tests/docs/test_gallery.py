"""Nothing is in the way in any picture of the gallery; `test_generated` holds its files to what is drawn now."""

from __future__ import annotations

import re

import pytest

import archscope
from archscope.diagrams import STYLES
from archscope.diagrams.choosing import choose
from tests.diagrams.geometry import not_contained, parameters, problems
from tests.docs.blocks import ROOT
from tools.pages import gallery

ALONE = [each for each in gallery.entries() if not each.other]


def picture(entry: gallery.Entry, theme: str = "light") -> str:
    file = ROOT / "docs" / "assets" / "figures" / f"{entry.name}{gallery.THEMES[theme]}.svg"
    return file.read_text(encoding="utf-8")


def style(entry: gallery.Entry) -> str:
    return entry.options.get("style") or choose(archscope.analyze(entry.drawing_of())).style


@pytest.mark.parametrize("entry", ALONE, ids=lambda each: each.name)
def test_a_picture_keeps_what_every_picture_keeps(entry: gallery.Entry) -> None:
    drawn, svg = entry.drawing_of(), picture(entry)
    assert problems(svg, drawn) == []
    assert not_contained(svg) == []
    if style(entry) not in ("transformer", "graph"):  # which tell the parameters of one copy of a block
        assert parameters(svg) == archscope.analyze(drawn).totals.parameters


def test_the_dark_pictures_are_the_light_ones_in_other_colours() -> None:
    for entry in gallery.entries():
        light, dark = picture(entry), picture(entry, "dark")
        assert light != dark
        assert re.sub(r"#[0-9a-f]{6}", "#", light) == re.sub(r"#[0-9a-f]{6}", "#", dark)


def test_every_style_is_shown_with_its_command() -> None:
    assert {style(each) for each in ALONE} == set(STYLES) - {"auto"}
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    for entry in gallery.entries():
        assert f"$ {entry.command}\n" in page

"""The shipped font: its widths, its licence, its name."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from archscope.diagrams import fonts
from archscope.diagrams.fonts.widths import BOLD, REGULAR
from archscope.errors import UsageError

styles = pytest.mark.parametrize("bold", [False, True])


@styles
def test_the_widths_are_those_of_the_shipped_font(bold: bool) -> None:
    ttlib = pytest.importorskip("fontTools.ttLib", reason="fonttools comes with fpdf2")
    font = ttlib.TTFont(fonts.path(bold=bold))
    assert font["head"].unitsPerEm == 2048
    cmap, advances = font.getBestCmap(), font["hmtx"]
    listed = {each: advance for advance, same in (BOLD if bold else REGULAR).items() for each in same}
    assert {each: advances[cmap[ord(each)]][0] for each in listed} == listed
    assert set(map(chr, cmap)) == set(listed)


@styles
def test_the_fonts_are_small_and_bear_a_name_of_their_own(bold: bool) -> None:
    data = fonts.path(bold=bold).read_bytes()
    assert len(data) < 16_000
    assert struct.unpack(">I", data[:4]) == (0x00010000,)
    assert "Archscope".encode("utf-16-be") in data
    names = data.decode("utf-16-be", "ignore") + data[1:].decode("utf-16-be", "ignore")
    assert "Liberation Sans" not in names


def test_the_licence_of_the_font_lies_beside_it() -> None:
    text = (Path(fonts.__file__).parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert "Copyright (c) 2012 Red Hat, Inc. with Reserved Font Name Liberation." in text


def test_a_character_that_the_font_does_not_have_takes_room_all_the_same() -> None:
    assert fonts.width("層", 10) == 10
    assert fonts.width("Ж", 10) == pytest.approx(6.67, abs=0.01)
    assert fonts.width("e\u0301", 10) == fonts.width("e", 10)


def test_a_format_that_embeds_the_font_refuses_what_it_cannot_set() -> None:
    fonts.require(["conv1", "3×3 · 6@28×28"], "png")
    with pytest.raises(UsageError, match="the font of format pdf has no 層; write svg"):
        fonts.require(["層1"], "pdf")

"""The shipped font: its widths, its licence, its name."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import archscope
from archscope.classroom.sheet import sheet_of
from archscope.classroom.writers import write as write_sheet
from archscope.diagrams import fonts
from archscope.diagrams.fonts.widths import BOLD, REGULAR
from archscope.diagrams.scene import Text
from archscope.errors import UsageError
from archscope.layers import Linear
from archscope.network import Network, Node, Ref

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
    assert len(data) < 36_000
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
    assert fonts.width("Ꙃ", 10) == pytest.approx(6.67, abs=0.01)
    assert fonts.width("e\u0301", 10) == fonts.width("e", 10)


def test_a_format_that_embeds_the_font_refuses_what_it_cannot_set(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts.require(["conv1", "3×3 · 6@28×28", "слой στρώμα źródło"], "png")
    with pytest.raises(UsageError, match="the font of format pdf has no ش; write svg"):
        fonts.require(["شx"], "pdf")
    monkeypatch.setattr(fonts, "_others", frozenset)
    with pytest.raises(UsageError, match="has no 층 層; write svg, which any font can set; pip install"):
        fonts.require(["층層"], "pdf")


@pytest.mark.skipif(fonts.other_path() is None, reason="the package of the font for Korean and Chinese is not there")
@pytest.mark.parametrize("word", ["합성곱 층", "卷积层", "畳み込み層"])
def test_korean_chinese_and_japanese_are_set_in_png_and_pdf(word: str, tmp_path: Path) -> None:
    from archscope.diagrams.scene import Scene, Text
    from archscope.diagrams.writers.pdf import pdf
    from archscope.diagrams.writers.png import png

    def scene(*strings: str) -> Scene:
        placed = enumerate(strings)
        texts = (Text(100, 20 + 20 * place, each, 12, anchor="middle", bold=bool(place)) for place, each in placed)
        return Scene(200, 60, "t", "d", tuple(texts))

    (tmp_path / "a.pdf").write_bytes(pdf(scene(f"conv {word}", f"conv {word}")))
    if shutil.which("pdftotext"):
        said = subprocess.run(
            ["pdftotext", str(tmp_path / "a.pdf"), "-"], capture_output=True, check=True
        ).stdout.decode()
        assert said.count(word) == 2
    blank = "\u3000" * len(word)
    assert png(scene(word)) != png(scene(blank))
    assert png(scene(word)) != png(scene(word[::-1]))
    assert fonts.stretches(f"conv {word[0]}3") == [("conv ", False), (word[0], True), ("3", False)]


@pytest.mark.parametrize("format", ["pdf", "png"])
def test_a_control_character_costs_no_picture(format: str) -> None:
    network = Network("n", {"input": (4,)}, [Node("a\x1b[31m", Linear(out_features=3), (Ref("input"),), "a\x1b[31m")],
                      title="C1\x07")  # fmt: skip
    drawing = archscope.draw(network, style="graph")
    drawing.write(format)
    shown = [fonts.settable(each.string) for each in drawing.scene.walk() if isinstance(each, Text)]
    assert "a?[31m" in shown
    assert fonts.missing("".join(shown)) == ""


def test_a_control_character_costs_no_worksheet() -> None:
    network = Network("n", {"input": (4,)}, [Node("a", Linear(out_features=3), (Ref("input"),), "a")], title="C1\x07")
    sheet = sheet_of(archscope.analyze(network), spec="n")
    assert write_sheet(sheet, "pdf")[:5] == b"%PDF-"


def test_what_labels_of_layers_are_written_with_is_in_the_shipped_font() -> None:
    """A root of a width, powers, and the signs that layers bear."""
    assert fonts.missing("×√512 − ÷ ‖ ≤ · → ½") == ""

"""`archscope diagram`: what it writes, and what it says when it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import archscope
from archscope.cli import main
from archscope.diagrams import FORMATS


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that a mistake is answered with."""
    assert main(["diagram", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    return line.removeprefix("error: ")


def test_without_a_file_an_svg_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "lenet5"]) == 0
    assert capsys.readouterr().out == archscope.draw(archscope.load("lenet5")).svg


@pytest.mark.parametrize(
    ("suffix", "start"),
    [(".svg", b"<svg "), (".SVG", b"<svg "), (".png", b"\x89PNG\r\n"), (".pdf", b"%PDF-1"), (".tikz", b"% LeNet-5"),
     (".tex", b"% LeNet-5")],
)  # fmt: skip
def test_the_format_follows_the_suffix(suffix: str, start: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"picture{suffix}"
    assert main(["diagram", "lenet5", "-o", str(file)]) == 0
    assert file.read_bytes().startswith(start)
    assert list(tmp_path.iterdir()) == [file]


def test_a_format_by_name_goes_before_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "picture.txt"
    assert main(["diagram", "lenet5", "-o", str(file), "--format", "svg"]) == 0
    assert file.read_text(encoding="utf-8").startswith("<svg ")


def test_the_options_reach_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "towers.svg"
    options = ["--towers", "--theme", "dark", "--width", "200mm", "--font-size", "7", "--show", "name,shape"]
    assert main(["diagram", "alexnet-pytorch", "-o", str(file), *options]) == 0
    expected = archscope.draw(
        archscope.load("alexnet-pytorch"), towers=True, theme="dark", width="200mm", font_size=7, show="name,shape"
    )
    assert file.read_text(encoding="utf-8") == expected.svg


def test_a_changed_spec_is_drawn_as_it_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagram", "lenet5", "--set", "C1.padding=2", "--input", "1,28,28"]) == 0
    assert "6@28×28" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--style", "plane"], "no style `plane`; styles: auto, graph, planes, boxes, neurons, transformer, unrolled"),
        (["--theme", "sepia"], "no theme `sepia`; themes: light, dark, print"),
        (["--format", "bmp"], f"no format `bmp`; formats: {', '.join(FORMATS)}"),
        (["-o", "a.bmp"], ("no format has the suffix `.bmp`; suffixes: .svg, .png, .pdf, .tikz, .tex, .dot, .gv, .mmd, "
                          ".mermaid, .pptx, .drawio, .html, .htm")),
        (["--show", "name,size"], ("nothing to show called `size`; there are name, op, kernel, shape, parameters, "
                                   "macs, bias, weights, cell")),
        (["--direction", "up"], "no direction `up`; directions: tb, lr"),
        (["--depth", "deep"], "no depth `deep`; a number of levels, `full`, or `auto`"),
        (["--width", "wide"], "no width `wide`; write a number and a unit: 183mm, 18.3cm, 7.2in or 518pt"),
        (["--width", "-3mm"], "no width `-3mm`; write a number and a unit: 183mm, 18.3cm, 7.2in or 518pt"),
        (["--font-size", "0"], "no font size 0.0: from 4 to 24 points"),
        (["--font-size", "nan"], "no font size nan: from 4 to 24 points"),
        (["--style", "planes", "--format", "dot"], "format dot is written for style graph, not for planes"),
        (["--width", "89mm", "--font-size", "7"],
         ("the figure of LeNet-5 does not fit 89 mm: with a font of 7 pt it needs --width 118mm at least; or use a "
         "smaller --font-size; or --style graph, which fits")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_what_there_is(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails(capsys, "lenet5", *arguments) == message


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "figures.svg"
    folder.mkdir()
    assert _fails(capsys, "lenet5", "-o", str(folder)) == f"cannot write {folder}: it is a folder; name a file in it"
    nowhere = tmp_path / "nowhere" / "a.svg"
    message = _fails(capsys, "lenet5", "-o", str(nowhere))
    assert message == f"cannot write {nowhere}: there is no folder {nowhere.parent}"
    assert "has no suffix to tell the format" in _fails(capsys, "lenet5", "-o", str(tmp_path / "picture"))


def test_a_picture_that_fails_leaves_the_old_file_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "picture.pdf"
    file.write_text("old", encoding="utf-8")
    assert "does not fit" in _fails(capsys, "lenet5", "-o", str(file), "--width", "50mm")
    assert file.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_figure_in_svg_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from archscope.cli import main\n"
        f"assert main(['diagram', 'lenet5', '-o', {str(tmp_path / 'x.svg')!r}]) == 0\n"
        "heavy = {'torch', 'numpy', 'pygraphviz', 'graphviz', 'fpdf', 'resvg_py', 'PIL', 'fontTools'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"

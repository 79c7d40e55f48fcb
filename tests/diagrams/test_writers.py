"""What every file keeps to, format by format."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.diagrams.fonts import widths
from archscope.diagrams.scene import Group, Polygon, Scene, Text, circle
from archscope.diagrams.scene import Path as Line
from archscope.diagrams.writers.pdf import pdf
from archscope.diagrams.writers.png import png
from archscope.diagrams.writers.svg import svg
from archscope.diagrams.writers.tikz import tikz
from archscope.escaping import latex_needs
from tests.diagrams.browser import launch
from tests.diagrams.networks import network
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"
FIGURES = {"lenet5": 15_000, "alexnet": 25_000}

figures = pytest.mark.parametrize("name", FIGURES)


def _scene(name: str, theme: str = "light") -> Scene:
    return archscope.draw(network(name), width="183mm", font_size=7, theme=theme).scene


@pytest.fixture(scope="module", params=["light", "dark", "print"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@figures
def test_an_svg_is_a_picture_with_a_title_a_description_and_its_text_as_text(name: str, theme: str) -> None:
    written = svg(_scene(name, theme))
    root = ET.fromstring(written)
    assert root.get("role") == "img"
    assert root.get("width") == "183mm"
    assert [child.tag.rpartition("}")[2] for child in root][:2] == ["title", "desc"]
    assert len(root.findall(".//{*}text")) > 20
    assert len(written.encode()) <= FIGURES[name]
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        if group.get("class") == "layer":
            assert group[0].tag.endswith("title")
            assert group[0].text.startswith(group.get("data-layers").split()[0])


@figures
@pytest.mark.parametrize(
    "never", ["<script", "href", "url(", "var(", "<marker", "<style", "<image", "@import", " id=", "0x", "style="]
)
def test_an_svg_holds_nothing_that_a_viewer_could_refuse_or_another_picture_disturb(name: str, never: str) -> None:
    assert never not in svg(_scene(name))


_PAINT = {"fill", "stroke", "stroke-width"}
_ALLOWED = {
    "svg": {"role", "width", "height", "viewBox", "font-family", "stroke-linejoin"},
    "title": set(), "desc": set(), "g": {"class", "data-layers", "data-source", "data-target"},
    "rect": {"width", "height", "fill"}, "polygon": {"points", *_PAINT}, "path": {"d", "stroke-dasharray", *_PAINT},
    "text": {"x", "y", "font-size", "font-weight", "text-anchor", "fill"},
}  # fmt: skip
"""What Inkscape, Illustrator, Word and LibreOffice show alike: no style sheet, no variable, no baseline but the usual,
no marker, no clip path; commands of paths that are lines and cubic curves."""


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize(
    ("name", "style"),
    [("lenet5", "planes"), ("alexnet", "boxes"), ("unet", "boxes"), ("gpt2@small", "transformer"),
     ("lstm-lm@small", "unrolled"), ("autoencoder@mnist", "neurons"), ("resnet@18", "graph")],
)  # fmt: skip
def test_an_svg_of_every_style_holds_only_what_drawing_programs_show_alike(name: str, style: str, theme: str) -> None:
    root = ET.fromstring(archscope.draw(name, style=style, theme=theme).svg)
    for element in root.iter():
        tag = element.tag.removeprefix("{http://www.w3.org/2000/svg}")
        assert set(element.attrib) <= _ALLOWED[tag]
        for paint in ("fill", "stroke"):
            assert re.fullmatch(r"none|#[0-9a-f]{6}", element.get(paint, "none"))
        assert set(re.findall("[A-Za-z]", element.get("d", ""))) <= set("MLCZ")


def test_an_svg_is_well_formed_whatever_a_network_is_called() -> None:
    scene = Scene(50, 20, 'a <b> & "c"\x07', "d & e", (
        Group("layer", (Text(2, 12, "x < y & z", 8),), title="<&>", layers=('a"b',)),
    ))  # fmt: skip
    root = ET.fromstring(svg(scene))
    assert root[0].text == 'a <b> & "c"�'
    assert root.find(".//{*}text").text == "x < y & z"
    assert root.find(".//{*}g").get("data-layers") == 'a"b'


@pytest.mark.parametrize("suffix", ["svg", "tikz"])
@figures
def test_a_figure_is_written_as_it_was(name: str, suffix: str) -> None:
    picture = archscope.draw(network(name), width="183mm", font_size=7)
    assert picture.write(suffix) == (GOLDEN / f"{name}.{suffix}").read_text(encoding="utf-8")


_WRITE_ALL = """
import sys, hashlib, archscope
for name, theme in (("lenet5", "light"), ("alexnet", "dark")):
    picture = archscope.draw(archscope.load(name), theme=theme)
    for format in ("svg", "png", "pdf", "tikz"):
        made = picture.write(format)
        print(name, format, hashlib.sha256(made if isinstance(made, bytes) else made.encode()).hexdigest())
"""


def test_two_processes_write_the_same_bytes_whatever_their_surroundings(tmp_path: Path) -> None:
    empty = tmp_path / "fonts.conf"
    empty.write_text("<?xml version='1.0'?><fonts><dir>/nowhere</dir></fonts>", encoding="utf-8")
    runs = []
    for seed, locale, folder, more in (
        ("1", "C", ROOT, {}),
        ("2", "de_DE.UTF-8", tmp_path, {"FONTCONFIG_FILE": str(empty), "HOME": str(tmp_path), "TZ": "Asia/Tokyo"}),
    ):
        surroundings = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "PYTHONPATH": str(ROOT), **more}
        run = subprocess.run([sys.executable, "-c", _WRITE_ALL], cwd=folder, env=surroundings, check=True, text=True,
                             capture_output=True)  # fmt: skip
        runs.append(run.stdout)
    assert len(runs[0].splitlines()) == 8
    assert runs[0] == runs[1]


@figures
def test_the_text_of_a_pdf_can_be_found_and_its_fonts_are_embedded(name: str) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext of poppler-utils is not installed")
    scene = _scene(name)
    written = pdf(scene)
    found = subprocess.run(["pdftotext", "-layout", "-", "-"], input=written, capture_output=True, check=True).stdout
    words = found.decode().split()
    for item in scene.walk():
        if isinstance(item, Text):
            assert set(item.string.split()) <= set(words)
    fonts_ = subprocess.run(["pdffonts", "-"], input=written, capture_output=True, check=True).stdout.decode()
    lines = fonts_.splitlines()[2:]
    assert len(lines) >= 1
    assert all("ArchscopeSans" in line and re.search(r"yes yes yes", line) for line in lines)
    size = subprocess.run(["pdfinfo", "-"], input=written, capture_output=True, check=True).stdout.decode()
    assert re.search(r"Pages:\s+1\n", size)
    wide, high = map(float, re.search(r"Page size:\s+([\d.]+) x ([\d.]+) pts", size).groups())
    assert (wide, high) == pytest.approx((scene.width, scene.height), abs=0.01)


def _pixels(data: bytes) -> Any:
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    return numpy.asarray(image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@figures
def test_a_pdf_looks_like_the_png(name: str, tmp_path: Path) -> None:
    if shutil.which("pdftoppm") is None:
        pytest.skip("pdftoppm of poppler-utils is not installed")
    scene = _scene(name)
    shown = subprocess.run(["pdftoppm", "-r", "144", "-png", "-singlefile", "-"], input=pdf(scene), capture_output=True,
                           check=True).stdout  # fmt: skip
    _are_alike(_pixels(shown), _pixels(png(scene, 144)), reach=3)


def _are_alike(one: Any, other: Any, reach: int = 1) -> None:
    """The same picture but for the edges of things, which programs smooth in their own ways.

    A pixel is missing in the other picture if none around its place there, as far as ``reach``, is like it.
    """
    assert max(abs(one.shape[axis] - other.shape[axis]) for axis in (0, 1)) <= 2
    high, wide = (min(one.shape[axis], other.shape[axis]) for axis in (0, 1))
    one, other = one[:high, :wide], other[:high, :wide]
    assert _missing(one, other, reach) < 0.001
    assert _missing(other, one, reach) < 0.001


def _missing(one: Any, other: Any, reach: int) -> float:
    """The part of one picture's pixels that the other has not."""
    numpy = pytest.importorskip("numpy")
    inner = one[reach:-reach, reach:-reach]
    high, wide = inner.shape[:2]
    nearest = numpy.full((high, wide), 255)
    for down in range(2 * reach + 1):
        for along in range(2 * reach + 1):
            there = other[down : down + high, along : along + wide]
            nearest = numpy.minimum(nearest, abs(inner - there).max(axis=2))
    return float((nearest > 130).mean())


def test_pictures_that_differ_are_told_apart() -> None:
    scene = _scene("lenet5")
    fewer = Scene(scene.width, scene.height, scene.title, scene.description, scene.items[:-1], scene.background)
    with pytest.raises(AssertionError):
        _are_alike(_pixels(png(scene, 144)), _pixels(png(fewer, 144)))


@pytest.mark.browser
@figures
def test_a_png_looks_as_chromium_shows_the_svg(name: str, theme: str, tmp_path: Path) -> None:
    scene = _scene(name, theme)
    wide, high = round(scene.width * 96 / 72), round(scene.height * 96 / 72)
    page_file = tmp_path / "picture.html"
    page_file.write_text(f"<!doctype html><meta charset=utf-8><body style='margin:0'>{svg(scene)}", encoding="utf-8")
    with launch(viewport={"width": wide, "height": high}) as page:
        page.goto(page_file.as_uri())
        shown = page.screenshot()  # waits until fonts are there and a frame is painted, however long that takes
    _are_alike(_pixels(shown), _pixels(png(scene, 96)))


def test_a_png_shows_its_text() -> None:
    """resvg leaves out text for which it has no font, without a word."""
    blank = Scene(60, 20, "", "", (), "#ffffff")
    said = Scene(60, 20, "", "", (Text(4, 14, "conv 3×3", 8), Text(40, 14, "b", 8, bold=True)), "#ffffff")
    assert (_pixels(png(said)) < 128).sum() > 500
    assert (_pixels(png(blank)) == 255).all()


def test_tikz_opens_what_it_closes_and_names_the_colours_it_uses() -> None:
    written = tikz(_scene("alexnet"))
    assert written.count("{") == written.count("}")
    assert written.count(r"\begin{tikzpicture}") == written.count(r"\end{tikzpicture}") == 1
    defined = set(re.findall(r"\\definecolor\{(\w+)\}\{HTML\}\{[0-9A-F]{6}\}", written))
    assert defined == set(re.findall(r"archscope\d+", written))
    for line in written.splitlines():
        assert line.startswith(("%", r"\begin", r"\end", r"\definecolor", r"\useasboundingbox")) or line.endswith(";")
    assert written.isascii() or set(re.sub(r"(?m)^%.*$", "", written)) <= set(map(chr, range(128)))


def test_tikz_compiles(tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed; the structure of TikZ is checked all the same")
    signs = "".join(dict.fromkeys("".join((*widths.REGULAR.values(), *widths.BOLD.values()))))
    # Without the T1 encoding, TeX has the letters of Latin-1 but for these.
    signs = "".join(each for each in signs if not latex_needs(each) and not 0x100 <= ord(each) < 0x180)
    signs = " ".join(each for each in signs if each not in "ÐðÞþ«»„‚‹›¤¦")  # a word in Greek would need its font
    every = Scene(900, 60, "signs", "every sign", (
        *(Text(5, 12 * row, signs[row * 120 - 120 : row * 120], 8, bold=bool(row % 2)) for row in range(1, 8)),
        circle(800, 20, 8, fill="#d3e7f5", stroke="#0067a3"),
        Line((("M", ((0, 50),)), ("L", ((90, 50),))), stroke="#000000", dash=(2, 1)),
        Polygon(((0, 0), (5, 0), (5, 5)), fill="#00ff00"),
    ))  # fmt: skip
    for name, scene in (("a", _scene("lenet5")), ("b", _scene("alexnet", "dark")), ("c", every)):
        (tmp_path / f"{name}.tikz").write_text(tikz(scene), encoding="utf-8")
    (tmp_path / "all.tex").write_text(
        r"\documentclass{article}\usepackage{tikz}\pagestyle{empty}\begin{document}"
        r"\input{a.tikz}\newpage\input{b.tikz}\newpage\input{c.tikz}\end{document}",
        encoding="utf-8",
    )
    run = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path, text=True,
                         encoding="latin-1", capture_output=True, timeout=PATIENCE)  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:]
    assert "(3 pages" in run.stdout
    assert "Missing character" not in run.stdout


@pytest.mark.parametrize(("package", "module", "write"), [("resvg_py", "png", png), ("fpdf2", "pdf", pdf)])
def test_a_missing_package_is_named_with_its_remedy(
    package: str, module: str, write: Callable[[Scene], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fpdf" if package == "fpdf2" else package, None)
    with pytest.raises(archscope.MissingExtra, match=rf"format {module} needs {package}: pip install"):
        write(_scene("lenet5"))


def test_a_drawing_shows_itself_in_a_notebook() -> None:
    picture = archscope.draw(network("lenet5"))
    assert picture._repr_mimebundle_() == {"image/svg+xml": picture.svg}
    wide = archscope.draw("alexnet", width="400mm")
    # Jupyter's style sheet says `max-width: 100%` of every picture.
    shown = wide._repr_mimebundle_()["text/html"]
    assert shown.replace(' style="max-width: none"', "") == f'<div style="overflow-x: auto">{wide.svg}</div>'
    assert '<svg style="max-width: none" ' in shown
    assert repr(picture) == "<archscope drawing of lenet5, style planes>"


if __name__ == "__main__":
    for each in FIGURES:
        for suffix in ("svg", "tikz"):
            text = str(archscope.draw(network(each), width="183mm", font_size=7).write(suffix))
            (GOLDEN / f"{each}.{suffix}").write_text(text, encoding="utf-8")

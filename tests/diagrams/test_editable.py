"""PowerPoint and draw.io: opened again by their own rules, with the shapes, texts and edges of the picture."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path as File
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE

import archscope
from archscope.diagrams.scene import Group, Path, Polygon, Scene, Text
from archscope.diagrams.steps import steps_of
from archscope.diagrams.writers.drawio import drawio
from archscope.diagrams.writers.pptx import pptx
from archscope.errors import MissingExtra, UsageError
from archscope.escaping import line
from tests.hostile import TEXTS

NAMES = [
    ("lenet5", "planes"),
    ("alexnet", "boxes"),
    ("unet", "boxes"),
    ("resnet@18", "graph"),
    ("autoencoder@mnist", "neurons"),
    ("transformer@base", "transformer"),
    ("lstm-lm@small", "unrolled"),
]
DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
SHOWN = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
pictures = pytest.mark.parametrize(("name", "style"), NAMES)


def _scene(name: str, style: str) -> Scene:
    return archscope.draw(name, style=style).scene


def _strings(scene: Scene) -> list[str]:
    return sorted(item.string for item in scene.walk() if isinstance(item, Text))


def _shapes(shapes: Any) -> Any:
    for shape in shapes:
        yield shape
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            yield from _shapes(shape.shapes)


@pictures
def test_a_slide_has_every_text_and_a_group_for_each_layer(name: str, style: str) -> None:
    scene = _scene(name, style)
    deck = Presentation(io.BytesIO(pptx(scene)))
    (slide,) = deck.slides
    found = list(_shapes(slide.shapes))
    assert sorted(each.text_frame.text for each in found if each.has_text_frame and each.text_frame.text) == _strings(
        scene
    )
    groups = {each.name: each for each in found if each.shape_type == MSO_SHAPE_TYPE.GROUP}
    wanted = [group for group in scene.groups("layer") if group.items]
    assert {line(group.layers[0]) for group in wanted} <= set(groups)
    for group in wanted:
        assert groups[group.layers[0]]._element.nvGrpSpPr.cNvPr.get("descr") == line(group.title)
    assert (deck.slide_width, deck.slide_height) == (round(scene.width * 12700), round(scene.height * 12700))
    assert len({each.shape_id for each in found}) == len(found)
    assert str(slide.background.fill.fore_color.rgb) == str(scene.background)[1:].upper()
    for each in slide.shapes:
        assert each.left >= -1000 * 12
        assert each.left + each.width <= deck.slide_width + 12700 * 3


@pictures
def test_a_straight_line_is_a_connector_that_is_glued_where_it_ends(name: str, style: str) -> None:
    scene = _scene(name, style)
    (slide,) = Presentation(io.BytesIO(pptx(scene))).slides
    shapes = {each.shape_id: each for each in _shapes(slide.shapes)}
    layers = {group.layers[0]: group for group in scene.groups("layer") if group.items}
    straight = [
        (edge, item) for edge in scene.groups("edge") if {edge.source, edge.target} <= set(layers)
        for item in edge.items if isinstance(item, Path) and [verb for verb, _ in item.commands] == ["M", "L"]
    ]  # fmt: skip
    found = [each for each in shapes.values() if each.shape_type == MSO_SHAPE_TYPE.LINE]
    assert len(found) == len(straight) > 0
    for connector, (edge, path) in zip(found, straight, strict=True):
        (start,) = path.commands[0][1]
        assert (connector.begin_x, connector.begin_y) == pytest.approx([each * 12700 for each in start], abs=2)
        glue = connector._element.nvCxnSpPr.cNvCxnSpPr
        for hold, (x, y), layer in (
            (glue.stCxn, (connector.begin_x, connector.begin_y), edge.source),
            (glue.endCxn, (connector.end_x, connector.end_y), edge.target),
        ):
            shape = shapes[hold.id]
            assert _site(shape, hold.idx) == pytest.approx((x, y), abs=200)
            homes = [each.nvGrpSpPr.cNvPr.get("name") for each in shape._element.iterancestors(f"{SHOWN}grpSp")]
            assert line(layer) in homes


def _site(shape: Any, number: int) -> tuple[float, float]:
    """A place of a shape to which connectors are glued: its guides are parts of its width and its height."""
    guides = {each.get("name"): each.get("fmla").split() for each in shape._element.iter(f"{DRAWN}gd")}
    place = [each.find(f"{DRAWN}pos") for each in shape._element.iter(f"{DRAWN}cxn")][number]
    (_, wide, right, whole), (_, high, down, _) = guides[place.get("x")], guides[place.get("y")]
    assert (wide, high) == ("w", "h")
    return shape.left + shape.width * int(right) / int(whole), shape.top + shape.height * int(down) / int(whole)


@pictures
def test_draw_io_reads_every_text_and_edges_hang_on_their_layers(name: str, style: str) -> None:
    scene = _scene(name, style)
    root = ET.fromstring(drawio(scene))
    cells = root.findall(".//mxCell")
    assert sorted(each.get("value", "") for each in cells if each.get("style", "").startswith("text;")) == _strings(
        scene
    )
    ids = [each.attrib["id"] for each in (*root.iter("mxCell"), *root.iter("UserObject")) if "id" in each.attrib]
    assert len(ids) == len(set(ids))
    parents = {each.get("parent") for each in cells if each.get("parent")}
    assert parents <= set(ids)
    homes = {
        each.get("layers", "").split()[0]: each.attrib["id"] for each in root.iter("UserObject") if each.get("layers")
    }
    joined = {(each.get("source"), each.get("target")) for each in cells if each.get("edge") and each.get("source")}
    for edge in scene.groups("edge"):
        if edge.source in homes and edge.target in homes:
            assert (homes[edge.source], homes[edge.target]) in joined
    for each in cells:
        if each.get("edge"):
            ends = {point.get("as") for point in each.iter("mxPoint")}
            assert {"sourcePoint", "targetPoint"} <= ends


def test_an_edge_of_draw_io_docks_where_it_is_drawn() -> None:
    scene = _scene("unet", "boxes")
    root = ET.fromstring(drawio(scene))
    places = {}
    for each in root.iter("UserObject"):
        geometry = each.find("mxCell/mxGeometry")
        if each.get("layers") and geometry is not None:
            places[each.attrib["id"]] = [float(geometry.attrib[key]) for key in ("x", "y", "width", "height")]
    tried = 0
    for each in root.iter("mxCell"):
        if each.get("edge") and each.get("source"):
            style = dict(part.split("=", 1) for part in each.attrib["style"].split(";") if "=" in part)
            x, y, wide, high = places[each.attrib["source"]]
            start = next(point for point in each.iter("mxPoint") if point.get("as") == "sourcePoint")
            assert x + wide * float(style["exitX"]) == pytest.approx(float(start.attrib["x"]), abs=0.1)
            assert y + high * float(style["exitY"]) == pytest.approx(float(start.attrib["y"]), abs=0.1)
            tried += 1
    assert tried > 20


@pytest.mark.parametrize(("name", "style"), [("gpt2@small", "transformer"), ("unet", "boxes")])
def test_an_arrow_of_draw_io_ends_at_its_tip(name: str, style: str) -> None:
    """draw.io draws the head itself, from the end of the line on; ours lies over the end of a shorter line."""
    scene = _scene(name, style)
    tips: list[tuple[float, float]] = []
    for edge in scene.groups("edge"):
        heads = [item for item in edge.items if isinstance(item, Polygon) and item.stroke is None]
        tips += heads[0].points[:1] if len(heads) == 1 else []
    ends = []
    for each in ET.fromstring(drawio(scene)).iter("mxCell"):
        if "endArrow=block" in each.get("style", ""):
            (at,) = (point.attrib for point in each.iter("mxPoint") if point.get("as") == "targetPoint")
            ends.append((float(at["x"]), float(at["y"])))
    assert len(ends) == len(tips) > 5
    for drawn, tip in zip(sorted(ends), sorted(tips), strict=True):
        assert drawn == pytest.approx(tip, abs=0.02)


@pytest.mark.parametrize("text", [each for each in TEXTS if len(each) < 1000], ids=lambda text: ascii(text)[:30])
def test_any_text_is_read_back_as_that_text(text: str) -> None:
    scene = Scene(300, 100, text, text, (Group("layer", (Text(5, 20, text, 8),), text, ("a",)),))
    deck = Presentation(io.BytesIO(pptx(scene)))
    (group,) = deck.slides[0].shapes
    assert [each.text_frame.text for each in group.shapes] == [line(text)]
    assert (group._element.nvGrpSpPr.cNvPr.get("descr") or "") == line(text)
    assert deck.core_properties.title == line(text)[:255]
    root = ET.fromstring(drawio(scene))
    assert [each.attrib["value"] for each in root.iter("mxCell") if "value" in each.attrib] == [line(text)]
    assert [each.attrib["tooltip"] for each in root.iter("UserObject")] == [line(text)]
    assert "html=0" in next(each.attrib["style"] for each in root.iter("mxCell") if "value" in each.attrib)


def test_a_build_up_has_one_slide_a_layer_and_ends_with_the_whole() -> None:
    drawing = archscope.draw("unet", steps=True)
    deck = Presentation(io.BytesIO(drawing.write("pptx")))  # type: ignore[arg-type]
    layers = [group for group in drawing.scene.groups("layer") if group.items]
    assert len(deck.slides) == len(layers)
    counts = [len(list(_shapes(slide.shapes))) for slide in deck.slides]
    assert counts == sorted(counts)
    whole = Presentation(io.BytesIO(pptx(drawing.scene)))
    assert counts[-1] == len(list(_shapes(whole.slides[0].shapes)))
    assert [group.layers[0] for group in next(steps_of(drawing.scene)).groups("layer")] == ["input"]


def test_an_edge_comes_with_the_later_of_its_layers_and_a_frame_with_its_first() -> None:
    scene = _scene("resnet@18", "boxes")
    for step, shown in enumerate(steps_of(scene), start=1):
        names = {group.layers[0] for group in shown.groups("layer") if group.items}
        assert len(names) == step
        edges = {(edge.source, edge.target) for edge in shown.groups("edge")}
        assert edges == {(e.source, e.target) for e in scene.groups("edge") if {e.source, e.target} <= names}
    first = next(steps_of(scene))
    assert not list(first.groups("frame"))


def test_steps_of_other_formats_are_files_or_a_page(tmp_path: File) -> None:
    drawing = archscope.draw("lenet5", steps=True)
    drawing.save(tmp_path / "net.svg")
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"net-{number}.svg" for number in range(1, 9)]
    page = str(drawing.write("html"))
    assert 'data-step="8"' in page
    assert "<script src" not in page
    with pytest.raises(UsageError, match="steps in svg are several files"):
        drawing.write("svg")
    with pytest.raises(UsageError, match="format dot has no steps"):
        archscope.draw("lenet5", style="graph", steps=True).write("dot")


@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize(("name", "font_size"), [("lenet5", None), ("resnet@50", 12), ("gpt2@small", None)])
def test_a_picture_for_a_slide_is_on_one_of_that_form_under_its_title(
    name: str, font_size: float | None, steps: bool
) -> None:
    """On a slide as large as the picture, PowerPoint had bars around it."""
    sized = {} if font_size is None else {"font_size": font_size}
    drawing = archscope.draw(name, page="16:9", theme="dark", steps=steps, **sized)
    deck = Presentation(io.BytesIO(bytes(drawing.write("pptx"))))
    assert (deck.slide_width, deck.slide_height) == (960 * 12700, 540 * 12700)
    for slide in deck.slides:
        title, *others = slide.shapes
        assert title == slide.shapes.title
        assert title.text_frame.text == drawing.analysis.title
        assert str(title.text_frame.paragraphs[0].runs[0].font.color.rgb) == drawing.request.theme.text[1:].upper()
        assert len({each.shape_id for each in _shapes(slide.shapes)}) == len(list(_shapes(slide.shapes)))
        margin = (960 - 313 * 72 / 25.4) / 2 * 12700 - 12700
        for each in others:
            assert each.top >= title.top + title.height
            assert margin <= each.left
            assert each.left + each.width <= deck.slide_width - margin
            assert each.top + each.height <= deck.slide_height - margin
    whole = deck.slides[-1].shapes
    left, right = min(each.left for each in whole), max(each.left + each.width for each in whole)
    assert abs(left + right - deck.slide_width) < 0.02 * deck.slide_width
    strings = {each.text_frame.text for each in _shapes(whole) if each.has_text_frame}
    assert set(_strings(drawing.scene)) <= strings


def test_a_title_that_is_in_the_picture_is_not_said_again_over_it() -> None:
    drawing = archscope.draw("lenet5", page="16:9", title="Digits")
    (slide,) = Presentation(io.BytesIO(bytes(drawing.write("pptx")))).slides
    told = [each.text_frame.text for each in _shapes(slide.shapes) if each.has_text_frame]
    assert slide.shapes.title is None
    assert told.count("Digits") == 1


def test_a_picture_that_no_slide_holds_is_told() -> None:
    with pytest.raises(UsageError, match="a slide is at most 56"):
        pptx(Scene(5000, 100, "long", "", ()))


@pytest.mark.parametrize("suffix", ["pptx", "drawio"])
def test_the_same_bytes_in_every_process(suffix: str) -> None:
    code = (
        "import archscope, hashlib; made = archscope.draw('lenet5').write(" + repr(suffix) + ");"
        "print(hashlib.sha256(made if isinstance(made, bytes) else made.encode()).hexdigest())"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
                       check=True, text=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pptx", None)
    with pytest.raises(MissingExtra, match=r"format pptx needs python-pptx: pip install 'archscope\[pptx\]'"):
        archscope.draw("lenet5").write("pptx")

"""draw.io opens our files: its own viewer lays out every shape, text and edge where the picture has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import archscope
from archscope.diagrams.scene import Scene
from archscope.diagrams.writers.drawio import drawio
from tests.diagrams.browser import launch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif("DRAWIO" not in os.environ, reason="DRAWIO names no viewer-static.min.js of draw.io"),
]

PAGE = """<meta charset="utf-8"><body><script>
window.DRAW_MATH_URL = "data:,"; window.mxLoadResources = false; window.onDrawioViewerLoad = () => {};
</script><script src="VIEWER"></script>"""
"""Nothing is fetched, and the viewer waits to be asked."""

OPEN = """xml => {
    const box = document.createElement("div");
    document.body.replaceChildren(box);
    const file = mxUtils.parseXml(xml);
    const graph = window.graph = new Graph(box);
    graph.foldingEnabled = false;
    new mxCodec(file).decode(file.querySelector("mxGraphModel"), graph.getModel());
    const named = state => {
        const name = state.style.shape;
        return !!(mxCellRenderer.defaultShapes[name] || mxStencilRegistry.getStencil(name));
    };
    const ends = state => state.absolutePoints.filter((_, at, all) => at == 0 || at == all.length - 1);
    const found = {texts: [], edges: [], unknown: [], shapes: 0};
    for (const [id, cell] of Object.entries(graph.getModel().cells)) {
        const state = graph.view.getState(cell);
        if (!cell.isVertex() && !cell.isEdge()) continue;
        if (!named(state)) found.unknown.push(state.style.shape);
        if (cell.isEdge()) {
            const [start, end] = ends(state).map(each => [each.x, each.y]);
            found.edges.push({id, start, end, source: state.visibleSourceState?.cell.id ?? null,
                              target: state.visibleTargetState?.cell.id ?? null});
        } else if (typeof cell.value == "string" && cell.value) {
            const text = state.text.node.getBBox();
            found.texts.push({said: cell.value, drawn: state.text.node.textContent, text:
                [text.x, text.y, text.x + text.width, text.y + text.height],
                room: [state.x, state.y, state.x + state.width, state.y + state.height]});
        } else found.shapes += 1;
    }
    return found;
}"""
"""Decodes a file as draw.io does, and tells what it made of it, in points of the picture."""

MOVE = """([id, x, y]) => {
    const cell = graph.getModel().getCell(id);
    const place = edge => [...graph.view.getState(edge).absolutePoints].map(each => [each.x, each.y]);
    const out = cell.edges.filter(each => each.source == cell);
    const before = out.map(each => place(each)[0]);
    graph.moveCells([cell], x, y);
    return out.map((each, at) => place(each)[0].map((value, axis) => value - before[at][axis]));
}"""


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    start = tmp_path_factory.mktemp("drawio") / "viewer.html"
    start.write_text(PAGE.replace("VIEWER", Path(os.environ["DRAWIO"]).as_uri()))
    with launch() as page:
        page.goto(start.as_uri())
        yield page


NAMES = [
    ("lenet5", "planes"),
    ("unet", "boxes"),
    ("lenet5", "graph"),
    ("mlp", "neurons"),
    ("gpt2@small", "transformer"),
    ("lstm-lm@small", "unrolled"),
]


MLP = """
name: mlp
input: [3]
layers:
  hidden: {type: linear, out_features: 20, activation: relu}
  out: {type: linear, out_features: 2}
"""


def _scene(name: str, style: str) -> Scene:
    return archscope.draw(archscope.read(MLP) if name == "mlp" else name, style=style).scene


@pytest.mark.parametrize(("name", "style"), NAMES)
def test_draw_io_draws_every_shape_text_and_edge_where_the_picture_has_it(viewer: Any, name: str, style: str) -> None:
    scene = _scene(name, style)
    written = drawio(scene)
    found = viewer.evaluate(OPEN, written)
    assert found["unknown"] == []
    cells = list(ET.fromstring(written).iter("mxCell"))
    assert len(found["texts"]) + len(found["edges"]) + found["shapes"] == len(cells) - 2

    # draw.io's lines are a little higher than ours, and so its box about a line is.
    for each in found["texts"]:
        assert "".join(each["drawn"].split()) == "".join(each["said"].split())
        assert _within(each["text"], each["room"], slack=1.6), each
        assert _within(each["text"], (0, 0, scene.width, scene.height), slack=0)

    wanted = {}
    for each in ET.fromstring(written).iter("UserObject"):
        cell = each.find("mxCell")
        if cell is not None and cell.get("edge"):
            points = {point.get("as"): point for point in cell.iter("mxPoint")}
            ends = [tuple(float(points[role].get(axis, 0)) for axis in "xy") for role in ("sourcePoint", "targetPoint")]
            parent = cell.get("parent") == "1"
            wanted[each.attrib["id"]] = (ends, cell.get("source"), cell.get("target"), parent)
    assert {each["id"] for each in found["edges"]} == set(wanted)
    for each in found["edges"]:
        (start, end), source, target, outermost = wanted[each["id"]]
        assert (each["source"], each["target"]) == (source, target)
        if outermost:
            assert each["start"] == pytest.approx(start, abs=0.15)
            assert each["end"] == pytest.approx(end, abs=0.15)


def test_in_draw_io_an_edge_follows_the_layer_that_is_moved(viewer: Any) -> None:
    scene = _scene("unet", "boxes")
    viewer.evaluate(OPEN, drawio(scene))
    root = ET.fromstring(drawio(scene))
    home = next(each.attrib["id"] for each in root.iter("UserObject") if each.get("layers", "").startswith("down1"))
    moved = viewer.evaluate(MOVE, [home, 30, 40])
    assert moved
    assert all(each == pytest.approx((30, 40), abs=0.01) for each in moved)


def _within(inner: Any, outer: Any, *, slack: float) -> bool:
    starts = all(inner[axis] >= outer[axis] - slack for axis in (0, 1))
    return starts and all(inner[axis] <= outer[axis] + slack for axis in (2, 3))

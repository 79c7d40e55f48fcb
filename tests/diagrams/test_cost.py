"""Cost as colour: what is shown is what is counted, in every style, and it can be read."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

import archscope
from archscope.diagrams.cost import Ramp, coloring
from archscope.diagrams.html import packed_in
from archscope.diagrams.scene import Group, Polygon, Text
from archscope.diagrams.themes import THEMES, contrast, luminance
from archscope.memory import saved
from tests.diagrams.browser import launch
from tests.diagrams.geometry import problems
from tests.patience import PATIENCE

COUNTED = ("macs", "parameters", "connections")
DRAWN = [
    ("lenet5", "planes"), ("lenet5", "graph"), ("alexnet", "boxes"), ("alexnet", "graph"), ("resnet@18", "graph"),
    ("vgg@A", "boxes"), ("transformer@base", "graph"),
]  # fmt: skip


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_a_ramp_is_read_in_grey_and_never_hides_a_text_or_an_outline(theme: Any) -> None:
    ramp = Ramp(0.0, 1.0, "linear", theme)
    shades = [ramp.shade(place / 50) for place in range(51)]
    lights = [luminance(shade.fill) for shade in shades]
    assert lights == sorted(lights, reverse=not theme.is_dark)
    assert abs(lights[0] - lights[-1]) > (0.1 if theme.is_dark else 0.5)
    assert min(contrast(theme.text, shade.fill) for shade in shades) >= 4.5
    assert min(contrast(shade.stroke, shade.fill) for shade in shades) >= 3
    assert contrast(theme.ink, theme.background) >= 3


@pytest.mark.parametrize("quantity", COUNTED)
@pytest.mark.parametrize(("name", "style"), DRAWN)
def test_what_the_colours_say_adds_up_to_the_total(name: str, style: str, quantity: str) -> None:
    analysis = archscope.analyze(name)
    picture = archscope.draw(analysis, style=style, color=quantity)
    assert picture.coloring is not None
    costs = [picture.coloring.cost(group.layers) for group in picture.scene.groups("layer")]
    known = sum(each for each in costs if each is not None)
    assert known == sum(int(row.count_of(quantity) or 0) for row in analysis.rows)


@pytest.mark.parametrize(("name", "style"), DRAWN)
def test_what_is_saved_adds_up_to_what_memory_holds_on_towers_too(name: str, style: str) -> None:
    picture = archscope.draw(name, style=style, color="saved_bytes")
    assert picture.coloring is not None
    costs = [picture.coloring.cost(group.layers) or 0 for group in picture.scene.groups("layer")]
    held, unknown = saved(picture.analysis.network)
    assert not unknown
    assert sum(costs) == sum(size for layer, size in held.items() if layer)


@pytest.mark.parametrize("law", ["linear", "log"])
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("name", "style"), DRAWN)
def test_the_dearer_a_layer_the_further_along_the_ramp(name: str, style: str, theme: str, law: str) -> None:
    picture = archscope.draw(name, style=style, color="macs", theme=theme, color_scale=law)
    assert picture.coloring is not None
    shown = []
    for group in picture.scene.groups("layer"):
        cost = picture.coloring.cost(group.layers)
        fill = _front(group)
        if cost is not None and fill is not None:
            shown.append((cost, luminance(fill)))
    shown.sort()
    lights = [light for _, light in shown]
    assert len(set(lights)) > 3
    assert lights == sorted(lights, reverse=not THEMES[theme].is_dark)


def _front(group: Group) -> str | None:
    """The fill of what is drawn of a layer, without its sheets and lit faces."""
    polygons = [item for item in group.items if isinstance(item, Polygon) and item.fill and item.fill != "none"]
    return polygons[-1].fill if polygons else None


@pytest.mark.parametrize("color", ["macs", "connections", "saved_bytes"])
@pytest.mark.parametrize(("name", "style"), DRAWN)
def test_nothing_in_a_coloured_picture_is_in_the_way_of_anything(name: str, style: str, color: str) -> None:
    drawn = archscope.load(name)
    found = problems(archscope.draw(drawn, style=style, color=color).svg, drawn)
    # Edges from copy to copy of what is folded are not drawn.
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []


def test_the_legend_says_what_how_much_and_how() -> None:
    strings = _strings("lenet5", color="macs")
    assert {"MACs", "0", "150,000"} <= set(strings)
    assert "MACs, by the logarithm" in _strings("lenet5", color="macs", color_scale="log")
    assert "parameters, of all ×N copies" in _strings("resnet@18", color="parameters")
    assert "Coloured by MACs, to scale from 0 to 150,000." in archscope.draw("lenet5", color="macs").scene.description


def test_the_number_that_is_coloured_stands_on_the_layers() -> None:
    assert any("117,600 MACs" in text for text in _strings("lenet5", style="graph", color="macs"))
    assert not any("117,600 MACs" in text for text in _strings("lenet5", style="graph", color="macs", show="name"))


def test_what_is_not_covered_has_the_colour_of_the_page_and_a_line_in_the_legend() -> None:
    picture = archscope.draw("transformer@base", style="graph", color="connections")
    words = next(group for group in picture.scene.groups("layer") if "words" in group.layers)
    assert _front(words) == picture.request.theme.background
    assert "not covered" in _strings("transformer@base", color="connections")
    assert "not covered" not in _strings("transformer@base", color="parameters")


def _strings(name: str, **options: Any) -> list[str]:
    return [item.string for item in archscope.draw(name, **options).scene.walk() if isinstance(item, Text)]


def test_latency_is_that_of_a_result_file() -> None:
    picture = archscope.draw("lenet5", style="graph", color="latency", latency={"C1": 2.5e-4, "C3": 5e-4})
    costs = {group.layers[0]: picture.coloring.cost(group.layers) for group in picture.scene.groups("layer")}  # type: ignore[union-attr]
    assert (costs["C1"], costs["C3"], costs["S2"]) == (2.5e-4, 5e-4, None)
    assert "500 µs" in _strings("lenet5", style="graph", color="latency", latency={"C1": 2.5e-4, "C3": 5e-4})


@pytest.mark.parametrize("color", ["latency", "saved_bytes", "activation_bytes"])
@pytest.mark.parametrize(
    ("name", "style"),
    [("lenet5", "planes"), ("lenet5", "graph"), ("vgg@A", "boxes"), ("unet", "boxes"), ("resnet@18", "boxes"),
     ("transformer@base", "transformer"), ("lstm-lm@small", "unrolled"), ("resnet@18", "graph")],
)  # fmt: skip
def test_what_each_layer_costs_stands_on_it_in_every_style(name: str, style: str, color: str) -> None:
    analysis = archscope.analyze(name)
    # Every row another time, from 1 ms on, so that none can be taken for another.
    times = {row.name: 1e-3 + number * 1e-4 for number, row in enumerate(analysis.rows)}
    latency = times if color == "latency" else None
    picture = archscope.draw(analysis, style=style, color=color, latency=latency)
    assert picture.coloring is not None
    words = " / ".join(item.string for item in picture.scene.walk() if isinstance(item, Text))
    said = [picture.coloring.said(group.layers) for group in picture.scene.groups("layer") if group.items]
    assert sum(map(bool, said)) >= 2
    assert [each for each in said if each not in words] == []


def test_the_legend_of_measured_times_names_their_device_in_as_many_lines_as_it_takes() -> None:
    asked: dict[str, Any] = {"color": "latency", "latency": {"C1": 2.5e-4}, "device": "NVIDIA H200, batch 1, fp32"}
    assert "latency on NVIDIA H200, batch 1, fp32" in _strings("lenet5", **asked)
    long = {**asked, "device": "a machine with a name that is as long as a line of a column, batch 1, fp32"}
    low, high = (archscope.draw("lenet5", style="graph", **each).scene for each in (asked, long))
    assert high.width <= 25 * 8  # the heading is broken, and the picture no wider for it
    assert high.height > low.height
    room = high.height + 20
    assert archscope.draw("lenet5", style="graph", height=f"{room}pt", **long).scene.height <= room


def test_a_time_of_a_row_on_two_towers_is_told_as_that_of_both() -> None:
    strings = _strings("alexnet", style="graph", color="latency", latency={"conv4": 2e-3, "fc8": 1e-3})
    assert len([each for each in strings if each.endswith(" · 2 ms on both")]) == 2
    assert len([each for each in strings if each.endswith(" · 1 ms")]) == 1
    assert any(each.endswith(" · not measured") for each in strings)


def test_a_row_on_no_tower_is_told_apart_from_the_time_of_both_towers() -> None:
    strings = _strings("alexnet", style="boxes", color="latency", latency={"fc6": 2e-3, "drop6": 5e-4, "join6": 1e-4})
    legend = "2.6 ms"
    told = [each for each in strings if "ms" in each or "µs" in each]
    assert told == ["2.5 ms on both", "join6 100 µs", "2.5 ms on both", legend]
    # Of a row that stands on no other tower, and where all towers are in one shape, there is one sum.
    analysis = archscope.analyze("alexnet")
    times = {row.name: 1e-3 for row in analysis.rows}
    coloring = archscope.draw(analysis, style="boxes", color="latency", latency=times).coloring
    assert coloring is not None
    assert coloring.said(["pool2.gpu0", "pool2.gpu1", "join2"]) == "2 ms"
    assert coloring.said(["join2", "join5", "pool5.gpu1", "pool2.gpu1"]) == "2 ms on both, 2 more layers 2 ms"


def test_a_page_has_the_times_on_its_boxes_and_at_its_side() -> None:
    picture = archscope.draw("lenet5", style="graph", color="latency", latency={"C1": 2.5e-4}, device="a chip")
    packed = packed_in(str(picture.write("html")))
    lines = [line for part in packed["graph"]["parts"] for line in part["lines"]]
    assert "6×28×28 · 156 parameters · 250 µs" in lines
    assert ["latency on a chip", "250 µs"] in [fact for one in packed["told"] for fact in one["facts"]]
    assert "latency on a chip" in packed["graph"]["headings"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"color": "mac"}, "no color `mac`; did you mean `macs`"),
        ({"color": "macs", "color_scale": "sqrt"}, "no color scale `sqrt`; color scales: linear, log"),
        ({"color": "latency"}, "--color latency --results FILE"),
        ({"color": "macs", "latency": {"C1": 1.0}}, "--color latency --results FILE"),
        ({"color": "latency", "latency": {"conv9": 1.0}}, "`conv9` was measured, and lenet5 has no such layer"),
    ],
)
def test_what_cannot_be_coloured_is_told_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(archscope.ArchscopeError) as told:
        archscope.draw("lenet5", **options)
    assert said in str(told.value)


def test_the_command_reads_what_bench_measured(archscope_run: Any, tmp_path: pathlib.Path) -> None:
    results = pathlib.Path(__file__).parents[2] / "docs" / "benchmarks" / "cpu.json"
    output = tmp_path / "times.svg"
    run = archscope_run("diagram", "lenet5", "--color", "latency", "--results", str(results), "-o", str(output))
    assert (run.status, run.err) == (0, "note: style planes: a chain of 7 layers, none of more than 16 maps\n")
    written = output.read_text()
    assert "latency on Intel(R) Xeon(R) Processor @ 2.50GHz, 2 threads, batch 1, fp32" in written
    assert ">237 µs<" in written  # C1's own, as the file has it: 0.000237
    run = archscope_run("diagram", "vgg@A", "--color", "latency", "--results", str(results))
    assert run.status == 2
    assert "has no layers of vgg@A measured; those it has are lenet5, alexnet" in run.err


def test_dot_and_mermaid_are_coloured_as_the_picture_is() -> None:
    picture = archscope.draw("lenet5", style="graph", color="macs")
    asked = coloring(picture.analysis, "macs", "linear", picture.request.theme, None)
    assert asked is not None
    fill = Ramp(0.0, 150000.0, "linear", picture.request.theme).shade(117600).fill
    for language in ("dot", "mermaid", "svg"):
        written = str(picture.write(language))
        assert fill in written
        assert "MACs, to scale from 0 to 150,000" in written


@pytest.mark.browser
def test_a_page_is_coloured_as_the_picture_is_and_back(tmp_path: pathlib.Path) -> None:
    plain, macs = (archscope.draw("alexnet", color=color) for color in ("family", "macs"))
    path = tmp_path / "view.html"
    path.write_text(str(plain.write("html")), encoding="utf-8")
    with launch(viewport={"width": 1280, "height": 800}) as page:
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(path.as_uri())
        assert _fills(page) == _expected(plain)
        page.select_option("#colour", "macs")
        assert _fills(page) == _expected(macs)
        assert page.inner_text("#legend").split("\n")[0] == "MACs"
        assert "111,974,400" in page.inner_text("#legend")
        page.select_option("#colour", "family")
        assert _fills(page) == _expected(plain)
        assert not page.is_visible("#legend")


def _fills(page: Any) -> list[list[str]]:
    script = "all => all.map(g => [...g.querySelectorAll('polygon')].map(each => each.getAttribute('fill')))"
    return list(page.locator("g.layer").evaluate_all(script))


def _expected(picture: archscope.Drawing) -> list[list[str]]:
    return [
        [item.fill or "none" for item in group.items if isinstance(item, Polygon)]
        for group in picture.scene.groups("layer")
    ]

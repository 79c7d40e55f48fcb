"""What is said on a picture: on the command line, in Python, or under `figure:` of a spec."""

from __future__ import annotations

import re
from pathlib import Path as File
from typing import Any

import pytest

import archscope
from archscope.cli import main
from archscope.diagrams.room import segments
from archscope.diagrams.scene import Group, Path, Point, Polygon, Scene, Text, bounds
from archscope.errors import UsageError
from archscope.writing.spec import write_spec
from tests.diagrams.geometry import problems

NET = """
name: small
title: A small one
input: [3, 16, 16]
layers:
  conv1: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, activation: relu}
  conv2: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  sum: {type: add, from: [conv1, conv2]}
  pool: {type: adaptive_avg_pool2d, output_size: 1}
  flat: {type: flatten}
  fc: {type: linear, out_features: 10}
"""
FIGURE = """
figure:
  style: graph
  theme: print
  font_size: 6
  title: The figure
  caption: One line under it.
  legend: true
  palette: {pooling: "#c0c0c0"}
  labels: {conv1: Stem}
  highlight: [conv*]
  notes: {fc: the only dense layer}
"""
ALL: dict[str, Any] = {
    "title": "A title that is said",
    "caption": "What is said under it goes on for so long that it is set on several lines, as captions are.",
    "legend": True,
    "labels": {"conv1": "Stem"},
    "highlight": ["conv2"],
    "notes": {"conv2": "stands out", "fc": "is the last"},
    "palette": {"convolution": "#ffd9b3"},
}


def strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def layer(scene: Scene, name: str) -> Group:
    return next(group for group in scene.groups("layer") if name in group.layers)


def outline(group: Group) -> float:
    return max(item.width for item in group.items if isinstance(item, Path | Polygon))


@pytest.mark.parametrize("name", ["lenet5", "alexnet", "gpt2@small", "lstm-lm@small", "resnet@18"])
@pytest.mark.parametrize("theme", ["light", "print"])
def test_nothing_that_is_said_is_in_the_way(name: str, theme: str) -> None:
    network = archscope.load(name)
    rows = [row.name for row in archscope.analyze(network).rows]
    said = {**ALL, "labels": {rows[0]: "Stem"}, "highlight": [rows[0]], "notes": {rows[2]: "stands out", rows[-1]: "."}}
    found = problems(archscope.draw(network, theme=theme, **said).svg, network)
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []


def test_all_of_it_is_there() -> None:
    scene = archscope.draw(archscope.read(NET), style="graph", **ALL).scene
    found = strings(scene)
    assert {"A title that is said", "Stem", "stands out", "is the last", "convolution", "pooling", "dense"} <= set(
        found
    )
    assert "conv1" not in found
    assert found.count("1") == found.count("2") == 2  # at the layer, and at what is said of it
    assert "".join(ALL["caption"].split()) in "".join("".join(found).split())
    assert outline(layer(scene, "conv2")) == pytest.approx(2.8 * outline(layer(scene, "conv1")))
    (box, *_) = layer(scene, "conv1").items
    assert isinstance(box, Polygon)
    assert box.fill == "#ffd9b3"


def test_a_mark_stands_at_its_layer() -> None:
    scene = archscope.draw(archscope.read(NET), style="graph", notes={"fc": "is the last"}).scene
    (mark,) = (group for group in scene.groups("part") if group.title == "remark 1")
    left, top, right, bottom = bounds(layer(scene, "fc").items)
    x, y = bounds(mark.items)[:2]
    assert left - 20 < x < right + 20
    assert top - 20 < y < bottom + 20


def test_a_spec_says_it_for_every_reader_and_who_asks_now_wins() -> None:
    network = archscope.read(NET + FIGURE)
    picture = archscope.draw(network)
    assert (picture.style, picture.request.theme.name, picture.request.font_size) == ("graph", "print", 6)
    assert {"The figure", "One line under it.", "Stem", "the only dense layer"} <= set(strings(picture.scene))
    assert outline(layer(picture.scene, "conv1")) == outline(layer(picture.scene, "conv2"))
    other = archscope.draw(network, theme="light", title="Another", font_size=8, legend=False)
    assert (other.request.theme.name, other.request.font_size) == ("light", 8)
    assert "Another" in strings(other.scene)
    assert "The figure" not in strings(other.scene)
    assert "convolution" not in strings(other.scene)


def test_a_page_of_now_takes_the_place_of_a_width_of_the_spec() -> None:
    network = archscope.read(NET + "figure: {width: 200mm, style: graph}\n")
    assert archscope.draw(network).request.width == pytest.approx(200 / 25.4 * 72)
    assert archscope.draw(network, page="ieee-column").request.width == pytest.approx(3.5 * 72)


def test_a_group_is_called_as_it_is_asked() -> None:
    scene = archscope.draw("resnet@18", style="graph", labels={"conv2": "Stage one"}).scene
    assert any(each.startswith("Stage one") for each in strings(scene))


def test_a_block_of_a_transformer_and_its_colour_have_other_names() -> None:
    asked: dict[str, Any] = {"labels": {"h.0.attn": "Look back"}, "palette": {"attention": "#ddffdd"}, "legend": True}
    scene = archscope.draw("gpt2@small", **asked).scene
    assert {"Look back", "attention", "feed forward", "normalization"} <= set(strings(scene))
    (box, *_) = layer(scene, "h.0.attn").items
    assert isinstance(box, Path)
    assert box.fill == "#ddffdd"


@pytest.mark.parametrize(
    ("name", "asked"),
    [*((name, {}) for name in ("alexnet-pytorch", "vgg@A", "unet", "resnet@18", "lenet5", "lstm-lm@small")),
     *(("googlenet", {"style": "graph", "depth": depth}) for depth in (1, "full"))],
)  # fmt: skip
def test_the_colours_of_a_legend_are_those_of_the_figure(name: str, asked: dict[str, Any]) -> None:
    plain, told = (archscope.draw(name, legend=legend, **asked).scene for legend in (False, True))
    known = {item.fill for item in plain.walk() if isinstance(item, (Path, Polygon))}
    assert {item.fill for item in told.walk() if isinstance(item, (Path, Polygon))} <= known
    if asked:
        said = strings(told)[len(strings(plain)) :]
        blocks, merges = (name in said for name in ("block", "merge"))
        assert (blocks, merges) == (asked["depth"] == 1, asked["depth"] == "full")


def test_a_height_that_was_asked_for_holds_what_is_said_too() -> None:
    scene = archscope.draw("lenet5", height="60mm", caption="Under it.", title="Over it").scene
    assert scene.height <= 60 / 25.4 * 72 + 0.01


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"labels": {"conv3": "x"}}, r"A small one has no layer `conv3` to label; did you mean `conv2`\?"),
        ({"highlight": ["con1"]}, r"has no layer `con1` to highlight; did you mean `conv1`\?"),
        ({"notes": {"pol": "x"}}, r"has no layer `pol` to remark on; did you mean `pool`\?"),
        ({"palette": {"convolutions": "#ffffff"}}, r"no family `convolutions`; did you mean `convolution`\?"),
        ({"palette": {"dense": "red"}}, "`dense: red` is no colour; write six digits"),
        ({"palette": {"dense": "#222222"}}, "no text can be read on dense: #222222 in theme light; choose a lighter"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_one_that_is(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(archscope.ArchscopeError, match=message):
        archscope.draw(archscope.read(NET), **asked)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{labels: {conv3: x}}", "`figure`: `labels` names `conv3`, which is no layer"),
        ("{widht: 3}", "`figure`: unknown option `widht`"),
        ("{notes: {fc: 3}}", "`fc` is no text"),
        ("{legend: perhaps}", "`figure`: `legend`"),
    ],
)
def test_a_mistake_in_a_spec_is_told_where_it_is_written(line: str, message: str) -> None:
    with pytest.raises(archscope.ArchscopeError, match=message) as caught:
        archscope.read(NET + f"figure: {line}\n")
    assert ":12:" in str(caught.value)


def test_a_figure_is_written_with_its_spec() -> None:
    network = archscope.read(NET + FIGURE)
    again = archscope.read(write_spec(network))
    assert dict(again.figure) == dict(network.figure)


def test_the_command_line_says_the_same(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "colours.yaml").write_text('convolution: "#ffd9b3"\n')
    (tmp_path / "net.yaml").write_text(NET)
    arguments = ["--palette", str(tmp_path / "colours.yaml"), "--label", "conv1=Stem", "--highlight", "conv2",
                 "--note", "fc=the end", "--title", "Over it", "--caption", "Under it.", "--legend"]  # fmt: skip
    assert main(["diagram", str(tmp_path / "net.yaml"), *arguments]) == 0
    written = capsys.readouterr().out
    for each in ("#ffd9b3", ">Stem<", ">the end<", ">Over it<", ">Under it.<", ">convolution<"):
        assert each in written
    assert main(["diagram", str(tmp_path / "net.yaml"), "--label", "conv1"]) == 2
    assert "--label conv1 has no `=`" in capsys.readouterr().err
    (tmp_path / "colours.yaml").write_text("- a\n")
    assert main(["diagram", str(tmp_path / "net.yaml"), *arguments]) == 2
    assert "is no palette" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "style", "layer"),
    [("gpt2@small", "transformer", "h.5.ln_2"), ("resnet@18", "graph", "conv2.1.a.conv"),
     ("resnet@18", "boxes", "conv4.0.b.conv")],
)  # fmt: skip
def test_a_label_of_a_layer_of_a_folded_block_stands_on_its_namesake(name: str, style: str, layer: str) -> None:
    assert any("Zebra" in each for each in strings(archscope.draw(name, style=style, labels={layer: "Zebra"}).scene))


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("lenet5", {"labels": {"flatten": "Zebra"}}, "has no place in style planes: it is a part of what stands as"),
        ("googlenet", {"style": "graph", "labels": {"inception4b.one.conv": "Zebra"}}, "; use --depth full"),
        ("vgg@A", {"style": "boxes", "labels": {"conv3.pool": "Zebra"}}, "; use --style graph"),
        ("resnet@18", {"style": "graph", "labels": {"conv4.1.b.bn": "Zebra"}}, "`conv4.1.b.conv`; label that"),
        ("resnet@18", {"style": "graph", "labels": {"conv2.1.a.conv": "Zebra", "conv2.0.a.conv": "Lion"}}, "keep one"),
    ],
)
def test_a_label_that_has_no_place_is_a_mistake_and_not_left_out(name: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        _ = archscope.draw(name, **asked).scene


def test_a_label_of_a_spec_may_have_no_place_in_a_style() -> None:
    network = archscope.read(NET + "figure: {labels: {flat: Zebra, conv1: Lion}}\n")
    assert "Lion" in strings(archscope.draw(network, style="boxes").scene)


@pytest.mark.parametrize(
    ("name", "asked", "shapes"),
    [
        ("gpt2@small", {"highlight": ["h.5.ln_2"]}, {"h.0.ln_2"}),
        ("gpt2@small", {"highlight": ["h.3.c_*"]}, {"h.0.c_fc"}),
        ("resnet@50", {"highlight": ["conv4.3.b"]}, {"conv4.1.b.conv"}),
        ("resnet@50", {"highlight": ["conv4"]}, {"conv4.1.a.conv", "conv4.1.b.conv", "conv4.1.m.conv", "conv4.1.sum"}),
        ("resnet@50", {"highlight": ["conv4"], "style": "graph", "depth": 1}, {"conv4.0.a.conv"}),
        ("googlenet", {"highlight": ["inception3a"]}, {"inception3a.one.conv"}),
        ("alexnet", {"highlight": ["conv3"]}, {"conv3.gpu0", "conv3.gpu1"}),
        ("transformer@base", {"highlight": ["decoder.2.cross"]}, {"decoder.0.cross.attention", "decoder.0.cross.add"}),
    ],
)
def test_what_stands_out_is_what_was_named_or_its_namesake(name: str, asked: dict[str, Any], shapes: set[str]) -> None:
    plain = archscope.draw(name, **{**asked, "highlight": None}).scene
    found = archscope.draw(name, **asked).scene
    before = {group.layers[0]: group.items for group in plain.groups("layer")}
    assert {group.layers[0] for group in found.groups("layer") if group.items != before[group.layers[0]]} == shapes


@pytest.mark.parametrize("style", ["boxes", "graph"])
def test_the_sign_of_a_layer_that_stands_out_stays_thin_in_a_bold_circle(style: str) -> None:
    scenes = [archscope.draw("resnet@18", style=style, highlight=each).scene for each in (None, ["conv4.*"])]
    plain, bold = (
        [item for group in scene.groups("layer") if "conv4.1.sum" in group.layers for item in group.items
         if isinstance(item, Path)] for scene in scenes
    )  # fmt: skip
    wider = [(one.fill is not None, other.width > one.width) for one, other in zip(plain, bold, strict=True)]
    assert sorted(wider) == [(False, False), (False, False), (True, True)]


HIDDEN: list[tuple[str, dict[str, Any], str, str]] = [
    ("gpt2@small", {}, "h.0.c_fc", "in style transformer; use --style graph"),
    ("resnet@50", {}, "conv4.3.b.bn", "style boxes: it is a part of what stands as `conv4.1.b.conv`; highlight that"),
    ("resnet@50", {}, "conv4.0.short", "; use --style graph"),
    ("googlenet", {}, "inception3a.one.conv", "it is a part of what stands as `inception3a`; use --depth full"),
    ("googlenet", {}, "lrn2", "in style boxes; use --style graph"),
    ("resnet@50", {"style": "graph", "depth": 1}, "conv4.3.b", "what stands as `conv4`; use --depth full"),
    ("lenet5", {}, "flatten", "style planes: it is a part of what stands as `C5`; highlight that"),
    ("lstm-lm@small", {}, "drop_out", "style unrolled: it is a part of what stands as `lstm`; highlight that"),
]


@pytest.mark.parametrize(("name", "asked", "layer", "said"), HIDDEN)
def test_what_cannot_stand_out_by_itself_is_a_mistake(name: str, asked: dict[str, Any], layer: str, said: str) -> None:
    with pytest.raises(
        UsageError, match=re.escape(f"the highlight of `{layer}` has no place") + ".*" + re.escape(said)
    ):
        _ = archscope.draw(name, **asked, highlight=[layer]).scene


@pytest.mark.parametrize(("name", "asked", "layer", "said"), HIDDEN)
def test_a_remark_on_a_part_of_a_shape_names_it(name: str, asked: dict[str, Any], layer: str, said: str) -> None:
    found = strings(archscope.draw(name, **asked, notes={layer: "Zebra"}).scene)
    assert f"{layer}: Zebra" in found


@pytest.mark.parametrize("name", ["lenet5", "alexnet-pytorch", "gpt2@small"])
def test_a_remark_stands_nearer_to_its_layer_than_to_any_other(name: str) -> None:
    plain = archscope.draw(name)
    layers = [group.layers[0] for group in plain.scene.groups("layer") if group.items]
    layers = [layer for layer in layers if layer not in plain.analysis.network.inputs][:6]
    for layer in layers:
        scene = archscope.draw(name, notes={layer: "Zebra"}).scene
        groups = {
            group.layers[0]: [each for each in segments(group.items) if each[0] != each[1]]
            for group in scene.groups("layer")
        }
        disc = next(group for group in scene.groups("part") if group.title == "remark 1")
        left, top, right, bottom = bounds(disc.items)
        middle = ((left + right) / 2, (top + bottom) / 2)
        far = {each: min(_far(middle, *line) for line in lines) for each, lines in groups.items() if lines}
        assert min(far, key=far.__getitem__) == layer


def _far(point: Point, start: Point, end: Point) -> float:
    """From a point to a line, by trying many places along it."""
    steps = (number / 64 for number in range(65))
    places = ((start[0] + step * (end[0] - start[0]), start[1] + step * (end[1] - start[1])) for step in steps)
    return min(((point[0] - x) ** 2 + (point[1] - y) ** 2) ** 0.5 for x, y in places)


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        ("resnet@50", "conv1.conv", "Zebra"),
        ("resnet@50", "fc", "Zebra"),
        ("googlenet", "inception3a", "Zebra"),
        ("gpt2@small", "h.5.ln_2", "h.5.ln_2: Zebra"),
        ("resnet@50", "conv4", "conv4: Zebra"),
        ("resnet@50", "*.bn", "*.bn: Zebra"),
    ],
)
def test_a_remark_says_whose_it_is_where_its_number_alone_would_not(name: str, layer: str, said: str) -> None:
    assert said in strings(archscope.draw(name, notes={layer: "Zebra"}).scene)


def test_what_a_figure_says_that_has_no_place_is_left_out_with_a_note(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.yaml").write_text(NET + "figure: {labels: {flat: Zebra, conv1: Lion}, highlight: [flat, conv2]}\n")
    assert main(["diagram", str(tmp_path / "net.yaml"), "--style", "boxes"]) == 0
    written = capsys.readouterr()
    assert "Lion" in written.out
    assert "note: `figure:` says what has no place here: the label of `flat`, the highlight of `flat`\n" in written.err
    drawn = archscope.draw(tmp_path / "net.yaml", style="boxes").scene
    assert outline(layer(drawn, "conv2")) == pytest.approx(2.8 * outline(layer(drawn, "conv1")))
    assert outline(layer(drawn, "flat")) == outline(layer(drawn, "conv1"))

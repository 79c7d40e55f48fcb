"""Boxes for networks with branches: the U, folded stages, branches, twins and pyramids."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest
import torch

import archscope
from archscope.diagrams.html import packed_in
from archscope.diagrams.scene import HAIRLINE, Group, Polygon, Scene, Text, bounds
from archscope.diagrams.solids import solid
from archscope.diagrams.themes import THEMES, contrast
from archscope.diagrams.transformer import is_one
from archscope.diagrams.volumes.levels import Levels
from archscope.diagrams.volumes.routes import Layout
from archscope.errors import UsageError
from archscope.network import Network
from archscope.reader import spec_names
from tests.diagrams.branching import NETWORKS, Builder
from tests.diagrams.geometry import not_contained, parameters, problems
from tests.diagrams.networks import network as written

MUSEUM = sorted({*spec_names(), "resnet@50", "dcgan@discriminator"} - {"transformer@base"})
MADE = ("residual", "inception", "dense", "u_shaped", "resnet", "chain", "weighed", "gated")
PAGES: list[dict[str, Any]] = [{}, {"page": "16:9", "font_size": 5}, {"page": "a4", "font_size": 7}]


def network(name: str) -> Network:
    return NETWORKS[name]() if name in MADE else written(name)


def _drawn(name: str, **options: Any) -> Scene:
    return archscope.draw(network(name), style="boxes", **options).scene


def _strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def _layer(scene: Scene, name: str) -> Group:
    return next(group for group in scene.groups("layer") if name in group.layers)


def _middle(group: Group) -> tuple[float, float]:
    left, top, right, bottom = bounds(item for item in group.items if not isinstance(item, Text))
    return (left + right) / 2, (top + bottom) / 2


@pytest.mark.parametrize("name", [*MUSEUM, *MADE, "siamese", "detector"])
def test_nothing_is_in_the_way_every_edge_is_drawn_and_every_parameter_told(name: str) -> None:
    drawn = network(name)
    if not _slides(drawn) or is_one(archscope.analyze(drawn)):
        with pytest.raises(UsageError, match=r"use style (graph|transformer)"):
            archscope.draw(drawn, style="boxes").svg  # noqa: B018
        return
    svg = archscope.draw(drawn, style="boxes").svg
    assert problems(svg, drawn) == []
    assert not_contained(svg) == []
    assert parameters(svg) == archscope.analyze(drawn).totals.parameters


def _slides(drawn: Network) -> bool:
    """Whether it is no network of words: those with branches are refused, and there is nothing else to refuse."""
    try:
        archscope.draw(drawn, style="boxes").scene  # noqa: B018
    except UsageError:
        return any(node.layer.kernel and len(node.layer.kernel) == 2 for node in drawn.nodes)
    return True


@pytest.mark.parametrize("options", PAGES[1:], ids=str)
@pytest.mark.parametrize("name", ["unet", "resnet@50", "googlenet", "densenet@121", "siamese", "detector"])
def test_a_page_holds_the_figure(name: str, options: dict[str, Any]) -> None:
    drawn = network(name)
    for theme in ("dark", "print"):
        picture = archscope.draw(drawn, style="boxes", theme=theme, **options)
        assert problems(picture.svg, drawn) == []
        assert not_contained(picture.svg) == []
        assert parameters(picture.svg) == archscope.analyze(drawn).totals.parameters


@pytest.mark.parametrize("depth", [1, 2, 3, "full"])
@pytest.mark.parametrize("name", ["unet", "resnet@18", "squeezenet@1.0", "inception", "u_shaped"])
def test_every_depth_shows_all_of_the_network(name: str, depth: Any) -> None:
    drawn = network(name)
    svg = archscope.draw(drawn, style="boxes", depth=depth).svg
    assert problems(svg, drawn) == []
    assert not_contained(svg) == []
    assert parameters(svg) == archscope.analyze(drawn).totals.parameters


@pytest.mark.parametrize("show", ["name", "shape", "name,op,kernel,shape,parameters,macs"])
@pytest.mark.parametrize("name", ["unet", "resnet@50", "googlenet", "detector"])
def test_nothing_is_in_the_way_whatever_is_shown(name: str, show: str) -> None:
    drawn = network(name)
    assert problems(archscope.draw(drawn, style="boxes", show=show).svg, drawn) == []


@pytest.mark.parametrize("color", ["macs", "parameters"])
@pytest.mark.parametrize("name", ["unet", "resnet@50", "densenet@121"])
def test_a_cost_colours_every_face_of_a_box(name: str, color: str) -> None:
    drawn = network(name)
    plain, coloured = (archscope.draw(drawn, style="boxes", color=each) for each in ("family", color))
    before = {item.fill for group in plain.scene.groups("layer") for item in group.items if isinstance(item, Polygon)}
    inner = [group for group in coloured.scene.groups("layer") if group.layers[0] != "input"]
    after = {item.fill for group in inner for item in group.items if isinstance(item, Polygon)}
    assert not {each for each in before & after if each not in ("#ffffff", None)}
    assert [each for each in problems(coloured.svg, drawn) if not each.startswith("edge")] == []


def test_unet_is_the_u_of_its_paper() -> None:
    scene = _drawn("unet")
    down = [_middle(_layer(scene, f"{name}.conv.1")) for name in ("down1", "down2", "down3", "down4", "bottom")]
    up = [_middle(_layer(scene, f"up{number}.mix.conv.1")) for number in (4, 3, 2, 1)]
    assert [y for _, y in down] == sorted({y for _, y in down})
    for number, (x, y) in zip((4, 3, 2, 1), up, strict=True):
        _, across = down[number - 1]
        assert y == pytest.approx(across)
        assert x > down[-1][0]
    # Fig. 1: the channels over the boxes, the sizes under them.
    said = _strings(scene)
    for size in ("572²", "570²", "568²", "284²", "280²", "136²", "64²", "32²", "28²", "56²", "388²"):
        assert size in said
    assert said.count("1024") == 2
    assert [each for each in said if re.search("conv |pool |copy ", each)] == [
        "conv 3×3 · ReLU", "conv 1×1", "max pool 2×2 /2", "transposed conv 2×2 /2, a point opens to a window",
        "copy and crop",
    ]  # fmt: skip


def test_a_u_has_the_name_of_each_block_over_its_first_box() -> None:
    said = _strings(_drawn("unet"))
    for name in ("down1", "pool1", "down2", "bottom", "up4", "up1", "classes"):
        assert said.count(name) == 1
    assert not any("conv." in each or "mix" in each for each in said)


PYRAMID_POOLING = """
name: pyramid
input: [3, 48, 48]
layers:
  base: {type: conv2d, out_channels: 64, kernel_size: 3, stride: 2, padding: 1}
  pool1: {type: adaptive_avg_pool2d, output_size: 1, from: base}
  conv1: {type: conv2d, out_channels: 16, kernel_size: 1}
  pool3: {type: adaptive_avg_pool2d, output_size: 3, from: base}
  conv3: {type: conv2d, out_channels: 16, kernel_size: 1}
  up1: {type: upsample, size: 24, from: conv1}
  up3: {type: upsample, size: 24, from: conv3}
  joined: {type: concat, dim: 0, from: [base, up1, up3]}
  classes: {type: conv2d, out_channels: 5, kernel_size: 1}
  large: {type: upsample, size: 48}
"""


def test_maps_that_several_up_samplings_give_are_joined_in_a_box_of_their_own() -> None:
    """Each would be the copy of another, and one would be drawn before what is copied there."""
    network = archscope.read(PYRAMID_POOLING)
    picture = archscope.draw(network)
    assert picture.style == "boxes"
    said = _strings(picture.scene)
    assert ("96" in said, any(" + " in each for each in said)) == (True, False)
    # Nothing opens to a window where maps are only enlarged, by factors that differ.
    assert "up-sampling" in said
    assert not any("window" in each and "convolution" not in each for each in said)
    assert problems(picture.svg, network) == []


def test_what_is_copied_to_an_up_sampling_may_be_made_after_it() -> None:
    network = archscope.read(
        "name: late\ninput: [3, 16, 16]\nlayers:\n  a: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n"
        "  down: {type: max_pool2d, kernel_size: 2}\n  b: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n"
        "  up: {type: conv_transpose2d, out_channels: 8, kernel_size: 2, stride: 2}\n"
        "  side: {type: conv2d, out_channels: 4, kernel_size: 1, from: a}\n"
        "  joined: {type: concat, dim: 0, from: [side, up]}\n"
        "  end: {type: conv2d, out_channels: 2, kernel_size: 3, padding: 1}\n"
    )
    assert problems(archscope.draw(network, style="boxes").svg, network) == []


def test_a_block_that_adds_what_a_time_gives_squeezes_nothing() -> None:
    """As in a diffusion model; squeeze-excite makes its weights of the maps themselves."""
    block = (
        "blocks:\n  timed:\n    inputs: [maps, time]\n    layers:\n"
        "      one: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1, from: maps}\n"
        "      told: {type: linear, out_features: 16, from: time}\n"
        "      tall: {type: reshape, shape: [16, 1, 1]}\n"
        "      add: {type: add, from: [one, tall]}\n"
        "      two: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}\n"
    )
    layers = "layers:\n  first: {type: timed, from: [x, t]}\n"
    layers += "  second: {type: timed, from: [first, t]}\n"
    drawn = archscope.read(f"name: timed\ninput: {{x: [3, 32, 32], t: [64]}}\n{block}{layers}")
    said = " ".join(_strings(archscope.draw(drawn, style="boxes", depth=1).scene))
    assert ("linear" in said, "squeeze" in said) == (True, False)


def test_blocks_in_no_frame_have_their_names_and_say_what_is_in_them() -> None:
    said = _strings(_drawn("mobilenet-v3@large"))
    assert [each for each in said if each.startswith("body.")][:6] == [
        "body.0", "body.1", "body.2", "body.3", "body.4–5 ×2", "body.6",
    ]  # fmt: skip
    # Blocks 3 to 5 and 10 to 14 weigh their maps, and two pairs of them are drawn once: 3, 4–5, 10, 11, 12, 13–14.
    assert said.count("squeeze-excite,") == 6
    assert "depthwise 5×5 /2," in said
    assert not any(" g" in each for each in said)
    said = _strings(_drawn("mobilenet-v1@1.0-224"))
    assert "body.6 ×5" in said
    assert [each for each in said if each == "depthwise"] == ["depthwise"] * 9


def test_maps_whose_channels_stand_last_are_the_maps_they_were() -> None:
    """ConvNeXt turns its axes for the norm and the dense layers, which is not seen in its paper's Fig. 4."""
    scene = _drawn("convnext@T")
    said = _strings(scene)
    assert "up-sampling" not in said
    assert not any("permute" in each or each == "parameter" for each in said)
    # 384 channels: 4·96 in the first stage; halve3, and the first and the last of the third stage.
    assert [said.count(each) for each in ("384", "56×56", "linear")] == [4, 4, 9]
    # Norms stand with what they follow: 4·4·3·96 + 96 of the stem's convolution, 2·96 of its norm.
    assert "4,896 parameters" in _layer(scene, "norm.norm").title
    scale = _layer(scene, "stage1.0.scale")
    assert "stage1.2.gamma" in scale.layers
    assert "288 parameters" in scale.title


def test_copies_go_straight_across_and_what_is_copied_is_white() -> None:
    scene = _drawn("unet")
    copies = [edge for edge in scene.groups("edge") if edge.title.endswith("crop")]
    assert [(edge.source, edge.target) for edge in copies] == [
        (f"down{number}.conv.1", f"up{number}.up") for number in (4, 3, 2, 1)
    ]
    for edge in copies:
        ys = [round(y, 6) for item in edge.items if not isinstance(item, Polygon)
              for _, points in item.commands for _, y in points]  # type: ignore[union-attr]  # fmt: skip
        assert len(set(ys)) == 1
    white = {item.fill for item in _layer(scene, "up1.up").items if isinstance(item, Polygon)}
    assert "#ffffff" in white


def test_the_stages_of_a_residual_network_are_folded_and_tell_what_only_the_first_block_has() -> None:
    scene = _drawn("resnet@50")
    said = _strings(scene)
    assert [each for each in said if "×" in each and each.startswith("conv") and " ×" in each] == [
        "conv2 ×3", "conv3 ×4", "conv4 ×6", "conv5 ×3",
    ]  # fmt: skip
    assert said.count("conv 1×1 /2 in the first") == 3
    assert said.count("conv 1×1 in the first") == 1
    # 3 · (256·64 or 64·64) weights and 2·64 of the norm: 64·64 + 2·256·64 + 3·128 = 37,248.
    assert "37,248 parameters" in _layer(scene, "conv2.1.a.conv").title


def test_a_skip_connection_is_told_by_what_the_spec_calls_its_block() -> None:
    said = _strings(_drawn("resnet-cifar@20"))
    assert said.count("shortcut A in the first") == 2
    assert not any("slice" in each for each in said)


def test_the_blocks_of_a_dense_network_show_what_each_layer_adds() -> None:
    scene = _drawn("densenet@121")
    said = _strings(scene)
    assert [each for each in said if each.endswith("layers,")] == [
        "6 layers,",
        "12 layers,",
        "24 layers,",
        "16 layers,",
    ]
    assert said.count("+32 each") == 4
    faces = [item for item in _layer(scene, "dense1.0.join").items if isinstance(item, Polygon)]
    # What it was given and six layers: a top and a front for each, and one side.
    assert len(faces) == 2 * 7 + 1
    # Twenty-four lines side by side are thin, and one line goes round them all.
    shapes = [item for item in _layer(scene, "dense3.0.join").items if isinstance(item, Polygon)]
    assert len(shapes) == 2 * 25 + 2
    (around,) = (each for each in shapes if each.fill is None)
    assert around.width == HAIRLINE > 3 * shapes[0].width


def test_where_colours_say_a_cost_no_legend_gives_those_of_families() -> None:
    assert "pooling" in _strings(_drawn("resnet@18"))
    said = _strings(archscope.draw("resnet@18", color="macs").scene)
    assert "pooling" not in said
    assert any(each.startswith("MACs, of all") for each in said)


def test_an_arc_over_a_block_is_told_where_not_all_have_one() -> None:
    assert "block; under an arc, with a skip connection" in _strings(_drawn("mobilenet-v2"))


def test_inception_modules_have_a_strip_for_each_branch_in_proportion() -> None:
    scene = _drawn("googlenet")
    fronts = [item for item in _layer(scene, "inception3a.join").items if isinstance(item, Polygon)][1::2]
    wide = [each.points[1][0] - each.points[0][0] for each in fronts]
    assert [each / sum(wide) * 256 for each in wide] == pytest.approx([64, 128, 32, 32])
    assert "block; a strip for each branch: 1×1, 3×3, 5×5, 1×1 of the pool" in _strings(scene)


def test_a_module_is_opened_on_demand() -> None:
    closed, opened = _drawn("googlenet"), _drawn("googlenet", expand="inception3a")
    names = {group.layers[0] for group in opened.groups("layer")} - {g.layers[0] for g in closed.groups("layer")}
    assert names >= {"inception3a.three.conv", "inception3a.five.conv", "inception3a.proj.conv", "inception3a.join"}
    assert not any(each.startswith("inception3b.") and "one" not in each for each in names)
    shut = _drawn("unet", collapse="down*,up*")
    assert "down1.conv.1" not in {group.layers[0] for group in shut.groups("layer")}


def test_twins_stand_alike_and_say_whose_weights_they_use() -> None:
    scene = _drawn("siamese")
    for name in ("conv1", "pool1", "conv2", "conv3", "fc"):
        (x, y), (other, low) = _middle(_layer(scene, f"one.{name}")), _middle(_layer(scene, f"two.{name}"))
        assert x == pytest.approx(other)
        assert y < low
    strings = _strings(scene)
    said = " ".join(strings)
    for name in ("conv1", "conv2", "conv3", "fc"):
        assert f"shared with one.{name}" in said
        # Both of two twins have their name over them.
        assert {f"one.{name}", f"two.{name}"} <= set(strings)


def test_a_row_ends_between_blocks() -> None:
    scene = _drawn("mobilenet-v1@1.0-224")
    for block in range(9):
        # The depthwise convolution and the one that mixes its maps stand side by side.
        first, second = (_layer(scene, f"body.{block}.0.{part}") for part in ("depthwise", "pointwise"))
        assert _middle(first)[1] == pytest.approx(_middle(second)[1])
        assert _middle(first)[0] < _middle(second)[0]
    assert _middle(_layer(scene, "body.4.0.pointwise"))[1] < _middle(_layer(scene, "body.5.0.depthwise"))[1]


def test_a_legend_has_room_for_words_in_computer_modern() -> None:
    """TikZ sets a figure in the fonts of its paper, of which that is the widest.

    LaTeX says that `transposed conv 2×2 /2` is 76.11 pt wide in it at 6.8 bp, `, ` two times 2.07 to 2.48 pt and
    `a point opens to a window` 82.90 pt: 163.6 pt, or 163.0 bp. In Helvetica it takes 153.3.
    """
    texts = {item.string: item for item in _drawn("unet").walk() if isinstance(item, Text)}
    long, after = texts["transposed conv 2×2 /2, a point opens to a window"], texts["copy and crop"]
    sign = after.x - (2.6 + 0.5) * after.size
    assert sign - (long.x + 163.0) > after.size


def test_a_feature_pyramid_goes_down_across_and_up_again() -> None:
    scene = _drawn("detector")
    level = {name: _middle(_layer(scene, name))[1] for name in ("c3.conv.1", "c4.conv.1", "c5.conv.1")}
    assert list(level.values()) == sorted(level.values())
    for number in (3, 4):
        assert _middle(_layer(scene, f"sum{number}"))[1] == pytest.approx(level[f"c{number}.conv.1"])
        assert _middle(_layer(scene, f"lateral{number}"))[1] == pytest.approx(level[f"c{number}.conv.1"])
    xs = {round(_middle(_layer(scene, name))[0], 3) for name in ("lateral5", "sum4", "sum3")}
    assert len(xs) == 1
    ups = {(edge.source, edge.target) for edge in scene.groups("edge") if edge.title.endswith("upsample ×2")}
    assert ups == {("lateral5", "sum4"), ("sum4", "sum3")}


def test_members_of_one_rank_are_all_open_or_all_closed() -> None:
    for name in ("efficientnet-b0", "mobilenet-v2", "mobilenet-v3@large"):
        groups = list(_drawn(name).groups("layer"))
        blocks = [group for group in groups if "block of" in group.title]
        single = [group for group in groups if "block of" not in group.title and group.layers[0].startswith("body.")]
        assert blocks
        assert not single


def test_a_figure_that_does_not_fit_says_the_least_size_and_the_depth_that_does() -> None:
    with pytest.raises(UsageError) as told:
        _drawn("resnet@50", width="60mm", height="30mm", font_size=6, depth=3)
    needed = re.search(r"needs --width (\d+mm) and --height (\d+mm) at least", str(told.value))
    assert needed is not None
    assert _drawn("resnet@50", width=needed[1], height=needed[2], font_size=6, depth=3).height > 0


def test_a_narrow_page_closes_blocks_where_the_depth_is_left_to_us() -> None:
    wide, narrow = _drawn("resnet@50", font_size=6), _drawn("resnet@50", page="ieee-column", font_size=6)
    assert len(list(narrow.groups("layer"))) <= len(list(wide.groups("layer")))
    assert narrow.width == pytest.approx(3.5 * 72)


@pytest.mark.parametrize(
    ("name", "style"),
    [("unet", "boxes"), ("resnet@50", "boxes"), ("googlenet", "boxes"), ("densenet@121", "boxes"),
     ("dcgan@generator", "boxes"), ("siamese", "boxes"), ("detector", "boxes"), ("bert@base", "transformer"),
     ("lstm-lm@small", "unrolled")],
)  # fmt: skip
def test_auto_takes_boxes_where_most_of_a_network_is_maps(name: str, style: str) -> None:
    assert archscope.draw(network(name)).style == style


def test_a_page_to_explore_keeps_the_graph_of_a_network_with_branches() -> None:
    page, graph = (
        packed_in(str(archscope.draw("resnet@18", **style).write("html"))) for style in ({}, {"style": "graph"})
    )
    assert (page["first"], page["graph"]) == (graph["first"], graph["graph"])
    assert page["first"] == "graph"
    frames = [each["title"] for each in page["still"]["items"] if "title" in each]
    assert frames == ["conv2 ×2", "conv3 ×2", "conv4 ×2", "conv5 ×2"], "and the figure is one key away"
    assert "still" not in graph


def test_a_transposed_convolution_opens_from_a_point_to_its_window() -> None:
    scene = _drawn("dcgan@generator")
    edge = next(each for each in scene.groups("edge") if each.target == "image")
    hidden, *lines = edge.items
    corners = [points[0] for verb, points in hidden.commands if verb != "Z"]  # type: ignore[union-attr]
    box = [item for item in _layer(scene, "image").items if isinstance(item, Polygon)]
    high = box[2].points[3][1] - box[2].points[0][1]
    # A window of 5 on an image of 64.
    assert (corners[3][1] - corners[0][1]) / high == pytest.approx(5 / 64)
    starts = {item.commands[0][1][0] for item in lines}  # type: ignore[union-attr]
    assert len(starts) == 1
    said = _strings(scene)
    assert said.count("point to 5×5, stride 2") == 4
    assert "4×4×1024" in said


def test_the_colours_of_volumes_stand_out_from_the_page_and_their_faces() -> None:
    from archscope.diagrams.solids import kinds

    for theme in THEMES.values():
        for shade in kinds(theme).values():
            faces = (shade.fill, theme.lit(shade.fill), theme.shaded(shade.fill), theme.background, theme.band)
            assert min(contrast(shade.stroke, each) for each in faces) >= 3


def test_the_same_bytes_in_every_process() -> None:
    code = "import archscope; print(archscope.draw('unet').svg, archscope.draw('resnet@18').svg)"
    found = {
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True,
                       check=True, text=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_a_network_whose_ways_cross_is_one_row_with_arcs() -> None:
    b = Builder("crossed", input=(8, 16, 16))
    one, two = b.conv("one", "input", 8), b.conv("two", "input", 8)
    three = b.conv("three", b.add("add1", "add", one, two), 8)
    four = b.conv("four", b.add("add2", "add", two, three), 8)
    b.add("add3", "add", b.add("add4", "add", one, four), three)
    drawn = b.network()
    svg = archscope.draw(drawn, style="boxes").svg
    assert problems(svg, drawn) == []


def test_what_copies_pass_by_a_solid_passes_in_every_copy() -> None:
    drawn = archscope.read(
        "name: passed\ninput: [8, 16, 16]\nblocks:\n  b:\n    layers:\n"
        "      conv: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n"
        "      sum: {type: add, from: [conv, input]}\n      drop: {type: dropout}\n"
        "      again: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n"
        "      total: {type: add, from: [again, sum, drop]}\n"
        "layers:\n  stem: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}\n  b: {type: b, repeat: 3}\n"
    )
    picture = archscope.draw(drawn, style="boxes")
    assert not_contained(picture.svg) == []
    assert parameters(picture.svg) == archscope.analyze(drawn).totals.parameters


def test_a_line_leaves_before_another_arrives_where_both_turn_between_two_boxes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other way about, a copy that arrives at a gate would seem to go on over it."""
    laid: list[tuple[Levels, Layout]] = []
    layout = Levels.layout

    def noted(self: Levels, height: float, gaps: float, rows: int = 1) -> Layout:
        laid.append((self, layout(self, height, gaps, rows)))
        return laid[-1][1]

    monkeypatch.setattr(Levels, "layout", noted)
    _drawn("gated")
    levels, ways = laid[-1][0], laid[-1][1].ways
    around = {arrow: ways[arrow] for arrow in levels.form.arrows if not levels.straight[arrow]}
    pairs = [(out[1][0], into[-2][0]) for one, out in around.items() for other, into in around.items()
             if one != other and levels.column[one.source] == levels.column[other.target] - 1]  # fmt: skip
    assert pairs
    assert all(out < into for out, into in pairs)


def test_what_stands_in_a_list_has_a_name_each_and_not_the_list_s_over_the_first() -> None:
    said = _strings(_drawn("gated"))
    assert [each for each in said if each.startswith("up")] == ["up.1", "up.0"]
    assert [each for each in said if each.startswith("enc")] == ["enc.0", "enc.1", "enc.2"]


def lists_of_a_pyramid() -> Network:
    """A feature pyramid; all that is `lat` or `smooth` is one block where nothing is open."""
    b = Builder("pyramid", input=(3, 64, 64))
    last, up, maps = "input", "", []
    for n, channels in enumerate((8, 16, 32)):
        last = b.conv(f"c{n}", last, channels, stride=2, norm=False)
        maps.append(last)
    for n in (2, 1, 0):
        lat = b.conv(str(n), maps[n], 8, 1, group=["lat"], norm=False, relu=False)
        up = b.add(f"add{n}", "add", lat, b.add(f"up{n}", "upsample", up, scale_factor=2)) if up else lat
        b.conv(str(n), up, 8, group=["smooth"], norm=False)
    return b.network(*(f"smooth.{n}_relu" for n in range(3)))


def test_a_page_too_small_is_told_the_least_size_also_where_less_depth_shows_less() -> None:
    with pytest.raises(UsageError, match=r"in style boxes `add1` joins ways that have no boxes of their own"):
        archscope.draw(lists_of_a_pyramid(), style="boxes", depth=1).svg  # noqa: B018
    with pytest.raises(UsageError, match=r"does not fit 40 mm: .* it needs --width 51mm at least"):
        archscope.draw(lists_of_a_pyramid(), style="boxes", width="40mm").svg  # noqa: B018


def test_a_legend_has_no_colours_of_families_where_boxes_have_those_of_their_cost() -> None:
    def fills(**options: Any) -> set[str]:
        keys = [group for group in _drawn("unet", **options).groups("part") if group.title.startswith("max pool")]
        assert len(keys) == 1
        return {item.fill for item in keys[0].items if isinstance(item, Polygon) and len(item.points) == 4}

    pooling = solid(THEMES["light"], "pooling").fill
    assert pooling in fills()
    assert pooling not in fills(color="macs")


@pytest.mark.parametrize("width", [None, "52mm"])
def test_a_label_that_somebody_asked_for_stands_over_its_box_also_where_there_is_no_room_for_names(
    width: str | None,
) -> None:
    labels = {"c2": "Deepest", "lat": "Side", "smooth.1": "Middle"}
    said = _strings(archscope.draw(lists_of_a_pyramid(), style="boxes", labels=labels, width=width, font_size=7).scene)
    assert {"Deepest", "Side.0", "Side.1", "Side.2", "Middle"} <= set(said)
    assert ("c1" in said) == (width is None)


WRAPPED = """
    input: [3, 64, 64]
    blocks:
      res:
        options: {c: }
        layers:
          conv: {type: conv2d, out_channels: $c, kernel_size: 3, padding: 1, activation: relu}
          sum: {type: add, from: [conv, input]}
      features:
        layers:
          stem: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}
          stage1: {type: res, c: 16, repeat: 6}
          down: {type: conv2d, out_channels: 32, kernel_size: 3, stride: 2, padding: 1}
          stage2: {type: res, c: 32, repeat: 9}
    layers:
      features: {type: features}
      pool: {type: adaptive_avg_pool2d, output_size: 1}
      flat: {type: flatten}
      fc: {type: linear, out_features: 10}
    """


def test_a_block_that_is_most_of_what_is_drawn_has_no_frame_also_where_its_blocks_are_drawn_once() -> None:
    scene = archscope.draw(archscope.read(dedent(WRAPPED)), style="boxes").scene
    assert [group.title for group in scene.groups("frame")] == ["features.stage1 ×6", "features.stage2 ×9"]


CLOSED = """
    input: [3, 32, 32]
    blocks:
      weigh:
        layers:
          norm: {type: batch_norm}
          scaled: {type: multiply, from: [norm, input]}
          sum: {type: add, from: [scaled, input]}
      looks:
        layers:
          wide: {type: linear, out_features: 32, every_position: true}
          narrow: {type: linear, out_features: 16, every_position: true}
          sum: {type: add, from: [narrow, input]}
      stage:
        layers:
          conv: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}
          grn: {type: weigh}
          conv2: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}
          sum: {type: add, from: [conv2, input]}
    layers:
      stem: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}
      stage: {type: stage, repeat: 3}
      rows: {type: permute, dims: [1, 2, 0]}
      dense: {type: looks}
      maps: {type: permute, dims: [2, 0, 1]}
      last: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
    """


def test_a_closed_block_that_slides_no_window_says_what_it_does_or_its_name() -> None:
    scene = archscope.draw(archscope.read(dedent(CLOSED)), style="boxes", collapse="*.grn,dense").scene
    (weighs,) = (group for group in scene.groups("layer") if "stage.0.grn.norm" in group.layers)
    assert [item.string for item in weighs.items if isinstance(item, Text)] == ["16", "32×32", "grn"]
    (dense,) = (group for group in scene.groups("layer") if "dense.wide" in group.layers)
    assert [item.string for item in dense.items if isinstance(item, Text)][-1] == "2 linear"


def test_a_layer_known_by_its_shapes_alone_is_the_reason_against_boxes() -> None:
    class Turned(torch.nn.Module):
        """Windows of maps stand beside the samples while they are attended to, as in MobileViT."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = self.conv(x)
            many, channels, high, wide = maps.shape
            seen = maps.reshape(many, channels, high // 2, 2, wide // 2, 2).permute(0, 3, 5, 2, 4, 1)
            seen = seen.reshape(many * 4, high * wide // 4, channels)
            seen = self.attention(seen, seen, seen, need_weights=False)[0]
            seen = seen.reshape(many, 2, 2, high // 2, wide // 2, channels).permute(0, 5, 3, 1, 4, 2)
            return maps + seen.reshape(maps.shape)

    choice = archscope.draw(archscope.trace(Turned().eval(), torch.zeros(1, 3, 8, 8))).choice
    assert choice.style == "graph"
    assert choice.refused["boxes"] == "`conv` (conv2d) is known by its shapes alone, and not by its window"

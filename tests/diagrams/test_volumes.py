"""Boxes for networks with branches: the U, folded stages, branches, twins and pyramids."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import torch

import archscope
from archscope.diagrams.html import packed_in
from archscope.diagrams.scene import Polygon, Text
from archscope.diagrams.solids import solid
from archscope.diagrams.themes import THEMES, contrast
from archscope.diagrams.transformer import is_one
from archscope.diagrams.volumes.levels import Levels
from archscope.diagrams.volumes.routes import Layout
from archscope.errors import UsageError
from archscope.network import Network
from archscope.reader import spec_names
from tests.diagrams.branching import Builder
from tests.diagrams.geometry import not_contained, parameters, problems
from tests.diagrams.volumes import MADE, boxes_of, layer_of, lists_of_a_pyramid, middle_of, network, strings_of

MUSEUM = sorted({*spec_names(), "resnet@50", "dcgan@discriminator"} - {"transformer@base"})
PAGES: list[dict[str, Any]] = [{}, {"page": "16:9", "font_size": 5}, {"page": "a4", "font_size": 7}]


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
    scene = boxes_of("unet")
    down = [middle_of(layer_of(scene, f"{name}.conv.1")) for name in ("down1", "down2", "down3", "down4", "bottom")]
    up = [middle_of(layer_of(scene, f"up{number}.mix.conv.1")) for number in (4, 3, 2, 1)]
    assert [y for _, y in down] == sorted({y for _, y in down})
    for number, (x, y) in zip((4, 3, 2, 1), up, strict=True):
        _, across = down[number - 1]
        assert y == pytest.approx(across)
        assert x > down[-1][0]
    # Fig. 1: the channels over the boxes, the sizes under them.
    said = strings_of(scene)
    for size in ("572²", "570²", "568²", "284²", "280²", "136²", "64²", "32²", "28²", "56²", "388²"):
        assert size in said
    assert said.count("1024") == 2
    assert [each for each in said if re.search("conv |pool |copy ", each)] == [
        "conv 3×3 · ReLU", "conv 1×1", "max pool 2×2 /2", "transposed conv 2×2 /2, a point opens to a window",
        "copy and crop",
    ]  # fmt: skip


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
    said = strings_of(picture.scene)
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


def test_maps_whose_channels_stand_last_are_the_maps_they_were() -> None:
    """ConvNeXt turns its axes for the norm and the dense layers, which is not seen in its paper's Fig. 4."""
    scene = boxes_of("convnext@T")
    said = strings_of(scene)
    assert "up-sampling" not in said
    assert not any("permute" in each or each == "parameter" for each in said)
    # 384 channels: 4·96 in the first stage; halve3, and the first and the last of the third stage.
    assert [said.count(each) for each in ("384", "56×56", "linear")] == [4, 4, 9]
    # Norms stand with what they follow: 4·4·3·96 + 96 of the stem's convolution, 2·96 of its norm.
    assert "4,896 parameters" in layer_of(scene, "norm.norm").title
    scale = layer_of(scene, "stage1.0.scale")
    assert "stage1.2.gamma" in scale.layers
    assert "288 parameters" in scale.title


def test_copies_go_straight_across_and_what_is_copied_is_white() -> None:
    scene = boxes_of("unet")
    copies = [edge for edge in scene.groups("edge") if edge.title.endswith("crop")]
    assert [(edge.source, edge.target) for edge in copies] == [
        (f"down{number}.conv.1", f"up{number}.up") for number in (4, 3, 2, 1)
    ]
    for edge in copies:
        ys = [round(y, 6) for item in edge.items if not isinstance(item, Polygon)
              for _, points in item.commands for _, y in points]  # type: ignore[union-attr]  # fmt: skip
        assert len(set(ys)) == 1
    white = {item.fill for item in layer_of(scene, "up1.up").items if isinstance(item, Polygon)}
    assert "#ffffff" in white


def test_where_colours_say_a_cost_no_legend_gives_those_of_families() -> None:
    assert "pooling" in strings_of(boxes_of("resnet@18"))
    said = strings_of(archscope.draw("resnet@18", color="macs").scene)
    assert "pooling" not in said
    assert any(each.startswith("MACs, of all") for each in said)


def test_a_row_ends_between_blocks() -> None:
    scene = boxes_of("mobilenet-v1@1.0-224")
    for block in range(9):
        # The depthwise convolution and the one that mixes its maps stand side by side.
        first, second = (layer_of(scene, f"body.{block}.0.{part}") for part in ("depthwise", "pointwise"))
        assert middle_of(first)[1] == pytest.approx(middle_of(second)[1])
        assert middle_of(first)[0] < middle_of(second)[0]
    assert middle_of(layer_of(scene, "body.4.0.pointwise"))[1] < middle_of(layer_of(scene, "body.5.0.depthwise"))[1]


def test_a_legend_has_room_for_words_in_computer_modern() -> None:
    """TikZ sets a figure in the fonts of its paper, of which that is the widest.

    LaTeX says that `transposed conv 2×2 /2` is 76.11 pt wide in it at 6.8 bp, `, ` two times 2.07 to 2.48 pt and
    `a point opens to a window` 82.90 pt: 163.6 pt, or 163.0 bp. In Helvetica it takes 153.3.
    """
    texts = {item.string: item for item in boxes_of("unet").walk() if isinstance(item, Text)}
    long, after = texts["transposed conv 2×2 /2, a point opens to a window"], texts["copy and crop"]
    sign = after.x - (2.6 + 0.5) * after.size
    assert sign - (long.x + 163.0) > after.size


def test_a_feature_pyramid_goes_down_across_and_up_again() -> None:
    scene = boxes_of("detector")
    level = {name: middle_of(layer_of(scene, name))[1] for name in ("c3.conv.1", "c4.conv.1", "c5.conv.1")}
    assert list(level.values()) == sorted(level.values())
    for number in (3, 4):
        assert middle_of(layer_of(scene, f"sum{number}"))[1] == pytest.approx(level[f"c{number}.conv.1"])
        assert middle_of(layer_of(scene, f"lateral{number}"))[1] == pytest.approx(level[f"c{number}.conv.1"])
    xs = {round(middle_of(layer_of(scene, name))[0], 3) for name in ("lateral5", "sum4", "sum3")}
    assert len(xs) == 1
    ups = {(edge.source, edge.target) for edge in scene.groups("edge") if edge.title.endswith("upsample ×2")}
    assert ups == {("lateral5", "sum4"), ("sum4", "sum3")}


def test_a_figure_that_does_not_fit_says_the_least_size_and_the_depth_that_does() -> None:
    with pytest.raises(UsageError) as told:
        boxes_of("resnet@50", width="60mm", height="30mm", font_size=6, depth=3)
    needed = re.search(r"needs --width (\d+mm) and --height (\d+mm) at least", str(told.value))
    assert needed is not None
    assert boxes_of("resnet@50", width=needed[1], height=needed[2], font_size=6, depth=3).height > 0


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
    scene = boxes_of("dcgan@generator")
    edge = next(each for each in scene.groups("edge") if each.target == "image")
    hidden, *lines = edge.items
    corners = [points[0] for verb, points in hidden.commands if verb != "Z"]  # type: ignore[union-attr]
    box = [item for item in layer_of(scene, "image").items if isinstance(item, Polygon)]
    high = box[2].points[3][1] - box[2].points[0][1]
    # A window of 5 on an image of 64.
    assert (corners[3][1] - corners[0][1]) / high == pytest.approx(5 / 64)
    starts = {item.commands[0][1][0] for item in lines}  # type: ignore[union-attr]
    assert len(starts) == 1
    said = strings_of(scene)
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
    boxes_of("gated")
    levels, ways = laid[-1][0], laid[-1][1].ways
    around = {arrow: ways[arrow] for arrow in levels.form.arrows if not levels.straight[arrow]}
    pairs = [(out[1][0], into[-2][0]) for one, out in around.items() for other, into in around.items()
             if one != other and levels.column[one.source] == levels.column[other.target] - 1]  # fmt: skip
    assert pairs
    assert all(out < into for out, into in pairs)


def test_a_page_too_small_is_told_the_least_size_also_where_less_depth_shows_less() -> None:
    with pytest.raises(UsageError, match=r"in style boxes `add1` joins ways that have no boxes of their own"):
        archscope.draw(lists_of_a_pyramid(), style="boxes", depth=1).svg  # noqa: B018
    with pytest.raises(UsageError, match=r"does not fit 40 mm: .* it needs --width 51mm at least"):
        archscope.draw(lists_of_a_pyramid(), style="boxes", width="40mm").svg  # noqa: B018


def test_a_legend_has_no_colours_of_families_where_boxes_have_those_of_their_cost() -> None:
    def fills(**options: Any) -> set[str]:
        keys = [group for group in boxes_of("unet", **options).groups("part") if group.title.startswith("max pool")]
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
    said = strings_of(
        archscope.draw(lists_of_a_pyramid(), style="boxes", labels=labels, width=width, font_size=7).scene
    )
    assert {"Deepest", "Side.0", "Side.1", "Side.2", "Middle"} <= set(said)
    assert ("c1" in said) == (width is None)


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

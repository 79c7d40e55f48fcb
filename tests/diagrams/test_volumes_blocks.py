"""Blocks drawn as boxes: their names, frames and folds, and what stands for one that is closed."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import pytest

import archscope
from archscope.diagrams.scene import HAIRLINE, Polygon, Text
from archscope.network import Network
from tests.diagrams.branching import Builder
from tests.diagrams.geometry import problems
from tests.diagrams.volumes import boxes_of, layer_of, middle_of, network, strings_of


def test_a_u_has_the_name_of_each_block_over_its_first_box() -> None:
    said = strings_of(boxes_of("unet"))
    for name in ("down1", "pool1", "down2", "bottom", "up4", "up1", "classes"):
        assert said.count(name) == 1
    assert not any("conv." in each or "mix" in each for each in said)


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
    said = " ".join(strings_of(archscope.draw(drawn, style="boxes", depth=1).scene))
    assert ("linear" in said, "squeeze" in said) == (True, False)


def test_maps_that_are_laid_out_anew_as_patches_are_not_made_larger() -> None:
    """As in MobileViT, whose blocks add to the patches of the maps what they make of them."""
    b = Builder("patches", input=(3, 32, 32))
    maps = b.add("maps", "conv2d", "input", out_channels=16, kernel_size=3, padding=1)
    told = b.add("told", "reshape", maps, shape=(4, 64, 64))
    made = b.add("made", "linear", told, out_features=64, every_position=True)
    last = b.add("sum", "add", told, made)
    back = b.add("back", "reshape", last, shape=(16, 32, 32))
    b.add("end", "conv2d", back, out_channels=8, kernel_size=3, padding=1)
    drawn = archscope.draw(b.network(), style="boxes")
    assert not any("up-sampling" in each for each in strings_of(drawn.scene))


def test_blocks_in_no_frame_have_their_names_and_say_what_is_in_them() -> None:
    said = strings_of(boxes_of("mobilenet-v3@large"))
    assert [each for each in said if each.startswith("body.")][:6] == [
        "body.0", "body.1", "body.2", "body.3", "body.4–5 ×2", "body.6",
    ]  # fmt: skip
    # Blocks 3 to 5 and 10 to 14 weigh their maps, and two pairs of them are drawn once: 3, 4–5, 10, 11, 12, 13–14.
    assert said.count("squeeze-excite,") == 6
    assert "depthwise 5×5 /2," in said
    assert not any(" g" in each for each in said)
    said = strings_of(boxes_of("mobilenet-v1@1.0-224"))
    assert "body.6 ×5" in said
    assert [each for each in said if each == "depthwise"] == ["depthwise"] * 9


def test_the_stages_of_a_residual_network_are_folded_and_tell_what_only_the_first_block_has() -> None:
    scene = boxes_of("resnet@50")
    said = strings_of(scene)
    assert [each for each in said if "×" in each and each.startswith("conv") and " ×" in each] == [
        "conv2 ×3", "conv3 ×4", "conv4 ×6", "conv5 ×3",
    ]  # fmt: skip
    assert said.count("conv 1×1 /2 in the first") == 3
    assert said.count("conv 1×1 in the first") == 1
    # 3 · (256·64 or 64·64) weights and 2·64 of the norm: 64·64 + 2·256·64 + 3·128 = 37,248.
    assert "37,248 parameters" in layer_of(scene, "conv2.1.a.conv").title


def test_a_skip_connection_is_told_by_what_the_spec_calls_its_block() -> None:
    said = strings_of(boxes_of("resnet-cifar@20"))
    assert said.count("shortcut A in the first") == 2
    assert not any("slice" in each for each in said)


def test_the_blocks_of_a_dense_network_show_what_each_layer_adds() -> None:
    scene = boxes_of("densenet@121")
    said = strings_of(scene)
    assert [each for each in said if each.endswith("layers,")] == [
        "6 layers,",
        "12 layers,",
        "24 layers,",
        "16 layers,",
    ]
    assert said.count("+32 each") == 4
    faces = [item for item in layer_of(scene, "dense1.0.join").items if isinstance(item, Polygon)]
    # What it was given and six layers: a top and a front for each, and one side.
    assert len(faces) == 2 * 7 + 1
    # Twenty-four lines side by side are thin, and one line goes round them all.
    shapes = [item for item in layer_of(scene, "dense3.0.join").items if isinstance(item, Polygon)]
    assert len(shapes) == 2 * 25 + 2
    (around,) = (each for each in shapes if each.fill is None)
    assert around.width == HAIRLINE > 3 * shapes[0].width


def test_an_arc_over_a_block_is_told_where_not_all_have_one() -> None:
    assert "block; under an arc, with a skip connection" in strings_of(boxes_of("mobilenet-v2"))


def test_inception_modules_have_a_strip_for_each_branch_in_proportion() -> None:
    scene = boxes_of("googlenet")
    fronts = [item for item in layer_of(scene, "inception3a.join").items if isinstance(item, Polygon)][1::2]
    wide = [each.points[1][0] - each.points[0][0] for each in fronts]
    assert [each / sum(wide) * 256 for each in wide] == pytest.approx([64, 128, 32, 32])
    assert "block; a strip for each branch: 1×1, 3×3, 5×5, 1×1 of the pool" in strings_of(scene)


def test_a_module_is_opened_on_demand() -> None:
    closed, opened = boxes_of("googlenet"), boxes_of("googlenet", expand="inception3a")
    names = {group.layers[0] for group in opened.groups("layer")} - {g.layers[0] for g in closed.groups("layer")}
    assert names >= {"inception3a.three.conv", "inception3a.five.conv", "inception3a.proj.conv", "inception3a.join"}
    assert not any(each.startswith("inception3b.") and "one" not in each for each in names)
    shut = boxes_of("unet", collapse="down*,up*")
    assert "down1.conv.1" not in {group.layers[0] for group in shut.groups("layer")}


def test_twins_stand_alike_and_say_whose_weights_they_use() -> None:
    scene = boxes_of("siamese")
    for name in ("conv1", "pool1", "conv2", "conv3", "fc"):
        (x, y), (other, low) = middle_of(layer_of(scene, f"one.{name}")), middle_of(layer_of(scene, f"two.{name}"))
        assert x == pytest.approx(other)
        assert y < low
    strings = strings_of(scene)
    said = " ".join(strings)
    for name in ("conv1", "conv2", "conv3", "fc"):
        assert f"shared with one.{name}" in said
        # Both of two twins have their name over them.
        assert {f"one.{name}", f"two.{name}"} <= set(strings)


def test_members_of_one_rank_are_all_open_or_all_closed() -> None:
    for name in ("efficientnet-b0", "mobilenet-v2", "mobilenet-v3@large"):
        groups = list(boxes_of(name).groups("layer"))
        blocks = [group for group in groups if "block of" in group.title]
        single = [group for group in groups if "block of" not in group.title and group.layers[0].startswith("body.")]
        assert blocks
        assert not single


def test_a_narrow_page_closes_blocks_where_the_depth_is_left_to_us() -> None:
    wide, narrow = boxes_of("resnet@50", font_size=6), boxes_of("resnet@50", page="ieee-column", font_size=6)
    assert len(list(narrow.groups("layer"))) <= len(list(wide.groups("layer")))
    assert narrow.width == pytest.approx(3.5 * 72)


def test_what_stands_in_a_list_has_a_name_each_and_not_the_list_s_over_the_first() -> None:
    said = strings_of(boxes_of("gated"))
    assert [each for each in said if each.startswith("up")] == ["up.1", "up.0"]
    assert [each for each in said if each.startswith("enc")] == ["enc.0", "enc.1", "enc.2"]


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


def comes_back(before: str = "stem", *, blocks: int = 5) -> Network:
    """Maps go down, through equal blocks, and up again, as in a generator; no frames stand in such a figure."""
    b = Builder("generator", input=(3, 32, 32))
    last = b.conv("first", "input", 8)
    last = b.conv("down", last, 16, stride=2, group=[before] if before else [])
    for n in range(blocks):
        group = [*([before] if before else []), str(n)]
        made = b.conv("two", b.conv("one", last, 16, group=group), 16, group=group, relu=False)
        last = b.add("sum", "add", last, made, group=group)
    last = b.add("up", "upsample", last, scale_factor=2)
    for n in range(3):
        last = b.conv(f"late{n}", last, 9 - 3 * n)
    return b.network(last)


@pytest.mark.parametrize("show", [None, "shape", "name"])
def test_where_no_frame_says_so_blocks_that_stand_for_several_say_how_many_over_the_first_of_them(
    show: str | None,
) -> None:
    said = strings_of(archscope.draw(comes_back(), style="boxes", show=show, depth="full").scene)
    assert [each for each in said if "×5" in each] == ["×5"]
    assert ("stem" in said) == (show != "shape")
    # Windows stand under the boxes, where anything is said of what they do.
    assert [each for each in said if each.startswith("convolution")] == [
        "convolution" if show else "convolution, window under its maps"
    ]


def test_a_block_that_is_named_says_how_often_it_is_there_beside_its_name() -> None:
    said = strings_of(archscope.draw(comes_back(""), style="boxes", depth="full").scene)
    assert [each for each in said if "×5" in each] == ["0–4 ×5"]


def test_a_closed_block_that_slides_no_window_says_what_it_does_or_its_name() -> None:
    scene = archscope.draw(archscope.read(dedent(CLOSED)), style="boxes", collapse="*.grn,dense").scene
    (weighs,) = (group for group in scene.groups("layer") if "stage.0.grn.norm" in group.layers)
    assert [item.string for item in weighs.items if isinstance(item, Text)] == ["16", "32×32", "grn"]
    (dense,) = (group for group in scene.groups("layer") if "dense.wide" in group.layers)
    assert [item.string for item in dense.items if isinstance(item, Text)][-1] == "2 linear"


@pytest.mark.parametrize(("quantity", "unit"), [("parameters", "par."), ("macs", "MACs")])
@pytest.mark.parametrize("asked", ["color", "show"])
@pytest.mark.parametrize("name", ["resnet@18", "resnet@50", "residual", "projected", "weighed"])
def test_the_numbers_written_on_a_residual_network_add_up_to_the_total(
    name: str, asked: str, quantity: str, unit: str
) -> None:
    drawn = projected() if name == "projected" else network(name)
    options: dict[str, Any] = {asked: quantity}
    picture = archscope.draw(drawn, style="boxes", **options)
    words = " / ".join(strings_of(picture.scene))
    numbers = re.findall(rf"([\d,]+) {re.escape(unit)}", words)
    total = sum(int(row.count_of(quantity) or 0) for row in archscope.analyze(drawn).rows)
    assert sum(int(each.replace(",", "")) for each in numbers) == total
    found = problems(picture.svg, drawn)
    # Edges from copy to copy of what is folded are not drawn.
    assert [each for each in found if not each.startswith(("edge missing", "edge too many"))] == []


def test_what_only_the_first_block_has_tells_its_own_number_on_the_skip_connection() -> None:
    # Weights and 2 values of the norm for each map: 4·8 + 2·8, and each of the 48 has 8·8 connections; a MAC for each
    # that is not the norm's.
    for color, said in (("parameters", "48 par."), ("macs", "2,048 MACs"), ("connections", "3,072 connections")):
        words = strings_of(archscope.draw(projected(), style="boxes", color=color).scene)
        assert any(each.startswith("conv 1×1 in the first · ") for each in words)
        assert f"conv 1×1 in the first · {said}" in words


def projected() -> Network:
    """One stage of three blocks: the first widens its maps, and has a projection on its skip connection."""
    b = Builder("projected", input=(4, 8, 8))
    last = "input"
    for number in range(3):
        group = ["stage", str(number)]
        entry = last
        last = b.conv("b", b.conv("a", entry, 8, group=group), 8, group=group, relu=False)
        if not number:
            entry = b.conv("side", entry, 8, 1, group=group, relu=False)
        last = b.add("relu", "relu", b.add("sum", "add", last, entry, group=group), group=group)
    b.add("fc", "linear", b.add("flatten", "flatten", last), out_features=3)
    return b.network()

"""Circles and lines: as many as there are, or a few of many with the count beside them."""

from __future__ import annotations

from typing import Any

import pytest

import archscope
from archscope.diagrams.scene import Group, Path, Scene, Text
from tests.diagrams.geometry import problems

DIGITS = """
name: digits
input: [784]
layers:
  hidden: {type: linear, out_features: 128, activation: relu}
  drop: {type: dropout}
  narrow: {type: linear, out_features: 6, bias: false, activation: tanh}
  scores: {type: linear, out_features: 10, activation: softmax}
"""
XOR = """
name: xor
input: [2]
layers:
  hidden: {type: linear, out_features: 3, activation: tanh}
  out: {type: linear, out_features: 1}
"""


def _lines(scene: Scene) -> list[int]:
    """How many lines each step has."""
    return [sum(isinstance(item, Path) for item in group.items) for group in scene.groups("edge")]


def _circles(group: Group, *, dots: bool = False) -> int:
    paths = [item for item in group.items if isinstance(item, Path)]
    return sum((item.stroke is None) is dots for item in paths)


def _strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def test_a_small_network_is_drawn_with_every_unit_and_every_weight() -> None:
    picture = archscope.draw(archscope.read(XOR))
    assert picture.style == "neurons"
    assert _lines(picture.scene) == [2 * 3, 3 * 1]
    assert [_circles(group) for group in picture.scene.groups("layer")] == [2, 3, 1]


def test_with_biases_there_are_as_many_lines_as_parameters() -> None:
    network = archscope.read(XOR)
    picture = archscope.draw(network, show="name,bias")
    assert sum(_lines(picture.scene)) == archscope.analyze(network).totals.parameters == (2 + 1) * 3 + (3 + 1) * 1
    assert _strings(picture.scene).count("+1") == 2


def test_a_layer_without_a_bias_has_no_line_from_one() -> None:
    picture = archscope.draw(archscope.read(DIGITS), show="name,bias")
    assert _lines(picture.scene) == [(6 + 1) * 6, 6 * 6, (6 + 1) * 6]


def test_many_units_are_six_and_dots_and_their_number() -> None:
    scene = archscope.draw(archscope.read(DIGITS)).scene
    groups = {group.layers[0]: group for group in scene.groups("layer")}
    assert {name: (_circles(group), _circles(group, dots=True)) for name, group in groups.items()} == {
        "input": (6, 3), "hidden": (6, 3), "narrow": (6, 0), "scores": (6, 3),
    }  # fmt: skip
    assert {"784", "128", "6", "10", "ReLU", "tanh", "softmax"} <= set(_strings(scene))
    assert "Of input, hidden and scores, 6 units are drawn." in scene.description


def test_a_normalization_is_named_under_its_layer() -> None:
    text = XOR.replace("activation: tanh}", "}\n  norm: {type: rms_norm, activation: relu}")
    assert {"RMS norm", "ReLU"} <= set(_strings(archscope.draw(archscope.read(text)).scene))


def test_weights_are_named_with_their_shapes() -> None:
    strings = _strings(archscope.draw(archscope.read(DIGITS), show="name,weights").scene)
    assert {"weight 128×784", "bias 128", "weight 6×128", "weight 10×6"} <= set(strings)
    assert "bias 6" not in strings


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
@pytest.mark.parametrize("width", [None, "89mm", "183mm", "400mm"])
@pytest.mark.parametrize("options", [{}, {"show": "name,op,shape,parameters,macs,bias,weights"}, {"color": "macs"}])
def test_nothing_is_in_the_way_of_anything(theme: str, width: str | None, options: dict[str, Any]) -> None:
    for text in (XOR, DIGITS):
        network = archscope.read(text)
        picture = archscope.draw(network, style="neurons", theme=theme, width=width, font_size=6, **options)
        assert problems(picture.svg, network) == []


def test_a_width_that_cannot_hold_it_is_told_with_one_that_can() -> None:
    network = archscope.read(DIGITS)
    with pytest.raises(archscope.UsageError, match=r"needs --width \d+mm at least"):
        _ = archscope.draw(network, style="neurons", width="20mm").scene


def test_what_is_no_full_connection_is_refused_by_name() -> None:
    with pytest.raises(archscope.UsageError, match=r"`input` is of 1×32×32; use style planes"):
        _ = archscope.draw("lenet5", style="neurons").scene


def test_a_full_connection_at_each_position_is_refused_for_its_positions() -> None:
    text = "name: each\ninput: [8]\nlayers:\n  rows: {type: reshape, shape: [4, 2]}\n"
    network = archscope.read(text + "  project: {type: linear, out_features: 3}\n")
    with pytest.raises(archscope.UsageError, match=r"`project` gives 4×3: it connects each position by itself; use"):
        _ = archscope.draw(network, style="neurons").scene


def test_a_layer_on_the_way_is_named_under_its_step() -> None:
    text = XOR.replace("  out:", "  scaled: {type: scale, factor: 2}\n  out:")
    network = archscope.read(text)
    picture = archscope.draw(network, style="neurons")
    assert problems(picture.svg, network) == []
    assert any("scaled" in group.layers for group in picture.scene.groups("layer"))


TURNED = """  early: {type: dropout}
  turn: {type: transpose, dim0: 1, dim1: 2}
  flat: {type: flatten}
"""


@pytest.mark.parametrize("way", ["  flat: {type: flatten}\n", "  flat: {type: reshape, shape: [784]}\n", TURNED])
def test_an_image_that_is_flattened_is_the_values_in_it(way: str) -> None:
    layers = DIGITS[DIGITS.index("  hidden") :]
    network = archscope.read(f"name: digits\ninput: [1, 28, 28]\nlayers:\n{way}{layers}")
    picture = archscope.draw(network, show="name,op,shape,bias")
    assert picture.style == "neurons"
    assert _lines(picture.scene) == [(6 + 1) * 6, 6 * 6, (6 + 1) * 6]
    assert "1×28×28 = 784" in _strings(picture.scene)
    assert "Of input, hidden and scores, 6 units are drawn." in picture.scene.description
    for page in (None, "16:9", "ieee-column"):
        assert problems(archscope.draw(network, page=page).svg, network) == []


def test_an_image_of_which_less_is_read_is_no_layer_of_units() -> None:
    layers = DIGITS[DIGITS.index("  hidden") :]
    pooled = "  pool: {type: avg_pool2d, kernel_size: 2}\n  flat: {type: flatten}\n"
    network = archscope.read(f"name: digits\ninput: [1, 28, 28]\nlayers:\n{pooled}{layers}")
    assert archscope.draw(network).style != "neurons"
    with pytest.raises(archscope.UsageError, match=r"`input` is of 1×28×28; use style"):
        _ = archscope.draw(network, style="neurons").scene


def test_towers_are_for_boxes() -> None:
    with pytest.raises(
        archscope.UsageError, match="stands on towers, which style neurons does not show; use style boxes"
    ):
        _ = archscope.draw("alexnet", style="neurons").scene
    twins = archscope.read(
        "name: twins\ninput: [4]\nlayers:\n  one: {type: linear, out_features: 3, towers: [left, right]}\n"
        "  join: {type: concat}\n  out: {type: linear, out_features: 2}\n"
    )
    assert archscope.draw(twins).style != "neurons"

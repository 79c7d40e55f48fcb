"""What is written on a picture adds up to the totals of its network: nothing is left out, and nothing counted twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import archscope
from archscope.diagrams.scene import Group, Item, Scene, Text, bounds
from archscope.errors import UsageError
from archscope.network import Network
from tests.diagrams.branching import Builder
from tests.diagrams.geometry import problems
from tests.diagrams.volumes import strings_of

MEMBERS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "specs" / "index.json").read_text())
UNITS = {"parameters": r"(?:par\.|parameters)", "macs": "MACs"}
OF_ONE_COPY = ("graph", "transformer", "unrolled")
"""Styles in which what stands in a frame with ×N is what one copy costs; in others it is what all cost."""


def written(scene: Scene, quantity: str, *, of_one: bool) -> int:
    """The sum of the numbers on a picture."""
    copies = [(bounds(group.items), int(found[1])) for group in scene.groups("frame")
              if of_one and (found := re.search(r"×(\d+)$", group.title))]  # fmt: skip

    def inside(items: tuple[Item, ...]) -> list[Text]:
        texts = [item for item in items if isinstance(item, Text)]
        return [*texts, *(text for item in items if isinstance(item, Group) for text in inside(item.items))]

    def total(items: tuple[Item, ...]) -> int:
        said = 0
        for item in items:
            texts = inside((item,))
            towers = 2 if any(text.string == "on both" for text in texts) else 1
            for text in texts:
                for number, each in re.findall(rf"([\d,]+) {UNITS[quantity]}( each)?", text.string):
                    times = next((int(f[1]) for one in texts if each and (f := re.match(r"×(\d+)$", one.string))), 1)
                    for (left, top, right, bottom), count in copies:
                        times *= count if left <= text.x <= right and top <= text.y <= bottom else 1
                    said += int(number.replace(",", "")) * times // towers
        return said

    return total(scene.items)


def held(network: Network, quantity: str) -> int:
    return sum(int(row.count_of(quantity) or 0) for row in archscope.analyze(network).rows)


STYLES = ("planes", "boxes", "neurons", "transformer", "unrolled", "graph")


ASKED: tuple[dict[str, Any], ...] = ({"color": "parameters"}, {"show": "name,macs"})


@pytest.mark.parametrize("name", [each["name"] for each in MEMBERS])
def test_the_numbers_on_every_figure_of_the_museum_add_up(name: str) -> None:
    network = archscope.load(name)
    accepted = 0
    for style in STYLES:
        for options in ASKED:
            quantity = "macs" if "show" in options else "parameters"
            try:
                scene = archscope.draw(network, style=style, **options).scene
            except UsageError:
                continue
            accepted += 1
            found = written(scene, quantity, of_one=style in OF_ONE_COPY)
            assert (style, quantity, found) == (style, quantity, held(network, quantity))
    assert accepted >= 2


@pytest.mark.parametrize("depth", [1, "full"])
@pytest.mark.parametrize("name", ["convnext@T", "unet", "resnet@50", "densenet@121", "googlenet", "mobilenet-v3@small"])
def test_they_add_up_at_every_depth(name: str, depth: int | str) -> None:
    network = archscope.load(name)
    for style in ("boxes", "graph"):
        scene = archscope.draw(network, style=style, show="name,op,kernel,shape,parameters,macs", depth=depth).scene
        for quantity in UNITS:
            assert written(scene, quantity, of_one=style in OF_ONE_COPY) == held(network, quantity)


def test_two_towers_say_that_they_share_what_is_written_on_each() -> None:
    network = archscope.load("alexnet-pytorch")
    scene = archscope.draw(network, towers=True, show="name,parameters,macs").scene
    for quantity in UNITS:
        assert written(scene, quantity, of_one=False) == held(network, quantity)
    assert strings_of(scene).count("on both") == 2 * 7
    # A layer without groups is shared as well: 2048 · 4096 + 4096 on each tower, twice that in all.
    assert strings_of(scene).count("16,781,312 par.") == 2


def beside_norms() -> Network:
    """A chain with norms on its input, behind a convolution and behind a pooling, and two equal layers."""
    b = Builder("norms", input=(4, 16, 16))
    last = b.add("first", "batch_norm", "input")
    last = b.conv("one", last, 8)
    last = b.add("pool", "max_pool2d", last, kernel_size=2)
    last = b.add("then", "batch_norm", last)
    for number in range(14):
        last = b.conv(f"more{number}", last, 8)
    b.add("fc", "linear", b.add("flatten", "flatten", last), out_features=3)
    return b.network()


@pytest.mark.parametrize("show", ["parameters", "name,op,parameters"])
def test_a_chain_says_what_its_norms_hold_and_what_equal_layers_hold_together(show: str) -> None:
    network = beside_norms()
    picture = archscope.draw(network, style="boxes", show=show)
    said = strings_of(picture.scene)
    # 2 values for each of the 4 channels of the input and of the 8 behind the pooling; 3·3·4·8 + 16, 3·3·8·8 + 16.
    assert {"8 par.", "304 par."} <= set(said)
    assert f"{14 * 592:,} par. in all" in said
    assert ("16 par." if show == "parameters" else "max pool 2×2 /2 · 16 par.") in said
    assert written(picture.scene, "parameters", of_one=False) == held(network, "parameters")
    assert problems(picture.svg, network) == []


NORMS_ON_WAYS = """
input: [4, 16, 16]
blocks:
  norm:
    layers:
      last: {type: permute, dims: [1, 2, 0]}
      norm: {type: layer_norm, normalized_shape: $in}
      first: {type: permute, dims: [2, 0, 1]}
layers:
  top: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  mid: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  sum: {type: add, from: [top, mid]}
  norm1: {type: norm}
  low: {type: conv2d, out_channels: 16, kernel_size: 2, stride: 2}
  deep: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}
  deeper: {type: add, from: [low, deep]}
"""
BACK = """
  norm2: {type: norm}
  up: {type: conv_transpose2d, out_channels: 8, kernel_size: 2, stride: 2}
  norm3: {type: norm, from: sum}
  join: {type: concat, from: [norm3, up]}
  end: {type: conv2d, out_channels: 6, kernel_size: 3, padding: 1}
"""


@pytest.mark.parametrize(("more", "norms"), [("", ["16 par."]), (BACK, ["16 par.", "16 par.", "32 par."])])
@pytest.mark.parametrize("show", ["parameters", "name,op,kernel,shape,parameters"])
def test_a_norm_on_the_way_from_a_sum_says_what_it_holds_under_what_it_leads_to(
    show: str, more: str, norms: list[str]
) -> None:
    network = archscope.read(f"name: ways\n{NORMS_ON_WAYS}{more.lstrip(chr(10))}")
    picture = archscope.draw(network, style="boxes", show=show)
    said = strings_of(picture.scene)
    assert sorted(each.removeprefix("LN: ") for each in said if each.startswith("LN: ")) == norms
    assert written(picture.scene, "parameters", of_one=False) == held(network, "parameters")
    assert [each for each in problems(picture.svg, network) if not each.startswith("edge")] == []


BLOCK = """
  two:
    inputs: [a, b]
    layers:
      one: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1, from: a}
      other: {type: conv2d, out_channels: 8, kernel_size: 1, from: b}
      both: {type: add, from: [one, other]}
layers:"""
NORMS = "  norm1: {type: norm, from: sum}\n  norm2: {type: norm, from: sum}\n"
END = "  end: {type: conv2d, out_channels: 6, kernel_size: 3, padding: 1}\n"


def two_norms(join: str) -> Network:
    """A sum that two norms see, and what reads both."""
    start = NORMS_ON_WAYS[: NORMS_ON_WAYS.index("  norm1:")].replace("\nlayers:", BLOCK)
    return archscope.read(f"name: two\n{start}{NORMS}  join: {{{join}, from: [norm1, norm2]}}\n{END}")


def test_two_ways_into_a_closed_block_that_are_drawn_as_one_keep_the_numbers_of_both() -> None:
    network = two_norms("type: two")
    scene = archscope.draw(network, style="boxes", depth=1, show="parameters").scene
    assert "LN: 32 par." in strings_of(scene)
    assert written(scene, "parameters", of_one=False) == held(network, "parameters")


def test_ways_that_do_different_things_and_would_be_drawn_as_one_make_a_graph_of_a_network() -> None:
    network = two_norms("type: concat")
    with pytest.raises(UsageError, match="in style boxes `join` joins ways that have no boxes of their own"):
        archscope.draw(network, style="boxes").scene  # noqa: B018
    drawn = archscope.draw(network)
    assert drawn.style == "graph"
    assert problems(drawn.svg, network) == []


def test_what_all_copies_of_a_block_in_a_frame_hold_is_said_to_be_of_all_where_no_legend_says_so() -> None:
    # conv3 ×4, its 3×3 windows: 4 · (9·128·128 + 2·128).
    asked: tuple[dict[str, Any], ...] = ({"show": "name,parameters"}, {"color": "parameters"})
    shown, coloured = (strings_of(archscope.draw("resnet@50", style="boxes", **each).scene) for each in asked)
    assert "590,848 par. in all" in shown
    assert "9,536 par." in shown, "the first layer, which is there once"
    assert "590,848 par." in coloured
    # The projection of conv2, which only its first block has: 64·256 + 2·256.
    assert [each for each in shown if each.startswith("conv 1×1 in")] == ["conv 1×1 in the first · 16,896 par."]
    assert "parameters, of all ×N copies" in coloured


IN_A_FRAME = """
input: [4, 16, 16]
blocks:
  block:
    layers:
      top: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
      mid: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
      sum: {type: add, from: [top, mid]}
      out: {type: permute, dims: [1, 2, 0]}
      norm: {type: layer_norm, normalized_shape: $in}
      back: {type: permute, dims: [2, 0, 1]}
      low: {type: conv2d, out_channels: 8, kernel_size: 1}
      end: {type: add, from: [low, sum]}
layers:
  stem: {type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}
  stage: {type: block, repeat: 3}
"""


def test_norms_on_ways_within_a_frame_say_that_they_are_those_of_all_copies() -> None:
    network = archscope.read(f"name: frames\n{IN_A_FRAME}")
    scene = archscope.draw(network, style="boxes", show="parameters").scene
    assert written(scene, "parameters", of_one=False) == held(network, "parameters")
    said = strings_of(scene)
    # 2 · 8 values in each of three copies.
    assert "LN: 48 par. in all" in " ".join(said).replace("\u00a0", " ")
    assert "296 par." in said, "the stem is there once"

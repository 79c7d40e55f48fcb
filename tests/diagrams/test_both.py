"""Two networks with branches, each as it is drawn, with what differs in colour and numbered."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

import archscope
from archscope.diagrams.both import SHADES, _kind
from archscope.diagrams.scene import Group, Item, Path, Polygon, Scene, Text, bounds, walk
from archscope.diagrams.side_by_side import SideBySide
from archscope.diagrams.themes import theme
from archscope.difference import difference
from tests.diagrams.branching import residual
from tests.diagrams.geometry import edges, not_contained, read

PAIRS = [("resnet@50", "resnet@50-v1.5"), ("bert@base", "gpt2@small"), ("resnet@18", "resnet@34")]


def _picture(one: str, other: str, name: str = "light") -> Scene:
    return SideBySide(difference(archscope.load(one), archscope.load(other), names=(one, other)), theme(name)).scene


def _strings(scene: Scene) -> list[str]:
    return [item.string for item in scene.walk() if isinstance(item, Text)]


def _fills(group: Group) -> set[str | None]:
    return {item.fill for item in group.items if isinstance(item, Polygon)}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_both_are_whole_and_stand_apart(one: str, other: str) -> None:
    scene = _picture(one, other)
    for side, name in (("left", one), ("right", other)):
        net = archscope.load(name)
        drawn = [layer for group in scene.groups("layer") for layer in group.layers if layer.startswith(f"{side}:")]
        assert sorted(drawn) == sorted(f"{side}:{each}" for each in (*net.inputs, *net.by_name))
    svg = _svg(scene)
    assert not_contained(svg) == []
    words = [word.box for word in read(svg).words]
    for a, b in combinations(words, 2):
        assert min(a[2], b[2]) - max(a[0], b[0]) <= 0.15 or min(a[3], b[3]) - max(a[1], b[1]) <= 0.15
    known = {group.layers[0] for group in read(svg).of("layer")}
    joined = edges(read(svg))
    assert len(joined) > 20
    assert {end for edge in joined for end in edge} <= {*known, "left:output", "right:output"}


def _svg(scene: Scene) -> str:
    from archscope.diagrams.writers.svg import svg

    return svg(scene)


def test_a_layer_of_a_list_that_stands_in_another_place_says_which() -> None:
    strings = _strings(_picture("alexnet-pytorch", "alexnet-torchvision"))
    assert [each for each in strings if "dropout" in each] == [
        "drop6: dropout", "drop7: dropout", "drop7: dropout", "drop6: dropout, after avgpool",
    ]  # fmt: skip


def test_a_stride_that_moved_is_marked_where_it_is_and_told_by_its_number() -> None:
    scene = _picture("resnet@50", "resnet@50-v1.5")
    differs = theme("light").shade(SHADES["changed"]).fill
    yellow = {group.layers[0] for group in scene.groups("layer") if differs in _fills(group)}
    # The folded stages are named after their second blocks; the stride is in the first of each.
    stages = {f"{side}:conv{stage}.1.{part}.conv" for side in ("left", "right") for stage in (3, 4, 5) for part in "ab"}
    assert yellow == stages
    said = _strings(scene)
    assert "conv3–5.0.a.conv: a stride of 1 instead of 2" in said
    # Three stages in each picture, and the note; each picture's input has three maps.
    assert [said.count(each) for each in ("1", "2", "3")] == [7, 7, 9]
    # Colours of families are not told where there are none.
    assert not {"pooling", "dense"} & set(said)


def test_a_number_between_two_layers_stands_by_the_right_side_of_its_own() -> None:
    scene = _picture("resnet@50", "resnet@50-v1.5")
    shapes = {group.layers[0]: [item for item in walk(group.items) if isinstance(item, Polygon | Path)]
              for group in scene.groups("layer")}  # fmt: skip
    boxes = {name: bounds(found) for name, found in shapes.items() if found}
    numbers = [(group.title, bounds(group.items)) for group in scene.groups("part") if "remark" in group.title]
    own = {"remark 1": ".a.conv", "remark 2": ".b.conv", "remark 3": ".a.conv"}
    assert len(numbers) == 2 * 3 * 3
    for title, (left, top, _, bottom) in numbers:
        # The layer whose right side is nearest, of those at this height.
        beside = {name: left - box[2] for name, box in boxes.items()
                  if box[2] <= left + 0.01 and box[1] - 20 < top and bottom < box[3] + 20}  # fmt: skip
        assert min(beside, key=lambda name: beside[name]).endswith(own[title])
        assert min(beside.values()) < 2


def test_a_number_keeps_away_from_the_words_beside_it() -> None:
    scene = _picture("gpt2@small", "bert@base")
    numbers = [bounds(group.items) for group in scene.groups("part") if "remark" in group.title]
    own = {id(item) for group in scene.groups("part") if "remark" in group.title for item in walk(group.items)}
    words = [bounds([item]) for item in scene.walk() if isinstance(item, Text) and id(item) not in own]
    assert numbers
    for left, top, right, bottom in numbers:
        level = [each for each in words if each[1] < bottom and top < each[3]]
        assert all(each[2] + 3 < left or right + 3 < each[0] for each in level)


def test_what_only_one_has_is_so_as_a_whole_and_otherwise_in_part() -> None:
    bert, gpt = archscope.load("bert@base"), archscope.load("gpt2@small")
    scene = SideBySide(difference(bert, gpt, names=("BERT", "GPT-2"))).scene
    shades = {kind: theme("light").shade(name).fill for kind, name in SHADES.items()}
    fills = {group.layers[0]: _all_fills(group.items) for group in scene.groups("layer")}
    assert shades["removed"] in fills["left:segment"]
    # Its dropout is only in BERT, the dense layers are in both.
    assert shades["changed"] in fills["left:encoder.0.intermediate"]
    assert {"only in the first", "differs"} <= set(_strings(scene))


def _all_fills(items: tuple[Item, ...]) -> set[str | None]:
    inner = (each for item in items if isinstance(item, Group) for each in item.items)
    return {item.fill for item in (*items, *inner) if not isinstance(item, Text | Group)}


def test_chains_are_still_a_list_and_equal_networks_are_grey() -> None:
    assert "resnet" not in " ".join(_strings(_picture("vgg@D", "vgg@E")))
    assert any(each.startswith("conv3.conv.3: conv 3×3") for each in _strings(_picture("vgg@D", "vgg@E")))
    same = residual()
    scene = SideBySide(difference(same, same, names=("this", "that"))).scene
    assert "alike" in _strings(scene)
    assert not {"differs", "given something else"} & set(_strings(scene))


def test_many_differences_are_told_up_to_twelve() -> None:
    said = _strings(_picture("bert@base", "gpt2@small"))
    assert "12" in said
    assert "13" not in said
    assert "and 25 more, which `archscope diff` tells" in said


@pytest.mark.parametrize("name", ["dark", "print"])
def test_a_theme_changes_the_colours_and_nothing_else(name: str) -> None:
    light, other = (_picture("resnet@18", "resnet@34", each) for each in ("light", name))
    assert _strings(light) == _strings(other)
    assert (light.width, light.height) == (other.width, other.height)
    assert replace(other, background=light.background) != light
    assert bounds(light.items) == bounds(other.items)


@pytest.mark.parametrize(("format", "start"), [("svg", "<svg "), ("tikz", "% "), ("drawio", "<mxfile")])
def test_it_is_written_in_the_formats_of_pictures(format: str, start: str) -> None:
    found = difference(archscope.load("resnet@18"), archscope.load("resnet@34"))
    assert str(SideBySide(found).write(format)).startswith(start)


def test_what_differs_has_a_strong_outline_and_flat_pictures_stand_one_below_the_other() -> None:
    scene = _picture("resnet@50", "resnet@50-v1.5")
    alike = theme("light").shade(SHADES["alike"]).fill
    widths: dict[bool, set[float]] = {True: set(), False: set()}
    for group in scene.groups("layer"):
        widths[alike in _fills(group)] |= {item.width for item in group.items if isinstance(item, Polygon)}
    assert max(widths[False]) == 2 * max(widths[True])
    first, second = (
        [bounds(group.items) for group in scene.groups("layer") if group.items and group.layers[0].startswith(side)]
        for side in ("left:", "right:")
    )
    assert max(low for *_, low in first) < min(high for _, high, *_ in second)


def test_what_is_given_something_else_and_what_is_alike_differ_in_what_they_are_given() -> None:
    kinds = {"a": "follows", "b": "changed"}
    assert [_kind(kinds, names) for names in (["a", "other"], ["a", "b"], ["b", "other"], ["other"])] == [
        "follows", "changed", "changed", "alike",
    ]  # fmt: skip


def _painted(items: tuple[Item, ...]) -> set[str | None]:
    """The fills of what has an outline, but in layers and edges."""
    found: set[str | None] = set()
    for item in items:
        if isinstance(item, Group):
            found |= set() if item.kind in ("layer", "edge") else _painted(item.items)
        elif isinstance(item, Path | Polygon) and item.fill is not None and item.stroke is not None:
            found.add(item.fill)
    return found


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_legend_has_no_colour_that_no_layer_has(name: str) -> None:
    one, other = archscope.load("unet"), archscope.load("unet", changes=["bottom.c=768"])
    scene = SideBySide(difference(one, other), theme(name)).scene
    layers = {item.fill for group in scene.groups("layer") for item in walk(group.items)
              if isinstance(item, Path | Polygon)}  # fmt: skip
    told = _painted(scene.items)
    assert len(told) > 2
    assert told <= {theme(name).background, *layers}

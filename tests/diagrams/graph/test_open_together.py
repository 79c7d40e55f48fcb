"""Blocks that are alike, or side by side, are open together; and as many as a slide has room for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

import archscope
from archscope.network import Network
from tests.diagrams.branching import Builder
from tests.diagrams.geometry import problems


def pair(copies: int = 3) -> Network:
    """Two encoders of the same kind, of which one has a block around it, as CLIP's has."""
    b = Builder("pair", one=(8,), other=(8,))
    ends = []
    for source, around, width in (("one", ["visual"], 24), ("other", [], 12)):
        last = b.add("embed", "linear", source, group=around, out_features=width)
        for number in range(copies):
            group = [*around, "encoder", f"{number}"]
            first = b.add("norm", "layer_norm", last, group=group)
            first = b.add("up", "linear", first, group=group, out_features=4 * width)
            first = b.add("down", "linear", b.add("act", "gelu", first, group=group), group=group, out_features=width)
            last = b.add("sum", "add", first, last, group=group)
        ends.append(b.add("project", "linear", last, group=around, out_features=6))
    return b.network(b.add("both", "multiply", *ends))


def encoders(picture: archscope.Drawing) -> int:
    """How many of the two are open."""
    return sum(frame.title.rpartition(".")[2] == "encoder" for frame in picture.scene.groups("frame"))


def test_encoders_of_one_kind_are_both_open_or_both_closed_on_every_page() -> None:
    network = pair()
    seen = set()
    for height in range(60, 200, 10):
        try:
            picture = archscope.draw(network, style="graph", width="250mm", height=f"{height}mm", font_size=6)
            seen.add(encoders(picture))
        except archscope.UsageError:
            continue
        assert problems(picture.svg, network) == []
    assert seen == {0, 2}


@pytest.mark.parametrize("copies", [3, 40])
def test_who_names_one_of_them_has_it_as_it_is_named(copies: int) -> None:
    network = pair(copies)
    room: dict[str, Any] = {"style": "graph", "width": "250mm", "height": "190mm", "font_size": 6}
    for asked in ({"collapse": "visual"}, {"expand": "encoder", "collapse": "visual.encoder"}):
        assert encoders(archscope.draw(network, **room, **asked)) == 1


def towers(*, serial: bool) -> Network:
    """Two blocks of different layers, each of several, side by side or one after the other."""
    b = Builder("towers", one=(8,), other=(8,))
    last = b.add("wide", "linear", "one", group=["image"], out_features=64)
    for number in range(4):
        last = b.add("norm", "layer_norm", last, group=["image", f"{number}"])
        last = b.add("up", "linear", last, group=["image", f"{number}"], out_features=64)
    found = "other" if not serial else b.add("join", "add", b.add("fit", "linear", last, out_features=8), "other")
    for number in range(3):
        found = b.add("gate", "linear", found, group=["words"], out_features=32 + number)
        found = b.add("act", "tanh", found, group=["words"])
    return b.network(b.add("both", "multiply", b.add("a", "linear", last, out_features=6),
                           b.add("b", "linear", found, out_features=6)))  # fmt: skip


@pytest.mark.parametrize(("serial", "counts"), [(False, {0, 2}), (True, {1, 2})])
def test_blocks_side_by_side_are_of_one_rank_though_they_hold_different_layers(serial: bool, counts: set[int]) -> None:
    network = towers(serial=serial)
    seen = set()
    for width, height in product((60, 75, 90, 160), (90, 130, 170, 210)):
        try:
            picture = archscope.draw(network, style="graph", width=f"{width}mm", height=f"{height}mm", font_size=6)
            seen.add(sum(frame.title in ("image", "words") for frame in picture.scene.groups("frame")))
        except archscope.UsageError:
            continue
    assert seen == counts


def test_a_graph_on_a_slide_goes_the_way_that_opens_more_of_it() -> None:
    b = Builder("wrapped", input=(8,))
    last = "input"
    for name in ("embed", "middle", "after", "norm", "head"):
        for number in range(3):
            last = b.add(f"{name}{number}", "linear", last, group=["wrapper", name], out_features=10_000)
    network = b.network(b.add("classifier", "linear", last, out_features=10))
    picture = archscope.draw(network, style="graph", page="16:9")
    assert picture.request.direction == "lr"
    assert "wrapper" in {frame.title for frame in picture.scene.groups("frame")}

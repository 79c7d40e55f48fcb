"""Blocks that are alike are open together, also where one of them stands within another block."""

from __future__ import annotations

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

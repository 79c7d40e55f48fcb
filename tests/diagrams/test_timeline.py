"""The picture of what is held while a network runs."""

from __future__ import annotations

from itertools import pairwise

import pytest

import archscope
from archscope.diagrams.plot import timeline
from archscope.diagrams.scene import Text
from archscope.diagrams.themes import theme
from archscope.memory import memory

PHASES = ("build", "forward", "start", "backward", "optimizer step")


@pytest.mark.parametrize("name", ["lenet5", "resnet@50"])
def test_every_phase_has_its_name_under_it_and_no_two_names_meet(name: str) -> None:
    scene = timeline(memory(archscope.load(name), 2, optimizer="adam"), theme("light"))
    names = [item for item in scene.items if isinstance(item, Text) and item.string in PHASES]
    assert [item.string for item in names] == [*PHASES]
    assert all(item.left >= 0 and item.left + item.width <= scene.width for item in names)
    for line in {item.y for item in names}:
        row = [item for item in names if item.y == line]
        assert all(one.left + one.width < other.left for one, other in pairwise(row))
    assert max(item.y for item in names) < scene.height


def test_names_without_room_beside_one_another_go_to_a_second_line() -> None:
    from archscope.diagrams.plot import _phases

    # Of 100 bars two are the first phases': their names would meet.
    items = _phases(["build", "forward", *["backward"] * 98], 4.4, theme("light"))
    names = {item.string: item.y for item in items if isinstance(item, Text)}
    assert names["forward"] > names["build"] == names["backward"]


def test_a_picture_of_lower_bounds_says_so() -> None:
    asked = archscope.read(
        "input: [4, 8]\nlayers:\n  mix: {type: mixture_of_experts, num_experts: 4, top_k: 1, hidden_features: 8}\n"
    )
    scene = timeline(memory(asked, optimizer="sgd"), theme("light"))
    assert any(isinstance(item, Text) and item.string.startswith("Most: at least ") for item in scene.items)

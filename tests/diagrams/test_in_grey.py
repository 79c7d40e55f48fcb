"""Figures that are printed without colours: what their legends tell apart looks different in grey as well."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archscope
from archscope.diagrams.scene import Group, Path, Polygon, Scene, Text, walk
from archscope.diagrams.solids import BAND, COPIED, Hatch, hatch_of, solid
from archscope.diagrams.themes import BLOCK, theme
from archscope.diagrams.volumes.hatching import hatch
from tests.diagrams.networks import network


def _legend(scene: Scene) -> dict[str, Group]:
    """The sign of each entry, by its words."""
    words = {item.string for item in scene.walk() if isinstance(item, Text)}
    return {group.title: group for group in scene.groups("part") if group.title in words}


def _look(group: Group) -> tuple[object, ...]:
    """What is to be seen of an arrow where every colour is one grey: dashes, weight, and whether its head is hollow."""
    lines = [item for item in walk(group.items) if isinstance(item, Path)]
    heads = [item for item in walk(group.items) if isinstance(item, Polygon) and len(item.points) == 3]
    return lines[0].dash, lines[0].width, heads[0].stroke is None


@pytest.mark.parametrize("name", ["light", "print"])
def test_arrows_of_each_kind_in_a_u_look_different_without_colours_and_the_legend_shows_them(name: str) -> None:
    scene = archscope.draw("unet", theme=name).scene
    legend = _legend(scene)
    assert list(legend) == [
        "conv 3×3 · ReLU", "conv 1×1", "max pool 2×2 /2", "transposed conv 2×2 /2, a point opens to a window",
        "copy and crop",
    ]  # fmt: skip
    looks = [_look(each) for each in legend.values()]
    assert len(set(looks)) == len(looks)
    drawn = {_look(edge) for edge in scene.groups("edge")}
    assert drawn == set(looks)


def test_kinds_of_boxes_that_stand_side_by_side_in_print_differ_by_a_hatch_or_a_grey_that_a_press_keeps_apart() -> None:
    printed = theme("print")
    for kinds in (
        ("convolution", BAND, "pooling", "dense", BLOCK, "normalization"),
        ("convolution", BAND, "pooling", "upsampling", COPIED),
        ("convolution", BAND, "pooling", "dense", "softmax", "merge"),
    ):
        for one, other in combinations(kinds, 2):
            first, second = (int(solid(printed, each).fill[1:3], 16) for each in (one, other))
            assert abs(first - second) >= 20 or hatch_of(printed, one) != hatch_of(printed, other), (one, other)


def test_what_ends_a_dense_layer_has_a_name_in_the_legend() -> None:
    """ConvNeXt's first layer of two has a GELU behind it, the second has none."""
    legend = _legend(archscope.draw(network("convnext@T")).scene)
    assert {"dense", "dense · GELU"} <= set(legend)
    fills = [item.fill for item in legend["dense · GELU"].items if isinstance(item, Polygon)]
    assert len(set(fills)) == 2


def test_the_twins_of_a_siamese_pair_fit_one_column_and_say_what_is_in_them() -> None:
    scene = archscope.draw(network("siamese"), width="89mm").scene
    assert scene.height < 2 * scene.width
    said = [item.string for item in scene.walk() if isinstance(item, Text)]
    assert "shared with" in " ".join(said)
    assert not any("conv1" in each for each in said)


@given(
    st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 90), st.floats(1, 90)),
    st.sampled_from(["level", "upright", "rising", "falling"]),
    st.floats(0.5, 4),
)
@settings(max_examples=60, deadline=None)
def test_a_hatch_stays_inside_and_leaves_its_outline_for_crossings_alone(
    room: tuple[float, float, float, float], way: Hatch, step: float
) -> None:
    left, top, wide, high = room
    right, bottom = left + wide, top + high
    points = hatch((left, top, right, bottom), way, step)
    assert all(left - 1e-6 <= x <= right + 1e-6 and top - 1e-6 <= y <= bottom + 1e-6 for x, y in points)

    def sides(point: tuple[float, float]) -> set[str]:
        x, y = point
        near = {"l": x - left, "r": right - x, "t": y - top, "b": bottom - y}
        return {side for side, away in near.items() if abs(away) < 1e-6}

    # Every point is on the outline; what goes across is never followed by what goes across.
    assert all(sides(each) for each in points)
    across = [not sides(one) & sides(other) for one, other in pairwise(points)]
    assert not any(one and other for one, other in pairwise(across))

"""A picture that is built up: each mark comes with what it stands at, and the last step is the whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import pytest

import archscope
from archscope.diagrams.room import apart
from archscope.diagrams.scene import Group, Item, Path, Scene, Text, bounds, walk
from archscope.diagrams.steps import numbered, steps_of
from archscope.formats.catalogue import read_index
from archscope.reader import index_file
from tests.diagrams.pages import View

LISTED = read_index(index_file().read_text(encoding="utf-8"))
MUSEUM = list({line.name.partition("@")[0]: line.name for line in reversed(LISTED)}.values())
"""One network of each family that comes with archscope."""


def _leaves(scene: Scene) -> list[Item]:
    return [item for item in scene.walk() if not isinstance(item, Group)]


def _first(scene: Scene) -> Mapping[str, list[int]]:
    """The steps that each text comes with."""
    found: dict[str, list[int]] = {}
    for step, item in numbered(scene.items):
        for text in walk([item]):
            if isinstance(text, Text):
                found.setdefault(text.string, []).append(step)
    return found


@pytest.mark.parametrize("name", MUSEUM)
def test_each_step_adds_something_and_the_last_is_the_whole_figure(name: str) -> None:
    scene = archscope.draw(name).scene
    steps = list(steps_of(scene))
    counts = [len(_leaves(each)) for each in steps]
    assert counts == sorted(set(counts))
    assert _leaves(steps[-1]) == _leaves(scene)
    # What comes last is the last layer with what stands at it, and what is told under the whole.
    low = max(bounds(group.items)[3] for group in scene.groups("layer") if group.items)
    (layer,) = (item for step, item in numbered(scene.items) if step == len(steps) and isinstance(item, Group)
                and item.kind == "layer" and item.items and not item.target)  # fmt: skip
    for step, item in numbered(scene.items):
        if step == len(steps) and not isinstance(item, Group) and bounds([item])[1] < low:
            assert min(apart(bounds([item]), bounds([each])) for each in layer.items) < 24, item


def test_what_is_written_on_a_shortcut_comes_with_the_shortcut() -> None:
    scene = archscope.draw("resnet@50").scene
    shortcuts = {
        step: [text.string for text in walk([item]) if isinstance(text, Text)]
        for step, item in numbered(scene.items)
        if isinstance(item, Group) and item.kind == "part" and "in the first" in item.title
    }
    sums = {step for step, item in numbered(scene.items) if isinstance(item, Group) and item.kind == "layer"
            and item.items and item.layers[0].endswith(".sum")}  # fmt: skip
    assert set(shortcuts) == sums
    assert sorted(shortcuts.values()) == [["conv 1×1 /2 in the first"]] * 3 + [["conv 1×1 in the first"]]


def test_letters_at_the_arrows_of_attention_come_with_it() -> None:
    scene = archscope.draw("transformer@base").scene
    attends = sorted(step for step, item in numbered(scene.items) if isinstance(item, Group) and item.kind == "layer"
                     and item.items and item.layers[0].endswith("attention"))  # fmt: skip
    assert [_first(scene)[letter] for letter in "QKV"] == [attends] * 3


def test_kernels_and_pooling_between_boxes_come_with_the_box_that_they_make() -> None:
    found = _first(archscope.draw("zfnet").scene)
    assert (found["7×7, stride 2"], found["5×5, stride 2"]) == (found["conv1"], found["conv2"])
    assert found["max pool 3×3 /2"] == [*found["conv2"], *found["conv3"], *found["fc6"]]
    assert found["dense"] == [*found["fc6"], *found["fc7"], *found["classes"]]


def test_both_towers_stand_in_their_bands_when_the_first_of_them_comes() -> None:
    scene = archscope.draw("alexnet").scene
    bands = [step for step, item in numbered(scene.items) if isinstance(item, Group) and item.kind == "frame"]
    assert bands == [2, 3]


def test_what_goes_from_step_to_step_comes_with_its_cells() -> None:
    scene = archscope.draw("lstm-lm@small").scene
    arrows = [(step, item) for step, item in numbered(scene.items) if isinstance(item, Path)]
    assert {step for step, _ in arrows} == {2, 3, 4}
    low = {step: max(bounds([item])[3] for at, item in arrows if at == step) for step in (2, 3, 4)}
    assert low[2] > low[3] > low[4]


def test_a_legend_and_remarks_come_with_the_last() -> None:
    scene = archscope.draw("lenet5", legend=True, notes={"C3": "sees not all maps"}, caption="LeNet.").scene
    found = _first(scene)
    steps = len(list(steps_of(scene)))
    assert found["convolution"] == found["LeNet."] == [steps]


@pytest.mark.browser
@pytest.mark.parametrize("name", ["lenet5", "transformer@base", "lstm-lm@small"])
def test_a_page_that_builds_up_takes_the_theme_of_its_reader(view: View, tmp_path: File, name: str) -> None:
    """In a dark room it was a white sheet; a picture of costs, or in a theme that was asked for, is as it was drawn."""

    def seen(scheme: str, **options: Any) -> tuple[str, set[str]]:
        path = tmp_path / "steps.html"
        path.write_text(str(archscope.draw(name, steps=True, **options).write("html")), encoding="utf-8")
        view.requests.clear()
        view.page.emulate_media(color_scheme=scheme)
        view.page.goto(path.as_uri())
        fills = "all => all.map(each => getComputedStyle(each).fill)"
        ground = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return ground, set(view.page.locator("svg [fill]").evaluate_all(fills))

    own = {theme: seen("light", theme=theme) for theme in ("light", "dark")}
    assert own["light"] != own["dark"]
    assert seen("light") == own["light"]
    assert seen("dark") == own["dark"]
    assert seen("dark", theme="light") == own["light"]
    assert seen("dark", color="macs") == seen("light", color="macs")

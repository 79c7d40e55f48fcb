"""The geometry checker must reject broken pictures, or its silence means nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import archscope
from archscope.diagrams.scene import Group, Item, Scene, Text, line, moved, rectangle
from archscope.diagrams.writers.svg import svg
from archscope.network import Network
from tests.diagrams.geometry import problems


@pytest.fixture(scope="module")
def network() -> Network:
    return archscope.load("lenet5")


@pytest.fixture(scope="module")
def scene(network: Network) -> Scene:
    return archscope.draw(network, style="planes").scene


def _layer(scene: Scene, name: str) -> Group:
    return next(group for group in scene.groups("layer") if group.layers[0] == name)


def _texts(group: Group) -> list[Text]:
    return [item for item in group.items if isinstance(item, Text)]


def _swapped(scene: Scene, old: Item, new: Item | None) -> Scene:
    def swap(items: tuple[Item, ...]) -> tuple[Item, ...]:
        kept = ((new if item is old else item) for item in items)
        return tuple(
            replace(item, items=swap(item.items)) if isinstance(item, Group) else item
            for item in kept
            if item is not None
        )

    return replace(scene, items=swap(scene.items))


def _text_on_text(scene: Scene) -> Scene:
    first, second = _texts(_layer(scene, "C3"))
    return _swapped(scene, second, replace(second, x=first.x, y=first.y - 2))


def _line_through_text(scene: Scene) -> Scene:
    text = _texts(_layer(scene, "F6"))[0]
    return replace(
        scene, items=(*scene.items, line((text.left - 5, text.y), (text.left + 9, text.y - 4), stroke="#000000"))
    )


def _text_covered(scene: Scene) -> Scene:
    text = _texts(_layer(scene, "F6"))[0]
    cover = rectangle(text.left - 3, text.y - 20, text.width + 6, 40, fill="#ffffff")
    return replace(scene, items=(*scene.items, cover))


def _text_outside(scene: Scene) -> Scene:
    text = _texts(_layer(scene, "OUTPUT"))[0]
    return _swapped(scene, text, moved(text, 8, 0))


def _page_too_low(scene: Scene) -> Scene:
    return replace(scene, height=scene.height - 6)


def _edge_through_node(scene: Scene) -> Scene:
    edge = next(group for group in scene.groups("edge") if group.source == "C1")
    shortcut = replace(edge, source="input", target="C1")
    return replace(scene, items=(*scene.items, shortcut))


def _edge_missing(scene: Scene) -> Scene:
    edge = next(group for group in scene.groups("edge") if group.source == "S4")
    return _swapped(scene, edge, None)


def _edge_too_many(scene: Scene) -> Scene:
    return replace(scene, items=(*scene.items, Group("edge", (), source="C1", target="F6")))


def _layer_missing(scene: Scene) -> Scene:
    group = _layer(scene, "C5")
    return _swapped(scene, group, replace(group, layers=group.layers[:-1]))


def _layer_twice(scene: Scene) -> Scene:
    group = _layer(scene, "S2")
    return _swapped(scene, group, replace(group, layers=(*group.layers, "F6")))


def _undescribed(scene: Scene) -> Scene:
    return replace(scene, description=scene.description.replace("C3, ", ""))


def _described_in_another_order(scene: Scene) -> Scene:
    mixed = scene.description.replace("C1,", "X").replace("OUTPUT,", "C1,").replace("X", "OUTPUT,")
    return replace(scene, description=mixed)


def test_a_sound_picture_has_no_problems(scene: Scene, network: Network) -> None:
    assert problems(svg(scene), network) == []


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_text_on_text, "text on text: 'C3: f. maps' and '16@10×10'"),
        (_line_through_text, "line through text: 'F6: layer'"),
        (_text_covered, "text covered: 'F6: layer'"),
        (_text_outside, "text outside: 'OUTPUT'"),
        (_page_too_low, "text outside: 'Convolutions'"),
        (_edge_through_node, "edge through node: input to C1 through S2"),
        (_edge_missing, "edge missing: S4 to C5"),
        (_edge_too_many, "edge too many: C1 to F6"),
        (_layer_missing, "layer missing: flatten"),
        (_layer_twice, "layer drawn 2 times: F6"),
        (_undescribed, "layer missing in the description, or out of order: C3"),
        (_described_in_another_order, "layer missing in the description, or out of order: S2"),
    ],
)
def test_a_broken_picture_is_rejected(
    broken: Callable[[Scene], Scene], message: str, scene: Scene, network: Network
) -> None:
    found = problems(svg(broken(scene)), network)
    if broken is _page_too_low:
        found = [each.replace("'5×5'", "'Convolutions'") for each in found]
    assert message in found


def test_a_shape_without_fill_covers_nothing(scene: Scene, network: Network) -> None:
    around = rectangle(0.2, 0.2, scene.width - 0.4, scene.height - 0.4, stroke="#000000")
    assert problems(svg(replace(scene, items=(*scene.items, around))), network) == []

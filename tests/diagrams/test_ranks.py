"""No picture mixes open and closed blocks of equal rank: all that hold the same, or whose names are alike."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pytest

import archscope
from archscope.diagrams import PAGES
from tests.diagrams.ranks import mixed

MUSEUM = ("unet", "resnet@18", "resnet@50", "googlenet", "inception-v3", "efficientnet-b0", "mobilenet-v2",
          "mobilenet-v3@large", "shufflenet-v1@g3", "shufflenet-v2@1.0", "squeezenet@1.0", "resnet-cifar@20",
          "densenet@121")  # fmt: skip


@pytest.fixture(scope="module")
def analyses() -> dict[str, archscope.Analysis]:
    return {name: archscope.analyze(archscope.load(name)) for name in MUSEUM}


@pytest.mark.parametrize("seed", range(12 * len(MUSEUM)))
def test_no_picture_on_a_page_mixes_open_and_closed_blocks_of_equal_rank(
    seed: int, analyses: dict[str, archscope.Analysis]
) -> None:
    random = Random(seed)
    options: dict[str, Any] = {"page": random.choice(list(PAGES)), "style": random.choice(("boxes", "boxes", "graph"))}
    if random.random() < 0.75:
        options["font_size"] = random.choice((4.5, 5, 6, 7, 8, 10, 12))
    if random.random() < 0.3:
        options["show"] = random.choice(("name,shape", "name", "op", "name,op,kernel"))
    picture = archscope.draw(analyses[MUSEUM[seed % len(MUSEUM)]], **options)
    with suppress(archscope.UsageError):  # nothing may fit such a page with such letters
        assert list(mixed(picture)) == []


def test_a_u_is_closed_on_both_sides_where_a_page_has_room_for_one_of_them() -> None:
    picture = archscope.draw("unet", page="beamer", show="name,shape", font_size=5)
    assert list(mixed(picture)) == []
    drawn = [group.layers for group in picture.scene.groups("layer")]
    assert {len(each) for each in drawn if each[0].startswith("down")} == {4}
    assert {len(each) for each in drawn if each[0].startswith("up")} == {7}


def test_who_names_a_block_has_it_open_though_one_like_it_is_closed() -> None:
    picture = archscope.draw("unet", page="beamer", show="name,shape", font_size=4.5, expand="down1.conv")
    drawn = [group.layers for group in picture.scene.groups("layer")]
    assert {len(each) for each in drawn if each[0].startswith("down1")} == {2}

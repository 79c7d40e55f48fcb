"""A block that is called several times side by side, as in a siamese pair or a GAN, is a block for each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from xml.etree import ElementTree

import pytest
from torch import Tensor, nn

import archscope
from archscope.analysis import Analysis
from archscope.diagrams.graph.calls import calls_beside
from archscope.diagrams.graph.units import units_of
from archscope.diagrams.graph.view import view_of
from archscope.diagrams.volumes.forming import Former


class Encoder(nn.Module):
    """Koch et al. 2015, with few maps."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.ReLU())
        self.fc = nn.Linear(8 * 25, 6)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.maps(x).flatten(1)).sigmoid()


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.out = Encoder(), nn.Linear(6, 1)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.out((self.encoder(one) - self.encoder(other)).abs())


class Adversaries(nn.Module):
    """A generator, and a discriminator that sees what is real and what is not (Goodfellow et al. 2014)."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.ConvTranspose2d(6, 4, 4), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 2, 1))
        self.discriminator = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 1, 6))

    def forward(self, z: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        fake = self.generator(z)
        return self.discriminator(real), self.discriminator(fake)


class Again(nn.Module):
    """A block whose calls read one another, so that they are one stretch of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x + self.block(x))


PAIRS: Final[dict[str, Callable[[], Analysis]]] = {
    "siamese": lambda: archscope.analyze(Siamese(), (1, 16, 16), (1, 16, 16)),
    "adversaries": lambda: archscope.analyze(Adversaries(), (6, 1, 1), (1, 8, 8)),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("depth", [1, 2])
def test_no_box_of_a_graph_stands_for_two_calls_of_a_block_side_by_side(name: str, depth: int) -> None:
    analysis = PAIRS[name]()
    for node in view_of(analysis, depth=depth + 1).nodes:
        assert not {*node.layers} & {shared for row in node.rows for shared in row.shares}, node


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("depth", [2, 3])
def test_no_closed_box_of_maps_stands_for_two_calls_of_a_block_side_by_side(name: str, depth: int) -> None:
    solids = Former(PAIRS[name]()).form(depth).solids
    assert len(solids) > 2
    for solid in solids:
        assert {*solid.shares}.isdisjoint(solid.layers), solid.name


@pytest.mark.parametrize("name", PAIRS)
def test_each_call_after_the_first_has_a_number_and_its_own_block(name: str) -> None:
    called = {"siamese": "encoder", "adversaries": "discriminator"}[name]
    found = [unit.path[0].name for unit in calls_beside(units_of(PAIRS[name]())) if unit.path]
    first, again = found.count(called), found.count(f"{called}_2")
    assert first == again > 1


def test_a_call_is_not_taken_for_a_block_that_has_such_a_name() -> None:
    class Numbered(Siamese):
        def __init__(self) -> None:
            super().__init__()
            self.encoder_2 = Encoder()

        def forward(self, one: Tensor, other: Tensor) -> Tensor:
            return super().forward(one, other) + self.out(self.encoder_2(other))

    units = calls_beside(units_of(archscope.analyze(Numbered(), (1, 16, 16), (1, 16, 16))))
    found = [unit.path[0].name for unit in units if unit.path]
    assert {*found} == {"encoder", "encoder_2", "encoder_3"}
    assert found.count("encoder") == found.count("encoder_2") == found.count("encoder_3")


def test_calls_that_read_one_another_are_left_as_they_are() -> None:
    units = units_of(archscope.analyze(Again(), (1, 8, 8)))
    assert calls_beside(units) == units


@pytest.mark.parametrize("style", ["graph", "boxes"])
def test_a_closed_block_whose_weights_are_anothers_says_whose(style: str) -> None:
    picture = archscope.draw(PAIRS["siamese"](), style=style, depth=2).svg
    texts = [each.text or "" for each in ElementTree.fromstring(picture).iter() if each.tag.endswith(("text", "tspan"))]
    assert "encoder.maps" in " ".join(texts)
    assert sum("shared with" in each for each in texts) == 2  # the maps, and the dense layer

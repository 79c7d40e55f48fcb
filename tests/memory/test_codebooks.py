"""A table that a function reads before it is looked up in, as a vector quantizer's codes, has memory like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest
import torch
from torch import Tensor, nn

import archscope
from tests.memory.shared import differences

NEAREST: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "distances": torch.cdist,
    "written out": lambda x, codes: x.pow(2).sum(-1, keepdim=True) + codes.pow(2).sum(1) - 2 * x @ codes.t(),
    "products": lambda x, codes: -x @ codes.t(),
}


class Quantizer(nn.Module):
    """Each position becomes the nearest of 16 codes of eight values, and gradients go past that."""

    def __init__(self, nearest: str) -> None:
        super().__init__()
        self.layer, self.codes, self.nearest = nn.Linear(8, 8), nn.Embedding(16, 8), NEAREST[nearest]

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        found = self.codes(self.nearest(x, self.codes.weight).argmin(-1))
        return x + (found - x).detach()


@pytest.mark.parametrize("nearest", NEAREST)
def test_codes_that_are_compared_before_they_are_looked_up(nearest: str) -> None:
    found = archscope.analyze(Quantizer(nearest), (4, 8))
    # 8·8 + 8 and 16·8 parameters; 4·8·8 products of the layer, 4·16·8 of the distances.
    assert (found.totals.parameters, found.totals.macs) == (72 + 128, 256 + 512)
    assert found.peak_activation_bytes() >= 4 * (2 * 32)  # what came, and what the layer made


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("nearest", NEAREST)
def test_memory_of_codes_is_the_trackers_or_at_least(nearest: str, optimizer: str | None, batch: int) -> None:
    why, wrong = differences(Quantizer(nearest), (4, 8), optimizer, batch)
    assert not wrong, wrong
    assert not (why and nearest == "products")

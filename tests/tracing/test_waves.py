"""A table of sines and cosines that a module adds is the layer that adds it, and another table is not."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, build, trace


class Positions(nn.Module):
    """As the tutorial of PyTorch has it, with positions or samples first."""

    pe: Tensor

    def __init__(self, wide: int = 8, longest: int = 20, *, base: float = 10_000.0, first: bool = False) -> None:
        super().__init__()
        self.first = first
        places = torch.arange(longest).unsqueeze(1)
        slow = torch.exp(torch.arange(0, wide, 2) * (-math.log(base) / wide))
        pe = torch.zeros(longest, wide)
        pe[:, 0::2], pe[:, 1::2] = torch.sin(places * slow), torch.cos(places * slow)
        self.register_buffer("pe", pe.unsqueeze(1) if first else pe.unsqueeze(0))

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.pe[: len(x)] if self.first else self.pe[:, : x.size(1)])


class Words(nn.Module):
    def __init__(self, positions: Positions) -> None:
        super().__init__()
        self.words, self.positions, self.out = nn.Embedding(20, 8), positions, nn.Linear(8, 3)

    def forward(self, ids: Tensor) -> Any:
        x = self.words(ids) * math.sqrt(8)
        if self.positions.first:
            return self.out(self.positions(x.transpose(0, 1)).transpose(0, 1))
        return self.out(self.positions(x))


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("base", [10_000.0, 500.0])
@pytest.mark.parametrize("long", [6, 20])
def test_a_buffer_of_sines_and_cosines_is_the_layer_that_adds_it(base: float, long: int, *, first: bool) -> None:
    module = Words(Positions(base=base, first=first)).eval()
    network = trace(module, torch.zeros(1, long, dtype=torch.long))
    assert [node.layer.type for node in network.nodes] == ["embedding", "scale", "sinusoidal_positions", "linear"]
    layer: Any = network.nodes[2].layer
    assert (layer.max_len, layer.base) == (20, base)
    totals = analyze(network).totals
    assert (totals.parameters, totals.fixed, totals.macs) == (160 + 27, 20 * 8, long * 24)

    built = build(network).eval()
    mine = dict(module.named_parameters())
    ids = torch.randint(0, 20, (3, long))
    with torch.no_grad():
        for path, each in built.named_parameters():
            each.copy_(mine[path])
        torch.testing.assert_close(built(ids), module(ids), atol=1e-5, rtol=1e-5)


def _shifted(pe: Tensor) -> Tensor:
    return torch.cat([pe[:, 1:], pe[:, :1]], 1)


@pytest.mark.parametrize(
    "change", [_shifted, lambda pe: -pe, lambda pe: pe * 1.1, lambda pe: torch.rand_like(pe), lambda pe: pe.flip(2)]
)
def test_another_table_stays_what_it_is(change: Any) -> None:
    positions = Positions()
    positions.pe = change(positions.pe)
    analysis = analyze(trace(Words(positions), torch.zeros(1, 6, dtype=torch.long)))
    assert analysis["positions.add"].node.layer.type == "function"
    assert (analysis.totals.parameters, analysis.totals.fixed, analysis.totals.macs) == (160 + 27, 20 * 8, 6 * 24)

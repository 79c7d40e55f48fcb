"""Products that other tools miss are told: of attention with masks and weights, and of a matrix with a vector."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.oracles import Verdict, verify
from archscope.tracing.calling import call_thing

FUSED = "its trace has no rule for fused attention, and misses its two products"
VECTORS = "it has no formula for a matrix times a vector (`mv`), and misses that"
OUTER = "it sees an outer product (`outer`, `kron`, `vecdot`) as PyTorch runs it, value by value, and misses that"
SCORES = "its trace has no rule for the product that is added to a mask (`baddbmm`), and misses that of the scores"


class Attends(nn.Module):
    """Attention with a mask, which gives its weights or does not.

    Args:
        mask: which.
        weights: whether it gives them.
    """

    def __init__(self, mask: str, weights: bool, **how: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True, **how)
        self.mask, self.weights = mask, weights

    def forward(self, x: Tensor) -> Tensor:
        given: dict[str, Tensor] = {}
        if self.mask == "later":
            given["attn_mask"] = torch.full((x.shape[1],) * 2, float("-inf")).triu(1)
        if self.mask == "padding":
            given["key_padding_mask"] = x[..., 0] > 3
        made: Tensor = self.attention(x, x, x, need_weights=self.weights, **given)[0]
        return made


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    ("mask", "weights", "why", "theirs"),
    [
        # Projections are 4·6·16·16 = 6,144, each of the two products 6·6·16 = 576.
        ("", False, FUSED, 6_144),
        ("", True, "", 7_296),
        ("later", False, FUSED, 6_144),
        ("later", True, SCORES, 6_720),
        ("padding", False, FUSED, 6_144),
        ("padding", True, SCORES, 6_720),
    ],
)
def test_what_fvcore_misses_of_attention_is_told(mask: str, weights: bool, why: str, theirs: int, batch: int) -> None:
    called = call_thing(Attends(mask, weights), [torch.zeros(batch, 6, 16)], {})
    found = verify(called.network, ["fvcore", "FLOPs", "torchinfo"], module=called)
    assert not found.differing
    (seen,) = [each for each in found.findings if each.witness == "fvcore" and each.layer == "attention"]
    assert (seen.ours, seen.theirs, seen.why) == (7_296 * batch, theirs * batch, why)
    assert seen.verdict is (Verdict.EXPLAINED if why else Verdict.AGREES)


class Graph(nn.Module):
    """Attention between the nodes of a graph (Veličković et al. 2018): a learned vector scores each pair."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.scores = nn.Linear(6, 4), nn.Parameter(torch.rand(8))

    def forward(self, x: Tensor) -> Tensor:
        made = self.layer(x)
        pairs = [made.unsqueeze(axis).expand(-1, 5, 5, -1) for axis in (1, 2)]
        weights: Tensor = (torch.cat(pairs, -1) @ self.scores).softmax(-1)
        return weights @ made


@pytest.mark.parametrize("batch", [1, 3])
def test_what_pytorchs_counter_misses_of_vectors_is_told(batch: int) -> None:
    called = call_thing(Graph(), [torch.zeros(batch, 5, 6)], {})
    found = verify(called.network, ["FLOPs"], module=called)
    assert not found.differing
    (seen,) = [each for each in found.findings if each.why == VECTORS and each.layer]
    # 25 pairs of 8 features, and 5·5·4 products with what each node has.
    assert (seen.ours, seen.theirs) == (batch * (200 + 100), batch * 100)


class Positions(nn.Module):
    """A layer of the waves of positions, as rotary and relative positions are made, beside another product."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.layer = way, nn.Linear(6, 6)
        self.frequencies = nn.Buffer(torch.rand(3))

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(5, device=x.device).float()
        if self.way == "vecdot":
            found = torch.linalg.vecdot(x, x)[..., None].expand(-1, -1, 3)
        else:
            found = (torch.outer if self.way == "outer" else torch.kron)(places, self.frequencies).view(5, 3)
        waves = torch.cat([found.sin(), found.cos()], -1)
        made: Tensor = self.layer(x) @ waves.transpose(-1, -2)
        return made


@pytest.mark.parametrize(("way", "missed"), [("outer", 5 * 3), ("kron", 5 * 3), ("vecdot", 5 * 6)])
@pytest.mark.parametrize("witness", ["fvcore", "FLOPs"])
def test_what_counters_miss_of_outer_products_is_told(witness: str, way: str, missed: int) -> None:
    called = call_thing(Positions(way), [(5, 6)], {})
    found = verify(called.network, [witness], module=called)
    assert not found.differing
    (seen,) = [each for each in found.findings if each.why == OUTER and each.layer]
    assert (seen.ours, seen.theirs) == (5 * 6 * 5 + missed, 5 * 6 * 5)

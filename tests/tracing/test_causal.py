"""Attention written out with a mask that hides what comes later is read as the layer it is, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archscope import analyze, build, trace

Hide = Callable[[Any, Tensor, int], Tensor]


class Attention(nn.Module):
    """As nanoGPT writes it."""

    def __init__(self, hide: Hide, scale: float = 0.5, *, shows: bool = False) -> None:
        super().__init__()
        self.c_attn, self.c_proj, self.dropout = nn.Linear(16, 48), nn.Linear(16, 16), nn.Dropout(0.1)
        self.hide, self.scale, self.shows = hide, scale, shows
        self.register_buffer("bias", torch.tril(torch.ones(8, 8)).view(1, 1, 8, 8))
        self.register_buffer("seen", torch.tril(torch.ones(8, 8)).bool())
        self.register_buffer("near", torch.tril(torch.ones(8, 8)).triu(-1).bool())
        self.register_buffer("low", torch.full((8, 8), -math.inf).triu(1), persistent=False)

    def forward(self, x: Tensor) -> Any:
        b, t, c = x.shape
        q, k, v = (each.view(b, t, 4, 4).transpose(1, 2) for each in self.c_attn(x).split(16, dim=2))
        scores = self.hide(self, (q @ k.transpose(-2, -1)) * self.scale, t)
        y = self.dropout(F.softmax(scores, dim=-1)) @ v
        made = self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))
        return (made, scores) if self.shows else made


CAUSAL: dict[str, Hide] = {
    "masked_fill": lambda self, x, t: x.masked_fill(self.bias[:, :, :t, :t] == 0, -math.inf),
    "masked_fill of low numbers": lambda self, x, t: x.masked_fill(~self.seen[:t, :t], -1e9),
    "masked_fill in place": lambda self, x, t: x.masked_fill_(~self.seen[:t, :t], value=torch.finfo(x.dtype).min),
    "where": lambda self, x, t: torch.where(self.seen[:t, :t], x, -math.inf),
    "where with a tensor": lambda self, x, t: torch.where(self.seen[:t, :t], x, torch.full([], -1e9, device=x.device)),
    "a sum": lambda self, x, t: x + self.low[:t, :t],
    "a mask made in forward": lambda self, x, t: x.masked_fill(
        torch.ones(t, t, device=x.device, dtype=torch.bool).triu(1), -math.inf
    ),
}

OTHER: dict[str, Hide] = {
    "a window": lambda self, x, t: x.masked_fill(~self.near[:t, :t], -math.inf),
    "what came before": lambda self, x, t: x.masked_fill(self.seen[:t, :t].T.logical_not(), -math.inf),
    "a number that is not low": lambda self, x, t: x.masked_fill(~self.seen[:t, :t], -1.0),
    "the other of two": lambda self, x, t: torch.where(~self.seen[:t, :t], x, -math.inf),
    "a mask of the values": lambda self, x, t: x.masked_fill(x < 0, -math.inf),
    "a sum of slopes": lambda self, x, t: x + self.bias[0, 0, :t, :t].cumsum(0),
}


def _types(module: nn.Module) -> list[str]:
    return [node.layer.type for node in trace(module, (6, 16)).nodes]


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_what_is_built_of_it_gives_what_the_module_gives(name: str, scale: float) -> None:
    module = Attention(CAUSAL[name], scale).eval()
    network = trace(module, (6, 16))
    (attention,) = [node.layer for node in network.nodes if node.layer.type == "scaled_dot_product_attention"]
    assert (attention.is_causal, attention.dropout_p) == (True, 0.1)  # type: ignore[attr-defined]
    assert "matmul" not in [node.layer.type for node in network.nodes]
    built = build(network).eval()
    mine = dict(module.named_parameters())
    with torch.no_grad():
        for path, each in built.named_parameters():
            each.copy_(mine[path])
        x = torch.randn(2, 6, 16)
        torch.testing.assert_close(built(x), module(x))


@pytest.mark.parametrize("name", CAUSAL)
def test_its_products_are_those_that_ran(name: str) -> None:
    analysis = analyze(trace(Attention(CAUSAL[name]), (6, 16)))
    # Two dense layers and two products of 4 heads: 6·16·48 + 6·16·16 + 2·4·6·6·4.
    assert analysis.totals.macs == 4608 + 1536 + 1152
    assert analysis.totals.parameters == 16 * 48 + 48 + 16 * 16 + 16
    observed = analysis.network.observed
    assert observed is not None
    assert sum(observed.ran.values()) == observed.operations


@pytest.mark.parametrize("name", OTHER)
def test_what_hides_something_else_is_not_taken_for_it(name: str) -> None:
    assert "scaled_dot_product_attention" not in _types(Attention(OTHER[name]))


def test_scores_that_are_shown_stay_what_they_are() -> None:
    assert "scaled_dot_product_attention" not in _types(Attention(CAUSAL["masked_fill"], shows=True))


def test_one_position_hides_nothing_and_tells_nothing() -> None:
    network = trace(Attention(CAUSAL["masked_fill"]), (1, 16))
    assert "scaled_dot_product_attention" not in [node.layer.type for node in network.nodes]

"""Attention of a module, as PyTorch and its authors write it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from archscope.memory import memory
from tests.memory.shared import same


class Reads(nn.Module):
    """Learned queries read what came in, as in a Perceiver; an optimizer goes through them first."""

    def __init__(self) -> None:
        super().__init__()
        self.latents, self.keys = nn.Parameter(torch.zeros(6, 16)), nn.Linear(5, 16)
        self.reads = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys = self.latents.expand(len(x), -1, -1), self.keys(x)
        return self.reads(queries, keys, keys, need_weights=False)[0]


@pytest.mark.parametrize("optimizer", [None, "sgd", "adam"])
def test_values_that_are_the_keys_are_projected_with_them(optimizer: str | None) -> None:
    same(Reads(), (9, 5), optimizer)


class Dropping(nn.Module):
    """Attention that drops weights while it trains, which no run at inference shows."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.qkv, self.attn_dropout = nn.Linear(8, 24), nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        share = self.attn_dropout.p if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=share)


def test_attention_that_drops_only_while_it_trains_is_not_covered_then() -> None:
    network = archscope.trace(Dropping(0.1), (6, 8))
    assert not memory(network).not_covered
    (why,) = memory(network, optimizer="sgd").not_covered.values()
    assert why == "it is told not to drop (`dropout_p`) at inference, and may while training: `attn_dropout`"
    same(Dropping(0.0), (6, 8), "sgd")


class Ordered(nn.Module):
    """As Whisper has it: queries, keys and values of each head are put in order before they are multiplied."""

    def __init__(self, put: bool) -> None:
        super().__init__()
        self.put = put
        self.q, self.k, self.v, self.out = (nn.Linear(16, 16) for _ in range(4))

    def heads(self, x: Tensor) -> Tensor:
        apart = x.view(x.shape[0], -1, 2, 8).transpose(1, 2)
        return apart.contiguous() if self.put else apart

    def forward(self, x: Tensor) -> Tensor:
        made = F.scaled_dot_product_attention(*(self.heads(each(x)) for each in (self.q, self.k, self.v)))
        return self.out(made.transpose(1, 2).reshape(x.shape))


@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("put", [False, True])
def test_what_code_puts_in_the_order_of_its_axes_is_held_so(put: bool, optimizer: str | None) -> None:
    same(Ordered(put), (12, 16), optimizer)
    same(Ordered(put), (12, 16), optimizer, batch=1)


class Hiding(nn.Module):
    """As T5's decoder has it: a bias by distance, and numbers so low in the place of what comes later."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.qkv, self.table = nn.Linear(16, 48), nn.Embedding(13, 2)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        q, k, v = (each.view(-1, length, 2, 8).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        apart = torch.arange(length)[:, None] - torch.arange(length)[None] + length - 1
        bias, seen = self.table(apart).permute(2, 0, 1)[None], apart >= length - 1
        if self.way == "where":
            mask = torch.where(seen, bias, -1e9)
        elif self.way == "masked_fill":
            mask = bias.masked_fill(~seen, float("-inf"))
        else:
            mask = bias if self.way == "none" else torch.where(seen, bias, -1.0)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask.contiguous()).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("way", ["where", "masked_fill"])
def test_a_bias_whose_later_part_is_hidden_is_a_bias_and_a_mask(way: str) -> None:
    from archscope.memory import cache_of

    network = archscope.trace(Hiding(way), (7, 16))
    assert {"relative_position_bias", "attention_mask"} <= {node.layer.type for node in network.nodes}
    cache = cache_of(network)
    # Two heads of 8 features for keys and 8 for values, 4 bytes each.
    assert (cache.token_bytes, cache.not_covered) == (4 * 2 * (8 + 8), {})


@pytest.mark.parametrize("way", ["none", "low"])
def test_a_bias_that_hides_nothing_later_is_no_mask(way: str) -> None:
    network = archscope.trace(Hiding(way), (7, 16))
    assert "attention_mask" not in {node.layer.type for node in network.nodes}


class Crossed(nn.Module):
    """Attention to another sequence, positions in front, of values that are read again behind it."""

    def __init__(self, *, own: bool) -> None:
        super().__init__()
        self.own, self.a, self.l, self.n = own, nn.MultiheadAttention(16, 2), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = self.l(x)
        y = x if self.own else y
        return self.n(x + self.a(x, y, y, need_weights=False)[0])


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("own", [False, True])
def test_positions_that_come_first_are_not_turned_for_attention(own: bool, optimizer: str | None, batch: int) -> None:
    same(Crossed(own=own), [(7, 16), (5, 16)], optimizer, batch)

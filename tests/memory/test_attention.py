"""Attention of a module, as PyTorch and its authors write it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope
from tests.memory.shared import differences, same


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
    """Attention that drops weights while it trains, as its dropout says."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.qkv, self.attn_dropout = nn.Linear(8, 24), nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        share = self.attn_dropout.p if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=share)


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_attention_drops_while_it_trains_as_its_dropout_says(share: float) -> None:
    same(Dropping(share), (6, 8), "sgd")


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


MASKS: dict[str, Callable[[], Tensor]] = {
    "later": lambda: torch.ones(5, 5, dtype=torch.bool).triu(1),
    "nothing": lambda: torch.zeros(5, 5, dtype=torch.bool),
    "later, as numbers": lambda: nn.Transformer.generate_square_subsequent_mask(5),
    "nothing, as numbers": lambda: torch.zeros(5, 5),
}
"""Masks as code makes them: of yes and no, of which attention makes numbers in each pass, or numbers."""


class Masked(nn.Module):
    """Attention that is given a mask, which its code makes in each pass or has in a buffer."""

    def __init__(
        self, mask: Callable[[], Tensor], *, held: bool = False, dropout: float = 0.0, hint: bool = False,
        **options: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        self.attend, self.out = nn.MultiheadAttention(16, 2, dropout=dropout, **options), nn.Linear(16, 3)
        self.mask, self.hint = mask, hint
        if held:
            self.register_buffer("kept", mask())
            self.mask = lambda: self.kept

    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        made = self.attend(x, x, x, padding, need_weights=False, attn_mask=self.mask(), is_causal=self.hint)[0]
        out: Tensor = self.out(made)
        return out


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_attention_has_the_numbers_of_its_mask(name: str, held: bool, dropout: float, optimizer: str | None) -> None:
    same(Masked(MASKS[name], held=held, dropout=dropout, batch_first=True), (5, 16), optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", MASKS)
def test_attention_with_positions_first_has_the_numbers_of_its_mask(name: str, optimizer: str | None) -> None:
    same(Masked(MASKS[name]), (5, 16), optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("held", [False, True])
def test_attention_that_is_told_that_it_is_causal_keeps_no_mask(held: bool, optimizer: str | None) -> None:
    same(Masked(MASKS["later, as numbers"], held=held, hint=True, batch_first=True), (5, 16), optimizer)


class Padded(Masked):
    def forward(self, x: Tensor, padding: Tensor | None = None) -> Tensor:
        return super().forward(x, torch.zeros(x.shape[:2], dtype=torch.bool))


@pytest.mark.parametrize(("module", "says"), [
    (Padded(MASKS["later, as numbers"], batch_first=True), "it is given a padding mask beside another mask"),
    (Masked(MASKS["later"], hint=True, batch_first=True),
     "it makes numbers of a mask that it does not use (`is_causal`)"),
    (Masked(MASKS["later, as numbers"], add_bias_kv=True, batch_first=True),
     "it makes its mask longer for keys of its own"),
])  # fmt: skip
def test_masks_that_no_rule_follows_are_not_covered_and_never_above(module: nn.Module, says: str) -> None:
    for optimizer in (None, "sgd"):
        why, wrong = differences(module, (5, 16), optimizer, 2)
        assert why == f"{says}, and no rule says what that takes"
        assert not wrong


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_attention_to_one_sample_without_an_axis_for_a_batch_is_not_covered(optimizer: str | None) -> None:
    module = nn.Transformer(16, 2, 1, 1, 32, dropout=0.0)
    why, wrong = differences(module, [(5, 16), (7, 16)], optimizer, 1)
    assert "it is given one sample without an axis for a batch" in why
    assert not wrong


class OneHead(nn.Module):
    """Attention of own code with a mask that it makes, without an axis of heads or with three of them."""

    def __init__(self, *, heads: bool, yes_and_no: bool) -> None:
        super().__init__()
        self.query, self.heads, self.yes_and_no = nn.Linear(12, 12), heads, yes_and_no

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x)
        if self.heads:
            query = query.unflatten(-1, (3, 4)).transpose(1, 2)
        mask = torch.ones(4, 4).tril() == 1 if self.yes_and_no else torch.zeros(4, 4)
        made = F.scaled_dot_product_attention(query, query, query, attn_mask=mask)
        return (made.transpose(1, 2).flatten(2) if self.heads else made) * 2


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("yes_and_no", [False, True])
@pytest.mark.parametrize("heads", [False, True])
def test_attention_that_runs_in_parts_keeps_no_mask(heads: bool, yes_and_no: bool, optimizer: str | None) -> None:
    why, wrong = differences(OneHead(heads=heads, yes_and_no=yes_and_no), (4, 12), optimizer, 2)
    assert not wrong, wrong
    assert ("values without heads" in why) == (yes_and_no and not heads)


@pytest.mark.parametrize("one", ["query", "key", "value"])
def test_fused_attention_makes_the_gradients_of_all_that_it_reads_wanted_or_not(one: str) -> None:
    class Learns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return F.scaled_dot_product_attention(**{"query": x, "key": x, "value": x, one: self.layer(x)})

    same(Learns(), (6, 5, 8), "sgd", 2)

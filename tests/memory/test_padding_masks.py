"""Attention that is told which keys of a sample are padding holds that once for every head."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archscope.constants import CASTS
from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import same


def padding(x: Tensor) -> Tensor:
    return x.abs().sum(-1) == 0


class Attends(nn.Module):
    """Attention between two layers, its padding where a position is nothing but zeros.

    Args:
        numbers: whether the code makes numbers of yes and no, which are added to scores.
        cross: whether keys and values are another value than the queries.
        weights: whether it gives its weights too.
        how: what `torch.nn.MultiheadAttention` is given.
    """

    def __init__(self, *, numbers: bool = False, cross: bool = False, weights: bool = False, **how: Any) -> None:
        super().__init__()
        how = {"num_heads": 2, "batch_first": True, **how}
        self.numbers, self.cross, self.weights = numbers, cross, weights
        self.before, self.after = nn.Linear(8, 8), nn.Linear(8, 3)
        self.attention = nn.MultiheadAttention(8, **how)

    def forward(self, x: Tensor) -> Tensor:
        hidden = padding(x)
        if self.numbers:
            hidden = torch.zeros_like(hidden, dtype=x.dtype).masked_fill(hidden, float("-inf"))
        queries = self.before(x)
        keys = x if self.cross else queries
        if not self.attention.batch_first:
            queries = queries.transpose(0, 1)
            keys = x.transpose(0, 1) if self.cross else queries
        made, _ = self.attention(queries, keys, keys, key_padding_mask=hidden, need_weights=self.weights)
        return self.after(made)


FORMS: dict[str, dict[str, Any]] = {
    **{
        " ".join(map(str, form)): dict(
            zip(("numbers", "cross", "weights", "num_heads", "batch_first"), form, strict=True)
        )
        for form in product((False, True), (False, True), (False, True), (1, 2), (False, True))
    },
    "drops": {"dropout": 0.1},
    "drops and gives weights": {"dropout": 0.1, "weights": True},
    "no bias": {"bias": False},
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("name", FORMS)
def test_attention_with_a_padding_mask(name: str, optimizer: str | None, batch: int) -> None:
    same(Attends(**FORMS[name]), (5, 8), optimizer, batch)


class Encoder(nn.Module):
    """PyTorch's encoder over sentences."""

    def __init__(self, *, first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.after = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.layers(x, src_key_padding_mask=padding(x)).mean(1))


class Decoder(nn.Module):
    """PyTorch's decoder over two sentences, in time first."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(8, 8)
        self.layers = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)

    def forward(self, x: Tensor) -> Tensor:
        y, hidden = self.before(x).transpose(0, 1), padding(x)
        return self.layers(y, y, tgt_key_padding_mask=hidden, memory_key_padding_mask=hidden)


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("make", [lambda: Encoder(first=False), lambda: Encoder(first=True), Decoder])
def test_layers_that_pytorch_makes_of_it(make: Any, optimizer: str | None, batch: int) -> None:
    same(make(), (5, 8), optimizer, batch)


class Learned(Attends):
    """What is added to scores is learned, so that attention runs in parts."""

    def forward(self, x: Tensor) -> Tensor:
        scores = self.before(x.mean(1))[:, :5]
        return self.attention(x, x, x, key_padding_mask=scores, need_weights=False)[0]


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 3), ("sgd", 1), ("adam", 2)])
def test_gradients_come_to_numbers_that_are_learned(optimizer: str | None, batch: int) -> None:
    same(Learned(), (5, 8), optimizer, batch)


class Still(Attends):
    """Nothing is padding, whatever it is given."""

    def forward(self, x: Tensor) -> Tensor:
        nothing = torch.zeros(len(x), 5, dtype=torch.bool)
        return self.attention(x, x, x, key_padding_mask=nothing, need_weights=False)[0]


class Cast(Attends):
    """It runs under autocast of the code's own."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x)


class Twice(Attends):
    """It is given a mask for all samples too."""

    def forward(self, x: Tensor) -> Tensor:
        later = torch.ones(5, 5, dtype=torch.bool).triu(1)
        return self.attention(x, x, x, key_padding_mask=padding(x), attn_mask=later, need_weights=False)[0]


class Apart(Attends):
    """Its queries and keys are tensors of their own of the same values."""

    def forward(self, x: Tensor) -> Tensor:
        queries, keys = self.before(x).mT.mT, self.before(x).mT.mT
        again = queries[:]
        return self.attention(queries, again, keys, key_padding_mask=padding(x), need_weights=False)[0]


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (Twice(), "it is given a padding mask beside another mask, and no rule says what that takes"),
        (
            Attends(add_bias_kv=True),
            "it is given a padding mask beside keys of its own, and no rule says what that takes",
        ),
        (Still(), "it is given a padding mask that no input decides, and no rule says what that takes"),
        (Cast(), CASTS),
        (
            Apart(),
            "it is given the same values as tensors of their own, and no rule follows how it projects those",
        ),
    ],
)
def test_what_no_rule_follows_of_it_is_named(module: nn.Module, why: str) -> None:
    network = call_thing(module, [(5, 8)], {}).network
    for optimizer in (None, "sgd"):
        assert memory(network, optimizer=optimizer).not_covered["attention"] == why

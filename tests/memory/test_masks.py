"""Masks of a module's code or buffers: each is held as often as it is there; attention keeps what it adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import same


def window(length: int = 5) -> Tensor:
    places = torch.arange(length)
    return (places[:, None] - places[None, :]).abs() <= 1


def both(places: Tensor) -> Tensor:
    return (places[None, :] <= places[:, None]) & (places[:, None] - places[None, :] < 2)


Mask = Callable[[Any, Tensor], Tensor]


class Attends(nn.Module):
    """Two layers of attention with one mask, or with one each."""

    def __init__(self, mask: Mask, *, each: bool) -> None:
        super().__init__()
        self.mask, self.each = mask, each
        self.a, self.b = nn.Linear(8, 24), nn.Linear(8, 24)
        self.register_buffer("near", window())
        self.register_buffer("nearer", window(9))

    def forward(self, x: Tensor) -> Tensor:
        mask = None if self.each else self.mask(self, x)
        for layer in (self.a, self.b):
            q, k, v = (part.view(-1, 5, 2, 4).transpose(1, 2) for part in layer(x).chunk(3, -1))
            made = F.scaled_dot_product_attention(q, k, v, self.mask(self, x) if mask is None else mask)
            x = x + made.transpose(1, 2).reshape(-1, 5, 8)
        return x


MASKS: dict[str, Mask] = {
    "a window": lambda m, x: window(),
    "and": lambda m, x: both(torch.arange(x.shape[1])),
    "not": lambda m, x: ~(~window()),
    "with axes in front": lambda m, x: window()[None, None],
    "of each sample, repeated": lambda m, x: window()[None, None].repeat(len(x), 1, 1, 1),
    "of each sample, seen": lambda m, x: window()[None, None].expand(len(x), 1, 5, 5),
    "of numbers": lambda m, x: (1.0 - window().to(x.dtype)) * torch.finfo(x.dtype).min,
    "filled": lambda m, x: torch.zeros(5, 5).masked_fill(~window(), float("-inf")),
    "filled in place": lambda m, x: torch.zeros(5, 5).masked_fill_(~window(), float("-inf")),
    "chosen": lambda m, x: torch.where(window(), 0.0, float("-inf")),
    "a buffer": lambda m, x: m.near,
    "a part of a buffer": lambda m, x: m.nearer[:5, :5],
    "a buffer and another": lambda m, x: m.near & torch.ones(5, 5, dtype=torch.bool).tril(),
    "filled by a buffer": lambda m, x: torch.zeros(5, 5).masked_fill(~m.near, float("-inf")),
}


@pytest.mark.parametrize("each", [False, True], ids=["one", "each"])
@pytest.mark.parametrize("name", MASKS)
def test_attention_keeps_a_mask_as_often_as_it_is_there(name: str, *, each: bool) -> None:
    same(Attends(MASKS[name], each=each), (5, 8), "sgd")


@pytest.mark.parametrize("name", ["a window", "a buffer", "a buffer and another"])
def test_attention_holds_a_mask_at_inference_as_often_as_it_is_there(name: str) -> None:
    same(Attends(MASKS[name], each=True), (5, 8), None)


def test_a_mask_of_yes_and_no_goes_where_attention_has_made_numbers_of_it() -> None:
    def kept(mask: Any) -> int:
        network = call_thing(Attends(mask, each=True), [(5, 8)], {}).network
        return int(memory(network, 1, optimizer="sgd", as_tracked=True)["forward"].after.held["saved"])

    # Each of two layers keeps a mask of 5·5 numbers in 4 bytes each, and no byte of the one of yes and no.
    assert kept(MASKS["a window"]) - kept(lambda m, x: None) == 2 * 4 * 5 * 5

"""What code does while training alone, and divisions whose two sides are not both trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import differences, same


class Attends(nn.Module):
    """Attention as people write it, told how much to drop."""

    def __init__(self, drops: Callable[[Any], float], mask: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.drops, self.mask = drops, mask

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each(x).view(len(x), 5, 2, 4).transpose(1, 2) for each in (self.q, self.k, self.v))
        mask = None if self.mask is None else self.mask(x)
        x = F.scaled_dot_product_attention(q, k, v, mask, dropout_p=self.drops(self))
        return self.out(x.transpose(1, 2).reshape(len(x), 5, 8))


def later() -> Tensor:
    return torch.full((5, 5), float("-inf")).triu(1)


DROPS: dict[str, Callable[[Any], float]] = {
    "while training": lambda self: 0.1 if self.training else 0.0,
    "while training, or a whole number": lambda self: 0.1 if self.training else 0,
    "never": lambda self: 0.0,
}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", DROPS)
def test_attention_drops_weights_when_its_code_says_so(name: str, batch: int, optimizer: str | None) -> None:
    same(Attends(DROPS[name]), (5, 8), optimizer, batch)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_attention_that_drops_weights_at_inference_too_is_not_covered(optimizer: str | None) -> None:
    why, wrong = differences(Attends(lambda _: 0.1), (5, 8), optimizer, 2)
    assert "drops weights at inference too" in why
    assert not wrong, wrong


MASKS: dict[str, Callable[[Tensor], Tensor]] = {
    "of numbers": lambda x: torch.zeros(5, 5),
    "of each sample": lambda x: torch.zeros(len(x), 1, 5, 5),
    "of yes and no": lambda x: torch.eye(5, dtype=torch.bool),
    "of what is later, of yes and no": lambda x: torch.ones(5, 5, dtype=torch.bool).tril(),
    "of what is later, of numbers": lambda x: later(),
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", MASKS)
def test_attention_that_drops_weights_while_training_runs_in_parts_with_its_mask(name: str, batch: int) -> None:
    same(Attends(DROPS["while training"], MASKS[name]), (5, 8), "sgd", batch)


def test_attention_that_drops_weights_adds_the_mask_that_is_a_buffer() -> None:
    module = Attends(DROPS["while training"], lambda x: module.get_buffer("later"))
    module.register_buffer("later", later())
    same(module, (5, 8), "sgd", 2)


class Of(nn.Module):
    def __init__(self, function: Callable[[Any, Tensor], Tensor], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.function, self.own = function, layer
        self.a, self.b, self.p = nn.Linear(8, 8), nn.Linear(8, 8), nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


DIVIDED: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "input over layer": lambda self, x: x / (self.a(x) + 9),
    "layer over input": lambda self, x: self.a(x) / (x + 9),
    "layer over layer": lambda self, x: self.a(x) / (self.b(x) + 9),
    "input over sum": lambda self, x: x / self.a(x).exp().sum(-1, keepdim=True),
    "input over parameter": lambda self, x: x / self.p,
    "layer over parameter": lambda self, x: self.a(x) / self.p,
    "parameter over layer": lambda self, x: self.p / (self.a(x) + 9),
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", DIVIDED)
def test_a_division_works_back_to_what_wants_a_gradient(name: str, batch: int) -> None:
    same(Of(DIVIDED[name]), (5, 8), "sgd", batch)


def test_attention_to_tensors_of_their_own_that_are_the_same_values_is_not_covered() -> None:
    def attends(self: Any, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.own(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1), need_weights=False)[0].transpose(0, 1)

    for optimizer in (None, "sgd"):
        why, wrong = differences(Of(attends, nn.MultiheadAttention(8, 2)), (5, 8), optimizer, 2)
        assert "tensors of their own" in why
        assert not wrong, wrong


def test_a_mask_of_yes_and_no_beside_values_without_heads_is_not_covered() -> None:
    def attends(self: Any, x: Tensor) -> Tensor:
        return self.a(F.scaled_dot_product_attention(x, x, x, torch.ones(5, 5, dtype=torch.bool).tril()))

    for optimizer in (None, "sgd"):
        why, _ = differences(Of(attends), (5, 8), optimizer, 2)
        assert "runs in parts" in why

"""Values that code hands on without their gradients: what led to them goes when the code has them so alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from tests.memory.shared import differences, same


def _at_once(self: Any, x: Tensor) -> Tensor:
    return self.other(self.first(x).exp().sin().detach())


def _and_again(self: Any, x: Tensor) -> Tensor:
    x = self.first(x).exp().sin()
    self.other(x)
    x = x.detach()
    x = self.other(x)
    return self.other(x) + x


def _in_place(self: Any, x: Tensor) -> Tensor:
    x = self.first(x).exp().sin()
    x.detach_()
    return self.other(x) + x


def _kept_meanwhile(self: Any, x: Tensor) -> Any:
    made = self.first(x).exp().sin()
    apart = made.detach()
    return self.other(x), apart


def _given_both_ways(self: Any, x: Tensor) -> Any:
    made = self.first(x).exp().sin()
    return self.other(x), made.detach(), made


class Apart(nn.Module):
    def __init__(self, way: Callable[[Any, Tensor], Any], first: nn.Module) -> None:
        super().__init__()
        self.first, self.other, self.way = first, nn.Linear(8, 8), way

    def forward(self, x: Tensor) -> Any:
        return self.way(self, x)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("way", [_at_once, _and_again, _in_place, _kept_meanwhile, _given_both_ways])
def test_what_led_to_values_goes_when_the_code_has_them_without_gradients_alone(
    way: Callable[[Any, Tensor], Any], optimizer: str | None
) -> None:
    same(Apart(way, nn.Linear(8, 8)), (5, 8), optimizer)


def test_attention_that_is_handed_on_without_its_gradient_at_once_keeps_nothing() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.other = nn.Linear(8, 8, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            apart = self.attention(x, x, x, need_weights=False)[0].detach()
            return self.other(x) + apart

    same(Attends(), (5, 8), "sgd", 1)


@pytest.mark.parametrize(
    "again", [lambda x: x.view(x.shape), lambda x: x.reshape(-1, 5, 8), lambda x: x.expand(x.shape)]
)
def test_a_value_that_is_given_twice_as_tensors_of_their_own_is_at_least_in_training(
    again: Callable[[Tensor], Tensor],
) -> None:
    def way(self: Any, x: Tensor) -> Any:
        made = self.first(x)
        return made, again(made)

    why, wrong = differences(Apart(way, nn.Linear(8, 8)), (5, 8), "sgd", 2)
    assert "gives a value twice" in why
    assert not wrong
    same(Apart(way, nn.Linear(8, 8)), (5, 8), None)


def test_a_value_that_is_given_twice_as_it_is_has_one_loss() -> None:
    def way(self: Any, x: Tensor) -> Any:
        made = self.first(x)
        return made, made

    same(Apart(way, nn.Linear(8, 8)), (5, 8), "sgd")

"""When gradients of an operation come to what it read, and which of them it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing
from tests.memory.shared import differences, same


class Squares(nn.Module):
    """A value beside its square: what comes back of the square is two gradients for one value, and a third is there."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        return torch.cat([x * x, x], -1)


def test_a_gradient_that_is_added_to_another_is_there_until_all_of_its_operation_have_come() -> None:
    module = Squares()
    same(module, (4, 6, 6), "sgd")
    found = memory(call_thing(module, [(4, 6, 6)], {}).network, 2, optimizer="sgd", as_tracked=True)["backward"]
    # Of 2·4·6·6 values in 4 bytes, 1,152: the input, the output (twice that), both gradients of the square, and the
    # sum of the first and the one that came with the second added. What the norm keeps: its mean and deviation, of
    # 2·4·6 rows; its 12 weights; a loss and a gradient to begin with.
    assert found.most.total == 1152 * (1 + 2 + 2 + 2) + 4 * (2 * 48 + 12 + 2)


class Shared(nn.Module):
    """One dense layer makes keys and values of the same values, as in attention that is written out."""

    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.first = nn.Linear(12, 12)
        self.query, self.both = nn.Linear(12, 12, bias=bias), nn.Linear(12, 12, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return (self.query(x) @ self.both(x).mT).softmax(-1) @ self.both(x)


class Thrice(nn.Module):
    """One dense layer makes rows of the same values three times, behind a parameter that is as large as each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.factors, self.first = nn.Parameter(torch.ones(4, 12)), nn.Linear(12, 4)
        self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.factors
        return self.a(self.first(x)) + self.b(self.first(x)) + self.c(self.first(x))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_weight_has_added_its_gradient_up_before_that_of_rows_comes_to_what_has_one(batch: int) -> None:
    same(Thrice(), (4, 12), "sgd", batch)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3, 12), (2, 3, 12)])
def test_gradients_of_a_dense_layer_come_to_its_weights_before_its_rows_only_with_constants(
    shape: tuple[int, ...], bias: bool
) -> None:
    same(Shared(bias=bias), shape, "sgd")


class Keys(nn.Module):
    """Attention of which keys alone are learned; what it reads may lie with the values of a head apart."""

    def __init__(self, see: Callable[[Tensor], Tensor] = lambda x: x, later: int = 0) -> None:
        super().__init__()
        self.keys, self.see = nn.Linear(8, 8), see
        self.register_buffer("mask", torch.ones(later, later, dtype=torch.bool).tril() if later else None)

    def forward(self, x: Tensor) -> Tensor:
        query = self.see(x)
        return F.scaled_dot_product_attention(query, self.see(self.keys(x)), query, attn_mask=self.mask)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("later", [0, 5])
def test_attention_in_one_operation_makes_all_gradients_whoever_wants_one(later: int, optimizer: str | None) -> None:
    # A mask of yes and no that the module holds becomes one of numbers, too.
    same(Keys(later=later), (6, 5, 8), optimizer)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("see", [
    lambda x: x[..., ::2], lambda x: x[..., :1], lambda x: x.mT,
], ids=["every second", "one", "turned"])  # fmt: skip
def test_attention_runs_in_parts_where_values_of_a_head_do_not_lie_side_by_side(
    see: Callable[[Tensor], Tensor], masked: bool, optimizer: str | None
) -> None:
    same(Keys(see, see(torch.zeros(2, 6, 5, 8)).shape[-2] if masked else 0), (6, 5, 8), optimizer)


def test_attention_of_windows_runs_in_parts_as_well() -> None:
    class Windows(nn.Module):
        def __init__(self, step: int) -> None:
            super().__init__()
            self.first, self.step = nn.Linear(8, 8), step

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x).flatten(0, 1)[..., :: self.step]
            return F.scaled_dot_product_attention(x, x, x).unflatten(0, (-1, 4))

    for step in (1, 2):
        same(Windows(step), (4, 2, 5, 8), "sgd")


def test_weights_that_attention_has_not_dropped_are_held_no_longer_than_those_it_has() -> None:
    class Drops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            share = 0.1 if self.training else 0.0
            return self.last(F.scaled_dot_product_attention(x, x * x, x, dropout_p=share))

    same(Drops(), (6, 5, 8), "sgd")
    found = memory(call_thing(Drops(), [(6, 5, 8)], {}).network, 2, optimizer="sgd", as_tracked=True)["forward"]
    # Of 2·6·5·8 values in 4 bytes, 1,920: the input, its square, the queries scaled, what comes out of the product;
    # 2·6·5·5 weights, dropped or not; and the dense layer's 72.
    assert found.most.total == 9648


@pytest.mark.parametrize("drop", [
    lambda x: F.dropout(x, 0.1), nn.Dropout(0.1), nn.Sequential(nn.Sigmoid(), nn.Dropout(0.1)),
], ids=["function", "layer", "made"])  # fmt: skip
def test_a_parameter_of_which_code_drops_values_is_at_least_in_training(drop: Callable[[Tensor], Tensor]) -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.places, self.drop = nn.Parameter(torch.zeros(5, 8)), drop

        def forward(self, x: Tensor) -> Tensor:
            return x * (self.drop(self.places) if self.training or isinstance(self.drop, nn.Module) else self.places)

    why, wrong = differences(Positions(), (5, 8), "sgd", 2)
    assert why
    assert not wrong
    if isinstance(drop, nn.Module):
        assert "drops values that no layer makes" in why
        same(Positions(), (5, 8), None)


class Rests(nn.Module):
    """Positions of which nothing is dropped, or values are while training alone."""

    def __init__(self, drop: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.places, self.dense, self.drop = nn.Parameter(torch.zeros(5, 8)), nn.Linear(8, 8), drop
        self.rests, self.works = nn.Dropout(0.1), nn.Dropout(0.1)

    def train(self, mode: bool = True) -> Rests:
        super().train(mode)
        self.rests.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x) + self.drop(self, self.places)


@pytest.mark.parametrize("drop", [
    lambda _, x: F.dropout(x, 0.1, training=False), lambda m, x: m.rests(x), lambda m, x: F.dropout(x, 0, m.training),
], ids=["function", "layer", "with a probability of 0"])  # fmt: skip
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_parameter_of_which_code_drops_nothing_is_as_it_is(
    drop: Callable[[Any, Tensor], Tensor], optimizer: str | None
) -> None:
    same(Rests(drop), (5, 8), optimizer)


@pytest.mark.parametrize("drop", [
    lambda m, x: F.dropout(x, 0.1, m.training), lambda m, x: m.works(x), lambda _, x: F.dropout(x, 0.1),
], ids=["while training", "layer", "always"])  # fmt: skip
def test_a_parameter_of_which_code_drops_values_while_training_is_at_least_then(
    drop: Callable[[Any, Tensor], Tensor],
) -> None:
    why, wrong = differences(Rests(drop), (5, 8), "sgd", 2)
    assert "drops values that no layer makes" in why
    assert not wrong


def test_autograd_keeps_nothing_of_a_value_that_only_its_sign_was_asked_of() -> None:
    class Sign(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            one, other = torch.sigmoid(self.dense(x)), torch.sigmoid(self.dense(x))
            return torch.where(one > 0.5, other, 0.0)

    theirs = call_thing(Sign(), [(5, 8)], {})
    # For two samples of 5·8 values what came in and what the second sigmoid makes, in 4 bytes each, and which are kept.
    assert tracking.saved(lambda: called(theirs, 2)) == 2 * 40 * (4 + 4 + 1)
    assert memory(theirs.network, 2, optimizer="sgd")["forward"].after.held["saved"] == 2 * 40 * (4 + 4 + 1)

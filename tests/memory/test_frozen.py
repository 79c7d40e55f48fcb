"""Layers that are not trained, and values that nobody wants a gradient of: what is kept for gradients that come not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import differences, same


class Between(nn.Module):
    """A layer that is trained, and what comes behind it."""

    def __init__(self, behind: Callable[[Any, Tensor], Tensor], **kept: Any) -> None:
        super().__init__()
        self.first, self.behind = nn.Linear(8, 8), behind
        for name, each in kept.items():
            if isinstance(each, Tensor) and not isinstance(each, nn.Parameter):
                self.register_buffer(name, each)
            else:
                setattr(self, name, each)

    def forward(self, x: Tensor) -> Tensor:
        return self.behind(self, self.first(x))


def _frozen(layer: nn.Module, *names: str) -> nn.Module:
    for name, each in layer.named_parameters():
        each.requires_grad_(name not in (names or (name,)))
    return layer


FROZEN: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: Between(lambda self, x: self.b(x), b=_frozen(nn.Linear(8, 4))),
    "dense, its matrix": lambda: Between(lambda self, x: self.b(x), b=_frozen(nn.Linear(8, 4), "weight")),
    "dense, its constants": lambda: Between(lambda self, x: self.b(x), b=_frozen(nn.Linear(8, 4), "bias")),
    "dense, behind a function": lambda: Between(lambda self, x: self.b(F.relu(x)), b=_frozen(nn.Linear(8, 4))),
    "dense, first": lambda: nn.Sequential(_frozen(nn.Linear(8, 8)), nn.ReLU(), nn.Linear(8, 4)),
    "attention": lambda: Between(
        lambda self, x: self.b(x, x, x, need_weights=False)[0],
        b=_frozen(nn.MultiheadAttention(8, 2, batch_first=True)),
    ),
    "recurrent": lambda: Between(lambda self, x: self.b(x)[0], b=_frozen(nn.LSTM(8, 6, batch_first=True))),
    "a buffer": lambda: Between(lambda self, x: x @ self.b, b=torch.zeros(8, 4)),
    "a buffer, turned": lambda: Between(lambda self, x: F.linear(x, self.b), b=torch.zeros(4, 8)),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", FROZEN)
def test_what_a_matrix_multiplies_is_kept_for_the_gradient_of_the_matrix_alone(
    name: str, optimizer: str | None
) -> None:
    same(FROZEN[name](), (5, 8), optimizer, 2)


@pytest.mark.parametrize("after", ["nothing", "relu", "a part"])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_tracker_sees_a_gradient_of_what_is_fed_to_batch_normalization(after: str, batch: int) -> None:
    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(x)
            return F.relu(x) if after == "relu" else x[..., :3] if after == "a part" else x

    same(First(), (6, 5, 8), "sgd", batch)


OPERATIONS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "x * p": lambda self, x: x * self.p,
    "p * x": lambda self, x: self.p * x,
    "x + p": lambda self, x: x + self.p,
    "x - p": lambda self, x: x - self.p,
    "p - x": lambda self, x: self.p - x,
    "x / p": lambda self, x: x / self.p,
    "repeated, x * p": lambda self, x: x * self.p.expand(len(x), 6, 5, 8),
}


@pytest.mark.parametrize("shape", [(1, 6, 5, 8), (6, 5, 8)])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_parameter_as_large_as_a_sample_is_summed_by_what_repeats_it(
    name: str, batch: int, shape: tuple[int, ...]
) -> None:
    same(Between(OPERATIONS[name], p=nn.Parameter(torch.ones(shape))), (6, 5, 8), "sgd", batch)


class Written(nn.Module):
    """Writes to a value of which it has seen a part before."""

    def __init__(self, own: bool) -> None:
        super().__init__()
        self.own, self.first, self.last = own, nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x) if self.own else x
        seen = x.unsqueeze(1)
        x.add_(x)
        return self.last(seen)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("own", [True, False])
def test_a_value_that_was_written_to_takes_no_memory_of_its_own(own: bool, optimizer: str | None) -> None:
    why, wrong = differences(Written(own), (8,), optimizer, 2)
    assert "function" in why
    assert not wrong, "; ".join(wrong)


def _over(_: Any, x: Tensor) -> Tensor:
    part = x[..., :3]
    part.add_(part)
    return part


OVER: dict[str, tuple[Callable[[], nn.Module], bool]] = {
    "gru": (lambda: Between(lambda self, x: self.b(x)[0], b=_frozen(nn.GRU(8, 6, batch_first=True))), False),
    "gru, above": (
        lambda: Between(
            lambda self, x: self.b(x)[0],
            b=_frozen(nn.GRU(8, 6, 2, batch_first=True), "weight_hh_l1", "bias_hh_l1"),
        ),
        False,
    ),
    "gru, constants train": (
        lambda: Between(lambda self, x: self.b(x)[0], b=_frozen(nn.GRU(8, 6, batch_first=True), "weight_hh_l0")),
        False,
    ),
    "gru cell": (lambda: Between(lambda self, x: self.b(x[:, 0]), b=_frozen(nn.GRUCell(8, 6))), False),
    "a part": (lambda: Between(_over), True),
    "the whole": (lambda: Between(lambda _, x: x.add_(1).tanh()), False),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", OVER)
def test_what_is_written_over_says_at_least_where_no_rule_follows_its_gradient(
    name: str, optimizer: str | None
) -> None:
    made, at_least = OVER[name]
    why, wrong = differences(made(), (5, 8), optimizer, 2)
    assert not wrong
    assert why.startswith("it writes over" if at_least and optimizer else "")
    assert bool(why) == (at_least and optimizer is not None)


TURNED: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: Between(lambda self, x: self.b(x.transpose(1, 2)), b=_frozen(nn.Linear(5, 4, bias=False))),
    "dense with constants": lambda: Between(lambda self, x: self.b(x.mT), b=_frozen(nn.Linear(5, 4))),
    "dense, its constants trained": lambda: Between(lambda self, x: self.b(x.mT), b=_frozen(nn.Linear(5, 4), "weight")),
    "a buffer": lambda: Between(lambda self, x: x.transpose(1, 2) @ self.b, b=torch.ones(5, 4)),
    "a trained one": lambda: Between(lambda self, x: self.b(x.transpose(1, 2)), b=nn.Linear(5, 4, bias=False)),
    "turned back": lambda: Between(lambda self, x: self.b(x.mT).mT.tanh(), b=_frozen(nn.Linear(5, 4))),
}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", TURNED)
def test_turned_values_are_copied_for_a_matrix_that_is_trained_alone(name: str, optimizer: str | None) -> None:
    same(TURNED[name](), (5, 8), optimizer, 3)

"""What writes over a value, and what is copied on the way back for it; gradients that meet, of values given twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import differences, same


class Over(nn.Module):
    """Writes over what a dense layer makes of rows, which is seen of a matrix."""

    def __init__(self, does: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.other, self.does = nn.Linear(8, 8), nn.Linear(8, 8), does
        self.factors = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self, self.first(x), x)


def _read_before(y: Tensor, z: Tensor) -> Tensor:
    return y.add_(z)


OVER: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "what was read before": lambda _, y, x: _read_before(y, y * 2),
    "and again": lambda _, y, x: _read_before(y, y * 2).mul_(3.0),
    "by a value": lambda m, y, x: y.sub_(m.other(x)),
    "by a factor": lambda m, y, x: y.mul_(m.other(x)),
    "by twice a value": lambda m, y, x: y.add_(m.other(x), alpha=2),
    "by a divisor": lambda m, y, x: y.div_(m.other(x)),
    "by what is repeated": lambda m, y, x: y.mul_(m.factors),
    "by an input": lambda _, y, x: y.mul_(x),
    "turned": lambda _, y, x: y.transpose(1, 2).add_(x.transpose(1, 2)),
    "an input": lambda _, y, x: x.clone().view(-1, 40).add_(y.view(-1, 40)),
    "a view": lambda _, y, x: torch.sin(y).view(y.shape).add_(x),
    "a view, twice": lambda m, y, x: torch.sin(y).view(y.shape).add_(x * m.factors).mul_(m.other(x)),
    "what there is a view of": lambda m, y, x: (z := torch.sin(y), z.view(z.shape))[0].mul_(m.other(x)),
    "read after": lambda m, y, x: torch.sin(y.mul_(m.factors)),
}


@pytest.mark.parametrize(("optimizer", "batch"), [("sgd", 2), ("adam", 1)])
@pytest.mark.parametrize("name", OVER)
def test_the_gradient_of_what_is_seen_and_written_over_is_copied_twice(name: str, optimizer: str, batch: int) -> None:
    same(Over(OVER[name]), (5, 8), optimizer, batch)


def test_a_part_that_is_written_over_is_no_number_even_where_no_gradient_goes_to_the_whole() -> None:
    why, wrong = differences(Over(lambda _, y, x: x.clone()[:, :2].add_(y[:, :2])), (5, 8), "sgd", 2)
    assert "it writes over a part of a value" in why
    assert not wrong, wrong


def test_what_no_rule_follows_takes_no_memory_of_its_own_where_it_writes_over_a_value() -> None:
    why, wrong = differences(Over(lambda m, y, x: y.sub_(m.other(x), alpha=2)), (5, 8), "sgd", 2)
    assert "`sub by alpha`" in why
    assert not wrong, wrong


class States(nn.Module):
    """Writes over the states of a recurrent layer, positions first or not."""

    def __init__(self, kind: type[nn.RNNBase], in_front: bool, over: str) -> None:
        super().__init__()
        self.states, self.other, self.over = kind(8, 64, batch_first=in_front), nn.Linear(8, 64), over

    def forward(self, x: Tensor) -> Tensor:
        y, z = self.states(x)[0], self.other(x)
        return getattr(y, self.over)(z).sin()


@pytest.mark.parametrize("over", ["sub_", "mul_"])
@pytest.mark.parametrize("in_front", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU])
def test_states_are_no_part_of_another_value_wherever_their_batch_stands(
    kind: type[nn.RNNBase], in_front: bool, over: str
) -> None:
    same(States(kind, in_front, over), (2, 8), "sgd", 99)


class Frozen(nn.Module):
    """A recurrent layer of which some weights are trained, after a dense layer or not, and before one."""

    def __init__(self, kind: Any, trained: str, after: bool) -> None:
        super().__init__()
        self.states = kind(8, 16, **({"batch_first": True} if kind is nn.GRU else {}))
        self.first, self.last = nn.Linear(8, 8) if after else nn.Identity(), nn.Linear(16, 16)
        for name, weight in self.states.named_parameters():
            weight.requires_grad_(bool(trained) and trained in name)

    def forward(self, x: Tensor) -> Tensor:
        y = self.states(self.first(x))
        return self.last(y[0] if isinstance(y, tuple) else y).sin()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("trained", ["", "_ih", "_hh", "bias"])
@pytest.mark.parametrize("kind", [nn.GRU, nn.GRUCell])
def test_a_gru_copies_what_it_writes_over_for_the_gradients_that_go_on(kind: Any, trained: str, after: bool) -> None:
    same(Frozen(kind, trained, after), (2, 8) if kind is nn.GRU else (8,), "sgd", 9)


class Added(nn.Module):
    """Two ways that meet, one through a recurrent layer whose states are read in three ways."""

    def __init__(self) -> None:
        super().__init__()
        self.states, self.other = nn.GRU(8, 64, batch_first=True), nn.Linear(8, 64)

    def forward(self, x: Tensor) -> Tensor:
        return (self.states(x)[0] + self.other(x)).sin()


def test_gradients_that_are_added_up_are_there_until_all_of_one_operation_have_come() -> None:
    same(Added(), (2, 8), "sgd", 99)


class Twice(nn.Module):
    """Gives one value twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        made = x + self.layer(x)
        return made, made


def test_a_value_that_is_given_twice_is_one_output_and_has_one_loss() -> None:
    same(Twice(), (5, 8), "adam", 3)

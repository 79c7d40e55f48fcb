"""What code has once for all samples: numbers that it makes, parameters as they are, and what layers make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import differences, same


class Begins(nn.Module):
    """A state that its code begins with, and two layers that share it out, again and again."""

    def __init__(
        self, first: Callable[[Tensor], Tensor], step: Callable[[Any, Tensor, Tensor], Tensor], times: int = 2
    ) -> None:
        super().__init__()
        self.first, self.step, self.times = first, step, times
        self.inner, self.outer, self.row = nn.Linear(4, 4), nn.Linear(4, 4), nn.Parameter(torch.ones(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        state = self.first(x)
        for _ in range(self.times):
            state = self.step(self, x, state)
        return state


FIRST: dict[str, Callable[[Tensor], Tensor]] = {
    "no axis": lambda x: torch.zeros(4),
    "one row": lambda x: torch.zeros(1, 4),
    "one row of numbers": lambda x: torch.arange(4.0)[None] + torch.ones(1, 4),
    "one each": lambda x: torch.zeros(len(x), 4),
}
STEPS: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "added": lambda self, x, state: torch.tanh(self.inner(state) + self.outer(x)),
    "bent": lambda self, x, state: torch.tanh(torch.tanh(self.inner(state)) + self.outer(x)),
    "multiplied": lambda self, x, state: torch.tanh(self.inner(state)) * self.outer(x),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("first", FIRST)
def test_what_a_layer_makes_of_numbers_of_the_code_is_there_as_often_as_they_are(
    first: str, step: str, optimizer: str | None, batch: int
) -> None:
    same(Begins(FIRST[first], STEPS[step]), (4,), optimizer, batch)


def _with_a_row(self: Any, x: Tensor, state: Tensor) -> Tensor:
    return torch.tanh(torch.tanh(self.inner(state) + self.row) + self.outer(x))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
def test_a_gradient_that_goes_on_as_it_is_too_is_copied_for_a_parameter(optimizer: str | None, batch: int) -> None:
    same(Begins(FIRST["one row"], _with_a_row, 1), (4,), optimizer, batch)


class Handed(nn.Module):
    """A row that its code hands on as it is, before a layer runs or after."""

    def __init__(self, way: Callable[[Tensor], Tensor], *, early: bool, joins: bool) -> None:
        super().__init__()
        self.way, self.early, self.joins = way, early, joins
        self.row, self.a, self.out = nn.Parameter(torch.zeros(1, 1, 8)), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        row = self.way(self.row) if self.early else self.row
        x = torch.tanh(self.a(x))
        row = row if self.early else self.way(row)
        return self.out(torch.cat((row.expand(len(x), -1, -1), x), 1) if self.joins else x * row)


AS_IT_IS: dict[str, Callable[[Tensor], Tensor]] = {
    "+ 0": lambda row: row + 0,
    "clone": torch.clone,
    "contiguous": lambda row: row.contiguous(),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize(("early", "joins"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("way", AS_IT_IS)
def test_a_copy_that_code_makes_of_a_parameter_is_held_as_long_as_its_code_has_it(
    way: str, early: bool, joins: bool, optimizer: str | None, batch: int
) -> None:
    same(Handed(AS_IT_IS[way], early=early, joins=joins), (5, 8), optimizer, batch)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("early", [False, True])
def test_a_parameter_times_one_is_followed_at_inference_and_said_while_training(early: bool, batch: int) -> None:
    module = Handed(lambda row: row * 1, early=early, joins=True)
    same(module, (5, 8), None, batch)
    why, wrong = differences(module, (5, 8), "sgd", batch)
    assert why == "its code works on parameters beside its layers (`mul`), and no rule follows their gradients"
    assert wrong == []


class Beside(nn.Module):
    """Positions, and what a layer makes of ones that its code has once, with an axis of one value in front."""

    def __init__(self, way: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.own, self.norm, self.last = nn.Linear(8, 8), nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.way(self, self.first(x), self.own(torch.ones(1, 5, 8))))
        return out


WAYS: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "added": lambda self, x, once: x + once,
    "multiplied": lambda self, x, once: x * once,
    "taken away": lambda self, x, once: once - x,
    "normed": lambda self, x, once: x + self.norm(once),
    "bent": lambda self, x, once: x + F.gelu(once),
    "shared out": lambda self, x, once: x * once.softmax(-1),
    "spread": lambda self, x, once: x + once.expand(len(x), -1, -1),
    "chosen": lambda self, x, once: torch.where(x > 0, x, once),
}


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("name", WAYS)
def test_positions_that_are_there_once_are_so_in_the_backward_pass(
    name: str, optimizer: str | None, batch: int
) -> None:
    same(Beside(WAYS[name]), (5, 8), optimizer, batch)

"""Code that takes samples by their numbers, as code does that takes positions of a layer which has these in front."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.budgets.checking import number_of
from archscope.budgets.expressions import read_quantity
from archscope.memory import per_layer
from tests.memory.shared import differences, same


class Takes(nn.Module):
    """An encoder with positions in front, and some of what it makes."""

    def __init__(self, takes: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.encoder, self.last, self.takes = nn.TransformerEncoderLayer(12, 2, 12), nn.Linear(12, 12), takes

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.takes(self.encoder(x)))


SAMPLES: dict[str, Callable[[Tensor], Tensor]] = {
    "the first": lambda x: x[:, 0], "one": lambda x: x[:, :1], "the others": lambda x: x[:, 1:],
    "the first, selected": lambda x: x.select(-2, 0), "one, narrowed": lambda x: x.narrow(1, 0, 1),
    "half": lambda x: x.chunk(2, 1)[0], "each one's": lambda x: x.split(1, -2)[0], "of all": lambda x: x.unbind(1)[0],
    "by a table": lambda x: x.index_select(1, torch.zeros(1, dtype=torch.long, device=x.device)),
    "their sum": lambda x: x.sum(1, keepdim=True), "the largest of them": lambda x: x.amax((0, 1), keepdim=True),
}  # fmt: skip


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_where_samples_are_taken_by_their_numbers_the_rest_is_not_counted(name: str, batch: int) -> None:
    why, wrong = differences(Takes(SAMPLES[name]), (4, 12), "sgd", batch)
    assert "its code takes samples by their numbers" in why
    assert not wrong, wrong


ROWS: dict[str, Callable[[Tensor], Tensor]] = {
    "the first": lambda x: x.flatten(0, 1)[:3], "narrowed": lambda x: x.flatten(0, 1).narrow(0, 1, 3),
    "each second": lambda x: x.reshape(-1, 12)[::2],
}  # fmt: skip


class OfRows(nn.Module):
    """Dense layers, and something done with the rows of all samples between them."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.does = nn.Linear(12, 12), nn.Linear(12, 6), does

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.does(self.first(x)))


@pytest.mark.parametrize("name", ROWS)
def test_a_part_of_the_rows_of_all_samples_is_as_large_as_nobody_follows(name: str) -> None:
    for optimizer in (None, "sgd"):
        why, wrong = differences(OfRows(ROWS[name]), (4, 12), optimizer, 3)
        assert "takes samples by their numbers" in why
        assert not wrong, wrong


def test_all_rows_of_all_samples_are_counted() -> None:
    same(OfRows(lambda x: x.flatten(0, 1)[:]), (4, 12), "sgd", 3)
    same(OfRows(lambda x: x.flatten(0, 1).view(-1, 4, 12)[:, 0]), (4, 12), "sgd", 3)


SQUEEZES: dict[str, Callable[[Tensor], Tensor]] = {
    "all": lambda x: x.squeeze(), "the first": lambda x: x.squeeze(0), "among others": lambda x: x.squeeze((0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", SQUEEZES)
def test_where_the_axis_of_the_batch_goes_away_one_sample_is_exact_and_more_are_at_least(name: str) -> None:
    class Squeezes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(12, 12), nn.Linear(12, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(SQUEEZES[name](self.first(x)))

    for optimizer in (None, "sgd"):
        same(Squeezes(), (4, 12), optimizer, 1)
        for batch in (2, 5):
            why, wrong = differences(Squeezes(), (4, 12), optimizer, batch)
            assert "takes the axis of the batch away" in why
            assert not wrong, wrong


def test_positions_are_taken_by_their_numbers_as_ever() -> None:
    same(Takes(lambda x: x[0]), (4, 12), "sgd", 3)


def test_samples_of_what_is_fed_in_leave_nothing_that_is_known() -> None:
    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(12, 12)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(x[1:])

    for optimizer in (None, "sgd"):
        why, wrong = differences(First(), (4, 12), optimizer, 3)
        assert "takes samples by their numbers" in why
        assert not wrong, wrong


def test_a_table_has_no_bytes_for_layers_behind_samples_that_are_taken() -> None:
    held = per_layer(archscope.trace(Takes(SAMPLES["one"]), (4, 12)))
    assert held["last"] is None
    assert held["encoder.norm1"] is not None


def test_a_budget_of_what_is_kept_says_that_it_is_not_covered() -> None:
    analysis = archscope.analyze(archscope.trace(Takes(SAMPLES["one"]), (4, 12)))
    assert number_of(analysis, read_quantity("saved_bytes(batch=3)", "net")) == (
        "`Takes`: its code takes samples by their numbers, and no rule follows how many are left"
    )

"""Rows that code looks up in a parameter by numbers of its own: once for all samples, or for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import differences, same


class Placed(nn.Module):
    """Adds rows of a table to what a layer makes."""

    def __init__(self, rows: Callable[[Any, Tensor], Tensor], joins: bool) -> None:
        super().__init__()
        self.first, self.table, self.rows, self.joins = nn.Linear(8, 8), nn.Embedding(9, 8), rows, joins

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(self, x)
        x = self.first(x)
        return torch.cat([x, rows], 1) if self.joins else x + rows


def _places(x: Tensor) -> Tensor:
    return torch.arange(x.shape[1])


ROWS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "called": lambda self, x: self.table(_places(x)),
    "called, in front": lambda self, x: self.table(_places(x)[None]),
    "called, each": lambda self, x: self.table(_places(x)[None].repeat(len(x), 1)),
    "called, each seen": lambda self, x: self.table(_places(x).expand(len(x), -1)),
    "index": lambda self, x: self.table.weight[_places(x)],
    "index, in front": lambda self, x: self.table.weight[_places(x)[None]],
    "index, each": lambda self, x: self.table.weight[_places(x)[None].repeat(len(x), 1)],
}


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", ROWS)
def test_rows_are_there_as_often_as_the_numbers_that_they_are_looked_up_by(
    name: str, batch: int, optimizer: str | None
) -> None:
    same(Placed(ROWS[name], joins=False), (5, 8), optimizer, batch)


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", [name for name in ROWS if "each" in name])
def test_rows_of_each_sample_are_joined_as_they_are(name: str, batch: int, optimizer: str | None) -> None:
    same(Placed(ROWS[name], joins=True), (5, 8), optimizer, batch)


class Later(nn.Module):
    """Looks rows up first, and reads them when other layers have run."""

    def __init__(self, rows: Callable[[Any, Tensor], Tensor], reads: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last, self.table, self.norm = (nn.Linear(6, 6), nn.Linear(6, 6), nn.Embedding(9, 6),
                                                        nn.LayerNorm(6))  # fmt: skip
        self.rows, self.reads = rows, reads

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(self, x)
        return self.last(self.reads(self, self.first(x).sin().exp().tanh().sin().exp(), rows).exp())


READS: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "subtracts": lambda _, x, rows: x - rows,
    "multiplies": lambda _, x, rows: x * rows,
    "twice": lambda _, x, rows: (x + rows).sin() + (x - rows).exp(),
}

LOOKED: dict[str, Callable[[Any, Tensor], Tensor]] = {
    **{name: ROWS[name] for name in ("called", "called, in front")},
    "put in front": lambda self, x: self.table(_places(x))[None],
    "repeated": lambda self, x: self.table(_places(x)).expand(len(x), -1, -1),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("reads", READS)
@pytest.mark.parametrize("rows", LOOKED)
def test_the_gradient_of_rows_is_summed_by_what_repeats_them_for_every_sample(
    rows: str, reads: str, batch: int
) -> None:
    same(Later(LOOKED[rows], READS[reads]), (5, 6), "sgd", batch)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("reads", "why"), [
    (lambda _, x, rows: x * rows.view(1, 5, 6), "sees rows of a table otherwise"),
    (lambda m, x, rows: x * m.norm(rows), "works on rows of a table once for all samples"),
    (lambda _, x, rows: x.exp() ** rows, "reads what is there once for all samples"),
])  # fmt: skip
def test_what_no_rule_follows_of_rows_is_said_and_the_numbers_are_at_least(reads: Any, why: str, batch: int) -> None:
    said, wrong = differences(Later(ROWS["called"], reads), (5, 6), "sgd", batch)
    assert why in said
    assert not wrong, wrong


def test_what_a_recurrent_layer_gives_is_no_part_of_another_and_is_written_over_as_it_is() -> None:
    class Over(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.states, self.other = nn.RNN(8, 64, batch_first=True), nn.Linear(8, 64)

        def forward(self, x: Tensor) -> Tensor:
            y, z = self.states(x)[0], self.other(x)
            y.sub_(z)
            return y.sin()

    same(Over(), (2, 8), "sgd", 99)

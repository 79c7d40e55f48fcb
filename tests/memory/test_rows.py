"""Rows that code looks up in a parameter by numbers of its own: once for all samples, or for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import same


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

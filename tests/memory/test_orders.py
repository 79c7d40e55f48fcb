"""What an operation makes of values that lie in different orders lies as PyTorch's iterator has it, in every batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import same

FORMS: Final[Mapping[str, Callable[[Any, Tensor], Tensor]]] = {
    "in order": lambda self, x: self.a(x),
    "turned": lambda self, x: self.b(x.transpose(0, 1)).transpose(0, 1),
    "turned, of features": lambda self, x: self.c(x.transpose(1, 2)).transpose(1, 2),
    "one a position": lambda self, x: self.one(x),
    "one a position, turned": lambda self, x: self.one(x.transpose(0, 1)).transpose(0, 1),
    "one a feature": lambda self, x: self.row(x.transpose(1, 2)).transpose(1, 2),
    "a parameter": lambda self, x: self.p,
    "a parameter, expanded": lambda self, x: self.p.expand(len(x), -1, -1),
    "features of a parameter": lambda self, x: self.q,
    "a column of a parameter": lambda self, x: self.r,
}
OPERATIONS: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "add": torch.add, "multiply": torch.mul, "maximum": torch.maximum,
}  # fmt: skip


class Orders(nn.Module):
    """An operation of two values, and a layer that copies what does not lie in rows."""

    def __init__(self, one: str, other: str, operation: str) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(5, 5)
        self.one, self.row, self.last = nn.Linear(6, 1), nn.Linear(5, 1), nn.Linear(6, 2)
        self.p, self.q, self.r = (nn.Parameter(torch.rand(shape)) for shape in ((5, 6), (6,), (5, 1)))
        self.forms, self.operation = (FORMS[one], FORMS[other]), OPERATIONS[operation]

    def forward(self, x: Tensor) -> Tensor:
        one, other = (form(self, x) for form in self.forms)
        made: Tensor = self.last(self.operation(one, other))
        return made


PAIRS = [(one, other) for one in FORMS for other in FORMS
         if {"in order", "turned", "turned, of features"} & {one, other}]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_is_made_of_two_values_lies_as_pytorch_has_it(
    one: str, other: str, optimizer: str | None, batch: int
) -> None:
    operation = [*OPERATIONS][PAIRS.index((one, other)) % len(OPERATIONS)]
    same(Orders(one, other, operation), (5, 6), optimizer, batch)

"""What `repeat_interleave` makes is a copy, and its gradient a sum: heads that share keys, maps made larger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import same


class Repeats(nn.Module):
    """A function between two layers."""

    def __init__(self, does: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(6, 2)
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self, self.before(x))


class Grouped(nn.Module):
    """Attention whose four heads of queries share two of keys and values."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.keys, self.values = nn.Linear(8, 8), nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            each(x).unflatten(-1, (-1, 2)).transpose(1, 2) for each in (self.queries, self.keys, self.values)
        )
        keys, values = (each.repeat_interleave(2, dim=1) for each in (keys, values))
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True).transpose(1, 2).flatten(2)


FUNCTIONS: dict[str, Callable[[Any, Tensor], Tensor]] = {
    "channels": lambda m, y: m.after(y.repeat_interleave(2, 1)),
    "maps": lambda _, y: y.repeat_interleave(2, 3).repeat_interleave(2, 2),
    "turned": lambda m, y: m.after(y.transpose(1, 2).repeat_interleave(3, 1)),
    "kept": lambda m, y: m.after(F.relu(F.relu(y).repeat_interleave(2, 2))),
    "once": lambda m, y: m.after(y.repeat_interleave(1, 2)),
}


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_that_follow_one_another_are_copies(name: str, optimizer: str | None, batch: int) -> None:
    same(Repeats(FUNCTIONS[name]), (3, 5, 6), optimizer, batch)


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
def test_heads_that_share_keys(optimizer: str | None, batch: int) -> None:
    same(Grouped(), (5, 8), optimizer, batch)

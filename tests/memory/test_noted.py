"""Functions that give values and the places where they stand hold both, and keep the places for the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from archscope.constants import CASTS
from archscope.memory import memory
from archscope.oracles import verify
from archscope.tracing.calling import call_thing
from tests.memory.shared import same


class Notes(nn.Module):
    """A function between layers.

    Args:
        does: what it makes of the layers and of maps.
    """

    def __init__(self, does: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.before, self.after, self.names = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(6, 2), nn.Embedding(9, 6)
        self.does = does

    def forward(self, x: Tensor) -> Any:
        return self.does(self, self.before(x))


def both(m: Any, y: Tensor) -> Any:
    """What it notes is looked up."""
    values, places = y.max(2)
    return m.after(values) + m.after(m.names(places).sum(2))


def dropped(m: Any, y: Tensor) -> Any:
    """The code has the places in a variable until it ends."""
    values, _ = y.min(2)
    return m.after(values)


def named(m: Any, y: Tensor) -> Any:
    """The places go at once."""
    return m.after(y.max(dim=1, keepdim=True).values)


FUNCTIONS: dict[str, Callable[[Any, Tensor], Any]] = {
    "looked up": both,
    "dropped": dropped,
    "at once": named,
    "given": lambda m, y: y.max(3),
    "of rows": lambda m, y: y.flatten(2).max(-1)[0],
    "turned": lambda m, y: m.after(y.transpose(1, 2).max(1)[0]),
    "in place": lambda m, y: m.after(F.relu_(y.max(2)[0])),
    "twice": lambda m, y: m.after(torch.maximum(y.max(2)[0], y.min(2)[0])),
    "beside a mean": lambda m, y: m.after(y.max(1).values + y.mean(1)),
    "shifted by": lambda m, y: m.after((y - y.max(-1, keepdim=True)[0]).exp()),
    "topk": lambda m, y: m.after(F.relu(y.topk(3, 2)[0])),
    "topk given": lambda m, y: y.topk(3, -1),
    "sort": lambda m, y: m.after(torch.sort(y, -1, descending=True)[0]),
    "kthvalue": lambda m, y: m.after(torch.kthvalue(y, 2, 2).values),
    "median": lambda m, y: m.after(y.median(1).values),
    "mode": lambda m, y: m.after(y.mode(1)[0]),
}


class Points(nn.Module):
    """The highest of many points, behind few channels (PointNet): what most is held for on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Conv1d(3, 16, 1), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Any:
        return self.after(torch.relu(self.before(x)).max(2)[0])


def test_what_an_allocator_gives_has_no_zeros_twice() -> None:
    called = call_thing(Points(), [(3, 10)], {})
    found = verify(called.network, ["memory"], module=called)
    assert not found.differing
    assert any("on the CPU" in each.quantity for each in found.findings)


class Cast(Notes):
    """It runs under autocast of the code's own."""

    def forward(self, x: Tensor) -> Any:
        y = self.before(x)
        with torch.autocast("cpu", torch.bfloat16):
            return y.max(1)[0]


def test_what_code_casts_is_not_covered() -> None:
    assert memory(call_thing(Cast(named), [(3, 5, 6)], {}).network).not_covered["max"] == CASTS


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_places_are_held_beside_the_values(name: str, optimizer: str | None, batch: int) -> None:
    same(Notes(FUNCTIONS[name]), (3, 5, 6), optimizer, batch)

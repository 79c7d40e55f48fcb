"""Code that asks for gradients of what is no parameter: memory at inference is the tracker's, of training at least."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest
import torch
from torch import Tensor, nn

from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import differences


def _assigned(x: Tensor) -> Tensor:
    x = x.detach()
    x.requires_grad = True
    return x


WAYS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "a copy": lambda x: x.clone().detach().requires_grad_(True),
    "detached first": lambda x: x.detach().clone().requires_grad_(),
    "no copy": lambda x: x.detach().requires_grad_(),
    "an assignment": _assigned,
    "nothing": lambda x: x.clone().detach(),
    "no gradients": lambda x: x.clone().detach().requires_grad_(False),
}


class Field(nn.Module):
    """A field of coordinates whose derivatives somebody may want (Sitzmann et al. 2020), or of features."""

    def __init__(self, way: str, *, first: bool) -> None:
        super().__init__()
        self.way, self.first, self.one, self.other = WAYS[way], first, nn.Linear(2, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        if self.first:
            x = self.way(x)
        made = self.one(x)
        if not self.first:
            made = self.way(made)
        out: Tensor = self.other(torch.sin(made))
        return out


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_gradients_of_what_is_no_parameter(way: str, first: bool, optimizer: str | None, batch: int) -> None:
    why, wrong = differences(Field(way, first=first), (5, 2), optimizer, batch)
    assert not wrong, wrong
    assert bool(why) == (optimizer is not None and way not in ("nothing", "no gradients"))


@pytest.mark.parametrize(("way", "name"), [("a copy", "requires_grad_"), ("an assignment", "requires_grad")])
def test_what_asks_for_them_is_named(way: str, name: str) -> None:
    network = call_thing(Field(way, first=True), [(5, 2)], {}).network
    why = f"its code asks for gradients of what is no parameter (`{name}`), and no rule follows those"
    assert [*memory(network, 1, optimizer="sgd").not_covered.values()] == [why]

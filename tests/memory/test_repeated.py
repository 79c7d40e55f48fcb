"""Memory of what code repeats for every sample, held against PyTorch's tracker: equal, or at least and never above."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archscope.memory import memory
from archscope.tracing.calling import call_thing
from tests.memory.shared import differences, same
from tests.tracing.test_repeated import FRONT, PARTS, SECOND, Asks, Way

WAYS: dict[str, tuple[Way, bool]] = {
    **{name: (way, False) for name, way in SECOND.items()},
    **{f"in front: {name}": (way, True) for name, way in FRONT.items()},
    **{name: (way, False) for name, (way, _) in PARTS.items()},
}
EXACT = {"expand", "broadcast_to", "in front, and turned", *(f"in front: {name}" for name in FRONT)}
"""Ways that rules follow while training, too."""


class Between(nn.Module):
    """The same between other layers."""

    def __init__(self, way: Way, *, front: bool) -> None:
        super().__init__()
        self.before, self.asks, self.after = nn.Linear(8, 8), Asks(way, front=front), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.after(self.asks(self.before(x)))
        return out


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("optimizer", [None, "adam"])
@pytest.mark.parametrize("name", WAYS)
def test_what_is_repeated_holds_what_the_tracker_says(name: str, optimizer: str | None, batch: int) -> None:
    way, front = WAYS[name]
    torch.manual_seed(0)
    why, wrong = differences(Between(way, front=front), (9, 8), optimizer, batch)
    assert not wrong, wrong
    assert name not in EXACT or not why


def test_copies_that_no_rule_follows_are_named() -> None:
    module = call_thing(Between(SECOND["repeat"], front=False), [(9, 8)], {})
    found = memory(module.network, 3)
    assert found.not_covered == {"asks.queries": "its code copies it for every sample, and no rule follows how"}


def test_a_parameter_that_code_repeats_is_there_once_it_is_repeated_and_not_before() -> None:
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rate, self.places = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(5, 8))

        def forward(self, x: Tensor) -> Tensor:
            made = torch.sigmoid(self.rate) * x  # the rate's own value goes before the places are repeated
            made.sub_(self.places.repeat(len(x), 1, 1))
            return made

    for optimizer in (None, "sgd"):
        same(Late(), (5, 8), optimizer, 3)

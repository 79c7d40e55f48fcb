"""Code that copies its own layers while it runs: what becomes of the copies is not followed, and no number is above."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from archscope.memory import memory
from archscope.oracles import verify
from archscope.oracles.own.memory import with_values
from archscope.oracles.tracking import tracked
from archscope.tracing.calling import call_thing

WHY = "its code copies layers, and no rule follows what becomes of the copies"


class Copies(nn.Module):
    """One copy runs, and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = copy.deepcopy(self.layer)(x)
        return made


class Keeps(Copies):
    """Two copies run, and the layer too."""

    def forward(self, x: Tensor) -> Tensor:
        copies = [copy.deepcopy(self.other) for _ in range(2)]
        for each in copies:
            x = each(x)
        return torch.tanh(self.layer(x))


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 1), (None, 3), ("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("kind", [Copies, Keeps])
def test_what_becomes_of_copies_is_not_covered_and_never_above(
    kind: type[Copies], optimizer: str | None, batch: int
) -> None:
    called = call_thing(kind(), [(4,)], {})
    found = memory(called.network, batch, optimizer=optimizer, as_tracked=True)
    assert [*found.not_covered.values()] == [WHY]
    # Copies of tensors without values are not made where others have none.
    truth = tracked(lambda: with_values(called, batch), optimizer, values=True)
    assert truth.keys() == {phase.name for phase in found.phases}
    for phase in found.phases:
        after, most = truth[phase.name]
        assert phase.after.total <= after
        assert phase.most.total <= most


def test_verify_finds_no_difference_where_layers_are_copied() -> None:
    called = call_thing(Copies(), [(4,)], {})
    found = verify(called.network, ["memory"], module=called)
    assert not found.differing
    assert WHY in " ".join(each.why for each in found.findings if each.why)

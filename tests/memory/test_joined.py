"""Memory of one value of several learned ones, held against PyTorch's tracker: equal, or at least and never above."""

from __future__ import annotations

import pytest

from archscope.memory import memory
from archscope.oracles import tracking
from archscope.oracles.own.memory import called
from archscope.tracing.calling import call_thing
from tests.tracing.test_joined import MODULES

COPIED = {"for each sample", "each", "along the first"}
"""Ways that copy what is joined, or join what is copied, for every sample: no rule follows those."""


@pytest.mark.parametrize(("optimizer", "batch"), [(None, 3), ("adam", 1), ("adam", 3)])
@pytest.mark.parametrize("name", MODULES)
def test_what_is_made_of_several_learned_values_holds_what_the_tracker_says(
    name: str, optimizer: str | None, batch: int
) -> None:
    module = call_thing(MODULES[name](), [(20, 6)], {})
    found = memory(module.network, batch, optimizer=optimizer, as_tracked=True)
    ours = {phase.name: (phase.after.total, phase.most.total) for phase in found.phases}
    theirs = tracking.tracked(lambda: called(module, batch), optimizer)
    assert bool(found.not_covered) == (name in COPIED or (name == "expand" and optimizer is not None))
    if not found.not_covered:
        assert ours == theirs
    assert all(one <= other for phase in theirs for one, other in zip(ours[phase], theirs[phase], strict=True))

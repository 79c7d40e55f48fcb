"""Byte equality with PyTorch's memory tracker on every network that comes along and on small modules.

``python tasks.py memory`` goes through all of it, about five minutes; ``python -m tests.memory.bars resnet LeNet``
through what begins so. Networks whose weights take long to make are the same lines with small numbers, as
`tests.collection.thin` has them. The tests take a sample.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from archscope.memory import memory
from archscope.network import Network
from tests.collection import MEMBERS, thin
from tests.memory.modules import MODULES

OPTIMIZERS: Final = (None, "sgd", "momentum", "adam")
"""Inference, and a step of training with each of three optimizers."""

BATCHES: Final = (2, 3)

VALUES_DECIDE: Final = ("mixtral",)
"""Networks that hold what values decide, which no rule can say; see docs/explanation/memory.md."""


def different(network: Network, batch: int, optimizer: str | None) -> list[str]:
    """What differs between the rules and the tracker for the built network, a line for each phase."""
    from archscope.oracles.memory import tracked

    return _beside(network, batch, optimizer, lambda: tracked(network, batch, optimizer))


def different_in(name: str, batch: int, optimizer: str | None) -> list[str]:
    """What differs between the rules and the tracker on one of the small modules itself."""
    from archscope.oracles.own.memory import called
    from archscope.oracles.tracking import tracked
    from archscope.tracing.calling import call_thing

    make, shape = MODULES[name]
    theirs = call_thing(make(), [shape], {})
    return _beside(theirs.network, batch, optimizer, lambda: tracked(lambda: called(theirs, batch), optimizer))


def _beside(network: Network, batch: int, optimizer: str | None, tracked: Callable[[], Any]) -> list[str]:
    found = memory(network, batch, optimizer=optimizer, adds_in_place=False)
    if found.not_covered:
        return [f"not covered: {name}: {why}" for name, why in found.not_covered.items()]
    theirs = tracked()
    return [
        f"{phase.name}: {(phase.after.total, phase.most.total)} here, {theirs[phase.name]} tracked"
        for phase in found.phases
        if (phase.after.total, phase.most.total) != theirs[phase.name]
    ]


def tries(starts: Sequence[str]) -> Iterator[tuple[str, int, str | None, list[str]]]:
    """Every network and module with every optimizer and batch, and what differs."""
    for name in (*MEMBERS, *MODULES):
        if starts and not name.startswith(tuple(starts)):
            continue
        network = None if name in MODULES else thin(name)
        for optimizer in OPTIMIZERS:
            for batch in BATCHES:
                if network is None:
                    yield name, batch, optimizer, different_in(name, batch, optimizer)
                else:
                    yield name, batch, optimizer, different(network, batch, optimizer)


def main(starts: Sequence[str]) -> int:
    """Go through all; 1 if anything differs."""
    wrong = 0
    for number, (name, batch, optimizer, lines) in enumerate(tries(starts), start=1):
        wrong += bool(lines) and name not in VALUES_DECIDE
        told = "; ".join(lines) if lines else "equal"
        print(f"{number:4} {time.process_time():6.0f} s  {name}, batch {batch}, {optimizer or 'inference'}: {told}",
              flush=True)  # fmt: skip
    print(f"{wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Byte equality with PyTorch's memory tracker on every network that comes along and on small modules.

``python tasks.py memory`` goes through all of it, which takes an hour; ``python -m tests.memory.bars resnet LeNet``
through what begins so. Each network in all its sizes runs in inference and in a step with Adam; small ones, and the
others with small numbers, as `tests.collection.thin` has them, run with every optimizer, in a loop and all at once, and
with two batches, as the modules do. The tests take a sample.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import archscope
from archscope.memory import memory
from archscope.network import Network
from tests.collection import MEMBERS, thin
from tests.memory.modules import MODULES


class Way(NamedTuple):
    """How a network runs: in inference where there is no optimizer."""

    optimizer: str | None = None
    foreach: bool = False
    autocast: str | None = None

    def __str__(self) -> str:
        cast = "" if self.autocast is None else f", autocast to {self.autocast}"
        return f"{self.optimizer or 'inference'}{', foreach' * self.foreach}{cast}"


OPTIMIZERS: Final = ("sgd", "momentum", "adam", "adamw")

MIXED: Final = (Way(autocast="bfloat16"), Way("adam", autocast="bfloat16"))

WAYS: Final = (Way(), *(Way(*each) for each in product(OPTIMIZERS, (False, True))), *MIXED)
"""Inference, and a step of training with each optimizer, in a loop and all at once; and both under autocast."""

FEW: Final = (Way(), Way("adam"), *MIXED)
"""What a network as large as it is runs in."""

BATCHES: Final = (2, 3)

VARIANTS: Final = tuple(
    each["name"] for each in json.loads((Path(__file__).parents[2] / "specs" / "index.json").read_text())
)
"""Every network that comes along, in every size."""

TOO_LARGE: Final = ("mixtral",)
"""Networks of which values decide what they hold meanwhile, and which nothing here can run with values."""


def different(network: Network, batch: int, way: Way) -> list[str]:
    """What differs between the rules and the tracker for the built network, a line for each phase."""
    from archscope.oracles import routed, tracking
    from archscope.oracles.memory import tracked

    if not routed.decides(network):
        return _beside(network, batch, way, lambda: tracked(network, batch, **way._asdict()))
    rows: dict[str, list[int]] = {}
    theirs = tracking.tracked(lambda: routed.called(network, batch, rows), **way._asdict(), values=True)
    return _beside(network, batch, way, lambda: theirs, route=lambda node, *_: rows[node.name])


def different_in(name: str, batch: int, way: Way) -> list[str]:
    """What differs between the rules and the tracker on one of the small modules itself."""
    from archscope.oracles.own.memory import called
    from archscope.oracles.tracking import tracked
    from archscope.tracing.calling import call_thing

    make, shape = MODULES[name]
    theirs = call_thing(make(), [shape], {})
    return _beside(theirs.network, batch, way, lambda: tracked(lambda: called(theirs, batch), **way._asdict()))


def _beside(network: Network, batch: int, way: Way, tracked: Callable[[], Any], **more: Any) -> list[str]:
    found = memory(network, batch, as_tracked=True, **way._asdict(), **more)
    if found.not_covered:
        return [f"not covered: {name}: {why}" for name, why in found.not_covered.items()]
    theirs = tracked()
    return [
        f"{phase.name}: {(phase.after.total, phase.most.total)} here, {theirs[phase.name]} tracked"
        for phase in found.phases
        if (phase.after.total, phase.most.total) != theirs[phase.name]
    ]


def tries(starts: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Every network and module in every way, and what differs."""

    def meant(name: str) -> bool:
        return not starts or name.startswith(tuple(starts))

    for name in filter(meant, MODULES):
        for batch, way in product(BATCHES, WAYS):
            yield f"{name}, batch {batch}, {way}", different_in(name, batch, way)
    for name in filter(meant, MEMBERS):
        network = thin(name)
        for batch, way in product(BATCHES, WAYS):
            yield f"{name}, small, batch {batch}, {way}", different(network, batch, way)
    for name in filter(meant, VARIANTS):
        if name in TOO_LARGE:
            continue
        network = archscope.load(name)
        for way in FEW:
            yield f"{name}, batch {BATCHES[0]}, {way}", different(network, BATCHES[0], way)


def main(starts: Sequence[str]) -> int:
    """Go through all; 1 if anything differs."""
    wrong = 0
    for number, (what, lines) in enumerate(tries(starts), start=1):
        wrong += bool(lines)
        told = "; ".join(lines) if lines else "equal"
        print(f"{number:4} {time.process_time():6.0f} s  {what}: {told}", flush=True)
    print(f"{wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

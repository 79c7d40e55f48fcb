"""Byte equality with PyTorch's memory tracker on every network that comes along and on small modules.

``python tasks.py memory`` goes through all of it; ``python -m tests.memory.bars --part 3/12`` through a twelfth, and
``resnet LeNet`` behind it through what begins so. Each network in all its sizes runs in inference and in a step with
Adam; small ones, and the others with small numbers, as `tests.collection.thin` has them, run with every optimizer, in a
loop and all at once, and with two batches, as the modules do. The tests take a sample.

Ways of one network share the built module, its passes and, of each optimizer, two steps: its state is measured when it
was made, and held unchanged through the passes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

import archscope
from archscope.memory import Phase, Request, memory
from archscope.memory.passes import Asked, went
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
    return all_different(network, batch, [way])[way]


def all_different(network: Network, batch: int, ways: Sequence[Way]) -> dict[Way, list[str]]:
    """The same in several ways."""
    from archscope.oracles import routed, tracking
    from archscope.oracles.memory import built

    if not routed.decides(network):
        return _beside(network, batch, ways, lambda: built(network, batch))
    found: dict[Way, list[str]] = {}
    for way in ways:
        rows: dict[str, list[int]] = {}
        theirs = tracking.tracked(lambda rows=rows: routed.called(network, batch, rows), **way._asdict(), values=True)
        ours = memory(network, batch, as_tracked=True, route=lambda node, *_, rows=rows: rows[node.name],
                      **way._asdict())  # fmt: skip
        found[way] = _lines(ours.phases, ours.not_covered, theirs)
    return found


def different_in(name: str, batch: int, way: Way) -> list[str]:
    """What differs between the rules and the tracker on one of the small modules itself."""
    return all_different_in(name, batch, [way])[way]


def all_different_in(name: str, batch: int, ways: Sequence[Way]) -> dict[Way, list[str]]:
    """The same in several ways."""
    from archscope.oracles.own.memory import called
    from archscope.tracing.calling import call_thing

    make, shape = MODULES[name]
    theirs = call_thing(make(), [shape], {})
    return _beside(theirs.network, batch, ways, lambda: called(theirs, batch))


def _beside(network: Network, batch: int, ways: Sequence[Way], made: Any) -> dict[Way, list[str]]:
    from tests.memory.shared import tracked_in

    theirs = tracked_in(made, ways)
    found: dict[Way, list[str]] = {}
    for way in ways:
        asked = Asked(network, Request(batch, **way._asdict()), (), as_tracked=True)
        run = asked.run()
        found[way] = _lines([each.phase for each in went(run, asked.request)], run.not_covered, theirs[way])
    return found


def _lines(phases: Sequence[Phase], not_covered: Mapping[str, str], theirs: Any) -> list[str]:
    if not_covered:
        return [f"not covered: {name}: {why}" for name, why in not_covered.items()]
    return [
        f"{phase.name}: {(phase.after.total, phase.most.total)} here, {theirs[phase.name]} tracked"
        for phase in phases
        if (phase.after.total, phase.most.total) != theirs[phase.name]
    ]


def _groups(starts: Sequence[str]) -> list[tuple[str, Callable[[], dict[Way, list[str]]]]]:
    """Every network and module with a batch, and what goes through all its ways."""

    def meant(name: str) -> bool:
        return not starts or name.startswith(tuple(starts))

    return [
        *((f"{name}, batch {batch}", partial(all_different_in, name, batch, WAYS))
          for name in filter(meant, MODULES) for batch in BATCHES),
        *((f"{name}, small, batch {batch}", lambda name=name, batch=batch: all_different(thin(name), batch, WAYS))
          for name in filter(meant, MEMBERS) for batch in BATCHES),
        *((f"{name}, batch {BATCHES[0]}",
           lambda name=name: all_different(archscope.load(name), BATCHES[0], FEW))
          for name in filter(meant, VARIANTS) if name not in TOO_LARGE),
    ]  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Go through all, or a part; 1 if anything differs."""
    asked = argparse.ArgumentParser(prog="python -m tests.memory.bars")
    asked.add_argument("starts", nargs="*", help="how the names of those that are meant begin")
    asked.add_argument("--part", default="1/1", help="such as 3/12: the third of twelve parts")
    given = asked.parse_args(arguments)
    part, parts = map(int, given.part.split("/"))
    groups = _groups(given.starts)[part - 1 :: parts]
    wrong = tried = 0
    for number, (what, tries) in enumerate(groups, start=1):
        found = tries()
        tried += len(found)
        wrong += sum(map(bool, found.values()))
        told = "; ".join(f"{way}: {'; '.join(lines)}" for way, lines in found.items() if lines)
        print(
            f"{number:4}/{len(groups)} {time.process_time():6.0f} s  {what}: {told or f'{len(found)} equal'}",
            flush=True,
        )
    print(f"part {part}/{parts}: {tried} tries, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

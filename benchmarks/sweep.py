"""Sweeps: networks a second a core, against instantiated modules and torchinfo; and two workers against one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from archscope.sweep import Journal, Plan, plan, run, set_axis
from archscope.sweep.cluster import local
from archscope.sweep.evaluating import Evaluator
from archscope.sweep.naming import named
from archscope.sweep.running import Engine
from benchmarks.pairs import Claim, call, in_turns


def grid(spec: str, *sets: str) -> Plan:
    """A sweep over options of one spec."""
    return plan(named([spec]), [set_axis(each) for each in sets])


LENET5 = grid("lenet5", "C5.out_channels=40..139", "F6.out_features=40..139", "C1.out_channels=6,8,10,12")
ALEXNET = grid(
    "alexnet", "conv2.out_channels=64..126:2", "fc6.out_features=1024..4096:64", "fc7.out_features=1024..2048:32"
)
MODULES = 100
"""So many networks are made by PyTorch and read by torchinfo, where thousands are swept."""


def claims() -> Iterator[Claim]:
    """Networks a second, the ratio to torchinfo on the same sweep, and what a second worker brings."""
    for name, made, points, least in (("LeNet-5", LENET5, 4_000, 2_000), ("AlexNet", ALEXNET, 2_000, 500)):
        seconds = min(call(lambda made=made, points=points: fresh(made, points))() for _ in range(3))  # type: ignore[misc]
        yield Claim(f"networks of {name}'s size a second a core", points / seconds, least, "at least", unit="/s")
    paired = in_turns(call(modules), call(lambda: fresh(LENET5, MODULES)), turns=5)
    yield Claim(f"{MODULES} networks through modules and torchinfo against the first {MODULES} rows of the sweep",
                paired.ratio, 5, "at least", spread=paired.spread)  # fmt: skip
    one, two = (through(workers) for workers in (1, 2))
    yield Claim("what each of two workers brings of what one alone does", one / (2 * two), 0.8, "at least")


def fresh(made: Plan, points: int) -> None:
    """The first rows of a sweep by somebody who has read nothing yet."""
    evaluator = Evaluator(made)
    for point in made.points(0, points):
        evaluator.row(point)


def modules() -> None:
    """The first networks of the sweep as somebody would look them up without archscope."""
    import torch
    from torch import nn
    from torchinfo import summary

    for point in LENET5.points(0, MODULES):
        maps, units, first = map(int, point.settings)
        net = nn.Sequential(
            nn.Conv2d(1, first, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(first, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Conv2d(16, maps, 5), nn.Tanh(), nn.Flatten(), nn.Linear(maps, units), nn.Tanh(), nn.Linear(units, 10),
        )  # fmt: skip
        with torch.no_grad():
            summary(net, input_size=(1, 1, 32, 32), verbose=0)


def through(workers: int) -> float:
    """Seconds in which some workers, which are there and have read the spec, sweep 40,000 networks."""
    with local(workers) as engine:
        swept(LENET5.replace(axes=LENET5.axes[:2]), engine)
        start = time.perf_counter()
        swept(LENET5, engine)
        return time.perf_counter() - start


def swept(made: Plan, engine: Engine) -> Sequence[str]:
    """The rows of a sweep by an engine."""
    journal = Journal(None, made.identity)
    try:
        run(made, journal, engine)
        return [*journal.lines()]
    finally:
        journal.close()

"""Time the layers of a network in place, while it runs.

A layer that is replayed alone finds its input in the cache, or its weights gone from it: small ones then look
up to twice as cheap as they are. Here the whole network runs, and a clock is read between its layers.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from torch import nn

from archscope.bench.clocks import Clock, Mark
from archscope.bench.timing import CLOSED, Limits, once, without_collection
from archscope.building.network import BuiltNetwork

LEAST: Final = 7
MOST: Final = 500


@dataclass(frozen=True)
class LayerTimes:
    """Median seconds of each node, of the whole with the clock between nodes, and of the whole without.

    ``device`` says whose time it is: the device's, or, on a CPU, the host's.
    """

    names: tuple[str, ...]
    seconds: tuple[float, ...]
    instrumented: float
    plain: float
    runs: int
    device: bool

    @property
    def closure(self) -> float:
        """The nodes' times together, as a part of the whole without instruments."""
        return sum(self.seconds) / self.plain

    @property
    def closed(self) -> bool:
        """Whether the layers add up to the whole."""
        return CLOSED[0] <= self.closure <= CLOSED[1]

    @property
    def overhead(self) -> float:
        """What reading the clock cost, as a part of the whole."""
        return self.instrumented / self.plain - 1


def time_layers(
    module: nn.Module, inputs: Sequence[Any], clock: Clock, limits: Limits, *, call: Callable[[], object] | None = None
) -> LayerTimes:
    """Time every layer of a module that runs on these inputs.

    Args:
        module: a network built from a spec, whose nodes are timed, or any other module, whose innermost
            submodules are timed through hooks; the hooks are gone afterwards.
        inputs: what it takes.
        clock: the clock of the device it runs on.
        limits: how long to measure.
        call: the plain call to hold the sum against; calls the module if left out.
    """
    plain = (lambda: module(*inputs)) if call is None else call
    marks: list[Mark] = []
    if isinstance(module, BuiltNetwork):
        names = tuple(name for name, _ in module.nodes())

        def instrumented() -> None:
            marks.append(clock.mark())
            module.run(inputs, after)

        def after() -> None:
            marks.append(clock.mark())

        return _collect(names, instrumented, plain, marks, clock, limits)
    with _hooked(module, clock, marks) as seen:

        def hooked() -> None:
            seen.clear()
            marks.append(clock.mark())
            module(*inputs)

        hooked()
        names = tuple(seen)
        marks.clear()
        return _collect(names, hooked, plain, marks, clock, limits)


@contextmanager
def _hooked(module: nn.Module, clock: Clock, marks: list[Mark]) -> Iterator[list[str]]:
    """Mark the end of every innermost submodule; yields the names in the order in which they ran."""
    seen: list[str] = []
    hooks = []

    def hook(name: str) -> Callable[..., None]:
        def ended(*_: object) -> None:
            seen.append(name)
            marks.append(clock.mark())

        return ended

    try:
        for name, part in module.named_modules():
            if name and not any(True for _ in part.children()):
                hooks.append(part.register_forward_hook(hook(name)))
        yield seen
    finally:
        for each in hooks:
            each.remove()


def _collect(
    names: tuple[str, ...],
    instrumented: Callable[[], None],
    plain: Callable[[], object],
    marks: list[Mark],
    clock: Clock,
    limits: Limits,
) -> LayerTimes:
    """Run with and without instruments in turn, so that both see the same drift."""
    lanes = [array("d") for _ in names]
    whole, bare = array("d"), array("d")
    pause = 4 * once(clock, plain) + 1e-3
    began = clock.now()
    with without_collection():
        while len(whole) < LEAST or (clock.now() - began < limits.figure and len(whole) < MOST):
            bare.append(_device_time(clock, plain, pause) if clock.asynchronous else once(clock, plain))
            marks.clear()
            clock.synchronize()
            if clock.asynchronous:
                clock.hold(pause)
            start = clock.now()
            instrumented()
            end = clock.now()
            clock.synchronize()
            times = [clock.between(first, second) for first, second in pairwise(marks)]
            whole.append(clock.between(marks[0], marks[-1]) if clock.asynchronous else end - start)
            for lane, each in zip(lanes, times, strict=True):
                lane.append(each)
    return LayerTimes(
        names=names,
        seconds=tuple(statistics.median(lane) for lane in lanes),
        instrumented=statistics.median(whole),
        plain=statistics.median(bare),
        runs=len(whole),
        device=clock.asynchronous,
    )


def _device_time(clock: Clock, call: Callable[[], object], pause: float) -> float:
    clock.synchronize()
    clock.hold(pause)
    first = clock.mark()
    call()
    last = clock.mark()
    clock.synchronize()
    return clock.between(first, last)

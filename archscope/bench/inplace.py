"""Time the layers of a network in place, while it runs.

A layer that is replayed alone finds its input in the cache, or its weights gone from it: small ones then look
up to twice as cheap as they are. Here the whole network runs, and a clock is read between its layers.
"""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from torch import nn

from archscope.bench.clocks import Clock, Mark
from archscope.bench.timing import CLOSED, Limits, once, without_collection
from archscope.building.network import BuiltNetwork
from archscope.record import EMPTY

LEAST: Final = 7
MOST: Final = 500
MARKS: Final = 64
"""Marks in a row, of which the time that one takes is read."""


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
    module: nn.Module,
    inputs: Sequence[Any],
    clock: Clock,
    limits: Limits,
    *,
    call: Callable[[], object] | None = None,
    kwargs: Mapping[str, Any] = EMPTY,
) -> LayerTimes:
    """Time every layer of a module that runs on these inputs.

    Args:
        module: a network built from a spec, whose nodes are timed, or any other module, whose innermost
            submodules are timed through hooks; the hooks are gone afterwards.
        inputs: what it takes.
        clock: the clock of the device it runs on.
        limits: how long to measure.
        call: the plain call to hold the sum against; calls the module if left out.
        kwargs: what it takes by name.
    """
    plain = (lambda: module(*inputs, **kwargs)) if call is None else call
    marks: list[Mark] = []
    if isinstance(module, BuiltNetwork):
        names = tuple(name for name, _ in module.nodes())

        def instrumented() -> None:
            marks.append(clock.mark())
            module.run(inputs, after)

        def after() -> None:
            marks.append(clock.mark())

        return _collect(names, instrumented, plain, marks, clock, limits)
    innermost = _innermost(module, lambda: module(*inputs, **kwargs))
    with _hooked(innermost, clock, marks) as seen:

        def hooked() -> None:
            seen.clear()
            marks.append(clock.mark())
            module(*inputs, **kwargs)
            marks.append(clock.mark())

        hooked()
        # Before each layer, and after the last, is what runs between layers: functions that `forward` calls.
        segments = [each for name in seen for each in ("", name)] + [""]
        marks.clear()
        return _collect(tuple(segments), hooked, plain, marks, clock, limits)


def _innermost(module: nn.Module, call: Callable[[], object]) -> dict[str, nn.Module]:
    """The submodules in which no other runs, by path."""
    running: list[str] = []
    outer: set[str] = set()
    ran: dict[str, nn.Module] = {}

    def begin(path: str, part: nn.Module) -> None:
        outer.update(running)
        running.append(path)
        ran[path] = part

    def end(*_: object) -> None:
        running.pop()

    hooks = []
    try:
        for path, part in module.named_modules():
            hooks.append(part.register_forward_pre_hook(lambda part, _, path=path: begin(path, part)))
            hooks.append(part.register_forward_hook(end))
        call()
    finally:
        for each in hooks:
            each.remove()
    return {path: part for path, part in ran.items() if path not in outer and path}


@contextmanager
def _hooked(innermost: Mapping[str, nn.Module], clock: Clock, marks: list[Mark]) -> Iterator[list[str]]:
    """Mark the beginning and the end of every submodule; yields the names in the order in which they ran."""
    seen: list[str] = []
    hooks = []

    def begin(name: str) -> Callable[..., None]:
        def begun(*_: object) -> None:
            seen.append(name)
            marks.append(clock.mark())

        return begun

    def end(*_: object) -> None:
        marks.append(clock.mark())

    try:
        for name, part in innermost.items():
            hooks.append(part.register_forward_pre_hook(begin(name)))
            hooks.append(part.register_forward_hook(end))
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
    """Run with and without instruments in turn, so that both see the same drift.

    A mark takes a device microseconds, as long as a small layer: what it takes is not the layer's.
    """
    cost = _cost_of_a_mark(clock) if clock.asynchronous else 0.0
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
            times = [max(clock.between(first, second) - cost, 0.0) for first, second in pairwise(marks)]
            whole.append(clock.between(marks[0], marks[-1]) if clock.asynchronous else end - start)
            for lane, each in zip(lanes, times, strict=True):
                lane.append(each)
    timed = [(name, statistics.median(lane)) for name, lane in zip(names, lanes, strict=True) if name]
    return LayerTimes(
        names=tuple(name for name, _ in timed),
        seconds=tuple(seconds for _, seconds in timed),
        instrumented=statistics.median(whole),
        plain=statistics.median(bare),
        runs=len(whole),
        device=clock.asynchronous,
    )


def _cost_of_a_mark(clock: Clock) -> float:
    """Seconds between two marks with nothing between them, behind a hold as the layers are."""
    clock.synchronize()
    clock.hold(1e-3)
    marks = [clock.mark() for _ in range(MARKS)]
    clock.synchronize()
    return statistics.median(clock.between(first, second) for first, second in pairwise(marks))


def _device_time(clock: Clock, call: Callable[[], object], pause: float) -> float:
    clock.synchronize()
    clock.hold(pause)
    first = clock.mark()
    call()
    last = clock.mark()
    clock.synchronize()
    return clock.between(first, last)

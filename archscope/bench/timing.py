"""The four times of one call, measured through a `Clock`.

* **latency**: one call, the device idle before, the result complete after.
* **period**: many calls back to back, divided by their number; throughput is its inverse.
* **device**: how long the device is busy with one call.
* **host**: how long the host takes to queue one call.

They differ by more than a factor of two on the same machine, so no figure goes by the name of "time".
The loops write into arrays that exist beforehand, and neither print nor collect garbage.
"""

from __future__ import annotations

import gc
import math
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from archscope.bench.clocks import Clock
from archscope.bench.statistics import Summary, quantile, settled, summarize

Call = Callable[[], object]
Stop = Literal["ci", "time", "samples"]

BLOCK: Final = 1e-3
"""Least length of a block of back-to-back calls, in seconds."""

STEADY: Final = 0.02
"""Windows of the warm-up agree when their medians differ by no more."""

WINDOWS: Final = 3
QUEUE: Final = 256
"""Most calls queued behind a blocked device."""

CLOSED: Final = (0.85, 1.15)
"""The times of a network's layers must add up to its own within this."""

LEAST: Final = 6
"""Fewest samples with an exact interval: less are not taken, however long a call is."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each figure may take, in seconds, and how many samples it may have."""

    figure: float = 2.0
    warm_up: float = 2.0
    window: float = 0.1
    samples: int = 20_000


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one figure and why there are no more of them."""

    samples: array[float]
    stop: Stop

    @property
    def summary(self) -> Summary:
        """Median, spread and interval."""
        return summarize(self.samples)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How the warm-up ended: after how many calls, at how many seconds a call, and whether steadily."""

    calls: int
    estimate: float
    steady: bool


@contextmanager
def without_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the timed loops."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def once(clock: Clock, call: Call) -> float:
    """One call, from an idle device to the complete result."""
    clock.synchronize()
    start = clock.now()
    call()
    clock.synchronize()
    return clock.now() - start


def warm_up(clock: Clock, call: Call, limits: Limits) -> WarmUp:
    """Call until the medians of the last windows agree, or the time is up."""
    began = clock.now()
    medians: list[float] = []
    calls = 0
    while True:
        window: list[float] = []
        opened = clock.now()
        while len(window) < 3 or clock.now() - opened < limits.window:
            window.append(once(clock, call))
        calls += len(window)
        medians.append(quantile(sorted(window), 0.5))
        last = medians[-WINDOWS:]
        if len(last) == WINDOWS and max(last) <= min(last) * (1 + STEADY):
            return WarmUp(calls, last[-1], True)
        if clock.now() - began >= limits.warm_up and len(last) == WINDOWS:
            return WarmUp(calls, last[-1], False)


def latency(clock: Clock, call: Call, limits: Limits) -> Series:
    """Time single calls, each from an idle device to a complete result."""
    return _series(clock, partial(fill_latencies, clock, call), limits)


def fill_latencies(clock: Clock, call: Call, samples: array[float], first: int, last: int) -> None:
    """The timed loop of `latency`."""
    now, synchronize = clock.now, clock.synchronize
    for place in range(first, last):
        synchronize()
        start = now()
        call()
        synchronize()
        samples[place] = now() - start


def period(clock: Clock, call: Call, limits: Limits, *, calls: int) -> Series:
    """Time blocks of back-to-back calls; a sample is a block's length over its calls."""
    return _series(clock, partial(fill_periods, clock, call, calls), limits)


def fill_periods(clock: Clock, call: Call, calls: int, samples: array[float], first: int, last: int) -> None:
    """The timed loop of `period`."""
    now, synchronize = clock.now, clock.synchronize
    block = range(calls)
    for place in range(first, last):
        synchronize()
        start = now()
        for _ in block:
            call()
        synchronize()
        samples[place] = (now() - start) / calls


def calls_per_block(estimate: float) -> int:
    """How many calls make a block long enough to time.

    >>> calls_per_block(70e-6), calls_per_block(0.04)
    (15, 1)
    """
    return max(1, math.ceil(BLOCK / estimate)) if estimate > 0 else QUEUE


def host_and_device(clock: Clock, call: Call, limits: Limits, *, estimate: float) -> tuple[Series, Series] | None:
    """Time queueing and execution apart: the device is held up until everything is queued.

    Returns:
        the host's and the device's time of one call; None where the device cannot be held up, such as a
        CPU, or where a single call fills the queue, so that queueing it waits for the device.
    """
    if not clock.asynchronous:
        return None
    planned = _holdable(clock, call, estimate)
    if planned is None:
        return None
    calls, pause = planned
    queueing = array("d", bytes(8 * limits.samples))
    late = 0

    def fill(samples: array[float], first: int, last: int) -> None:
        nonlocal late
        for place in range(first, last):
            queued, busy, held = _behind_a_hold(clock, call, calls, pause)
            late += not held
            queueing[place] = queued
            samples[place] = busy

    device = _series(clock, fill, limits)
    if late > len(device.samples) // 20:
        return None
    return Series(queueing[: len(device.samples)], device.stop), device


def _behind_a_hold(clock: Clock, call: Call, calls: int, pause: float) -> tuple[float, float, bool]:
    """Queue calls behind a hold: host seconds a call, device seconds a call, and whether the hold lasted."""
    clock.synchronize()
    clock.hold(pause)
    first = clock.mark()
    start = clock.now()
    for _ in range(calls):
        call()
    queued = (clock.now() - start) / calls
    held = not first.reached()
    last = clock.mark()
    clock.synchronize()
    return queued, clock.between(first, last) / calls, held


def _holdable(clock: Clock, call: Call, estimate: float) -> tuple[int, float] | None:
    """How many calls fit behind a hold, and how long it must be."""
    calls = min(8, calls_per_block(estimate))
    pause = max(1e-3, 2 * calls * estimate)
    for _ in range(6):
        if _behind_a_hold(clock, call, calls, pause)[2]:
            # Twice as long as was enough once: a host that is slower now and then, or a chip whose clock has risen
            # since the hold was measured, must not let the device run free.
            return calls, 2 * pause
        calls, pause = max(1, calls // 2), pause * 2
    return None


def _series(clock: Clock, fill: Callable[[array[float], int, int], None], limits: Limits) -> Series:
    """Take samples until their median is known, the time is up or the buffer is full.

    The median's interval is looked at ever more rarely, at 10, 15, 22, 33… samples: looking after every
    sample would stop at the first lucky streak.
    """
    samples = array("d", bytes(8 * limits.samples))
    taken, goal = 0, 10
    began = clock.now()
    with without_collection():
        while True:
            left = limits.figure - (clock.now() - began)
            each = (clock.now() - began) / taken if taken else 0.0
            room = goal - taken if not each else min(goal - taken, max(1, int(left / each)))
            if not taken:
                room = LEAST
            fill(samples, taken, min(taken + room, limits.samples))
            taken = min(taken + room, limits.samples)
            if taken >= goal and settled(samples[:taken]):
                return Series(samples[:taken], "ci")
            if clock.now() - began >= limits.figure:
                return Series(samples[:taken], "time")
            if taken >= limits.samples:
                return Series(samples[:taken], "samples")
            if taken >= goal:
                goal = goal * 3 // 2


def launch_bound(host: float, period: float, device: float) -> bool:
    """Whether the device waits for the host: queueing takes the whole period, and the device is idle for a part.

    >>> launch_bound(host=70e-6, period=70e-6, device=42e-6)
    True
    """
    return host >= 0.9 * period and device < 0.8 * period


def contradictions(*, latency: float, period: float | None, device: float | None) -> list[str]:
    """What cannot be: a call that is over before the device has done its work.

    A harness that forgets to wait for the device times only the queueing, and is caught here.

    >>> contradictions(latency=70e-6, period=None, device=900e-6)
    ['latency is below the device time: somebody did not wait for the device']
    """
    found = []
    for name, value in (("latency", latency), ("period", period)):
        if device is not None and value is not None and value < 0.95 * device:
            found.append(f"{name} is below the device time: somebody did not wait for the device")
    return found

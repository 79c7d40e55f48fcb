"""Clocks: reading the time of a device that works on its own, and the one place that waits for it.

A call to an asynchronous device returns when its work is queued, not when it is done. Everything that
times such a device does it through a `Clock`, so that the same harness runs against a CPU, CUDA, Apple's
Metal, and the fake device with virtual time in `archscope.bench.fake`, for which every answer is known
beforehand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol


class Mark(Protocol):
    """A place in a device's queue, passed at some moment of the device's own time."""

    def reached(self) -> bool:
        """Whether the device has passed it."""
        ...


class Clock(Protocol):
    """Time as the host and a device see it, in seconds.

    Attributes:
        asynchronous: whether a call returns before its work is done.
        now: read the host's clock.
        synchronize: wait until the device has nothing left to do.
    """

    asynchronous: bool
    now: Callable[[], float]
    synchronize: Callable[[], None]

    def hold(self, seconds: float) -> None:
        """Keep the device busy for about so long, so that what follows piles up in its queue."""
        ...

    def mark(self) -> Mark:
        """Queue a mark."""
        ...

    def between(self, first: Any, second: Any) -> float:
        """The device's own time from one mark to another, both passed."""
        ...


def _nothing() -> None:
    """A CPU has finished when the call returns."""


class _HostMark:
    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    def reached(self) -> bool:
        return True


class HostClock:
    """The CPU: a call returns when its work is done."""

    asynchronous = False

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.perf_counter
        self.synchronize: Callable[[], None] = _nothing

    def hold(self, seconds: float) -> None:
        """There is no queue to hold up."""

    def mark(self) -> Mark:
        """This moment."""
        return _HostMark(self.now())

    def between(self, first: Any, second: Any) -> float:
        """The time from one moment to the other."""
        return float(second.at - first.at)


class CudaClock:
    """An NVIDIA (or ROCm) GPU through PyTorch: events on the current stream."""

    asynchronous = True
    SLACK: Final = 1.25

    def __init__(self, torch: Any, index: int) -> None:
        self._torch = torch
        self._device = torch.device("cuda", index)
        self.now: Callable[[], float] = time.perf_counter
        self.synchronize: Callable[[], None] = torch.cuda.current_stream(self._device).synchronize
        self._cycles_a_second = 1e9
        self._cycles_a_second = self._spin_rate()

    def _spin_rate(self) -> float:
        """How many cycles of the spin kernel make a second: its unit is the chip's clock, which varies."""
        self.hold(1e-3)
        self.synchronize()
        first = self.mark()
        self.hold(5e-3)
        second = self.mark()
        self.synchronize()
        return 5e-3 * self.SLACK * self._cycles_a_second / max(self.between(first, second), 1e-6)

    def hold(self, seconds: float) -> None:
        """Queue a kernel that spins."""
        self._torch.cuda._sleep(int(seconds * self.SLACK * self._cycles_a_second))

    def mark(self) -> Mark:
        """Record an event on the stream."""
        event = self._torch.cuda.Event(enable_timing=True)
        event.record()
        return _EventMark(event)

    def between(self, first: Any, second: Any) -> float:
        """The time between two events, to the half microsecond that CUDA's events resolve."""
        return float(first.event.elapsed_time(second.event)) * 1e-3


class MpsClock:
    """Apple's Metal through PyTorch. Its queue cannot be held up, so host and device time stay unknown."""

    asynchronous = True

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.now: Callable[[], float] = time.perf_counter
        self.synchronize: Callable[[], None] = torch.mps.synchronize

    def hold(self, seconds: float) -> None:
        """Metal offers no kernel that spins; marks are reached early, and the figure is left out."""

    def mark(self) -> Mark:
        """Record an event."""
        event = self._torch.mps.Event(enable_timing=True)
        event.record()
        return _EventMark(event)

    def between(self, first: Any, second: Any) -> float:
        """The time between two events."""
        return float(first.event.elapsed_time(second.event)) * 1e-3


class _EventMark:
    __slots__ = ("event",)

    def __init__(self, event: Any) -> None:
        self.event = event

    def reached(self) -> bool:
        return bool(self.event.query())


def clock_for(torch: Any, device: Any) -> Clock:
    """The clock of a PyTorch device."""
    if device.type == "cuda":
        return CudaClock(torch, device.index or 0)
    if device.type == "mps":
        return MpsClock(torch)
    return HostClock()

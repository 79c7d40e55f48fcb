"""A device that does nothing, in virtual time: what every figure must be is known beforehand.

It stands in for CUDA where there is none. Launching a kernel costs the host a moment; kernels run one
after another in the order of the queue, each after a gap; waiting for the device costs the host a moment
too. Nothing here looks at a real clock, so a test of a harness takes no time and is exact.

>>> device = FakeDevice(launch=5e-6, gap=1.5e-6, sync=8e-6)
>>> start = device.now()
>>> device.launch(1.5e-6); device.synchronize()
>>> round((device.now() - start) * 1e6, 3)
14.5
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class FakeMark:
    """A place in the fake queue."""

    __slots__ = ("at", "device")

    def __init__(self, device: FakeDevice, at: float) -> None:
        self.device = device
        self.at = at

    def reached(self) -> bool:
        """Whether the device has passed it, at this moment of virtual time."""
        return self.device.host >= self.at


class FakeDevice:
    """An asynchronous device, and the `archscope.bench.clocks.Clock` that reads it.

    Attributes:
        host: the virtual time of the host.
        free: when the device will have done all that is queued.
        synchronizations: how often somebody waited for it.
    """

    asynchronous = True

    def __init__(self, *, launch: float, gap: float, sync: float, call: float = 0.0, mark: float = 0.0) -> None:
        self.launch_cost = launch
        self.gap = gap
        self.sync_cost = sync
        self.call_cost = call
        self.mark_cost = mark
        self.host = 0.0
        self.free = 0.0
        self.idle_since = True
        self.synchronizations = 0
        self.now: Callable[[], float] = self._now
        self.synchronize: Callable[[], None] = self._synchronize

    def _now(self) -> float:
        return self.host

    def _synchronize(self) -> None:
        self.synchronizations += 1
        self.host = max(self.host, self.free) + self.sync_cost
        self.idle_since = True

    def launch(self, seconds: float) -> None:
        """Queue a kernel of a given duration; returns when it is queued."""
        self.host += self.launch_cost
        self._run(seconds)

    def replay(self, kernels: Sequence[float]) -> None:
        """Queue a captured graph: one launch for all of its kernels."""
        self.host += self.launch_cost
        for seconds in kernels:
            self._run(seconds)

    def _run(self, seconds: float) -> None:
        after = self.free if self.idle_since else self.free + self.gap
        self.free = max(self.host, after) + seconds
        self.idle_since = False

    def hold(self, seconds: float) -> None:
        """Queue a kernel that spins; queueing it is free."""
        self._run(seconds)

    def mark(self) -> FakeMark:
        """Queue a mark, which takes the device as long as a mark does."""
        at = max(self.host, self.free) + self.mark_cost
        if self.mark_cost:
            self.free = at
        return FakeMark(self, at)

    def between(self, first: Any, second: Any) -> float:
        """The device's time from one mark to another."""
        return float(second.at - first.at)

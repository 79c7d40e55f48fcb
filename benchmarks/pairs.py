"""Two things measured in turns: the machine's moods fall on both, and their ratio is what counts."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Timed = Callable[[], float]
"""Does the work once and returns the seconds it took."""


@dataclass(frozen=True)
class Claim:
    """A measured number and the bound it is held to."""

    says: str
    measured: float
    bound: float
    sense: Literal["at most", "at least"]
    unit: str = "×"
    spread: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.measured <= self.bound if self.sense == "at most" else self.measured >= self.bound

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        spread = f" ({self.spread})" if self.spread else ""
        return (
            f"{verdict}  {self.says}: {self.measured:.2f} {self.unit}{spread}, {self.sense} {self.bound:g} {self.unit}"
        )


@dataclass(frozen=True)
class Pair:
    """Times of two things, taken in turns."""

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def ratios(self) -> tuple[float, ...]:
        """First over second, turn by turn."""
        return tuple(a / b for a, b in zip(self.first, self.second, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> str:
        """The middle half of the ratios and the median times."""
        low, _, high = statistics.quantiles(self.ratios, n=4)
        times = f"{_seconds(statistics.median(self.first))} against {_seconds(statistics.median(self.second))}"
        return f"{low:.2f} to {high:.2f}; {times}"


def in_turns(first: Timed, second: Timed, *, turns: int = 15) -> Pair:
    """Time two things alternately, each once beforehand to warm up; who goes first changes every turn."""
    first()
    second()
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            times[which].append((first, second)[which]())
    return Pair(tuple(times[0]), tuple(times[1]))


def process(arguments: Sequence[str]) -> Timed:
    """A whole process: from its start until it has ended, its output thrown away.

    Compiled modules are kept, as after any installation.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def once() -> float:
        start = time.perf_counter()
        subprocess.run([*arguments], stdout=subprocess.DEVNULL, env=environment, check=True)
        return time.perf_counter() - start

    return once


def python(*arguments: str) -> Timed:
    """A process of this Python."""
    return process([sys.executable, *arguments])


def call(work: Callable[[], object]) -> Timed:
    """A call in this process, in processor time: a neighbour on the machine does not count."""

    def once() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return once


def most_held() -> int:
    """Bytes that this process has held at most; what `getrusage` says of a new process begins with its parent's."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    if found is not None:
        return 1024 * int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"

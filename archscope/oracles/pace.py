"""`Pace`: how long the witnesses of one network may take, and what is told while they do.

What a witness samples is fixed by the network and the seconds it was given, never by the clock, so that two runs say
the same. The clock only ends what takes too long all the same; the rest is then not covered, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60.0
"""Seconds that the witnesses of one network may take together, if nobody says otherwise."""

SPEED: Final = 50_000_000
"""Multiplications of a probe, in float64 and on one thread, that are taken for a second's work."""

Told = Callable[[str, str, str], object]
"""Called with the network, the witness and the layer that it looks at now."""


class TimeUp(Exception):
    """A witness has had its time, in the middle of what it looks at."""


class Pace:
    """The time of one network's witnesses; what one leaves over the next may use.

    >>> ticks = iter([0.0, 0.0, 5.0, 31.0])
    >>> pace = Pace(60, clock=lambda: next(ticks))
    >>> pace.begin("field", witnesses_left=2)
    >>> pace.late, pace.late  # after 5 seconds and after 31, of 60 for two witnesses
    (False, True)
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        *,
        network: str = "",
        told: Told | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._network = network
        self._told = told
        self._clock = clock
        self._end = clock() + seconds
        self._until = self._end
        self._witness = ""
        self.layer = ""

    def begin(self, witness: str, witnesses_left: int = 1) -> None:
        """A witness starts: it has an even share of what is left of the time."""
        now = self._clock()
        self._witness = witness
        self._until = now + max(0.0, self._end - now) / witnesses_left
        self.at("")

    def at(self, layer: str) -> None:
        """Tell which layer is looked at."""
        self.layer = layer
        if self._told is not None:
            self._told(self._network, self._witness, layer)

    @property
    def place(self) -> str:
        """The witness that speaks, and the layer it looks at."""
        return f"{self._witness} at {self.layer}" if self.layer else self._witness

    @property
    def late(self) -> bool:
        """Whether the witness has had its time."""
        return self._clock() > self._until

    def goes_on(self) -> None:
        """Go on with what is looked at: between any two steps of it.

        Raises:
            TimeUp: the witness has had its time.
        """
        if self.late:
            raise TimeUp

    @property
    def left(self) -> float:
        """Seconds that the witness has yet."""
        return max(0.0, self._until - self._clock())

    @property
    def work(self) -> int:
        """Multiplications that one witness plans with; what is more is sampled."""
        return int(self.seconds / 4 * SPEED)

    @property
    def why(self) -> str:
        """Why something is not covered when time is up."""
        return f"the time was up ({self.seconds:g} s for all witnesses); give more with `--seconds`"

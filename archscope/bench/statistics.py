"""The statistics of a timing: medians, exact intervals, and when to stop.

Nothing here assumes that times are normally distributed, with one exception that is stated where it is
made: the medians of several rounds are averages of many samples each, and get a t-interval.

>>> order_ranks(10)
(2, 9)
>>> summarize([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 9.0]).median
4.0
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

CONFIDENCE: Final = 0.95
TAIL_SAMPLES: Final = 662
"""Samples from which on a 99th percentile is more than a guess about the largest few."""

CLOSE_ENOUGH: Final = 0.01
"""A median is known once both ends of its interval are this near to it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval of the median, and how it was found.

    ``kind`` is ``order``, the exact one from the ranks of one round's samples, or ``rounds_t``, the
    t-interval over the medians of several rounds.
    """

    low: float
    high: float
    kind: Literal["order", "rounds_t"]

    def within(self, value: float, fraction: float) -> bool:
        """Whether both ends lie within a fraction of a value."""
        return value * (1 - fraction) <= self.low and self.high <= value * (1 + fraction)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said about one series of times, in seconds.

    Outliers, beyond one and a half interquartile ranges from the quartiles, are counted, never removed.
    """

    n: int
    median: float
    minimum: float
    p10: float
    p90: float
    p99: float | None
    iqr: float
    outliers: int
    interval: Interval | None


@lru_cache(maxsize=4096)
def order_ranks(n: int, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """The ranks, counted from 1, between which the true median lies with at least this confidence.

    The number of samples below the true median is binomial, whatever the distribution; five samples are
    too few for 95 %.

    >>> [order_ranks(n) for n in (5, 6, 20, 30, 100)]
    [None, (1, 6), (6, 15), (10, 21), (40, 61)]
    """
    tail = (1 - confidence) / 2
    start = max(0, int(n / 2 - 5 * math.sqrt(n)) - 1)
    log_first = math.lgamma(n + 1) - math.lgamma(start + 1) - math.lgamma(n - start + 1) - n * math.log(2)
    term = math.exp(log_first)
    below = 0.0
    rank = start
    while below + term <= tail:
        below += term
        term *= (n - rank) / (rank + 1)
        rank += 1
    return (rank, n + 1 - rank) if rank else None


def order_interval(ordered: Sequence[float]) -> Interval | None:
    """The exact interval of the median, from samples in ascending order; None for fewer than six."""
    ranks = order_ranks(len(ordered))
    if ranks is None:
        return None
    return Interval(ordered[ranks[0] - 1], ordered[ranks[1] - 1], "order")


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """A quantile of samples in ascending order, between neighbours in proportion.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    place = fraction * (len(ordered) - 1)
    lower = math.floor(place)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (place - lower)


def summarize(samples: Sequence[float]) -> Summary:
    """Everything that is said about one series of times."""
    ordered = sorted(samples)
    low, high = quantile(ordered, 0.25), quantile(ordered, 0.75)
    reach = 1.5 * (high - low)
    return Summary(
        n=len(ordered),
        median=quantile(ordered, 0.5),
        minimum=ordered[0],
        p10=quantile(ordered, 0.1),
        p90=quantile(ordered, 0.9),
        p99=quantile(ordered, 0.99) if len(ordered) >= TAIL_SAMPLES else None,
        iqr=high - low,
        outliers=sum(1 for each in ordered if not low - reach <= each <= high + reach),
        interval=order_interval(ordered),
    )


def settled(samples: Sequence[float]) -> bool:
    """Whether the median is known to within one percent."""
    ordered = sorted(samples)
    interval = order_interval(ordered)
    return interval is not None and interval.within(quantile(ordered, 0.5), CLOSE_ENOUGH)


def student_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """How many standard errors a two-sided t-interval reaches.

    >>> round(student_quantile(2), 3), round(student_quantile(30), 3)
    (4.303, 2.042)
    """
    low, high = 0.0, 1000.0
    for _ in range(100):
        middle = (low + high) / 2
        if _student_inside(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_inside(t: float, freedom: int) -> float:
    """Probability that a Student variable lies between -t and t: a finite sum for whole degrees of freedom."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2 == 1
    term = cosine if odd else 1.0
    series = 0.0 if freedom == 1 else term
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        series += term
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * series)
    return math.sin(angle) * series


def across_rounds(medians: Sequence[float]) -> Interval | None:
    """The t-interval over the medians of rounds in fresh processes; None for a single round.

    The interval within one process misses what differs from one process to the next (where memory came to
    lie, which core, how warm), and so claims too much.

    >>> across_rounds([1.00, 1.02, 1.04]).kind
    'rounds_t'
    """
    n = len(medians)
    if n < 2:
        return None
    mean = math.fsum(medians) / n
    spread = math.sqrt(math.fsum((each - mean) ** 2 for each in medians) / (n - 1))
    reach = student_quantile(n - 1) * spread / math.sqrt(n)
    return Interval(mean - reach, mean + reach, "rounds_t")

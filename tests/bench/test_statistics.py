"""Ranks, quantiles, intervals: against hand-worked values and against simulation."""

from __future__ import annotations

import math
import random

import pytest

from archscope.bench import statistics as st


@pytest.mark.parametrize(("n", "ranks"), [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21)), (100, (40, 61))])
def test_the_ranks_of_the_interval_are_exact(n: int, ranks: tuple[int, int]) -> None:
    assert st.order_ranks(n) == ranks


@pytest.mark.parametrize("n", range(1, 6))
def test_five_samples_are_too_few_for_an_interval(n: int) -> None:
    assert st.order_ranks(n) is None


@pytest.mark.parametrize("n", [6, 7, 11, 64, 999])
def test_the_ranks_cover_and_the_next_narrower_ones_do_not(n: int) -> None:
    low, high = st.order_ranks(n) or (0, 0)
    assert high == n + 1 - low

    def tail(rank: int) -> float:
        return sum(math.comb(n, k) for k in range(rank)) / 2**n

    assert tail(low) <= 0.025 < tail(low + 1)


def test_many_samples_have_the_ranks_of_the_normal_distribution() -> None:
    low, high = st.order_ranks(20_000) or (0, 0)
    assert low == pytest.approx(10_000.5 - 1.95996 * math.sqrt(20_000) / 2, abs=1)
    assert high == 20_001 - low


def test_a_summary_by_hand() -> None:
    summary = st.summarize([5.0, 1.0, 2.0, 3.0, 4.0, 100.0])
    assert (summary.n, summary.median, summary.minimum) == (6, 3.5, 1.0)
    assert (summary.p10, summary.p90) == (1.5, 52.5)
    assert summary.iqr == pytest.approx(2.5)
    assert summary.outliers == 1
    assert summary.interval == st.Interval(1.0, 100.0, "order")


def test_outliers_are_counted_and_stay_in_the_percentiles() -> None:
    quiet = [1.0 + i / 1000 for i in range(50)]
    assert st.summarize([*quiet, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]).outliers == 7
    assert st.summarize([*quiet, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0]).p90 == 9.0


def test_a_99th_percentile_takes_662_samples() -> None:
    assert st.summarize([float(i) for i in range(661)]).p99 is None
    assert st.summarize([float(i) for i in range(662)]).p99 == pytest.approx(654.39)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (10, 2.2281)]
)
def test_student_quantiles_are_those_of_the_printed_tables(freedom: int, quantile: float) -> None:
    assert st.student_quantile(freedom) == pytest.approx(quantile, abs=5e-5)


def test_the_interval_over_rounds_by_hand() -> None:
    interval = st.across_rounds([10.0, 11.0, 12.0])
    assert interval is not None
    assert interval.low == pytest.approx(11 - 4.3027 / math.sqrt(3), abs=1e-4)
    assert interval.high == pytest.approx(11 + 4.3027 / math.sqrt(3), abs=1e-4)


def test_one_round_has_no_interval_over_rounds() -> None:
    assert st.across_rounds([10.0]) is None


def test_settled_means_both_ends_within_one_percent() -> None:
    assert st.settled([1.0] * 6)
    assert not st.settled([1.0] * 5)
    assert st.settled([0.995, 0.995, 1.0, 1.0, 1.005, 1.005])
    assert not st.settled([0.98, 0.98, 1.0, 1.0, 1.005, 1.005])


def simulate(experiments: int, rounds: int, seed: int) -> tuple[float, float]:
    """How often the interval over rounds, and that of the first round alone, hold the true median.

    Every process has a speed of its own (one percent); within it, times are skewed as real ones are.
    """
    chance = random.Random(seed)
    over_rounds = within_one = 0
    for _ in range(experiments):
        medians = []
        for number in range(rounds):
            speed = chance.gauss(1.0, 0.01)
            samples = sorted(speed * (0.95 + 0.05 * chance.lognormvariate(0, 0.3)) for _ in range(21))
            medians.append(samples[10])
            if number == 0:
                interval = st.order_interval(samples)
                assert interval is not None
                within_one += interval.low <= 1.0 <= interval.high
        interval = st.across_rounds(medians)
        assert interval is not None
        over_rounds += interval.low <= 1.0 <= interval.high
    return over_rounds / experiments, within_one / experiments


def test_the_interval_over_rounds_covers_and_that_within_one_process_does_not() -> None:
    over_rounds, within_one = simulate(experiments=1500, rounds=3, seed=5)
    assert 0.92 <= over_rounds <= 0.98
    assert within_one < 0.85

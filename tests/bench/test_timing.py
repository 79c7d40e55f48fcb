"""The harness against a device for which every answer is known."""

from __future__ import annotations

import gc
import tracemalloc
from array import array

import pytest

from archscope.bench import timing
from archscope.bench.clocks import HostClock
from archscope.bench.fake import FakeDevice
from archscope.bench.timing import Limits

US = 1e-6
KERNELS = [1.5 * US] * 14
SHORT = Limits(figure=0.01, warm_up=0.01, window=1e-4, samples=200)


def device_of_the_paper() -> FakeDevice:
    return FakeDevice(launch=5 * US, gap=1.5 * US, sync=8 * US)


def network_on(device: FakeDevice):
    def call() -> None:
        for kernel in KERNELS:
            device.launch(kernel)

    return call


def test_latency_ends_with_the_last_kernel_and_the_wait() -> None:
    device = device_of_the_paper()
    series = timing.latency(device, network_on(device), SHORT)
    assert series.summary.median == pytest.approx(79.5 * US)


@pytest.mark.parametrize("calls", [1, 5, 50])
def test_period_spreads_the_wait_over_the_block(calls: int) -> None:
    device = device_of_the_paper()
    series = timing.period(device, network_on(device), SHORT, calls=calls)
    assert series.summary.median == pytest.approx((70 + 9.5 / calls) * US)


def test_host_and_device_time_are_told_apart() -> None:
    device = device_of_the_paper()
    both = timing.host_and_device(device, network_on(device), SHORT, estimate=79.5 * US)
    assert both is not None
    host, busy = (series.summary.median for series in both)
    assert host == pytest.approx(70 * US)
    assert busy == pytest.approx(42 * US)
    assert timing.launch_bound(host, 70 * US, busy)


def test_long_kernels_are_not_launch_bound() -> None:
    device = device_of_the_paper()
    both = timing.host_and_device(device, lambda: device.launch(900 * US), SHORT, estimate=913 * US)
    assert both is not None
    host, busy = (series.summary.median for series in both)
    assert busy == pytest.approx(901.5 * US)
    assert not timing.launch_bound(host, 902 * US, busy)


def test_a_graph_takes_one_launch_for_all_its_kernels() -> None:
    device = device_of_the_paper()
    both = timing.host_and_device(device, lambda: device.replay(KERNELS), SHORT, estimate=60 * US)
    assert both is not None
    assert both[0].summary.median == pytest.approx(5 * US)
    assert both[1].summary.median == pytest.approx(42 * US)


class NeverWaits(FakeDevice):
    """The same device under a harness that forgot to synchronise."""

    def _synchronize(self) -> None:
        return


def test_a_harness_that_never_waits_is_caught() -> None:
    honest, careless = device_of_the_paper(), NeverWaits(launch=5 * US, gap=1.5 * US, sync=8 * US)
    seen = []
    for device in (honest, careless):
        series = timing.latency(device, lambda device=device: device.launch(900 * US), SHORT)
        seen.append(timing.contradictions(latency=series.summary.minimum, period=None, device=901.5 * US))
    assert seen[0] == []
    assert seen[1] == ["latency is below the device time: somebody did not wait for the device"]


def test_a_call_that_fills_the_queue_has_no_host_time() -> None:
    device = device_of_the_paper()

    def blocks() -> None:
        device.launch(1 * US)
        device._synchronize()

    assert timing.host_and_device(device, blocks, SHORT, estimate=15 * US) is None


def test_a_cpu_has_no_queue_to_hold_up() -> None:
    assert timing.host_and_device(HostClock(), lambda: None, SHORT, estimate=1e-6) is None


def test_one_latency_waits_before_and_after() -> None:
    device = device_of_the_paper()
    series = timing.latency(device, network_on(device), SHORT)
    assert device.synchronizations == 2 * series.summary.n


def test_a_steady_series_stops_at_the_first_look() -> None:
    device = device_of_the_paper()
    series = timing.latency(device, network_on(device), SHORT)
    assert (series.stop, series.summary.n) == ("ci", 10)


def test_a_restless_series_runs_into_the_time_limit() -> None:
    device = device_of_the_paper()
    state = [0]

    def call() -> None:
        state[0] += 1
        device.launch((10 if state[0] % 2 else 90) * US)

    series = timing.latency(device, call, Limits(figure=0.01, samples=10_000))
    assert series.stop == "time"
    assert 50 < series.summary.n < 200


def test_a_full_buffer_stops_a_series() -> None:
    device = device_of_the_paper()
    state = [0]

    def call() -> None:
        state[0] += 1
        device.launch((10 if state[0] % 2 else 90) * US)

    series = timing.latency(device, call, Limits(figure=10, samples=40))
    assert (series.stop, series.summary.n) == ("samples", 40)


def test_a_call_longer_than_the_limit_still_gets_enough_samples_for_an_interval() -> None:
    device = device_of_the_paper()
    series = timing.latency(device, lambda: device.launch(1.0), Limits(figure=0.5))
    assert series.summary.n == 6
    assert series.summary.interval is not None


def test_warm_up_ends_when_three_windows_agree() -> None:
    device = device_of_the_paper()
    state = [0]

    def call() -> None:
        state[0] += 1
        device.launch((50 + 500 * 0.9 ** state[0]) * US)

    warm = timing.warm_up(device, call, Limits(warm_up=1.0, window=1e-3))
    assert warm.steady
    assert warm.calls > 30
    assert warm.estimate == pytest.approx(63 * US, rel=0.05)


def test_warm_up_that_never_settles_says_so() -> None:
    device = device_of_the_paper()
    state = [0.0]

    def call() -> None:
        state[0] += 5 * US
        device.launch(state[0])

    assert not timing.warm_up(device, call, Limits(warm_up=5e-3, window=5e-4)).steady


@pytest.mark.parametrize("fill", [timing.fill_latencies, timing.fill_periods])
def test_the_timed_loop_allocates_and_prints_nothing(fill, capfd: pytest.CaptureFixture[str]) -> None:
    device = device_of_the_paper()
    calls = (3,) if fill is timing.fill_periods else ()
    samples = array("d", bytes(8 * 5000))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    fill(device, network_on(device), *calls, samples, 0, 5000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples[4999] > 0
    assert peak - before < 1000
    assert capfd.readouterr() == ("", "")


def test_the_garbage_collector_rests_while_timing_and_works_again_after() -> None:
    device = device_of_the_paper()
    seen = []
    timing.latency(device, lambda: seen.append(gc.isenabled()) or device.launch(US), SHORT)
    assert not any(seen)
    assert gc.isenabled()

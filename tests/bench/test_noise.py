"""Noise is read off counters, and each counter alone is enough to be noticed."""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from archscope.bench import noise
from archscope.bench.noise import Counters, GpuState, Noise
from tests.patience import PATIENCE

QUIET = Counters(wall=0.0, cpu=0.0, involuntary=0, waited=0.0, stolen=0.0)
AFTER = {"wall": 10.0, "cpu": 10.0, "involuntary": 100, "waited": 0.2, "stolen": 0.0}


@pytest.mark.parametrize(
    ("changed", "verdict", "reason"),
    [
        ({}, "ok", None),
        ({"waited": 3.0}, "noisy", "programs waited for a CPU 30 % of the time"),
        ({"waited": 6.0}, "bad", "programs waited for a CPU 60 % of the time"),
        ({"involuntary": 1000}, "noisy", "the system took the CPU away 100 times a second"),
        ({"cpu": 9.0}, "noisy", "the program ran only 90 % of the time"),
        ({"cpu": 5.0}, "bad", "the program ran only 50 % of the time"),
        ({"stolen": 0.5}, "noisy", "the host of this virtual machine took 5 % of its CPUs"),
    ],
)
def test_each_counter_has_its_say(changed: dict[str, float], verdict: str, reason: str | None) -> None:
    found = noise.judge(QUIET, Counters(**{**AFTER, **changed}))
    assert found.verdict == verdict
    assert list(found.reasons) == ([] if reason is None else [reason])
    assert bool(found.remedy) == (verdict != "ok")


def test_a_program_that_waits_for_a_gpu_need_not_run_all_the_time() -> None:
    assert noise.judge(QUIET, Counters(**{**AFTER, "cpu": 2.0}), computes=False).verdict == "ok"


def test_a_system_that_does_not_count_is_not_called_noisy() -> None:
    before = Counters(wall=0.0, cpu=0.0, involuntary=0, waited=None, stolen=None)
    after = Counters(wall=10.0, cpu=10.0, involuntary=0, waited=None, stolen=None)
    assert noise.judge(before, after).verdict == "ok"


def test_the_worst_stretch_is_the_verdict_on_all() -> None:
    parts = [Noise("ok"), Noise("noisy", ("a",), "x"), Noise("bad", ("b",), "x")]
    assert noise.together(parts) == Noise("bad", ("b",), "x")
    assert noise.together([Noise("ok"), Noise("ok")]) == Noise("ok")


def test_two_programs_that_burn_the_cpus_are_noticed() -> None:
    """As many as there are CPUs, and a measuring program that wants one too."""
    burn = f"import time\nprint(flush=True)\nend = time.monotonic() + {PATIENCE}\nwhile time.monotonic() < end: pass"
    burners = [
        subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) for _ in range(max(2, noise_cpus()))
    ]
    try:
        for burner in burners:
            assert burner.stdout is not None
            burner.stdout.readline()
        before = noise.counters()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            pass
        found = noise.judge(before, noise.counters())
    finally:
        for burner in burners:
            burner.kill()
            burner.communicate()
    assert found.verdict in ("noisy", "bad")
    assert found.reasons


def noise_cpus() -> int:
    from archscope.bench.environment import usable_cores

    return usable_cores()


class FakeNvml(SimpleNamespace):
    """What ``pynvml`` answers, for one GPU that got hot."""

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU, NVML_PERF_POLICY_POWER, NVML_PERF_POLICY_THERMAL = 1, 0, 0, 1

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802 - the library's name
        assert uuid == "GPU-abc"
        return uuid

    def nvmlDeviceGetClockInfo(self, device: str, kind: int) -> int:  # noqa: N802
        return 1755

    def nvmlDeviceGetMaxClockInfo(self, device: str, kind: int) -> int:  # noqa: N802
        return 1980

    def nvmlDeviceGetTemperature(self, device: str, kind: int) -> int:  # noqa: N802
        return 61

    def nvmlDeviceGetViolationStatus(self, device: str, policy: int) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(violationTime=[2_000_000_000, 500_000_000][policy])


def test_a_gpu_is_read_and_its_nanoseconds_are_seconds() -> None:
    state = noise.gpu_state(FakeNvml(), "abc")
    assert state == GpuState(clock=1755, clock_limit=1980, temperature=61, power_capped=2.0, throttled=0.5)


class MuteNvml(FakeNvml):
    """A GPU that does not count how long it was slowed."""

    class NVMLError(Exception):
        pass

    def nvmlDeviceGetViolationStatus(self, device: str, policy: int) -> SimpleNamespace:  # noqa: N802
        raise self.NVMLError


def test_a_gpu_that_does_not_count_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from archscope.bench.measure import _Watch

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="abc"))
    watch = _Watch(torch.device("cuda", 0), MuteNvml())
    assert watch._gpu is None
    assert all("GPU" not in reason for reason in watch.verdict().reasons)
    counting = _Watch(torch.device("cuda", 0), FakeNvml(NVMLError=MuteNvml.NVMLError))
    assert counting._gpu is not None


COOL = GpuState(clock=1980, clock_limit=1980, temperature=40, power_capped=1.0, throttled=0.0)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (COOL, "ok"),
        (GpuState(1980, 1980, 70, 1.9, 0.0), "noisy"),
        (GpuState(1980, 1980, 88, 1.0, 0.1), "noisy"),
        (GpuState(1980, 1980, 90, 1.0, 0.5), "bad"),
        (GpuState(1700, 1980, 60, 1.0, 0.0), "noisy"),
    ],
)
def test_heat_power_and_clock_each_have_their_say(after: GpuState, verdict: str) -> None:
    assert noise.judge_gpu(COOL, after, wall=1.0).verdict == verdict

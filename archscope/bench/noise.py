"""Whether somebody else was using the machine: counters of the system, not a guess from the samples.

A benchmark on a busy machine is not wrong, it is of something else. The verdict of a figure is ``ok``,
``noisy`` or ``bad``, with what was seen and what to do about it.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

Verdict = Literal["ok", "noisy", "bad"]
VERDICTS: Final[tuple[Verdict, ...]] = ("ok", "noisy", "bad")

PRESSURE: Final = (0.10, 0.50)
"""Share of the time in which some program waited for a CPU: from here on noisy, from there on bad."""

OFF_CPU: Final = (0.95, 0.70)
"""CPU seconds over wall seconds of a program that always computes: below is noisy, far below is bad."""

SWITCHES: Final = (50.0, 500.0)
"""Times a second that the system took the CPU away from the measuring program."""

STOLEN: Final = (0.02, 0.20)
"""Share of the CPU time that a virtual machine's host gave to others."""

QUIET_MACHINE: Final = "close other programs or wait, then run again"


@dataclass(frozen=True, slots=True)
class Counters:
    """What the system has counted up to one moment; None where it does not count."""

    wall: float
    cpu: float
    involuntary: int
    waited: float | None
    stolen: float | None


@dataclass(frozen=True, slots=True)
class Noise:
    """The verdict on one stretch of time, why, and what would help."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    remedy: str = ""

    def document(self) -> dict[str, Any]:
        """The form it has in a result file."""
        return {**asdict(self), "reasons": list(self.reasons)}


def counters() -> Counters:
    """Read the counters."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Counters(
        wall=time.perf_counter(),
        cpu=usage.ru_utime + usage.ru_stime,
        involuntary=usage.ru_nivcsw,
        waited=_waited(Path("/proc/pressure/cpu")),
        stolen=_stolen(Path("/proc/stat")),
    )


def _waited(path: Path) -> float | None:
    """Seconds in which at least one program was ready and had no CPU."""
    try:
        first = path.read_text().splitlines()[0]
    except (OSError, IndexError):
        return None  # not Linux, or a kernel that does not count it
    return int(first.rpartition("total=")[2]) / 1e6


def _stolen(path: Path) -> float | None:
    """Seconds a CPU that this virtual machine wanted and another got, all CPUs together, over their number."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    cpus = sum(1 for line in lines if line.startswith("cpu")) - 1
    fields = lines[0].split()
    return int(fields[8]) / 100 / max(cpus, 1) if len(fields) > 8 else None


def judge(before: Counters, after: Counters, *, computes: bool = True) -> Noise:
    """The verdict on the time between two readings.

    Args:
        before: the counters at its beginning.
        after: the counters at its end.
        computes: whether the program was computing all along, and not waiting for a GPU.

    >>> quiet = Counters(wall=0, cpu=0, involuntary=0, waited=0, stolen=0)
    >>> judge(quiet, Counters(wall=2, cpu=3.9, involuntary=4, waited=0.01, stolen=0)).verdict
    'ok'
    >>> judge(quiet, Counters(wall=2, cpu=2.1, involuntary=900, waited=1.9, stolen=0)).reasons[0]
    'programs waited for a CPU 95 % of the time'
    """
    wall = max(after.wall - before.wall, 1e-9)
    seen: list[tuple[Verdict, str]] = []
    if before.waited is not None and after.waited is not None:
        share = min((after.waited - before.waited) / wall, 1.0)
        seen.append((_above(share, PRESSURE), f"programs waited for a CPU {share:.0%} of the time".replace("%", " %")))
    switches = (after.involuntary - before.involuntary) / wall
    seen.append((_above(switches, SWITCHES), f"the system took the CPU away {switches:.0f} times a second"))
    if computes:
        running = (after.cpu - before.cpu) / wall
        text = f"the program ran only {running:.0%} of the time".replace("%", " %")
        seen.append((_above(-running, (-OFF_CPU[0], -OFF_CPU[1])), text))
    if before.stolen is not None and after.stolen is not None:
        share = (after.stolen - before.stolen) / wall
        text = f"the host of this virtual machine took {share:.0%} of its CPUs".replace("%", " %")
        seen.append((_above(share, STOLEN), text))
    return _worst(seen, QUIET_MACHINE)


def _above(value: float, limits: tuple[float, float]) -> Verdict:
    return VERDICTS[sum(value > limit for limit in limits)]


def _worst(seen: Iterable[tuple[Verdict, str]], remedy: str) -> Noise:
    bad = [(verdict, text) for verdict, text in seen if verdict != "ok"]
    if not bad:
        return Noise("ok")
    return Noise(max((verdict for verdict, _ in bad), key=VERDICTS.index), tuple(text for _, text in bad), remedy)


def together(parts: Iterable[Noise]) -> Noise:
    """The verdict on several stretches: the worst of them, with every reason once."""
    found = [part for part in parts if part.verdict != "ok"]
    if not found:
        return Noise("ok")
    worst = max(found, key=lambda part: VERDICTS.index(part.verdict))
    return Noise(worst.verdict, worst.reasons, "; ".join(dict.fromkeys(part.remedy for part in found)))


@dataclass(frozen=True, slots=True)
class GpuState:
    """What a GPU says about itself: read, never set.

    Attributes:
        clock: MHz of its multiprocessors now.
        clock_limit: the most they can be.
        temperature: degrees Celsius.
        power_capped: seconds it has run slower to keep within its power limit, since the driver started.
        throttled: seconds it has run slower because of heat.
    """

    clock: int
    clock_limit: int
    temperature: int
    power_capped: float
    throttled: float


def gpu_state(nvml: Any, uuid: str) -> GpuState:
    """Read a GPU's state through ``nvidia-ml-py``."""
    device = nvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")

    def slowed(policy: int) -> float:
        return float(nvml.nvmlDeviceGetViolationStatus(device, policy).violationTime) / 1e9

    return GpuState(
        clock=nvml.nvmlDeviceGetClockInfo(device, nvml.NVML_CLOCK_SM),
        clock_limit=nvml.nvmlDeviceGetMaxClockInfo(device, nvml.NVML_CLOCK_SM),
        temperature=nvml.nvmlDeviceGetTemperature(device, nvml.NVML_TEMPERATURE_GPU),
        power_capped=slowed(nvml.NVML_PERF_POLICY_POWER),
        throttled=slowed(nvml.NVML_PERF_POLICY_THERMAL),
    )


def judge_gpu(before: GpuState, after: GpuState, *, wall: float) -> Noise:
    """The verdict on a GPU between two readings.

    >>> cool = GpuState(clock=1980, clock_limit=1980, temperature=40, power_capped=0.0, throttled=0.0)
    >>> hot = GpuState(clock=1200, clock_limit=1980, temperature=88, power_capped=0.0, throttled=0.9)
    >>> judge_gpu(cool, hot, wall=1.0).reasons[0]
    'the GPU ran slower because of heat 90 % of the time (88 °C)'
    """
    heat = (after.throttled - before.throttled) / wall
    power = (after.power_capped - before.power_capped) / wall
    drop = 1 - after.clock / before.clock if before.clock else 0.0
    hot = f"the GPU ran slower because of heat {heat:.0%} of the time ({after.temperature} °C)"
    capped = f"the GPU ran slower to keep its power limit {power:.0%} of the time"
    slower = f"the GPU's clock fell from {before.clock} to {after.clock} MHz"
    seen = [
        (_above(heat, (0.01, 0.3)), hot.replace("%", " %")),
        (_above(power, (0.2, 2.0)), capped.replace("%", " %")),
        (_above(drop, (0.05, 0.3)), slower),
    ]
    return _worst(seen, "let the GPU cool down and look at `nvidia-smi -q -d PERFORMANCE`")


def from_document(document: Mapping[str, Any]) -> Noise:
    """Read a verdict from its JSON form."""
    return Noise(document["verdict"], tuple(document["reasons"]), document["remedy"])

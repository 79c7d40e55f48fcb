"""What a device can do at best: arithmetic, memory traffic, launches. Measured, or from a file.

>>> ceilings = Ceilings("a device", "by hand", {"bf16": 790e12}, {"copy": 4.3e12})
>>> ceilings.seconds(flops=790e12, traffic=0, peak="bf16")
1.0
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from archscope.bench.schema import CEILINGS, check, read_json
from archscope.errors import NotFound, UsageError
from archscope.files import write_text

DAY: Final = 24 * 3600.0


@dataclass(frozen=True)
class Ceilings:
    """The rates nothing on a device goes beyond.

    Attributes:
        device: what was measured.
        source: ``measured``, ``cached`` with the time it was measured, or where the figures come from.
        peak_flops: FLOP/s of a matrix product, by precision.
        bandwidth: bytes a second of ``read``, ``write`` and ``copy`` (which counts both directions).
        launch: seconds to start one ``op`` eagerly, and one ``node`` of a CUDA graph.
        noise: the verdict on the noise while they were measured.
        cache: bytes of the last cache before memory; None where nobody says.
    """

    device: str
    source: str
    peak_flops: Mapping[str, float]
    bandwidth: Mapping[str, float | None]
    launch: Mapping[str, float] = field(default_factory=dict)
    noise: str = "ok"
    cache: int | None = None

    @property
    def traffic(self) -> float | None:
        """The best rate at which memory was seen to move: a floor must not assume the device slower."""
        return max((rate for rate in self.bandwidth.values() if rate), default=None)

    def seconds(self, *, flops: int, traffic: int, peak: str) -> float | None:
        """The larger of the times for arithmetic and for memory; None where the rate is not known."""
        rate, bandwidth = self.peak_flops.get(peak), self.traffic
        if (flops and not rate) or (traffic and not bandwidth):
            return None
        return max(flops / rate if rate else 0.0, traffic / bandwidth if bandwidth else 0.0)

    def bound(self, *, flops: int, traffic: int, peak: str) -> str | None:
        """Which of the two is the larger: ``compute`` or ``memory``."""
        arithmetic = self.seconds(flops=flops, traffic=0, peak=peak)
        moving = self.seconds(flops=0, traffic=traffic, peak=peak)
        if arithmetic is None or moving is None:
            return None
        return "compute" if arithmetic > moving else "memory"

    def raised(self, again: Ceilings) -> Ceilings:
        """These ceilings with every rate that was higher the second time, and every start that was quicker.

        >>> low = Ceilings("a device", "measured", {"fp32": 1e11}, {"copy": 2e10})
        >>> low.raised(Ceilings("a device", "measured", {"fp32": 3e11}, {"copy": 1e10})).peak_flops
        {'fp32': 300000000000.0}
        """
        return replace(
            self,
            source=again.source if again.source == self.source else f"{self.source}; {again.source} again",
            peak_flops=_best(self.peak_flops, again.peak_flops, max),
            bandwidth=_best(self.bandwidth, again.bandwidth, max),
            launch=_best(self.launch, again.launch, min),
            noise="ok" if "ok" in (self.noise, again.noise) else again.noise,
        )

    def document(self) -> dict[str, Any]:
        """The form it has in a result file."""
        bandwidth = {name: self.bandwidth.get(name) for name in ("read", "write", "copy")}
        return {
            "device": self.device,
            "source": self.source,
            "peak_flops": dict(self.peak_flops),
            "bandwidth": bandwidth,
            "launch": dict(self.launch),
            "noise": self.noise,
            "cache": self.cache,
        }


_EXPECTED: Final = (
    'expected ceilings such as {"peak_flops": {"fp32": 3.2e11}, "bandwidth": {"copy": 2.6e10}}, in FLOP/s and bytes/s'
)


def _best(one: Mapping[str, Any], other: Mapping[str, Any], of: Callable[[list[float]], float]) -> dict[str, Any]:
    """The better figure under each name; None where there is none."""
    both = {name: [rate for rate in (one.get(name), other.get(name)) if rate] for name in {**one, **other}}
    return {name: of(rates) if rates else None for name, rates in both.items()}


def from_document(document: Mapping[str, Any], *, where: str) -> Ceilings:
    """Read ceilings from their JSON form; ``bandwidth`` may be a single number.

    Raises:
        UsageError: a figure is missing or is no positive number.
    """
    document = document.get("ceilings", document)
    if not isinstance(document, Mapping):
        raise UsageError(f"{where}: {_EXPECTED}")
    peaks, bandwidth = document.get("peak_flops"), document.get("bandwidth")
    if isinstance(bandwidth, int | float):
        bandwidth = {"copy": bandwidth}
    check({**document, "peak_flops": peaks, "bandwidth": bandwidth}, CEILINGS, where=where, help=_EXPECTED)
    return Ceilings(
        device=str(document.get("device", where)),
        source=str(document.get("source", where)),
        peak_flops={key: float(rate) for key, rate in (peaks or {}).items() if rate is not None},
        bandwidth={key: None if rate is None else float(rate) for key, rate in (bandwidth or {}).items()},
        launch={key: float(rate) for key, rate in (document.get("launch") or {}).items() if rate is not None},
        noise=str(document.get("noise", "ok")),
        cache=document.get("cache"),
    )


def read_ceilings(path: str | Path) -> Ceilings:
    """Read ceilings from a file: their own JSON, or a whole result file.

    Raises:
        NotFound: there is no such file.
        UsageError: it does not hold ceilings.
    """
    document = read_json(path, "ceilings from ")
    if not isinstance(document, dict):
        raise UsageError(f"{path}: expected a JSON object with `peak_flops` and `bandwidth`")
    return from_document(document, where=str(path))


def cache_folder() -> Path:
    """Where measured ceilings are kept for a day."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "archscope"


def _cache_file(identity: Mapping[str, object]) -> Path:
    text = json.dumps(identity, sort_keys=True, default=str)
    return cache_folder() / f"ceilings-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def cached(identity: Mapping[str, object], *, now: float | None = None) -> Ceilings | None:
    """Ceilings measured within the last day on the same device with the same versions."""
    try:
        document = read_json(_cache_file(identity), "ceilings from ")
        age = (time.time() if now is None else now) - float(document["measured"])
        if not 0 <= age < DAY:
            return None
        kept = from_document(document, where="cache")
    except (ValueError, KeyError, TypeError, OverflowError, NotFound, UsageError):
        return None  # a missing, torn or foreign cache file only costs measuring again
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(float(document["measured"])))
    return replace(kept, source=f"measured {when}, kept for a day")


def keep(ceilings: Ceilings, identity: Mapping[str, object], *, now: float | None = None) -> bool:
    """Keep measured ceilings for a day, unless the machine was noisy; says whether it did."""
    if ceilings.noise != "ok":
        return False
    document = {**ceilings.document(), "measured": time.time() if now is None else now, "identity": dict(identity)}
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        write_text(_cache_file(identity), json.dumps(document, indent=1, default=str) + "\n")
    except (OSError, UsageError):
        return False  # a read-only home costs nothing but the next measurement
    return True

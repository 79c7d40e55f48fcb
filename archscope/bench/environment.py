"""Where a benchmark ran: everything that a person who cannot repeat it would ask about."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

import archscope


def base_environment() -> dict[str, Any]:
    """What can be said without PyTorch."""
    return {
        "archscope": {"version": archscope.__version__},
        "os": {"system": platform.system(), "release": platform.release(), "machine": platform.machine()},
        "python": platform.python_version(),
        "cpu": {
            "model": _cpu_model(),
            "cores": os.cpu_count(),
            "usable": usable_cores(),
            "last_level_cache": last_level_cache(),
            "virtual": _flag("hypervisor"),
        },
        "torch": None,
        "gpu": None,
    }


def torch_environment(torch: Any, device: Any) -> dict[str, Any]:
    """PyTorch's part: version, threads, the modes that change speed, and the GPU if one is used."""
    return {
        "torch": {
            "version": torch.__version__,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version() if torch.version.cuda else None,
            "threads": torch.get_num_threads(),
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        },
        "gpu": _gpu(torch, device) if device.type == "cuda" else None,
    }


def _gpu(torch: Any, device: Any) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {
        "name": properties.name,
        "memory": properties.total_memory,
        "multiprocessors": properties.multi_processor_count,
        "capability": f"{properties.major}.{properties.minor}",
        "l2_cache": getattr(properties, "L2_cache_size", None),
        "uuid": str(getattr(properties, "uuid", "")) or None,
    }


def device_title(environment: dict[str, Any], device: str) -> str:
    """The name under which results are compared: the GPU's, or the CPU's with its threads."""
    gpu = environment.get("gpu")
    if gpu:
        return str(gpu["name"])
    threads = (environment.get("torch") or {}).get("threads")
    model = environment["cpu"]["model"]
    return f"{model}, {device}" if device != "cpu" else f"{model}, {threads} thread{'s' if threads != 1 else ''}"


def usable_cores() -> int:
    """CPUs this program may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def last_level_cache() -> int | None:
    """Bytes of the largest cache of the first CPU, where the system says."""
    sizes = []
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = path.read_text().strip()
        unit = {"K": 2**10, "M": 2**20}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KM")) * unit)
    return max(sizes, default=None)


def free_memory() -> int | None:
    """Bytes of main memory that could be had now: what the system has left, within the container's limit."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            found.append(int(limit) - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except OSError:
        return min(found, default=None)  # no cgroup: what the system said stands alone
    return min(found, default=None)


def _cpu_model() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _flag(name: str) -> bool | None:
    if sys.platform != "linux":
        return None
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return any(line.startswith("flags") and f" {name} " in f"{line} " for line in lines)

"""Measure the ceilings of a device with PyTorch: arithmetic, memory, launches.

All on normal random values: on zeros, chips that draw less power run up to fifteen percent faster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch

from archscope.bench.ceilings import Ceilings
from archscope.bench.clocks import Clock
from archscope.bench.environment import last_level_cache
from archscope.bench.noise import counters, judge
from archscope.bench.precision import PRECISIONS, Precision
from archscope.bench.statistics import Summary
from archscope.bench.timing import LEAST, Limits, calls_per_block, once, period
from archscope.bench.work import fixed_arithmetic

CPU_SIZES: Final = (512, 1024, 2048, 4096)
GPU_SIZES: Final = (2048, 4096, 8192, 16384)
PATIENCE: Final = 4
"""A larger matrix is tried only if its samples take no longer than so many figures."""

CACHES: Final = 4
"""Buffers are this many times as large as the last cache."""

SMALLEST_BUFFER: Final = 64 * 2**20
GPU_BUFFER: Final = 2**30
NODES: Final = 200


def measure_ceilings(
    device: torch.device, clock: Clock, *, title: str, dtypes: Sequence[str], seconds: float
) -> Ceilings:
    """Measure a device.

    Args:
        device: where.
        clock: its clock.
        title: what it is called in results.
        dtypes: the precisions that cells will run in.
        seconds: how long each single figure may take.
    """
    limits = Limits(figure=seconds, samples=2000)
    before = counters()
    with torch.inference_mode():
        products = {PRECISIONS[name].peak: PRECISIONS[PRECISIONS[name].peak] for name in dtypes}
        rates = {peak: _matmul(device, clock, limits, precision) for peak, precision in products.items()}
        traffic = _bandwidth(device, clock, limits)
        launch = {
            name: summary.median / (NODES if name == "node" else 1)
            for name, summary in _launch(device, clock, limits).items()
        }
    noise = judge(before, counters(), computes=device.type == "cpu")
    # A median of a disturbed machine is no ceiling: layers would go through it. The fastest block is the nearest
    # to what the machine can do that was seen.
    quiet = noise.verdict == "ok"

    def best(seen: Sequence[tuple[int, Summary]]) -> float:
        return max(work / (summary.median if quiet else summary.minimum) for work, summary in seen)

    return Ceilings(
        device=title,
        source="measured" if quiet else "measured, the fastest blocks on a noisy machine",
        peak_flops={peak: best(seen) for peak, seen in rates.items() if seen},
        bandwidth={name: best(seen) for name, seen in traffic.items()},
        launch=launch,
        noise=noise.verdict,
        cache=_cache(device),
    )


def _timed(clock: Clock, call: Callable[[], object], limits: Limits) -> Summary:
    """A call among many."""
    once(clock, call)
    estimate = once(clock, call)
    return period(clock, call, limits, calls=calls_per_block(estimate)).summary


def _matmul(device: torch.device, clock: Clock, limits: Limits, precision: Precision) -> list[tuple[int, Summary]]:
    """Matrix products of several sizes, with their FLOPs; none where the device has none of this kind."""
    seen: list[tuple[int, Summary]] = []
    if precision.name == "tf32" and device.type != "cuda":
        return seen
    dtype = getattr(torch, precision.torch)
    with fixed_arithmetic(precision):
        for size in GPU_SIZES if device.type == "cuda" else CPU_SIZES:
            a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            c = torch.empty_like(a)

            def call(a: torch.Tensor = a, b: torch.Tensor = b, c: torch.Tensor = c) -> object:
                return torch.mm(a, b, out=c)

            seen.append((2 * size**3, _timed(clock, call, limits)))
            if seen[-1][1].minimum * 8 * (LEAST + 2) > PATIENCE * limits.figure:
                break
    return seen


def _bandwidth(device: torch.device, clock: Clock, limits: Limits) -> Mapping[str, list[tuple[int, Summary]]]:
    """Reading, writing and copying buffers that no cache holds, with the bytes that move."""
    size = _buffer_bytes(device)
    source = torch.randn(size // 4, device=device)
    target = torch.empty_like(source)
    rows = source.view(-1, 4096)
    vector = torch.randn(4096, device=device)
    product = torch.empty(rows.shape[0], device=device)
    return {
        "read": [
            (size, _timed(clock, source.sum, limits)),
            (size, _timed(clock, lambda: torch.mv(rows, vector, out=product), limits)),
        ],
        "write": [(size, _timed(clock, lambda: target.fill_(1.5), limits))],
        "copy": [(2 * size, _timed(clock, lambda: target.copy_(source), limits))],
    }


def _cache(device: torch.device) -> int | None:
    """Bytes of the last cache before memory, where the device says."""
    if device.type == "cuda":
        found: int | None = getattr(torch.cuda.get_device_properties(device), "L2_cache_size", None)
        return found
    return last_level_cache()


def _buffer_bytes(device: torch.device) -> int:
    caches = CACHES * (_cache(device) or 0)
    if device.type == "cuda":
        return max(caches, min(GPU_BUFFER, torch.cuda.mem_get_info(device)[0] // 8)) // 16384 * 16384
    return max(caches, SMALLEST_BUFFER) // 16384 * 16384


def _launch(device: torch.device, clock: Clock, limits: Limits) -> Mapping[str, Summary]:
    """Seconds to start one small operation, eagerly and, on CUDA, as a node of a graph."""
    tiny = torch.zeros(1, device=device)
    costs = {"op": _timed(clock, lambda: tiny.add_(1.0), limits)}
    if device.type == "cuda":
        costs["node"] = _timed(clock, _chain(tiny), limits)
    return costs


def _chain(tiny: torch.Tensor) -> Callable[[], Any]:
    stream = torch.cuda.Stream(tiny.device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        tiny.add_(1.0)
    torch.cuda.current_stream(tiny.device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(NODES):
            tiny.add_(1.0)
    replay: Callable[[], Any] = graph.replay
    return replay

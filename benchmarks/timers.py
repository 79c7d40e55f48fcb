"""Hold archscope's timing of one matrix product against other people's timers, in one run.

    python benchmarks/timers.py [--device cuda] [--size 4096] [--dtype bfloat16]

Prints the median of each and its ratio to archscope's. ``torch.utils.benchmark`` is compared everywhere,
``triton.testing.do_bench`` on CUDA. Rounds alternate between the timers, so that a machine that slows down or
speeds up does so for all of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import torch
from torch.utils.benchmark import Timer

from archscope.bench.clocks import clock_for
from archscope.bench.devices import find_device
from archscope.bench.noise import counters, judge
from archscope.bench.timing import Limits, calls_per_block, host_and_device, once, period


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int)
    parser.add_argument("--dtype")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    device = find_device(torch, asked.device)
    size = asked.size or (4096 if device.type == "cuda" else 1024)
    dtype = getattr(torch, asked.dtype or ("bfloat16" if device.type == "cuda" else "float32"))
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    c = torch.empty_like(a)

    def call() -> object:
        return torch.mm(a, b, out=c)

    timers = timers_for(call, device, {"a": a, "b": b, "c": c, "torch": torch})
    seen: dict[str, list[float]] = {name: [] for name in timers}
    before = counters()
    for _ in range(asked.rounds):
        for name, timer in timers.items():
            seen[name].append(timer())
    noise = judge(before, counters(), computes=device.type == "cpu")
    own = median(seen["archscope"])
    print(f"{size}³ {dtype} on {device}, {asked.rounds} rounds in turn; noise: {noise.verdict} {list(noise.reasons)}")
    for name, times in seen.items():
        print(f"{name:24} {median(times) * 1e6:10.1f} µs   {median(times) / own:.3f} of archscope's")


def timers_for(
    call: Callable[[], object], device: torch.device, names: dict[str, object]
) -> dict[str, Callable[[], float]]:
    """Every timer there is for this device, as a function that returns seconds a call."""
    clock = clock_for(torch, device)
    limits = Limits(figure=0.5, samples=5000)
    estimate = min(once(clock, call) for _ in range(3))

    def ours() -> float:
        if device.type == "cuda":
            apart = host_and_device(clock, call, limits, estimate=estimate)
            if apart is not None:
                return apart[1].summary.median
        return period(clock, call, limits, calls=calls_per_block(estimate)).summary.median

    def theirs() -> float:
        timer = Timer("torch.mm(a, b, out=c)", globals=names, num_threads=torch.get_num_threads())
        return float(timer.blocked_autorange(min_run_time=0.5).median)

    timers: dict[str, Callable[[], float]] = {"archscope": ours, "torch.utils.benchmark": theirs}
    if device.type == "cuda":
        from triton.testing import do_bench

        timers["triton.do_bench"] = lambda: float(do_bench(call, return_mode="median")) * 1e-3
    return timers


if __name__ == "__main__":
    main()

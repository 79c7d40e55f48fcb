"""``python -m tools.fuzz --minutes 60``: try everything in turn, and say what failed and how to try it again."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from tools.fuzz import faults, files, programs, requests, results, specs, stores, texts, weights
from tools.fuzz.watching import say

SLOW: Final = 5.0
"""Seconds of computing that no answer may take; those of other programs on the machine are not counted."""
_SHARES: Final = {"specs": 20, "results": 3, "kept": 2, "onnx": 2, "keras": 2, "caffe": 2, "weights": 2}
"""Parts of the time: what most people write and hand on is tried most; the others have one part each."""
_TOLD: Final = 50_000
"""Tries after which a line says how many there were."""


def _stacks(random: Random) -> str | None:
    from tools.fuzz import stacks  # PyTorch is not loaded for the others

    return stacks.one(random)


def _memories(random: Random) -> str | None:
    from tools.fuzz import memories

    return memories.one(random)


def _products(random: Random) -> str | None:
    from tools.fuzz import products

    return products.one(random)


def _jaxes(random: Random) -> str | None:
    from tools.fuzz import jaxes  # nor JAX

    return jaxes.one(random)


def _exports(random: Random) -> str | None:
    from tools.fuzz import exports  # nor PyTorch's exporters

    return exports.one(random)


HARNESSES: Final[dict[str, Callable[[Random], str | None]]] = {
    "specs": specs.one,
    "results": results.one,
    "kept": results.kept,
    "stacks": _stacks,
    "memory": _memories,
    "products": _products,
    "texts": texts.one,
    "faults": faults.one,
    "onnx": files.onnx,
    "keras": files.keras,
    "stores": stores.one,
    "jax": _jaxes,
    "weights": weights.one,
    "caffe": files.caffe,
    "requests": requests.one,
    "budgets": requests.budgets,
    "pairs": requests.pairs,
    "answers": requests.answers,
    "config": files.config,
    "programs": programs.one,
    "exports": _exports,
}


def main() -> int:
    """Run until the time is over; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first seed; each try has the next")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="most tries")
    parser.add_argument("--only", choices=HARNESSES, help="one harness")
    asked = parser.parse_args()
    chosen = [asked.only] if asked.only else list(HARNESSES)
    if "config" in chosen:
        files.ready()
    if "specs" in chosen:
        specs.ready()
    end = time.monotonic() + 60 * asked.minutes
    tried, failed = Counter[str](), Counter[str]()
    spent = dict.fromkeys(chosen, 0.0)
    for seed in range(asked.seed, asked.seed + asked.count):
        if time.monotonic() > end:
            break
        name = min(chosen, key=lambda each: spent[each] / _SHARES.get(each, 1))  # the quick ones try more
        start = _computed()
        failure = HARNESSES[name](Random(seed))
        took = _computed() - start
        spent[name] += took
        tried[name] += 1
        if failure or took > SLOW:
            failed[name] += 1
            say(f"--only {name} --seed {seed} --count 1: {failure or f'took {took:.1f} s'}")
        if sum(tried.values()) % _TOLD == 0:
            say(f"{sum(tried.values()):,} tried, {sum(failed.values()):,} failed")
    for name in chosen:
        say(f"{name}: {tried[name]:,} tried in {spent[name]:,.0f} s of computing, {failed[name]:,} failed")
    return 1 if failed else 0


def _computed() -> float:
    """Seconds that this process and those it has started have computed."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    sys.exit(main())

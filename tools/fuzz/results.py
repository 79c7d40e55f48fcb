"""Result files of `archscope bench` and kept ceilings with changes in them, before all that reads them."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tools.fuzz.mutating import ODD, mutated
from tools.fuzz.watching import wrong_with, wrong_with_command

_ROOT = Path(__file__).parents[2]


@cache
def _whole() -> tuple[Any, ...]:
    """Result files as they are written."""
    named = ("docs/benchmarks/cpu.json", "tests/site/lenet5-bench.json")
    return tuple(json.loads((_ROOT / name).read_text(encoding="utf-8")) for name in named)


def one(random: Random) -> str | None:
    """Report on a mutated result, compare it, draw it, put it on a page."""
    whole = random.choice(_whole())
    text = json.dumps(mutated(whole, random))
    if random.random() < 0.05:
        at = random.randrange(len(text))
        text = random.choice((text[:at], text[:at] + "[" * 5000, text[:at] + "\udcff" + text[at:]))
    with tempfile.TemporaryDirectory() as folder:
        path, other = Path(folder) / "mutated.json", Path(folder) / "whole.json"
        path.write_bytes(text.encode(errors="surrogateescape"))
        other.write_text(json.dumps(whole), encoding="utf-8")
        way = random.randrange(5)
        if way == 4:
            return _on_a_page(path)
        arguments: list[list[str]] = [
            ["--read", str(path), "--format", random.choice(("table", "markdown", "csv", "json"))],
            ["--read", str(other), "--compare", str(path)],
            ["--read", str(path), "--compare", str(other)],
            ["--read", str(path), "--plot", str(Path(folder) / "plot.svg")],
        ]
        return wrong_with_command(["bench", *arguments[way]])


def _on_a_page(path: Path) -> str | None:
    from archscope import analyze, load
    from archscope.errors import ArchscopeError
    from archscope.site import benchmarks

    def shown() -> None:
        documents, mistakes = benchmarks.read([path])
        for name in ("lenet5", "alexnet"):
            for each, document in documents.items():
                benchmarks.measurement(analyze(load(name)), each, document, 1)
        if mistakes:
            raise ArchscopeError(mistakes[0])

    return wrong_with(shown)


def kept(random: Random) -> str | None:
    """A file of kept ceilings that is not what was kept: it is measured anew, without a word."""
    from archscope.bench import ceilings

    identity = {"device": "a device"}
    good = {"device": "a device", "source": "measured", "peak_flops": {"fp32": 1e11}, "bandwidth": {"copy": 1e10},
            "launch": {"op": 1e-6}, "noise": "ok", "measured": 1000.0}  # fmt: skip
    text = json.dumps(random.choice((mutated(good, random), random.choice(ODD))))
    text = text[: random.randrange(len(text) + 1)] if random.random() < 0.2 else text
    before = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            place = ceilings._cache_file(identity)
            place.parent.mkdir()
            if random.random() < 0.05:
                place.mkdir()
            else:
                place.write_bytes(text.encode(errors="replace"))

            def read() -> None:
                found = ceilings.cached(identity, now=1500.0)
                if found is not None:
                    found.seconds(flops=10**12, traffic=10**9, peak="fp32")
                    ceilings.keep(found, identity, now=1500.0)

            return wrong_with(read)
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before

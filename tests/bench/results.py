"""Answers of a worker that measures nothing: what the other side makes of them is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import archscope
from archscope.bench.ceilings import Ceilings
from archscope.bench.plan import Cell, plan
from archscope.bench.processes import WorkerGone
from archscope.bench.run import Job, Run

CEILINGS = Ceilings(
    "a fake device", "by hand", {"fp32": 1e11, "bf16": 2e11}, {"read": 2e10, "write": 1e10, "copy": 2e10}, {"op": 1e-6},
    cache=1 << 25,
)  # fmt: skip
QUIET = {"verdict": "ok", "reasons": [], "remedy": ""}


def figure(seconds: float, spread: float = 0.002) -> dict[str, Any]:
    return {"samples": [seconds * (1 + spread * (i % 5 - 2) / 2) for i in range(25)], "stop": "ci"}


def measured(cell: Cell, seconds: float, **changes: Any) -> dict[str, Any]:
    """A good round in which the layers share the time evenly, but for LRN, which takes as much as ten."""
    analysis = archscope.analyze(archscope.load(cell.model))
    weights = {node.name: 10.0 if node.layer.type == "lrn" else 1.0 for node in analysis.network.nodes}
    whole = sum(weights.values())
    answer = {
        "status": "ok",
        "error": None,
        "figures": {"latency": figure(seconds), "period": None, "device": None, "host": None},
        "first_call": 2 * seconds,
        "compile": None,
        "layers": {
            "nodes": {name: 0.98 * seconds * weight / whole for name, weight in weights.items()},
            "whole": seconds,
            "instrumented": 1.01 * seconds,
            "runs": 20,
        },
        "memory": {"peak_allocated": None},
        "check": {"rel_l2": 3e-7, "passed": True},
        "noise": QUIET,
        "flags": [],
    }
    return {**answer, **changes}


class FakeWorker:
    """Answers as told; remembers what it was asked."""

    def __init__(
        self, answers: Callable[[Cell, int], Any], log: list[Any], ceilings: Callable[[int], Ceilings]
    ) -> None:
        self._answers = answers
        self._ceilings = ceilings
        self.log = log
        log.append("start")

    def ask(self, request: Mapping[str, Any], *, timeout: float) -> dict[str, Any]:
        if request["do"] == "hello":
            environment = {"archscope": {"version": "0"}, "cpu": {}, "torch": {"version": "2.13.0"}, "gpu": None}
            return {"device": "cpu", "title": "a fake device", "environment": environment}
        if request["do"] == "operations":
            return {"operations": [[1000, 1000]], "launches": {"lrn1": 14, "lrn2": 14}}
        if request["do"] == "ceilings":
            self.log.append("ceilings")
            return self._ceilings(self.log.count("ceilings")).document()
        cell = Cell(**{**request["cell"], "model": request["cell"]["model"].rpartition("/")[2].removesuffix(".yaml")})
        self.log.append(cell.id)
        answer = self._answers(cell, self.log.count(cell.id))
        if isinstance(answer, BaseException):
            raise answer
        return dict(answer)

    def close(self) -> None:
        self.log.append("close")


def run(
    answers: Callable[[Cell, int], Any],
    models: tuple[str, ...] = ("lenet5",),
    *,
    batches: tuple[int, ...] = (1,),
    rounds: int = 3,
    output: Path | None = None,
    ceilings: Ceilings | None = CEILINGS,
    device: Callable[[int], Ceilings] = lambda _: CEILINGS,
    **axes: tuple[str, ...],
) -> tuple[Run, list[Any]]:
    """A run over fake workers, not yet started, and the log of what they were asked."""
    analyses = {name: archscope.analyze(archscope.load(name)) for name in models}
    cells = plan(list(models), batches=batches, **axes)
    log: list[Any] = []
    job = Job(cells=cells, analyses=analyses, rounds=rounds, ceilings=ceilings, output=output)
    return Run(job, start=lambda _: FakeWorker(answers, log, device)), log


def killed() -> WorkerGone:
    return WorkerGone("killed", "the measuring process was killed by SIGKILL")


def finished(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """The document of a run over fake workers."""
    made, _ = run(*args, **kwargs)
    made.measure()
    return made.document()

"""Run a benchmark: every cell once a round, each round in a fresh process, a valid file after every step.

This side never loads PyTorch; the processes it starts do.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from archscope.analysis import Analysis
from archscope.bench.ceilings import Ceilings, cached, from_document, keep
from archscope.bench.merging import beats, merge
from archscope.bench.plan import Cell, shuffled
from archscope.bench.processes import Asks, WorkerGone, WorkerProcess
from archscope.bench.timing import Limits
from archscope.errors import ArchscopeError
from archscope.escaping import json_text
from archscope.files import write_text

SCHEMA: Final = "archscope.bench/1"
STATUSES: Final = ("ok", "oom", "unsupported", "incorrect", "timeout", "killed", "device_lost", "error")
START_TIMEOUT: Final = 180.0


class Refused(ArchscopeError):
    """A worker refused the request; the exit code is the one it gave."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Job:
    """What to measure and how.

    Attributes:
        cells: the cells, in the order in which they are reported.
        analyses: the networks by the name that cells call them.
        requests: how a worker opens those of which more was said than a name; see `archscope.opening.Request`.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
        rounds: fresh processes.
        limits: how long each figure may take.
        ceiling_seconds: how long each ceiling may take.
        timeout: seconds after which a cell is given up.
        seed: of weights, inputs and the order of cells.
        layers: whether to time layers.
        ceilings: given ceilings; measured where there are none.
        fresh_ceilings: measure them even where yesterday's are kept.
        output: the file that is written after every cell.
        argv: what the person typed.
    """

    cells: tuple[Cell, ...]
    analyses: Mapping[str, Analysis]
    requests: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    rounds: int = 3
    limits: Limits = Limits()
    ceiling_seconds: float = 0.5
    timeout: float = 600.0
    seed: int = 0
    layers: bool = True
    ceilings: Ceilings | None = None
    fresh_ceilings: bool = False
    output: Path | None = None
    argv: tuple[str, ...] = ()


class Progress(Protocol):
    """Somebody who is told how far it is."""

    def step(self, done: int, total: int, doing: str) -> None:
        """A step begins."""
        ...

    def tick(self) -> None:
        """Time passes."""
        ...


class Silent:
    """Progress that nobody looks at."""

    def step(self, done: int, total: int, doing: str) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""


Start = Callable[[Callable[[], None]], Asks]


@dataclass
class Run:
    """A benchmark on its way: the document is valid at every moment, whatever happens next."""

    job: Job
    progress: Progress = field(default_factory=Silent)
    start: Start = WorkerProcess

    def __post_init__(self) -> None:
        self._created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._rounds: dict[Cell, list[Mapping[str, Any]]] = {cell: [] for cell in self.job.cells}
        self._eager: dict[Cell, Mapping[str, Any]] = {}
        self._ceilings: Ceilings | None = self.job.ceilings
        self._again = False
        self._hello: dict[str, Any] = {}
        self._worker: Asks | None = None
        self._done = 0
        self._elapsed = {"imports": 0.0, "ceilings": 0.0, "cells": 0.0}

    def measure(self) -> None:
        """Measure everything; `document` tells what there is, also after an interrupt.

        Raises:
            ArchscopeError: the device is not there.
        """
        try:
            for number in range(self.job.rounds):
                self._round(number)
        finally:
            self._end_worker()

    def _round(self, number: int) -> None:
        self._end_worker()
        self._again = False
        for cell in shuffled(self.job.cells, seed=self.job.seed, round=number):
            if not self._failed(cell):
                self._say(f"{cell.id}, round {number + 1} of {self.job.rounds}")
                self._rounds[cell].append(self._measure(cell))
                if self.job.output is not None:
                    self.write(self.job.output)
            self._done += 1

    def _failed(self, cell: Cell) -> bool:
        return any(each["status"] != "ok" for each in self._rounds[cell])

    def _say(self, doing: str) -> None:
        self.progress.step(self._done, len(self.job.cells) * self.job.rounds, doing)

    def _measure(self, cell: Cell) -> Mapping[str, Any]:
        settings = {"limits": asdict(self.job.limits), "seed": self.job.seed, "layers": self.job.layers}
        model = self._model(cell)
        request = {"do": "cell", "cell": {**cell.document(), "model": model}, "settings": settings}
        try:
            worker = self._ready()
            with self._stopwatch("cells"):
                if cell not in self._eager:
                    self._eager[cell] = {}
                    listing = {"do": "operations", **cell.document(), "model": model}
                    self._eager[cell] = self._ask(worker, listing, self.job.timeout)
                answer = self._ask(worker, request, self.job.timeout)
        except WorkerGone as gone:
            self._end_worker()
            return {"status": gone.status, "error": str(gone)}
        if answer["status"] == "device_lost":
            self._end_worker()
        elif answer["status"] == "ok":
            self._hold(cell, answer, worker)
        return answer

    def _hold(self, cell: Cell, answer: Mapping[str, Any], worker: Asks) -> None:
        """Measure the ceilings again, beside the cell that beat them: once a round, and never given ones."""
        if self._ceilings is None or self.job.ceilings is not None or self._again:
            return
        merged = merge(cell, self.job.analyses[cell.model], self._ceilings, [answer], self._eager[cell])
        if beats(merged):
            self._again = True
            try:
                self._ceilings = self._ceilings.raised(self._ask_ceilings(worker))
            except WorkerGone:
                self._end_worker()  # the cell has its answer; the next one starts a fresh worker
                return
            keep(self._ceilings, self._identity())

    @contextmanager
    def _stopwatch(self, part: str) -> Iterator[None]:
        """Add up how long the benchmark itself takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._elapsed[part] += time.monotonic() - began

    def _model(self, cell: Cell) -> str:
        """What the worker loads: a spec of that name, or the file it was read from."""
        return self.job.requests.get(cell.model) or self.job.analyses[cell.model].network.path or cell.model

    def _ready(self) -> Asks:
        """The worker at hand, or a fresh one that has found its device."""
        if self._worker is None:
            self._worker = self.start(self.progress.tick)
            with self._stopwatch("imports"):
                hello = {"do": "hello", "device": self.job.device, "requests": list(self.job.requests.values())}
                self._hello = self._ask(self._worker, hello, START_TIMEOUT)
        if self._ceilings is None:
            self._ceilings = self._find_ceilings(self._worker)
        return self._worker

    def _find_ceilings(self, worker: Asks) -> Ceilings:
        kept = None if self.job.fresh_ceilings else cached(self._identity())
        if kept is not None:
            return kept
        measured = self._ask_ceilings(worker)
        keep(measured, self._identity())
        return measured

    def _dtypes(self) -> list[str]:
        return sorted({cell.dtype for cell in self.job.cells})

    def _identity(self) -> dict[str, Any]:
        """What ceilings hold for."""
        environment = self._hello["environment"]
        return {
            "device": self._hello["title"],
            "versions": [environment["archscope"], environment["torch"], environment["gpu"]],
            "dtypes": self._dtypes(),
            "seconds": self.job.ceiling_seconds,
        }

    def _ask_ceilings(self, worker: Asks) -> Ceilings:
        self._say("ceilings of the device")
        request = {
            "do": "ceilings",
            "title": self._hello["title"],
            "dtypes": self._dtypes(),
            "seconds": self.job.ceiling_seconds,
        }
        with self._stopwatch("ceilings"):
            return from_document(self._ask(worker, request, self.job.timeout), where="measured")

    @staticmethod
    def _ask(worker: Asks, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        answer = worker.ask(request, timeout=timeout)
        if "exit_code" in answer:
            raise Refused(answer["error"], answer["exit_code"])
        return answer

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def answers(self, cell: Cell) -> dict[str, Any]:
        """What the workers answered about a cell and themselves, for somebody else to merge."""
        return {
            "hello": self._hello,
            "ceilings": None if self._ceilings is None else self._ceilings.document(),
            "rounds": self._rounds[cell],
            "eager": self._eager.get(cell, {}),
            "elapsed": dict(self._elapsed),
        }

    def document(self) -> dict[str, Any]:
        """Everything measured so far, in schema ``archscope.bench/1``."""
        cells = []
        if self._ceilings is not None:
            for cell, rounds in self._rounds.items():
                if rounds:
                    analysis = self.job.analyses[cell.model]
                    cells.append(merge(cell, analysis, self._ceilings, rounds, self._eager.get(cell, {})))
        else:
            cells = [
                {"id": cell.id, "status": rounds[-1]["status"], "error": rounds[-1]["error"]}
                for cell, rounds in self._rounds.items()
                if rounds
            ]
        advise(cells)
        return {
            "schema": SCHEMA,
            "flop_convention": "2*mac",
            "created": self._created,
            "argv": list(self.job.argv),
            "device": self._hello.get("device"),
            "environment": self._hello.get("environment"),
            "ceilings": None if self._ceilings is None else self._ceilings.document(),
            "settings": {
                "rounds": self.job.rounds, "seed": self.job.seed, **asdict(self.job.limits),
                "cells": len(self.job.cells),
            },
            "elapsed": dict(self._elapsed),
            "cells": cells,
        }  # fmt: skip

    def write(self, path: Path) -> None:
        """Write the document, whole or not at all."""
        write_text(path, json_text(self.document(), indent=1) + "\n")


def advise(cells: Sequence[dict[str, Any]]) -> None:
    """Tell a cell that did not fit the largest batch that did."""
    for cell in cells:
        if cell["status"] != "oom" or "model" not in cell:
            continue
        like = [
            other["batch"]
            for other in cells
            if other["status"] == "ok"
            and all(other.get(axis) == cell[axis] for axis in ("dtype", "layout", "engine", "mode"))
            and other["model"]["name"] == cell["model"]["name"]
        ]
        fitted = f"the largest listed batch that fitted is {max(like)}" if like else "no listed batch fitted"
        cell["error"] = f"{cell['error']}; {fitted}"


def exit_status(document: Mapping[str, Any]) -> int:
    """0 where any cell is good, 1 where none is or an output differs from the reference."""
    statuses = [cell["status"] for cell in document["cells"]]
    if "incorrect" in statuses or "ok" not in statuses:
        return 1
    return 0

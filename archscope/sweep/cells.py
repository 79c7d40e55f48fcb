"""`Cells`: the cells of a benchmark on workers of a cluster that declare a GPU, one at a time on each.

Dask chooses the worker, and has a cell measured again by another where one dies. On its worker a cell is a `Run` of its
own: each of its rounds is a fresh process of that machine. What comes back is merged here, as if it had been measured
here.
"""

from __future__ import annotations

import datetime
import importlib
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from archscope import __version__
from archscope.analysis import analyze
from archscope.bench.ceilings import Ceilings, from_document
from archscope.bench.merging import merge
from archscope.bench.plan import Cell
from archscope.bench.processes import WorkerProcess
from archscope.bench.run import SCHEMA, Job, Progress, Refused, Run, Silent, Start, advise
from archscope.errors import ArchscopeError, UsageError
from archscope.escaping import json_text
from archscope.files import write_text
from archscope.opening import opened
from archscope.reader.variants import split
from archscope.requests import Request
from archscope.sweep.cluster import TIMEOUT, Cluster, ClusterGone, check_versions

GPU: Final = {"GPU": 1.0}
"""What a worker has to declare, and what a cell takes of it."""
TICK: Final = 0.2
AHEAD: Final = 2
"""Cells that are sent for each worker: one that is measured, and the next."""

_alone = threading.Lock()


@dataclass(frozen=True)
class Task:
    """What a worker is sent: one cell, how its network is opened, and a file where it stands in one."""

    job: Job
    request: Request
    file: tuple[str, bytes] | None
    start: Start


def task_for(job: Job, cell: Cell, request: Request, start: Start) -> Task:
    """The task of a cell; a network in a file travels with it, for its worker may be another machine."""
    path = Path(split(request.spec)[0])
    file = (path.name, path.read_bytes()) if path.is_file() else None
    return Task(replace(job, cells=(cell,), analyses={}, requests={}, output=None), request, file, start)


def measured(task: Task) -> dict[str, Any]:
    """Measure a cell where this runs, alone in this process whatever its worker declares."""
    distributed: Any = importlib.import_module("distributed")
    told: dict[str, Any] = {"version": __version__, "worker": distributed.get_worker().address}
    (cell,) = task.job.cells
    with _alone, tempfile.TemporaryDirectory() as folder:
        request = task.request
        if task.file is not None:
            name, content = task.file
            Path(folder, name).write_bytes(content)
            request = request.replace(spec=str(Path(folder, name)) + request.spec[len(split(request.spec)[0]) :])
        try:
            job = replace(task.job, analyses={cell.model: analyze(opened(request)[0])},
                          requests={cell.model: request.document()})  # fmt: skip
            run = Run(job, start=task.start)
            run.measure()
        except ArchscopeError as error:
            return {**told, "refused": str(error), "exit_code": error.exit_code}
        return {**told, **run.answers(cell)}


def with_gpu(cluster: Cluster) -> list[str]:
    """The addresses of the workers that declare a GPU."""
    return [name for name, each in cluster.there().items() if (each.get("resources") or {}).get("GPU", 0) >= 1]


def require_gpus(cluster: Cluster) -> None:
    """Insist on workers that declare a GPU and have one version of PyTorch.

    Raises:
        ClusterGone: no worker declares one, or one has no PyTorch.
        UsageError: they have several versions of PyTorch, or another than this program.
    """
    found = with_gpu(cluster)
    if not found:
        raise ClusterGone(f"no worker of {cluster.name} declares a GPU; start one with "
                          f"`dask worker {cluster.name} --resources GPU=1`")  # fmt: skip
    check_torch({"this program": _torch_here(), **cluster.client.run(_asks_torch(), workers=found)})


def check_torch(versions: Mapping[str, str]) -> None:
    """Insist on one version of PyTorch, whatever it was built for: `2.13.0+cpu` and `2.13.0+cu130` are one.

    Raises:
        ClusterGone: a worker has none.
        UsageError: two differ.
    """
    (_, here), *workers = versions.items()
    for name, version in workers:
        if not version:
            raise ClusterGone(f"the worker {name} has no PyTorch; install torch {here} there")
        if version.partition("+")[0] != here.partition("+")[0]:
            raise UsageError(
                f"the worker {name} has torch {version}, and this is {here}; install the same version there"
            )


def _torch_here() -> str:
    return _asks_torch()()


def _asks_torch() -> Callable[[], str]:
    """A function that travels by value, as `archscope.sweep.cluster` has one for archscope's version."""

    def version() -> str:
        from importlib import metadata

        try:
            return metadata.version("torch")
        except metadata.PackageNotFoundError:
            return ""

    version.__module__ = "__main__"
    return version


@dataclass
class Cells:
    """A benchmark on a cluster; like `Run`, its document is valid at every moment."""

    job: Job
    requests: Mapping[str, Request]
    cluster: Cluster
    progress: Progress = field(default_factory=Silent)
    start: Start = WorkerProcess

    def __post_init__(self) -> None:
        self._created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._answers: dict[Cell, dict[str, Any]] = {}
        self._ceilings: Ceilings | None = self.job.ceilings
        self._workers: dict[str, dict[str, Any]] = {}
        self._title = ""
        self._elapsed = {"imports": 0.0, "ceilings": 0.0, "cells": 0.0}
        self._seen = time.monotonic()

    def measure(self) -> None:
        """Measure everything; `document` tells what there is, whatever ends it.

        Raises:
            ClusterGone: the scheduler, or every worker with a GPU, is gone.
            UsageError: a worker has another version, or another device than the others.
            Refused: a worker refused, as where its device is not there.
        """
        waiting, under_way = deque(self.job.cells), dict[Any, Cell]()
        ready = threading.Event()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < AHEAD * max(1, len(with_gpu(self.cluster))):
                    cell = waiting.popleft()
                    task = task_for(self.job, cell, self.requests[cell.model], self.start)
                    future = self.cluster.client.submit(measured, task, resources=GPU, pure=False)
                    under_way[future] = cell
                    future.add_done_callback(lambda _: ready.set())
                self._say(under_way)
                ready.wait(TICK)
                ready.clear()
                self._look()
                for future in [each for each in under_way if each.done()]:
                    self._take(under_way.pop(future), future)
        finally:
            self.cluster.client.cancel(list(under_way))

    def _say(self, under_way: Mapping[Any, Cell]) -> None:
        doing = next(iter(under_way.values())).id
        others = " and others" if len(under_way) > 1 else ""
        self.progress.step(len(self._answers), len(self.job.cells), doing + others)
        self.progress.tick()

    def _look(self) -> None:
        """See whether anybody is there who could measure."""
        now = time.monotonic()
        running = self.cluster.client.status == "running"
        if running and with_gpu(self.cluster):
            self._seen = now
        elif now - self._seen > self.cluster.patience:
            gone = "has no workers with a GPU any more" if running else "does not answer any more"
            missing = len(self.job.cells) - len(self._answers)
            raise ClusterGone(f"{self.cluster.name} {gone}; {missing} of {len(self.job.cells)} cells are missing")

    def _take(self, cell: Cell, future: Any) -> None:
        if future.status == "error":
            error = future.exception(timeout=TIMEOUT)
            died = type(error).__name__ == "KilledWorker"
            why = "its workers died again and again" if died else f"{type(error).__name__}: {error}"
            self._answers[cell] = {"rounds": [{"status": "killed" if died else "error", "error": why}], "eager": {}}
        elif future.status == "finished":
            self._keep(cell, future.result(timeout=TIMEOUT))
        else:
            raise ClusterGone(f"{self.cluster.name} does not answer any more")
        if self.job.output is not None:
            self.write(self.job.output)

    def _keep(self, cell: Cell, answer: dict[str, Any]) -> None:
        worker = answer["worker"]
        check_versions({worker: answer["version"]})
        if "refused" in answer:
            raise Refused(f"{worker}: {answer['refused']}", answer["exit_code"])
        hello = answer["hello"]
        if hello:
            self._title = self._title or hello["title"]
            if hello["title"] != self._title:
                raise UsageError(f"the worker {worker} has the device {hello['title']}, and others have {self._title}; "
                                 "a result is of one kind of device")  # fmt: skip
            self._workers[worker] = {"device": hello["device"], "environment": hello["environment"]}
        if answer["ceilings"] is not None and self.job.ceilings is None:
            found = from_document(answer["ceilings"], where=worker)
            self._ceilings = found if self._ceilings is None else self._ceilings.raised(found)
        for part, seconds in answer["elapsed"].items():
            self._elapsed[part] += seconds
        self._answers[cell] = answer

    def document(self) -> dict[str, Any]:
        """Everything measured so far, in schema ``archscope.bench/1``; each cell names its worker."""
        cells = [{**self._cell(cell), "worker": self._answers[cell].get("worker")} for cell in self.job.cells
                 if cell in self._answers]  # fmt: skip
        advise(cells)
        first: dict[str, Any] = next(iter(self._workers.values()), {})
        return {
            "schema": SCHEMA, "flop_convention": "2*mac", "created": self._created, "argv": list(self.job.argv),
            "device": first.get("device"), "environment": first.get("environment"), "workers": dict(self._workers),
            "ceilings": None if self._ceilings is None else self._ceilings.document(),
            "settings": {"rounds": self.job.rounds, "seed": self.job.seed, **asdict(self.job.limits),
                         "cells": len(self.job.cells)},
            "elapsed": dict(self._elapsed), "cells": cells,
        }  # fmt: skip

    def _cell(self, cell: Cell) -> dict[str, Any]:
        answer = self._answers[cell]
        if self._ceilings is not None:
            return merge(cell, self.job.analyses[cell.model], self._ceilings, answer["rounds"], answer["eager"])
        last = answer["rounds"][-1]
        return {"id": cell.id, "status": last["status"], "error": last["error"]}

    def write(self, path: Path) -> None:
        """Write the document, whole or not at all."""
        write_text(path, json_text(self.document(), indent=1) + "\n")

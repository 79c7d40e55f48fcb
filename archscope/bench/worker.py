"""The program that measures: a fresh process, told what to do a line at a time.

Each line on standard input is a request in JSON, each line on the original standard output its answer.
Whatever PyTorch prints goes to standard error, so that it cannot be taken for an answer.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from archscope.analysis import Analysis, analyze
from archscope.bench.precision import PRECISIONS
from archscope.errors import ArchscopeError
from archscope.importing.jax.things import JaxCalled
from archscope.opening import opened
from archscope.requests import Request

if TYPE_CHECKING:
    from archscope.tracing.calling import Called

PR_SET_PDEATHSIG: Final = 1
"""The number of that request in Linux's ``prctl.h``."""


class Worker:
    """What one process knows: its device, its clock and the networks it has read."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Analysis, Called | None]] = {}
        self._device: Any = None
        self._clock: Any = None

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what one request says.

        Returns:
            the answer; ``error`` and ``exit_code`` where archscope refuses.
        """
        try:
            found: dict[str, Any] = getattr(self, f"do_{request['do']}")(request)
        except ArchscopeError as error:
            return {"error": str(error), "exit_code": error.exit_code}
        return found

    def do_hello(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Find the device and describe the surroundings."""
        import torch

        from archscope.bench.clocks import clock_for
        from archscope.bench.devices import find_device
        from archscope.bench.environment import base_environment, device_title, torch_environment

        self._device = find_device(torch, self._home(request) or request["device"])
        if self._device.type == "cuda":
            torch.cuda.set_device(self._device)
        self._clock = clock_for(torch, self._device)
        environment = {**base_environment(), **torch_environment(torch, self._device)}
        title = device_title(environment, self._device.type)
        return {"device": str(self._device), "title": title, "environment": environment}

    def _home(self, request: Mapping[str, Any]) -> str:
        """The accelerator that a person's own module lives on, if nobody named a device."""
        if request["device"] != "auto":
            return ""
        for model in request.get("requests", ()):
            called = self._called(model)
            device = None if called is None else next((each.device for each in called.fresh().parameters()), None)
            if device is not None and device.type in ("cuda", "mps"):
                return str(device)
        return ""

    def do_ceilings(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure the ceilings."""
        from archscope.bench.peaks import measure_ceilings

        measured = measure_ceilings(
            self._device, self._clock, title=request["title"], dtypes=request["dtypes"], seconds=request["seconds"]
        )
        return measured.document()

    def do_operations(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """List what eager PyTorch starts for one call: the ground of F3."""
        from archscope.bench.eager import launches, operations, operations_of

        precision = PRECISIONS[request["dtype"]]
        if precision.autocast is not None:
            return {"operations": None, "launches": {}}
        analysis = self._analysis(request["model"])
        called = self._called(request["model"])
        shape = {"batch": request["batch"], "mode": request["mode"]}
        if called is None:
            found = operations(analysis.network, precision, **shape)
        else:
            listed = operations_of(called, precision, **shape)
            if listed is None:
                return {"operations": None, "launches": {}}
            found = listed
        return {
            "operations": [[each.flops, each.traffic] for each in found],
            "launches": dict(launches(found, analysis.network)),
        }

    def do_cell(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Measure one cell, once."""
        from archscope.bench.measure import measure_cell, settings_from
        from archscope.bench.plan import Cell

        cell = Cell(**request["cell"])
        settings = settings_from(request["settings"])
        analysis = self._analysis(cell.model)
        return measure_cell(
            analysis, cell, self._device, self._clock, settings, nvml=_nvml(self._device),
            module=self._called(cell.model),
        )  # fmt: skip

    def _called(self, model: str) -> Called | None:
        """A person's own module; None for a spec."""
        return self._opened(model)[1]

    def _analysis(self, model: str) -> Analysis:
        return self._opened(model)[0]

    def _opened(self, model: str) -> tuple[Analysis, Called | None]:
        """What a name stands for, or a request as `archscope.opening.Request` writes it."""
        if model not in self._known:
            network, own = opened(Request.read(model) if model.startswith("{") else Request(model))
            self._known[model] = (analyze(network), None if isinstance(own, JaxCalled) else own)
        return self._known[model]


def _nvml(device: Any) -> Any:
    """NVIDIA's management library, where ``nvidia-ml-py`` is installed."""
    if device.type != "cuda":
        return None
    try:
        import pynvml
    except ImportError:
        return None  # clocks and temperatures are then not looked at; the CPU's counters still are
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None  # the library without its driver, as in some containers
    return pynvml


def requests(stream: Any) -> Iterator[dict[str, Any]]:
    """The requests, until there are no more."""
    for line in stream:
        yield json.loads(line)


def _end_with_parent() -> None:
    """Ask Linux to end this process with the one that started it: a cell may take minutes, and nobody would look."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Answer requests until standard input ends."""
    _end_with_parent()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker()
    for request in requests(sys.stdin):
        answers.write(json.dumps(worker.answer(request)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

"""Measure one cell in this process: build, check, warm up, time, and say what the machine was doing."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from archscope.analysis import Analysis
from archscope.bench import noise as noises
from archscope.bench import timing
from archscope.bench.agreement import Check
from archscope.bench.clocks import Clock
from archscope.bench.environment import free_memory
from archscope.bench.inplace import LayerTimes, time_layers
from archscope.bench.own import OwnWorkload, agrees, drawn_alike, is_drawn, prepare_own, repeats, times_by_node
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS
from archscope.bench.timing import Limits, Series
from archscope.bench.work import (
    OutOfMemory,
    Unsupported,
    Workload,
    autocast,
    compare,
    compare_gradients,
    fixed_arithmetic,
    gradients_off,
    own_chance,
    prepare,
    quietly,
)
from archscope.theirs import Unusual, place_of, raised, said_by

if TYPE_CHECKING:
    from archscope.tracing.calling import Called

DEVICE_LOST: Final = re.compile(r"device-side assert|illegal memory access|device.* lost|unspecified launch failure")

_VALUES: Final = ("nobody gave values of its inputs, and whole numbers are zeros: if it wants others, name a function "
                  "that returns them, --example mypkg.models:example")  # fmt: skip
"""What to do about a module that was read, and stops with values."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a cell is measured.

    Attributes:
        limits: how long the figures may take.
        seed: of the weights and the input.
        layers: whether to time the layers too.
    """

    limits: Limits = Limits()
    seed: int = 0
    layers: bool = True


def measure_cell(
    analysis: Analysis,
    cell: Cell,
    device: torch.device,
    clock: Clock,
    settings: Settings,
    *,
    nvml: Any = None,
    module: Called | None = None,
) -> dict[str, Any]:
    """Measure a cell; whatever goes wrong with it is its status, and the caller goes on.

    ``module`` is the person's own module that the analysis is of; without it, one is built.

    Returns:
        one round's result: ``status``, ``error`` and, where all went well, the figures.
    """
    try:
        with quietly(), gradients_off(cell), own_chance(device, settings.seed):
            return _measured(analysis, cell, device, clock, settings, nvml, module)
    except Unsupported as error:
        return _failed("unsupported", str(error))
    except OutOfMemory as error:
        return _failed("oom", str(error))
    except torch.OutOfMemoryError as error:
        free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
        return _failed("oom", _asked_for(str(error), free))
    except (RuntimeError, NotImplementedError, ImportError, OSError) as error:
        return _sorted_failure(str(error), cell) if module is None else _stopped(error, cell, module)
    except Exception as error:
        if module is None:
            raise
        return _stopped(error, cell, module)  # a stranger's code may raise anything
    finally:
        with quietly():
            _release(device)


def _stopped(error: Exception, cell: Cell, module: Called) -> dict[str, Any]:
    """What stopped a person's own module; what to write, where it may be values that nobody gave."""
    found = _sorted_failure(said_by(error), cell)
    if found["status"] != "error":
        return found
    place = isinstance(error, Unusual) or place_of(error)
    return _failed("error", f"{raised(error)}; {_VALUES}" if place and is_drawn(module) else raised(error))


def _sorted_failure(text: str, cell: Cell) -> dict[str, Any]:
    first = text.strip().splitlines()[0] if text.strip() else "no reason given"
    if "can't allocate memory" in text or "out of memory" in text.lower():
        return _failed("oom", _asked_for(text, free_memory()))
    if DEVICE_LOST.search(text):
        return _failed("device_lost", first)
    if cell.engine == "compile" and re.search(r"compiler|InvalidCxxCompiler|triton", text, re.IGNORECASE):
        return _failed("unsupported", f"torch.compile found no compiler it can use: {first}; try --engine eager")
    return _failed("error", first)


def _asked_for(text: str, free: int | None) -> str:
    asked = re.search(r"allocate ([\d.]+ ?\w+)", text)
    have = "an unknown number of" if free is None else f"{free:,}"
    return f"one allocation of {asked.group(1) if asked else 'memory'} failed with {have} bytes free"


def _failed(status: str, error: str) -> dict[str, Any]:
    return {"status": status, "error": error}


def _release(device: torch.device) -> None:
    """Give memory and compiled code back, so that the next cell starts like the first."""
    if device.type == "cuda":
        with contextlib.suppress(RuntimeError):  # a lost device fails here once more; its cell says so already
            torch.cuda.empty_cache()
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


def _measured(
    analysis: Analysis,
    cell: Cell,
    device: torch.device,
    clock: Clock,
    settings: Settings,
    nvml: Any,
    own: Called | None,
) -> dict[str, Any]:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    work: Workload | OwnWorkload
    # A CUDA graph computes in the arithmetic in which it was captured, so the preparing is inside.
    with fixed_arithmetic(PRECISIONS[cell.dtype]):
        if own is None:
            work = prepare(analysis, cell, device, seed=settings.seed)
        else:
            work = prepare_own(own, analysis, cell, device)
        first = timing.once(clock, work.call)
        second = timing.once(clock, work.call)
        check = _checked(work, cell, device)
        if not check.passed:
            verb = "is" if check.of == "output" else "are"
            return {
                **_failed("incorrect", f"the {check.of} {verb} {check.rel_l2:.2g} from the float64 reference, "
                                       f"{check.allowed:.2g} is allowed; nothing was timed"),
                "check": asdict(check),
            }  # fmt: skip
        watch = _Watch(device, nvml)
        figures, flags = _figures(work.call, clock, settings.limits)
        if isinstance(work, OwnWorkload) and work.draws and cell.engine != "eager":
            flags.append(f"it draws random numbers, so its eager output was compared, not that of {cell.engine}")
        layers = _layers(work, analysis, cell, clock, settings)
        return {
            "status": "ok",
            "error": None,
            "figures": figures,
            "first_call": second if cell.engine == "compile" else first,
            "compile": first if cell.engine == "compile" else None,
            "layers": layers,
            "memory": {"peak_allocated": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None},
            "check": asdict(check),
            "noise": watch.verdict().document(),
            "flags": flags,
        }


def _checked(work: Workload | OwnWorkload, cell: Cell, device: torch.device) -> Check:
    """How far it is from its reference before anything is timed; what calls have trained is put back."""
    if cell.mode == "train":
        work.begun.again()
    if isinstance(work, OwnWorkload):
        return _own_checked(work, cell, device)
    if cell.mode != "train":
        return compare(work.call(), work)
    work.module.eval()
    with torch.no_grad(), autocast(work.precision, device):
        forward = compare(work.module(*work.inputs), work)
    work.module.train()
    backward = compare_gradients(work, device)
    return backward if forward.passed else forward


def _own_checked(work: OwnWorkload, cell: Cell, device: torch.device) -> Check:
    """Their module's output at inference."""
    work.module.eval()
    try:
        with torch.no_grad(), autocast(work.precision, device):
            plain = cell.mode == "train" or cell.engine == "eager" or work.draws
            with drawn_alike(work) if plain else contextlib.nullcontext():
                made = work.module(*work.args, **work.kwargs) if plain else work.call()
            check = agrees(made, work)
            if not check.passed and plain and not repeats(work, made):
                raise Unsupported("not comparable: it gives another output each time, though what it draws at random "
                                  "is the same; nothing was timed")  # fmt: skip
        return check
    finally:
        work.module.train(cell.mode == "train")


def _figures(call: Callable[[], object], clock: Clock, limits: Limits) -> tuple[dict[str, Any], list[str]]:
    warm = timing.warm_up(clock, call, limits)
    flags = [] if warm.steady else ["not steady"]
    latency = timing.latency(clock, call, limits)
    found: dict[str, Series | None] = {"latency": latency, "period": None, "device": None, "host": None}
    if clock.asynchronous:
        found["period"] = timing.period(clock, call, limits, calls=timing.calls_per_block(warm.estimate))
        apart = timing.host_and_device(clock, call, limits, estimate=warm.estimate)
        if apart is None:
            flags.append("host and device time not told apart")
        else:
            found["host"], found["device"] = apart
    flags += timing.contradictions(
        latency=latency.summary.median,
        period=_median(found["period"]),
        device=_median(found["device"]),
    )
    return {name: _series(series) for name, series in found.items()}, flags


def _median(series: Series | None) -> float | None:
    return None if series is None else series.summary.median


def _series(series: Series | None) -> dict[str, Any] | None:
    return None if series is None else {"samples": list(series.samples), "stop": series.stop}


def _layers(
    work: Workload | OwnWorkload, analysis: Analysis, cell: Cell, clock: Clock, settings: Settings
) -> dict[str, Any] | None:
    """The layers' times, where layers exist: graphs and compiled code have none, a backward pass has others."""
    if not settings.layers or cell.engine != "eager" or cell.mode != "infer" or work.precision.autocast is not None:
        return None
    limits = replace(settings.limits, figure=settings.limits.figure)
    times: LayerTimes
    if isinstance(work, OwnWorkload):
        times = time_layers(work.module, work.args, clock, limits, call=work.call, kwargs=work.kwargs)
        nodes = times_by_node(analysis, times.names, times.seconds)
    else:
        times = time_layers(work.module, work.inputs, clock, limits, call=work.call)
        nodes = dict(zip(times.names, times.seconds, strict=True))
    return {
        "nodes": nodes,
        "own": isinstance(work, OwnWorkload),
        "whole": times.plain,
        "instrumented": times.instrumented,
        "runs": times.runs,
    }


class _Watch:
    """What the machine does between two moments."""

    def __init__(self, device: torch.device, nvml: Any) -> None:
        self._nvml = nvml if device.type == "cuda" else None
        self._uuid = str(torch.cuda.get_device_properties(device).uuid) if self._nvml is not None else ""
        self._computes = device.type == "cpu"
        self._gpu = self._state()
        self._before = noises.counters()

    def _state(self) -> noises.GpuState | None:
        if self._nvml is None:
            return None
        try:
            return noises.gpu_state(self._nvml, self._uuid)
        except self._nvml.NVMLError:
            return None  # a GPU that does not count these: the CPU's counters still have their say

    def verdict(self) -> noises.Noise:
        after, gpu = noises.counters(), self._state()
        parts = [noises.judge(self._before, after, computes=self._computes)]
        if gpu is not None and self._gpu is not None:
            parts.append(noises.judge_gpu(self._gpu, gpu, wall=after.wall - self._before.wall))
        return noises.together(parts)


def settings_from(document: Mapping[str, Any]) -> Settings:
    """Read settings from the form in which a worker is sent them."""
    return Settings(limits=Limits(**document["limits"]), seed=document["seed"], layers=document["layers"])

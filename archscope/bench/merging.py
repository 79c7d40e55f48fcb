"""Put the rounds of a cell together, and everything that is said about it into one JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from archscope.analysis import Analysis, Row
from archscope.bench import noise as noises
from archscope.bench.ceilings import Ceilings
from archscope.bench.floors import Floors, LayerFloor, floors, total_flops
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS
from archscope.bench.statistics import across_rounds, summarize
from archscope.bench.timing import CLOSED, launch_bound

FIGURES: Final = ("latency", "period", "device", "host")
ROUNDS_DIFFER: Final = 0.05
WAITS: Final = 0.5
"""A layer waits for its operations to be started where that takes more than this part of its time."""
IN_CACHE = "above the memory ceiling: read from cache"
BEYOND_CACHE = "above the memory ceiling: the cache holds less, the ceiling may be too low"
EITHER = "above the memory ceiling: read from cache, or the ceiling is too low"
TOO_LOW = "faster than a ceiling that was measured on a noisy machine"
FEWER_STEPS = "above the compute ceiling: Winograd or FFT"
CEILING_LOW = "above the compute ceiling: the ceiling was measured too low"
BELOW_F1 = "below F1: the ceilings are too low"


def merge(
    cell: Cell, analysis: Analysis, ceilings: Ceilings, rounds: Sequence[Mapping[str, Any]], eager: Mapping[str, Any]
) -> dict[str, Any]:
    """One cell of a result file, from its rounds.

    Args:
        cell: what was measured.
        analysis: its network.
        ceilings: what it is held against.
        rounds: what the workers answered, one for each fresh process.
        eager: the answer to ``operations``; empty where PyTorch did not list them.
    """
    precision = PRECISIONS[cell.dtype]
    found = floors(analysis, ceilings, precision, batch=cell.batch, mode=cell.mode)
    f3 = _f3(eager, ceilings, precision.peak)
    result: dict[str, Any] = {
        "id": cell.id,
        **{axis: getattr(cell, axis) for axis in ("batch", "dtype", "layout", "engine", "mode")},
        "model": _model(analysis),
        "status": "ok",
        "error": None,
        "floors": {"f1": found.f1, "f2": found.f2, "f3": f3},
        "memory": {"weights": _weight_bytes(analysis, precision.weight_bytes), "peak_allocated": None},
        "layers": None,
        **dict.fromkeys(("time", "throughput", "flops_per_s", "rate_basis", "fraction_of_peak", "bound")),
        "launch_bound": None, "check": None, "noise": None, "noise_reasons": [], "remedy": None, "rounds": len(rounds),
        "flags": [],
    }  # fmt: skip
    failed = next((each for each in rounds if each["status"] != "ok"), None)
    if failed is not None:
        result |= {"status": failed["status"], "error": failed["error"], "check": failed.get("check")}
        return result
    if rounds:
        _measured(result, cell, analysis, ceilings, rounds, found, eager)
    return result


def _model(analysis: Analysis) -> dict[str, Any]:
    macs = analysis.totals.macs
    return {
        "name": analysis.name,
        "parameters": int(analysis.totals.parameters),
        "macs": None if macs is None else int(macs),
        "flops": None if macs is None else 2 * int(macs),
    }


def _weight_bytes(analysis: Analysis, each: int) -> int:
    return (int(analysis.totals.parameters) + int(analysis.totals.fixed)) * each


def _f3(eager: Mapping[str, Any], ceilings: Ceilings, peak: str) -> float | None:
    listed = eager.get("operations")
    if listed is None:
        return None
    times = [ceilings.seconds(flops=flops, traffic=traffic, peak=peak) for flops, traffic in listed]
    return None if None in times else sum(each for each in times if each is not None)


def _measured(
    result: dict[str, Any],
    cell: Cell,
    analysis: Analysis,
    ceilings: Ceilings,
    rounds: Sequence[Mapping[str, Any]],
    found: Floors,
    eager: Mapping[str, Any],
) -> None:
    times = {name: _figure([each["figures"][name] for each in rounds]) for name in FIGURES}
    first = [each["first_call"] for each in rounds]
    compiled = [each["compile"] for each in rounds if each["compile"] is not None]
    basis = "period" if times["period"] else "latency"
    seconds = (times[basis] or {})["value"]
    flops = total_flops(analysis, batch=cell.batch, mode=cell.mode)
    peak = ceilings.peak_flops.get(PRECISIONS[cell.dtype].peak)
    rate = None if flops is None else flops / seconds
    noise = noises.together([noises.from_document(each["noise"]) for each in rounds])
    bound = _launch_bound(times)
    result |= {
        "time": {**times, "first_call": median(first), "compile": median(compiled) if compiled else None},
        "throughput": cell.batch / seconds,
        "flops_per_s": rate,
        "rate_basis": basis,
        "fraction_of_peak": None if rate is None or not peak else rate / peak,
        "bound": "launch" if bound else _bound(found),
        "launch_bound": bound,
        "check": max((each["check"] for each in rounds), key=lambda check: check["rel_l2"]),
        "noise": noise.verdict,
        "noise_reasons": list(noise.reasons),
        "remedy": noise.remedy or None,
        "flags": _flags(rounds, times[basis] or {}, found.f1),
        "layers": _layers(rounds, found, ceilings, eager),
    }
    result["memory"]["peak_allocated"] = max(
        (each["memory"]["peak_allocated"] for each in rounds if each["memory"]["peak_allocated"]), default=None
    )
    result["instrumentation"] = _instrumentation(rounds)


def _figure(rounds: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """One of the four times over all rounds: the median of the rounds' medians, and the pooled samples' spread."""
    known = [each for each in rounds if each is not None]
    if not known or len(known) < len(rounds):
        return None
    medians = [summarize(each["samples"]).median for each in known]
    pooled = summarize([sample for each in known for sample in each["samples"]])
    interval = across_rounds(medians) or pooled.interval
    return {
        "value": median(medians),
        "ci": None if interval is None else [interval.low, interval.high],
        "ci_kind": None if interval is None else interval.kind,
        "min": pooled.minimum,
        "p10": pooled.p10,
        "p90": pooled.p90,
        "p99": pooled.p99,
        "iqr": pooled.iqr,
        "outliers": pooled.outliers,
        "n": pooled.n,
        "rounds": medians,
        "stop": "ci" if all(each["stop"] == "ci" for each in known) else known[-1]["stop"],
    }


def _launch_bound(times: Mapping[str, Mapping[str, Any] | None]) -> bool | None:
    host, period, device = (times[name] for name in ("host", "period", "device"))
    if host is None or period is None or device is None:
        return None
    return launch_bound(host["value"], period["value"], device["value"])


def _bound(found: Floors) -> str | None:
    """What most of F2 consists of."""
    sums: dict[str, float] = {}
    for layer in found.layers:
        if layer.bound and layer.floor:
            sums[layer.bound] = sums.get(layer.bound, 0.0) + layer.floor
    return max(sums, key=lambda bound: sums[bound]) if sums else None


def _flags(rounds: Sequence[Mapping[str, Any]], time: Mapping[str, Any], f1: float | None) -> list[str]:
    flags = list(dict.fromkeys(flag for each in rounds for flag in each["flags"]))
    if len(rounds) == 1:
        flags.append("one round")
    elif max(time["rounds"]) > min(time["rounds"]) * (1 + ROUNDS_DIFFER):
        flags.append("rounds differ")
    if f1 is not None and time["value"] < f1:
        flags.append(BELOW_F1)
    return flags


def _instrumentation(rounds: Sequence[Mapping[str, Any]]) -> dict[str, float] | None:
    known = [each["layers"] for each in rounds if each["layers"]]
    if not known:
        return None
    return {
        "overhead": median(each["instrumented"] / each["whole"] for each in known) - 1,
        "closure": median(sum(each["nodes"].values()) / each["whole"] for each in known),
    }


def _layers(
    rounds: Sequence[Mapping[str, Any]], found: Floors, ceilings: Ceilings, eager: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    known = [each["layers"] for each in rounds if each["layers"]]
    if not known:
        return None
    whole = median(each["whole"] for each in known)
    started = eager.get("launches", {})
    rows = []
    for layer in found.layers:
        if not all(node.name in each["nodes"] for node in layer.row.nodes for each in known):
            continue  # a function that somebody's `forward` calls: its time is between layers
        seconds = median(sum(each["nodes"][node.name] for node in layer.row.nodes) for each in known)
        rows.append(_layer(layer, seconds, whole, ceilings, started.get(layer.row.name)))
    rest = whole - sum(row["time"] for row in rows)
    closed = any(each.get("own") for each in known) or CLOSED[0] <= 1 - rest / whole <= CLOSED[1]
    rows.append(
        {"name": "between layers", "type": None, "time": rest, "share": rest / whole, "macs": None, "bytes": None,
         "flops_per_s": None, "floor": None, "bound": None, "speed_of_light": None,
         "flags": [] if closed else ["the layers do not add up to the whole"]}
    )  # fmt: skip
    return rows


def _fewer_steps(row: Row, *, transforms: bool) -> bool:
    """Whether libraries compute the layer with fewer products than it has: kernels of 3 along two axes or more, step 1.

    Where libraries have Fourier transforms for convolutions too, as cuDNN has, larger kernels of step 1 are such: it
    runs AlexNet's conv2, 5×5 in single precision, by `fft2d_r2c_16x16` at twice the rate of matrix products.
    An 11×11 kernel with stride 4 has no such way, nor has a matrix product.
    """
    options = [getattr(row.node.layer, name, None) for name in ("kernel_size", "stride", "dilation")]
    kernel, stride, dilation = (each or () for each in options)
    weighted = bool(row.node.layer.options.get("out_channels"))
    fits = len(kernel) > 1 and (min(kernel) >= 3 if transforms else {*kernel} == {3})
    return weighted and fits and {*stride} <= {1} and {*dilation} <= {1}


def beats(cell: Mapping[str, Any]) -> bool:
    """Whether anything in a measured cell was faster than the ceilings allow, and no cache explains it."""
    layers = cell["layers"] or ()
    beaten = {FEWER_STEPS, CEILING_LOW, TOO_LOW, BEYOND_CACHE, EITHER}
    return BELOW_F1 in cell["flags"] or any(beaten & {*each["flags"]} for each in layers)


def _from_memory(traffic: int, cache: int | None) -> str:
    """What is said of a layer that moves its bytes faster than memory does."""
    if cache is None:
        return EITHER
    return IN_CACHE if traffic <= cache else BEYOND_CACHE


def _layer(layer: LayerFloor, seconds: float, whole: float, ceilings: Ceilings, launches: int | None) -> dict[str, Any]:
    starting = (launches or 0) * ceilings.launch.get("op", 0.0)
    waits = layer.floor is not None and starting > layer.floor and starting > WAITS * seconds
    bound = "launch" if waits else layer.bound
    reach = layer.floor / seconds if layer.floor and seconds > 0 else None
    flags = []
    if reach is not None and reach > 1:
        # Only CUDA's devices have nodes of graphs.
        over = FEWER_STEPS if _fewer_steps(layer.row, transforms="node" in ceilings.launch) else CEILING_LOW
        quiet = _from_memory(layer.traffic, ceilings.cache) if layer.bound == "memory" else over
        flags.append(quiet if ceilings.noise == "ok" else TOO_LOW)
    macs = layer.row.macs
    return {
        "name": layer.row.name,
        "type": layer.row.type,
        "time": seconds,
        "share": seconds / whole,
        "macs": None if macs is None else int(macs),
        "bytes": layer.traffic,
        "flops": layer.flops,
        "flops_per_s": layer.flops / seconds if layer.flops and seconds > 0 else None,
        "floor": layer.floor,
        "bound": bound,
        "speed_of_light": reach,
        "launches": launches,
        "flags": flags,
    }

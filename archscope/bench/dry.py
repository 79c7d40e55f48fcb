"""Floors on hardware that is not at hand: what ``archscope bench --dry-run`` prints."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from archscope.analysis import Analysis
from archscope.bench import units
from archscope.bench.ceilings import Ceilings
from archscope.bench.floors import Floors, floors
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS
from archscope.bench.report import MEANING, ceilings_line
from archscope.bench.sheets import Sheet
from archscope.errors import require_torch
from archscope.record import EMPTY

if TYPE_CHECKING:
    from archscope.tracing.calling import Called

UNCOUNTED: Final = "No launch, no gap and no cache miss is counted."


def dry_run(
    cells: Sequence[Cell],
    analyses: Mapping[str, Analysis],
    devices: Sequence[Ceilings],
    modules: Mapping[str, Called] = EMPTY,
) -> dict[str, Any]:
    """F1, F2 and, where PyTorch is installed, F3 of every cell on every device.

    A layout or an engine changes no floor, so cells that differ in nothing else appear once.
    """
    wanted = dict.fromkeys((cell.model, cell.batch, cell.dtype, cell.mode) for cell in cells)
    traces = {key: _operations(analyses[key[0]], modules.get(key[0]), *key[1:]) for key in wanted}
    found = []
    for ceilings in devices:
        for key in wanted:
            model, batch, dtype, mode = key
            precision = PRECISIONS[dtype]
            limits = floors(analyses[model], ceilings, precision, batch=batch, mode=mode)
            eager, why = _f3(traces[key], ceilings, dtype)
            found.append(
                {
                    "device": ceilings.device,
                    "model": model,
                    "batch": batch,
                    "dtype": dtype,
                    "mode": mode,
                    "f1": limits.f1,
                    "f2": limits.f2,
                    "f3": eager,
                    "without_f3": why,
                    "throughput": batch / limits.f1 if limits.f1 else None,
                    "layers": _layers(limits),
                }
            )
    return {
        "schema": "archscope.bench-floors/1",
        "flop_convention": "2*mac",
        "ceilings": [each.document() for each in devices],
        "floors": found,
    }


def _operations(analysis: Analysis, module: Called | None, batch: int, dtype: str, mode: str) -> Any:
    """What eager PyTorch starts; None where PyTorch is not installed, or under autocast."""
    if importlib.util.find_spec("torch") is None or PRECISIONS[dtype].autocast is not None:
        return None
    require_torch("bench --dry-run")
    from archscope.bench.eager import operations, operations_of

    if module is not None:
        return operations_of(module, PRECISIONS[dtype], batch=batch, mode=mode)
    return operations(analysis.network, PRECISIONS[dtype], batch=batch, mode=mode)


def _f3(found: Any, ceilings: Ceilings, dtype: str) -> tuple[float | None, str | None]:
    """F3, or why there is none."""
    precision = PRECISIONS[dtype]
    if importlib.util.find_spec("torch") is None:
        return None, "PyTorch is not installed"
    if precision.autocast is not None:
        return None, "its casts depend on the device"
    if found is None:
        return None, "its code stops where tensors have no values"
    from archscope.bench.eager import f3

    seconds = f3(found, ceilings, precision)
    if seconds is not None:
        return seconds, None
    rate = "the rate of memory" if not ceilings.traffic else f"the rate of `{precision.peak}`"
    return None, f"{rate} of {ceilings.device} is not known"


def _layers(limits: Floors) -> list[dict[str, Any]]:
    return [
        {
            "name": each.row.name,
            "type": each.row.type,
            "flops": each.flops,
            "bytes": each.traffic,
            "floor": each.floor,
            "bound": each.bound,
        }
        for each in limits.layers
    ]


def sheets(document: Mapping[str, Any]) -> list[Sheet]:
    """The floors of each device as a table, and those of the layers where one cell on one device was asked for."""
    made = []
    for ceilings in document["ceilings"]:
        found = [each for each in document["floors"] if each["device"] == ceilings["device"]]
        rows = [
            (
                f"{each['model']} b{each['batch']}", each["dtype"], each["mode"],
                *(units.time(each[name]) for name in ("f1", "f2", "f3")),
                units.rate(each["throughput"], ""),
            )
            for each in found
        ]  # fmt: skip
        heads = ("network", "dtype", "mode", ">F1", ">F2", ">F3 eager", ">samples/s at most")
        made.append(Sheet(ceilings["device"], heads, rows))
    if len(document["floors"]) == 1:
        (only,) = document["floors"]
        layers = [
            (each["name"], units.digits(each["flops"] / 1e6) if each["flops"] else "–",
             units.digits(each["bytes"] / 1e6), units.time(each["floor"]), each["bound"])
            for each in only["layers"] if each["bound"]
        ]  # fmt: skip
        made.append(Sheet("Layers", ("layer", ">MFLOP", ">MB", ">floor", "bound"), layers))
    return made


def sources(document: Mapping[str, Any]) -> list[str]:
    """Where the ceilings come from, and what the floors mean."""
    lines = [f"{each['device']}: {ceilings_line(each)}" for each in document["ceilings"]]
    return [*lines, *_without_f3(document), f"{MEANING} {UNCOUNTED}"]


def _without_f3(document: Mapping[str, Any]) -> Iterator[str]:
    """Why networks have no F3."""
    names: dict[str, dict[str, None]] = {}
    for each in document["floors"]:
        if each["without_f3"] is not None:
            names.setdefault(each["without_f3"], {})[each["model"]] = None
    for why, those in names.items():
        yield f"{', '.join(those)} {'has' if len(those) == 1 else 'have'} no F3: {why}."

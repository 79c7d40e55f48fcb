"""A result file as text: for the terminal, Markdown and CSV. Everything said here is in the JSON, in SI units."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from archscope.bench import units
from archscope.bench.compare import Comparison
from archscope.bench.sheets import Sheet
from archscope.bench.verdict import verdict
from archscope.escaping import csv_cell, json_text, markdown, terminal

Cell = Mapping[str, Any]
WIDTH: Final = 80
AXES: Final = ("dtype", "layout", "engine", "mode")


def write(document: Mapping[str, Any], format: str) -> str:
    """A result in one of the formats ``table``, ``json``, ``csv`` and ``markdown``, without a final line end."""
    return FORMATS[format](document)


def _json(document: Mapping[str, Any]) -> str:
    return json_text(document, indent=1)


def _table(document: Mapping[str, Any]) -> str:
    parts = ["\n".join(_wrapped(line) for line in heading(document))]
    parts += [sheet.text() for sheet in network_sheets(document)]
    for cell in _measured(document):
        if cell["layers"]:
            parts.append(layer_sheet(cell, document).text())
            parts.append("\n".join(_wrapped(sentence) for sentence in verdict(cell)))
    parts.append("\n".join(_wrapped(line) for line in remarks(document)))
    return "\n\n".join(part for part in parts if part)


def _markdown(document: Mapping[str, Any]) -> str:
    parts = ["  \n".join(map(markdown, heading(document)))]
    parts += [sheet.markdown() for sheet in network_sheets(document)]
    for cell in _measured(document):
        if cell["layers"]:
            parts.append(layer_sheet(cell, document).markdown())
            parts.append(markdown(" ".join(verdict(cell))))
    parts.append("\n".join(f"- {markdown(line)}" for line in remarks(document)))
    return "\n\n".join(part for part in parts if part)


def _wrapped(line: str) -> str:
    return textwrap.fill(terminal(line), WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _measured(document: Mapping[str, Any]) -> list[Cell]:
    return [cell for cell in document["cells"] if cell["status"] == "ok"]


def heading(document: Mapping[str, Any]) -> list[str]:
    """Where it was measured, and the ceilings everything is held against."""
    environment = document.get("environment") or {}
    lines = []
    torch = environment.get("torch")
    ceilings = document.get("ceilings")
    if ceilings and torch:
        rounds = document["settings"]["rounds"]
        spelled = "1 round" if rounds == 1 else f"{rounds} rounds, each a fresh process"
        lines.append(f"{ceilings['device']} · PyTorch {torch['version']} · {spelled}")
    if ceilings:
        lines.append(ceilings_line(ceilings))
    return lines


def ceilings_line(ceilings: Mapping[str, Any]) -> str:
    """The ceilings in one line."""
    parts = [f"{units.rate(peak, 'FLOP/s')} {name}" for name, peak in ceilings["peak_flops"].items() if peak]
    parts += [f"{name} {units.rate(value, 'B/s')}" for name, value in ceilings["bandwidth"].items() if value]
    parts += [f"{units.time(value)} to start {_STARTED.get(name, name)}" for name, value in ceilings["launch"].items()]
    return f"Ceilings ({ceilings['source']}): {', '.join(parts)}"


_STARTED: Final = {"op": "an operation", "node": "a node of a graph"}


def label(cell: Cell, document: Mapping[str, Any]) -> str:
    """A cell's name with the axes that differ between cells, and only those."""
    cells = [each for each in document["cells"] if "model" in each]
    varied = [axis for axis in AXES if len({each[axis] for each in cells}) > 1]
    return " ".join([f"{cell['model']['name']} b{cell['batch']}", *(str(cell[axis]) for axis in varied)])


def network_sheets(document: Mapping[str, Any]) -> list[Sheet]:
    """The tables with a line for each good cell."""
    cells = _measured(document)
    if not cells:
        return []
    constant = [str(cells[0][axis]) for axis in AXES if len({cell[axis] for cell in cells}) == 1]
    under = f" ({', '.join(constant)})" if constant else ""
    speed = []
    against = []
    four = []
    for cell in cells:
        name, time = label(cell, document), cell["time"]
        basis = time[cell["rate_basis"]]
        floors, seconds = cell["floors"], basis["value"]
        latency = time["latency"]
        speed.append((
            name, units.time(latency["value"]), units.plus_minus(latency["value"], latency["ci"]),
            units.digits(cell["throughput"]), units.rate(cell["flops_per_s"], "FLOP/s"),
            units.share(cell["fraction_of_peak"]), units.time(time["first_call"]), cell["noise"],
        ))  # fmt: skip
        against.append((
            name, units.time(seconds), *(units.time(floors[each]) for each in ("f1", "f2", "f3")),
            units.share(floors["f2"] / seconds if floors["f2"] else None), cell["bound"] or "–",
        ))  # fmt: skip
        if time["period"]:
            times = [units.time(time[each]["value"]) if time[each] else "–" for each in
                     ("latency", "period", "device", "host")]  # fmt: skip
            bound = {True: "yes", False: "no", None: "–"}[cell["launch_bound"]]
            four.append((name, *times, units.time(time["compile"]), bound))
    sheets = [
        Sheet(f"Speed{under}", ("network", ">latency", ">95 %", ">samples/s", ">rate", ">of peak", ">first call",
                                "noise"), speed),
        Sheet("Against what the device could do", ("network", ">time", ">F1", ">F2", ">F3 eager", ">F2/time",
                                                   "bound"), against),
    ]  # fmt: skip
    if four:
        heads = ("network", ">latency", ">period", ">device", ">host", ">compile", "launch-bound")
        sheets.insert(1, Sheet("Four times of one call", heads, four))
    return sheets


def layer_sheet(cell: Cell, document: Mapping[str, Any]) -> Sheet:
    """The table with a line for each layer of a cell."""
    rows = []
    for layer in cell["layers"]:
        reach = layer["speed_of_light"]
        mark = "*" if layer["flags"] else ""
        rows.append((
            layer["name"], units.time(layer["time"]), units.share(layer["share"]),
            units.rate(layer["flops_per_s"], "FLOP/s"), units.time(layer["floor"]) if layer["floor"] else "–",
            (units.share(reach) + mark) if reach is not None else mark or "–", layer["bound"] or "–",
        ))  # fmt: skip
    heads = ("layer", ">time", ">share", ">rate", ">floor", ">floor/time", "bound")
    return Sheet(f"Layers of {label(cell, document)}, timed in place", heads, rows)


def remarks(document: Mapping[str, Any]) -> list[str]:
    """What a reader has to know: noise, flags, cells that could not run, and what the columns mean."""
    lines = []
    for cell in document["cells"]:
        if cell["status"] != "ok":
            name = label(cell, document) if "model" in cell else cell["id"]
            lines.append(f"{name}: {cell['status']}: {cell['error']}")
            continue
        if cell["noise"] != "ok":
            reasons = ", ".join(cell["noise_reasons"])
            lines.append(f"{label(cell, document)}: {cell['noise']}: {reasons}; {cell['remedy']}")
        if cell["flags"]:
            lines.append(f"{label(cell, document)}: {', '.join(cell['flags'])}")
    starred = sorted(
        {flag for cell in _measured(document) for layer in cell["layers"] or () for flag in layer["flags"]}
    )
    lines += [f"* {flag}" for flag in starred]
    if _measured(document):
        lines.append(MEANING)
    return lines


MEANING: Final = (
    "FLOPs are 2 · MACs. F1: all FLOPs at the peak, or weights, input and output through memory once; of a table that "
    "a layer looks up in, one row, of experts those that run for one position, and of a causal mask the FLOPs that it "
    "leaves. F2: the layers' floors added up. F3: the operations PyTorch starts, each at its own floor; attention "
    "called as one function is one at inference, and while training all that it is made of, which kernels that keep "
    "the scores to themselves may be faster than."
)
"""What FLOPs and floors are, for who reads a report; see `archscope.bench.floors`."""

CSV_HEADS: Final = (
    "id", "layer", "type", "status", "time", "ci_low", "ci_high", "share", "throughput", "flops", "bytes",
    "flops_per_s", "floor", "f1", "f2", "f3", "bound", "noise", "error",
)  # fmt: skip


def _csv(document: Mapping[str, Any]) -> str:
    """A row for each cell, and after it one for each of its layers."""
    stream = io.StringIO()
    table = csv.DictWriter(stream, CSV_HEADS, lineterminator="\n")
    table.writeheader()
    for cell in document["cells"]:
        table.writerow(_texts(_csv_cell(cell)))
        for layer in (cell["layers"] or ()) if cell["status"] == "ok" else ():
            table.writerow(_texts({"id": cell["id"], "layer": layer["name"], **_chosen(layer)}))
    return stream.getvalue().rstrip("\n")


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: csv_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def _chosen(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: layer.get(name) for name in ("type", "time", "share", "flops", "bytes", "flops_per_s", "floor", "bound")
    }


def _csv_cell(cell: Cell) -> dict[str, Any]:
    row = {name: cell.get(name) for name in ("id", "status", "error", "throughput", "flops_per_s", "bound", "noise")}
    row |= cell.get("floors") or {}
    if cell["status"] == "ok":
        time = cell["time"][cell["rate_basis"]]
        low, high = time["ci"] or (None, None)
        row |= {"time": time["value"], "ci_low": low, "ci_high": high, "flops": cell["model"]["flops"]}
    return row


FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
    "markdown": _markdown,
}
"""Every format of ``--format``."""


def comparison(found: Sequence[Comparison], base: str) -> str:
    """A comparison for the terminal."""
    rows = [
        (each.word, each.id, f"{each.ratio:.3f}", f"{each.low:.3f} to {each.high:.3f}" if each.low else "–", each.why)
        for each in found
    ]
    heads = ("", "cell", ">time/base", ">95 %", "why")
    return Sheet(f"Against {base}", heads, rows).text()

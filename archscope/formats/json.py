"""JSON with the schema ``archscope.analysis/1``.

Shapes are lists without the batch axis, windows and fields have an entry for each axis, and a number that is
not covered is null; beside MACs that are null stand those that are known and the operations that are not.
`--columns` adds to the keys that are always there; nothing is ever left out. A layer that stands in blocks says in
which, outermost first, and ``groups`` has a line for every block with its sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archscope.analysis import COUNTS, Analysis, Row, Totals
from archscope.escaping import json_text
from archscope.formats.columns import Column, chosen
from archscope.formats.sheet import View
from archscope.observed import Observed
from archscope.symbols import Ground, Symbolic

SCHEMA: Final = "archscope.analysis/1"

_LAYER: Final = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "units",
                 "receptive_field", "jump", "dense_equivalent")  # fmt: skip
_TOTALS: Final = ("parameters", "fixed", "connections", "connections_in_bounds", "macs", "units")
_WORKING: Final = ("parameters", "connections")


def write(analysis: Analysis, view: View) -> str:
    """The analysis as indented JSON."""
    return json_text(plain(analysis, view), indent=2)


def plain(analysis: Analysis, view: View) -> dict[str, Any]:
    """The analysis as dicts, lists, texts and numbers.

    >>> import archscope
    >>> plain(archscope.analyze(archscope.load("lenet5")), View())["layers"][0]["parameters"]
    156
    """
    inputs = {name: _plain(shape) for name, shape in analysis.network.inputs.items()}
    always = (*_LAYER, "layer", "type", "inputs", "output", "group")
    extra = [name for name in (view.columns or ()) if name not in always]
    totals = (*_TOTALS, *(name for name in extra if name in COUNTS))
    columns = [each for each in chosen(extra, of=analysis) if each.name != "layer"]
    groups = _paths(analysis)
    return {
        "schema": SCHEMA,
        "name": analysis.name,
        "title": analysis.title,
        "input": _plain(analysis.input),
        **({"inputs": inputs} if len(inputs) > 1 else {}),
        **({"vocabularies": dict(analysis.network.vocabularies)} if analysis.network.vocabularies else {}),
        **({} if analysis.network.batch == 1 else {"batch": _plain(analysis.network.batch)}),
        **({} if analysis.ground is None else _symbols(analysis.ground)),
        "layers": [_layer(row, view, columns) for row in view.rows(analysis)],
        **({"groups": [_group(analysis, path) for path in groups]} if groups else {}),
        "totals": {
            **{name: _plain(analysis.totals.count_of(name)) for name in totals},
            **_bounds(analysis.totals),
        },
        **({} if analysis.network.observed is None else {"module": _observed(analysis.network.observed)}),
    }


def _bounds(of: Row | Totals) -> dict[str, Any]:
    """What is known of MACs that are null, and what is not."""
    if of.macs is not None:
        return {}
    missing = [{"operation": name, "times": times} for name, times in of.not_covered.items()]
    return {"macs_at_least": int(of.macs_at_least), "not_covered": missing}


def _observed(seen: Observed) -> dict[str, Any]:
    """What is said of a module that ran, beside its layers."""
    unused = {"parameters": sum(each.values for each in seen.unused), "weights": [each.name for each in seen.unused]}
    return {
        "parameters": seen.held,
        "frozen": seen.frozen,
        "unused": unused,
        "operations": seen.operations,
        "batch": seen.batch,
        "inputs_of_zeros": seen.zeros,
        "looked_at_values": [
            {"function": each.function, "in": each.path, "values": [*each.values], "times": each.times}
            for each in seen.looked
        ],
    }


def _paths(analysis: Analysis) -> list[tuple[str, ...]]:
    """Every group, outer ones before those within, in the order of the network."""
    found: dict[tuple[str, ...], None] = {}
    for row in analysis.rows:
        found.update(dict.fromkeys(row.group[:depth] for depth in range(1, len(row.group) + 1)))
    return [*found]


def _group(analysis: Analysis, path: tuple[str, ...]) -> Mapping[str, Any]:
    stage = analysis.stage(path)
    group = analysis.network.groups.get(path)
    return {
        "path": [*path],
        "title": "" if group is None else group.title,
        "block": "" if group is None else group.block,
        "copies": 0 if group is None else group.copies,
        "output": _plain(stage.output),
        **{name: _plain(stage.count_of(name)) for name in _TOTALS},
    }


def _symbols(ground: Ground) -> dict[str, Any]:
    """What each symbol stands for; formulas are texts in the free ones."""
    symbols = {
        name: {"is": each.polynomial.code, "free": each.step, "least": each.least, "most": each.most}
        for name, each in ground.ranges.items()
    }
    return {"symbols": symbols, "conditions": [*map(str, ground.conditions)]}


def _layer(row: Row, view: View, extra: Sequence[Column]) -> Mapping[str, Any]:
    shown = COUNTS if view.working else _WORKING
    return {
        "name": row.name,
        "type": row.type,
        **({"group": [*row.group]} if row.group else {}),
        "inputs": list(row.inputs),
        "output": _plain(row.output),
        **({"shares": list(row.shares)} if row.shares else {}),
        **{name: _plain(getattr(row, name)) for name in _LAYER},
        **{column.name: _plain(column.value(row)) for column in extra},
        **_bounds(row),
        "working": {name: row.working(name) for name in shown},
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value.polynomial.code if isinstance(value, Symbolic) else int(value)
    return [_plain(each) for each in value]

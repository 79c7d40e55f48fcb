"""How a cost grows, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.curves import Curve
from archscope.errors import NotFound, did_you_mean
from archscope.escaping import json_text
from archscope.formats.grid import WRITERS, Grid, plain


def write(curve: Curve, format: str = "table") -> str:
    """A curve as text.

    Raises:
        NotFound: there is no such format.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}`; {did_you_mean(format, FORMATS, what='formats')}")
    return FORMATS[format](curve)


def _grid(curve: Curve) -> Grid:
    rows = [
        (f"{value:,}", *(f"{line[place]:,}" for line in curve.lines.values()))
        for place, value in enumerate(curve.values)
    ]
    said = [f"{name} = {formula}" for name, formula in curve.formulas.items()]
    said += [
        f"From {curve.over} = {place:,} on the square is the larger part of {name}."
        for name, place in curve.overtaken.items()
    ]
    return Grid(f"{curve.name} over {curve.over}", (curve.over, *curve.lines), tuple(rows), tuple(said))


def _csv(curve: Curve) -> str:
    grid = _grid(curve)
    # Numbers all the way, the first column too.
    rows = tuple((row[0].replace(",", ""), *row[1:]) for row in grid.rows)
    return WRITERS["csv"](grid.replace(rows=rows))


def _json(curve: Curve) -> str:
    return json_text(
        {
            "schema": "archscope.curve/1",
            "name": curve.name,
            "over": curve.over,
            "values": list(curve.values),
            "lines": {name: list(line) for name, line in curve.lines.items()},
            "formulas": dict(curve.formulas),
            "overtaken": dict(curve.overtaken),
        },
        indent=2,
    )


def _written(name: str) -> Callable[[Curve], str]:
    return lambda curve: WRITERS[name](_grid(curve))


FORMATS: Final[Mapping[str, Callable[[Curve], str]]] = MappingProxyType(
    {
        "table": lambda curve: plain(_grid(curve)),
        **{name: _written(name) for name in WRITERS},
        "csv": _csv,
        "json": _json,
    }
)
"""Every format by name."""

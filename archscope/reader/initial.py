"""How weights start: ``init: {weight: {normal: [0, 0.01]}, bias: 0}`` → the schemes and their numbers."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from archscope.errors import did_you_mean
from archscope.options import Kind, list_of, number
from archscope.reader.report import FAILED, Report
from archscope.source import Mapping, Tree, to_data

SCHEMES: Final = {
    "normal": (2, "mean and standard deviation"),
    "uniform": (2, "least and largest value"),
    "constant": (1, "the value"),
    "uniform_fan_in": (1, "a; the range is ±a / inputs of a unit"),
    "xavier_uniform": (0, ""),
    "xavier_normal": (0, ""),
    "kaiming_uniform": (0, ""),
    "kaiming_normal": (0, ""),
    "zeros": (0, ""),
    "ones": (0, ""),
}
"""How weights can start: the scheme, how many numbers it takes, and which."""

Init = tuple[tuple[str, tuple[str, tuple[float, ...]]], ...]


def read_init(value: Tree, prefix: str, report: Report) -> Init:
    """Read ``init: {weight: {normal: [0, 0.01]}, bias: 1}``."""
    body = report.mapping(
        value, f"{prefix}: `init`", value.span, "write `init: {weight: {normal: [0, 0.01]}, bias: 0}`"
    )
    if body is None:
        return ()
    read = (
        (name, _read_scheme(each, f"{prefix}: `init` of `{name}`", report)) for name, (_, each) in body.entries.items()
    )
    return tuple((name, scheme) for name, scheme in read if scheme is not None)


def _read_scheme(value: Tree, prefix: str, report: Report) -> tuple[str, tuple[float, ...]] | None:
    written: Any = to_data(value)
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return "constant", (float(written),)
    name = next(iter(written)) if isinstance(written, dict) and len(written) == 1 else written
    if not isinstance(name, str) or name not in SCHEMES:
        report.add(
            "wrong-value",
            f"{prefix}: there is no scheme `{name}`",
            value.span,
            help=partial(did_you_mean, str(name), SCHEMES, what="schemes"),
        )
        return None
    wanted, meaning = SCHEMES[name]
    parsed = report.value(_NUMBERS, next(iter(value.entries.values()))[1], prefix) if isinstance(value, Mapping) else ()
    if parsed is FAILED:
        return None
    if len(parsed) != wanted:
        report.add(
            "wrong-value",
            f"{prefix}: `{name}` takes {wanted} numbers, got {len(parsed)}",
            value.span,
            help=meaning or f"write just `{name}`",
        )
        return None
    return name, tuple(parsed)


_MANY: Final = list_of(number, "a list of numbers")
_NUMBERS: Final = Kind(
    "a number or a list of them",
    lambda each: _MANY.parse(each) if isinstance(each, (list, tuple)) else (number.parse(each),),
    {"anyOf": [number.schema, _MANY.schema]},
)

"""The form of a result file and of ceilings as JSON Schemas, and the one reader that holds a file to them.

What was checked here is taken for granted by all that reports, compares and draws: no number is missing, not finite
or beyond what any machine does.

>>> check({"peak_flops": {"fp32": -1}, "bandwidth": {}}, CEILINGS, where="x.json", help="in SI units")
Traceback (most recent call last):
    ...
archscope.errors.UsageError: x.json: `peak_flops.fp32` must be bigger than or equal to 1, got -1; in SI units
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from archscope.errors import NotFound, UsageError

Schema = Mapping[str, Any]

# The limits. They lie far beyond every machine and network there is, and keep arithmetic with the numbers finite.
LONGEST: Final = 1e9
"""Seconds anything takes: thirty years."""
SHORTEST: Final = 1e-15
"""Seconds: a millionth of a clock cycle."""
FASTEST: Final = 1e24
"""FLOP/s, bytes/s or samples/s: a million of the fastest computer."""
MOST: Final = 10**24
"""Parameters, MACs, FLOPs or bytes of one network."""


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _each(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _list(items: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": items, **limits}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


_TEXT: Final[Schema] = {"type": "string"}
_MAYBE_TEXT: Final[Schema] = {"type": ["string", "null"]}
_FLAG: Final[Schema] = {"type": ["boolean", "null"]}
_TIME: Final = _number(SHORTEST, LONGEST)
_MAYBE_TIME: Final = _or_null(_number(0, LONGEST))
_SIGNED_TIME: Final = _number(-LONGEST, LONGEST)
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": MOST}
_MAYBE_COUNT: Final = _or_null(_COUNT)
_RATE: Final = _number(1e-9, FASTEST)
_MAYBE_RATE: Final = _or_null(_number(0, FASTEST))
_MAYBE_PART: Final = _or_null(_number(-1e18, 1e18))
_TEXTS: Final = _list(_TEXT)

CEILINGS: Final[Schema] = _object(
    {"peak_flops": _each(_or_null(_number(1, FASTEST))), "bandwidth": _each(_or_null(_number(1, FASTEST)))},
    launch=_or_null(_each(_or_null(_TIME))), device=_TEXT, source=_TEXT, noise=_TEXT,
    cache=_MAYBE_COUNT,
)  # fmt: skip
"""Ceilings: FLOP/s by precision, bytes/s by direction, seconds by what is started."""

_RESULTS_CEILINGS: Final = {
    **CEILINGS, "required": ["peak_flops", "bandwidth", "launch", "device", "source"],
    "properties": {**CEILINGS["properties"], "launch": _each(_TIME)},
}  # fmt: skip

_FIGURE: Final = _object(
    {"value": _TIME, "ci": _or_null(_list(_SIGNED_TIME, minItems=2, maxItems=2)), "rounds": _list(_SIGNED_TIME)}
)
_MAYBE_FIGURE: Final = _or_null(_FIGURE)

_AXES: Final[Mapping[str, Schema]] = {
    "batch": {"type": "integer", "minimum": 1, "maximum": MOST},
    **dict.fromkeys(("dtype", "layout", "engine", "mode"), _TEXT),
}

_LAYER: Final = _object({
    "name": _TEXT, "type": _MAYBE_TEXT, "time": _SIGNED_TIME, "share": _MAYBE_PART, "macs": _MAYBE_COUNT,
    "bytes": _MAYBE_COUNT, "flops_per_s": _MAYBE_RATE, "floor": _MAYBE_TIME, "bound": _MAYBE_TEXT,
    "speed_of_light": _MAYBE_PART, "flags": _TEXTS,
}, flops=_MAYBE_COUNT, launches=_MAYBE_COUNT)  # fmt: skip

_ONE_LAYER: Final = {
    **_LAYER, "if": {"properties": {"type": {"type": "string"}}},
    "then": {"required": [*_LAYER["required"], "flops", "launches"], "properties": {"time": _number(0, LONGEST)}},
}  # fmt: skip

_MEASURED: Final = _object({
    **_AXES,
    "model": _object({"name": _TEXT, "parameters": _COUNT, "macs": _MAYBE_COUNT, "flops": _MAYBE_COUNT}),
    "floors": _object(dict.fromkeys(("f1", "f2", "f3"), _MAYBE_TIME)),
    "time": _object({"latency": _FIGURE, "first_call": _SIGNED_TIME, "compile": _MAYBE_TIME,
                     **dict.fromkeys(("period", "device", "host"), _MAYBE_FIGURE)}),
    "rate_basis": {"enum": ["latency", "period"]}, "throughput": _RATE, "flops_per_s": _MAYBE_RATE,
    "fraction_of_peak": _MAYBE_PART, "bound": _MAYBE_TEXT, "launch_bound": _FLAG, "noise": _TEXT,
    "noise_reasons": _TEXTS, "remedy": _MAYBE_TEXT, "flags": _TEXTS,
    "layers": _or_null(_list(_ONE_LAYER, minItems=1)),
})  # fmt: skip

_CELL: Final[Schema] = {
    **_object({"id": _TEXT, "status": _TEXT}, error=_MAYBE_TEXT),
    "dependencies": {"model": {"required": list(_AXES), "properties": {**_AXES, "model": _object({"name": _TEXT})}}},
    "if": {"properties": {"status": {"const": "ok"}}}, "then": _MEASURED,
    "else": {"required": ["error"]},
    "allOf": [{
        "if": {"required": ["rate_basis"], "properties": {"rate_basis": {"const": "period"}}},
        "then": {"properties": {"time": _object({"period": _FIGURE})}},
    }],
}  # fmt: skip

RESULT: Final[Schema] = _object(
    {"schema": {"const": "archscope.bench/1"}, "cells": _list(_CELL), "ceilings": _or_null(_RESULTS_CEILINGS),
     "settings": _object({"rounds": {"type": "integer", "minimum": 1, "maximum": 10**6}}), "created": _TEXT},
    device=_MAYBE_TEXT,
    environment=_or_null(_object({}, torch=_or_null(_object({"version": _TEXT})))),
)  # fmt: skip
"""A whole result file, schema ``archscope.bench/1``; what is not named here is kept and not looked at."""


def read_json(path: str | Path, what: str) -> Any:
    """The value of a JSON file.

    Raises:
        NotFound: there is no such file.
        UsageError: it is not JSON.
    """
    try:
        return json.loads(Path(path).read_bytes().decode("utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise NotFound(f"cannot read {what}{path}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {' '.join(str(error).split())[:200]}") from None


def _no_number(word: str) -> None:
    raise ValueError(f"it has {word}, which is no number")


def check(value: Any, schema: Schema, *, where: str | Path, help: str) -> None:
    """Hold a value to a schema.

    Raises:
        UsageError: it departs from it; names the first place.
    """
    from fastjsonschema import JsonSchemaValueException

    try:
        _compiled(id(schema))(value)
    except JsonSchemaValueException as error:
        place = ".".join(map(str, error.path[1:])) or "the whole"
        wrong = error.message.removeprefix(error.name or "").strip()
        got = repr(error.value)
        got = got if len(got) <= 40 else f"{got[:40]}…"
        raise UsageError(f"{where}: `{place[:200]}` {wrong[:200]}, got {got}; {help}") from None


@cache
def _compiled(identity: int) -> Callable[[Any], Any]:
    """A function that checks; made when it is first needed."""
    import fastjsonschema

    schema = next(each for each in (RESULT, CEILINGS) if id(each) == identity)
    made: Callable[[Any], Any] = fastjsonschema.compile(dict(schema), use_default=False, detailed_exceptions=True)
    return made

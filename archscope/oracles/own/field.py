"""The receptive-field probe through the module itself: where a value that is no number comes out again.

Whatever is added to or multiplied with NaN is NaN. So NaN everywhere outside of a unit's field must leave the unit a
number, and NaN along any edge of the field must not. It needs no gradient, no weights of its own and no layer's rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from archscope.analysis import Row
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, first_line, not_covered, spell
from archscope.oracles.own.parts import rows_by_path
from archscope.tracing.inputs import Call
from archscope.tracing.standin import StandIn, stand_in
from archscope.tracing.strangers import tensors_in

NAME = "field"
SPEED: Final = 40
"""How many times as fast a whole module runs as a probe's single products, on one thread."""

HOW: Final = "NaN outside of a field leaves its unit a number, and NaN along any of its edges does not"

Box = tuple[tuple[int, int], ...]
Unit = tuple[int, ...]


def observe(case: Case) -> Iterator[Finding]:
    """Put NaN around and into the field of the first and the middle unit of every layer with a grid."""
    why = _unfit(case)
    with stand_in(case.called, values=True) as standin:
        paths = {} if why else {row.name: path for path, row in rows_by_path(case, standin.module).items()}
        rows = [row for row in case.analysis.rows if row.name in paths]
        able = {row.name for row in rows if row.seen is not None and _units(case, row)}
        chosen = _affordable(case, [row for row in rows if row.name in able])
        for row in case.analysis.rows:
            if row.name not in {each.name for each in chosen}:
                yield not_covered(NAME, row.name, "receptive_field", why or _reason(row, able))
        if chosen:
            yield from _probed(case, standin, chosen, paths)


def _unfit(case: Case) -> str:
    """Why a module as a whole cannot be probed; empty if it can."""
    shapes = list(case.network.inputs.values())
    if len(shapes) != 1 or len(shapes[0]) < 2:
        return "it takes one input with a grid" if len(shapes) != 1 else "its input has no grid"
    if case.batch != 1:
        return "several samples run at once"
    if any(getattr(each, "axis", 0) for _, each in case.called.call.named(())) or any(case.called.call.axes):
        return "its batch does not come first"
    return ""


def _reason(row: Row, able: set[str]) -> str:
    if row.seen is None:
        return row.reason("receptive_field") or "there is no grid"
    if row.name in able:
        return "a large module is probed at a sample of its layers"
    return "no module of its own shows its values, or every field of it is cut off by the border"


def _units(case: Case, row: Row) -> list[tuple[Unit, Box]]:
    """The first and the middle unit whose whole field lies in the input and leaves something out, with the field."""
    extents = tuple(map(int, next(iter(case.network.inputs.values()))[1:]))
    grid = tuple(map(int, row.output[1:]))
    assert row.seen is not None  # noqa: S101 - rows without a field are not asked
    if len(grid) != len(extents) or len(row.seen.size) != len(extents):
        return []
    found = []
    for unit in dict.fromkeys((tuple(0 for _ in grid), tuple(each // 2 for each in grid))):
        box = tuple(
            (int(start) + place * int(jump), int(start) + place * int(jump) + int(size) - 1)
            for start, jump, size, place in zip(row.seen.start, row.seen.jump, row.seen.size, unit, strict=True)
        )
        inside = all(first >= 0 and last < extent for (first, last), extent in zip(box, extents, strict=True))
        if inside and any(last - first + 1 < extent for (first, last), extent in zip(box, extents, strict=True)):
            found.append((unit, box))
    return found


def _affordable(case: Case, rows: Sequence[Row]) -> list[Row]:
    """All rows, or evenly spread ones with the last among them."""
    if not rows:
        return []
    axes = len(rows[0].seen.size) if rows[0].seen is not None else 2
    runs = sum(len(_units(case, row)) * (1 + 2 * axes) for row in rows)
    cost = max(1, sum(int(facts.macs or 0) for facts in case.facts_of.values()))
    step = math.ceil(runs * cost / max(1, case.pace.work * SPEED))
    return [row for place, row in enumerate(rows) if (len(rows) - 1 - place) % step == 0]


def _probed(case: Case, standin: StandIn, rows: Sequence[Row], paths: Mapping[str, str]) -> Iterator[Finding]:
    made: dict[str, Tensor] = {}
    parts = dict(standin.module.named_modules())
    for row in rows:
        parts[paths[row.name]].register_forward_hook(
            lambda _, __, output, name=row.name: made.__setitem__(name, tensors_in(output)[0])
        )
    # In float64, because faster convolutions mix values that have nothing to do with one another.
    apply: Any = standin.module._apply
    apply(_double)
    (given,) = standin.tensors
    point = torch.rand(given.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5

    def reached(row: Row, unit: Unit, mask: Tensor) -> bool:
        made.clear()
        _run(standin, point.masked_fill(mask, float("nan")))
        if row.name not in made:
            raise _Passed
        place: tuple[Any, ...] = (0, slice(None), *unit)
        return bool(made[row.name][place].isnan().any())

    with torch.no_grad():
        for row in rows:
            case.pace.at(row.name)
            if case.pace.late:
                yield not_covered(NAME, row.name, "receptive_field", case.pace.why)
                continue
            try:
                said = [_seen(row, unit, box, point, reached) for unit, box in _units(case, row)]
            except _Passed:
                reason = "values decide what runs, and on those of the probe it does not"
                yield not_covered(NAME, row.name, "receptive_field", reason)
                continue
            except Exception as error:  # noqa: BLE001 - whatever a stranger's module raises is told
                reason = f"it does not run on NaN in float64: {type(error).__name__}: {first_line(error)}"
                yield not_covered(NAME, row.name, "receptive_field", reason)
                continue
            ours = "; ".join(spell(row.receptive_field) for _ in said)
            yield compared(NAME, row.name, "receptive_field", ours, "; ".join(said), why=HOW)


class _Passed(Exception):
    """A layer that ran when the module was read did not run."""


def _double(tensor: Tensor) -> Tensor:
    """In float64, complex values too, which `Module.double` leaves as they are."""
    if tensor.is_complex():
        return tensor.to(torch.complex128)
    return tensor.double() if tensor.is_floating_point() else tensor


def _seen(row: Row, unit: Unit, box: Box, point: Tensor, reached: Any) -> str:
    """What a unit sees, in words: its field, or more, or less."""
    size = spell(row.receptive_field)
    inside = torch.zeros(point.shape, dtype=torch.bool)
    within: tuple[Any, ...] = (..., *(slice(first, last + 1) for first, last in box))
    inside[within] = True
    if reached(row, unit, ~inside):
        return f"more than {size}"
    for axis, (first, last) in enumerate(box):
        for edge in (first, last):
            line = torch.zeros_like(inside)
            line.narrow(2 + axis, edge, 1).fill_(True)
            if not reached(row, unit, line & inside):
                return f"less than {size}"
    return size


def _run(standin: StandIn, point: Tensor) -> None:
    """The module on other values of its only tensor."""

    def other(value: Any) -> Any:
        return point if isinstance(value, Tensor) else value

    args, kwargs = Call(standin.args, standin.kwargs).mapped(other)
    standin.module(*args, **kwargs)

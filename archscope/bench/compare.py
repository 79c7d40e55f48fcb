"""Hold one result file against another: FAST, SLOW, SAME or AMBIGUOUS, a cell at a time.

The question is not which median is lower but whether the two intervals can both be of one speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from archscope.bench.schema import RESULT, check, read_json
from archscope.errors import UsageError

Word = Literal["FAST", "SLOW", "SAME", "AMBIGUOUS"]

ALIKE: Final = 0.02
"""A ratio known to lie this near to one is no difference."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell against its base.

    Attributes:
        id: the cell.
        word: the verdict.
        ratio: new time over old.
        low, high: between which the ratio lies, as far as both intervals tell.
        why: why it is ambiguous.
    """

    id: str
    word: Word
    ratio: float
    low: float
    high: float
    why: str = ""


def read_result(path: str | Path) -> dict[str, Any]:
    """Read a result file.

    Raises:
        NotFound: there is no such file.
        UsageError: it is no result of ``archscope bench``.
    """
    document = read_json(path, "")
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != "archscope.bench/1":
        stands = "it has no `schema`" if schema is None else f"its `schema` is `{schema}`"
        raise UsageError(
            f"{path}: no result of archscope bench: {stands}, not `archscope.bench/1`; `archscope bench -o` writes one"
        )
    if not isinstance(document.get("cells"), list):
        raise UsageError(f"{path}: not a whole result of archscope bench: it has no list of `cells`; measure again")
    check(document, RESULT, where=f"{path}: not a whole result of archscope bench", help="measure again")
    found: dict[str, Any] = document
    return found


def compare(base: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """Compare the cells that both files have.

    Raises:
        UsageError: they were measured on different devices, or have no cell in common.
    """
    devices = [(each.get("ceilings") or {}).get("device") for each in (base, new)]
    if devices[0] != devices[1]:
        raise UsageError(f"these were measured on different devices: {devices[0]}, then {devices[1]}")
    before = {cell["id"]: cell for cell in base["cells"] if cell["status"] == "ok"}
    pairs = [(before[cell["id"]], cell) for cell in new["cells"] if cell["status"] == "ok" and cell["id"] in before]
    if not pairs:
        raise UsageError("the two results have no good cell in common")
    return tuple(_cell(old, new) for old, new in pairs)


def _is_interval(ends: Sequence[float] | None) -> bool:
    """Whether times lie between these; a file may have none, or what somebody wrote into it."""
    return ends is not None and 0 < ends[0] <= ends[1]


def _cell(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    before, after = old["time"][old["rate_basis"]], new["time"][old["rate_basis"]]
    ratio = after["value"] / before["value"]
    if not (_is_interval(before["ci"]) and _is_interval(after["ci"])):
        return Comparison(new["id"], "AMBIGUOUS", ratio, 0.0, float("inf"), "too few samples for an interval")
    low, high = after["ci"][0] / before["ci"][1], after["ci"][1] / before["ci"][0]
    noisy = [name for name, cell in (("the base", old), ("this run", new)) if cell["noise"] != "ok"]
    if noisy:
        return Comparison(new["id"], "AMBIGUOUS", ratio, low, high, f"{' and '.join(noisy)} was noisy")
    if low >= 1 - ALIKE and high <= 1 + ALIKE:
        return Comparison(new["id"], "SAME", ratio, low, high)
    if high < 1:
        return Comparison(new["id"], "FAST", ratio, low, high)
    if low > 1:
        return Comparison(new["id"], "SLOW", ratio, low, high)
    return Comparison(new["id"], "AMBIGUOUS", ratio, low, high, "the intervals overlap")

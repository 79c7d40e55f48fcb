"""Two sequences of layers, laid side by side as cheaply as they allow, and where they part in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from archscope.errors import one
from archscope.layers import TYPES
from archscope.layers.base import spell_shape
from archscope.oracles.findings import spell
from archscope.oracles.steps import Step

COMPARED: Final = (
    "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "connection_table",
    "out_features", "ceil_mode", "count_include_pad", "size", "alpha", "beta", "k", "affine", "num_groups", "eps",
    "momentum", "output_size", "mode", "p", "negative_slope", "approximate", "min_val", "max_val", "dim",
    "num_heads",
)  # fmt: skip
"""Options that are held against each other, in the order of a sentence."""


@dataclass(frozen=True)
class Edits:
    """The way from one sequence of layers to another: what it costs, in sentences, and how many layers are alike."""

    cost: float
    sentences: tuple[str, ...]
    matched: int


_PART, _REPLACE, _SWAP, _ALTER = 2.0, 1.75, 1.5, 1.0


def align(expected: Sequence[Step], found: Sequence[Step], stopped: bool) -> Edits:
    """The cheapest way from one sequence to the other: alike, altered, left out, put in, two swapped.

    Of ways that cost the same, the one that keeps pairs together longest from the start.
    """
    n, m = len(expected), len(found)
    # What begins alike is alike; only from where they part are there ways to choose from.
    begun = next((place for place, (there, here) in enumerate(zip(expected, found, strict=False))
                  if not _alike(there, here)), min(n, m))  # fmt: skip
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    moves = [[""] * (m + 1) for _ in range(n + 1)]
    for i in range(n, begun - 1, -1):
        for j in range(m, begun - 1, -1):
            if i == n and j == m:
                continue
            ways: list[tuple[float, str]] = []
            if i < n and j < m:
                ways += _across(expected[i], found[j], best[i + 1][j + 1])
                if _swapped(expected[i : i + 2], found[j : j + 2]):
                    ways.append((best[i + 2][j + 2] + _SWAP, "swap"))
            if i < n:
                # Where the module stopped, what would have come after is not missing.
                ways.append((best[i + 1][j] + (0.0 if stopped and j == m else _PART), "missing"))
            if j < m:
                ways.append((best[i][j + 1] + _PART, "extra"))
            best[i][j], moves[i][j] = min(ways, key=lambda each: each[0])
    return _told(expected, found, moves, begun, best[begun][begun], stopped)


def _across(expected: Step, found: Step, rest: float) -> list[tuple[float, str]]:
    if expected.type == found.type:
        return [(rest + (_ALTER if _differ(expected, found) else 0.0), "pair")]
    return [(rest + _REPLACE, "replace")] if _family(expected) == _family(found) else []


def _swapped(expected: Sequence[Step], found: Sequence[Step]) -> bool:
    if len(expected) < 2 or len(found) < 2:
        return False
    crossed = zip(expected, reversed(found), strict=True)
    alike = all(one.type == other.type and not _differences(one, other) for one, other in crossed)
    return alike and bool(expected[0].type != expected[1].type or _differences(expected[0], expected[1]))


def _told(
    expected: Sequence[Step],
    found: Sequence[Step],
    moves: Sequence[Sequence[str]],
    begun: int,
    cost: float,
    stopped: bool,
) -> Edits:
    sentences: list[str] = []
    i, j, matched = begun, begun, begun
    while i < len(expected) or j < len(found):
        move = moves[i][j]
        if move == "pair":
            there, here = expected[i], found[j]
            if _differ(there, here):
                sentences.append(_altered(there, here))
            else:
                matched += 1
            i, j = i + 1, j + 1
        elif move == "replace":
            there, here = expected[i], found[j]
            grown = f"; {here.parameters:,} parameters instead of {there.parameters:,}"
            sentences.append(f"{there.name}: the module has {one(here.type)}{_at(here)} where the spec has "
                             f"{one(there.type)}{grown if here.parameters != there.parameters else ''}")  # fmt: skip
            i, j = i + 1, j + 1
        elif move == "swap":
            sentences.append(f"{expected[i].name} and {expected[i + 1].name}: the module has them in the other order, "
                             f"{expected[i + 1].type} before {expected[i].type}")  # fmt: skip
            i, j = i + 2, j + 2
        elif move == "missing":
            if not (stopped and j == len(found)):
                sentences.append(f"{expected[i].name}: the module has no {expected[i].type} here")
            i += 1
        else:
            after = f"after {expected[i - 1].name}" if i else "at the beginning"
            again = found[j].parameters and any(found[j].name == each.name for each in found[:j])
            sentences.append(f"{after}: the module has {one(found[j].type)}{_at(found[j])} that the spec does not have"
                             f"{'; it has run before' if again else ''}")  # fmt: skip
            j += 1
    return Edits(cost, tuple(sentences), matched)


def _family(step: Step) -> str:
    return TYPES[step.type].family


def _at(step: Step) -> str:
    return f" (`{step.name}`)" if step.name else ""


def _alike(expected: Step, found: Step) -> bool:
    return expected.type == found.type and not _differ(expected, found)


def _differ(expected: Step, found: Step) -> bool:
    """Whether a pair is not alike: by an option, or by what it makes of the same input."""
    if _differences(expected, found) or found.remark:
        return True
    alike = expected.given is not None and expected.given == found.given
    return alike and (expected.parameters, expected.output) != (found.parameters, found.output)


def _differences(expected: Step, found: Step) -> list[str]:
    """Options that are not the same."""
    names = [name for name in COMPARED if name in expected.options or name in found.options]
    told = []
    for name in names:
        if name == "connection_table":
            if expected.options.get(name) != found.options.get(name):
                told.append(name)
        elif name in expected.options and name in found.options and expected.options[name] != found.options[name]:
            told.append(name)
    return told


def _altered(expected: Step, found: Step) -> str:
    parts = []
    for name in _differences(expected, found):
        if name == "connection_table":
            pairs = sum(len(row) for row in expected.options.get(name) or ())
            parts.append(f"the module connects every map, the spec {pairs} pairs of maps" if pairs else
                         "the module has a connection table, the spec connects every map")  # fmt: skip
        else:
            here, there = _shown(found.options[name]), _shown(expected.options[name])
            parts.append(f"`{name}` is {here} in the module and {there} in the spec")
    said = [", ".join(parts)] if parts else []
    if found.remark:
        said.append(found.remark)
    if found.parameters != expected.parameters:
        said.append(f"{found.parameters:,} parameters instead of {expected.parameters:,}")
    if found.output != expected.output:
        said.append(f"output {spell(found.output)} instead of {spell(expected.output)}")
    return f"{expected.name}: {'; '.join(said)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        if all(before == after for before, after in value):
            return _shown(tuple(before for before, _ in value))
        return ", ".join(f"{before} before and {after} after" for before, after in dict.fromkeys(value))
    if isinstance(value, tuple):
        return str(value[0]) if len(set(value)) == 1 else spell_shape(value)
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

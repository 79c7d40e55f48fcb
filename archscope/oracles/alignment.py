"""Two sequences of layers, laid side by side as cheaply as they allow, and where they part in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from archscope.layers import TYPES
from archscope.oracles.findings import spell
from archscope.oracles.recorded import Step

COMPARED: Final = ("out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "connection_table",
                   "out_features", "ceil_mode", "size", "affine", "output_size", "p")  # fmt: skip
"""Options that are held against each other, in the order of a sentence."""


@dataclass(frozen=True)
class Edits:
    """The way from one sequence of layers to another: what it costs, in sentences, and how many layers are alike."""

    cost: float
    sentences: tuple[str, ...]
    before_end: int
    matched: int


_PART, _REPLACE, _SWAP, _ALTER = 2.0, 1.75, 1.5, 1.0


def align(expected: Sequence[Step], found: Sequence[Step], stopped: bool) -> Edits:
    """The cheapest way from one sequence to the other: alike, altered, left out, put in, two swapped."""
    n, m = len(expected), len(found)
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    moves: list[list[str]] = [[""] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            options = [(0.0, "")] if i == j == 0 else []
            if i and j and expected[i - 1].type == found[j - 1].type:
                different = _ALTER if _differences(expected[i - 1], found[j - 1]) else 0.0
                options.append((best[i - 1][j - 1] + different, "pair"))
            elif i and j and _family(expected[i - 1]) == _family(found[j - 1]):
                options.append((best[i - 1][j - 1] + _REPLACE, "replace"))
            if i > 1 and j > 1 and _swapped(expected[i - 2 : i], found[j - 2 : j]):
                options.append((best[i - 2][j - 2] + _SWAP, "swap"))
            if i:
                # Where the module stopped, what would have come after is not missing.
                options.append((best[i - 1][j] + (0.0 if stopped and j == m else _PART), "missing"))
            if j:
                options.append((best[i][j - 1] + _PART, "extra"))
            best[i][j], moves[i][j] = min(options, key=lambda each: each[0])
    return _told(expected, found, moves, best[n][m], stopped)


def _swapped(expected: Sequence[Step], found: Sequence[Step]) -> bool:
    crossed = zip(expected, reversed(found), strict=True)
    alike = all(one.type == other.type and not _differences(one, other) for one, other in crossed)
    return alike and bool(expected[0].type != expected[1].type or _differences(expected[0], expected[1]))


def _told(
    expected: Sequence[Step], found: Sequence[Step], moves: Sequence[Sequence[str]], cost: float, stopped: bool
) -> Edits:
    sentences: list[str] = []
    i, j, matched, trailing = len(expected), len(found), 0, 0
    while i or j:
        move = moves[i][j]
        if move == "pair":
            i, j = i - 1, j - 1
            told = _differences(expected[i], found[j])
            matched += not told
            if told:
                sentences.append(_altered(expected[i], found[j], told))
        elif move == "replace":
            i, j = i - 1, j - 1
            there, here = expected[i], found[j]
            grown = f"; {here.parameters:,} parameters instead of {there.parameters:,}"
            sentences.append(f"{there.name}: the module has {_one(here.type)}{_at(here)} where the spec has "
                             f"{_one(there.type)}{grown if here.parameters != there.parameters else ''}")  # fmt: skip
        elif move == "swap":
            i, j = i - 2, j - 2
            sentences.append(f"{expected[i].name} and {expected[i + 1].name}: the module has them in the other order, "
                             f"{expected[i + 1].type} before {expected[i].type}")  # fmt: skip
        elif move == "missing":
            i -= 1
            if stopped and j == len(found):
                trailing += 1
                continue
            sentences.append(f"{expected[i].name}: the module has no {expected[i].type} here")
        else:
            j -= 1
            after = f"after {expected[i - 1].name}" if i else "at the beginning"
            sentences.append(
                f"{after}: the module has {_one(found[j].type)}{_at(found[j])} that the spec does not have"
            )
    sentences.reverse()
    return Edits(cost, tuple(sentences), len(sentences), matched)


def _family(step: Step) -> str:
    return TYPES[step.type].family


def _one(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" or kind.startswith(("lrn", "lstm", "rbf")) else f"a {kind}"


def _at(step: Step) -> str:
    return f" (`{step.name}`)" if step.name else ""


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


def _altered(expected: Step, found: Step, names: Sequence[str]) -> str:
    parts = []
    for name in names:
        if name == "connection_table":
            pairs = sum(len(row) for row in expected.options.get(name) or ())
            parts.append(f"the module connects every map, the spec {pairs} pairs of maps" if pairs else
                         "the module has a connection table, the spec connects every map")  # fmt: skip
        else:
            here, there = _shown(found.options[name]), _shown(expected.options[name])
            parts.append(f"`{name}` is {here} in the module and {there} in the spec")
    sentence = f"{expected.name}: {', '.join(parts)}"
    if found.parameters != expected.parameters:
        sentence += f"; {found.parameters:,} parameters instead of {expected.parameters:,}"
    if found.output != expected.output:
        sentence += f"; output {spell(found.output)} instead of {spell(expected.output)}"
    return sentence


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        if all(before == after for before, after in value):
            return _shown(tuple(before for before, _ in value))
        return ", ".join(f"{before} before and {after} after" for before, after in dict.fromkeys(value))
    if isinstance(value, tuple):
        return str(value[0]) if len(set(value)) == 1 else "×".join(str(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

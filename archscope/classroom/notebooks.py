"""The answers in a notebook: the text of a dictionary is taken apart, and no cell is run."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from archscope.classroom import submissions
from archscope.classroom.sheet import QUANTITIES
from archscope.classroom.submissions import Submission
from archscope.errors import UsageError, did_you_mean
from archscope.escaping import terminal

LONGEST_SOURCE: Final = 64_000
"""Characters of a cell that is looked at."""


def answers_in(name: str, text: str, layers: Sequence[str]) -> Submission:
    """What a notebook says under ``answers``, ``pupil`` and ``sheet``.

    Raises:
        UsageError: it is no notebook, its answers are no dictionary of dictionaries, or name no layer of the sheet.
    """
    pupil, seed = "", None
    answers: dict[tuple[str, str], str] = {}
    places: dict[tuple[str, str], str] = {}
    quantities: set[str] = set()
    for cell, source, statement in _assignments(name, _cells(name, text)):
        target, value = statement
        place = f"cell {cell}, line {value.lineno}"
        if target == "pupil" and isinstance(value, ast.Constant):
            pupil = terminal(str(value.value), 80)
        elif target == "sheet" and isinstance(value, ast.Constant):
            seed = submissions.seed_from(name, place, str(value.value))
        elif target == "answers":
            for layer, quantity, written, line in _entries(name, cell, source, value, layers):
                quantities.add(quantity)
                answers[layer, quantity] = written
                places[layer, quantity] = f"cell {cell}, line {line}, column {quantity}"
    if not quantities:
        raise UsageError(f"{name}: no cell says `answers = {{…}}`, as that of the worksheet does")
    asked = tuple(each for each in QUANTITIES if each in quantities)
    return Submission(name, pupil or Path(name).stem, seed, answers, places, asked)


def _cells(name: str, text: str) -> Iterator[tuple[int, str]]:
    """The source of every cell of code, with its number."""
    try:
        found = json.loads(text)["cells"]
        for number, cell in enumerate(found, 1):
            if cell["cell_type"] == "code":
                source = cell["source"]
                yield number, source if isinstance(source, str) else "".join(map(str, source))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{name}: it is no notebook") from None


def _assignments(name: str, cells: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str, tuple[str, ast.expr]]]:
    for number, source in cells:
        if "answers" not in source or len(source) > LONGEST_SOURCE:
            continue
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            at = f", line {line}" if line else ""
            raise UsageError(f"{name}: cell {number}{at}: it is no Python: {getattr(error, 'msg', error)}") from None
        for each in body:
            if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name):
                yield number, source, (each.targets[0].id, each.value)


def _entries(
    name: str, cell: int, source: str, value: ast.expr, layers: Sequence[str]
) -> Iterator[tuple[str, str, str, int]]:
    """Every answer: its layer, quantity, text and line."""
    for layer, inner in _items(name, cell, value):
        if layer not in layers:
            raise UsageError(f"{name}: cell {cell}, line {inner.lineno}: there is no layer `{terminal(layer, 40)}` on "
                             f"this sheet; {did_you_mean(layer, layers, what='layers')}")  # fmt: skip
        for quantity, written in _items(name, cell, inner):
            if quantity not in QUANTITIES:
                raise UsageError(f"{name}: cell {cell}, line {written.lineno}: `{terminal(quantity, 40)}` is no "
                                 f"quantity; {did_you_mean(quantity, QUANTITIES, what='quantities')}")  # fmt: skip
            yield layer, quantity, _text(source, written), written.lineno


def _items(name: str, cell: int, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(value, ast.Dict):
        raise UsageError(f"{name}: cell {cell}, line {value.lineno}: write a dictionary, as the worksheet has it")
    for key, item in zip(value.keys, value.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise UsageError(f"{name}: cell {cell}, line {item.lineno}: a name in quotes stands before each colon")
        yield key.value, item


def _text(source: str, value: ast.expr) -> str:
    """What was written; nothing for the three dots that stood there."""
    if isinstance(value, ast.Constant):
        known: Any = value.value
        return "" if known is ... or known is None else str(known)
    return ast.get_source_segment(source, value) or ""

"""Keras 3: shapes and counts of the course's two models, built as the course wrote them, and of models in files."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from archscope.errors import ArchscopeError, MissingExtra
from archscope.escaping import line
from archscope.importing.keras.config import is_of
from archscope.importing.kinds import Kind, kind_of
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.keras_course import MODELS

NAME = "Keras"
_LARGEST = 200_000_000
"""Values that Keras is asked to make: 800 MB in float32."""


class KerasFailed(ArchscopeError):
    """The program that asks Keras did not answer."""


def observe(case: Case) -> Iterator[Finding]:
    """Ask Keras in a process of its own, where it runs on PyTorch whatever this one has chosen."""
    name, path = case.network.name, case.network.path
    if case.network.observed is not None and path is not None and kind_of(path) is Kind.KERAS:
        yield from _of_a_file(case, path)
        return
    if name not in MODELS:
        yield not_covered(
            NAME, None, "parameters", "only the two Keras models of the course are asked, and this is neither"
        )
        return
    if importlib.util.find_spec("keras") is None:
        raise MissingExtra(f"the Keras witness of {name}", "Keras", "keras")
    answer = _ask(name)
    by_name = {layer["name"]: layer for layer in answer["layers"]}
    for row in case.analysis.rows:
        said = by_name.get(row.name)
        if said is None:
            yield not_covered(NAME, row.name, "output", "the Keras model has no such layer")
            continue
        yield compared(NAME, row.name, "output", row.output, _channels_first(said["output"]))
        for quantity in ("parameters", "fixed"):
            if row.count_of(quantity) or said[quantity]:
                yield compared(NAME, row.name, quantity, row.count_of(quantity), said[quantity])
    totals = case.analysis.totals
    for quantity in ("parameters", "fixed"):
        yield compared(NAME, None, quantity, totals.count_of(quantity), answer["totals"][quantity])
    both = int(totals.parameters) + int(totals.fixed)
    yield compared(NAME, None, "count_params", both, answer["totals"]["count_params"])


def _of_a_file(case: Case, path: str) -> Iterator[Finding]:
    """What Keras says of the model that the network was read from."""
    held = int(case.analysis.totals.parameters) + int(case.analysis.totals.fixed)
    if held > _LARGEST:
        why = f"Keras would make {held:,} values, and is asked to make {_LARGEST:,} at most"
        yield not_covered(NAME, None, "weights", why)
        return
    if importlib.util.find_spec("keras") is None:
        if case.named:
            raise MissingExtra(f"the Keras witness of {path}", "Keras", "keras")
        yield not_covered(NAME, None, "weights", "Keras is not installed: pip install 'archscope[keras]'")
        return
    answer = _said("keras_file", path)
    if "failed" in answer:
        yield not_covered(NAME, None, "weights", f"Keras does not make it: {line(answer['failed'])[:300]}")
        return
    names = {layer["name"] for layer in answer["layers"]}
    for layer in answer["layers"]:
        nodes = [each for each in case.network.nodes if is_of(each.name, layer["name"], names)]
        if not nodes:
            continue
        last, theirs = nodes[-1], layer["output"]
        if theirs is not None and all(isinstance(each, int) for each in theirs):
            ours = tuple(map(int, case.facts_of[last.name].outputs[0]))
            turned = _channels_first(theirs) if theirs else ()
            yield compared(NAME, last.row, "output", ours, turned if turned == ours else tuple(theirs), node=last.name)
        values = sum(int(each.values) for node in nodes if node.shares is None
                     for each in case.facts_of[node.name].weights)  # fmt: skip
        if values or layer["weights"]:
            yield compared(NAME, nodes[0].row, "weights", values, layer["weights"], node=nodes[0].name)
    yield compared(NAME, None, "weights", held, answer["weights"])


@cache
def _ask(name: str) -> dict[str, Any]:
    return _said("keras_course", name)


def _said(program: str, name: str) -> dict[str, Any]:
    """What a program of this package prints, in which Keras runs on PyTorch."""
    environment = {**path_of_modules(), "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-W", "ignore", "-m", f"archscope.oracles.{program}", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise KerasFailed(f"Keras could not build {name}: {last[0]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def path_of_modules() -> dict[str, str]:
    """The environment in which a child finds this very package, however it was found here."""
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))}


def _channels_first(shape: list[int]) -> tuple[int, ...]:
    return (shape[-1], *shape[:-1])

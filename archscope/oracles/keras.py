"""Keras 3: shapes and parameter counts of the course's two models, built as the course wrote them."""

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
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.keras_course import MODELS

NAME = "Keras"


class KerasFailed(ArchscopeError):
    """The program that asks Keras did not answer."""


def observe(case: Case) -> Iterator[Finding]:
    """Ask Keras in a process of its own, where it runs on PyTorch whatever this one has chosen."""
    name = case.network.name
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


@cache
def _ask(name: str) -> dict[str, Any]:
    environment = {**path_of_modules(), "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-W", "ignore", "-m", "archscope.oracles.keras_course", name]
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

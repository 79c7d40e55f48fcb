"""Models of Keras layers at random: weights, shapes and products are those that Keras has where they run on PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archscope import analyze
from archscope.oracles.keras import path_of_modules

SEEDS = range(100, 124)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of models by their seed, and what was seen of each as it ran."""
    folder, program = tmp_path_factory.mktemp("law"), str(Path(__file__).with_name("keras_law.py"))
    ran = subprocess.run([sys.executable, "-W", "ignore", program, str(folder), *map(str, SEEDS)], capture_output=True,
                         text=True, env={**path_of_modules(), "KERAS_BACKEND": "torch"}, check=True)  # fmt: skip
    return folder, json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("suffix", [".keras", ".json"])
@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_of_any_layers_behind_each_other_are_those_of_keras_as_it_runs(
    seed: int, suffix: str, said: Any
) -> None:
    folder, known = said
    found, theirs = analyze(folder / f"{seed}{suffix}"), known[str(seed)]
    totals = found.totals
    assert (totals.parameters, totals.parameters + totals.fixed) == (theirs["trained"], theirs["weights"])
    assert theirs["products"] in (totals.macs, None)  # None where Keras does not run it
    made, output = found.rows[-1].outputs[0], theirs["output"]
    assert output is None or made in (tuple(output), (output[-1], *output[:-1]))

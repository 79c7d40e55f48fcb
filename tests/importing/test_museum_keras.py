"""Every network that comes along, written for Keras, saved by Keras and read back, has the rows of its spec."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from archscope import UsageError
from archscope.importing.keras.config import model_of
from archscope.opening import open_network
from archscope.oracles.keras import path_of_modules
from archscope.writing.keras import write_keras
from tests.importing.museum import CROPPED, NAMES, ORDER, PARTS, SIZED, network_of, unlike

ROWS: Final[Mapping[str, str]] = {"alexnet": PARTS, "alexnet-torchvision": SIZED, "unet": CROPPED}
"""Those whose rows are others, and why."""
ELSEWHERE: Final[Mapping[str, str]] = {"bert@base": ORDER, "shufflenet-v1@g3": ORDER}
"""Those whose rows are the same in another order, and why."""
CLASSES: Final = {"gpt2@small", "lecun1989", "lenet5-1998", "llama2@7b", "lstm-lm@small", "mixtral", "transformer@base"}
"""Those that use a weight of one layer in another, or hold weights of their own: a class of Keras's has to hold them,
and a file says of a class what it is called alone."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Keras saves of each."""
    folder = tmp_path_factory.mktemp("museum")
    for name in NAMES:
        source = write_keras(network_of(name))
        if name not in CLASSES:
            (folder / f"{name}.py").write_text(source)
    subprocess.run([sys.executable, "-W", "ignore", str(Path(__file__).with_name("saved_sources.py")), str(folder)],
                   check=True, env={**path_of_modules(), "KERAS_BACKEND": "torch"})  # fmt: skip
    return folder


@pytest.mark.parametrize("name", sorted({*NAMES} - CLASSES))
def test_the_rows_are_those_of_the_spec_or_it_is_said_why_not(name: str, saved: Path) -> None:
    found = unlike(network_of(name), open_network(str(saved / f"{name}.json")))
    assert found == ("rows" if name in ROWS else "order" if name in ELSEWHERE else "")


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_what_keras_can_only_hold_as_a_class_is_written_as_one_and_is_told_when_it_is_read(name: str) -> None:
    source = write_keras(network_of(name))
    assert "def model()" not in source
    kind = source.rpartition("(keras.Model):")[0].rpartition("class ")[2]
    with pytest.raises(UsageError, match=f"a model of the class `{kind}`, whose layers stand in its code alone"):
        model_of({"class_name": kind, "module": None, "config": {"name": "net"}}, "net.keras")

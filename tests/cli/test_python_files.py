"""A file of Python is no spec, and how what it holds is named is one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run

Runs = Callable[..., Run]


@pytest.mark.parametrize(("file", "says"), [
    ("models.py", "name a class or a function in it that makes the module, `models:make`, run in "),
    ("my-models.py", "write what makes the module into a file such as `models.py`, and name that: `models:make`"),
    ("lesson.ipynb", "write what makes the module into a file such as `models.py`, and name that: `models:make`"),
])  # fmt: skip
def test_a_file_of_python_says_how_its_module_is_named(
    archscope_run: Runs, tmp_path: Path, file: str, says: str
) -> None:
    (tmp_path / file).write_text("class Net(nn.Module):\n    pass\n")
    run = archscope_run("table", str(tmp_path / file), "--input", "4")
    assert (run.status, run.out) == (2, "")
    assert says in run.err.replace("\n  ", " ")
    assert "YAML" not in run.err


def test_a_spec_that_is_not_there_is_no_file_of_python(archscope_run: Runs, tmp_path: Path) -> None:
    run = archscope_run("table", str(tmp_path / "nowhere.py"))
    assert run.status == 2
    assert "is Python" not in run.err

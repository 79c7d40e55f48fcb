"""The results that are published read as they were written, and their page says what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from archscope.bench.compare import read_result
from archscope.bench.report import write
from archscope.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER = DOCS / "benchmarks"
RESULTS = sorted(FOLDER.glob("*.json"))


def test_there_are_results() -> None:
    assert RESULTS


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_page_has_the_tables_of_the_result(path: Path) -> None:
    assert write(read_result(path), "markdown") in (FOLDER / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_measured_time_is_above_its_floors(path: Path) -> None:
    for cell in read_result(path)["cells"]:
        if cell["status"] == "ok":
            time = cell["time"][cell["rate_basis"]]["value"]
            assert all(time > floor for floor in cell["floors"].values() if floor is not None), cell["id"]


def commands(page: Path) -> list[list[str]]:
    """The benchmarks that the blocks of a page would have one run."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in re.findall(r"^archscope bench .*$", text, re.MULTILINE)]


@pytest.mark.parametrize("name", ["benchmarks/index.md", "how-to/benchmark-a-gpu.md"])
def test_a_benchmark_that_a_page_would_have_one_run_can_be_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    measuring = [command for command in commands(DOCS / name) if "--read" not in command]
    assert measuring
    for command in measuring:
        if "--scheduler" in command:  # a cluster is for measuring, and nothing is measured here
            where = command.index("--scheduler")
            command[where : where + 2] = []
        assert main([*command, "--dry-run"]) == 0, command

"""The results that are published read as they were written, and their page says what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from archscope.bench.compare import read_result
from archscope.bench.report import write

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
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

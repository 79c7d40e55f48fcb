"""What several tests use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from archscope.cli import main


@dataclass(frozen=True)
class Run:
    """What one run of the program left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def archscope_run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Run the command line in this process: ``archscope_run("table", "lenet5")``."""

    def run(*arguments: str) -> Run:
        status = main(arguments)
        captured = capsys.readouterr()
        return Run(status, captured.out, captured.err)

    return run

"""What several tests use."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from archscope.cli import main
from archscope.oracles import verification
from tests.sampling import sampled

# A property is held or not; how long an example took, and how long drawing one did, is the machine's affair.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--every``."""
    parser.addoption("--every", action="store_true", help="try every case of laws of which a run tries a sample")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases that no sample has, unless they are asked for, or a file by its name."""
    if config.getoption("every") or any(each.partition("::")[0].endswith(".py") for each in config.args):
        return
    tried = {each.nodeid for each in sampled(items)}  # type: ignore[type-var]
    config.hook.pytest_deselected(items=[each for each in items if each.nodeid not in tried])
    items[:] = [each for each in items if each.nodeid in tried]


_MANY: Final = 50
"""Modules that are worth a walk through all objects when they have been imported."""
_seen: tuple[Path | None, int] = (None, 0)


@pytest.fixture(autouse=True)
def settled(request: pytest.FixtureRequest) -> None:
    """What has been imported, and what earlier files left, stays: no later collection of garbage looks through it.

    PyTorch and its relations are millions of objects. A collection that walks all of them takes half a second, and the
    memory tracker asks for one at every step.
    """
    global _seen
    file, modules = _seen
    if request.path != file or len(sys.modules) > modules + _MANY:
        gc.collect()
        gc.freeze()
        _seen = request.path, len(sys.modules)


@pytest.fixture
def every_object_is_looked_at(settled: None) -> Iterator[None]:
    """Garbage is collected as in a program that has not been told what stays."""
    gc.unfreeze()
    yield
    gc.freeze()


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


@pytest.fixture(scope="session", autouse=True)
def patient_witnesses() -> None:
    """A witness that a busy machine holds up is heard out: what it samples the seconds fix, not the clock."""
    verification.verify.__kwdefaults__["clock"] = lambda: 0.0


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made by the first process of a test run that asks for it, and read by all."""
    # The workers of pytest-xdist have a folder each in that of the run; one process alone has just its own.
    base = temporary.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with (folder.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(folder.with_suffix(".new"))
            folder.with_suffix(".new").rename(folder)
    return folder


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what keeps people from using a page."""
    for folder in (os.environ.get("AXE_CORE"), "node_modules/axe-core"):
        if folder and (Path(folder) / "axe.min.js").is_file():
            return (Path(folder) / "axe.min.js").read_text()
    pytest.skip("axe-core is not installed: npm install axe-core, or AXE_CORE=folder")

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archscope.cli import main


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished site of every spec that comes with archscope, with a benchmark of one."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    result = Path(__file__).parent / "lenet5-bench.json"
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["docs", "--bench", str(result), "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real Chromium without a window, closed with its module: two open at once in a process cannot be driven."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("ARCHSCOPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archscope.cli import main
from tests.conftest import made_once
from tests.patience import PATIENCE


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished site of every spec that comes with archscope, with a benchmark of one."""
    result = Path(__file__).parent / "lenet5-bench.json"

    def make(folder: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["docs", "--bench", str(result), "-o", str(folder)]) == 0

    return made_once(tmp_path_factory, "site", make)


OWN = {
    "branches": (
        "name: A name so long that a phone has to break it, and a comparison too\n"
        "input: [3, 64, 64]\n"
        "layers:\n"
        "  stem_with_a_name_as_long_as_generated_ones: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1}\n"
        "  left: {type: conv2d, out_channels: 16, kernel_size: 3, padding: 1, activation: relu}\n"
        "  right: {type: conv2d, out_channels: 16, kernel_size: 1, from: stem_with_a_name_as_long_as_generated_ones}\n"
        "  sum: {type: add, from: [left, right]}\n"
    ),
    "deep": "input: [3, 64, 64]\nlayers:\n"
    + "".join(
        f"  layer{place}: {{type: conv2d, out_channels: 8, kernel_size: 3, padding: 1}}\n" for place in range(100)
    ),
    "small": "title: ATitleAsLongAsTheNameOfAClassInSomebodysPackage.WithNoPlaceToBreakIt\n"
    "input: [4]\nlayers:\n  only: {type: linear, out_features: 2}\n",
}
"""Networks that no paper has: one that branches under long names, a long one, and a very small one."""


@pytest.fixture(scope="session")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished site of `OWN`."""

    def make(folder: Path) -> None:
        folder.mkdir()
        for name, text in OWN.items():
            (folder / f"{name}.yaml").write_text(text)
        with contextlib.redirect_stdout(io.StringIO()):
            assert main(["docs", *(str(folder / f"{name}.yaml") for name in OWN), "-o", str(folder / "site")]) == 0

    return made_once(tmp_path_factory, "own", make) / "site"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real Chromium without a window, closed with its module: two open at once in a process cannot be driven."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("ARCHSCOPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=1000 * PATIENCE)
        yield browser
        browser.close()

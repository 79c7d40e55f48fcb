"""Every code block and command of the pages does what the page says."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from archscope.errors import ArchscopeError
from tests.docs.blocks import ROOT, Runner, read_page

# Pages of measurements are written by the benchmarks themselves.
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "benchmarks" not in path.parts)


def environment(folder: Path) -> dict[str, str]:
    """An environment in which `archscope` is this checkout's, and output is plain and 100 columns wide."""
    programs = folder / "bin"
    programs.mkdir()
    for name, arguments in (("archscope", "-m archscope"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return {
        **os.environ,
        "COLUMNS": "100",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # other tools', which the pages compare with
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_a_page_shows_what_happens(page, tmp_path, monkeypatch):
    front, blocks = read_page(page)
    for module in front.get("requires", []):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"this page needs {module}")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("MPLBACKEND", "agg")
    if "torch" in front.get("requires", []):
        import torch

        torch.set_num_threads(1)  # the tests beside this one have the other cores
    Runner(page, work, environment(tmp_path)).run(blocks)


def page_of(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


@pytest.mark.parametrize(
    "text",
    [
        '```python\nprint(1)\n```\n```text title="Output"\n2\n```\n',
        '```python\nprint(1)\n```\n```text title="Output of one run"\n1 of 2\n```\n',
        "```python\nprint(1)\n```\n",
        "```pycon\n>>> 1 + 1\n3\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ archscope --version\narchscope none\n```\n",
        "```console\n$ archscope table nowhere\n...\n```\n",
        "```console\n$ pip install '.[nothing]'\n```\n",
        "```yaml\ninput: [1, 2, 2]\nlayers: {conv: {type: conv2d, out_channels: 1, kernel_size: 3}}\n```\n",
        "```yaml\nconv: {type: conv2d, out_channels: 0, kernel_size: 3}\n```\n",
        "```bash\necho one\n```\n",
        "```python\nprint(1)\n",
    ],
)
def test_a_page_that_is_wrong_is_noticed(text, tmp_path):
    page = ROOT / "docs" / "a page.md"
    runner = Runner(page, tmp_path, environment(tmp_path))
    with pytest.raises((AssertionError, ArchscopeError)):
        runner.run(read_page(page_of(tmp_path, text))[1])

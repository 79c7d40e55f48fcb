"""How long `archscope docs` takes for every spec that comes with archscope, as a whole process, and how heavy it is.

The limits are 20 s on two cores and 500 kB a page. The ratio to importing PyTorch, measured in the same run, means
the same on another machine.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import Claim, python

SECONDS = 20.0
BYTES = 500_000


def claims() -> Iterator[Claim]:
    """A site from nothing, and its heaviest page."""
    with tempfile.TemporaryDirectory() as folder:
        made = python("-m", "archscope", "docs", "-o", folder)()
        torch = python("-c", "import torch")()
        pages = sorted(Path(folder).rglob("*.html"), key=lambda page: page.stat().st_size)
        says = f"`docs`, {len(pages)} pages ({made / torch:.2f} × importing torch)"
        yield Claim(says, made, SECONDS, "at most", unit="s")
        heaviest = pages[-1]
        yield Claim(
            f"the heaviest page, {heaviest.parent.name}", heaviest.stat().st_size, BYTES, "at most", unit="bytes"
        )

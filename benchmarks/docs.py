"""How long `archscope docs` takes for every spec that comes with archscope, as a whole process, and how heavy it is.

    python -m benchmarks.docs

The limits are 20 s on two cores and 500 kB a page. The ratio to `python -c "import torch"`, measured in the same
run, says more than the seconds: it means the same on another machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 20.0
BYTES = 500_000


def seconds(command: list[str]) -> float:
    """The time of a whole process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> int:
    """Measure, print, and return 1 if a limit is passed."""
    with tempfile.TemporaryDirectory() as folder:
        docs = ["-m", "archscope", "docs", "-o", folder]
        first = seconds(docs)
        again = seconds(docs)
        pages = sorted(Path(folder).rglob("*.html"), key=lambda page: page.stat().st_size)
        heaviest = pages[-1].stat().st_size
        torch = seconds(["-c", "import torch"])
        print(
            f"{len(pages)} pages from nothing   {first:6.2f} s   {first / torch:.2f} × import torch   limit {SECONDS} s"
        )
        print(f"{len(pages)} pages, none changed  {again:6.2f} s   {again / torch:.2f} × import torch")
        print(f"heaviest page: {pages[-1].relative_to(folder)}, {heaviest:,} bytes   limit {BYTES:,}")
    return 0 if first < SECONDS and heaviest < BYTES else 1


if __name__ == "__main__":
    sys.exit(main())

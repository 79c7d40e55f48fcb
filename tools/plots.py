"""Draw the course's plots anew, by running the page that makes them: ``python -m tools.plots``.

They come out of training, whose last digits differ from machine to machine; so they are kept, and not checked.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from archscope.files import write_bytes
from tests.docs.blocks import ROOT, Runner, read_page

PLOTS = ("loss.svg", "confusion.svg")


def main() -> None:
    import matplotlib as mpl

    mpl.use("agg")
    mpl.rcParams["svg.hashsalt"] = "archscope"
    page = ROOT / "docs" / "course" / "3-train.md"
    _, blocks = read_page(page)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Runner(page, Path(folder), dict(os.environ)).run(blocks)
        for name in PLOTS:
            write_bytes(ROOT / "docs" / "assets" / "course" / name, Path(folder, name).read_bytes())


if __name__ == "__main__":
    main()

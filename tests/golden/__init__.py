"""Goldens: what each format prints for each spec, as text.

``python tasks.py golden`` writes them; `tests/formats/test_golden.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import archscope
from archscope.formats import FORMATS, View, write
from archscope.reader import spec_names

FOLDER = Path(__file__).parent

SHEETS = {
    **{name: (name, View()) for name in FORMATS},
    "table-80": ("table", View(width=80)),
    "working": ("table", View(width=80, working=True)),
    "nodes": ("csv", View(every_node=True)),
}
"""By file name: the format, and what it shows."""

MOST_NODES = 160
"""A larger network has a few of the goldens: the others say the same of more layers."""

OF_LARGE = ("table-80", "csv")
"""What they are."""

LONG = "densenet@121"
"""The large network that has all of them: long tables, tables over pages."""


def pages(spec: str) -> Iterator[tuple[Path, str]]:
    """The path and the text of each golden of a spec."""
    analysis = archscope.analyze(archscope.load(spec))
    names = SHEETS if len(analysis.nodes) <= MOST_NODES or spec == LONG else OF_LARGE
    for name in names:
        form, view = SHEETS[name]
        yield FOLDER / spec / f"{name}.txt", write(analysis, form, view) + "\n"


def write_all() -> None:
    """Write every golden anew and remove those of specs and formats that are gone."""
    written = {path: text for spec in spec_names() for path, text in pages(spec)}
    for path in set(FOLDER.rglob("*.txt")) - set(written):
        path.unlink()
    for path, text in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")

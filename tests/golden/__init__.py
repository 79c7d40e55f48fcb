"""Goldens: what each format prints for each spec, as text.

``python tasks.py golden`` writes them; `tests/formats/test_golden.py` compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import archscope
from archscope.formats import FORMATS, View, write
from archscope.formats.sheet import lay_out
from archscope.reader import spec_names

FOLDER = Path(__file__).parent

SHEETS = {
    **{name: (name, View()) for name in FORMATS},
    "table-80": ("table", View(width=80)),
    "working": ("table", View(width=80, working=True)),
    "nodes": ("csv", View(every_node=True)),
}
"""By file name: the format, and what it shows."""

MOST_NODES = 60
"""A larger network has thin goldens: its blocks, a line each, and the working of the first copy of each."""

LONG = "densenet@121"
"""The large network whose tables are written out: long ones, tables over pages."""

LONG_SHEETS = ("table", "table-80", "csv", "html", "latex")


def paths(spec: str, analysis: archscope.Analysis) -> list[Path]:
    """Where the goldens of a spec are."""
    small = len(analysis.nodes) <= MOST_NODES
    names = [*SHEETS] if small else [*(LONG_SHEETS if spec == LONG else ()), "depth-1", "block"]
    return [FOLDER / spec / f"{name}.txt" for name in names]


def pages(spec: str) -> Iterator[tuple[Path, str]]:
    """The path and the text of each golden of a spec; not more than 3,000 lines in all."""
    analysis = archscope.analyze(archscope.load(spec))
    for path in paths(spec, analysis):
        if path.stem == "block":
            yield path, "".join(_of_one_copy(analysis))
        else:
            form, view = SHEETS.get(path.stem, ("table", View(width=80, depth=1)))
            yield path, write(analysis, form, view) + "\n"


def _of_one_copy(analysis: archscope.Analysis) -> Iterator[str]:
    """The arithmetic of every layer that is in no later copy of a block: no number but 0 is a part of its name."""
    for step in lay_out(analysis, View(working=True)).steps:
        if not re.search(r"\.[1-9]\d*(\.|$)", step.layer):
            yield f"{step.layer} {step.quantity}: {step.working} = {step.value}\n"


def write_all() -> None:
    """Write every golden anew and remove those of specs and formats that are gone."""
    written = {path: text for spec in spec_names() for path, text in pages(spec)}
    for path in set(FOLDER.rglob("*.txt")) - set(written):
        path.unlink()
    for path, text in written.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")

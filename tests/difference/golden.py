"""Goldens of differences: the answer to a question that people ask in public, as text.

``python tasks.py golden`` writes them; `test_golden.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import archscope
from archscope.difference import difference
from archscope.formats.differences import FORMATS, write

FOLDER = Path(__file__).parent / "golden"

PAIRS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "lenet5-1998": ("lenet5", "lenet5-1998", ()),
    "lenet5-pytorch": ("lenet5", "lenet5-pytorch", ()),
    "lenet5-keras": ("lenet5", "lenet5-keras", ()),
    "alexnet-pytorch": ("alexnet", "alexnet-pytorch", ()),
    "alexnet-torchvision": ("alexnet", "alexnet-torchvision", ()),
    "alexnet-keras": ("alexnet", "alexnet-keras", ()),
    "resnet-50-v1.5": ("resnet@50", "resnet@50-v1.5", ()),
    "vgg-d-e": ("vgg@D", "vgg@E", ()),
    "gpt2-117M": ("gpt2@small", "gpt2@small", ("let.vocabulary=40478",)),
    "vit-l16-l32": ("vit@l16", "vit@l32", ()),
}
"""By file name: the two networks, and what is changed in the second."""


def found(first: str, second: str, changes: tuple[str, ...]) -> archscope.difference.Difference:
    name = f"{second} with {', '.join(changes)}" if changes else second
    return difference(archscope.load(first), archscope.load(second, changes=changes), names=(first, name))


def pages() -> Iterator[tuple[Path, str]]:
    """The path and the text of each golden."""
    for name, pair in PAIRS.items():
        yield FOLDER / f"{name}.txt", write(found(*pair), "table", width=80) + "\n"
    for form in FORMATS:
        if form != "table":
            yield FOLDER / f"lenet5-pytorch.{form}.txt", write(found(*PAIRS["lenet5-pytorch"]), form) + "\n"


def write_all() -> None:
    """Write every golden anew and remove those that are gone."""
    written = dict(pages())
    FOLDER.mkdir(exist_ok=True)
    for path in {*FOLDER.glob("*.txt")} - written.keys():
        path.unlink()
    for path, text in written.items():
        path.write_text(text, encoding="utf-8", newline="\n")

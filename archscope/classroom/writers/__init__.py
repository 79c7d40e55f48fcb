"""A sheet, or its key, as a file: one format a module, with ``write(sheet, key=...)``.

>>> format_of("sheets/7.PDF")
'pdf'
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from archscope.classroom.sheet import Sheet
from archscope.errors import NotFound, UsageError

FORMATS: Final[Mapping[str, str]] = {
    "md": "markdown", "tex": "latex", "pdf": "pdf", "docx": "docx", "ipynb": "notebook", "csv": "form", "xlsx": "xlsx",
}  # fmt: skip
"""The module of every format, by the suffix of its files; ``csv`` and ``xlsx`` are forms to answer on."""


def format_of(path: str | os.PathLike[str]) -> str:
    """The format of a file, by its suffix.

    Raises:
        NotFound: no format has it.
    """
    suffix = Path(path).suffix.lower().lstrip(".")
    if suffix not in FORMATS:
        raise NotFound(
            f"no worksheet has the suffix `.{suffix}`; suffixes: {', '.join(f'.{each}' for each in FORMATS)}"
        )
    return suffix


def write(sheet: Sheet, format: str = "md", *, key: bool = False) -> str | bytes:
    """A sheet, or its key with every working, in one of `FORMATS`.

    Raises:
        NotFound: there is no such format.
        MissingExtra: a package it needs is not installed.
    """
    if format not in FORMATS:
        raise NotFound(f"no format `{format}` for a worksheet; formats: {', '.join(FORMATS)}")
    made: str | bytes = importlib.import_module(f"archscope.classroom.writers.{FORMATS[format]}").write(sheet, key=key)
    return made


def numbered(path: str | os.PathLike[str], seed: int, several: bool) -> Path:
    """The file of one sheet of several: ``{seed}`` in its name is the seed.

    Raises:
        UsageError: several sheets would go into one file.
    """
    text = os.fspath(path)
    if several and "{seed}" not in text:
        raise UsageError(f"`{text}` is one file for several sheets; write {{seed}} where its number shall stand: "
                         f"`{Path(text).with_stem(Path(text).stem + '-{seed}')}`")  # fmt: skip
    return Path(text.replace("{seed}", str(seed)))

"""What the program prints on: a terminal of some width, with or without colour, a pipe, or a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TEXTS: Final = {".md": "markdown", ".csv": "csv", ".json": "json", ".html": "html", ".tex": "latex"}
PICTURES: Final = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
"""Formats by the suffix of a file."""


def width() -> int | None:
    """Characters a line may have; None where nobody watches the right margin: a pipe or a file."""
    return max(shutil.get_terminal_size().columns, 20) if sys.stdout.isatty() else None


def color() -> bool:
    """Whether to write colours: on a terminal, unless ``NO_COLOR`` or ``TERM=dumb`` say otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def complain(text: str) -> None:
    """Print to the error stream, or nowhere if that is closed or full: what it is about matters more."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def format_for(format: str | None, output: Path | None, suffixes: Mapping[str, str], usual: str = "table") -> str:
    """The format that is asked for, else the one that the suffix of a file says, else the usual one.

    >>> format_for(None, Path("net.CSV"), TEXTS), format_for("json", Path("net.csv"), TEXTS)
    ('csv', 'json')
    >>> format_for(None, None, TEXTS), format_for(None, Path("net.odd"), TEXTS)
    ('table', 'table')
    """
    return format or suffixes.get("" if output is None else output.suffix.lower(), usual)


def emit(text: str, output: Path | None = None) -> None:
    """Print a text, or write it to a file; either way it ends with one line end."""
    if output is None:
        from archscope.escaping import painted

        print(painted(text))
        return
    from archscope.files import write_text

    write_text(output, text + "\n")

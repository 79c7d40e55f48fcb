"""What the program prints on: a terminal of some width, with or without colour, a pipe, or a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path


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


def emit(text: str, output: Path | None = None) -> None:
    """Print a text, or write it to a file; either way it ends with one line end."""
    if output is None:
        from archscope.escaping import painted

        print(painted(text))
        return
    from archscope.files import write_text

    write_text(output, text + "\n")

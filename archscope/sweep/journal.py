"""`Journal`: the rows of a sweep on their way, in a file beside the one that is asked for, so that no end loses any.

The first line says of which sweep it is; each further one is a row, in the order of the points. A line that was cut off
is taken away when the sweep goes on, which is from the last row on: what came behind it was filtered away, or is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from archscope.errors import UsageError
from archscope.escaping import line

SUFFIX: Final = ".part"
_TAIL: Final = 1 << 16
_BLOCK: Final = 1 << 20


class Journal:
    """Rows that are written one after another.

    Args:
        path: of the file; None for one that goes away with the program.
        identity: tells the sweep from others.
        fresh: whether to begin again where the file is there.

    Raises:
        UsageError: the file cannot be written, is of another sweep, or is being written by another program.
    """

    def __init__(self, path: Path | None, identity: str, *, fresh: bool = False) -> None:
        self.path = path
        self.head = (json.dumps({"archscope sweep": identity}) + "\n").encode()
        try:
            self.file: IO[bytes] = tempfile.TemporaryFile() if path is None else path.open("a+b")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
        self.last = -1
        try:
            self._lock()
            self._begin(fresh)
        except BaseException:
            self.file.close()
            raise

    def _lock(self) -> None:
        """Two programs that write one file would double its rows."""
        with contextlib.suppress(ImportError):  # where there are no such locks, nothing is lost but this check
            import fcntl

            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(f"another sweep is writing {self.path}; wait for it, or choose another file") from None

    def _begin(self, fresh: bool) -> None:
        size = 0 if fresh else self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        first = self.file.readline() if size else b""
        if first and not first.endswith(b"\n") and self.head.startswith(first):
            first = b""  # it ended before the first line was whole
        if first and first != self.head:
            raise UsageError(f"{self.path} has rows of another sweep; add --fresh to begin again, or remove it")
        if not first:
            self.file.truncate(0)
            self.file.seek(0)
            self.file.write(self.head)
            self.file.flush()
            return
        self._cut()

    def _cut(self) -> None:
        """Take a line away that is not whole, and find the number of the last one that is."""
        size = self.file.seek(0, os.SEEK_END)
        start = max(size - _TAIL, 0)
        self.file.seek(start)
        tail = self.file.read()
        whole = tail.rfind(b"\n") + 1
        self.file.truncate(start + whole)
        self.file.seek(0, os.SEEK_END)
        row = tail[:whole].splitlines()[-1]
        if start + whole > len(self.head):
            self.last = int(row.partition(b",")[0])

    def add(self, text: str) -> None:
        """Append rows, whole lines of text."""
        self.file.write(text.encode())
        self.file.flush()
        if text:
            self.last = int(text[text.rfind("\n", 0, -1) + 1 :].partition(",")[0])

    def lines(self) -> Iterator[str]:
        """Every row, as a line of text; several readers do not disturb each other."""
        self.file.flush()
        place, rest = len(self.head), b""
        while block := os.pread(self.file.fileno(), _BLOCK, place):
            place += len(block)
            *whole, rest = (rest + block).split(b"\n")
            yield from (f"{each.decode()}\n" for each in whole)

    def close(self, *, done: bool = False) -> None:
        """Let go of the file; what is done leaves none behind."""
        if done and self.path is not None:
            self.path.unlink(missing_ok=True)
        self.file.close()


def beside(output: Path) -> Path:
    """Where the rows are while a file is made.

    >>> beside(Path("plane/sweep.csv")).as_posix()
    'plane/sweep.csv.part'
    """
    return output.with_name(line(output.name) + SUFFIX)

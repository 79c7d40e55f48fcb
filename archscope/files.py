"""Write a file whole or not at all.

>>> write_text("nowhere/table.md", "")
Traceback (most recent call last):
archscope.errors.UsageError: cannot write nowhere/table.md: there is no folder nowhere
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from archscope.errors import UsageError


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file, a folder or anything of that name; names that no file can have included."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write text in UTF-8 with the line ends it has; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, and never half of it; see `writing`.

    Raises:
        UsageError: the place cannot be written to; nothing was changed.
    """
    with writing(path) as file:
        file.write(data)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write to, piece by piece, of which a reader sees the old content or all of the new.

    The bytes go to a file of another name in the same folder, which then takes the place of the old one.
    What is no regular file, such as ``/dev/stdout`` or a pipe, is written to directly, and a link is followed.

    Raises:
        UsageError: the place cannot be written to; nothing was changed.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise UsageError(f"cannot write {target}: it is a folder; name a file in it")
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
        else:
            with _replacing(Path(os.path.realpath(target))) as file:
                yield file
    except OSError as error:
        raise UsageError(f"cannot write {target}: {_reason(target, error)}") from error


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(name, target)  # noqa: PTH105 - the one call that replaces a file in one step
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _has_working_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _reason(target: Path, error: OSError) -> str:
    folder = target.parent
    if not target.is_absolute() and not _has_working_folder():
        return "the folder that this runs in is not there any more"
    if isinstance(error, PermissionError):
        return "permission denied"
    if not is_there(folder):
        return f"there is no folder {folder}"
    if not folder.is_dir():
        return f"{folder} is no folder"
    return (error.strerror or str(error)).lower()

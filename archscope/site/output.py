"""Files on disk: only what changed is written, and only what was written here before is ever touched.

A manifest in the folder lists the files that are ours with a digest of each. A file of that name that is not
listed belongs to somebody else: nothing is written at all then. A listed file that is no longer made is removed,
unless somebody has changed it since. The manifest is written first, so that what an interrupted run has left is ours.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archscope.errors import UsageError
from archscope.files import write_bytes

MANIFEST: Final = ".archscope-docs.json"
"""The file that lists what is ours in a folder."""

_SCHEMA: Final = "archscope.docs/1"


@dataclass(frozen=True)
class Plan:
    """What writing a site would do.

    Attributes:
        folder: where.
        write: the files that are new or differ.
        same: the files that are on disk already.
        remove: files of an earlier site that are no longer made.
        manifest: the text of the manifest afterwards.
        interim: its text until then; it lists what is going to be removed as well.
    """

    folder: Path
    write: Mapping[str, bytes]
    same: tuple[str, ...]
    remove: tuple[str, ...]
    manifest: bytes
    interim: bytes

    @property
    def is_done(self) -> bool:
        """Whether the folder holds just this site already."""
        return not self.write and not self.remove

    def carry_out(self) -> tuple[str, ...]:
        """Write and remove; what one place refuses does not keep the others from being written.

        Returns:
            A line for each folder or file that could not be written or removed.

        Raises:
            UsageError: nothing at all can be written to the folder.
        """
        _make(self.folder)
        self._list(self.interim)
        mistakes: list[str] = []
        refused: set[Path] = set()
        for folder in sorted({(self.folder / each).parent for each in self.write}):
            try:
                _make(folder)
            except UsageError as error:
                refused.add(folder)
                mistakes.append(str(error))
        for name, content in self.write.items():
            if (self.folder / name).parent not in refused:
                try:
                    write_bytes(self.folder / name, content)
                except UsageError as error:
                    mistakes.append(str(error))
        mistakes += self._remove()
        self._list(self.manifest)
        return tuple(mistakes)

    def _remove(self) -> Iterator[str]:
        for name in self.remove:
            try:
                (self.folder / name).unlink()
            except OSError as error:
                yield f"cannot remove {self.folder / name}: {(error.strerror or str(error)).lower()}"
        for folder in sorted({(self.folder / each).parent for each in self.remove}, reverse=True):
            if folder != self.folder and not any(folder.iterdir()):
                folder.rmdir()

    def _list(self, manifest: bytes) -> None:
        if _read(self.folder / MANIFEST) != manifest:
            write_bytes(self.folder / MANIFEST, manifest)


def plan(folder: Path, files: Mapping[str, bytes], *, keep: bool = False) -> Plan:
    """Compare a site with a folder.

    Args:
        folder: where it is to be.
        files: the site, by path below the folder.
        keep: leave files of an earlier site in place that are not made this time.

    Raises:
        UsageError: the folder is none, or holds files of somebody else under these names.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"cannot write to {folder}: it is a file; name a folder")
    listed = _listed(folder)
    write: dict[str, bytes] = {}
    same: list[str] = []
    foreign: list[str] = []
    for name, content in files.items():
        there = _read(folder / name)
        if there == content:
            same.append(name)
            continue
        if there is not None and name not in listed:
            foreign.append(name)
        write[name] = content
    if foreign:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise UsageError(
            f"{folder / foreign[0]}{more} was not made by archscope, so it stays as it is and nothing is written; "
            "name another folder"
        )
    gone = [name for name in listed if name not in files]
    remove = [] if keep else [name for name in gone if _digest(_read(folder / name)) == listed[name]]
    ours = {name: _digest(content) for name, content in files.items()}
    earlier = {**{name: listed[name] for name in gone}, **ours}
    return Plan(
        folder,
        write,
        tuple(same),
        tuple(remove),
        manifest=_manifest(earlier if keep else ours),
        interim=_manifest(earlier if keep or remove else ours),
    )


def _manifest(files: Mapping[str, str]) -> bytes:
    return (json.dumps({"schema": _SCHEMA, "files": dict(sorted(files.items()))}, indent=1) + "\n").encode()


def _listed(folder: Path) -> dict[str, str]:
    """What is ours in a folder, by name, with its digest."""
    content = _read(folder / MANIFEST)
    if content is None:
        return {}
    try:
        found = json.loads(content)
        ours = found["schema"] == _SCHEMA
        names = {str(name): str(digest) for name, digest in found["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        ours = False
        names = {}
    if not ours:
        raise UsageError(
            f"{folder / MANIFEST} is not a list of files that archscope wrote; remove it, or name another folder"
        )
    # A name that leads out of the folder was not written here.
    return {
        name: digest for name, digest in names.items() if not Path(name).is_absolute() and ".." not in Path(name).parts
    }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"cannot write to {folder}: it is a file; name a folder") from None
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}") from None


def _read(path: Path) -> bytes | None:
    """The content of a file; None where there is none."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise UsageError(f"cannot write {path}: it is a folder") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()

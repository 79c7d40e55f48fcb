"""A spec as it was at a revision that git keeps: ``HEAD~1:specs/x.yaml``.

>>> revision_of("HEAD~1:specs/vgg.yaml"), revision_of("main:net.yml"), revision_of("mypkg.models:Net")
(Revision(name='HEAD~1', path='specs/vgg.yaml'), Revision(name='main', path='net.yml'), None)
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

from archscope.errors import NotFound, UsageError
from archscope.files import is_there
from archscope.limits import LARGEST_FILE
from archscope.record import Record

_REVISION: Final = re.compile(r"(?P<name>[^\s:-][^\s:]+):(?P<path>[^:]+\.ya?ml)")
_SECONDS: Final = 60


class Revision(Record):
    """A file at a revision, as ``git show`` is told it: the path is from the root, or from here if it begins ``./``."""

    name: str
    path: str


def revision_of(text: str) -> Revision | None:
    """What a person means by ``REVISION:PATH``; None for anything else, such as a file that is called so."""
    named = _REVISION.fullmatch(text)
    return None if named is None or is_there(text) else Revision(named["name"], named["path"])


def read_revision(revision: Revision) -> bytes:
    """The bytes of a file at a revision.

    Raises:
        NotFound: there is no such revision, or no such file at it.
        UsageError: there is no git, or no repository here; the file is far too large for a spec.
    """
    written = f"{revision.name}:{revision.path}"
    if shutil.which("git") is None:
        raise UsageError(f"`{written}` is a spec at a revision, and git is not there to read it")
    if _git("rev-parse", "--git-dir").returncode:
        raise UsageError(f"`{written}` is a spec at a revision, and this folder is in no git repository")
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision.name}^{{commit}}")
    if commit.returncode:
        raise NotFound(f"there is no revision `{revision.name}` in this repository; `git log --oneline` lists them")
    shown = _git("show", f"{commit.stdout.decode().strip()}:{revision.path}")
    if shown.returncode:
        raise NotFound(f"there is no file `{revision.path}` at `{revision.name}`; paths are from the repository's "
                       f"root, or from this folder: `{revision.name}:./{revision.path}`")  # fmt: skip
    if len(shown.stdout) > LARGEST_FILE:
        raise UsageError(f"`{written}` is larger than {LARGEST_FILE:,} bytes; that is no spec")
    return shown.stdout


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", *arguments]
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"`git {arguments[0]}` did not answer: {error}") from None

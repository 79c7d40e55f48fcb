"""What is wrong with an answer: a foreign exception, too long a message, signs that a terminal obeys."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from archscope.errors import ArchscopeError

LONGEST_MESSAGE: Final = 4_096
"""Bytes of a message that a person is asked to read."""

_OBEYED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def wrong_with(call: Callable[[], Any]) -> str | None:
    """What is wrong with a call of the library: it may return, or raise what it raises on purpose."""
    try:
        call()
    except ArchscopeError as error:
        return _wrong_message(str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {_place(error)}: {str(error)[:200]}"
    return None


def wrong_with_command(arguments: list[str], allowed: tuple[int, ...] = (0, 1, 2, 3)) -> str | None:
    """What is wrong with a command: its exit status, or what it printed."""
    from archscope.cli import main

    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - this is what is looked for
        return f"{type(error).__name__}: {_place(error)}: {str(error)[:200]}"
    if status not in allowed:
        return f"exit {status}: {err.getvalue()[:400]}"
    if status and not err.getvalue() and not out.getvalue():
        return f"exit {status} without a word"
    return _wrong_message(err.getvalue()) or (f"stdout has {found!r}" if (found := obeyed(out.getvalue())) else None)


def _wrong_message(message: str) -> str | None:
    if len(message.encode(errors="replace")) > LONGEST_MESSAGE:
        return f"a message of {len(message):,} characters: {message[:200]}"
    return None


def obeyed(text: str) -> str:
    """The first sign in a text that a terminal obeys; nothing if there is none."""
    found = _OBEYED.search(text)
    return found.group() if found else ""


def _place(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    own = [each for each in traceback.extract_tb(error.__traceback__) if "archscope" in Path(each.filename).parts]
    at = own[-1] if own else last
    return f"{Path(at.filename).name}:{at.lineno}"


def say(text: str) -> None:
    """A line on the error stream."""
    print(text, file=sys.stderr, flush=True)

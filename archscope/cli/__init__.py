"""The command line: arguments → library → print → exit status; no arithmetic.

A command is a module here with a function called ``command``, written for typer, and its name in `COMMANDS`.
The module is imported when the command is asked for, so it may not import anything heavy itself: what needs
PyTorch or Graphviz is imported inside the function.

Exit status: 0 all is well, 1 a finding differs, 2 the input or the request is wrong, 3 an optional package or
a device is not there, 70 archscope itself is wrong, 130 interrupted, 141 the reader of a pipe went away.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import inspect
import io
import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

import typer
from typer.core import TyperGroup

from archscope.cli.terminal import complain
from archscope.diagnostics import clipped
from archscope.errors import ArchscopeError, readable
from archscope.escaping import terminal, visible
from archscope.patience import noted
from archscope.theirs import heard_once

COMMANDS: Final = (
    "list",
    "table",
    "explain",
    "memory",
    "curve",
    "sweep",
    "diff",
    "count",
    "check",
    "verify",
    "code",
    "expand",
    "spec",
    "bench",
    "diagram",
    "worksheet",
    "mark",
    "docs",
    "schema",
)
"""Every command, in the order of ``archscope --help``; ``table`` is ``archscope/cli/table.py``."""

# typer has its own copy of click or the real one, depending on its version; both hold this.
_CommandLineError: Final[Any] = typer.BadParameter.__mro__[2]


class _Commands(MutableMapping[str, Any]):
    """Commands by name; a module is imported when its command is looked at."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in COMMANDS:
                raise KeyError(name)
            function = importlib.import_module(f"archscope.cli.{name}").command
            single = typer.Typer(add_completion=False, rich_markup_mode="rich")
            single.command(name, help=_paragraphs(function.__doc__))(function)
            self._loaded[name] = typer.main.get_command(single)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _paragraphs(docstring: str) -> str:
    """A docstring with each paragraph on one line, for the terminal to wrap; examples keep their lines."""
    parts = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(part if part.startswith("\b") else " ".join(part.split()) for part in parts)


class _Group(TyperGroup):
    """The group of all commands, loaded one by one."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run a command, or say what completes one."""
        if "_ARCHSCOPE_COMPLETE" not in os.environ:
            return super().main(*arguments, **settings)
        from archscope.cli.completion import joined_words

        with joined_words(os.environ):
            return super().main(*arguments, **settings)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature is click's
        return [*COMMANDS]


app = typer.Typer(cls=_Group, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


@functools.cache
def _group() -> Any:
    """All commands as click has them, made once: a program may run many."""
    return typer.main.get_command(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        import archscope

        typer.echo(f"archscope {archscope.__version__}")
        raise typer.Exit


@app.callback(
    epilog="A spec is the name of one that comes with archscope (`archscope list`), a member of a family (`resnet@50`) "
    "or the path of a YAML file."
)
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
    ),
    debug: bool = typer.Option(False, "--debug", help="Where something goes wrong, show the Python traceback."),
) -> None:
    """Write a network's architecture once; get every number about it, with the arithmetic shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status; mistakes are printed, never raised.

    >>> main(["--version"])
    archscope ...
    0
    """
    given = [*(sys.argv[1:] if arguments is None else arguments)]  # `list` is a command, a module of this package
    debug = "--debug" in given[: _command_position(given)]
    sys.stdout, sys.stderr = sys.stdout or _Closed(), sys.stderr or _Closed()
    _speak_utf8()
    try:
        with heard_once(), noted(lambda text: complain(terminal(text))):
            status = _group()(given, prog_name="archscope", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _stop(130, "")
    except BrokenPipeError:
        return _leave_closed_pipe()
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):  # typer met it first
            return _leave_closed_pipe()
        if not (told := _of_theirs(leaving)):
            raise
        return _stop(2, told)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and not isinstance(error, ArchscopeError):
            return _stop(2, _refused(error))
        return _report(error, given)
    return status if isinstance(status, int) else 0


def _command_position(arguments: Sequence[str]) -> int:
    return next((place for place, each in enumerate(arguments) if not each.startswith("-")), len(arguments))


def _refused(error: OSError) -> str:
    """What the system would not do: write to a stream that is full or closed, or find the working folder."""
    try:
        Path.cwd()
    except OSError:
        return "error: the folder that this runs in is not there any more; change to another"
    reason = (error.strerror or str(error)).lower()
    if error.filename is not None:
        return f"error: {clipped(str(error.filename))}: {reason}"
    _leave_stream(sys.stdout)
    return f"error: cannot write to the standard output: {reason}"


def _report(error: Exception, arguments: Sequence[str]) -> int:
    """Print what went wrong and return the exit status that says so."""
    if isinstance(error, ArchscopeError):
        text = str(error)
        return _stop(error.exit_code, text if text.startswith("error") else f"error: {text}")
    if isinstance(error, _CommandLineError):
        return _stop(error.exit_code, _usage_message(error))
    if isinstance(error, typer.Abort):
        return _stop(130, "")
    if told := _of_theirs(error):
        return _stop(2, told)
    again = readable(" ".join(["archscope --debug", *arguments]))
    said = readable(f"error: archscope failed with {type(error).__name__}: {error}")
    return _stop(70, f"{said}\nhelp: `{again}` shows where")


def _of_theirs(error: BaseException) -> str:
    """What to say of what a person's own code raised where nobody expects it, as it only is looked at; else nothing."""
    from archscope.theirs import method_of_theirs, raised

    method = method_of_theirs(error)
    return f"error: `{method}` of your own code raised {raised(error)}; mend that first" if method else ""


def _usage_message(error: Any) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "archscope"
    message = " ".join(error.format_message().split()).rstrip(".").replace("'", "`")
    if not message:  # no arguments: click's message is the whole help, already printed
        return ""
    return f"error: {readable(message[:1].lower() + message[1:])} (see `{path} --help`)"


def _stop(status: int, message: str) -> int:
    if message:
        complain(readable(visible(message)))
    return status


def _leave_closed_pipe() -> int:
    _leave_stream(sys.stdout)
    return 141


def _leave_stream(stream: TextIO) -> None:
    """What is still buffered would fail once more when the interpreter closes the stream."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Closed(io.TextIOBase):
    """Stands for a stream that was closed before the program began: asked for nothing it does nothing."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:  # noqa: ARG002 - the signature is a stream's
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _speak_utf8() -> None:
    """Formulas have signs that no other encoding holds; a terminal of another kind gets a ``?`` for them."""
    streams: tuple[TextIO, ...] = (sys.stdout, sys.stderr)
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None or (stream.encoding or "").replace("-", "").lower() == "utf8":
            continue
        if stream.isatty():
            reconfigure(errors="replace")
        else:
            reconfigure(encoding="utf-8")

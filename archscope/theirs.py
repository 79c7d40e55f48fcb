"""Code of a person's own: imported by its name, run apart, and what it raised, at which of their lines.

Importing this needs no PyTorch.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO, cast

from archscope.errors import ArchscopeError, MissingExtra, UsageError, did_you_mean
from archscope.escaping import LONGEST_OF_STRANGERS, line, painted, terminal

_OF_JAX: Final = frozenset({"jax", "jaxlib", "flax", "equinox"})
"""Packages of the extra ``jax``."""

THEIRS: Final = (Exception, SystemExit)
"""What a stranger's code may raise; a script calls ``sys.exit`` where it is imported."""


_HEARD: Final[ContextVar[Counter[str] | None]] = ContextVar("heard", default=None)
"""How often each line of a stranger's has been heard while one thing is asked for; None where nobody counts."""
_LINE: Final = 1 << 16
"""Characters that are held back until their line ends."""


@contextmanager
def heard_once() -> Iterator[None]:
    """Hear a line that a stranger prints no more often than one run says it, however often their code runs in here."""
    if _HEARD.get() is not None:
        yield
        return
    token = _HEARD.set(Counter())
    try:
        yield
    finally:
        _HEARD.reset(token)


@contextmanager
def heard_apart(*, quiet: bool = False) -> Iterator[None]:
    """Run somebody else's code; what it prints is no part of a result, and its warnings no part of a finding.

    Args:
        quiet: whether what it prints is not heard at all: that of a run which nobody asked for.

    Raises:
        Unusual: it raised what is no `Exception`, and no interrupt.
    """
    heard = _Heard(sys.stderr, quiet=quiet)
    stream = cast(TextIO, heard)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:  # `sys.exit` too: it ends what is read, and nothing else
            raise Unusual(error) from error
        finally:
            heard.over()


class _Heard:
    """A stream that hands on what a stranger prints, colours and all, but nothing else that a terminal obeys."""

    def __init__(self, to: TextIO, *, quiet: bool) -> None:
        # What runs within what is heard already is heard in its place, or it would be counted twice.
        within = to if isinstance(to, _Heard) else None
        self._to: TextIO = to if within is None else within._to
        self._quiet: bool = quiet or (within is not None and within._quiet)
        self._before = _HEARD.get()
        self._said: Counter[str] = Counter()
        self._begun: list[str] = []
        self._long = 0
        self._is_over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._to, name)

    def write(self, text: str) -> int:
        if self._is_over:
            return self._to.write(text)
        for each in text.splitlines(keepends=True):
            self._begun.append(each)
            self._long += len(each)
            if each.endswith("\n") or self._long > _LINE:
                self.end()
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for each in lines:
            self.write(each)

    def flush(self) -> None:
        self.end()
        self._to.flush()

    def over(self) -> None:
        """Their code has run; who has this stream yet, as a logger does that was made meanwhile, writes as it likes."""
        self.end()
        self._is_over = True

    def end(self) -> None:
        """Hand on what has begun, if it was not heard as often yet."""
        text, self._begun, self._long = "".join(self._begun), [], 0
        if not text or self._quiet:
            return
        if self._before is not None:
            self._said[text] += 1
            if self._said[text] <= self._before[text]:
                return
            self._before[text] += 1
        self._to.write(painted(text))


class Unusual(Exception):
    """Stands for what is raised and is no `Exception`, so that it ends the reading of a module and nothing else."""

    def __init__(self, was: BaseException) -> None:
        super().__init__(said_by(was))
        self.was = was


def imported(factory: str) -> Any:
    """What ``package.module:name`` is.

    Raises:
        UsageError: it cannot be imported, or there is none of that name.
    """
    place, colon, name = factory.partition(":")
    if not colon or not place or not name:
        raise UsageError(f"`{factory}` names no factory; write MODULE:FACTORY, such as mypkg.models:AlexNet")
    if place.endswith(".py") or os.sep in place:
        path = Path(place)
        raise UsageError(f"`{place}` is a file, not a module; in the folder {path.absolute().parent} write "
                         f"`{path.stem}:{name}`")  # fmt: skip
    here = os.getcwd()  # noqa: PTH109 - as Python's own search path has it
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with heard_apart():
            found: Any = importlib.import_module(place)
    except THEIRS as error:
        refuse_missing(error, factory)
        raise UsageError(f"`{place}` cannot be imported: {raised(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each in vars(found) if not each.startswith("_")] if hasattr(found, "__dict__") else []
            raise UsageError(f"`{place}` has no `{name}`; {did_you_mean(name, names, what='it has')}")
        found = getattr(found, part)
    return found


def refuse_missing(error: BaseException | None, factory: str) -> None:
    """Name the extra of an optional package that somebody's code wants and that is not here.

    Raises:
        MissingExtra: that is why the code stopped.
    """
    while error is not None:
        package = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
        if package in _OF_JAX and find_spec(package) is None:
            raise MissingExtra(f"reading `{factory}`", package, "jax")
        error = error.__cause__ or error.__context__


@contextmanager
def only_read(called: str) -> Iterator[None]:
    """Read a module of a person's, of which some code runs where nothing is called: ``__getattr__``, ``train``, lists.

    Raises:
        UsageError: such code raised, or asked to leave; says which and where.
    """
    try:
        yield
    except (ArchscopeError, KeyboardInterrupt):
        raise
    except BaseException as error:
        method = method_of_theirs(error)
        if not method:
            raise
        raise UsageError(f"{called} cannot be read: its `{method}` raised {raised(error)}; mend that first") from error


def method_of_theirs(error: BaseException) -> str:
    """The name of the person's own function that raised something, or that called what did; empty if none did."""
    error = error.was if isinstance(error, Unusual) else error
    trace, found = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(_OURS):
            found = ""
        elif not found and _whose(code.co_filename) == "own":
            found = code.co_name
        trace = trace.tb_next
    return found


def check_options(name: str, made_by: Any, options: Mapping[str, Any]) -> None:
    """Refuse arguments that it does not take, and name those that it wants."""
    try:
        parameters = list(inspect.signature(made_by).parameters.values())
        if isinstance(made_by, type) and all(
            each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters
        ):
            # A class of classes, as Flax has one, takes anything and hands it on.
            parameters = [*inspect.signature(made_by.__init__).parameters.values()][1:]  # type: ignore[misc]
    except (TypeError, ValueError):
        return
    named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    unknown = next((each for each in options if each not in named), None)
    if unknown is not None and not any(each.kind is each.VAR_KEYWORD for each in parameters):
        takes = did_you_mean(unknown, named, what="it takes") if named else "it takes none"
        raise UsageError(f"`{name}` takes no argument `{unknown}`; {takes}")
    empty = [each.name for each in parameters if each.default is each.empty and each.name not in options
             and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]  # fmt: skip
    if empty:
        wanted = ", ".join(f"`{each}`" for each in empty)
        raise UsageError(
            f"`{name}` cannot be called without {wanted}; state them, `--kwargs "
            f'"{empty[0]}=…"`, or write a function that calls it with all it needs, and name that'
        )


_READ: Final = 20_000
"""Characters of what a stranger's exception says that are looked at: a graph may stand in it, or gigabytes."""


def said_by(error: BaseException) -> str:
    """What an exception of a stranger's says, or the beginning of it; empty where it cannot even say that.

    >>> said_by(ValueError("no such axis")), len(said_by(ValueError("x" * 10**6)))
    ('no such axis', 20000)
    """
    try:
        return str(error)[:_READ]
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - what makes the text is their code, too
        return ""


def at_place(error: BaseException) -> str:
    """The last line of the person's own code that something came through that was raised, in brackets."""
    place = place_of(error)
    return f" (at {place})" if place else ""


def raised(error: BaseException) -> str:
    """What was raised, and the last line of the person's own code that it came through."""
    error = error.was if isinstance(error, Unusual) else error
    where = at_place(error)
    said = said_by(error).partition("\n\nWhile executing %")[0]  # what comes then is the text of a whole graph
    text = terminal(line(said).rstrip("."), LONGEST_OF_STRANGERS)
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


_PYTHON: Final = tuple(str(Path(sysconfig.get_path(name))) for name in ("stdlib", "platstdlib"))
_RUNS: Final = str(Path(__file__).parent / "tracing" / "running.py")
"""What calls the module; beyond it is whoever called archscope."""

_OURS: Final = str(Path(__file__).parent) + os.sep
_INSTALLED: Final = ("site-packages", "dist-packages")


def place_here() -> str:
    """The line of a module's code that runs now, ``net.py:12``: that of a package, if none of the person's own runs."""
    frame: FrameType | None = sys._getframe(1)
    theirs = ""
    while frame is not None and frame.f_code.co_filename != _RUNS:
        file = frame.f_code.co_filename
        whose = _whose(file)
        if whose == "own":
            return f"{os.path.relpath(file)}:{frame.f_lineno}"
        if whose == "installed" and not theirs:
            theirs = f"{Path(*_after_installed(file))}:{frame.f_lineno}"
        frame = frame.f_back
    return theirs


@cache
def _torch() -> str:
    """The folder that PyTorch lies in; a name that no file has, where it is not installed."""
    found = find_spec("torch")
    return "<" if found is None or found.origin is None else str(Path(found.origin).parent) + os.sep


@cache
def _whose(file: str) -> str:
    """Whose code a file has: the person's own, that of a package that is installed, or nobody's who is looked for."""
    if file.startswith(("<", _OURS, _torch())):
        return ""
    if any(part in _INSTALLED for part in Path(file).parts):
        return "installed"
    return "" if file.startswith(_PYTHON) else "own"


def place_of(error: BaseException) -> str:
    """The last line of the person's own code that an error came through, ``net.py:12``.

    That of a package that is installed, if there is none of their own; empty, if there is neither.
    """
    trace, own, theirs = error.__traceback__, "", ""
    while trace is not None:
        file, number = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
        whose = _whose(file)
        if whose == "installed":
            theirs = f"{Path(*_after_installed(file))}:{number}"
        elif whose == "own":
            own = f"{os.path.relpath(file)}:{number}"
    return own or theirs


def _after_installed(file: str) -> tuple[str, ...]:
    """The path of a file below the folder of installed packages."""
    parts = Path(file).parts
    return parts[max(place for place, part in enumerate(parts) if part in _INSTALLED) + 1 :]


_NOT_READ: Final = {"flax.linen": "a module of Flax linen", "haiku": "of Haiku"}
"""Libraries of JAX that are not read, and what is told of what comes from them."""


def check_library(name: str, thing: Any) -> None:
    """Insist that a thing, or a class, is of no library for JAX whose networks are not read.

    Args:
        name: what the person called it.
        thing: what that is, or what it has made.

    Raises:
        UsageError: it is; says which are read.
    """
    for each in (thing if isinstance(thing, type) else type(thing)).__mro__:
        for library, what in _NOT_READ.items():
            if f"{each.__module__}.".startswith(f"{library}."):
                raise UsageError(f"`{name}` is {what}, which is not read; of libraries for JAX, Flax NNX "
                                 "(`flax.nnx`) and Equinox are")  # fmt: skip


def arguments(said: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What a person's example says to call their network with, in order and by name.

    A tuple stands for arguments in order, a mapping for arguments by name, a pair of both for both; anything else is
    the one argument.

    >>> arguments((1, 2)), arguments({"x": 1}), arguments(((1,), {"steps": 3})), arguments(((1,), {}))
    (((1, 2), {}), ((), {'x': 1}), ((1,), {'steps': 3}), ((1,), {}))
    >>> arguments([1, 2])
    (([1, 2],), {})
    """
    if type(said) is tuple and len(said) == 2 and type(said[0]) is tuple and _by_name(said[1]):
        return said[0], dict(said[1])
    if _by_name(said) and said:
        return (), dict(said)
    return (said if type(said) is tuple else (said,)), {}


def _by_name(thing: Any) -> bool:
    return isinstance(thing, Mapping) and all(isinstance(key, str) for key in thing)

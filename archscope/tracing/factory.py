"""`Factory`: somebody's own module, by the name of what makes it."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.errors import UsageError, did_you_mean, one
from archscope.escaping import LONGEST_OF_STRANGERS, line, terminal
from archscope.record import EMPTY
from archscope.tracing.inputs import Call
from archscope.tracing.numbers import making
from archscope.tracing.strangers import Unusual, heard_apart, keeping_random
from archscope.tracing.unwrapped import is_program, unwrapped

_THEIRS = (Exception, SystemExit)
"""What a stranger's code may raise; a script calls ``sys.exit`` where it is imported."""


class Factory:
    """What ``package.module:name`` stands for: a module, or something that makes one when it is called.

    Args:
        name: where it is.
        options: what it is called with, by name.

    Raises:
        UsageError: it cannot be imported, or is no factory; says what and where.
    """

    def __init__(self, name: str, options: Mapping[str, Any] = EMPTY) -> None:
        self.name = name
        self.options = dict(options)
        self.found: Any = imported(name)
        if not _is_network(self.found) and not callable(self.found):
            kind = one(type(self.found).__name__)
            raise UsageError(f"`{name}` is {kind}, neither a module nor a function that makes one")
        if self.options and not self.makes:
            raise UsageError(f"`--kwargs` are for a function that makes a module, and `{name}` is a module already")

    @property
    def makes(self) -> bool:
        """Whether every call makes a new module."""
        return not _is_network(self.found)

    def made(self, device: str | None = None) -> Any:
        """The module, or the exported program, made on a device if that can be chosen.

        Raises:
            UsageError: the factory wants arguments, raises, or returns no module; says what and where.
        """
        if not self.makes:
            return self.found
        self._check_options()
        try:
            with heard_apart(), torch.device(device or "cpu"), making() if device == "meta" else nullcontext():
                made = self.found(**self.options)
        except _THEIRS as error:
            raise UsageError(f"`{self.name}` raised {raised(error)}") from error
        inner = _itself(made)
        if inner:
            raise UsageError(f"`{self.name}` returned a module that contains itself, as `{inner}`; no such module runs")
        if not _is_network(made):
            what = "nothing" if made is None else one(type(made).__name__)
            raise UsageError(f"`{self.name}` returned {what}, not a torch.nn.Module")
        return made

    def module(self, device: str | None = None) -> nn.Module:
        """The module that a person wrote; see `made`, and `archscope.tracing.unwrapped`."""
        return unwrapped(self.made(device))

    def _check_options(self) -> None:
        """Refuse arguments that it does not take, and name those that it wants."""
        try:
            parameters = inspect.signature(self.found).parameters.values()
        except (TypeError, ValueError):
            return
        named = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        unknown = next((each for each in self.options if each not in named), None)
        if unknown is not None and not any(each.kind is each.VAR_KEYWORD for each in parameters):
            takes = did_you_mean(unknown, named, what="it takes") if named else "it takes none"
            raise UsageError(f"`{self.name}` takes no argument `{unknown}`; {takes}")
        empty = [each.name for each in parameters if each.default is each.empty and each.name not in self.options
                 and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]  # fmt: skip
        if empty:
            wanted = ", ".join(f"`{each}`" for each in empty)
            raise UsageError(
                f"`{self.name}` cannot be called without {wanted}; state them, `--kwargs "
                f'"{empty[0]}=…"`, or write a function that calls it with all it needs, and name that'
            )


def _itself(made: Any) -> str:
    """The path at which a module contains itself, or a module in it does; empty if none does."""
    waiting: list[tuple[Any, str, tuple[int, ...]]] = [(made, "", ())] if isinstance(made, nn.Module) else []
    known: set[int] = set()
    while waiting:
        module, path, above = waiting.pop()
        if id(module) in above:
            return path
        if id(module) in known:
            continue
        known.add(id(module))
        inside = (*above, id(module))
        waiting += [(each, f"{path}.{name}".lstrip("."), inside) for name, each in module._modules.items() if each]
    return ""


def _is_network(thing: Any) -> bool:
    return isinstance(thing, nn.Module) or is_program(thing)


def example_inputs(name: str) -> Call:
    """What a function of a person's says to call their network with.

    A tuple stands for arguments in order, a mapping for arguments by name, a pair of both for both; anything else is
    the one argument.

    Raises:
        UsageError: it cannot be imported or called, or raises; says what and where.
    """
    found = imported(name)
    if callable(found) and not isinstance(found, Tensor):
        wanted = _wanted(found)
        if wanted:
            raise UsageError(f"the example `{name}` cannot be called without {wanted}; write a function without "
                             "arguments that returns what to call the network with")  # fmt: skip
        try:
            with heard_apart(), keeping_random():
                found = found()
        except _THEIRS as error:
            raise UsageError(f"the example `{name}` raised {raised(error)}") from error
    if found is None:
        raise UsageError(f"the example `{name}` returned nothing; let it return what to call the network with")
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], tuple) and _by_name(found[1]):
        return Call(found[0], dict(found[1]))
    if _by_name(found):
        return Call((), dict(found))
    return Call(found if type(found) is tuple else (found,))


def _by_name(thing: Any) -> bool:
    return isinstance(thing, Mapping) and bool(thing) and all(isinstance(key, str) for key in thing)


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
    except _THEIRS as error:
        raise UsageError(f"`{place}` cannot be imported: {raised(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            names = [each for each in vars(found) if not each.startswith("_")] if hasattr(found, "__dict__") else []
            raise UsageError(f"`{place}` has no `{name}`; {did_you_mean(name, names, what='it has')}")
        found = getattr(found, part)
    return found


def _wanted(make: Any) -> str:
    """Arguments without a default, in words."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return ""
    empty = [each.name for each in parameters if each.default is each.empty
             and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]  # fmt: skip
    return ", ".join(f"`{each}`" for each in empty)


def _said(error: BaseException) -> str:
    try:
        return str(error).partition("\n\nWhile executing %")[0]  # what comes then is the text of a whole graph
    except Exception:  # noqa: BLE001 - an exception of theirs may not even say what it is
        return ""


def raised(error: BaseException) -> str:
    """What was raised, and the last line of the person's own code that it came through."""
    error = error.was if isinstance(error, Unusual) else error
    place = place_of(error)
    where = f" (at {place})" if place else ""
    text = terminal(line(_said(error)).rstrip("."), LONGEST_OF_STRANGERS)
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


_PYTHON: Final = tuple(str(Path(sysconfig.get_path(name))) for name in ("stdlib", "platstdlib"))
_RUNS: Final = str(Path(__file__).parent / "running.py")
"""What calls the module; beyond it is whoever called archscope."""

_OURS: Final = str(Path(__file__).parents[1])
_INSTALLED: Final = ("site-packages", "dist-packages")
_TORCH: Final = str(Path(torch.__file__).parent)


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
def _whose(file: str) -> str:
    """Whose code a file has: the person's own, that of a package that is installed, or nobody's who is looked for."""
    if file.startswith(("<", _OURS, _TORCH)):
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

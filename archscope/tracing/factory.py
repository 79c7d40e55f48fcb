"""`Factory`: somebody's own module, by the name of what makes it."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archscope.errors import UsageError, did_you_mean, one
from archscope.escaping import LONGEST_OF_STRANGERS, line, terminal
from archscope.tracing.strangers import heard_apart

_THEIRS = (Exception, SystemExit)
"""What a stranger's code may raise; a script calls ``sys.exit`` where it is imported."""


class Factory:
    """What ``package.module:name`` stands for: a module, or something that makes one when it is called.

    Raises:
        UsageError: it cannot be imported, or is no factory; says what and where.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: Any = _imported(name)
        if not isinstance(self.found, nn.Module) and not callable(self.found):
            kind = one(type(self.found).__name__)
            raise UsageError(f"`{name}` is {kind}, neither a module nor a function that makes one")

    @property
    def makes(self) -> bool:
        """Whether every call makes a new module."""
        return not isinstance(self.found, nn.Module)

    def module(self, device: str | None = None) -> nn.Module:
        """The module, made on a device if that can be chosen.

        Raises:
            UsageError: the factory wants arguments, raises, or returns no module; says what and where.
        """
        if isinstance(self.found, nn.Module):
            return self.found
        wanted = _wanted(self.found)
        if wanted:
            raise UsageError(f"`{self.name}` cannot be called without {wanted}; write a function that calls it with "
                             "all it needs, and name that")  # fmt: skip
        try:
            with heard_apart(), torch.device(device or "cpu"):
                made = self.found()
        except _THEIRS as error:
            raise UsageError(f"`{self.name}` raised {raised(error)}") from error
        if not isinstance(made, nn.Module):
            what = "nothing" if made is None else one(type(made).__name__)
            raise UsageError(f"`{self.name}` returned {what}, not a torch.nn.Module")
        return made


def _imported(factory: str) -> Any:
    place, colon, name = factory.partition(":")
    if not colon or not place or not name:
        raise UsageError(f"`{factory}` names no factory; write MODULE:FACTORY, such as mypkg.models:AlexNet")
    if place.endswith(".py") or os.sep in place:
        path = Path(place)
        raise UsageError(f"`{place}` is a file, not a module; in the folder {path.absolute().parent} write "
                         f"`{path.stem}:{name}`")  # fmt: skip
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as Python's own search path has it
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
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
        return str(error)
    except Exception:  # noqa: BLE001 - an exception of theirs may not even say what it is
        return ""


def raised(error: BaseException) -> str:
    """What was raised, and the last line of the person's own code that it came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith(("<", sys.base_prefix, sys.prefix, str(Path(__file__).parents[1]))):
            place = f" (at {os.path.relpath(file)}:{trace.tb_lineno})"
        trace = trace.tb_next
    text = terminal(line(_said(error)).rstrip("."), LONGEST_OF_STRANGERS)
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"

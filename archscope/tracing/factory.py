"""`Factory`: somebody's own module, by the name of what makes it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from archscope.errors import UsageError, one
from archscope.record import EMPTY
from archscope.theirs import (
    THEIRS,
    arguments,
    check_library,
    check_options,
    heard_apart,
    imported,
    raised,
    refuse_missing,
)
from archscope.tracing.inputs import Call
from archscope.tracing.numbers import making
from archscope.tracing.stopping import mend_code
from archscope.tracing.strangers import keeping_random
from archscope.tracing.unwrapped import is_program, unwrapped


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
        check_library(name, self.found)
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
        check_options(self.name, self.found, self.options)
        try:
            with heard_apart(), torch.device(device or "cpu"), making() if device == "meta" else nullcontext():
                made = self.found(**self.options)
        except THEIRS as error:
            refuse_missing(error, self.name)
            mend = mend_code(error)
            raise UsageError(f"`{self.name}` raised {raised(error)}{'; ' if mend else ''}{mend}") from error
        if not _is_network(made):
            check_library(self.name, made)
            what = "nothing" if made is None else one(type(made).__name__)
            raise UsageError(f"`{self.name}` returned {what}, not a torch.nn.Module")
        return made

    def module(self, device: str | None = None) -> nn.Module:
        """The module that a person wrote; see `made`, and `archscope.tracing.unwrapped`."""
        return unwrapped(self.made(device))


def _is_network(thing: Any) -> bool:
    return isinstance(thing, nn.Module) or is_program(thing)


def example_inputs(name: str) -> Call:
    """What a function of a person's says to call their network with.

    A tuple, a mapping or both, as `archscope.theirs.arguments` takes them.

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
        except THEIRS as error:
            raise UsageError(f"the example `{name}` raised {raised(error)}") from error
    if found is None:
        raise UsageError(f"the example `{name}` returned nothing; let it return what to call the network with")
    return Call(*arguments(found))


def _wanted(make: Any) -> str:
    """Arguments without a default, in words."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return ""
    empty = [each.name for each in parameters if each.default is each.empty
             and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]  # fmt: skip
    return ", ".join(f"`{each}`" for each in empty)

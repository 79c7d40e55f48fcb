"""Buffers that a module was made with on meta hold nothing; what it has for setting them anew says what they hold.

Whoever loads weights into a module of meta has to set what no file holds, so that its code has a function for that: by
PyTorch's word `reset_parameters`, by that of `transformers` `_init_weights`, called with each part of a model.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

from torch import nn

from archscope.tracing.numbers import MOST, Numbers

_OF_ITSELF: Final = ("init_non_persistent_buffers", "reset_buffers", "reset_parameters")
_OF_A_PART: Final = "_init_weights"


def reset(module: nn.Module, numbers: Numbers) -> None:
    """Know what buffers without values would hold, by running what sets them; nothing is said of any other."""
    for part, owners in reversed([*_parts(module, ())]):
        if _open(part, numbers):
            for setting in _settings(part, owners):
                with suppress(Exception), numbers.heard():  # what it cannot set stays unknown
                    contextvars.copy_context().run(setting)
                if not _open(part, numbers):
                    break


def _parts(module: nn.Module, owners: tuple[nn.Module, ...]) -> Iterator[tuple[nn.Module, tuple[nn.Module, ...]]]:
    """Every part of a module with those that it lies in, the nearest one first."""
    seen: set[int] = set()
    todo = [(module, owners)]
    while todo:
        each, above = todo.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each, above
            todo += [(child, (each, *above)) for child in each._modules.values() if child is not None]


def _open(part: nn.Module, numbers: Numbers) -> bool:
    """Whether a part has a buffer of its own whose numbers may be asked for, and are not known."""
    if type(part).__module__.startswith("torch."):
        return False  # running statistics
    held = (each for each in part._buffers.values() if each is not None)
    return any(each.is_meta and each.numel() <= MOST and numbers.of(each) is None for each in held)


def _settings(part: nn.Module, owners: tuple[nn.Module, ...]) -> Iterator[Callable[[], Any]]:
    """What may set the buffers of a part: functions of its own, or of the nearest part around it that has one."""
    own: list[Any] = [getattr(part, name, None) for name in _OF_ITSELF]
    yield from (each for each in own if callable(each))
    for each in (part, *owners):
        setting: Any = getattr(each, _OF_A_PART, None)
        if _takes_one(setting):
            yield partial(setting, part)
            return


def _takes_one(function: Any) -> bool:
    """Whether it is a function that may be given one value."""
    try:
        inspect.signature(function).bind(None)
    except (TypeError, ValueError):  # it is none, wants other values, or has no signature
        return False
    return True


__all__ = ["reset"]

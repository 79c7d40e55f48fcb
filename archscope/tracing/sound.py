"""Whether a module answers what every `torch.nn.Module` answers, before anything asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from torch import nn

from archscope.errors import UsageError, one
from archscope.tracing.stopping import SUPER

_HASHED: Final = "add `__hash__ = torch.nn.Module.__hash__` to the class"

_LISTS: Final[Mapping[str, tuple[Any, ...]]] = MappingProxyType({
    **dict.fromkeys(("parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules",
                     "children", "named_children"), ()),
    "_named_members": (lambda _: (),),
})  # fmt: skip
"""What a module is asked for all along, and may answer in its own way; and what it is asked with."""


_ANSWERS: Final = ("__class__", "__dict__", "_modules", "_parameters", "_buffers", "training", "forward", "train",
                   "eval", *_LISTS)  # fmt: skip
"""What every module has, and a ``__getattribute__`` of its own may hide."""


def check_answers(module: nn.Module) -> None:
    """Refuse a module whose own ``__getattribute__`` answers nothing where PyTorch has something.

    Raises:
        UsageError: it does.
    """
    if type(module).__getattribute__ is nn.Module.__getattribute__:
        return
    for name in _ANSWERS:
        try:
            there = object.__getattribute__(module, name)
        except AttributeError:  # it never became a module, which is told elsewhere
            continue
        if there is not None and getattr(module, name, None) is None:
            raise UsageError(f"{one(type(module).__name__)} has a `__getattribute__` of its own, which answers nothing "
                             f"for `{name}`; leave to torch.nn.Module what every module has")  # fmt: skip


def check_sound(module: nn.Module, called: str) -> None:
    """Refuse a module that PyTorch itself would stumble over, in words and by name.

    Raises:
        UsageError: it contains itself, has no hash, lists of it are none, or it never became a module.

    >>> check_sound(nn.Sequential(nn.ReLU()), "it")
    """
    for each, path, again in _within(module):
        check_answers(each)
        where = f"`{path}` ({type(each).__name__}) of {called}" if path else called
        if again:
            raise UsageError(f"{called} is a module that contains itself, as `{path}`; no such module runs")
        if getattr(each, "_modules", None) is None:  # its class never called that of `torch.nn.Module`
            raise UsageError(f"{where} is no whole module yet; {SUPER}")
        if type(each).__hash__ is None:
            raise UsageError(f"{where} has no hash, for its class has an `__eq__` of its own; {_HASHED}")
        if type(type(each).__hash__(each)) is not int:
            raise UsageError(f"{where} has a `__hash__` of its own that returns no whole number; {_HASHED}")
        for name, given in _LISTS.items():
            if getattr(type(each), name) is not getattr(nn.Module, name):
                listed: Any = getattr(each, name)(*given)
                if not hasattr(listed, "__iter__"):
                    raise UsageError(f"{where} has a method `{name}` of its own, which returned "
                                     f"{one(type(listed).__name__)} and no list; leave the method to "
                                     "torch.nn.Module")  # fmt: skip


def parts_of(module: nn.Module) -> Mapping[str, nn.Module | None]:
    """The parts of a module by name; of what never became a module, none."""
    return getattr(module, "_modules", None) or {}


def _within(module: nn.Module) -> Iterator[tuple[nn.Module, str, bool]]:
    """Every module in it once, with its path; and what lies within itself, once more, which is told."""
    waiting: list[tuple[nn.Module, str, bool]] = [(module, "", False)]
    around: set[int] = set()
    known: set[int] = set()
    while waiting:
        each, path, left = waiting.pop()
        if left:
            around.remove(id(each))
        elif id(each) in around:
            yield each, path, True
        elif id(each) not in known:
            known.add(id(each))
            yield each, path, False
            around.add(id(each))
            waiting.append((each, path, True))
            parts = parts_of(each).items()
            waiting += [(part, f"{path}.{name}".lstrip("."), False) for name, part in parts if part is not None]

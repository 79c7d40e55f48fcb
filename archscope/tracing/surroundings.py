"""What code reaches without a module: its classes, its Python modules, what it closes over, and random numbers."""

from __future__ import annotations

import array
import collections
import functools
import os
import random
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import Tensor

from archscope.interrupts import between_operations
from archscope.tracing.caches import CACHE, StandIn
from archscope.tracing.settings import SETTINGS

_CONTAINERS: Final = (dict, list, set, collections.deque)
_MANY: Final = 50_000
"""Entries that are looked at; what a person's own code keeps is far less."""

_FEW: Final = 1_000
"""Entries of a tuple among which caches are looked for."""

_LARGE: Final = 1 << 24
"""Bytes up to which an array of numbers is copied."""

_AROUND: Final = frozenset({CACHE, staticmethod, classmethod, property, functools.partial, tuple})
"""Types of caches, and of what may hold one and can be made again around another."""

_LIBRARIES: Final = frozenset({"torch", "numpy", "archscope", "torchvision", "__mp_main__"}) | sys.stdlib_module_names
"""Packages whose own state is no user's."""


class Surroundings:
    """Names and containers around the code that runs, as they are now; puts back what has changed since.

    A name that came to stand for a Python module, a class or a function stays: an import is no trace.
    """

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self._seen: set[int] = set()
        self._left = _MANY
        self._undo: list[Callable[[], Any]] = []
        self._before: list[tuple[Any, frozenset[int]]] = []
        self._stand_ins: dict[int, StandIn] = {}

    def met(self, code: Any) -> Any:
        """Know a class or a function whose code may run; gives what stands for it, which is itself but for a cache."""
        if id(code) not in self._seen and _package(code) not in _LIBRARIES:
            self._seen.add(id(code))
            self._meet(code)
        standing = self._stand_ins.get(id(code))
        return code if standing is None else standing.cache

    def _meet(self, code: Any) -> None:
        if isinstance(code, type):
            for each in code.__mro__[1:]:
                self.met(each)
            self._class(code)
        names = getattr(sys.modules.get(code.__module__ or ""), "__dict__", None)
        if names is not None:
            self._namespace(names, own=_is_own(names))
        if isinstance(code, types.FunctionType):
            self._function(code, own=_is_own(code.__globals__))

    def came(self) -> list[Any]:
        """What lies around now that did not before."""
        return [each for holder, before in self._before for each in _inside(holder) if id(each) not in before]

    def restore(self) -> None:
        """Put everything back."""
        for undo in self._undo:
            undo()
        for each in self._stand_ins.values():
            each.end()

    def _watch(self, holder: Any, undo: Callable[[], None]) -> None:
        self._undo.append(undo)
        self._before.append((holder, frozenset(map(id, _inside(holder)))))

    def _namespace(self, names: dict[str, Any], *, own: bool) -> None:
        if id(names) in self._seen:
            return
        self._seen.add(id(names))
        before = {name: each for name, each in names.items() if not name.startswith("__")}

        def undo() -> None:
            for name in [name for name in names if not name.startswith("__")]:
                if name not in before and not _is_code(names[name]):
                    del names[name]
            for name, each in before.items():
                if names.get(name, undo) is not each and not _is_code(names.get(name)):
                    names[name] = each

        self._watch(names, undo)
        self._stood(before, names.__setitem__)
        self._values(before, own=own)

    def _values(self, named: dict[str, Any], *, own: bool) -> None:
        """What names stand for; of a person's own code also the code that it imports."""
        for each in named.values():
            if own and isinstance(each, types.ModuleType):
                if _package(each) not in _LIBRARIES and _is_own(vars(each)):
                    self._namespace(vars(each), own=True)
            elif own and isinstance(each, (types.FunctionType, type)):
                self.met(each)
            else:
                self._value(each)

    def _class(self, kind: type) -> None:
        before = dict(vars(kind))

        def undo() -> None:
            now = dict(vars(kind))
            for name in now.keys() - before.keys():
                type.__delattr__(kind, name)
            for name, each in before.items():
                if name not in now or now[name] is not each:
                    type.__setattr__(kind, name, each)

        self._watch(kind, undo)
        self._stood(before, functools.partial(type.__setattr__, kind))
        for name, each in before.items():
            inside = getattr(each, "__func__", getattr(each, "fget", each))
            if isinstance(inside, types.FunctionType):
                self._function(inside, own=False)
            elif not name.startswith("__"):
                self._value(each)

    def _function(self, function: types.FunctionType, *, own: bool) -> None:
        if own:
            self._namespace(function.__globals__, own=True)
        self._value(function.__defaults__)
        self._value(function.__kwdefaults__)
        self._value(function.__dict__)
        for cell in function.__closure__ or ():
            self._cell(cell)

    def _cell(self, cell: types.CellType) -> None:
        if id(cell) in self._seen:
            return
        self._seen.add(id(cell))
        try:
            content = cell.cell_contents
        except ValueError:
            return

        def undo() -> None:
            cell.cell_contents = content

        self._watch(cell, undo)
        self._stood({None: content}, lambda _, standing: setattr(cell, "cell_contents", standing))
        if isinstance(content, types.FunctionType):
            self._function(content, own=False)
        else:
            self._value(content)

    def _stood(self, held: dict[Any, Any], put: Callable[[Any, Any], Any]) -> None:
        """Have stand-ins for the caches that somebody holds, and put them there."""
        for place, each in list(held.items()):
            if type(each) in _AROUND:
                standing = self._standing(each)
                if standing is not each:
                    put(place, standing)

    def _standing(self, value: Any) -> Any:
        """What stands for a cache, and for what Python wraps around one; any other value itself."""
        if isinstance(value, CACHE):
            return self._stand_in(value)
        kind = type(value)
        if kind in (staticmethod, classmethod):
            inside = self._standing(value.__func__)
            return value if inside is value.__func__ else kind(inside)
        if kind is property:
            inside = self._standing(value.fget)
            return value if inside is value.fget else property(inside, value.fset, value.fdel, value.__doc__)
        if kind is functools.partial:
            inside = self._standing(value.func)
            return value if inside is value.func else functools.partial(inside, *value.args, **value.keywords)
        if kind is tuple and len(value) <= _FEW:
            parts = tuple(map(self._standing, value))
            return value if all(mine is theirs for mine, theirs in zip(parts, value, strict=True)) else parts
        return value

    def _stand_in(self, cached: Any) -> Any:
        if id(cached) not in self._stand_ins:
            made = self._stand_ins[id(cached)] = StandIn(cached, cached.__wrapped__)
            if isinstance(cached.__wrapped__, types.FunctionType):
                self._function(cached.__wrapped__, own=False)
            for each in made.entries.values():
                self._value(each)
        return self._stand_ins[id(cached)].cache

    def _empty(self, cached: Any) -> None:
        """A cache that lies where nothing can be put in its place: it is emptied if a run fills it."""
        known = cached.cache_info().misses

        def undo() -> None:
            if cached.cache_info().misses != known:
                cached.cache_clear()

        self._undo.append(undo)

    def _value(self, value: Any) -> None:
        """A container, or an object of a person's own class, and what lies in it."""
        todo = [value]
        while todo and self._left > 0:
            each = todo.pop()
            if id(each) in self._seen or type(each) in (int, str, float, bool, type(None)):
                continue
            if isinstance(each, CACHE):
                self._seen.add(id(each))
                self._empty(each)
                continue
            if isinstance(each, Tensor):
                self.tensors.append(each)
                todo += [own] if (own := getattr(each, "__dict__", None)) else []
                continue
            if moved := _moved_back(each):
                self._seen.add(id(each))
                self._undo += moved
                continue
            inside = self._contents(each)
            if inside is not None:
                self._seen.add(id(each))
                self._left -= len(inside)
                todo.extend(inside)

    def _contents(self, value: Any) -> list[Any] | None:
        if isinstance(value, tuple):
            return list(value)
        if isinstance(value, functools.partial):
            return [value.func, *value.args, *value.keywords.values()]
        if isinstance(value, _CONTAINERS):
            self._watch(value, _undoing(value))
            if not isinstance(value, set):
                put: Any = dict if isinstance(value, dict) else list if isinstance(value, list) else collections.deque
                held = dict.items(value) if isinstance(value, dict) else enumerate(value)
                self._stood(dict(held), functools.partial(put.__setitem__, value))
            return list(dict.values(value)) if isinstance(value, dict) else list(value)
        if isinstance(value, (type, types.ModuleType, types.FunctionType)) or _package(type(value)) in _LIBRARIES:
            return None
        own = getattr(type(value), "__dict__", {}).get("__dict__") and object.__getattribute__(value, "__dict__")
        if not isinstance(own, dict):
            return None
        self._watch(own, _undoing(own))
        self._stood(own, own.__setitem__)
        return list(own.values())


def _inside(holder: Any) -> list[Any]:
    """What a container, a class or a cell holds now."""
    if isinstance(holder, types.CellType):
        try:
            return [holder.cell_contents]
        except ValueError:
            return []
    if isinstance(holder, type):
        return [*vars(holder).values()]
    return [*dict.values(holder)] if isinstance(holder, dict) else [*holder]


def _undoing(container: Any) -> Callable[[], None]:
    """What puts a container's content back, if it has changed; an equal one is left alone."""
    if isinstance(container, dict):
        pairs = list(dict.items(container))

        def undo() -> None:
            now = list(dict.items(container))
            if len(now) != len(pairs) or any(a is not c or b is not d for (a, b), (c, d) in zip(now, pairs)):  # noqa: B905
                dict.clear(container)
                for key, each in pairs:
                    dict.__setitem__(container, key, each)

        return undo
    before = list(container)

    def undo_others() -> None:
        now = list(container)
        if len(now) != len(before) or any(a is not b for a, b in zip(now, before)):  # noqa: B905
            container.clear()
            if isinstance(container, set):
                container.update(before)
            else:
                container.extend(before)

    return undo_others


def _moved_back(value: Any) -> list[Callable[[], Any]]:
    """What puts back an array's numbers, or where a generator of random ones stands; nothing for anything else."""
    if isinstance(value, random.Random):
        return [functools.partial(value.setstate, value.getstate())]
    if isinstance(value, torch.Generator):
        return [functools.partial(value.set_state, value.get_state())]
    if isinstance(value, (array.array, bytearray)):
        return [functools.partial(_write, value, slice(None), value[:])]
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return []
    if isinstance(value, numpy.ndarray) and value.flags.writeable and value.nbytes <= _LARGE:
        return [functools.partial(_write, value, ..., value.copy())]
    if isinstance(value, numpy.random.RandomState):
        return [functools.partial(value.set_state, value.get_state())]
    if isinstance(value, numpy.random.Generator):
        bits = value.bit_generator
        return [functools.partial(setattr, bits, "state", bits.state)]
    return []


def _write(target: Any, where: Any, before: Any) -> None:
    if bytes(target) != bytes(before):
        target[where] = before


def _package(code: Any) -> str:
    name = code.__name__ if isinstance(code, types.ModuleType) else getattr(code, "__module__", None)
    return str(name or "").partition(".")[0]


def _is_own(names: dict[str, Any]) -> bool:
    """Whether a Python module is a person's own, not one that was installed."""
    file = names.get("__file__")
    return not file or "site-packages" not in file


def _is_code(value: Any) -> bool:
    return isinstance(value, (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType))


def _put_back(environment: dict[str, str]) -> None:
    """What programs are told by, where it has changed."""
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def drawn_apart() -> object:
    """How far the random numbers of Python and NumPy have been drawn: equal as long as nobody draws."""
    numpy = sys.modules.get("numpy")
    kind, drawn, *more = ("", b"") if numpy is None else numpy.random.get_state()
    return random.getstate(), kind, bytes(drawn), more


@contextmanager
def everybodys_kept() -> Iterator[None]:
    """Everybody's random numbers and settings as they were before: PyTorch's, Python's, NumPy's and the process's."""
    used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if used else []
    numpy = sys.modules.get("numpy")
    with between_operations(), ExitStack() as after:
        after.enter_context(torch.random.fork_rng(devices=devices))
        after.callback(random.setstate, random.getstate())
        after.callback(_put_back, dict(os.environ))
        for tell, put in SETTINGS:
            after.callback(put, tell())
        if numpy is not None:
            after.callback(numpy.random.set_state, numpy.random.get_state())
        yield


__all__ = ["Surroundings", "drawn_apart", "everybodys_kept"]

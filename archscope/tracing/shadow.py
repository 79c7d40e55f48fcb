"""`Shadow`: copies of everything that can be reached from a module, with other tensors in them.

What runs is the shadow, so nothing that a run writes is the user's: no hook, cache, buffer, counter or mode. What is
one tensor, one module or one list stays one. Objects of Python classes and containers are copied shallowly, each once,
and what lies in them is copied in turn; what Python cannot copy (a file, a lock, a tokenizer) stays what it is.
"""

from __future__ import annotations

import argparse
import array
import collections
import copy
import enum
import functools
import io
import itertools
import queue
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

Twin = Callable[[Tensor], Tensor]
"""What makes the tensor that stands for one of the user's."""

_KEPT: Final = (
    type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis), type(NotImplemented), type,
    types.ModuleType, types.CodeType, torch.dtype, torch.device, torch.Size, torch.layout, torch.memory_format,
)  # fmt: skip
_PLAIN: Final = frozenset(_KEPT)
"""Types whose values never change, and hold nothing that does."""

PARALLEL: Final = (nn.DataParallel, nn.parallel.DistributedDataParallel)
"""Wrappers that run what they hold on several devices, or in several processes."""

_COUNTERS: Final = (itertools.count, itertools.cycle, itertools.repeat, itertools.chain)
_MAPPINGS: Final = (collections.OrderedDict, collections.defaultdict, dict)
_WEAK: Final = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_QUEUES: Final = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
_SHARED: Final = (threading.Thread, threading.Event, threading.Condition, threading.Semaphore, threading.Barrier,
                  queue.Queue, queue.SimpleQueue)  # fmt: skip
"""By what a module hands work to other threads, or waits for them; it stays what it is while there are others."""
_SYMBOLS: Final = ("sympy.", "torch.utils._sympy.")
"""Where the terms are defined that an exported program states lengths by; each is itself alone, and never changes."""

_LARGE: Final = 1 << 24
"""Bytes up to which an array of NumPy is copied; a larger one is lent, and cannot be written."""


class Shadow:
    """Copies of values, made when they are asked for, each once.

    Args:
        twin: what makes the tensor that stands for one of the user's.
        met: is told of every class and every function whose code may run.

    Attributes:
        shared: whether something was met that other threads may wait at.
    """

    def __init__(self, twin: Twin, met: Callable[[Any], None] = lambda _: None) -> None:
        self._twin = twin
        self._met = met
        self.shared = False
        self._copies: dict[int, Any] = {}
        self._originals: list[Any] = []
        self._unfilled: collections.deque[tuple[Callable[[Any, Any], None], Any, Any]] = collections.deque()
        self._kinds: dict[type, Callable[[Any], Any]] = {}

    def of(self, value: Any) -> Any:
        """The copy of a value, with all that it reaches."""
        made = self._of(value)
        while self._unfilled:
            fill, original, empty = self._unfilled.popleft()
            fill(original, empty)
        return made

    @property
    def modules(self) -> list[nn.Module]:
        """The copies of modules, wherever they hang."""
        return [each for each in self._copies.values() if isinstance(each, nn.Module)]

    def known(self, value: Any) -> Any:
        """The copy of a value that was met; the value itself, if it was not."""
        return self._copies.get(id(value), value)

    def _of(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        place = id(value)
        if place in self._copies:
            return self._copies[place]
        copier = self._kinds.get(kind)
        if copier is None:
            copier = self._kinds[kind] = self._copier(kind)
        made = copier(value)
        self._copies[place] = made
        self._originals.append(value)
        return made

    def _all(self, values: Iterable[Any]) -> list[Any]:
        return [each if type(each) in _PLAIN else self._of(each) for each in values]

    def _empty(self, fill: Callable[[Any, Any], None], original: Any, empty: Any) -> Any:
        """A copy that is filled later: what lies in it may hold the original."""
        self._unfilled.append((fill, original, empty))
        return empty

    def _copier(self, kind: type) -> Callable[[Any], Any]:
        """How values of a type are copied."""
        for base, copier in self._table():
            if issubclass(kind, base):
                return copier
        if kind.__module__.partition(".")[0] in sys.stdlib_module_names:
            return _itself
        if kind.__module__.startswith(_SYMBOLS) or not _is_plain_object(kind):
            return _itself
        self._met(kind)
        return self._object

    def _table(self) -> Iterator[tuple[Any, Callable[[Any], Any]]]:
        yield Tensor, self._twin
        yield torch.jit.ScriptModule, self._scripted
        yield nn.Module, self._module
        yield (type, types.ModuleType, int, float, str, bytes, torch.Size, enum.Enum), _itself
        yield (collections.UserDict, collections.UserList, argparse.Namespace), self._object
        yield types.SimpleNamespace, lambda value: self._empty(self._fill_object, value, type(value)())
        yield threading.local, self._local
        yield _SHARED, self._meeting
        yield dict, self._mapping
        yield (list, collections.deque), self._sequence
        yield set, self._set
        yield (tuple, frozenset), self._frozen
        yield (bytearray, array.array, io.BytesIO, io.StringIO), copy.copy
        yield types.MappingProxyType, lambda value: types.MappingProxyType(self._of(dict(value)))
        yield types.FunctionType, self._function
        yield types.MethodType, self._method
        yield types.BuiltinMethodType, self._builtin
        yield types.CellType, self._cell
        yield functools.partial, self._partial
        yield functools._lru_cache_wrapper, self._cached
        yield _WEAK, self._weak
        yield weakref.ref, self._reference
        yield torch.Generator, lambda value: value.clone_state()
        yield (random.Random, *_COUNTERS), copy.copy
        yield from self._of_numpy()

    @staticmethod
    def _of_numpy() -> Iterator[tuple[Any, Callable[[Any], Any]]]:
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            yield numpy.memmap, _lent
            yield numpy.ndarray, lambda value: value.copy() if value.nbytes <= _LARGE else _lent(value)
            yield (numpy.random.Generator, numpy.random.RandomState), copy.deepcopy
            yield numpy.generic, _itself

    def _module(self, value: nn.Module) -> Any:
        self._met(type(value))
        state = object.__getattribute__(value, "__dict__")
        if "_orig_mod" in state.get("_modules", ()):  # compiled: what it was made from runs the same
            return self._of(state["_modules"]["_orig_mod"])
        return self._empty(self._fill_module, value, object.__new__(type(value)))

    def _fill_module(self, value: nn.Module, empty: nn.Module) -> None:
        self._fill_object(value, empty)
        if "_compiled_call_impl" in empty.__dict__:
            empty.__dict__["_compiled_call_impl"] = None
        if isinstance(value, PARALLEL):  # it would speak to other processes
            empty.__dict__["forward"] = functools.partial(_of_module, empty)

    def _scripted(self, value: torch.jit.ScriptModule) -> Any:
        """A copy of its own kind, whose tensors are then exchanged: it has no values of Python's."""
        made = copy.deepcopy(value)
        for theirs, own in zip(value.modules(), made.modules(), strict=True):
            for name, tensor in (*theirs.named_parameters(recurse=False), *theirs.named_buffers(recurse=False)):
                inside: Any = own._c
                inside.setattr(name, self._of(tensor))
        return made

    def _object(self, value: Any) -> Any:
        return self._empty(self._fill_object, value, object.__new__(type(value)))

    def _fill_object(self, value: Any, empty: Any) -> None:
        """Attributes as they lie there: neither reading nor writing one runs the user's code."""
        try:
            state = object.__getattribute__(value, "__dict__")
        except AttributeError:
            state = {}
        if state:
            own = object.__getattribute__(empty, "__dict__")
            for name, each in list(state.items()):
                own[name] = each if type(each) in _PLAIN else self._of(each)
        kind: Any = type(value)
        for slot in _slots(kind):
            try:
                slot.__set__(empty, self._of(slot.__get__(value, type(value))))
            except AttributeError:  # empty, or read only
                continue

    def _mapping(self, value: dict[Any, Any]) -> Any:
        if not value and type(value) in (collections.OrderedDict, dict):
            return type(value)()
        base = next(each for each in _MAPPINGS if isinstance(value, each))
        return self._empty(functools.partial(self._fill_mapping, base), value, base.__new__(type(value)))

    def _fill_mapping(self, base: type[dict[Any, Any]], value: Any, empty: Any) -> None:
        if base is collections.defaultdict:
            empty.default_factory = self._of(value.default_factory)
        for key, each in list(base.items(value)):
            base.__setitem__(empty, self._key(key), self._of(each))
        if type(value) not in _MAPPINGS:
            self._fill_object(value, empty)

    def _key(self, value: Any) -> Any:
        """A key by which a copy finds what the original finds; one whose hash is computed stays what it is."""
        if isinstance(value, tuple) and type(value).__hash__ is tuple.__hash__:
            parts = [self._key(each) for each in value]
            same = all(mine is theirs for mine, theirs in zip(parts, value, strict=True))
            return value if same else tuple.__new__(type(value), parts)
        hashed: Any = type(value).__hash__
        by_identity = hashed is object.__hash__ or hashed is Tensor.__hash__
        return self._of(value) if by_identity or isinstance(value, types.MethodType) else value

    def _sequence(self, value: Any) -> Any:
        if isinstance(value, collections.deque):
            return self._empty(self._fill_sequence, value, type(value)(maxlen=value.maxlen))
        return self._empty(self._fill_sequence, value, list.__new__(type(value)))

    def _fill_sequence(self, value: Any, empty: Any) -> None:
        base: Any = list if isinstance(value, list) else collections.deque
        base.extend(empty, self._all(base.__iter__(value)))
        if type(value) is not base:
            self._fill_object(value, empty)

    def _set(self, value: set[Any]) -> Any:
        def fill(original: Any, empty: Any) -> None:
            set.update(empty, [self._key(each) for each in set.__iter__(original)])

        return self._empty(fill, value, set.__new__(type(value)))

    def _frozen(self, value: Any) -> Any:
        base: Any = tuple if isinstance(value, tuple) else frozenset
        parts = list(base.__iter__(value))
        made = self._all(parts) if base is tuple else [self._key(each) for each in parts]
        if all(mine is theirs for mine, theirs in zip(made, parts, strict=True)):
            return value
        empty = base.__new__(type(value), made)
        return self._empty(self._fill_object, value, empty) if hasattr(value, "__dict__") else empty

    def _function(self, value: types.FunctionType) -> Any:
        """A function with copies of what it closes over; one that can be imported stays what it is."""
        self._met(value)
        if value.__closure__ is None and not value.__defaults__ and not value.__kwdefaults__ and not value.__dict__:
            return value
        if _importable(value):
            return value
        original = value.__dict__.get("_torchdynamo_orig_callable")
        if original is not None:  # compiled: what it was made from runs the same
            return self._of(original)
        cells = value.__closure__ and tuple(self._of(cell) for cell in value.__closure__)
        made = types.FunctionType(value.__code__, value.__globals__, value.__name__, None, cells)
        return self._empty(self._fill_function, value, made)

    def _fill_function(self, value: types.FunctionType, empty: types.FunctionType) -> None:
        empty.__defaults__ = self._of(value.__defaults__)
        empty.__kwdefaults__ = self._of(value.__kwdefaults__)
        for name in ("__qualname__", "__module__", "__doc__", "__annotations__"):
            setattr(empty, name, getattr(value, name))
        empty.__dict__.update(self._of(value.__dict__))

    def _cell(self, value: types.CellType) -> Any:
        def fill(original: types.CellType, empty: types.CellType) -> None:
            try:
                empty.cell_contents = self._of(original.cell_contents)
            except ValueError:  # nothing is in it yet
                return

        return self._empty(fill, value, types.CellType())

    def _method(self, value: types.MethodType) -> Any:
        return types.MethodType(self._of(value.__func__), self._of(value.__self__))

    def _builtin(self, value: Any) -> Any:
        owner = value.__self__
        mine = self._of(owner)
        return value if mine is owner else getattr(mine, value.__name__)

    def _partial(self, value: functools.partial[Any]) -> Any:
        made = functools.partial.__new__(type(value), self._of(value.func))

        def fill(original: Any, empty: Any) -> None:
            args, kwargs = tuple(self._all(original.args)), self._of(dict(original.keywords))
            empty.__setstate__((self._of(original.func), args, kwargs, self._of(original.__dict__)))

        return self._empty(fill, value, made)

    def _cached(self, value: Any) -> Any:
        """A cache that a module has of its own; one that can be imported is everybody's."""
        self._met(value)
        if _importable(value):
            return value
        return functools.lru_cache(**value.cache_parameters())(self._of(value.__wrapped__))

    def _weak(self, value: Any) -> Any:
        def fill(original: Any, empty: Any) -> None:
            if isinstance(original, weakref.WeakSet):
                empty.update([self._key(each) for each in list(original)])
            else:
                for key, each in list(original.items()):
                    empty[self._key(key)] = self._of(each)

        return self._empty(fill, value, type(value)())

    def _local(self, value: threading.local) -> Any:
        """What this thread has of its own; where a class makes that, it is made anew in every thread."""

        def fill(original: threading.local, empty: threading.local) -> None:
            for name, each in original.__dict__.items():
                setattr(empty, name, self._of(each))

        return self._empty(fill, value, threading.local()) if type(value) is threading.local else value

    def _meeting(self, value: Any) -> Any:
        """What threads meet at; a queue that no other thread waits at is copied with what lies in it."""
        if len(sys._current_frames()) > 1 or isinstance(value, threading.Thread):
            self.shared = True
            return value
        if isinstance(value, threading.Event):
            made = threading.Event()
            made._flag = value.is_set()  # type: ignore[attr-defined]
            return made
        if type(value) not in _QUEUES:
            return value

        def fill(original: queue.Queue[Any], empty: queue.Queue[Any]) -> None:
            empty.queue.extend(self._all(original.queue))
            empty.unfinished_tasks = original.unfinished_tasks

        return self._empty(fill, value, type(value)(value.maxsize))

    def _reference(self, value: Any) -> Any:
        target = value()
        return value if target is None or type(value) is not weakref.ref else weakref.ref(self._of(target))


def _of_module(wrapper: Any, *args: Any, **kwargs: Any) -> Any:
    """What a wrapper's module makes."""
    return wrapper.module(*args, **kwargs)


def _itself(value: Any) -> Any:
    return value


def _lent(value: Any) -> Any:
    seen = value.view()
    seen.flags.writeable = False
    return seen


def _importable(value: Any) -> bool:
    """Whether a function is found under its own name where it was defined."""
    found: Any = sys.modules.get(getattr(value, "__module__", None) or "")
    for part in getattr(value, "__qualname__", "<").split("."):
        found = getattr(found, "__dict__", {}).get(part)
        if found is None:
            return False
    return found is value


@functools.cache
def _slots(kind: type) -> tuple[Any, ...]:
    return tuple(
        descriptor
        for each in kind.__mro__
        for descriptor in vars(each).values()
        if isinstance(descriptor, types.MemberDescriptorType)
    )


def _is_plain_object(kind: type) -> bool:
    """Whether all that an instance holds lies in its attributes: its class and all above are written in Python."""
    known: Any = kind
    most = object.__basicsize__ + 8 * (2 + len(_slots(known)))
    return kind.__itemsize__ == 0 and kind.__basicsize__ <= most and not issubclass(kind, BaseException)


__all__ = ["PARALLEL", "Shadow", "Twin"]

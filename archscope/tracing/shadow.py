"""`Shadow`: copies of everything that can be reached from a module, with other tensors in them.

What runs is the shadow, so nothing that a run writes is the user's: no hook, cache, buffer, counter or mode. What is
one tensor, one module or one list stays one. Objects of Python classes and containers are copied shallowly, each once,
and what lies in them is copied in turn; what Python cannot copy (a file, a lock, a tokenizer) stays what it is.
"""

from __future__ import annotations

import argparse
import array
import collections
import contextlib
import copy
import enum
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import torch
from torch import Tensor, nn

from archscope.tracing.caches import StandIn
from archscope.tracing.moving import Moving

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

_MAPPINGS: Final = (collections.OrderedDict, collections.defaultdict, dict)
_SYMBOLS: Final = ("sympy.", "torch.utils._sympy.")
"""Where the terms are defined that an exported program states lengths by; each is itself alone, and never changes."""


class Shadow:
    """Copies of values, made when they are asked for, each once.

    Args:
        twin: what makes the tensor that stands for one of the user's.
        met: is told of every class and every function whose code may run, and gives what stands for it.
    """

    def __init__(self, twin: Twin, met: Callable[[Any], Any] = lambda code: code) -> None:
        self._twin = twin
        self._met = met
        self._moving = Moving(self)
        self._copies: dict[int, Any] = {}
        self._originals: list[Any] = []
        self._unfilled: collections.deque[tuple[Callable[[Any, Any], None], Any, Any]] = collections.deque()
        self._kinds: dict[type, Callable[[Any], Any]] = {}

    def of(self, value: Any) -> Any:
        """The copy of a value, with all that it reaches."""
        made = self.part(value)
        while self._unfilled:
            fill, original, empty = self._unfilled.popleft()
            fill(original, empty)
        return made

    def stands(self, value: Any, made: Any) -> None:
        """Have one that was made elsewhere for the copy of a value."""
        self._copies[id(value)] = made
        self._originals.append(value)

    @property
    def shared(self) -> bool:
        """Whether something was met that other threads may wait at."""
        return self._moving.shared

    def left(self, around: Iterable[Any] = ()) -> list[Tensor]:
        """Tensors that a run has left in the copies: in lists, dictionaries, attributes and the cells of functions.

        ``around`` is what it left elsewhere.
        """
        copies = [*self._copies.values()]
        known, found = {id(each) for each in copies}, list[Tensor]()
        left = [part for each in copies if not isinstance(each, Tensor) for part in _held_by(each)]
        left += around
        while left:
            value = left.pop()
            if type(value) in _PLAIN or id(value) in known or type(value).__module__.startswith("archscope."):
                continue
            known.add(id(value))
            if isinstance(value, Tensor):
                found.append(value)
            else:
                left += _held_by(value)
                copies.append(value)  # so that no other is given its address
        return found

    @property
    def modules(self) -> list[nn.Module]:
        """The copies of modules, wherever they hang."""
        return [each for each in self._copies.values() if isinstance(each, nn.Module)]

    def known(self, value: Any) -> Any:
        """The copy of a value that was met; the value itself, if it was not."""
        return self._copies.get(id(value), value)

    def part(self, value: Any) -> Any:
        """The copy of a part of what is copied now; what lies in it may come later."""
        kind = type(value)
        return value if kind in _PLAIN else self._part(value, kind)

    def _part(self, value: Any, kind: type) -> Any:
        """The copy of a part that may change."""
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
        return [each if (kind := type(each)) in _PLAIN else self._part(each, kind) for each in values]

    def later(self, fill: Callable[[Any, Any], None], original: Any, empty: Any) -> Any:
        """A copy that is filled later: what lies in it may hold the original."""
        self._unfilled.append((fill, original, empty))
        return empty

    def _copier(self, kind: type) -> Callable[[Any], Any]:
        """How values of a type are copied."""
        if kind is dict or kind is collections.OrderedDict:  # a module has a dozen, and most are empty
            fill = functools.partial(self._fill_mapping, kind)
            return lambda value: self.later(fill, value, kind()) if value else kind()
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
        yield from self._moving.table()
        yield Tensor, self._tensor
        yield torch.jit.ScriptModule, self._scripted
        yield nn.Module, self._module
        yield (type, types.ModuleType, int, float, str, bytes, torch.Size, enum.Enum), _itself
        yield (collections.UserDict, collections.UserList, collections.ChainMap, argparse.Namespace), self._object
        yield types.SimpleNamespace, lambda value: self.later(self._fill_object, value, type(value)())
        yield dict, self._mapping
        yield (list, collections.deque), self._sequence
        yield set, self._set
        yield (tuple, frozenset), self._frozen
        yield array.array, copy.copy
        yield types.MappingProxyType, lambda value: types.MappingProxyType(self.part(dict(value)))
        yield types.FunctionType, self._function
        yield types.MethodType, self._method
        yield types.BuiltinMethodType, self._builtin
        yield types.CellType, self._cell
        yield functools.partial, self._partial
        yield functools._lru_cache_wrapper, self._cached
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            yield numpy.generic, _itself

    def _tensor(self, value: Tensor) -> Any:
        """Its twin, with copies of the attributes that somebody gave it; those of a fake tensor are its own."""
        made = self._twin(value)
        given = made is not value and vars(value).keys() - vars(made).keys()
        return self.later(self._fill_object, value, made) if given else made

    def _module(self, value: nn.Module) -> Any:
        self._met(type(value))
        state = object.__getattribute__(value, "__dict__")
        if "_orig_mod" in state.get("_modules", ()):  # compiled: what it was made from runs the same
            return self.part(state["_modules"]["_orig_mod"])
        return self.later(self._fill_module, value, object.__new__(type(value)))

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
                inside.setattr(name, self.part(tensor))
        return made

    def _object(self, value: Any) -> Any:
        return self.later(self._fill_object, value, object.__new__(type(value)))

    def _fill_object(self, value: Any, empty: Any) -> None:
        """Attributes as they lie there: neither reading nor writing one runs the user's code."""
        try:
            state = object.__getattribute__(value, "__dict__")
        except AttributeError:
            state = {}
        if state:
            own = object.__getattribute__(empty, "__dict__")
            for name, each in list(state.items()):
                own[name] = each if (kind := type(each)) in _PLAIN else self._part(each, kind)
        own_kind: Any = type(value)
        for slot in _slots(own_kind):
            try:
                slot.__set__(empty, self.part(slot.__get__(value, own_kind)))
            except AttributeError:  # empty, or read only
                continue

    def _mapping(self, value: dict[Any, Any]) -> Any:
        base = next(each for each in _MAPPINGS if isinstance(value, each))
        return self.later(functools.partial(self._fill_mapping, base), value, base.__new__(type(value)))

    def _fill_mapping(self, base: type[dict[Any, Any]], value: Any, empty: Any) -> None:
        if base is collections.defaultdict:
            empty.default_factory = self.part(value.default_factory)
        for key, each in list(base.items(value)):
            base.__setitem__(empty, self.key(key), self.part(each))
        if type(value) not in _MAPPINGS:
            self._fill_object(value, empty)

    def key(self, value: Any) -> Any:
        """A key by which a copy finds what the original finds; one whose hash is computed stays what it is."""
        if isinstance(value, tuple) and type(value).__hash__ is tuple.__hash__:
            parts = [self.key(each) for each in value]
            same = all(mine is theirs for mine, theirs in zip(parts, value, strict=True))
            return value if same else tuple.__new__(type(value), parts)
        hashed: Any = type(value).__hash__
        by_identity = hashed is object.__hash__ or hashed is Tensor.__hash__
        return self.part(value) if by_identity or isinstance(value, types.MethodType) else value

    def _sequence(self, value: Any) -> Any:
        if isinstance(value, collections.deque):
            return self.later(self._fill_sequence, value, type(value)(maxlen=value.maxlen))
        return self.later(self._fill_sequence, value, list.__new__(type(value)))

    def _fill_sequence(self, value: Any, empty: Any) -> None:
        base: Any = list if isinstance(value, list) else collections.deque
        base.extend(empty, self._all(base.__iter__(value)))
        if type(value) is not base:
            self._fill_object(value, empty)

    def _set(self, value: set[Any]) -> Any:
        def fill(original: Any, empty: Any) -> None:
            set.update(empty, [self.key(each) for each in set.__iter__(original)])

        return self.later(fill, value, set.__new__(type(value)))

    def _frozen(self, value: Any) -> Any:
        base: Any = tuple if isinstance(value, tuple) else frozenset
        parts = list(base.__iter__(value))
        made = self._all(parts) if base is tuple else [self.key(each) for each in parts]
        if all(mine is theirs for mine, theirs in zip(made, parts, strict=True)):
            return value
        empty = base.__new__(type(value), made)
        return self.later(self._fill_object, value, empty) if hasattr(value, "__dict__") else empty

    def _function(self, value: types.FunctionType) -> Any:
        """A function with copies of what it closes over; one that can be imported stays what it is."""
        self._met(value)
        if value.__closure__ is None and not value.__defaults__ and not value.__kwdefaults__ and not value.__dict__:
            return value
        if _importable(value):
            return value
        original = value.__dict__.get("_torchdynamo_orig_callable")
        if original is not None:  # compiled: what it was made from runs the same
            return self.part(original)
        cells = value.__closure__ and tuple(self.part(cell) for cell in value.__closure__)
        made = types.FunctionType(value.__code__, value.__globals__, value.__name__, None, cells)
        return self.later(self._fill_function, value, made)

    def _fill_function(self, value: types.FunctionType, empty: types.FunctionType) -> None:
        empty.__defaults__ = self.part(value.__defaults__)
        empty.__kwdefaults__ = self.part(value.__kwdefaults__)
        for name in ("__qualname__", "__module__", "__doc__", "__annotations__"):
            setattr(empty, name, getattr(value, name))
        for name, each in value.__dict__.items():  # a dict is copied empty, and filled later
            empty.__dict__[name] = self.part(each)

    def _cell(self, value: types.CellType) -> Any:
        def fill(original: types.CellType, empty: types.CellType) -> None:
            try:
                empty.cell_contents = self.part(original.cell_contents)
            except ValueError:  # nothing is in it yet
                return

        return self.later(fill, value, types.CellType())

    def _method(self, value: types.MethodType) -> Any:
        return types.MethodType(self.part(value.__func__), self.part(value.__self__))

    def _builtin(self, value: Any) -> Any:
        owner = value.__self__
        mine = self.part(owner)
        return value if mine is owner else getattr(mine, value.__name__)

    def _partial(self, value: functools.partial[Any]) -> Any:
        made = functools.partial.__new__(type(value), self.part(value.func))

        def fill(original: Any, empty: Any) -> None:
            args, kwargs = tuple(self._all(original.args)), self.part(dict(original.keywords))
            empty.__setstate__((self.part(original.func), args, kwargs, self.part(original.__dict__)))

        return self.later(fill, value, made)

    def _cached(self, value: Any) -> Any:
        """A module's own cache, with copies of what it knows; one that can be imported is everybody's."""
        standing = self._met(value)
        if standing is not value or _importable(value):
            return standing
        made = StandIn(value, self.part(value.__wrapped__))

        def fill(*_: Any) -> None:
            made.entries = {self.key(key): self.part(result) for key, result in made.entries.items()}

        return self.later(fill, value, made.cache)


def _of_module(wrapper: Any, *args: Any, **kwargs: Any) -> Any:
    """What a wrapper's module makes."""
    return wrapper.module(*args, **kwargs)


def _itself(value: Any) -> Any:
    return value


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


def _held_by(value: Any) -> list[Any]:
    """What lies in a container, a cell or an object."""
    if isinstance(value, dict):
        return [*value.values()]
    if isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        return [*value]
    if isinstance(value, types.CellType):
        with contextlib.suppress(ValueError):  # an empty one
            return [value.cell_contents]
        return []
    if isinstance(value, (type, types.ModuleType, types.FunctionType, Tensor)):
        return []
    return [*getattr(value, "__dict__", {}).values()]

"""Copies of what moves on when it is used, and says so in no attribute: iterators, files, queues, weak references."""

from __future__ import annotations

import copy
import functools
import io
import itertools
import queue
import random
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import torch

from archscope.tracing import threads

if TYPE_CHECKING:
    from archscope.tracing.shadow import Shadow

Copier = Callable[[Any], Any]

_ITERATORS: Final = (
    enumerate, zip, map, filter, itertools.count, itertools.cycle, itertools.repeat, itertools.chain, itertools.islice,
    itertools.accumulate, itertools.product, itertools.starmap, itertools.takewhile, itertools.dropwhile,
    *map(type, (iter([]), iter(()), iter(""), iter(range(0)), reversed([]), iter({}), iter({}.items()),
                iter({}.values()), iter(set[int]()), reversed(()))),
)  # fmt: skip
_QUEUES: Final = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
_SHARED: Final = (threading.Thread, threading.Event, threading.Condition, threading.Semaphore, threading.Barrier,
                  queue.Queue, queue.SimpleQueue)  # fmt: skip
"""By what a module hands work to other threads, or waits for them; it stays what it is while there are others."""

_WEAK: Final = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)
_LARGE: Final = 1 << 24
"""Bytes up to which an array of NumPy or a file is copied; a larger array is lent, and cannot be written."""


class Moving:
    """Copies for a shadow of what moves on.

    Attributes:
        shared: whether something was met that other threads may wait at.

    Args:
        shadow: makes the copies of what lies in it.
    """

    def __init__(self, shadow: Shadow) -> None:
        self.shared = False
        self._shadow = shadow

    def table(self) -> Iterator[tuple[Any, Copier]]:
        """Types, and how their values are copied."""
        yield threading.local, self._local
        yield _SHARED, self._meeting
        yield _ITERATORS, self._iterator
        yield (bytearray, io.BytesIO, io.StringIO), copy.copy
        yield (io.TextIOWrapper, io.BufferedIOBase, io.RawIOBase), _file
        yield _WEAK, self._weak
        yield weakref.WeakMethod, self._weak_method
        yield weakref.ref, self._reference
        yield weakref.ProxyTypes, self._proxy
        yield torch.Generator, lambda value: value.clone_state()
        yield random.Random, copy.copy
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            yield numpy.memmap, lent
            yield numpy.ndarray, lambda value: value.copy() if value.nbytes <= _LARGE else lent(value)
            yield (numpy.random.Generator, numpy.random.RandomState), copy.deepcopy

    def _local(self, value: threading.local) -> Any:
        """What this thread has of its own; where a class makes that, it is made anew in every thread."""

        def fill(original: threading.local, empty: threading.local) -> None:
            for name, each in original.__dict__.items():
                setattr(empty, name, self._shadow.part(each))

        return self._shadow.later(fill, value, threading.local()) if type(value) is threading.local else value

    def _meeting(self, value: Any) -> Any:
        """What threads meet at; a queue that no other thread waits at is copied with what lies in it."""
        if threads.others_run() or isinstance(value, threading.Thread):
            self.shared = True
            return value
        if isinstance(value, threading.Event):
            made = threading.Event()
            made._flag = value.is_set()  # type: ignore[attr-defined]
            return made
        if type(value) is queue.SimpleQueue:
            return self._shadow.later(self._fill_simple, value, type(value)())
        if type(value) not in _QUEUES:
            return value

        def fill(original: queue.Queue[Any], empty: queue.Queue[Any]) -> None:
            empty.queue.extend(map(self._shadow.part, original.queue))
            empty.unfinished_tasks = original.unfinished_tasks

        return self._shadow.later(fill, value, type(value)(value.maxsize))

    def _fill_simple(self, original: Any, empty: Any) -> None:
        """It shows what lies in it only where it is taken out, and is put back."""
        for each in [original.get() for _ in range(original.qsize())]:
            original.put(each)
            empty.put(self._shadow.part(each))

    def _iterator(self, value: Any) -> Any:
        """One that stands where the other does; what cannot say where it stands stays what it is."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of `itertools`, until they say it no more
            try:
                made_by, args, *rest = value.__reduce__()
            except TypeError:
                return value
            made = made_by(*map(self._shadow.part, args))
            for state in rest:
                made.__setstate__(self._shadow.part(state))
            return made

    def _weak(self, value: Any) -> Any:
        def fill(original: Any, empty: Any) -> None:
            if isinstance(original, weakref.WeakSet):
                empty.update([self._shadow.key(each) for each in list(original)])
            else:
                for key, each in list(original.items()):
                    empty[self._shadow.key(key)] = self._shadow.part(each)

        return self._shadow.later(fill, value, type(value)())

    def _reference(self, value: Any) -> Any:
        target = value()
        return value if target is None or type(value) is not weakref.ref else weakref.ref(self._shadow.part(target))

    def _weak_method(self, value: Any) -> Any:
        target = value()
        return value if target is None else weakref.WeakMethod(self._shadow.part(target))

    def _proxy(self, value: Any) -> Any:
        """A proxy shows what it stands for nowhere but in a method of it."""
        try:
            target = value.__repr__.__self__
        except (AttributeError, ReferenceError):
            return value
        return weakref.proxy(self._shadow.part(target))


def lent(value: Any) -> Any:
    """An array of NumPy that cannot be written."""
    seen = value.view()
    seen.flags.writeable = False
    return seen


class _Bytes(io.BytesIO):
    """What lies in a file, and what is written to it."""


class _Text(io.StringIO):
    """What is left to read of a text, and what is written to it."""


def _file(value: Any) -> Any:
    """What is left of a file in memory, so that nobody else's moves on or is written; one that is too long is lent."""
    text = isinstance(value, io.TextIOBase)
    made: Any = _Text() if text else _Bytes()
    try:
        if value.readable():
            at = value.tell()
            found = value.read(_LARGE)
            value.seek(at)
            if len(found) == _LARGE:
                return value
            made = _Text(found) if text else _Bytes(found)
    except (OSError, ValueError):  # closed, a pipe, or not text
        if not value.closed and value.writable():
            return made
        return value
    made.fileno = functools.partial(_number, value)
    made.name = getattr(value, "name", "")
    return made


def _number(value: Any) -> int:
    """What the system knows a file by."""
    number: int = value.fileno()
    return number


__all__ = ["Copier", "Moving", "lent"]

"""Everything that can be reached from a module, as one value to compare: who looked at it must leave it equal."""

from __future__ import annotations

import array
import contextvars
import functools
import io
import itertools
import logging
import os
import queue
import random
import sys
import threading
import types
import weakref
from collections.abc import Iterator, Mapping
from operator import length_hint
from typing import Any

import numpy
import torch
from torch import Tensor
from torch._tensor_str import PRINT_OPTS


class Reachable:
    """A walk over all that hangs on a value, in the order in which it hangs there.

    It shares nothing with the walk that makes copies, so that one's blind spots are not the other's.
    """

    def __init__(self, root: Any) -> None:
        self.facts: list[Any] = []
        self.kept: list[Any] = []
        self._seen: set[int] = set()
        todo: list[tuple[str, Any]] = [("", root)]
        while todo:
            path, value = todo.pop()
            self.facts.append((path, type(value).__name__, *self._own(value)))
            if id(value) not in self._seen:
                self._seen.add(id(value))
                self.kept.append(value)
                todo.extend(reversed([(f"{path}{step}", each) for step, each in self._parts(value)]))

    @staticmethod
    def _own(value: Any) -> tuple[Any, ...]:
        if isinstance(value, Tensor) and torch.nn.parameter.is_lazy(value):
            return (id(value), value.dtype, value.device, value.requires_grad)
        if isinstance(value, Tensor):
            grad = value.grad.tolist() if value.is_leaf and value.grad is not None else None
            plain = value.detach()
            seen = plain.tolist() if not value.is_meta else None
            version = None if value.is_inference() else value._version
            return (id(value), value.data_ptr(), version, value.dtype, value.device, value.shape, seen, grad,
                    value.requires_grad)  # fmt: skip
        if isinstance(value, torch.Generator):
            return (id(value), value.get_state().tolist())
        if isinstance(value, (int, float, str, bytes, bool, type(None))):
            return (value,)
        if isinstance(value, io.TextIOWrapper):
            return (id(value), value.tell(), os.fstat(value.fileno()).st_size)
        if isinstance(value, queue.SimpleQueue):
            return (id(value), value.qsize())
        if isinstance(value, (io.StringIO, io.BytesIO)):
            return (id(value), value.getvalue())
        if isinstance(value, Iterator) and hasattr(type(value), "__length_hint__"):
            return (id(value), length_hint(value))
        if isinstance(value, (enumerate, itertools.cycle)):
            return (id(value), str(value.__reduce__()[1:]))
        if isinstance(value, array.array):
            return (id(value), value.tolist())
        if isinstance(value, functools._lru_cache_wrapper):
            return (id(value), value.cache_info())
        return () if isinstance(value, (types.MethodType, tuple)) else (id(value),)

    def _parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Mapping):
            for key, each in list(value.items()):
                yield f"[{key!r}]", each
        elif isinstance(value, (list, tuple)):
            for place, each in enumerate(value):
                yield f"[{place}]", each
        elif isinstance(value, (set, frozenset)):
            yield "{}", tuple(sorted(map(id, value)))
        elif isinstance(value, types.FunctionType):
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                yield f"<{name}>", getattr(cell, "cell_contents", None)
        elif isinstance(value, types.MethodType):
            yield ".__self__", value.__self__
            yield ".__func__", value.__func__
        elif isinstance(value, functools.partial):
            yield from ((".func", value.func), (".args", value.args), (".keywords", value.keywords))
        elif isinstance(value, threading.local):
            yield ".__dict__", value.__dict__
        elif isinstance(value, weakref.ref):
            yield "()", value()
        if isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
            return
        for kind in type(value).__mro__:
            for name in getattr(kind, "__slots__", ()):
                if isinstance(name, str) and hasattr(value, name):
                    yield f".{name}", getattr(value, name)
        try:
            own = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return
        for name, each in list(own.items()):
            yield f".{name}", each


def state_of(*roots: Any) -> list[Any]:
    """All that hangs on some values, and everybody's random numbers and settings."""
    numbers = numpy.random.get_state()
    everybody = (
        torch.get_rng_state().tolist(), random.getstate(), numbers[0], numbers[1].tolist(), numbers[2:],
        torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
        torch.get_deterministic_debug_mode(), torch.get_float32_matmul_precision(), torch.get_num_threads(),
        dict(vars(PRINT_OPTS)), logging.root.level, logging.getLogger("torch").level, sys.getrecursionlimit(),
        getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None) is None,
        torch.is_anomaly_enabled(), torch.is_warn_always_enabled(), torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(), torch.backends.cuda.math_sdp_enabled(),
        torch.backends.cudnn.enabled, torch.backends.mkldnn.enabled,
        torch.utils.deterministic.fill_uninitialized_memory,
        dict(os.environ), {var.name: value for var, value in contextvars.copy_context().items() if var.name == "step"},
    )  # fmt: skip
    return [*Reachable(roots).facts, everybody]

"""Threads that ran before a module did: nobody follows them, and what they make or write has to be noticed."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from archscope.tracing import threads
from archscope.tracing.shadow import Shadow
from archscope.tracing.strangers import tensors_in
from archscope.tracing.values import memory_of


def shares(module: nn.Module) -> bool:
    """Whether a module reaches what it may hand work to one of them by. They have its own tensors, and no others."""
    if not threads.others_run():
        return False
    shadow = Shadow(lambda tensor: tensor)
    shadow.of(module)
    return shadow.shared


class Others:
    """Tells the tensors that other threads made since a moment from those that were there, and those that they wrote.

    Where no other thread runs at that moment, there are none to tell. PyTorch numbers the versions of a memory, one
    more for each operation that writes it: where there are more than operations that were followed, another thread
    wrote. What writes without PyTorch, through NumPy say, has no number.
    """

    def __init__(self) -> None:
        self._there: dict[int, weakref.ref[Tensor]] = {}
        self._run = False
        # PyTorch may make the object of a tensor anew; its own weak references know the tensor all the same.
        self._here: Any = WeakTensorKeyDictionary()
        self._versions: Any = WeakTensorKeyDictionary()
        self._writes: Counter[int] = Counter()
        self._written: Any = WeakTensorKeyDictionary()

    def start(self) -> None:
        """The moment is now."""
        self._run = threads.others_run()
        if self._run:
            found: list[Any] = [each for each in gc.get_objects() if issubclass(type(each), Tensor)]
            self._there = {id(each): weakref.ref(each) for each in found}

    def ran_here(self, values: Any) -> None:
        """An operation that is followed gave these, or was given them by the code that makes a tensor of numbers."""
        if self._run:
            for each in tensors_in(values):
                self._here[each] = True

    def writes_here(self, tensors: Iterable[Tensor]) -> None:
        """An operation that is followed writes these."""
        if self._run:
            self._writes.update(map(memory_of, tensors))

    def left(self, values: Any) -> None:
        """A call that is followed is over: these are what it was given and made."""
        if self._run:
            for each in tensors_in(values):
                version = _version(each)
                if version is not None:
                    self._versions[each] = version - self._writes[memory_of(each)]

    def found(self, values: Any) -> None:
        """A call that is followed is given these: notice what was written since it was left."""
        if self._run:
            for each in tensors_in(values):
                before, version = self._versions.get(each), _version(each)
                if before is None or version is None or isinstance(each, nn.Parameter):
                    continue
                if version - self._writes[memory_of(each)] > before:
                    self._written[each] = True

    def wrote(self, tensor: Tensor) -> bool:
        """Whether one of them wrote a tensor since it was asked for last."""
        return self._run and self._written.pop(tensor, None) is not None

    def made(self, tensor: Tensor) -> bool:
        """Whether one of them made a tensor that nobody else did."""
        if not self._run or tensor in self._here or _is_pattern(tensor):
            return False
        there = self._there.get(id(tensor))
        return there is None or there() is not tensor


def _is_pattern(tensor: Tensor) -> bool:
    """Whether it may be the jagged tensor without values that PyTorch makes for itself as it first views another.

    Where a thread made it, what is made of it has lengths that are not known, and the module is run with values.
    """
    return tensor.layout is torch.jagged and tensor.is_meta


def _version(tensor: Tensor) -> int | None:
    """How often the memory of a tensor was written; None where it is not counted."""
    try:
        return tensor._version
    except RuntimeError:
        return None


__all__ = ["Others", "shares"]

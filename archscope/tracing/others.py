"""Threads that ran before a module did: nobody follows them, and what they make has to be noticed."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from archscope.tracing import threads
from archscope.tracing.shadow import Shadow
from archscope.tracing.strangers import tensors_in


def shares(module: nn.Module) -> bool:
    """Whether a module reaches what it may hand work to one of them by. They have its own tensors, and no others."""
    if not threads.others_run():
        return False
    shadow = Shadow(lambda tensor: tensor)
    shadow.of(module)
    return shadow.shared


class Others:
    """Tells the tensors that other threads made since a moment from those that were there.

    Where no other thread runs at that moment, there are none to tell.
    """

    def __init__(self) -> None:
        self._there: dict[int, weakref.ref[Tensor]] = {}
        self._run = False
        # PyTorch may make the object of a tensor anew; its own weak references know the tensor all the same.
        self._here: Any = WeakTensorKeyDictionary()

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

    def made(self, tensor: Tensor) -> bool:
        """Whether one of them made a tensor that nobody else did."""
        if not self._run or tensor in self._here:
            return False
        there = self._there.get(id(tensor))
        return there is None or there() is not tensor


__all__ = ["Others", "shares"]

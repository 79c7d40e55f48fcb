"""`Watched`: a module's ``forward`` while its runs are followed."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from torch import nn

from archscope.tracing.modules import LEAVES

if TYPE_CHECKING:
    from archscope.tracing.tracer import Tracer


class Watched:
    """The ``forward`` of a module whose runs are followed; a copy of the module is followed as the module is."""

    def __init__(self, tracer: Tracer, path: str, module: nn.Module, run: Any) -> None:
        self._tracer, self._path, self._module, self._run = tracer, path, module, run
        self.__wrapped__ = run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tracer = self._tracer
        if not tracer.is_home:
            with tracer.visited():
                return self._taken(*args, **kwargs)
        return self._taken(*args, **kwargs)

    def _taken(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; a module that is one layer is no place where threads start."""
        with self._tracer.turn if isinstance(self._module, LEAVES) else nullcontext():
            return self._followed(*args, **kwargs)

    def _followed(self, *args: Any, **kwargs: Any) -> Any:
        tracer = self._tracer
        depth, before = tracer.depth, tracer.nodes
        tracer.begin(self._path, self._module, [args, kwargs])
        try:
            result = self._run(*args, **kwargs)
            tracer.end(self._module, args, kwargs, result)
            tracer.calls.append((self._path, before, tracer.nodes))
        except Exception as error:
            tracer.stopped(self._module, depth, error)
            raise
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Watched:
        self._tracer.copied = True
        module = copy.deepcopy(self._module, memo)
        return Watched(self._tracer, self._path, module, copy.deepcopy(self._run, memo))


class Hanging(Watched):
    """The ``forward`` of a module that is no part of another, and hangs in a list: what it calls is its caller's."""

    def _followed(self, *args: Any, **kwargs: Any) -> Any:
        return self._run(*args, **kwargs)

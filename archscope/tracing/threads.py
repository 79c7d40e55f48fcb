"""`following`: threads that start while a module runs are followed as the module is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as pools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from archscope.patience import without_collector

if TYPE_CHECKING:
    from archscope.tracing.tracer import Tracer


def others_run() -> bool:
    """Whether there are other threads than this one."""
    # Python 3.11 holds a lock while it lists them, for which the collector may wait: forever, if it comes meanwhile.
    with without_collector():
        return len(sys._current_frames()) > 1


@contextmanager
def following(tracer: Tracer) -> Iterator[None]:
    """Follow what threads that are followed start, and what they hand to a pool; those of others are let be."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def started(self: threading.Thread) -> None:
        # A pool's thread may outlive the run: what it is handed is followed, and not the thread.
        if tracer.is_home and getattr(self, "_target", None) is not pools._worker:
            run = self.run

            def once() -> None:
                self.__dict__.pop("run", None)
                followed()

            followed = _followed(tracer, run)
            self.run = once  # type: ignore[method-assign]
        start(self)

    def submitted(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return submit(self, _followed(tracer, fn) if tracer.is_home else fn, *args, **kwargs)

    threading.Thread.start, ThreadPoolExecutor.submit = started, submitted  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        threading.Thread.start, ThreadPoolExecutor.submit = start, submit  # type: ignore[method-assign]
        tracer.leave()


def _followed(tracer: Tracer, run: Callable[..., Any]) -> Callable[..., Any]:
    """What runs in another thread, which stands where it was started."""
    stack = [*tracer.at.stack]

    def followed(*args: Any, **kwargs: Any) -> Any:
        if tracer.is_home:
            return run(*args, **kwargs)
        with tracer.visited(stack):
            return run(*args, **kwargs)

    return followed


__all__ = ["following", "others_run"]

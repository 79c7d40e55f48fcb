"""`Turn`: of the threads of a module that runs, one at a time writes down what ran."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """A lock of the threads that are followed, which begins with the one that it is made in.

    A thread that nobody followed takes no turn: a backward pass runs in threads of PyTorch's own, and who asked for
    it has the turn and waits for them.
    """

    def __init__(self) -> None:
        self._threads = {threading.get_ident()}
        self._lock = threading.RLock()

    @property
    def is_home(self) -> bool:
        """Whether this thread is one of them."""
        return threading.get_ident() in self._threads

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let this thread be one of them meanwhile."""
        self._threads.add(threading.get_ident())
        try:
            yield
        finally:
            self._threads.discard(threading.get_ident())

    def __enter__(self) -> None:
        if threading.get_ident() in self._threads:  # each operation comes here several times
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() in self._threads:
            self._lock.release()


__all__ = ["Turn"]

"""`between_operations`: an interrupt that comes in the middle of one of PyTorch's operations comes after it.

PyTorch calls Python in the middle of its operations, and an exception that leaves there may end the whole process.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, TypeVar

_DISPATCHED: Final = "__torch_dispatch__"
"""What PyTorch calls of a mode, or of a tensor of a class of its own."""

_AROUND: Final = (str(Path("torch", "_compile.py")), str(Path("torch", "utils", "_stats.py")))
"""Where functions are that PyTorch has put around those."""

_CALLED: Final[set[CodeType]] = set()

Code = TypeVar("Code", bound=Callable[..., Any])


def called_in_operations(code: Code) -> Code:
    """Say of a function that PyTorch calls it in the middle of its operations: a hook of autograd's."""
    _CALLED.add(code.__code__)
    return code


def in_operation(frame: FrameType | None) -> bool:
    """Whether a frame runs in the middle of one of PyTorch's operations.

    >>> in_operation(sys._getframe())
    False
    """
    while frame is not None:
        code = frame.f_code
        if code.co_name == _DISPATCHED or code in _CALLED or code.co_filename.endswith(_AROUND):
            return True
        frame = frame.f_back
    return False


@contextmanager
def between_operations() -> Iterator[None]:
    """Have an interrupt (Ctrl-C) wait for the end of the operation that it comes in.

    Where somebody else handles interrupts, or in another thread than the main one, that is left alone.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    ignored, waiting = sys.unraisablehook, _Waiting()
    signal.signal(signal.SIGINT, waiting.interrupted)
    sys.unraisablehook = lambda found: waiting.again() if found.exc_type is KeyboardInterrupt else ignored(found)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = ignored
        waiting.come()


class _Waiting:
    """An interrupt that waits."""

    def __init__(self) -> None:
        self._waits = False
        self._watching: Any = None

    def interrupted(self, _: int, frame: FrameType | None) -> None:
        """The interrupt comes."""
        if not in_operation(frame):
            self._end()
            raise KeyboardInterrupt
        self.again()

    def again(self) -> None:
        """It waits; or came in what Python calls as something goes, where nobody hears of it, and waits again."""
        if not self._waits:
            self._waits, self._watching = True, sys.getprofile()
            sys.setprofile(self._look)

    def come(self) -> None:
        """Raise it, if it waits."""
        if self._waits:
            self._end()
            raise KeyboardInterrupt

    def _end(self) -> None:
        if self._waits:
            self._waits = False
            sys.setprofile(self._watching)

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        """Python calls something, or returns: between two operations, the interrupt comes."""
        if event != "return" and not in_operation(frame):
            self.come()

"""`between_operations`: an interrupt that comes where nothing may be left half done comes after it.

PyTorch calls Python in the middle of its operations, and an exception that leaves there may end the whole process. What
is put back after somebody's module ran has to be put back whole.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NoReturn, TypeVar

_DISPATCHED: Final = "__torch_dispatch__"
"""What PyTorch calls of a mode, or of a tensor of a class of its own."""

_AROUND: Final = (str(Path("torch", "_compile.py")), str(Path("torch", "utils", "_stats.py")))
"""Where functions are that PyTorch has put around those."""

_HELD: Final = frozenset({"__enter__", "__exit__"})
"""What sets something for what runs inside, or puts it back."""

_OF: Final = (f"{os.sep}torch{os.sep}", f"{os.sep}archscope{os.sep}")
"""Folders of packages whose own of those have to come to their end."""

_CALLED: Final[set[CodeType]] = set()
_UNBROKEN: Final[set[CodeType]] = set()

Code = TypeVar("Code", bound=Callable[..., Any])


def called_in_operations(code: Code) -> Code:
    """Say of a function that PyTorch calls it in the middle of its operations: a hook of autograd's."""
    _CALLED.add(code.__code__)
    return code


def unbroken(code: Code) -> Code:
    """Say of a function that it has to come to its end, but for what it runs by `interruptible`."""
    _UNBROKEN.add(code.__code__)
    return code


def interruptible(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call something that an interrupt may end, in a function that is `unbroken`."""
    return call(*args, **kwargs)


def may_end(frame: FrameType | None) -> bool:
    """Whether an interrupt may end what a frame runs: no operation of PyTorch's, and nothing that has to be whole.

    >>> may_end(sys._getframe())
    True
    """
    inside = False
    while frame is not None:
        code = frame.f_code
        if code.co_name == _DISPATCHED or code in _CALLED or code.co_filename.endswith(_AROUND):
            return False
        inside = inside or code is interruptible.__code__
        held = code in _UNBROKEN or (code.co_name in _HELD and any(each in code.co_filename for each in _OF))
        if held and not inside:
            return False
        frame = frame.f_back
    return True


@contextmanager
@unbroken
def between_operations() -> Iterator[None]:
    """Have an interrupt (Ctrl-C) wait for the end of the operation that it comes in, or of what has to be whole.

    Where somebody else handles interrupts, or in another thread than the main one, that is left alone.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    ignored, waiting = sys.unraisablehook, _Waiting()
    try:
        signal.signal(signal.SIGINT, waiting.interrupted)
        sys.unraisablehook = lambda found: waiting.again() if found.exc_type is KeyboardInterrupt else ignored(found)
        yield
    finally:
        sys.unraisablehook = ignored
        waiting.over()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if waiting.came:
            raise KeyboardInterrupt


class _Waiting:
    """An interrupt that waits.

    Attributes:
        came: whether one does.
    """

    def __init__(self) -> None:
        self.came = False
        self._over = False
        self._watching: Any = None

    def interrupted(self, _: int, frame: FrameType | None) -> None:
        """The interrupt comes."""
        if may_end(frame):
            self._come()
        self.again()

    def again(self) -> None:
        """It waits; or came in what Python calls as something goes, where nobody hears of it, and waits again."""
        if not self.came:
            self.came = True
            if not self._over:
                self._watching = sys.getprofile()
                sys.setprofile(self._look)

    def over(self) -> None:
        """Nobody looks any more where it may come; who waited for the end asks whether it ``came``."""
        self._over = True
        if self.came:
            sys.setprofile(self._watching)

    def _come(self) -> NoReturn:
        if self.came:
            self.came = False
            sys.setprofile(self._watching)
        raise KeyboardInterrupt

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        """Python calls something, or returns: where an interrupt may end it, it does."""
        if event != "return" and may_end(frame):
            self._come()

"""The work that something takes, in lines of Python that run, which no clock and no other program changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def counted(work: Callable[[], object]) -> int:
    """The lines of Python that some work runs."""
    ran = 0

    def one(frame: FrameType) -> None:
        nonlocal ran
        ran += 1

    _watched(work, one)
    return ran


def within_lines(work: Callable[[], Any], most: int) -> Any:
    """Do some work; fail when it runs more lines of Python than it may."""
    left = most

    def one(frame: FrameType) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise AssertionError(f"more than {most:,} lines, now in {frame.f_code.co_qualname}")

    return _watched(work, one)


def _watched(work: Callable[[], Any], each: Callable[[FrameType], None]) -> Any:
    def trace(frame: FrameType, event: str, argument: object) -> Any:
        each(frame)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return work()
    finally:
        sys.settrace(before)

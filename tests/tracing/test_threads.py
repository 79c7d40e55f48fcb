"""Threads are listed while nothing is collected: on Python 3.11 the collector may wait for the list, forever."""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType

import pytest

from archscope.tracing.threads import others_run


def test_threads_are_listed_while_nothing_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    collects: list[bool] = []
    listed = sys._current_frames

    def told() -> dict[int, FrameType]:
        collects.append(gc.isenabled())
        return listed()

    monkeypatch.setattr(sys, "_current_frames", told)
    others_run()
    assert (collects, gc.isenabled()) == ([False], True)


def test_garbage_that_lists_threads_as_it_goes_stops_nothing() -> None:
    class Lists:
        def __init__(self) -> None:
            self.own = self

        def __del__(self) -> None:
            sys._current_frames()

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(100):
            Lists()
            others_run()
    finally:
        gc.set_threshold(*before)


def test_a_thread_that_waits_is_another() -> None:
    wait = threading.Event()
    waiting = threading.Thread(target=wait.wait)
    waiting.start()
    assert others_run()
    wait.set()
    waiting.join()

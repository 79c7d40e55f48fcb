"""Ctrl-C may come at any line that runs while a module is read: it ends the reading, and nothing stays behind."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import _len_torch_function_stack
from torch.utils._python_dispatch import _len_torch_dispatch_stack

from archscope import trace
from archscope.interrupts import between_operations, interruptible, unbroken
from tests.tracing.reachable import state_of

LEFT: dict[str, Any] = {"calls": 0, "seen": []}
OWN = 0
SETTING = frozenset({
    "run_once", "_run", "everybodys_kept", "between_operations", "heard_apart", "as_written", "following", "restore",
    "undo", "undo_others", "fork_rng", "forward", "leave",
})  # fmt: skip
"""Functions that set something for everybody or put it back, and those of modules."""

HELD = frozenset({"__enter__", "__exit__"})


class LeavesTraces(nn.Module):
    """Writes on itself, on its class, in its Python module, and in everybody's settings and random numbers."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Any:
        global OWN
        OWN += 1
        type(self).calls += 1
        LEFT["calls"] += 1
        LEFT["seen"].append(x)
        self.steps += 1
        torch.set_float32_matmul_precision("high")
        with torch.no_grad():
            y = self.fc(x)
        return y + torch.rand(1, device=x.device)


class _Comes:
    """Has Ctrl-C come at one of the lines that run, or notes which run."""

    def __init__(self, names: frozenset[str], at: int = 0) -> None:
        self.names, self.at, self.count = names, at, 0
        self.lines: dict[tuple[str, int], list[int]] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if event == "call":
            mine = "archscope" in file or "torch" in file or file == __file__
            return self if name in self.names and mine else None
        self.count += 1
        self.lines.setdefault((file, frame.f_lineno), []).append(self.count)
        if self.count == self.at:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
        return self


def _read(module: nn.Module, comes: _Comes) -> None:
    sys.settrace(comes)
    try:
        trace(module, (4,))
    finally:
        sys.settrace(None)


def everybodys() -> tuple[Any, ...]:
    return (
        signal.getsignal(signal.SIGINT), sys.unraisablehook, sys.getprofile(), threading.Thread.start, sys.stdout,
        [*warnings.filters], _len_torch_function_stack(), _len_torch_dispatch_stack(),
        torch._C._is_torch_function_enabled(), torch.is_grad_enabled(),
    )  # fmt: skip


@pytest.fixture
def interruptible_here() -> Iterator[None]:
    """Nobody else handles interrupts, they are not ignored, and no other tool follows lines."""
    before, traced = signal.signal(signal.SIGINT, signal.default_int_handler), sys.gettrace()
    yield
    sys.settrace(traced)
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible_here")
@pytest.mark.parametrize("names", [SETTING, HELD])
@pytest.mark.parametrize("part", range(2))
def test_an_interrupt_at_any_line_leaves_everything_as_it_was(names: frozenset[str], part: int) -> None:
    module = LeavesTraces()
    trace(module, (4,))
    noted = _Comes(names)
    _read(module, noted)
    places = sorted({each for counts in noted.lines.values() for each in (counts[len(counts) // 3], counts[-1])})
    assert len(places) > 100
    before, around = state_of(module, LEFT, (OWN, LeavesTraces.calls)), everybodys()
    for at in places[part::6]:
        with pytest.raises(KeyboardInterrupt):
            _read(module, _Comes(names, at))
        assert everybodys() == around, at
        assert state_of(module, LEFT, (OWN, LeavesTraces.calls)) == before, at


@pytest.mark.usefixtures("interruptible_here")
def test_an_interrupt_waits_for_what_has_to_be_whole_and_ends_what_it_runs() -> None:
    done = []

    def comes() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("after")

    @unbroken
    def puts_back() -> None:
        comes()
        done.append("whole")

    @unbroken
    def runs() -> None:
        try:
            interruptible(comes)
        finally:
            done.append("put back")

    with pytest.raises(KeyboardInterrupt), between_operations():
        puts_back()
    assert done == ["after", "whole"]
    with pytest.raises(KeyboardInterrupt), between_operations():
        runs()
    assert done == ["after", "whole", "put back"]

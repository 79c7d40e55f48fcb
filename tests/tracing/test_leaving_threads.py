"""Work of threads that ran before the module did: a row says what they made or wrote."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.formats.sheet import View
from archscope.formats.table import write
from tests.tracing.apart import Apart
from tests.tracing.reachable import state_of

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")


class Fed(nn.Module):
    """Hands the middle of its work to a thread that it has had since it was made."""

    def __init__(self, *, keeps: bool, own: bool) -> None:
        super().__init__()
        self.a, self.mid, self.norm, self.b = nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
        self.own, self.jobs, self.done = own, queue.Queue[Any](), queue.SimpleQueue[Any]()
        thread = threading.Thread(target=self.work, daemon=True)
        thread.start()
        if keeps:
            self.thread = thread

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            self.done.put(job() if callable(job) else self.norm(self.mid(job)))
            self.jobs.task_done()

    def forward(self, x: Tensor) -> Any:
        h = self.a(x)
        self.jobs.put(h if self.own else lambda: F.linear(h, self.mid.weight, self.mid.bias))
        made = self.done.get(timeout=20)
        self.jobs.join()
        return self.b(made)


@pytest.mark.parametrize(("keeps", "own"), [(True, True), (False, False), (False, True)])
def test_what_a_thread_made_that_ran_before_is_a_row_that_says_so(*, keeps: bool, own: bool) -> None:
    module, x = Fed(keeps=keeps, own=own), torch.rand(2, 4)
    before = state_of(module)
    analysis = analyze(trace(module, x))
    assert state_of(module) == before
    assert [(row.name, row.inputs) for row in analysis.rows] == [
        ("a", ("input",)), ("outside", ("a",)), ("b", ("outside",))]  # fmt: skip
    assert (analysis.totals.macs, analysis.totals.macs_at_least) == (None, 2 * (16 + 8))
    assert "a thread made it that ran before the module did" in str(analysis["outside"].reason("macs"))
    assert "28 parameters in what is covered of this forward pass: `mid`, `norm`" in write(analysis, View())
    module.jobs.put(None)


class Filled(nn.Module):
    """Has the middle of its work written into a tensor by a thread that it has had since it was made."""

    def __init__(self, place: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.mid, self.b, self.place = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2), place
        self.register_buffer("room", torch.zeros(2, 4))
        self.jobs, self.done = queue.Queue[Any](), queue.SimpleQueue[Any]()
        threading.Thread(target=self.work, daemon=True).start()

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            made, place = job
            with torch.no_grad():
                place.copy_(self.mid(made))
            self.jobs.task_done()
            self.done.put(None)

    def forward(self, x: Tensor) -> Any:
        h = self.a(x).mul_(2)
        place = self.place(self, h)
        self.jobs.put((h, place))
        self.done.get(timeout=20)
        return self.b(place)


@pytest.mark.parametrize(
    ("place", "reads"),
    [
        (lambda _, h: h, ("scale",)),
        (lambda _, h: h[:], ("scale",)),
        (lambda _, h: torch.empty(h.shape), ("scale",)),
        (lambda self, _: self.room, ("scale",)),
    ],
)
def test_what_a_thread_wrote_that_ran_before_is_a_row_that_says_so(
    place: Callable[[Any, Tensor], Tensor], reads: tuple[str, ...]
) -> None:
    module, x = Filled(place), torch.rand(2, 4)
    before = state_of(module)
    analysis = analyze(trace(module, x))
    assert state_of(module) == before
    assert [(row.name, row.inputs) for row in analysis.rows if row.name in ("outside", "b")] == [
        ("outside", reads), ("b", ("outside",))]  # fmt: skip
    assert (analysis.totals.macs, analysis.totals.macs_at_least) == (None, 2 * (16 + 8))
    assert "a thread wrote it that ran before the module did" in str(analysis["outside"].reason("macs"))
    module.jobs.put(None)


def test_what_the_module_writes_itself_is_none_of_a_thread() -> None:
    """Another thread waits meanwhile; a view, a buffer and a scripted part are written."""
    ends = threading.Event()
    thread = threading.Thread(target=ends.wait, daemon=True)
    thread.start()

    def run(self: Any, x: Tensor) -> Tensor:
        room = torch.zeros_like(x)
        room[:, 1:].copy_(x[:, 1:])
        torch.jit.script(_twice)(room)
        self.kept.add_(1)
        return room.t_().t_() + self.kept

    module = Apart(run)
    module.register_buffer("kept", torch.zeros(4))
    assert analyze(trace(module, torch.zeros(2, 4))).totals.macs == 2 * (16 + 8)
    ends.set()
    thread.join()


def _twice(x: Tensor) -> Tensor:
    return x.mul_(2.0).add_(1.0)


def test_a_tensor_that_was_there_before_is_none_that_a_thread_made() -> None:
    """It lies where nobody looks for it, and another thread waits meanwhile."""
    ends = threading.Event()
    thread = threading.Thread(target=ends.wait, daemon=True)
    thread.start()
    hidden = iter([torch.ones(4)] * 9)
    analysis = analyze(trace(Apart(lambda _, x: x * next(hidden)), (4,)))
    assert analysis.totals.macs == 16 + 8
    ends.set()
    thread.join()

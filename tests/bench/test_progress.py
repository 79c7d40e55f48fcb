"""A bar where somebody watches, nothing elsewhere."""

from __future__ import annotations

import io

from archscope.bench.progress import progress_on
from archscope.bench.run import Silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_cells_done_and_what_is_measured() -> None:
    stream = Terminal()
    with progress_on(stream) as progress:
        progress.step(3, 12, "lenet5/b1/fp32, round 2 of 3")
        progress.tick()
    written = stream.getvalue()
    assert "3/12" in written
    assert "round 2 of 3" in written


def test_a_pipe_sees_nothing() -> None:
    stream = io.StringIO()
    with progress_on(stream) as progress:
        progress.step(3, 12, "lenet5")
        progress.tick()
        assert isinstance(progress, Silent)
    assert stream.getvalue() == ""

"""How far a benchmark is, for somebody who watches a terminal; silence for anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from archscope.bench.run import Progress, Silent


class Bar:
    """A progress bar: steps done, time gone and left, and what is being measured."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)

    def step(self, done: int, total: int, doing: str) -> None:
        """A step begins."""
        self._bar.update(self._task, completed=done, total=total, description=doing)

    def tick(self) -> None:
        """Time passes; the clock on the bar is redrawn here and not by a thread beside the measurement."""
        self._bar.refresh()


@contextmanager
def progress_on(stream: TextIO) -> Iterator[Progress]:
    """A bar on a terminal, and nothing elsewhere."""
    if not stream.isatty():
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=Console(file=stream), auto_refresh=False, transient=True)
    with bar:
        yield Bar(bar)

"""`run`: the points of a sweep, chunk by chunk, into a journal.

>>> from archscope.sweep.plan import Spec, axis, plan
>>> made = plan([Spec("tiny", "input: [4]\\nlayers: {a: {type: linear, out_features: 2}}")],
...             [axis("a.out_features", ["2", "3"])], "parameters")
>>> journal = Journal(None, made.identity)
>>> run(made, journal, Here())
>>> [*journal.lines()]
['0,tiny,2,10,\\n', '1,tiny,3,15,\\n']
>>> journal.close()
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from archscope.sweep.evaluating import Evaluator
from archscope.sweep.journal import Journal
from archscope.sweep.lines import to_lines
from archscope.sweep.plan import Plan

MOST: Final = 1_000
"""Points that are worked out before anything is written: a quarter of a second of small networks."""

Chunk = tuple[int, int]
Step = Callable[[int], None]

_thread = threading.local()


class Engine(Protocol):
    """Something that works chunks out."""

    @property
    def workers(self) -> int:
        """How many chunks are worked on at once."""
        ...

    def texts(self, plan: Plan, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str] | None]:
        """The rows of each chunk as lines, in the order of the chunks; None where time passes meanwhile."""
        ...


class Here:
    """This process, one chunk after another."""

    workers = 1

    def texts(self, plan: Plan, chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, str]]:
        """The rows of each chunk as lines."""
        return ((chunk, work(plan, *chunk)) for chunk in chunks)


def work(plan: Plan, start: int, stop: int) -> str:
    """The rows of some points as lines; what has been read serves the next ones of this thread."""
    asked = (plan.specs, plan.keys, plan.columns, plan.where, plan.fitting)
    if getattr(_thread, "asked", None) != asked:
        _thread.asked, _thread.evaluator = asked, Evaluator(plan)
    rows = (_thread.evaluator.row(point) for point in plan.points(start, stop))
    return to_lines(row for row in rows if row is not None)


def run(plan: Plan, journal: Journal, engine: Engine, step: Step | None = None) -> None:
    """Work out what is not in the journal yet; whatever ends it, the rows that are done are in there.

    Args:
        plan: the sweep.
        journal: where the rows go.
        engine: who works them out.
        step: is told how many points are done.
    """
    told = step or (lambda _: None)
    done = journal.last + 1
    told(done)
    for finished in engine.texts(plan, plan.chunks(done, chunk_size(plan, engine))):
        if finished is not None:
            (_, done), text = finished
            journal.add(text)
        told(done)


def chunk_size(plan: Plan, engine: Engine) -> int:
    """Points of a chunk: few enough that every worker has several, and is not the last one for long."""
    return max(1, min(MOST, plan.size // (engine.workers * 16)))

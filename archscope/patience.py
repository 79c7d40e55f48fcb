"""What is asked of somebody who waits: `without_collector` has them wait less, `note` says what will be long."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_FEW: Final = 20_000
"""Objects that the collector walks in a millisecond or two: they may stay young, and garbage among them is found."""
_MOST: Final = 2_000_000
"""Objects that are made without the collector before it looks at them all: some hundred megabytes."""


class _Unseen:
    """How many objects the collector has been kept from."""

    objects: int = 0


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause Python's cyclic garbage collector.

    A spec of 10,000 layers makes a million objects and no garbage; the collector would walk all of them
    again and again, which more than doubles the time to read it. A program that reads one spec after another has
    what is left of the earlier ones collected now and then.

    >>> with without_collector():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    if enabled and _Unseen.objects > _MOST:
        gc.collect()
        _Unseen.objects = 0
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            made = gc.get_count()[0]
            if made > _FEW and not gc.get_freeze_count():
                # What was made counts as old now, or the collector would walk it all at the next allocation.
                _Unseen.objects += made
                gc.freeze()
                gc.unfreeze()
            gc.enable()


_NOTED: Final[ContextVar[tuple[Callable[[str], None], set[str]] | None]] = ContextVar("noted", default=None)
"""What tells a note, and the notes that it has told; None where nobody listens."""


@contextmanager
def noted(tell: Callable[[str], None]) -> Iterator[None]:
    """Have notes told that come in here, each once."""
    token = _NOTED.set((tell, set()))
    try:
        yield
    finally:
        _NOTED.reset(token)


def note(text: str) -> None:
    """Say that what comes next is long, and what to ask instead; to nobody, where a program asks.

    >>> with noted(print):
    ...     note("this will take a while")
    ...     note("this will take a while")
    this will take a while
    """
    listening = _NOTED.get()
    if listening is not None and text not in listening[1]:
        listening[1].add(text)
        listening[0](text)

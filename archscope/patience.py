"""`without_collector`: build many objects that all live on, without having them searched for garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
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

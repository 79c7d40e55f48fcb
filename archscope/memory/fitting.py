"""The largest batch that fits in some bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archscope.memory.groups import groups_of
from archscope.memory.passes import Asked, Request, decided, went
from archscope.memory.routes import Digits, Moments
from archscope.memory.written import as_it_runs, written_out
from archscope.network import Network

_DIGIT: Final = 1 << 128
"""A batch that no sum of bytes of one sample reaches: what is held of it has two digits, bytes and bytes a sample."""


def largest_batch(network: Network, room: int, request: Request) -> int:
    """The largest batch whose fullest moment fits in some bytes; 0 if not even one sample does.

    >>> from archscope.reader import load
    >>> largest_batch(load("lenet5-pytorch"), 1 << 20, Request(optimizer="sgd"))
    9
    """
    return largest_batches(network, [room], request)[0]


def largest_batches(network: Network, rooms: Sequence[int], request: Request) -> list[int]:
    """The largest batch for each of some rooms, whatever values decide.

    What is held at a moment grows evenly with the samples, from two on, so that one run of a batch that is no sum of
    bytes says how; where values decide, two runs do.

    >>> from archscope.reader import load
    >>> largest_batches(load("lenet5-pytorch"), [1 << 20, 1 << 30], Request(optimizer="sgd"))
    [9, 17715]
    """
    alone_only = network.observed is not None and bool(network.observed.alone or network.observed.refuses)
    network = written_out(as_it_runs(network, training=request.optimizer is not None))
    again = groups_of(network, request.checkpoint)

    def totals(batch: int) -> list[int]:
        asked = Asked(network, request.replace(batch=batch), again, as_tracked=False)
        values = decided(asked)
        if values is not None:
            return values.totals()
        moments = Moments()
        went(asked.run(ledger=moments), asked.request)
        return [held for _, _, held in moments.noted]

    lines = _growing(totals, evenly=not Digits(network, 1).by_node)
    alone = None
    found: list[int] = []
    for room in rooms:
        still = all(held <= room for held, each in lines if not each)
        fitting = min((room - held) // each + 2 for held, each in lines if each) if still else 0
        if fitting < 2:
            alone = max(totals(1)) if alone is None else alone
            fitting = int(alone <= room)
        found.append(min(fitting, 1) if alone_only else fitting)
    return found


def _growing(totals: Callable[[int], list[int]], *, evenly: bool) -> set[tuple[int, int]]:
    """What is held of two samples, and how much more of each other one, at every moment."""
    if not evenly:
        return {(held, more - held) for held, more in zip(totals(2), totals(3), strict=True)}
    found = set()
    for held in set(totals(_DIGIT)):
        each, alone = divmod(held, _DIGIT)
        if alone > _DIGIT // 2:  # less than nothing is there without a sample
            each, alone = each + 1, alone - _DIGIT
        found.add((alone + 2 * each, each))
    return found

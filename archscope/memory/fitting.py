"""The largest batch that fits in some bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.memory.groups import groups_of
from archscope.memory.passes import Asked, Request, decided, went
from archscope.network import Network

LARGEST_BATCH: Final = 1 << 24
"""No batch above this is looked for."""


def largest_batch(network: Network, room: int, request: Request) -> int:
    """The largest batch whose fullest moment fits in some bytes; 0 if not even one sample does.

    >>> from archscope.reader import load
    >>> largest_batch(load("lenet5-pytorch"), 1 << 20, Request(optimizer="sgd"))
    9
    """
    return largest_batches(network, [room], request)[0]


def largest_batches(network: Network, rooms: Sequence[int], request: Request) -> list[int]:
    """The largest batch for each of some rooms, whatever values decide.

    What is held at a moment grows evenly with the samples, from two on.

    >>> from archscope.reader import load
    >>> largest_batches(load("lenet5-pytorch"), [1 << 20, 1 << 30], Request(optimizer="sgd"))
    [9, 17715]
    """
    again = groups_of(network, request.checkpoint)

    def totals(batch: int) -> list[int]:
        asked = Asked(network, request.replace(batch=batch), again, as_tracked=False)
        values = decided(asked)
        if values is not None:
            return values.totals()
        run = asked.run()
        went(run, asked.request)
        return run.ledger.totals

    two, three = totals(2), totals(3)
    lines = {(held, more - held) for held, more in zip(two, three, strict=True)}
    alone = None
    found: list[int] = []
    for room in rooms:
        fitting = min(
            (room - held) // each + 2 if each else LARGEST_BATCH if held <= room else 0 for held, each in lines
        )
        if fitting < 2:
            alone = max(totals(1)) if alone is None else alone
            fitting = int(alone <= room)
        found.append(min(fitting, LARGEST_BATCH))
    return found

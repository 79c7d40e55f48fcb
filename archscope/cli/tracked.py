"""What is said of a module's memory, held to PyTorch's tracker before it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archscope.importing.jax.things import JaxCalled
    from archscope.memory import Memory, Request, Tracked
    from archscope.tracing.calling import Called


def tracked_too(module: Called | JaxCalled | None, held: Memory, largest: int | None = None) -> Tracked | None:
    """What PyTorch's tracker says of a module of PyTorch's; None of what is none.

    Args:
        module: the module, and how it is called.
        held: what is said of it.
        largest: the largest batch that fits, where that is said too.
    """
    from archscope.importing.jax.things import JaxCalled

    if module is None or isinstance(module, JaxCalled):
        return None
    found = hold(module, held.request)
    if found.differing or not largest or largest == held.request.batch:
        return found
    at = hold(module, held.request.replace(batch=largest))
    return at if at.differing else found


def hold(theirs: Called, request: Request) -> Tracked:
    """What the tracker counts of a module where that is not what the rules say.

    What a person changes about the module in the question alone, another type of its values and parts that run again,
    is left out: both are asked about the module as it is.
    """
    from archscope.memory import Tracked, differing, memory
    from archscope.oracles.own.held import counted, has_many

    ours = memory(theirs.network, request.batch, optimizer=request.optimizer,
                  foreach=request.foreach or has_many(theirs), autocast=request.autocast, loss=request.loss,
                  as_tracked=True)  # fmt: skip
    found, why = counted(theirs, ours.request, lambda each: not differing(ours, each))
    return Tracked(found, () if why else differing(ours, found), why, request.batch)

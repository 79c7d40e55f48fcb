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
    """What the tracker counts of a module where that is not what the rules say."""
    from archscope.memory import Tracked, differing, memory, type_of
    from archscope.oracles.own.held import counted, has_many

    asked = {each: getattr(request, each) for each in ("dtype", "optimizer", "checkpoint", "autocast", "loss")}
    ours = memory(theirs.network, request.batch, foreach=request.foreach or has_many(theirs), as_tracked=True, **asked)
    found, why = counted(theirs, ours.request, type_of(theirs.network, ""), lambda each: not differing(ours, each))
    return Tracked(found, () if why else differing(ours, found), why, request.batch)

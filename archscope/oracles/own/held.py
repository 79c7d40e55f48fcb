"""What PyTorch's memory tracker counts of a module, within some seconds: asked whenever its memory is asked for.

Whatever code does between layers is held by somebody, and no rule knows all of it. What the rules say of a module is
never said alone, therefore: the tracker sees the same module run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, Final

from archscope import limits
from archscope.network import Network
from archscope.oracles import tracking
from archscope.oracles.case import SMALL
from archscope.oracles.findings import first_line
from archscope.oracles.memory import of_other_processors
from archscope.oracles.own.asked import as_asked
from archscope.oracles.own.memory import called, with_values
from archscope.oracles.tracking import Held
from archscope.tracing.calling import Called

_FEW: Final = 64
"""Tensors from which an optimizer that changes one after the other takes most of the time."""


class _TooMany(Exception):
    """More has run than is looked at in a few seconds."""


def has_many(theirs: Called) -> bool:
    """Whether an optimizer should change all tensors of a module at once, which tells as much of the module."""
    return sum(1 for _ in theirs.module.parameters()) > _FEW


def counted(theirs: Called, request: Any, own: str, agrees: Callable[[Held], bool]) -> tuple[Held, str]:
    """What the tracker counts of a module, and why it was not asked; one of the two is empty.

    Args:
        theirs: the module, and how it is called.
        request: its batch, type, optimizer, autocast and loss, what runs again; see `archscope.memory.Request`.
        own: the type that its values are in already.
        agrees: whether that is what was said; where it is not, a small module runs again, with values.
    """
    if why := of_other_processors(theirs.network, request.dtype):
        return {}, why
    run = partial(_counted, request, own, _again(theirs.network, request.checkpoint))
    small = sum(each.numel() for each in theirs.module.parameters()) <= SMALL
    try:
        found = _without_values(run, theirs, request.batch, raises=not small)
        # Code that asks for values may do something else where there are none, or not run.
        if found is None or (small and not agrees(found)):
            found = run(lambda: with_values(theirs, request.batch), values=True)
    except _TooMany:
        return {}, f"more than {limits.MOST_TRACKED:,} operations run; `archscope verify --witness memory` asks it"
    except Exception as error:  # noqa: BLE001 - some modules do not run without values, each in its own way
        return {}, f"the module does not run before it: {first_line(error)}"
    return found, ""


def _without_values(run: Callable[..., Held], theirs: Called, batch: int, *, raises: bool) -> Held | None:
    """What the tracker counts on fake tensors; None of a module that does not run on them, unless that is raised."""
    try:
        return run(lambda: called(theirs, batch), values=False)
    except _TooMany:
        raise
    except Exception:
        if raises:
            raise
        return None


def _again(network: Network, names: Sequence[str]) -> tuple[str, ...]:
    """The submodules that run again, by the names that a person called them."""
    seen = network.observed
    return tuple(path for name in names for path in ((seen and seen.called_by(name)) or (name,)))


def _counted(request: Any, own: str, again: Sequence[str], made: tracking.Made, *, values: bool) -> Held:
    run = count(1)

    def few() -> None:
        if next(run) > limits.MOST_TRACKED:
            raise _TooMany

    dtype = "" if request.dtype == own else request.dtype
    changed = partial(as_asked, made, dtype, again)
    return tracking.tracked(changed, request.optimizer, foreach=request.foreach, autocast=request.autocast,
                            values=values, loss=request.loss, each=few)  # fmt: skip

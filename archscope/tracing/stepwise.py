"""`refuse_long`: what PyTorch goes through one step after another, also where tensors have no values, has an end.

A recurrence that ends, but not soon, is noted before it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor

from archscope.errors import UsageError
from archscope.limits import LONG_STEPS, MOST_STEPS
from archscope.patience import note

STEPWISE: Final = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "bilinear"})
"""Functions of PyTorch that do so."""


def refuse_long(name: str, args: Sequence[Any], where: str) -> None:
    """Refuse a recurrence over more steps, or a bilinear layer of more outputs, than anybody waits for.

    Args:
        name: of PyTorch's function that is about to run.
        args: what it is given.
        where: the module that calls it, by its path.

    Raises:
        UsageError: says how many there are, and what to write.
    """
    place = f"`{where}`" if where else "the module"
    if name != "bilinear":
        steps = _steps(args)
        if steps > MOST_STEPS:
            raise UsageError(f"{place} is a recurrence that goes through {steps:,} steps of its layers one after "
                             f"another; {MOST_STEPS:,} are waited for: state a shorter input, of which each step is "
                             "as long")  # fmt: skip
        if steps > LONG_STEPS:
            note(f"note: {place} is a recurrence that goes through {steps:,} steps of its layers one after another, "
                 "which takes some seconds for every thousand; each step of a shorter input is as long")  # fmt: skip
    elif len(args) > 2 and isinstance(args[2], Tensor) and args[2].shape[0] > MOST_STEPS:
        raise UsageError(f"{place} is a bilinear layer of {args[2].shape[0]:,} outputs, which PyTorch goes through one "
                         f"after another; {MOST_STEPS:,} are waited for: give it fewer, each costs alike")  # fmt: skip


def _steps(args: Sequence[Any]) -> int:
    """The steps of all layers and directions of a recurrence."""
    if len(args) < 9:
        return 0
    if isinstance(args[3], (list, tuple)):  # packed: the samples of each step come before the weights
        length, layers, both = args[1].shape[0], args[5], args[8]
    else:
        length, layers, both = args[0].shape[1 if args[8] else 0], args[4], args[7]
    return int(length * layers * (1 + bool(both)))

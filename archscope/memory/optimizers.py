"""What optimizers hold: their state, and what a step holds meanwhile, a tensor at a time or all at once.

>>> sorted(OPTIMIZERS)
['adam', 'adamw', 'momentum', 'sgd']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from archscope.errors import UsageError, did_you_mean
from archscope.record import Record

STEP_BYTES: Final = 4
"""Adam counts the steps of every tensor in a float32 of its own."""


class Optimizer(Record):
    """A way to change the weights.

    Attributes:
        name: what a person calls it.
        doc: one line about it.
        copies: tensors of state for every weight tensor.
        counts: whether it counts the steps of every weight tensor.
        divides: whether it works out a denominator for every value, in a tensor of its own.
    """

    name: str
    doc: str
    copies: int
    counts: bool = False
    divides: bool = False

    def state(self, size: int) -> int:
        """Bytes of state for a weight tensor of some bytes.

        >>> OPTIMIZERS["adam"].state(400)
        804
        """
        return self.copies * size + (STEP_BYTES if self.counts else 0)

    def temporary(self, sizes: Sequence[int], *, foreach: bool) -> int:
        """Most bytes that a step holds beside weights, gradients and state, for weight tensors of some bytes.

        One tensor after the other, Adam holds a root and the root divided, and the one before until then; all at
        once, the roots of all.

        >>> OPTIMIZERS["adam"].temporary([100, 400], foreach=False), 100 + 2 * 400
        (900, 900)
        >>> OPTIMIZERS["adam"].temporary([100, 400], foreach=True), 100 + 400
        (500, 500)
        """
        if not self.divides or not sizes:
            return 0
        if foreach:
            return sum(sizes)
        return max(before + 2 * size for before, size in zip((0, *sizes), sizes, strict=False))


OPTIMIZERS: Final[Mapping[str, Optimizer]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Optimizer("sgd", "gradient descent: no state", 0),
            Optimizer("momentum", "SGD with momentum: one value for every weight", 1),
            Optimizer("adam", "Adam: two values for every weight", 2, counts=True, divides=True),
            Optimizer("adamw", "AdamW: as Adam, the weights decaying apart", 2, counts=True, divides=True),
        )
    }
)
"""Every optimizer by name."""


def optimizer(name: str) -> Optimizer:
    """An optimizer by name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"no optimizer `{name}`; {did_you_mean(name, OPTIMIZERS, what='optimizers')}")
    return OPTIMIZERS[name]

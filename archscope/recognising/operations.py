"""Operations by name, what is known of their products, and those that ran for one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from archscope.layers.base import NOTHING
from archscope.recognising.rules import RULES
from archscope.working import Count, count, total


class Kind(Enum):
    """What is known of an operation's products."""

    RULE = "a rule over shapes"
    NOTHING = "it has none"
    PARTS = "it is made of other operations, which are seen instead"
    UNKNOWN = "nothing"


class Operation(NamedTuple):
    """One operation of PyTorch's, as the dispatcher names it.

    Attributes:
        name: ``aten::mm``.
        kind: what is known of its products.
        writes: the arguments that it writes, by position and name.
        looks: whether it has to look at values.
        pointwise: whether it works value by value.
        draws: whether it draws random numbers.
    """

    name: str
    kind: Kind
    writes: tuple[tuple[int, str], ...] = ()
    looks: bool = False
    pointwise: bool = False
    draws: bool = False

    def products(self, args: Sequence[Any], result: Any) -> Count | None:
        """Its multiply-accumulates; None where they are not known."""
        if self.kind is Kind.NOTHING:
            return NOTHING
        if self.kind is Kind.UNKNOWN:
            return None
        try:
            found = RULES[base_name(self.name)](args, result)
        except (AttributeError, IndexError, TypeError, ValueError, RuntimeError):  # called in a way of its own
            return None
        return found * OF_COMPLEX if found is not None and is_complex(result) else found

    @property
    def called(self) -> str:
        """Its name without the library's, if it is PyTorch's own."""
        return self.name.removeprefix("aten::")


OF_COMPLEX: Final = count(4)
"""Products of real numbers that one of two complex numbers is made of."""


def is_complex(result: Any) -> bool:
    """Whether what an operation makes is complex, which nothing but complex numbers make."""
    made = result[0] if isinstance(result, (tuple, list)) and result else result
    asks = getattr(made, "is_complex", None)
    return asks is not None and bool(asks())


def base_name(name: str) -> str:
    """An operation's name without the underscore of one that works in place."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


class Ran(NamedTuple):
    """One operation that ran, and its multiply-accumulates; None where they are not known."""

    operation: Operation
    macs: Count | None


class Frame:
    """One call that a person's code made: the operations that ran for it, and the tensors that they touched."""

    __slots__ = ("looked", "made", "ran", "read", "wrote")

    def __init__(self) -> None:
        self.looked = False
        self.ran: list[Ran] = []
        self.read: list[Any] = []
        self.made: list[Any] = []
        self.wrote: list[Any] = []

    @property
    def macs(self) -> Count:
        """What is known of its multiply-accumulates, added up."""
        return total(each.macs for each in self.ran if each.macs)

    @property
    def not_covered(self) -> Counter[str]:
        """Operations of which nothing is known, by name."""
        missing = [each.operation.called for each in self.ran if each.macs is None]
        return Counter(missing) if missing else Counter()

    @property
    def multiplies(self) -> bool:
        """Whether there is anything to count, known or not."""
        return any(each.macs is None or each.macs for each in self.ran)

    @property
    def pointwise(self) -> bool:
        """Whether everything worked value by value."""
        return bool(self.ran) and all(each.operation.pointwise for each in self.ran)

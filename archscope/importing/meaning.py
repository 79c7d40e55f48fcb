"""`Meaning`: what an operator of a file does, said in PyTorch's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from archscope.importing.graph import Constant, Operator
from archscope.layers import Layer, Shape
from archscope.layers.base import NOTHING, Weight
from archscope.recognising.operations import Frame, Kind, Operation, Ran
from archscope.recognising.rules import RULES
from archscope.recognising.tensor import Shaped
from archscope.record import EMPTY
from archscope.working import Count


class Meaning(NamedTuple):
    """An operator as a call of one of PyTorch's functions.

    Attributes:
        name: the function, by its plain name; for messages, where there is none.
        given: its arguments by name; values are those of `Values.tensor`.
        reads: the values that it reads, in order; all of the operator, if None.
        results: the values that it makes; all of the operator, if None.
        rule: the operation that says what it multiplies, a name in `archscope.recognising.rules`; empty for nothing.
        args: what that is given.
        macs: what it multiplies, where no rule says it; at least that, where it is not known.
        layers: the layers that it is, where no function says it.
        known: whether it is known what it multiplies.
        pointwise: whether it works value by value.
        same: the value that it hands on as it is; empty if it does something.
        numbers: whether it makes numbers that count or mask, which come of no layer.
        beyond: an option that the layer's type does not have.
        after: where the batch axis is in what it makes, where the function's name does not tell.
        shapes: the shapes of what it makes, where they are not those of the file.
        why: why it is not known what it multiplies; that archscope has no layer type for it, if left out.
        turned: whether its matrix has its inputs in front, and the function has it with its outputs there; or which
            of its weights do.
        roles: the weights that it reads by the names that its layer has for them, where ``given`` does not say.
    """

    name: str
    given: Mapping[str, Any] = EMPTY
    reads: tuple[str, ...] | None = None
    results: tuple[str, ...] | None = None
    rule: str = ""
    args: tuple[Any, ...] = ()
    macs: Count | None = None
    layers: tuple[Layer, ...] | None = None
    known: bool = True
    pointwise: bool = False
    same: str = ""
    numbers: bool = False
    beyond: str = ""
    after: int | None = None
    shapes: tuple[Shape, ...] | None = None
    why: str = ""
    turned: bool | frozenset[str] = False
    roles: Mapping[str, str] = EMPTY


class Values(Protocol):
    """What is known of the values of a graph when an operator is looked at."""

    def tensor(self, name: str) -> Shaped:
        """A value as far as a reading asks; the same object each time."""

    def shape(self, name: str) -> Shape:
        """The extents of a value, with the batch."""

    def constant(self, name: str) -> Constant | None:
        """The numbers of a value, where it is a constant and they are few."""

    def stored(self, name: str) -> bool:
        """Whether a value is a weight of the file, and was not made of others."""

    def learned(self, name: str) -> bool:
        """Whether a value is a weight of the file, or made of some."""

    def reached(self, name: str) -> bool:
        """Whether a value depends on the network's inputs."""

    def place(self, name: str) -> int:
        """Where the batch axis of a value is; see `archscope.recognising.batches`."""

    def takes(self, name: str, axis: int) -> None:
        """An operator takes an axis of a value for the batch's."""

    def dtype(self, name: str) -> str:
        """PyTorch's name of the type of its numbers."""

    def hold(self, name: str, weights: tuple[Weight, ...], *, instead: str = "") -> None:
        """Take a value for weights: of these shapes, in the place of the one that the file has."""

    def plain(self, *names: str) -> None:
        """Take values for plain numbers, which are no weights."""

    def readers(self, name: str) -> tuple[Operator, ...]:
        """The operators that read a value; one that a graph makes has one reader more."""


Translation = Callable[[Operator, Values], "Meaning | None"]
"""What an operator means; None where nothing is known of it."""

NOTHING_KNOWN: Final = Meaning("", known=False)


def frame_of(operator: Operator, meaning: Meaning, made: Shaped) -> Frame:
    """What ran: the one operator, with what it multiplies."""
    frame = Frame()
    kind = Kind.RULE if meaning.rule else Kind.NOTHING if meaning.known else Kind.UNKNOWN
    macs = meaning.macs if meaning.macs is not None else NOTHING
    if meaning.rule:
        found = RULES[meaning.rule](meaning.args, made)
        macs = NOTHING if found is None else found
        kind = Kind.UNKNOWN if found is None else kind
    operation = Operation(operator.name, kind, pointwise=meaning.pointwise)
    frame.ran.append(Ran(operation, None if kind is Kind.UNKNOWN else macs))
    if kind is Kind.UNKNOWN and meaning.macs:
        frame.ran.append(Ran(operation._replace(kind=Kind.PARTS), meaning.macs))
    return frame

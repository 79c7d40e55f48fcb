"""`Constants`: tensors that a module's code makes and no layer does: when each is made and gone, and who keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from archscope.record import EMPTY, Record

CASTS = "its code runs it under autocast, and no rule follows what that casts in a part of a module"
"""Why no rule says what a node holds that runs under autocast: in values of two bytes at least."""


COPIED_ON = frozenset({"add", "cat", "clone", "concat", "radd", "repeat", "sub", "tile"})
"""Functions that may copy a value, and whose backward pass hands its gradient on."""

COPIED_WITH_GRADIENT = frozenset({"div", "mul", "multiply", "pad", "rmul", "truediv"})
"""Functions that may copy a value, and whose backward pass copies its gradient."""

IN_ORDER = frozenset({"cat", "concat", "repeat", "tile"})
"""Functions that may copy a value into the order of its axes."""


class Copied(Record):
    """What a call copied as it was.

    Attributes:
        node: whose value it is; the name of an input.
        output: which output of it.
        of: the copy of it that was copied again, by its number; None for the value itself.
        function: what copied it: ``clone``.
    """

    node: str
    output: int
    of: int | None
    function: str


class Constant(Record):
    """A tensor that no layer makes: places of positions, a mask, a state that begins with zeros.

    Moments count what happens while the code runs: calls, tensors that are made, tensors that go.

    Attributes:
        function: what made it: ``arange``.
        fixed: bytes, however many samples run at once.
        each: bytes more for every sample.
        made: the moment at which it was made.
        gone: the moment at which the code had it no more; None where it has it yet when the pass is over.
        before: the node that ran next; the last one where none did.
        kept: nodes that need it for their backward pass.
        given: whether it is among what the module gives.
        copies: what it is a copy of; None of none.
    """

    function: str
    fixed: int
    each: int
    made: int
    gone: int | None
    before: str
    kept: tuple[str, ...] = ()
    given: bool = False
    copies: Copied | None = None

    def bytes(self, batch: int) -> int:
        """Bytes for some samples.

        >>> Constant("zeros", 8, 24, 0, 1, "gru").bytes(3)
        80
        """
        return self.fixed + self.each * batch


class Constants(Record):
    """All of them in one forward pass.

    Attributes:
        every: in the order in which they were made.
        moments: when each node ran.
        layers: nodes that are tensors which the code has: a mask that is a layer of its own. They hold nothing.
        starts: nodes whose states begin with some of them, by their numbers.
        masks: attention that is given a mask of yes and no: how many values it has, and how many more a sample.
        rows: nodes that look up rows of a parameter, into memory of their own, and by what operation.
        for_each: those of them that do so for every sample.
        in_front: those of them that do so once, with an axis of one value for the batch in front.
        spread: those of them that the code repeats for every sample then.
        ahead: nodes that make one with an axis of one value for the batch in front, there once for all samples.
        reads: nodes that read a copy of an output of a node, and its number.
        copied: outputs of nodes of which there are copies, and the moment at which the code had them no more.
        ends: outputs of nodes of which the module gives a copy, and its number.
        unknown: why it is not known what the code holds; empty if it is.
        unknown_in_training: the same of a step of training.
        unshown: whether no run shows which layers run in such a step, so that none may.
    """

    every: tuple[Constant, ...] = ()
    moments: Mapping[str, int] = EMPTY
    layers: frozenset[str] = frozenset()
    starts: Mapping[str, tuple[int, ...]] = EMPTY
    masks: Mapping[str, tuple[int, int]] = EMPTY
    rows: Mapping[str, str] = EMPTY
    for_each: frozenset[str] = frozenset()
    in_front: frozenset[str] = frozenset()
    spread: frozenset[str] = frozenset()
    ahead: frozenset[str] = frozenset()
    reads: Mapping[tuple[str, str, int], int] = MappingProxyType({})
    copied: Mapping[tuple[str, int], int | None] = MappingProxyType({})
    ends: Mapping[tuple[str, int], int] = MappingProxyType({})
    unknown: str = ""
    unknown_in_training: str = ""
    unshown: bool = False

    def renamed(self, names: Mapping[str, str]) -> Constants:
        """The same of a network whose nodes have other names; of several that became one, the last that ran."""
        order = sorted(self.moments.items(), key=lambda each: each[1])
        return self.replace(
            every=tuple(each.replace(before=names[each.before], kept=tuple({names[name]: 0 for name in each.kept}))
                        for each in self.every),
            moments={names[name]: moment for name, moment in order},
        )  # fmt: skip


NONE = Constants()
"""A module that makes none."""

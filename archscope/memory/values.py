"""What stands for tensors while a network runs in thought: values, gradients, and what the backward pass finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

from archscope.layers.steps import Step
from archscope.memory.layout import Layout
from archscope.network import Node, Ref


class Value:
    """A tensor: the block it lies in, its bytes, how it lies there, its type, and whether a gradient goes to it.

    ``seen`` says whether it is another one seen differently, or a part of it; ``leaf`` whether it is a weight that is
    trained, in inference too; ``ahead`` whether it is one that has an axis of one value for the batch in front;
    ``once`` whether it is there once for all samples; ``at`` where the batch stands among its axes;
    ``made_by`` what the backward pass finds of the step that made it; ``names`` by how many
    names it is known: without one it is gone.
    """

    __slots__ = (
        "ahead",
        "at",
        "block",
        "dtype",
        "grad",
        "layout",
        "leaf",
        "made_by",
        "names",
        "once",
        "seen",
        "size",
        "weight",
    )

    def __init__(
        self, block: int, size: int, layout: Layout, dtype: str, *, grad: bool, weight: bool = False, at: int = 0
    ) -> None:
        self.block, self.size, self.layout, self.dtype = block, size, layout, dtype
        self.grad, self.weight = grad, weight
        self.seen = self.leaf = self.ahead = self.once = False
        self.at = at
        self.made_by: Ran | None = None
        self.names = 1


class Gradient:
    """The gradient of a value: its block, and how it lies there."""

    __slots__ = ("ahead", "block", "layout")

    def __init__(self, block: int, layout: Layout) -> None:
        self.block, self.layout = block, layout


Pending = dict[Value, Gradient]
"""Gradients that have come to values, and not gone on yet."""


class Ran:
    """A step that ran, as the backward pass finds it, and the type that it worked in.

    ``needed`` counts who leads here: what it made, while it has a name, and the steps that read that. ``again`` is the
    group that it ran in, where what it needs comes once that runs again; ``gone`` says that nothing needs it any more.
    ``beside`` says how the tensors lie that it needs and that no gradient goes to, by name.
    """

    __slots__ = ("again", "beside", "dtype", "gone", "layer", "made", "needed", "read", "saved", "step")

    def __init__(
        self, layer: str, step: Step, read: list[Value], made: list[Value], saved: list[int], dtype: str,
        beside: Mapping[str, Layout],
    ) -> None:  # fmt: skip
        self.layer, self.step, self.read, self.made, self.saved, self.dtype = layer, step, read, made, saved, dtype
        self.again: Again | None = None
        self.beside = beside
        self.gone = False
        self.needed = leads(self, read, made)


class Again:
    """Layers that run a second time, once the backward pass needs the first of what they would have kept.

    Attributes:
        nodes: the layers.
        given: what they read from outside.
        ran: the steps of their first time that keep something, in order.
        left: how many of these the backward pass still needs; as long as there are any, it needs what was given.
        at: how many of them have run again.
        over: whether they ran again.
    """

    __slots__ = ("at", "given", "left", "nodes", "over", "ran")

    def __init__(self, nodes: Sequence[Node], given: dict[Ref, Value]) -> None:
        self.nodes, self.given = nodes, given
        self.ran: list[Ran] = []
        self.left = self.at = 0
        self.over = False

    def given_again(self) -> dict[Ref, Value]:
        """What they read from outside, as they read it again: nobody lets go of it a second time."""
        given = {ref: copy(value) for ref, value in self.given.items()}
        for value in given.values():
            value.made_by = None
        return given


class StopsEarly(Exception):
    """All is there that was to be kept: what a group of layers would make after it is not made again."""


def leads(ran: Ran, read: Sequence[Value], made: Sequence[Value]) -> int:
    """Note who made what was read and what; how many of what it made lead to a step."""
    for value in read:
        if value.grad and value.made_by is not None:
            value.made_by.needed += 1
    leading = [value for value in made if value.grad]
    for value in leading:
        value.made_by = ran
    return len(leading)

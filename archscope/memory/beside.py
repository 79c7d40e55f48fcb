"""`Beside`: takes and lets go what a module's code makes beside its layers, as the moments of a forward pass go by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from archscope.constants import Constants
from archscope.layers.attending import FUSED
from archscope.layers.base import Facts
from archscope.layers.steps import WIDE, Made, Step
from archscope.memory.layout import Layout
from archscope.memory.stepping import Operations
from archscope.memory.values import Ran, Value
from archscope.network import Network, Node, Ref
from archscope.precision import stored_bytes
from archscope.working import product

Copy = Callable[[Value, str], Value]
"""Copies a value, by a function."""


class Beside:
    """What the code of a module holds that no layer has.

    Args:
        constants: all that it makes in a pass.
        operations: what runs.
        values: those of nodes that are there.
    """

    def __init__(self, constants: Constants, operations: Operations, values: dict[Ref, Value]) -> None:
        self._constants = constants
        self._operations = operations
        self._ledger = operations.ledger
        self._held: dict[int, int] = {}
        self._values = values
        self._copies: dict[int, Value] = {}
        self._least = False
        self._due: list[tuple[int, int, bool]] = []
        self._copied = [Ref(*each) for each in constants.copied]
        self._mask: int | None = None

    def begin(self) -> None:
        """A forward pass begins."""
        every = self._constants.every
        made = [(each.made, number, True) for number, each in enumerate(every)]
        gone = [(each.gone, number, False) for number, each in enumerate(every) if each.gone is not None]
        # What was copied goes as it was seen to, and not once it is read no more.
        ends = [(moment, -1 - number, False) for number, moment in enumerate(self._constants.copied.values())
                if moment is not None]  # fmt: skip
        self._due = sorted([*made, *gone, *ends], reverse=True)

    def in_order(self, nodes: Sequence[Node]) -> Sequence[Node]:
        """The nodes as they ran: parameters that the code works on were there before a layer read them."""
        moments = self._constants.moments
        return sorted(nodes, key=lambda node: moments[node.name]) if moments else nodes

    def until(self, node: Node | None, copy: Copy) -> None:
        """Take and let go all until a node runs; all that is left where there is none."""
        while self._due and (node is None or self._due[-1][0] < self._constants.moments[node.name]):
            _, number, taken = self._due.pop()
            if not taken:
                self._gone(number)
                continue
            constant = self._constants.every[number]
            if constant.copies is None:
                # Where not all is known, neither is whether what one pass keeps for the next is made in this one.
                later = self._least and constant.gone is None and not constant.given
                size = 0 if later else constant.bytes(self._operations.batch)
                self._held[number] = self._ledger.take(size, "values")
            else:
                of, ref = constant.copies.of, Ref(constant.copies.node, constant.copies.output)
                source = self._values[ref] if of is None else self._copies[of]
                self._copies[number] = copy(source, constant.copies.function)

    def _gone(self, number: int) -> None:
        """The code has something no more: what it made, a copy, or what it copied."""
        if number in self._held:
            self._ledger.drop(self._held.pop(number))
        else:
            value = self._copies.pop(number) if number >= 0 else self._values.pop(self._copied[-1 - number])
            self._operations.let_go(value)

    def copied(self, ref: Ref) -> bool:
        """Whether the code copies a value, so that it goes as was seen."""
        return ref in self._copied

    def read(self, node: Node, ref: Ref) -> Value | None:
        """The copy that a node reads; None where it reads the value itself."""
        number = self._constants.reads.get((node.name, ref.node, ref.output))
        return None if number is None else self._copies.get(number)

    def ended(self) -> None:
        """The pass is over: copies that the module gives stand for the values of nodes."""
        for (name, output), number in self._constants.ends.items():
            before = self._values.get(ref := Ref(name, output))
            self._values[ref] = self._operations.name(self._copies[number])
            if before is not None:
                self._operations.let_go(before)

    @contextmanager
    def around(self, node: Node, copy: Copy) -> Iterator[None]:
        """A node runs; attention makes numbers of a mask of yes and no, and lets go of them."""
        self.until(node, copy)
        # Where something is not known anyway, so may be what becomes of a mask.
        values = None if self._constants.unknown else self._constants.masks.get(node.name)
        if values is None:
            yield
            return
        dtype = self._operations.dtype
        two = [self._ledger.take(stored_bytes(1, dtype), "temporary") for _ in range(2)]
        size = stored_bytes(values[0] + values[1] * self._operations.batch, dtype)
        self._mask = self._ledger.take(size, "values")
        for block in two:
            self._ledger.drop(block)
        yield
        self._ledger.drop(self._mask)
        self._mask = None

    def over(self) -> None:
        """Whoever had what the pass gave has it no more."""
        given = {number for number, each in enumerate(self._constants.every) if each.given}
        for number in given & (self._held.keys() | self._copies.keys()):
            self._gone(number)

    def has(self, node: Node) -> bool:
        """Whether a node is a tensor that the code has: a mask, say, of its own or a buffer."""
        return node.name in self._constants.layers

    def had(self, node: Node, refs: Sequence[Ref], like: Made, facts: Facts) -> dict[Ref, Value]:
        """What such a node stands for: it holds nothing that the code does not hold, and has a size all the same."""
        shapes = [facts.outputs[min(ref.output, len(facts.outputs) - 1)] for ref in refs]
        return {ref: self._had(node, like.replace(shape=shape)) for ref, shape in zip(refs, shapes, strict=True)}

    def _had(self, node: Node, like: Made) -> Value:
        layout, dtype = Layout.of(self._operations.extents(like)), like.dtype or self._operations.dtype
        size = stored_bytes(product(layout.shape), dtype)
        value = Value(self._ledger.take(0, "values"), size, layout, dtype, grad=False)
        value.once = value.ahead = node.name in self._constants.ahead
        return value

    def begun(self, node: Node, steps: Sequence[Step], local: dict[str, Value]) -> list[Step]:
        """The steps of a layer whose states the code began with zeros, so that the layer makes none of its own."""
        starts = [number for number in self._constants.starts.get(node.name, ()) if number in self._held]
        left: list[Step] = []
        for step in steps:
            if not (starts and step.op == "zeros" and len(step.makes) == 1 and not step.makes[0].like):
                left.append(step)
                continue
            made, block = step.makes[0], self._held[starts.pop(0)]
            local[made.name] = Value(self._ledger.share(block), self._ledger.size(block),
                                     Layout.of(self._operations.extents(made)), self._operations.dtype,
                                     grad=False)  # fmt: skip
        return left

    def keep(self, node: Node, ran: Sequence[Ran]) -> None:
        """Keep for the backward pass of a node what it needs of the code's."""
        # An operation that keeps nothing else, such as a view, keeps no mask either.
        most = max(ran, key=lambda each: len(each.saved), default=None)
        if most is None or (node.layer.type in _ATTENDS and not any(map(_is_fused, ran))):
            return
        for block in self._kept(node):
            if block not in most.saved:
                self._ledger.save(block)
                most.saved.append(block)

    def _kept(self, node: Node) -> Iterator[int]:
        for number, block in self._held.items():
            if node.name in self._constants.every[number].kept:
                yield block
        if self._mask is not None:
            yield self._mask

    def unknown(self, *, training: bool, again: bool, dtype: str, autocast: str | None) -> str:
        """Why it is not known what the code holds; empty if it is."""
        constants = self._constants
        why = constants.unknown or (constants.unknown_in_training if training else "")
        self._least = bool(why)
        if why or not (constants.every or constants.masks):
            return why
        if again:
            return "its code makes tensors beside its layers, and what runs again makes some of them again"
        changed = f"cast to {autocast}" if autocast is not None else dtype if dtype != WIDE else ""
        return f"whether what its code makes beside its layers is {changed} too is not known" if changed else ""


_ATTENDS: Final = frozenset({FUSED, "multihead_attention"})


def _is_fused(ran: Ran) -> bool:
    """Whether it is attention in one operation: none of those that it runs in else keeps a mask."""
    return ran.step.op == FUSED


def weight_behind(network: Network, node: Node) -> tuple[str, str]:
    """The parameter that a node has, or takes a part of: the node that has it, and its name there."""
    while not network.facts[node.name].weights:
        node = network.by_name[node.inputs[0].node]
    return node.name, network.facts[node.name].weights[0].name

"""`Passing`: what the backward pass of one operation takes and gives back, and where its gradients go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.layers.steps import NOTES, ROWS, Step
from archscope.memory.autocast import FULL, OWN_TYPES, WORKS_BACK_WIDE
from archscope.memory.layout import Layout, lying, with_channels_last
from archscope.memory.stepping import (
    AS_CAME,
    BORDERS,
    COPIES,
    PRODUCTS,
    Operations,
    of_maps_with_channels_last,
    size_in,
)
from archscope.memory.values import Gradient, Pending, Ran, Value
from archscope.precision import stored_bytes
from archscope.working import bare, product

_PUT: Final = frozenset({"index", NOTES})
"""Operations whose gradient is put into zeros; under a tracker, those are copied once more."""


class Passing:
    """Runs the backward passes of steps that ran.

    Attributes:
        gradients: those that have come to weights.

    Args:
        operations: what ran.
    """

    def __init__(self, operations: Operations) -> None:
        self.gradients: Pending = {}
        self.operations = operations
        self._ledger, self._as_tracked = operations.ledger, operations.as_tracked

    def back(self, ran: Ran, pending: Pending) -> None:
        """Run the backward pass of a step: the gradients that came go, those of what it read arrive."""
        came = [(value, pending.pop(value)) for value in ran.made if value in pending]
        if came and ran.step.rows:
            came = [self._in_rows(*each) for each in came]
        going: list[tuple[Value, Gradient]] = []
        if came:
            sliced = ran.step.sliced and ran.read[0].seen
            going = self._unseen(ran, came) if ran.step.views else (
                self._sliced(ran, came[0][0]) if sliced else self._passed(ran, came))  # fmt: skip
            for _, gradient in came:
                self._ledger.drop(gradient.block)
        self.operations.forget(ran)
        added: list[int] = []
        if ran.step.op != "linear":  # what comes to a weight comes as another operation, after all that goes further
            going.sort(key=lambda each: each[0].weight)
        for number, (value, gradient) in enumerate(going):
            # What stays with a weight is its own: it is copied where the very same goes to another too.
            others = going[:number] + going[number + 1 :] if value.weight else []
            whole = any(each.block == gradient.block and each.layout == gradient.layout for _, each in others)
            # A weight adds its gradients up itself, and is done before others go on; a matrix is turned before it is
            # multiplied with.
            after = value.weight or any(each.weight for each, _ in going[:number])
            if after or (ran.step.op in PRODUCTS and any(value is each for each in ran.read[1:2])):
                self._drop(added)
            added += self.arrive(pending, value, gradient, own=not whole)
        self._drop(added)

    def _drop(self, blocks: list[int]) -> None:
        while blocks:
            self._ledger.drop(blocks.pop())

    def _in_rows(self, value: Value, came: Gradient) -> tuple[Value, Gradient]:
        shape = came.layout.shape
        if came.layout.seen_as((product(shape[:-1]), shape[-1])) is not None:
            return value, came
        copied = Gradient(self._ledger.take(value.size, "passing"), Layout.of(shape))
        self._ledger.drop(came.block)
        return value, copied

    def _passed(
        self, ran: Ran, came: Sequence[tuple[Value, Gradient]], *, into: Gradient | None = None
    ) -> list[tuple[Value, Gradient]]:
        """The gradients of what was read; that of the first is put ``into`` one that is there, and goes."""
        ledger, step = self._ledger, ran.step
        going: list[tuple[str, Value, Gradient]] = []
        whole: list[tuple[str, Value, Value, int]] = []
        constants: list[tuple[str, Value]] = []
        first = came[0][1]
        copied = [ledger.take(value.size, "passing") for value, gradient in came
                  if step.op in COPIES and not gradient.layout.ordered_as(ran.read[0].layout)]  # fmt: skip
        for name, value in zip(step.reads, ran.read, strict=True):
            if not (value.grad or step.every or (self._as_tracked and step.op == "batch_norm")):
                continue
            if ran.again is not None and step.op == "linear" and name in step.reads[2:]:
                constants.append((name, value))
                continue
            # What is repeated once is not repeated: its gradient is the one that came, but where an axis is in front.
            once = product(value.layout.shape) == product(first.layout.shape)
            once &= value.weight or len(value.layout.shape) >= len(ran.made[0].layout.shape)
            same = value.ahead and product(value.layout.shape) == product(first.layout.shape)
            if (name in step.reduces and not once) or (value.once and not (ran.made[0].once or same)):
                size = size_in(ran.made[0], ran.dtype)
                block = ledger.share(first.block) if name in step.passes else ledger.take(size, "passing")
                whole.append((name, value, _repeated_by_itself(value) or value, block))
            elif (weight := _repeated_by_itself(value)) is not None and (step.reduces or not weight.weight):
                size = size_in(value, self._worked_in(ran, name, value))
                block = ledger.share(first.block) if name in step.passes else ledger.take(size, "passing")
                whole.append((name, value, weight, block))
            else:
                going.append((name, value, self._gradient(ran, name, value, first)))
        behind = [self.operations.bytes_of(each, ran.dtype) for each in step.behind]
        if step.op == "div" and step.behind:
            # The gradient of what divides takes a product of three; there is room for one where another gradient goes.
            ways = [value.grad for value in ran.read]
            behind = behind[:1] * (3 - ways[0] if ways[-1] else 0)
        behind += [ran.read[0].size] if self._as_tracked and step.op in _PUT and not behind else []
        for block in [ledger.take(size, "temporary") for size in behind]:
            ledger.drop(block)
        for _, value, gradient in going:
            if not value.grad:
                ledger.drop(gradient.block)
        if into is not None:
            if ran.read[0].grad:
                (name, value, made), *others = going
                going = [(name, value, into), *others]
                into = made
            ledger.drop(into.block)
            ledger.drop(first.block)
        # What was repeated along an axis gets the sum along it, once the operation is done; what it needed of layers
        # that ran again it alone had.
        if ran.again is not None:
            self.operations.let_go_saved(ran)
        going += [(name, value, self._gradient(ran, name, value, first)) for name, value in constants]
        for name, value, summed, block in whole:
            if value.grad:
                size = size_in(summed, self._worked_in(ran, name, value))
                going.append((name, value, Gradient(ledger.take(size, "passing"), Layout.of(summed.layout.shape))))
            ledger.drop(block)
        for block in copied:
            ledger.drop(block)
        arriving = [(value, self._typed(ran, name, value, gradient)) for name, value, gradient in going if value.grad]
        return sorted(arriving, key=lambda each: _turn(ran, each[0])) if step.op == "linear" else arriving

    def _sliced(self, ran: Ran, value: Value) -> list[tuple[Value, Gradient]]:
        """What is seen of a value was written over: the gradient that came is copied, and worked on in another."""
        written = ran.read[0]
        whole = Gradient(self._ledger.take(written.size, "passing"), written.layout)
        part = Gradient(self._ledger.take(written.size, "passing"), written.layout.like())
        return self._passed(ran, [(value, part)], into=whole)

    def _gradient(self, ran: Ran, name: str, value: Value, came: Gradient) -> Gradient:
        """The gradient of one that was read and not repeated."""
        step, shape = ran.step, value.layout.shape
        if name in step.passes:
            if shape == came.layout.shape:
                layout = came.layout
            elif len(shape) == len(came.layout.shape) and step.op == "cat":
                layout = came.layout.part(shape)
            elif step.op == "stack" and step.takes is not None:
                layout = came.layout.without(step.takes)
            elif step.op == "repeat":
                layout = came.layout.seen_as(shape) or Layout.of(shape)
            else:
                layout = came.layout.repeated(shape, step.sums)
            return Gradient(self._ledger.share(came.block), layout)
        layout = Layout.of(shape)
        if step.lies and len(step.lies) == len(shape):
            layout = lying(shape, step.lies)
        elif len(shape) == len(ran.read[0].layout.shape) and self._with_channels_last(ran, came):
            layout = with_channels_last(shape)
        elif self._as_came(step) and shape == came.layout.shape:
            layout = came.layout.like(*(() if _turns_sign(ran, name) else _kept_for(ran, name)))
        elif self._as_tracked and step.op == "mse_loss":
            layout = value.layout.like()
        return Gradient(self._ledger.take(size_in(value, self._worked_in(ran, name, value)), "passing"), layout)

    def _as_came(self, step: Step) -> bool:
        """Whether gradients that an operation makes lie as the one that came does."""
        return not self.operations.in_order(step) or (self._as_tracked and step.op == "layer_norm")

    def _with_channels_last(self, ran: Ran, came: Gradient) -> bool:
        """Whether the gradient of maps, or of the weights of a convolution, lies with the channels last."""
        step = ran.step
        if step.op in AS_CAME:
            return came.layout.channels_last
        if step.op in BORDERS and self._as_tracked:
            return False
        if step.op.startswith("adaptive_avg") and not step.saves:  # it is a mean
            return False
        last = of_maps_with_channels_last(step, ran.read)
        return last and (came.layout.channels_last or not (self._as_tracked and step.op == "batch_norm"))

    def _worked_in(self, ran: Ran, name: str, value: Value) -> str:
        """The type in which an operation makes the gradient of what it read."""
        if name in ran.step.passes:
            return ran.made[0].dtype
        if self._as_tracked and ran.step.op == "group_norm" and any(each.dtype == FULL for each in ran.read):
            return FULL
        if ran.step.op in WORKS_BACK_WIDE:
            return FULL
        return value.dtype if ran.step.op in OWN_TYPES else ran.dtype

    def _typed(self, ran: Ran, name: str, value: Value, gradient: Gradient) -> Gradient:
        """A gradient in the type of what it goes to: autograd casts it where the operation worked in another."""
        if self._worked_in(ran, name, value) == value.dtype:
            return gradient
        typed = Gradient(self._ledger.take(value.size, "passing"), gradient.layout.like())
        self._ledger.drop(gradient.block)
        return typed

    def _unseen(self, ran: Ran, came: Sequence[tuple[Value, Gradient]]) -> list[tuple[Value, Gradient]]:
        """The gradient of what was seen differently: the same memory where that is possible."""
        ledger, step, value = self._ledger, ran.step, ran.read[0]
        if not value.grad:
            return []
        seen, gradient = came[0]
        shape = value.layout.shape
        if step.turns:
            back = sorted(range(len(step.turns)), key=step.turns.__getitem__)
            return [(value, Gradient(ledger.share(gradient.block), gradient.layout.turned(back)))]
        whole = ledger.shared(gradient.block) and ledger.size(gradient.block) <= value.size
        if step.op == "expand" and value.ahead and self.operations.batch == 1 and not whole:
            # What is repeated once is not repeated, and a gradient that is a part of another is held with all of it.
            return [(value, Gradient(ledger.share(gradient.block), gradient.layout.without(0)))]
        if step.splits and gradient.layout.seen_as((shape[0] * shape[1], *shape[2:])) is None:  # it is copied
            return [(value, Gradient(ledger.take(value.size, "passing"), Layout.of(shape)))]
        if shape in (seen.layout.shape, gradient.layout.shape):  # an operation may have summed it already
            return [(value, Gradient(ledger.share(gradient.block), gradient.layout))]
        if product(seen.layout.shape) == product(shape) and step.op != "expand" and step.takes is None:
            layout = gradient.layout.seen_as(shape)
            if layout is not None:
                return [(value, Gradient(ledger.share(gradient.block), layout))]
        # Parts that nobody read are zeros, for the operation that joins them; `unbind` has one zero for each.
        read = {id(each) for each, _ in came}
        zeros = [ledger.take(stored_bytes(1, each.dtype) if step.op == "unbind" else each.size, "temporary")
                 for each in ran.made if id(each) not in read]  # fmt: skip
        made = Gradient(ledger.take(value.size, "passing"), Layout.of(shape))
        for block in zeros:
            ledger.drop(block)
        return [(value, made)]

    def arrive(self, pending: Pending, value: Value, came: Gradient, *, own: bool = True) -> list[int]:
        """A gradient comes to a value, or to a weight, where it stays; ``own`` if it comes to nothing else.

        Returns:
            What was added to another gradient: autograd has it until all that one operation gives has come.
        """
        ledger = self._ledger
        where = self.gradients if value.weight else pending
        before = where.get(value)
        added: list[int] = []
        if before is None and value.weight and not (own and came.layout.lies_as(value.layout)):
            # What stays with a weight lies as the weight does.
            where[value] = Gradient(ledger.take(value.size, "passing"), value.layout)
            ledger.drop(came.block)
        elif before is None:
            where[value] = came
        else:
            added.append(came.block)
            if self._as_tracked or ledger.shared(before.block):
                # What is summed over the samples already is as large as the weight.
                same = before.layout.shape == value.layout.shape
                size = value.size if same else stored_bytes(bare(product(before.layout.shape)), value.dtype)
                where[value] = Gradient(ledger.take(size, "passing"), before.layout.like())
                ledger.drop(before.block)
        if value.weight:
            ledger.rename(where[value].block, "gradients")
        return added


def _turns_sign(ran: Ran, name: str) -> bool:
    """Whether the gradient that came has a new tensor made of it alone, before anything that an operation keeps."""
    return ran.step.op in ("rdiv", "reciprocal", "rsqrt") or (ran.step.op == "div" and name in ran.step.reads[1:])


def _kept_for(ran: Ran, name: str) -> list[Layout]:
    """How the tensors lie that are read for the gradient of one, beside the gradient that came."""
    step = ran.step
    names, values = (*step.reads, *(each.name for each in step.makes)), (*ran.read, *ran.made)
    lies = {**ran.beside, **{each: value.layout for each, value in zip(names, values, strict=True)}}
    kept = [*step.saves, *(each for each, target in step.saves_for.items() if target == name)]
    return [lies[each] for each in kept if each in lies]


def _repeated_by_itself(value: Value) -> Value | None:
    """What an operation repeats for every sample by itself, a weight or rows of a table: its gradient is summed there.

    An axis of one value in front is repeated so too; what its code expands is, to autograd, an operation before.
    """
    by = value.made_by
    if by is None or by.step.op != "expand":
        return None
    (repeated,) = by.read
    if not repeated.weight:
        return repeated if by.step.reads == (ROWS,) else None
    return None if repeated.ahead and product(value.layout.shape) == product(repeated.layout.shape) else repeated


def _turn(ran: Ran, value: Value) -> int:
    """When the gradient of what a dense layer read comes to it.

    The layer sees its matrix turned, and that comes to it as an operation of its own, later than to what it reads as
    it is. With constants it sees what it reads as rows, too, and that before it turns its matrix.
    """
    rows = len(ran.read) > 2 and len(ran.read[0].layout.shape) > 2
    return ((2, 1, 0) if rows else (0, 2, 1))[ran.read.index(value)]

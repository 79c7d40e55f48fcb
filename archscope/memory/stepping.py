"""`Operations`: what one operation of PyTorch takes and gives back, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archscope.layers.operators import RETYPED, WINDOWS
from archscope.layers.steps import Made, Step, like
from archscope.memory.autocast import CAST, FULL, NORMS, OWN_TYPES, WORKS_BACK_WIDE, computed_in
from archscope.memory.layout import Layout, lying, with_channels_last
from archscope.memory.ledger import Ledger
from archscope.memory.values import Again, Gradient, Pending, Ran, Value
from archscope.precision import stored_bytes
from archscope.working import bare, product

IN_ORDER: Final = frozenset({
    "convolution", "conv_transpose", "linear", "mm", "bmm", "layer_norm", "group_norm", "batch_norm",
    *(f"{kind}{axes}d" for kind in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")
      for axes in (1, 2, 3)), "cat", "stack", "sum", "mean", "amax", "pad", "index",
    "softmax", "log_softmax", "nll_loss", "embedding", "upsample", "zeros", "index_add",
    "mkldnn_rnn_layer", "rms_norm",
})  # fmt: skip
"""Operations whose results, and the gradients they make, lie in the order of their axes, whatever they read."""

COPIES: Final = frozenset({"group_norm"})
"""Operations whose backward pass works on a copy of a gradient that does not lie as what they read does."""

PRODUCTS: Final = frozenset({"linear", "mm"})
"""Operations that keep what they read first for the gradient of the matrix that they read second, and for it alone."""


class Operations:
    """Runs steps on a ledger.

    Args:
        ledger: what is held.
        batch: samples that run at once.
        dtype: PyTorch's name of the type of values that do not say theirs, and are made of none.
        as_tracked: whether what a tracker of tensors without values sees is asked, not what runs: gradients that meet
            are added up in a third tensor, and not where the first of them lies; statistics of a norm are of its
            input's type, not of its weights', and one over groups works backward in the wider of the two; the gradient
            of a squared error lies as its output does; constants are added to a product in a tensor of their own; batch
            normalization makes the gradient of its input, wanted or not; rows are added up in a second table.
    """

    def __init__(self, ledger: Ledger, batch: int, dtype: str, *, as_tracked: bool) -> None:
        self.ledger, self.batch, self.dtype, self.as_tracked = ledger, batch, dtype, as_tracked
        self.gradients: Pending = {}
        self.copied = False

    def extents(self, made: Made) -> tuple[int, ...]:
        """The extents of a tensor, those of the batch among them."""
        shape = tuple(bare(each) for each in made.shape)
        if not made.each:
            return shape
        if made.folded:
            return (*shape[: made.at], shape[made.at] * self.batch, *shape[made.at + 1 :])
        return (*shape[: made.at], self.batch, *shape[made.at :])

    def bytes_of(self, made: Made, dtype: str = "") -> int:
        """Bytes of a tensor for the batch."""
        return stored_bytes(bare(product(self.extents(made))), made.dtype or dtype or self.dtype)

    def run(self, layer: str, step: Step, local: dict[str, Value], *, recording: bool) -> Ran | None:
        """Run a step on the tensors of a layer by name; what the backward pass finds of it, if there is one."""
        ledger = self.ledger
        read = [local[name] for name in step.reads]
        grad = any(value.grad for value in read)
        dtype = computed_in(step, read, self.dtype)
        in_place = step.in_place or (step.in_place_unless_tracked and not self.as_tracked)
        made = []
        for each in step.makes:
            if step.views:
                value = self._seen(step, read[0], each)
                value.seen = value.block == read[0].block
            elif in_place:
                value = Value(ledger.share(read[0].block), read[0].size, read[0].layout, read[0].dtype, grad=False)
                value.seen = read[0].seen
            else:
                typed = local[each.typed].dtype if each.typed else ""
                if self.as_tracked and step.op in NORMS:
                    typed = ""
                if each.like:
                    value = self._alike(local[each.like], each.dtype or typed)
                else:
                    value = self._made(step, read, each, typed or dtype)
                # What a dense layer makes of several axes is seen of its rows.
                value.seen = step.op == "linear" and len(value.layout.shape) > 2
            value.grad = grad and (not each.dtype or step.op == CAST)
            made.append(value)
            local[each.name] = value
        scratch = [ledger.take(self.bytes_of(each, dtype), "temporary") for each in step.beside]
        for block in scratch:
            ledger.drop(block)
        if not grad or not recording:
            return None
        frozen = step.op in PRODUCTS and len(read) > 1 and not read[1].grad
        kept = [name for name in step.saves if not (frozen and name == step.reads[0])]
        needed = [*kept, *(name for name, target in step.saves_for.items() if local[target].grad)]
        written = step.reads[0] if in_place else ""
        saved = [local[name].block for name in needed if not local[name].weight and name != written]
        # What is about to be written over, and needed as it was, is copied first.
        copies = [ledger.take(read[0].size, "values") for name in needed if name == written]
        for block in (*saved, *copies):
            ledger.save(block)
        for block in copies:
            ledger.drop(block)
        if step.sliced and read[0].seen:
            step = step.replace(behind=(*step.behind, *like(step.makes[0].shape, 2)))
        return Ran(layer, step, read, made, [*saved, *copies], dtype)

    def name(self, value: Value) -> Value:
        """A value has one more name."""
        self.ledger.share(value.block)
        value.names += 1
        return value

    def apart(self, value: Value) -> Value:
        """A value as code hands it on without its gradient."""
        block = self.ledger.share(value.block)
        made = Value(block, value.size, value.layout, value.dtype, grad=False, at=value.at)
        made.once, made.seen = value.once, True
        return made

    def let_go(self, value: Value) -> None:
        """A value has one name fewer; without one, nothing is kept for steps that only led to it."""
        self.ledger.drop(value.block)
        value.names -= 1
        gone = [value] if not value.names else []
        while gone:
            ran = gone.pop().made_by
            if ran is None:
                continue
            ran.needed -= 1
            if not ran.needed:
                self.forget(ran)
                gone.extend(each for each in ran.came_from if each.grad)

    def forget(self, ran: Ran | Again) -> None:
        """The backward pass needs no more what was saved for a step."""
        for block in ran.saved:
            self.ledger.release(block)
        ran.saved = []

    def _made(self, step: Step, read: Sequence[Value], made: Made, dtype: str) -> Value:
        layout = Layout.of(self.extents(made))
        if _of_maps_with_channels_last(step, read):
            layout = with_channels_last(layout.shape)
        elif step.op not in IN_ORDER:
            layout = next((each.layout.like() for each in read if each.layout.shape == layout.shape), layout)
        if made.dtype == FULL and dtype == "float64":  # sums are no narrower than what they are sums of
            made = made.replace(dtype=dtype)
        size = self.bytes_of(made, dtype)
        return Value(self.ledger.take(size, "values"), size, layout, made.dtype or dtype, grad=False)

    def _alike(self, other: Value, dtype: str) -> Value:
        size = _size_in(other, dtype or other.dtype)
        # Of a weight only autocast makes copies.
        block = self.ledger.take(size, "casts" if dtype and other.weight else "values")
        return Value(block, size, other.layout.like(), dtype or other.dtype, grad=False)

    def _seen(self, step: Step, read: Value, made: Made) -> Value:
        """What is seen of a value; a copy where memory does not allow to see it so."""
        shape = read.layout.shape if step.lined or step.turns else self.extents(made)
        if step.op in RETYPED | WINDOWS:
            block = self.ledger.share(read.block)
            return Value(block, read.size, Layout.of(shape), made.dtype or self.dtype, grad=False)
        layout = self._layout_seen(step, read.layout, shape)
        if layout is None:
            if read.layout.strides[:1] == (0,) and shape[0] == read.layout.shape[0]:  # one copy for all samples
                self.copied = True
                size = stored_bytes(bare(product(shape[1:])), read.dtype)
                return Value(self.ledger.take(size, "values"), size, Layout(shape, (0, *Layout.of(shape[1:]).strides)),
                             read.dtype, grad=False)  # fmt: skip
            size = stored_bytes(bare(product(shape)), read.dtype)
            return Value(self.ledger.take(size, "values"), size, Layout.of(shape), read.dtype, grad=False)
        size = stored_bytes(bare(product(layout.shape)), read.dtype)
        return Value(self.ledger.share(read.block), size, layout, read.dtype, grad=False)

    @staticmethod
    def _layout_seen(step: Step, layout: Layout, shape: tuple[int, ...]) -> Layout | None:
        wanted = len(step.turns) or len(shape) + (step.takes is not None)
        if wanted == len(layout.shape) + 1 and step.op != "expand":
            layout = layout.apart(shape[0])
        if step.turns:
            return layout.turned(step.turns)
        if step.takes is not None:
            return layout.without(step.takes)
        if step.lined:
            # A product takes rows as they lie, as those of a batch of one do however they were turned.
            fits = layout.in_rows if step.op == "clone" else layout.in_order
            return layout if fits else None
        if len(shape) != len(layout.shape) and step.op == "expand":
            return Layout(shape, (*(0 for _ in range(len(shape) - len(layout.shape))), *layout.strides))
        if product(shape) != product(layout.shape):
            # What takes an axis away in a row without a rule lies somewhere in that memory.
            return layout.part(shape, step.apart) if len(shape) == len(layout.shape) else Layout.of(shape)
        return layout.seen_as(shape)

    def back(self, ran: Ran, pending: Pending) -> None:
        """Run the backward pass of a step: the gradients that came go, those of what it read arrive."""
        came = [(value, pending.pop(value)) for value in ran.made if value in pending]
        if came and ran.step.rows:
            came = [self._in_rows(*each) for each in came]
        going: list[tuple[Value, Gradient]] = []
        if came:
            going = self._unseen(ran, came) if ran.step.views else self._passed(ran, came)
            for _, gradient in came:
                self.ledger.drop(gradient.block)
        self.forget(ran)
        for number, (value, gradient) in enumerate(going):
            # What stays with a weight is its own: it is copied where the very same goes to another too.
            others = going[:number] + going[number + 1 :] if value.weight else []
            whole = any(each.block == gradient.block and each.layout == gradient.layout for _, each in others)
            self.arrive(pending, value, gradient, own=not whole)

    def _in_rows(self, value: Value, came: Gradient) -> tuple[Value, Gradient]:
        shape = came.layout.shape
        if came.layout.seen_as((product(shape[:-1]), shape[-1])) is not None:
            return value, came
        copied = Gradient(self.ledger.take(value.size, "passing"), Layout.of(shape))
        self.ledger.drop(came.block)
        return value, copied

    def _passed(self, ran: Ran, came: Sequence[tuple[Value, Gradient]]) -> list[tuple[Value, Gradient]]:
        ledger, step = self.ledger, ran.step
        going: list[tuple[str, Value, Gradient]] = []
        whole: list[tuple[str, Value, Value, int]] = []
        first = came[0][1]
        copied = [ledger.take(value.size, "passing") for value, gradient in came
                  if step.op in COPIES and not gradient.layout.ordered_as(ran.read[0].layout)]  # fmt: skip
        for name, value in zip(step.reads, ran.read, strict=True):
            if not (value.grad or step.every or (self.as_tracked and step.op == "batch_norm")):
                continue
            # What is repeated once is not repeated: its gradient is the one that came.
            once = product(value.layout.shape) == product(first.layout.shape)
            same = value.ahead and product(value.layout.shape) == product(first.layout.shape)
            if (name in step.reduces and not once) or (value.once and not (ran.made[0].once or same)):
                size = _size_in(ran.made[0], ran.dtype)
                block = ledger.share(first.block) if name in step.passes else ledger.take(size, "passing")
                whole.append((name, value, _repeated_by_itself(value) or value, block))
            elif step.reduces and (weight := _repeated_by_itself(value)) is not None:
                size = _size_in(value, self._worked_in(ran, name, value))
                block = ledger.share(first.block) if name in step.passes else ledger.take(size, "passing")
                whole.append((name, value, weight, block))
            else:
                going.append((name, value, self._gradient(ran, name, value, first)))
        behind = [self.bytes_of(each, ran.dtype) for each in step.behind]
        if step.op == "div" and step.behind:
            # The gradient of what divides takes a product of three; there is room for one where another gradient goes.
            ways = [value.grad for value in ran.read]
            behind = behind[:1] * (3 - ways[0] if ways[-1] else 0)
        behind += [ran.read[0].size] if self.as_tracked and step.op == "index" and not behind else []
        for block in [ledger.take(size, "temporary") for size in behind]:
            ledger.drop(block)
        for _, value, gradient in going:
            if not value.grad:
                ledger.drop(gradient.block)
        # What was repeated along an axis gets the sum along it, once the operation is done.
        for name, value, summed, block in whole:
            if value.grad:
                size = _size_in(summed, self._worked_in(ran, name, value))
                going.append((name, value, Gradient(ledger.take(size, "passing"), Layout.of(summed.layout.shape))))
            ledger.drop(block)
        for block in copied:
            ledger.drop(block)
        arriving = [(value, self._typed(ran, name, value, gradient)) for name, value, gradient in going if value.grad]
        # A dense layer sees its matrix turned, so that one's gradient comes last, and its constants' comes first.
        return sorted(arriving, key=lambda each: _turn(ran, each[0])) if step.op == "linear" else arriving

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
            return Gradient(self.ledger.share(came.block), layout)
        layout = Layout.of(shape)
        if step.lies and len(step.lies) == len(shape):
            layout = lying(shape, step.lies)
        elif _of_maps_with_channels_last(step, ran.read) and len(shape) == len(ran.read[0].layout.shape):
            layout = with_channels_last(shape)
        elif step.op not in IN_ORDER and shape == came.layout.shape:
            layout = came.layout.like()
        elif self.as_tracked and step.op == "mse_loss":
            layout = value.layout.like()
        return Gradient(self.ledger.take(_size_in(value, self._worked_in(ran, name, value)), "passing"), layout)

    def _worked_in(self, ran: Ran, name: str, value: Value) -> str:
        """The type in which an operation makes the gradient of what it read."""
        if name in ran.step.passes:
            return ran.made[0].dtype
        if self.as_tracked and ran.step.op == "group_norm" and any(each.dtype == FULL for each in ran.read):
            return FULL
        if ran.step.op in WORKS_BACK_WIDE:
            return FULL
        return value.dtype if ran.step.op in OWN_TYPES else ran.dtype

    def _typed(self, ran: Ran, name: str, value: Value, gradient: Gradient) -> Gradient:
        """A gradient in the type of what it goes to: autograd casts it where the operation worked in another."""
        if self._worked_in(ran, name, value) == value.dtype:
            return gradient
        typed = Gradient(self.ledger.take(value.size, "passing"), gradient.layout.like())
        self.ledger.drop(gradient.block)
        return typed

    def _unseen(self, ran: Ran, came: Sequence[tuple[Value, Gradient]]) -> list[tuple[Value, Gradient]]:
        """The gradient of what was seen differently: the same memory where that is possible."""
        ledger, step, value = self.ledger, ran.step, ran.read[0]
        if not value.grad:
            return []
        seen, gradient = came[0]
        shape = value.layout.shape
        if step.turns:
            back = sorted(range(len(step.turns)), key=step.turns.__getitem__)
            return [(value, Gradient(ledger.share(gradient.block), gradient.layout.turned(back)))]
        whole = ledger.shared(gradient.block) and ledger.size(gradient.block) <= value.size
        if step.op == "expand" and value.ahead and self.batch == 1 and not whole:
            # What is repeated once is not repeated, and a gradient that is a part of another is held with all of it.
            return [(value, Gradient(ledger.share(gradient.block), gradient.layout.without(0)))]
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

    def arrive(self, pending: Pending, value: Value, came: Gradient, *, own: bool = True) -> None:
        """A gradient comes to a value, or to a weight, where it stays; ``own`` if it comes to nothing else."""
        ledger = self.ledger
        where = self.gradients if value.weight else pending
        before = where.get(value)
        if before is None and value.weight and not (own and came.layout.lies_as(value.layout)):
            # What stays with a weight lies as the weight does.
            where[value] = Gradient(ledger.take(value.size, "passing"), value.layout)
            ledger.drop(came.block)
        elif before is None:
            where[value] = came
        elif not self.as_tracked and not ledger.shared(before.block):
            ledger.drop(came.block)
        else:
            # What is summed over the samples already is as large as the weight.
            same = before.layout.shape == value.layout.shape
            size = value.size if same else stored_bytes(bare(product(before.layout.shape)), value.dtype)
            where[value] = Gradient(ledger.take(size, "passing"), before.layout.like())
            ledger.drop(before.block)
            ledger.drop(came.block)
        if value.weight:
            ledger.rename(where[value].block, "gradients")


_OF_MAPS: Final = frozenset({"convolution", "conv_transpose", "group_norm"})


def fits(step: Step, read: Value) -> bool:
    """Whether an operation that wants the order of axes takes a value as it lies; one over groups has two orders."""
    return read.layout.in_order or (step.op in COPIES and read.layout.channels_last)


def _of_maps_with_channels_last(step: Step, read: Sequence[Value]) -> bool:
    """Whether what runs on maps reads them with their channels last: what it makes, and its gradients, lie so too."""
    return step.op in _OF_MAPS and read[0].layout.channels_last


def _repeated_by_itself(value: Value) -> Value | None:
    """The weight that an operation repeats for every sample by itself: its gradient is summed with those of others.

    An axis of one value in front is repeated so too; what its code expands is, to autograd, an operation before.
    """
    by = value.made_by
    if not isinstance(by, Ran) or by.step.op != "expand" or not by.read[0].weight:
        return None
    weight = by.read[0]
    return None if weight.ahead and product(value.layout.shape) == product(weight.layout.shape) else weight


def _size_in(value: Value, dtype: str) -> int:
    """Bytes of a tensor, were it of another type."""
    return value.size if dtype == value.dtype else stored_bytes(bare(product(value.layout.shape)), dtype)


def _turn(ran: Ran, value: Value) -> int:
    return (1, 2, 0)[ran.read.index(value)]

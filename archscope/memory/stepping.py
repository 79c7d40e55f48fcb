"""`Operations`: what one operation of PyTorch takes and gives back; see `Passing` for its backward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archscope.layers.attending import FUSED
from archscope.layers.operators import RETYPED, WINDOWS
from archscope.layers.steps import Made, Step
from archscope.memory.autocast import CAST, FULL, NORMS, computed_in
from archscope.memory.layout import Anyhow, Layout, with_channels_last
from archscope.memory.ledger import Ledger
from archscope.memory.values import Again, Ran, StopsEarly, Value
from archscope.precision import stored_bytes
from archscope.working import bare, product

IN_ORDER: Final = frozenset({
    "convolution", "conv_transpose", "linear", "mm", "bmm", "layer_norm", "group_norm", "batch_norm",
    *(f"{kind}{axes}d" for kind in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")
      for axes in (1, 2, 3)), "cat", "stack", "sum", "mean", "amax", "pad", "index",
    "softmax", "log_softmax", "nll_loss", "embedding", "upsample", "zeros", "index_add",
    "mkldnn_rnn_layer", "rms_norm", "cumsum", "tril", "triu", "masked_fill", "roll", "softmax2d",
})  # fmt: skip
"""Operations whose results, and the gradients they make, lie in the order of their axes, whatever they read."""

COPIES: Final = frozenset({"group_norm"})
"""Operations whose backward pass works on a copy of a gradient that does not lie as what they read does."""

MATRICES: Final = frozenset({"linear", "mm", "bmm", "convolution", "conv_transpose"})
"""Operations that keep what they read second for the gradient of what they read first, a weight among others."""

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
            normalization makes the gradient of its input, wanted or not; rows are added up in a second table; the
            gradient of layer normalization lies as the one that came does; shuffled channels lie in the order of the
            axes.
    """

    def __init__(self, ledger: Ledger, batch: int, dtype: str, *, as_tracked: bool) -> None:
        self.ledger, self.batch, self.dtype, self.as_tracked = ledger, batch, dtype, as_tracked
        self.copied = self.anyhow = False
        self.first_time: Again | None = None
        self.second_time: Again | None = None

    def extents(self, made: Made) -> tuple[int, ...]:
        """The extents of a tensor, those of the batch among them."""
        shape = tuple(bare(each) for each in made.shape)
        if not made.each or (made.folded and not shape):  # one value of all that stands in the first axis
            return shape
        if made.folded:
            return (*shape[: made.at], shape[made.at] * self.batch, *shape[made.at + 1 :])
        return (*shape[: made.at], self.batch, *shape[made.at :])

    def in_order(self, step: Step) -> bool:
        """Whether what an operation makes lies in the order of its axes, whatever it reads."""
        return step.op in IN_ORDER or (self.as_tracked and step.op == "channel_shuffle")

    def bytes_of(self, made: Made, dtype: str = "") -> int:
        """Bytes of a tensor for the batch."""
        return stored_bytes(bare(product(self.extents(made))), made.dtype or dtype or self.dtype)

    def run(self, layer: str, step: Step, local: dict[str, Value], *, recording: bool) -> Ran | None:
        """Run a step on the tensors of a layer by name; what the backward pass finds of it, if there is one."""
        ledger = self.ledger
        read = [local[name] for name in step.reads]
        grad = any(value.grad for value in read)
        dtype = computed_in(step, read, self.dtype)
        needed = self._needed(step, read, local) if grad and recording else []
        group = self.second_time
        if group is not None and needed and group.at == len(group.ran) - 1 and not _made_by(step, needed):
            self._keep_again(group, [local[name].block for name in needed if not local[name].weight])
        in_place = step.in_place or (step.in_place_unless_tracked and not self.as_tracked)
        made = []
        for each in step.makes:
            if step.views:
                value = self._seen(step, read[0], each)
                value.seen = value.block == read[0].block and (read[0].seen or not in_place)
                value.leaf = read[0].leaf
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
                value.seen = _seen_of_another(step, value)
            value.grad = grad and (not each.dtype or step.op == CAST)
            if self.anyhow:
                value.layout = Anyhow.of(value.layout.shape)
            made.append(value)
            local[each.name] = value
        scratch = [ledger.take(self.bytes_of(each, dtype), "temporary") for each in step.beside]
        for block in scratch:
            ledger.drop(block)
        if not grad or not recording:
            return None
        written = step.reads[0] if in_place else ""
        saved = [local[name].block for name in needed
                 if not local[name].weight and name != written
                 and not self._may_keep_a_copy(step, local[name])]  # fmt: skip
        beside = {name: local[name].layout for name in step.reads_too if name in step.saves}
        if self.first_time is not None:
            ran = Ran(layer, step, read, made, [], dtype, beside)
            return self._without_keeping(self.first_time, ran, keeps=bool(needed))
        # What is about to be written over, and needed as it was, is copied first.
        copies = [ledger.take(read[0].size, "values") for name in needed if name == written]
        for block in (*saved, *copies):
            ledger.save(block)
        for block in copies:
            ledger.drop(block)
        if group is not None:
            if needed:
                self._keep_again(group, [*saved, *copies], saved=True)
            return None
        return Ran(layer, step, read, made, [*saved, *copies], dtype, beside)

    def _may_keep_a_copy(self, step: Step, value: Value) -> bool:
        """Whether nobody knows if a step keeps a part of a tensor, and with it all of that, or a copy of the part."""
        unknown = bool(step.unlined) and isinstance(value.layout, Anyhow)
        return unknown and self.ledger.size(value.block) > value.size

    @staticmethod
    def _needed(step: Step, read: Sequence[Value], local: Mapping[str, Value]) -> list[str]:
        """The tensors that the backward pass of a step needs, weights among them."""
        frozen = step.op in PRODUCTS and len(read) > 1 and not read[1].grad
        kept = [name for name in step.saves if not (frozen and name == step.reads[0])]
        found = [*kept, *(name for name, target in step.saves_for.items() if local[target].grad)]
        if step.op in MATRICES and len(read) > 1 and read[0].grad and step.reads[1] not in found:
            found.append(step.reads[1])
        return found

    @staticmethod
    def _without_keeping(group: Again, ran: Ran, *, keeps: bool) -> Ran:
        """A step of a group that runs again: what it needs comes then."""
        if keeps:
            ran.again = group
            group.ran.append(ran)
            group.left += 1
        return ran

    def _keep_again(self, group: Again, blocks: Sequence[int], *, saved: bool = False) -> None:
        """What a step needs that runs for the second time: as it was the first time.

        Raises:
            StopsEarly: it was the last that needs anything.
        """
        ran = group.ran[group.at]
        group.at += 1
        for block in () if saved else blocks:
            self.ledger.save(block)
        ran.saved = [*blocks]
        if ran.gone:
            self.let_go_saved(ran)
        if group.at == len(group.ran):
            raise StopsEarly

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

    def forget_block(self, value: Value) -> None:
        """A value holds nothing: what is seen of a larger one may be copied, and the larger one goes."""
        self.ledger.drop(value.block)
        value.block = self.ledger.take(0, "values")

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
                gone.extend(each for each in ran.read if each.grad)

    def forget(self, ran: Ran) -> None:
        """The backward pass needs a step no more, and nothing that was saved for it."""
        self.let_go_saved(ran)
        group = ran.again
        if group is not None and not ran.gone:
            group.left -= 1
            if not group.left:
                self.let_go_given(group)
        ran.gone = True

    def let_go_saved(self, ran: Ran) -> None:
        """The backward pass needs no more what was saved for a step."""
        for block in ran.saved:
            self.ledger.release(block)
        ran.saved = []

    def let_go_given(self, group: Again) -> None:
        """The backward pass needs no more what a group read from outside."""
        for value in group.given.values():
            self.ledger.release(value.block)

    def _made(self, step: Step, read: Sequence[Value], made: Made, dtype: str) -> Value:
        layout = Layout.of(self.extents(made))
        if of_maps_with_channels_last(step, read) and len(layout.shape) == len(read[0].layout.shape):
            layout = with_channels_last(layout.shape)
        elif not self.in_order(step):
            lie = [lies for each in read if (lies := _as_wide(each.layout, layout.shape))]
            layout = lie[0].like(*lie[1:]) if lie else layout
        if made.dtype == FULL and dtype == "float64":  # sums are no narrower than what they are sums of
            made = made.replace(dtype=dtype)
        size = self.bytes_of(made, dtype)
        return Value(self.ledger.take(size, "values"), size, layout, made.dtype or dtype, grad=False)

    def _alike(self, other: Value, dtype: str) -> Value:
        size = size_in(other, dtype or other.dtype)
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
        held = self.ledger.share(read.block)
        if isinstance(read.layout, Anyhow) and _may_copy(step, read.layout, layout) and self.ledger.size(held) > size:
            self.ledger.drop(held)  # a copy of a part may be held, and the whole not
            held = self.ledger.take(0, "values")
        return Value(held, size, layout, read.dtype, grad=False)

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
        if step.merges and layout.seen_as((shape[0] * shape[1], *shape[2:])) is None:
            return None
        return layout.seen_as(shape)


def _as_wide(layout: Layout, shape: tuple[int, ...]) -> Layout | None:
    """How a value lies in a result, repeated along axes of one; a parameter of more puts those before it."""
    if layout.shape == shape:
        return layout
    if len(layout.shape) <= len(shape) and all(
        here in (1, there) for here, there in zip(reversed(layout.shape), reversed(shape), strict=False)
    ):
        return layout.spread(shape)
    alike = [each for each in layout.shape if each != 1] == [each for each in shape if each != 1]
    return layout.seen_as(shape) if alike else None


def _made_by(step: Step, names: Sequence[str]) -> bool:
    """Whether a step makes any of some tensors itself, or puts what it makes in their place."""
    return step.in_place or bool({each.name for each in step.makes} & {*names})


AS_CAME: Final = frozenset({
    "pad", "upsample", "pixel_shuffle", "pixel_unshuffle",
    *(f"{kind}_pad{axes}d" for kind in ("zero", "constant") for axes in (2, 3)),
})  # fmt: skip
"""Operations on maps whose gradients lie with their channels last where the one that came does."""

IN_ONE_ROW: Final = frozenset({"avg_pool1d", "max_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d"})
"""Operations on rows that PyTorch runs on maps of one row."""

PLACES_FOR_GRADIENTS: Final = frozenset({"max_pool1d"})
"""Operations that note where values stood for a gradient alone, unless a tracker watches, for which they always do."""

BORDERS: Final = frozenset({"reflection_pad2d", "replication_pad2d"})
"""Operations that put around maps what stands at their borders."""

_OF_MAPS: Final = (
    AS_CAME
    | BORDERS
    | IN_ONE_ROW
    | frozenset(
        {
            "convolution",
            "conv_transpose",
            "group_norm",
            "batch_norm",
            "avg_pool2d",
            "max_pool2d",
            "max_pool3d",
            "adaptive_avg_pool2d",
            "adaptive_max_pool2d",
        }
    )
)
"""Operations that make maps with their channels last of such maps."""


def fits(step: Step, local: Mapping[str, Value]) -> bool:
    """Whether an operation takes what it reads as it lies.

    One that wants the order of axes takes its first; one over groups has two orders. Attention in one operation wants
    the last axis of all side by side, were it of one value.
    """
    if step.op == FUSED:
        return all(local[name].layout.strides[-1] == 1 for name in (*step.reads, *step.reads_too))
    layout = local[step.reads[0]].layout
    return layout.in_order or (step.op in COPIES and layout.channels_last)


def of_maps_with_channels_last(step: Step, read: Sequence[Value]) -> bool:
    """Whether what runs on maps reads them with their channels last: what it makes lies so too."""
    if not read:
        return False
    if step.op == "cat":
        return all(value.layout.channels_last for value in read)
    if step.op in IN_ONE_ROW:
        row = read[0].layout
        # Without a gradient the largest values of rows are found by an operation of their own.
        found = step.op != "max_pool1d" or read[0].grad
        return found and len(row.shape) == len(("batch", "channels", "length")) and row.in_one_row.channels_last
    return step.op in _OF_MAPS and read[0].layout.channels_last


def _seen_of_another(step: Step, value: Value) -> bool:
    """Whether what an operation gives is seen of a tensor that it made: of a matrix of rows, of maps of one row."""
    rows = step.op == "linear" and len(step.reads) > 2 and len(value.layout.shape) > 2
    return rows or step.op in IN_ONE_ROW


def _may_copy(step: Step, before: Layout, after: Layout) -> bool:
    """Whether a step that sees all values of a tensor otherwise copies them where they do not lie so."""
    return not step.turns and step.takes is None and product(before.shape) == product(after.shape)


def size_in(value: Value, dtype: str) -> int:
    """Bytes of a tensor, were it of another type."""
    return value.size if dtype == value.dtype else stored_bytes(bare(product(value.layout.shape)), dtype)

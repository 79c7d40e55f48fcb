"""Layers that hand on a part of their input, or all of it in parts: slice, select, split, chunk, crop."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, spell_shape
from archscope.layers.places import LOST, axis_in, kept_grid, replaced
from archscope.layers.steps import Made, Step, output_name
from archscope.options import integer, non_negative, one_or_many, option, optional, positive, shape
from archscope.working import bare, count

AXIS = "The axis, counted without the batch."


class View(Layer):
    """The same values in the same memory, seen along other axes."""

    family: ClassVar[str] = "axes"
    absorbed: ClassVar[bool] = True
    shares_memory: ClassVar[bool] = True

    def seen(self, facts: Facts) -> Step:
        """The operation that sees it so."""
        made = tuple(Made(output_name(place), shape) for place, shape in enumerate(facts.outputs))
        return Step(self.type, ("input",), made, views=True)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (self.seen(facts),)


class Slice(View):
    """Some of the positions along an axis: those from ``start`` up to ``end``, ``step`` apart.

    >>> Slice(dim=1, start=-1).facts((768, 197)).output
    (768, 1)
    """

    type: ClassVar[str] = "slice"
    absorbed: ClassVar[bool] = False
    verb: ClassVar[str] = "Slice"
    dim: int = option(integer, default=0, doc=AXIS)
    start: int = option(integer, default=0, doc="The first position; a negative one counts from the end.")
    end: int | None = option(
        optional(integer), default=None, doc="The first position that is left out; all to the end if left out."
    )
    step: int = option(positive, default=1, doc="Distance between the positions.")

    @property
    def label(self) -> str:
        step = "" if self.step == 1 else f":{self.step}"
        return f"slice {self.start or ''}:{'' if self.end is None else self.end}{step}"

    def rule(self, *inputs: Shape) -> Facts:
        (given,) = inputs
        axis = axis_in(self.dim, given)
        size = bare(given[axis])
        first, end = _within(self.start, size), size if self.end is None else _within(self.end, size)
        positions = -(-(end - first) // self.step)
        if positions < 1:
            raise Rejects(
                f"leaves nothing of {bare(given[axis])} positions",
                option="end" if self.end is not None else "start",
                input=0,
                help=f"positions count from 0 to {bare(given[axis]) - 1}, or from the end with a minus",
            )
        window = Window(1, stride=self.step, padding=-first)
        return Facts(inputs, (replaced(given, axis, count(positions)),), windows=kept_grid(given, (axis,), window))

    def seen(self, facts: Facts) -> Step:
        return super().seen(facts).replace(apart=self.step)


def _within(position: int, size: int) -> int:
    """A position as Python slices take it: counted from the end where it is negative, and never outside."""
    place = position if position >= 0 else size + position
    return max(0, min(place, size))


class Select(View):
    """One position of an axis, which goes away: the class token of a sequence.

    >>> Select(dim=0, index=0).facts((197, 768)).output
    (768,)
    """

    type: ClassVar[str] = "select"
    absorbed: ClassVar[bool] = False
    verb: ClassVar[str] = "Selection"
    dim: int = option(integer, default=0, doc=AXIS)
    index: int = option(integer, doc="The position; a negative one counts from the end.")

    @property
    def label(self) -> str:
        return f"select {self.index}"

    def rule(self, *inputs: Shape) -> Facts:
        (given,) = inputs
        axis = axis_in(self.dim, given)
        if not -bare(given[axis]) <= self.index < bare(given[axis]):
            raise Rejects(
                f"`index: {self.index}` is none of {bare(given[axis])} positions",
                option="index",
                input=0,
                help=f"positions count from 0 to {bare(given[axis]) - 1}, or from the end with a minus",
            )
        output = tuple(extent for at, extent in enumerate(given) if at != axis)
        return Facts(inputs, (output,), windows=None, reasons=LOST)

    def seen(self, facts: Facts) -> Step:
        return super().seen(facts).replace(takes=axis_in(self.dim, facts.inputs[0]) + 1)


class _Parts(View):
    """What gives out several parts of its input, named by their numbers: ``from: qkv.0``."""

    absorbed: ClassVar[bool] = False
    verb: ClassVar[str] = "Split"
    dim: int = option(integer, default=0, doc=AXIS)

    @property
    def many(self) -> int:
        """How many parts there are."""
        raise NotImplementedError

    @property
    def output_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(str(part) for part in range(self.many))

    def cut(self, given: Shape, axis: int, sizes: tuple[int, ...]) -> Facts:
        """The facts of parts of these sizes."""
        outputs = tuple(replaced(given, axis, count(size)) for size in sizes)
        if axis == 0 or len(sizes) == 1:
            return Facts((given,), outputs)
        reason = "its parts lie at different places of the grid"
        return Facts((given,), outputs, windows=None, reasons={"receptive_field": reason})


class Split(_Parts):
    """Its input in parts of given sizes along an axis, each an output of its own: ``from: qkv.0``.

    >>> Split(split_size=[16, 48]).facts((64, 8, 8)).outputs
    ((16, 8, 8), (48, 8, 8))
    """

    type: ClassVar[str] = "split"
    split_size: tuple[int, ...] = option(shape, doc="The size of each part; for equal parts use `chunk`.")

    @property
    def many(self) -> int:
        return len(self.split_size)

    @property
    def label(self) -> str:
        sizes = ", ".join(map(str, self.split_size[:6]))
        return f"split {sizes}{', …' if self.many > 6 else ''}"

    def rule(self, *inputs: Shape) -> Facts:
        axis = axis_in(self.dim, inputs[0])
        if sum(self.split_size) != bare(inputs[0][axis]):
            raise Rejects(
                f"parts of {sum(self.split_size):,} do not make the {bare(inputs[0][axis]):,} values of axis {axis}",
                option="split_size",
                input=0,
                help="the sizes add up to the axis",
            )
        return self.cut(inputs[0], axis, self.split_size)


class Chunk(_Parts):
    """Its input in equal parts along an axis, each an output of its own: ``from: qkv.0``.

    As in PyTorch the last part is smaller where the axis does not divide.

    >>> Chunk(chunks=3, dim=1).facts((197, 2304)).outputs
    ((197, 768), (197, 768), (197, 768))
    """

    type: ClassVar[str] = "chunk"
    chunks: int = option(positive, doc="How many parts.")

    @property
    def many(self) -> int:
        return self.chunks

    @property
    def label(self) -> str:
        return f"chunk in {self.chunks}"

    def check(self) -> None:
        if self.chunks > 10_000:
            raise Rejects(
                f"{self.chunks:,} parts are more than anyone reads", option="chunks", help="use 10,000 at most"
            )

    def rule(self, *inputs: Shape) -> Facts:
        axis = axis_in(self.dim, inputs[0])
        extent = bare(inputs[0][axis])
        size = -(-extent // self.chunks)
        last = extent - size * (self.chunks - 1)
        if last < 1:
            made = -(-extent // size)
            raise Rejects(
                f"parts of {size} over {extent} positions are {made}, not {self.chunks}",
                option="chunks",
                input=0,
                help=f"use {made}, as PyTorch makes them, or `split` with the sizes",
            )
        return self.cut(inputs[0], axis, (*(size for _ in range(self.chunks - 1)), last))


class Crop(View):
    """The first input cut to the height and width, or length, of the second, from its middle or an offset.

    The U-Net's copies are cropped to what they are joined with (Ronneberger et al. 2015). In the middle as much is
    cut before as after, the odd position after.

    >>> Crop().facts((64, 136, 136), (128, 104, 104)).output
    (64, 104, 104)
    """

    type: ClassVar[str] = "crop"
    absorbed: ClassVar[bool] = False
    verb: ClassVar[str] = "Crop"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    offset: tuple[int, ...] | None = option(
        optional(one_or_many(non_negative, "a whole number or one for each axis")),
        default=None,
        doc="Positions left out before; half of what is too much if left out.",
    )

    @property
    def label(self) -> str:
        return "crop"

    def rule(self, *inputs: Shape) -> Facts:
        given, like = inputs
        axes = len(given) - 1
        if len(like) != len(given) or not axes:
            raise Rejects(f"cannot crop {spell_shape(given)} to {spell_shape(like)}", input=1,
                          help="both need the same axes beside the channels")  # fmt: skip
        before = [(bare(size) - bare(wanted)) // 2 for size, wanted in zip(given[1:], like[1:], strict=True)]
        if self.offset is not None:
            if len(self.offset) not in (1, axes):
                raise Rejects(f"`offset` has {len(self.offset)} values for {axes} axes", option="offset", input=0)
            before = list(self.offset) * (axes if len(self.offset) == 1 else 1)
        for size, wanted, first in zip(given[1:], like[1:], before, strict=True):
            if bare(wanted) > bare(size) or first + bare(wanted) > bare(size):
                raise Rejects(
                    f"{bare(wanted)} positions from {max(first, 0)} on are not in {bare(size)}",
                    option=None if self.offset is None else "offset",
                    input=0,
                    help="the first input is cropped to the size of the second",
                )
        output = (given[0], *like[1:])
        return Facts(inputs, (output,), windows=tuple(Window(1, padding=-first) for first in before), sees=(0,))

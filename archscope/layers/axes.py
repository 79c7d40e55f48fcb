"""Layers along named axes: turned, taken away, put in, cut out of, cut apart, and put together to one value."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, spell_option, spell_shape
from archscope.layers.parts import AXIS, Chunk, Crop, Select, Slice, Split, View
from archscope.layers.places import LOST, axes_in, axis_in, taken_out
from archscope.layers.steps import Made, Step, largest, like
from archscope.options import (
    flag,
    integer,
    list_of,
    one_or_many,
    open_shape,
    option,
    optional,
    positive,
)
from archscope.working import bare, count

_AXES = one_or_many(integer, "a list of axes or one axis")


class Permute(View):
    """The same values with the axes in another order; the batch stays in front.

    >>> Permute(dims=[1, 2, 0]).facts((3, 32, 48)).output
    (32, 48, 3)
    """

    type: ClassVar[str] = "permute"
    verb: ClassVar[str] = "Permutation"
    dims: tuple[int, ...] = option(
        list_of(integer, "a list of axes"), doc="Every axis in its new place, counted without the batch."
    )

    @property
    def label(self) -> str:
        return f"permute {', '.join(map(str, self.dims))}"

    def rule(self, *inputs: Shape) -> Facts:
        axes = axes_in(self.dims, inputs[0], option="dims")
        if len(axes) != len(inputs[0]):
            raise Rejects(
                f"`dims` names {len(axes)} of the {len(inputs[0])} axes of {spell_shape(inputs[0])}",
                option="dims",
                input=0,
                help="name every axis but the batch once",
            )
        return _turned(inputs, axes)

    def seen(self, facts: Facts) -> Step:
        axes = axes_in(self.dims, facts.inputs[0])
        return super().seen(facts).replace(turns=(0, *(axis + 1 for axis in axes)))


class Transpose(View):
    """The same values with two axes exchanged.

    >>> Transpose(dim0=0, dim1=1).facts((768, 196)).output
    (196, 768)
    """

    type: ClassVar[str] = "transpose"
    verb: ClassVar[str] = "Transposition"
    dim0: int = option(integer, doc=AXIS)
    dim1: int = option(integer, doc="The axis it changes places with.")

    @property
    def label(self) -> str:
        return f"transpose {self.dim0}, {self.dim1}"

    def rule(self, *inputs: Shape) -> Facts:
        one = axis_in(self.dim0, inputs[0], option="dim0")
        other = axis_in(self.dim1, inputs[0], option="dim1")
        axes = list(range(len(inputs[0])))
        axes[one], axes[other] = other, one
        return _turned(inputs, tuple(axes))

    def seen(self, facts: Facts) -> Step:
        axes = list(range(len(facts.inputs[0]) + 1))
        one, other = axis_in(self.dim0, facts.inputs[0]) + 1, axis_in(self.dim1, facts.inputs[0]) + 1
        axes[one], axes[other] = other, one
        return super().seen(facts).replace(turns=tuple(axes))


def _turned(inputs: tuple[Shape, ...], axes: tuple[int, ...]) -> Facts:
    output = tuple(inputs[0][axis] for axis in axes)
    if axes == tuple(range(len(axes))):
        return Facts(inputs, (output,))
    return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "the axes of the grid are exchanged"})


class Squeeze(View):
    """Without axes of one value.

    >>> Squeeze(dim=[1, 2]).facts((512, 1, 1)).output
    (512,)
    """

    type: ClassVar[str] = "squeeze"
    verb: ClassVar[str] = "Squeeze"
    dim: tuple[int, ...] | None = option(
        optional(_AXES),
        default=None,
        doc="The axes to take away, counted without the batch; all of one value if left out.",
    )

    @property
    def label(self) -> str:
        return "squeeze"

    def rule(self, *inputs: Shape) -> Facts:
        ones = tuple(axis for axis, extent in enumerate(inputs[0]) if bare(extent) == 1)
        axes = ones if self.dim is None else axes_in(self.dim, inputs[0])
        wide = next((axis for axis in axes if axis not in ones), None)
        if wide is not None:
            raise Rejects(
                f"axis {wide} of {spell_shape(inputs[0])} has {bare(inputs[0][wide])} values, not one",
                option="dim",
                input=0,
                help="use `select` for one of them, or `flatten`",
            )
        output = taken_out(inputs[0], axes, "dim", "name the axes to take away, and leave one")
        return Facts(inputs, (output,)) if not axes else Facts(inputs, (output,), windows=None, reasons=LOST)


class Unsqueeze(View):
    """With one more axis, of one value.

    >>> Unsqueeze(dim=0).facts((28, 28)).output
    (1, 28, 28)
    """

    type: ClassVar[str] = "unsqueeze"
    verb: ClassVar[str] = "Unsqueeze"
    dim: int = option(integer, doc="The place of the new axis, counted without the batch.")

    @property
    def label(self) -> str:
        return "unsqueeze"

    def rule(self, *inputs: Shape) -> Facts:
        place = axis_in(self.dim, inputs[0], more=1)
        output = (*inputs[0][:place], count(1), *inputs[0][place:])
        return Facts(inputs, (output,), windows=None, reasons=LOST)


class Expand(View):
    """Axes of one value repeated, without copying; −1 leaves an axis as it is.

    >>> Expand(size=[-1, 14, 14]).facts((64, 1, 1)).output
    (64, 14, 14)
    """

    type: ClassVar[str] = "expand"
    verb: ClassVar[str] = "Expansion"
    size: tuple[int, ...] = option(open_shape, doc="The new shape, without the batch axis.")

    @property
    def label(self) -> str:
        return "expand"

    def rule(self, *inputs: Shape) -> Facts:
        (given,) = inputs
        wanted = tuple(bare(old) if new == -1 else new for old, new in zip(given, self.size, strict=False))
        unlike = any(bare(old) not in (1, new) for old, new in zip(given, wanted, strict=False))
        if len(self.size) != len(given) or unlike:
            raise Rejects(
                f"{spell_shape(given)} cannot be repeated to {spell_option('size', self.size)}",
                option="size",
                input=0,
                help="name as many axes; only axes of one value are repeated, and -1 leaves one as it is",
            )
        output = tuple(old if bare(old) == new else count(new) for old, new in zip(given, wanted, strict=True))
        if output[1:] == tuple(given[1:]):
            return Facts(inputs, (output,))
        return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "a repeated extent has no grid"})


class Repeat(Layer):
    """Every axis so many times in a row, as PyTorch's ``repeat`` copies it.

    >>> Repeat(repeats=[1, 2, 2]).facts((64, 7, 7)).output
    (64, 14, 14)
    """

    type: ClassVar[str] = "repeat"
    family: ClassVar[str] = "axes"
    verb: ClassVar[str] = "Repetition"
    repeats: tuple[int, ...] = option(
        list_of(positive, "a list of numbers"), doc="How often each axis comes, counted without the batch."
    )

    @property
    def label(self) -> str:
        return f"repeat {'×'.join(map(str, self.repeats))}"

    def rule(self, *inputs: Shape) -> Facts:
        (given,) = inputs
        if len(self.repeats) != len(given):
            raise Rejects(
                f"`repeats` names {len(self.repeats)} axes of the {len(given)} of {spell_shape(given)}",
                option="repeats",
                input=0,
                help="state a number for every axis but the batch, 1 to leave it as it is",
            )
        output = tuple(count(bare(old) * times) for old, times in zip(given, self.repeats, strict=True))
        if not any(times > 1 for times in self.repeats[1:]):
            return Facts(inputs, (output,))
        return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "a repeated extent has no grid"})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("repeat", ("input",), (Made("output", facts.output),)),)


class _Reduction(Layer):
    """One value for all of some axes."""

    family: ClassVar[str] = "axes"
    verb: ClassVar[str] = "Reduction"
    dim: tuple[int, ...] = option(_AXES, doc="The axes, counted without the batch.")
    keepdim: bool = option(flag, default=False, doc="Whether each axis stays, with one value.")

    @property
    def label(self) -> str:
        return f"{self.type} over ax{'i' if len(self.dim) == 1 else 'e'}s {', '.join(map(str, self.dim))}"

    def reduced(self, shape: Shape) -> tuple[int, ...]:
        return axes_in(self.dim, shape)

    def rule(self, *inputs: Shape) -> Facts:
        (given,) = inputs
        axes = axes_in(self.dim, given)
        if not self.keepdim:
            output = taken_out(given, axes, "dim", "state `keepdim: true`")
            return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "an axis goes away"})
        output = tuple(count(1) if axis in axes else extent for axis, extent in enumerate(given))
        windows = tuple(
            Window(bare(extent), bare(extent)) if axis in axes else Window(1)
            for axis, extent in enumerate(given)
            if axis
        )
        return Facts(inputs, (output,), windows=windows if set(axes) - {0} else ())


class Mean(_Reduction):
    """The mean over some axes: global average pooling, or the mean of all tokens.

    >>> Mean(dim=[1, 2]).facts((512, 7, 7)).output
    (512,)
    """

    type: ClassVar[str] = "mean"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("mean", ("input",), (Made("output", facts.output),)),)


class Sum(_Reduction):
    """The sum over some axes.

    >>> Sum(dim=0).facts((197, 768)).output
    (768,)
    """

    type: ClassVar[str] = "sum"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        axes = tuple(axis + 1 for axis in axes_in(self.dim, facts.inputs[0]))
        return (Step("sum", ("input",), (Made("output", facts.output),), passes=("input",), sums=axes),)


class Max(_Reduction):
    """The largest value over some axes, PyTorch's ``amax``.

    >>> Max(dim=1, keepdim=True).facts((64, 100)).output
    (64, 1)
    """

    type: ClassVar[str] = "max"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (largest("input", facts.inputs[0], facts.output),)


class Min(_Reduction):
    """The smallest value over some axes, PyTorch's ``amin``.

    >>> Min(dim=1, keepdim=True).facts((64, 100)).output
    (64, 1)
    """

    type: ClassVar[str] = "min"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (largest("input", facts.inputs[0], facts.output).replace(op="amin"),)


class LogSumExp(_Reduction):
    """The logarithm of the sum of the exponentials over some axes: a smooth maximum.

    >>> LogSumExp(dim=0).facts((10, 7)).output
    (7,)
    """

    type: ClassVar[str] = "logsumexp"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        (given,), made = facts.inputs, Made("output", facts.output)
        return (Step("logsumexp", ("input",), (made,), ("input", "output"), behind=like(given, 2)),)


class _Spread(_Reduction):
    """How far values lie apart over some axes."""

    correction: int = option(
        integer, default=1, doc="What is taken from the number of values before the sum is divided by it."
    )


class Var(_Spread):
    """The variance over some axes.

    >>> Var(dim=[1, 2]).facts((512, 7, 7)).output
    (512,)
    """

    type: ClassVar[str] = "var"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        behind = (*like(facts.inputs[0], 1), *like(facts.output, 2))
        return (Step("var", ("input",), (Made("output", facts.output),), ("input",), behind=behind),)


class Std(_Spread):
    """The standard deviation over some axes.

    >>> Std(dim=[1, 2], correction=0).facts((512, 7, 7)).output
    (512,)
    """

    type: ClassVar[str] = "std"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        behind = (*like(facts.inputs[0], 1), *like(facts.output, 3))
        return (Step("std", ("input",), (Made("output", facts.output),), ("input", "output"), behind=behind),)


LAYERS: tuple[type[Layer], ...] = (
    Permute,
    Transpose,
    Squeeze,
    Unsqueeze,
    Expand,
    Slice,
    Select,
    Split,
    Chunk,
    Crop,
    Mean,
    Sum,
    Max,
    Min,
    LogSumExp,
    Var,
    Std,
    Repeat,
)

"""Pooling: maximum, average, adaptive, and LeCun's trainable sub-sampling."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, axial, spell_shape
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.steps import INDEX, Made, Step, padded_first
from archscope.layers.subsampling import Subsampling, Windowed
from archscope.layers.windows import (
    AXES,
    check_axes,
    padded_shape,
    padded_sides,
    same_padding,
    slides,
    spell_window,
)  # fmt: skip
from archscope.options import each_axis, flag, option
from archscope.paddings import Padding, Sides, padding
from archscope.working import bare, count


class _Pooling(Windowed):
    """A window without weights."""

    verb: ClassVar[str] = "Pooling"
    word: ClassVar[str] = ""
    padding: Padding = axial(
        padding, default=0, doc="Positions around the input that never win or count; `same` pads as Keras does."
    )
    ceil_mode: bool = option(
        flag, default=False, doc="Whether a last window may hang over the end: sizes round up instead of down."
    )

    @property
    def label(self) -> str:
        return f"{self.word} pool {spell_window(self.kernel_size, self.steps)}"

    @property
    def dilations(self) -> tuple[int, ...]:
        """Distance between the taps of a window along each axis."""
        return (1,) * self.axes

    def check(self) -> None:
        if self.padding == "same":
            return
        for kernel, sides in zip(self.kernel_size, self.padding, strict=True):
            if max(sides) > kernel // 2:
                raise Rejects(
                    f"padding of {max(sides)} is more than half the kernel of {kernel}: a window would hold nothing",
                    option="padding",
                    help=f"use at most {kernel // 2}, or a `zero_pad{self.axes}d` layer before this one",
                )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        across = slides(
            shape,
            kernel=self.kernel_size,
            stride=self.steps,
            dilation=self.dilations,
            padding=self.padding,
            ceil_mode=self.ceil_mode,
        )
        for along, name in zip(across, AXES[self.axes], strict=True):
            if along.holds_nothing:
                raise Rejects(
                    f"a window's taps, {along.window.dilation} apart, stride over the whole {name} of {along.size}: "
                    "it would hold nothing, and its largest value be −inf",
                    option="dilation",
                    input=0,
                    help=f"use a dilation of at most {along.size}, or no padding",
                )
        return Facts(
            inputs=inputs,
            outputs=((shape[0], *(each.positions for each in across)),),
            windows=tuple(each.window for each in across),
        )

    def padded_by_itself(self, inputs: tuple[Shape, ...]) -> Shape | None:
        """The input with its padding, where PyTorch's pooling does not pad by itself; None where it does."""
        sides = padded_sides(self.padding, inputs[0], self.kernel_size, self.steps, self.dilations)
        wide = any(before > size // 2 for (before, _), size in zip(sides, self.kernel_size, strict=True))
        if not wide and self.padding != "same" and all(before == after for before, after in sides):
            return None
        return padded_shape(inputs[0], sides)


class _MaxPool(_Pooling):
    word: ClassVar[str] = "max"
    dilation: tuple[int, ...] = axial(each_axis, default=1, doc="Distance between the taps of a window.")

    @property
    def dilations(self) -> tuple[int, ...]:
        return self.dilation

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        made = (Made("output", facts.output), Made("indices", facts.output, INDEX))
        pool = Step(f"max_pool{self.axes}d", ("input",), made, ("input", "indices"))
        return padded_first(pool, self.padded_by_itself(facts.inputs), facts.inputs[0])


class MaxPool1d(_MaxPool):
    """The largest value of each window along a ``(channels, length)`` input; no weights.

    >>> MaxPool1d(kernel_size=2).facts((16, 99)).output
    (16, 49)
    """

    type: ClassVar[str] = "max_pool1d"
    axes: ClassVar[int] = 1


class MaxPool2d(_MaxPool):
    """The largest value of each window, map by map; no weights.

    AlexNet's windows overlap: they are 3 wide and 2 apart.

    >>> MaxPool2d(kernel_size=3, stride=2).facts((96, 55, 55)).output
    (96, 27, 27)
    """

    type: ClassVar[str] = "max_pool2d"
    axes: ClassVar[int] = 2


class MaxPool3d(_MaxPool):
    """The largest value of each window of a ``(channels, depth, height, width)`` input; no weights.

    >>> MaxPool3d(kernel_size=2).facts((8, 16, 32, 32)).output
    (8, 8, 16, 16)
    """

    type: ClassVar[str] = "max_pool3d"
    axes: ClassVar[int] = 3


class _AvgPool(_Pooling):
    word: ClassVar[str] = "average"
    count_include_pad: bool = option(flag, default=True, doc="Whether padding counts as zeros in the average.")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        padded = self.padded_by_itself(facts.inputs)
        if padded is not None and not self.count_include_pad:
            return self._over_counts(facts, padded)
        pool = Step(f"avg_pool{self.axes}d", ("input",), (Made("output", facts.output),), ("input",))
        return padded_first(pool, padded, facts.inputs[0])

    def _over_counts(self, facts: Facts, padded: Shape) -> tuple[Step, ...]:
        """The average with zeros around, over that of ones."""
        one = (1, 1)
        counts = Made("counts", (*one, *facts.output[1:]), each=False, typed="input")
        steps = [Step(f"avg_pool{self.axes}d", ("padded",), (Made("pooled", facts.output),), ("padded",))]
        if padded == facts.inputs[0]:
            steps = [Step(f"avg_pool{self.axes}d", ("input",), (Made("pooled", facts.output),), ("input",))]
        else:
            steps.insert(0, Step("pad", ("input",), (Made("padded", padded),)))
        return (
            *steps,
            Step("ones_like", (), (Made("ones", (*one, *facts.inputs[0][1:]), each=False, typed="input"),)),
            Step(
                "pad", (), (Made("padded ones", (*one, *padded[1:]), each=False, typed="input"),), reads_too=("ones",)
            ),
            Step(f"avg_pool{self.axes}d", (), (counts,), reads_too=("ones", "padded ones")),
            Step("div", ("pooled",), (Made("output", facts.output),), ("counts",), reads_too=("counts",)),
        )


class AvgPool1d(_AvgPool):
    """The mean of each window along a ``(channels, length)`` input; no weights.

    >>> AvgPool1d(kernel_size=4).facts((16, 100)).output
    (16, 25)
    """

    type: ClassVar[str] = "avg_pool1d"
    axes: ClassVar[int] = 1


class AvgPool2d(_AvgPool):
    """The mean of each window, map by map; no weights.

    It is what most tutorials put in place of LeNet-5's `Subsampling`, which has weights:

    >>> AvgPool2d(kernel_size=2).facts((6, 28, 28)).parameters
    0
    """

    type: ClassVar[str] = "avg_pool2d"
    axes: ClassVar[int] = 2


class AvgPool3d(_AvgPool):
    """The mean of each window of a ``(channels, depth, height, width)`` input; no weights.

    >>> AvgPool3d(kernel_size=2).facts((8, 16, 32, 32)).output
    (8, 8, 16, 16)
    """

    type: ClassVar[str] = "avg_pool3d"
    axes: ClassVar[int] = 3

    def rule(self, *inputs: Shape) -> Facts:
        facts = super().rule(*inputs)
        (shape,) = inputs
        for name, kernel, whole, size in zip(AXES[3], self.kernel_size, self._whole(shape), shape[1:], strict=True):
            if kernel > whole:
                widened = f" (padded to {whole})" if whole != size else ""
                raise Rejects(
                    f"a kernel of {kernel} is larger than the input's {name} of {bare(size)}{widened}, "
                    "which PyTorch's average over three axes does not take, padded or rounded up",
                    option="kernel_size",
                    input=0,
                    help=f"use a kernel of at most {whole}, or a larger input",
                )
        return facts

    def _whole(self, shape: Shape) -> tuple[int, ...]:
        """The extents in which PyTorch wants a whole window: its own padding, equal on both sides, is not in them."""
        sizes = tuple(bare(size) for size in shape[1:])
        if self.padding == "same":
            along = zip(sizes, self.kernel_size, self.steps, strict=True)
            sides: Sides = tuple(same_padding(n, kernel=k, stride=s, dilation=1) for n, k, s in along)
        else:
            sides = self.padding
            if all(before == after for before, after in sides):
                return sizes
        return tuple(size + sum(side) for size, side in zip(sizes, sides, strict=True))


class _AdaptivePool(Layer):
    """Pooling that is told how many windows to make."""

    family: ClassVar[str] = "pooling"
    takes: ClassVar[Meaning] = MAPS
    verb: ClassVar[str] = "Pooling"
    word: ClassVar[str] = ""
    output_size: tuple[int, ...] = axial(each_axis, doc="How many windows along each axis.")

    @property
    def label(self) -> str:
        if set(self.output_size) == {1}:
            return f"global {self.word} pool"
        return f"{self.word} pool to {spell_shape(self.output_size)}"

    def reduced(self, shape: Shape) -> tuple[int, ...]:
        return tuple(range(1, len(shape))) if set(self.output_size) == {1} else ()

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        check_axes(shape, self.axes)
        outputs = ((shape[0], *(count(size) for size in self.output_size)),)
        windows = []
        for size, made in zip(shape[1:], self.output_size, strict=True):
            if bare(size) % made:
                reason = f"{made} windows over {bare(size)} positions are not all of one size"
                return Facts(inputs, outputs, windows=None, reasons={"receptive_field": reason})
            windows.append(Window(bare(size) // made, bare(size) // made))
        return Facts(inputs, outputs, windows=tuple(windows))


class _AdaptiveAvgPool(_AdaptivePool):
    word: ClassVar[str] = "average"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        # To one value a map it is a mean, which needs nothing of its input again.
        kept = () if set(self.output_size) == {1} else ("input",)
        return (Step(f"adaptive_avg_pool{self.axes}d", ("input",), (Made("output", facts.output),), kept),)


class _AdaptiveMaxPool(_AdaptivePool):
    word: ClassVar[str] = "max"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        made = (Made("output", facts.output), Made("indices", facts.output, INDEX))
        return (Step(f"adaptive_max_pool{self.axes}d", ("input",), made, ("input", "indices")),)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The mean of ``output_size`` windows along a ``(channels, length)`` input.

    >>> AdaptiveAvgPool1d(output_size=1).facts((16, 100)).output
    (16, 1)
    """

    type: ClassVar[str] = "adaptive_avg_pool1d"
    axes: ClassVar[int] = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The mean of ``output_size`` windows of each map, whatever the input's size.

    >>> AdaptiveAvgPool2d(output_size=6).facts((256, 6, 6)).output
    (256, 6, 6)
    """

    type: ClassVar[str] = "adaptive_avg_pool2d"
    axes: ClassVar[int] = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The mean of ``output_size`` windows of a ``(channels, depth, height, width)`` input.

    >>> AdaptiveAvgPool3d(output_size=1).facts((8, 4, 7, 7)).output
    (8, 1, 1, 1)
    """

    type: ClassVar[str] = "adaptive_avg_pool3d"
    axes: ClassVar[int] = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest value of ``output_size`` windows along a ``(channels, length)`` input.

    >>> AdaptiveMaxPool1d(output_size=10).facts((16, 100)).output
    (16, 10)
    """

    type: ClassVar[str] = "adaptive_max_pool1d"
    axes: ClassVar[int] = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest value of ``output_size`` windows of each map.

    >>> AdaptiveMaxPool2d(output_size=(2, 4)).facts((8, 6, 8)).output
    (8, 2, 4)
    """

    type: ClassVar[str] = "adaptive_max_pool2d"
    axes: ClassVar[int] = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest value of ``output_size`` windows of a ``(channels, depth, height, width)`` input.

    >>> AdaptiveMaxPool3d(output_size=1).facts((8, 4, 7, 7)).output
    (8, 1, 1, 1)
    """

    type: ClassVar[str] = "adaptive_max_pool3d"
    axes: ClassVar[int] = 3


LAYERS: tuple[type[Layer], ...] = (
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    Subsampling,
)

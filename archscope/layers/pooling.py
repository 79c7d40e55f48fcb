"""Pooling: maximum, average, adaptive, and LeCun's trainable sub-sampling."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, Window, spell_tuple
from archscope.layers.windows import LETTERS, SHAPES, slides, spell_window
from archscope.options import Padding, each_axis, flag, option, optional, padding
from archscope.working import Count, count, product

_KERNEL = "Size of the window."
_STRIDE = "Steps between windows; the size of the window if left out."
_PADDING = "Positions around the input that never win or count; `same` pads as Keras does."
_CEIL = "Whether a last window may hang over the end: sizes round up instead of down."


class _Pooling(Layer):
    """A window without weights; the axes are those of ``kernel_size``."""

    family: ClassVar[str] = "pooling"
    verb: ClassVar[str] = "Pooling"
    word: ClassVar[str] = ""
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...] | None
    padding: Padding
    ceil_mode: bool = option(flag, default=False, doc=_CEIL)

    @property
    def steps(self) -> tuple[int, ...]:
        """The stride, the window's size where none is stated."""
        return self.kernel_size if self.stride is None else self.stride

    @property
    def label(self) -> str:
        return f"{self.word} pool {spell_window(self.kernel_size, self.steps)}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def check(self) -> None:
        if self.padding == "same":
            return
        for kernel, sides in zip(self.kernel_size, self.padding, strict=True):
            if max(sides) > kernel // 2:
                raise Rejects(
                    f"padding of {max(sides)} is more than half the kernel of {kernel}: a window would hold nothing",
                    option="padding",
                    help=f"use at most {kernel // 2}, or a `zero_pad` layer before this one",
                )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        across = slides(
            shape,
            kernel=self.kernel_size,
            stride=self.steps,
            dilation=self._dilation(),
            padding=self.padding,
            ceil_mode=self.ceil_mode,
        )
        return Facts(
            inputs=inputs,
            outputs=((shape[0], *(each.positions for each in across)),),
            windows=tuple(each.window for each in across),
        )

    def _dilation(self) -> tuple[int, ...]:
        return (1,) * len(self.kernel_size)


class _MaxPool(_Pooling):
    word: ClassVar[str] = "max"
    dilation: tuple[int, ...]

    def _dilation(self) -> tuple[int, ...]:
        return self.dilation


class MaxPool1d(_MaxPool):
    """The largest value of each window along a ``(channels, length)`` input; no weights.

    >>> MaxPool1d(kernel_size=2).facts((16, 99)).output
    (16, 49)
    """

    type: ClassVar[str] = "max_pool1d"
    kernel_size: tuple[int, ...] = option(each_axis(1), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(1)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(1), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(1), default=1, doc="Distance between the taps of a window.")


class MaxPool2d(_MaxPool):
    """The largest value of each window, map by map; no weights.

    AlexNet's windows overlap: they are 3 wide and 2 apart.

    >>> MaxPool2d(kernel_size=3, stride=2).facts((96, 55, 55)).output
    (96, 27, 27)
    """

    type: ClassVar[str] = "max_pool2d"
    kernel_size: tuple[int, ...] = option(each_axis(2), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(2)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(2), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(2), default=1, doc="Distance between the taps of a window.")


class MaxPool3d(_MaxPool):
    """The largest value of each window of a ``(channels, depth, height, width)`` input; no weights.

    >>> MaxPool3d(kernel_size=2).facts((8, 16, 32, 32)).output
    (8, 8, 16, 16)
    """

    type: ClassVar[str] = "max_pool3d"
    kernel_size: tuple[int, ...] = option(each_axis(3), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(3)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(3), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(3), default=1, doc="Distance between the taps of a window.")


_INCLUDE = "Whether padding counts as zeros in the average."


class _AvgPool(_Pooling):
    word: ClassVar[str] = "average"
    count_include_pad: bool = option(flag, default=True, doc=_INCLUDE)


class AvgPool1d(_AvgPool):
    """The mean of each window along a ``(channels, length)`` input; no weights.

    >>> AvgPool1d(kernel_size=4).facts((16, 100)).output
    (16, 25)
    """

    type: ClassVar[str] = "avg_pool1d"
    kernel_size: tuple[int, ...] = option(each_axis(1), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(1)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(1), default=0, doc=_PADDING)


class AvgPool2d(_AvgPool):
    """The mean of each window, map by map; no weights.

    It is what most tutorials put in place of LeNet-5's `Subsampling`, which has weights:

    >>> AvgPool2d(kernel_size=2).facts((6, 28, 28)).parameters
    0
    """

    type: ClassVar[str] = "avg_pool2d"
    kernel_size: tuple[int, ...] = option(each_axis(2), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(2)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(2), default=0, doc=_PADDING)


class AvgPool3d(_AvgPool):
    """The mean of each window of a ``(channels, depth, height, width)`` input; no weights.

    >>> AvgPool3d(kernel_size=2).facts((8, 16, 32, 32)).output
    (8, 8, 16, 16)
    """

    type: ClassVar[str] = "avg_pool3d"
    kernel_size: tuple[int, ...] = option(each_axis(3), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(3)), default=None, doc=_STRIDE)
    padding: Padding = option(padding(3), default=0, doc=_PADDING)


class _AdaptivePool(Layer):
    """Pooling that is told how many windows to make."""

    family: ClassVar[str] = "pooling"
    verb: ClassVar[str] = "Pooling"
    word: ClassVar[str] = ""
    output_size: tuple[int, ...]

    @property
    def label(self) -> str:
        if set(self.output_size) == {1}:
            return f"global {self.word} pool"
        return f"{self.word} pool to {'×'.join(str(each) for each in self.output_size)}"

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        axes = len(self.output_size)
        if len(shape) != axes + 1:
            raise Rejects(f"takes {SHAPES[axes]}, got {spell_tuple(shape)}", input=0)
        outputs = ((shape[0], *(count(size) for size in self.output_size)),)
        windows = []
        for size, made in zip(shape[1:], self.output_size, strict=True):
            if int(size) % made:
                reason = f"{made} windows over {int(size)} positions are not all of one size"
                return Facts(inputs, outputs, windows=None, reasons={"receptive_field": reason})
            windows.append(Window(int(size) // made, int(size) // made))
        return Facts(inputs, outputs, windows=tuple(windows))


_OUTPUT_SIZE = "How many windows along each axis."


class AdaptiveAvgPool1d(_AdaptivePool):
    """The mean of ``output_size`` windows along a ``(channels, length)`` input.

    >>> AdaptiveAvgPool1d(output_size=1).facts((16, 100)).output
    (16, 1)
    """

    type: ClassVar[str] = "adaptive_avg_pool1d"
    word: ClassVar[str] = "average"
    output_size: tuple[int, ...] = option(each_axis(1), doc=_OUTPUT_SIZE)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The mean of ``output_size`` windows of each map, whatever the input's size.

    >>> AdaptiveAvgPool2d(output_size=6).facts((256, 6, 6)).output
    (256, 6, 6)
    """

    type: ClassVar[str] = "adaptive_avg_pool2d"
    word: ClassVar[str] = "average"
    output_size: tuple[int, ...] = option(each_axis(2), doc=_OUTPUT_SIZE)


class AdaptiveAvgPool3d(_AdaptivePool):
    """The mean of ``output_size`` windows of a ``(channels, depth, height, width)`` input.

    >>> AdaptiveAvgPool3d(output_size=1).facts((8, 4, 7, 7)).output
    (8, 1, 1, 1)
    """

    type: ClassVar[str] = "adaptive_avg_pool3d"
    word: ClassVar[str] = "average"
    output_size: tuple[int, ...] = option(each_axis(3), doc=_OUTPUT_SIZE)


class AdaptiveMaxPool1d(_AdaptivePool):
    """The largest value of ``output_size`` windows along a ``(channels, length)`` input.

    >>> AdaptiveMaxPool1d(output_size=10).facts((16, 100)).output
    (16, 10)
    """

    type: ClassVar[str] = "adaptive_max_pool1d"
    word: ClassVar[str] = "max"
    output_size: tuple[int, ...] = option(each_axis(1), doc=_OUTPUT_SIZE)


class AdaptiveMaxPool2d(_AdaptivePool):
    """The largest value of ``output_size`` windows of each map.

    >>> AdaptiveMaxPool2d(output_size=(2, 4)).facts((8, 6, 8)).output
    (8, 2, 4)
    """

    type: ClassVar[str] = "adaptive_max_pool2d"
    word: ClassVar[str] = "max"
    output_size: tuple[int, ...] = option(each_axis(2), doc=_OUTPUT_SIZE)


class AdaptiveMaxPool3d(_AdaptivePool):
    """The largest value of ``output_size`` windows of a ``(channels, depth, height, width)`` input.

    >>> AdaptiveMaxPool3d(output_size=1).facts((8, 4, 7, 7)).output
    (8, 1, 1, 1)
    """

    type: ClassVar[str] = "adaptive_max_pool3d"
    word: ClassVar[str] = "max"
    output_size: tuple[int, ...] = option(each_axis(3), doc=_OUTPUT_SIZE)


class Subsampling(Layer):
    """LeCun's sub-sampling: the sum of each window, times one trainable weight a map, plus one bias a map.

    It is not average pooling: it trains ``(1 + 1)·n`` values, and each unit has ``k·k + 1`` connections.
    It multiplies once per unit, after the sum, which is no convolution, so it has no MACs.

    LeNet-5's S2 (LeCun et al. 1998, Sec. II-B):

    >>> facts = Subsampling(kernel_size=2).facts((6, 28, 28))
    >>> facts.output, facts.parameters, facts.connections
    ((6, 14, 14), 12, 5880)
    """

    type: ClassVar[str] = "subsampling"
    family: ClassVar[str] = "pooling"
    verb: ClassVar[str] = "Subsampling"
    kernel_size: tuple[int, ...] = option(each_axis(2), doc=_KERNEL)
    stride: tuple[int, ...] | None = option(optional(each_axis(2)), default=None, doc=_STRIDE)

    @property
    def steps(self) -> tuple[int, ...]:
        """The stride, the window's size where none is stated."""
        return self.kernel_size if self.stride is None else self.stride

    @property
    def label(self) -> str:
        return f"subsampling {spell_window(self.kernel_size, self.steps, self.kernel_size)}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        unpadded = ((0, 0), (0, 0))
        across = slides(shape, kernel=self.kernel_size, stride=self.steps, dilation=(1, 1), padding=unpadded)
        outputs = tuple(each.positions for each in across)
        maps = count(shape[0], "n")
        window = product(count(each, "k") for each in self.kernel_size)
        sides = product(count(each, letter) for each, letter in zip(outputs, LETTERS[2], strict=True))
        connections: Count = (window + 1) * sides * maps
        return Facts(
            inputs=inputs,
            outputs=((maps, *outputs),),
            weights=(Weight("weight", (maps,)), Weight("bias", (maps,))),
            connections=connections,
            connections_in_bounds=connections,
            windows=tuple(each.window for each in across),
        )


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

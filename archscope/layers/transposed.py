"""Transposed convolutions, of the family of convolutions."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Shape, Weight, Window, axial
from archscope.layers.kernels import Kernels
from archscope.layers.steps import Made, Step
from archscope.layers.windows import both_sides, check_axes, kernel_counts, landing, padded_shape, reach, side_counts
from archscope.options import Kind, each_axis, non_negative
from archscope.paddings import Sides, sides
from archscope.working import Count, bare, count, product


def _whole_each(axes: int) -> Kind:
    return each_axis(axes, non_negative)


class _ConvTranspose(Kernels):
    """What transposed convolutions of any dimension share."""

    verb: ClassVar[str] = "Transposed convolutions"
    word: ClassVar[str] = "transposed conv"
    stride: tuple[int, ...] = axial(each_axis, default=1, doc="Steps between the windows that inputs are spread over.")
    padding: Sides = axial(sides, default=0, doc="Rows and columns cut off the output's edges.")
    output_padding: tuple[int, ...] = axial(
        _whole_each, default=0, doc="Extra rows and columns at the output's end, to choose between sizes."
    )

    def check(self) -> None:
        super().check()
        for extra, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(step, spread):
                raise Rejects(
                    f"`output_padding: {extra}` must be smaller than the stride of {step} or the dilation of {spread}",
                    option="output_padding",
                )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        check_axes(shape, self.axes)
        self.check_groups(bare(shape[0]))
        outputs = tuple(self._side(axis, bare(size)) for axis, size in enumerate(shape[1:]))
        maps, units = count(shape[0], "c"), count(self.out_channels, "n")
        kernels = self.per_group(units)
        window = kernel_counts(self.kernel_size)
        macs = product((*window, kernels, *side_counts(shape[1:], "{}′"), maps))
        biases = product(side_counts(outputs)) * units
        landed = (self._landed(axis, bare(size), bare(outputs[axis])) for axis, size in enumerate(shape[1:]))
        in_bounds = product((*side_counts(landed, "t{}"), kernels, maps))
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (maps, kernels, *window)), *self.biases(units, ())),
            connections=macs + biases if self.bias else macs,
            connections_in_bounds=in_bounds + biases if self.bias else in_bounds,
            macs=macs,
            macs_in_bounds=in_bounds,
            windows=None,
            reasons={"receptive_field": "a transposed convolution's outputs see windows of different sizes"},
        )

    def _side(self, axis: int, size: int) -> Count:
        """``(i − 1)·s + k + o − 2·p``: the windows of all inputs, less what padding cuts off."""
        cut = self.padding[axis]
        spread = (count(size, "i") - 1) * count(self.stride[axis], "s")
        side = spread + reach(self.kernel_size[axis], self.dilation[axis])
        if self.output_padding[axis]:
            side = side + count(self.output_padding[axis], "o")
        if side <= sum(cut):
            raise Rejects(
                f"padding of {cut[0]} and {cut[1]} leaves nothing of an output of {bare(side)}",
                option="padding",
                input=0,
            )
        return side - both_sides(cut) if any(cut) else side

    def _landed(self, axis: int, size: int, out: int) -> int:
        """Pairs of an input position and a tap whose product lands inside the output."""
        before, _ = self.padding[axis]
        return landing(Window(self.kernel_size[axis], self.stride[axis], before, self.dilation[axis]), size, out)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        weights = tuple(weight.name for weight in facts.weights)
        sides = self.padding
        uneven = any(before != after for before, after in sides)
        whole = padded_shape(facts.output, sides) if uneven else facts.output
        name = "whole" if uneven else "output"
        conv = Step("conv_transpose", ("input", *weights), (Made(name, whole),), ("input",))
        return (conv, Step("pad", ("whole",), (Made("output", facts.output),))) if uneven else (conv,)


class ConvTranspose1d(_ConvTranspose):
    """Spread each input value over ``kernel_size`` outputs of a ``(channels, length)`` input.

    As `ConvTranspose2d` with one axis:

    >>> ConvTranspose1d(out_channels=8, kernel_size=4, stride=2, padding=1).facts((16, 50)).output
    (8, 100)
    """

    type: ClassVar[str] = "conv_transpose1d"
    axes: ClassVar[int] = 1


class ConvTranspose2d(_ConvTranspose):
    """Spread each input value over a window of the output; the gradient of a convolution.

    * output: ``(i − 1)·s + k − 2·p`` along each axis, and the output padding;
    * parameters: ``k·k·c·n/g``, and ``n`` biases;
    * MACs: ``k·k·n/g`` once per *input* value, the products that padding cuts off included.

    >>> facts = ConvTranspose2d(out_channels=64, kernel_size=2, stride=2).facts((128, 28, 28))
    >>> facts.output, facts.parameters, facts.macs
    ((64, 56, 56), 32832, 25690112)
    """

    type: ClassVar[str] = "conv_transpose2d"
    axes: ClassVar[int] = 2


class ConvTranspose3d(_ConvTranspose):
    """Spread each value of a ``(channels, depth, height, width)`` input over a window of the output.

    As `ConvTranspose2d` with one more axis:

    >>> ConvTranspose3d(out_channels=4, kernel_size=2, stride=2).facts((8, 5, 6, 7)).output
    (4, 10, 12, 14)
    """

    type: ClassVar[str] = "conv_transpose3d"
    axes: ClassVar[int] = 3

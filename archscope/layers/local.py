"""Locally connected layers: windows as in a convolution, with weights of their own at every position."""

from __future__ import annotations

from typing import ClassVar

from archscope.layers.base import Facts, Layer, Shape, Weight, axial
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.steps import Made, Step, added
from archscope.layers.windows import kernel_counts, padded_shape, side_counts, slides, spell_window
from archscope.options import each_axis, flag, option, positive
from archscope.paddings import Sides, sides
from archscope.working import bare, count, product


class _LocallyConnected(Layer):
    """What locally connected layers of any dimension share."""

    family: ClassVar[str] = "convolution"
    verb: ClassVar[str] = "Local connection"
    takes: ClassVar[Meaning] = MAPS
    out_channels: int = option(positive, doc="Number of output maps; each has a kernel for every position.")
    kernel_size: tuple[int, ...] = axial(each_axis, doc="Size of the window.")
    stride: tuple[int, ...] = axial(each_axis, default=1, doc="Steps between windows.")
    padding: Sides = axial(sides, default=0, doc="Zeros around the input.")
    bias: bool = option(flag, default=True, doc="Whether every unit adds a trainable constant of its own.")

    @property
    def label(self) -> str:
        return f"local {spell_window(self.kernel_size, self.stride)}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        across = slides(
            shape, kernel=self.kernel_size, stride=self.stride, dilation=(1,) * self.axes, padding=self.padding
        )
        outputs = tuple(each.positions for each in across)
        window, maps, units = kernel_counts(self.kernel_size), count(shape[0], "c"), count(self.out_channels, "n")
        places = product((*side_counts(outputs), units))
        lines = product(window) * maps
        taps = side_counts((each.taps_in_bounds() for each in across), "t{}")
        in_bounds = product((*taps, maps, units))
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (places, maps, *window)), *((Weight("bias", (places,)),) if self.bias else ())),
            connections=(lines + 1 if self.bias else lines) * places,
            connections_in_bounds=in_bounds + places if self.bias else in_bounds,
            macs=lines * places,
            macs_in_bounds=in_bounds,
            windows=tuple(each.window for each in across),
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        """All windows side by side, and a product of matrices for every position."""
        units = self.out_channels
        places = bare(product(facts.output[1:]))
        taps = bare(product((facts.inputs[0][0], *self.kernel_size)))
        around = padded_shape(facts.inputs[0], self.padding)
        weights = [
            Step("reshape", ("weight",), (Made("kernels", (units, places, taps), each=False),), views=True),
            Step("permute", ("kernels",), (Made("kernels turned", ()),), views=True, turns=(1, 0, 2)),
        ]
        steps = [
            Step("pad", ("input",), (Made("around", around),)),
            Step("im2col", ("around",), (Made("windows", (taps, places)),)),
            *weights,
            Step("permute", ("windows",), (Made("windows turned", ()),), views=True, turns=(2, 1, 0)),
            Step("bmm", ("kernels turned", "windows turned"), (Made("sums turned", (places, units), at=2),),
                 saves_for={"kernels turned": "windows turned", "windows turned": "kernels turned"}),
            Step("permute", ("sums turned",), (Made("sums", ()),), views=True, turns=(2, 1, 0)),
        ]  # fmt: skip
        came = "sums"
        if self.bias:
            constants = Made("constants", (units, places), each=False)
            steps += [
                Step("reshape", ("bias",), (constants,), views=True),
                added("sums", "constants", (units, places), ("constants",))
                .replace(makes=(Made("shifted", (units, places)),)),
            ]  # fmt: skip
            came = "shifted"
        held = ("around", "windows")
        steps.append(Step("reshape", (came,), (Made("output", facts.output),), views=True, reads_too=held))
        return tuple(steps)


class LocallyConnected1d(_LocallyConnected):
    """A convolution along ``(channels, length)`` that shares no weight: a kernel for every position.

    As `LocallyConnected2d` with one axis:

    >>> facts = LocallyConnected1d(out_channels=2, kernel_size=3).facts((4, 10))
    >>> facts.output, facts.parameters, facts.connections
    ((2, 8), 208, 208)
    """

    type: ClassVar[str] = "locally_connected1d"
    axes: ClassVar[int] = 1


class LocallyConnected2d(_LocallyConnected):
    """A convolution over ``(channels, height, width)`` that shares no weight: a kernel for every position.

    * parameters and connections: ``(k·k·c + 1)·h·w·n``, each weight being one line;
    * MACs: ``k·k·c`` once per output value.

    Keras had it up to version 2; LeCun's networks of 1989 had it before weights were shared:

    >>> facts = LocallyConnected2d(out_channels=1, kernel_size=3, stride=2, padding=1).facts((1, 16, 16))
    >>> facts.output, facts.parameters, facts.connections, facts.macs
    ((1, 8, 8), 640, 640, 576)
    """

    type: ClassVar[str] = "locally_connected2d"
    axes: ClassVar[int] = 2


LOCAL: tuple[type[Layer], ...] = (LocallyConnected1d, LocallyConnected2d)

"""Convolutions: in one, two and three dimensions, grouped, dilated, over a connection table, transposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_option, spell_tuple
from archscope.layers.windows import LETTERS, SHAPES, Slide, slides, spell_window
from archscope.options import (
    Padding,
    Sides,
    connection_table,
    each_axis,
    flag,
    non_negative,
    option,
    optional,
    padding,
    positive,
    sides,
)
from archscope.working import Count, count, product

Table = tuple[tuple[int, ...], ...]

_OUT = "Number of kernels, and so of output maps."
_KERNEL = "Size of the window."
_STRIDE = "Steps between windows."
_PADDING = "Zeros around the input; `same` pads as Keras does, the odd zero after."
_DILATION = "Distance between the taps of a kernel."
_GROUPS = "Split the input maps into this many groups that do not see each other."
_BIAS = "Whether each kernel adds a trainable constant."


def kernel_counts(kernel: Sequence[int]) -> tuple[Count, ...]:
    """The window's sides as letters: ``k`` if all are equal, else ``k`` with the axis."""
    if len(set(kernel)) == 1:
        return tuple(count(each, "k") for each in kernel)
    return tuple(count(each, "k" + axis) for each, axis in zip(kernel, LETTERS[len(kernel)], strict=True))


def side_counts(sides_: Sequence[int]) -> tuple[Count, ...]:
    """The output's sides as letters ``h``, ``w``, ``d`` or ``l``."""
    return tuple(count(each, axis) for each, axis in zip(sides_, LETTERS[len(sides_)], strict=True))


def bias_weight(biased: bool, units: int) -> tuple[Weight, ...]:
    """A bias a unit, where there is one."""
    return (Weight("bias", (units,)),) if biased else ()


class _Convolution(Layer):
    """What convolutions of any dimension share; the axes are those of ``kernel_size``."""

    family: ClassVar[str] = "convolution"
    verb: ClassVar[str] = "Convolutions"
    out_channels: int = option(positive, doc=_OUT)
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int = option(positive, default=1, doc=_GROUPS)
    bias: bool = option(flag, default=True, doc=_BIAS)

    @property
    def label(self) -> str:
        text = f"conv {spell_window(self.kernel_size, self.stride)}"
        return text if self.groups == 1 else f"{text} g{self.groups}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def check(self) -> None:
        if self.out_channels % self.groups:
            raise Rejects(
                f"{spell_option('groups', self.groups)} does not divide `out_channels: {self.out_channels}`",
                option="groups",
                help=f"use a divisor of {self.out_channels}",
            )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        across = slides(
            shape, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation, padding=self.padding
        )
        check_groups(self.groups, int(shape[0]))
        outputs = tuple(each.positions for each in across)
        units = count(self.out_channels, "n")
        seen = _maps_seen(shape, self.groups)
        window = kernel_counts(self.kernel_size)
        sides_ = side_counts(outputs)
        lines = product(window) * seen
        in_bounds = _in_bounds(across, seen * units)
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (units, seen, *window)), *bias_weight(self.bias, units)),
            connections=_with_bias(lines, self.bias) * product(sides_) * units,
            connections_in_bounds=in_bounds + product(sides_) * units if self.bias else in_bounds,
            macs=lines * product(sides_) * units,
            macs_in_bounds=in_bounds,
            windows=tuple(each.window for each in across),
        )


def check_groups(groups: int, channels: int) -> None:
    """Groups must divide the input maps."""
    if channels % groups:
        raise Rejects(
            f"{spell_option('groups', groups)} does not divide the {channels} input channels",
            option="groups",
            input=0,
            help=f"use a divisor of {channels}, or change the layer that feeds this one",
        )


def _maps_seen(shape: Shape, groups: int) -> Count:
    maps = count(shape[0], "c")
    return maps if groups == 1 else maps.over(count(groups, "g"))


def _with_bias(lines: Count, biased: bool) -> Count:
    return lines + 1 if biased else lines


def _in_bounds(across: Sequence[Slide], pairs: Count) -> Count:
    """Taps that fall on input values, an axis at a time, times the pairs of maps."""
    letters = LETTERS[len(across)]
    taps = [count(each.taps_in_bounds(), "t" + letter) for each, letter in zip(across, letters, strict=True)]
    return product(taps) * pairs


class Conv1d(_Convolution):
    """Slide ``out_channels`` kernels along a ``(channels, length)`` input.

    As `Conv2d` with one axis. A kernel of 3 over 16 channels:

    >>> facts = Conv1d(out_channels=32, kernel_size=3).facts((16, 100))
    >>> facts.output, facts.parameters, facts.macs
    ((32, 98), 1568, 150528)
    """

    type: ClassVar[str] = "conv1d"
    kernel_size: tuple[int, ...] = option(each_axis(1), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(1), default=1, doc=_STRIDE)
    padding: Padding = option(padding(1), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(1), default=1, doc=_DILATION)


class Conv2d(_Convolution):
    """Slide ``out_channels`` kernels over a ``(channels, height, width)`` input.

    Each output value multiplies one kernel with one window, so

    * parameters: ``(k·k·c/g + 1)·n``, without the ``+ 1`` where there is no bias;
    * MACs: ``k·k·c/g`` once per output value;
    * connections: those and a bias line, once per output value.

    With a ``connection_table`` an output map sees only the input maps the table lists, and the kernels of
    the pairs that are not connected do not exist (LeCun et al. 1998, Table I).

    The first layer of LeNet-5:

    >>> facts = Conv2d(out_channels=6, kernel_size=5).facts((1, 32, 32))
    >>> facts.output, facts.parameters, facts.connections
    ((6, 28, 28), 156, 122304)
    """

    type: ClassVar[str] = "conv2d"
    kernel_size: tuple[int, ...] = option(each_axis(2), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(2), default=1, doc=_STRIDE)
    padding: Padding = option(padding(2), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(2), default=1, doc=_DILATION)
    connection_table: Table | None = option(
        optional(connection_table),
        default=None,
        doc="For each output map, the input maps it sees, counted from 0; all if left out.",
    )

    def check(self) -> None:
        super().check()
        table = self.connection_table
        if table is None:
            return
        if self.groups != 1:
            raise Rejects(
                "`groups` and `connection_table` both say which maps are connected",
                option="groups",
                help="remove one of the two",
            )
        if len(table) != self.out_channels:
            raise Rejects(
                f"the connection table has {len(table)} rows for `out_channels: {self.out_channels}`",
                option="connection_table",
                help="list the input maps of every output map, one row each",
            )

    def rule(self, *inputs: Shape) -> Facts:
        if self.connection_table is None:
            return super().rule(*inputs)
        (shape,) = inputs
        across = slides(
            shape, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation, padding=self.padding
        )
        self._check_table(int(shape[0]), self.connection_table)
        outputs = tuple(each.positions for each in across)
        units = count(self.out_channels, "n")
        pairs = count(sum(len(row) for row in self.connection_table), "pairs")
        window = kernel_counts(self.kernel_size)
        sides_ = side_counts(outputs)
        lines = product(window) * pairs
        in_bounds = _in_bounds(across, pairs)
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (pairs, *window)), *bias_weight(self.bias, units)),
            connections=(lines + units if self.bias else lines) * product(sides_),
            connections_in_bounds=in_bounds + product(sides_) * units if self.bias else in_bounds,
            macs=lines * product(sides_),
            macs_in_bounds=in_bounds,
            windows=tuple(each.window for each in across),
        )

    @staticmethod
    def _check_table(maps: int, table: Table) -> None:
        for position, row in enumerate(table):
            for place, source in enumerate(row):
                if source >= maps:
                    error = Rejects(
                        f"the connection table feeds output map {position} from input map {source}, "
                        f"but the input has {maps} maps, 0 to {maps - 1}",
                        option="connection_table",
                        input=0,
                        help="input maps are counted from 0",
                    )
                    error.path = (position, place)
                    raise error


class Conv3d(_Convolution):
    """Slide ``out_channels`` kernels through a ``(channels, depth, height, width)`` input.

    As `Conv2d` with one more axis:

    >>> facts = Conv3d(out_channels=8, kernel_size=3).facts((3, 16, 32, 32))
    >>> facts.output, facts.parameters, facts.macs
    ((8, 14, 30, 30), 656, 8164800)
    """

    type: ClassVar[str] = "conv3d"
    kernel_size: tuple[int, ...] = option(each_axis(3), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(3), default=1, doc=_STRIDE)
    padding: Padding = option(padding(3), default=0, doc=_PADDING)
    dilation: tuple[int, ...] = option(each_axis(3), default=1, doc=_DILATION)


class _ConvTranspose(Layer):
    """What transposed convolutions of any dimension share."""

    family: ClassVar[str] = "convolution"
    verb: ClassVar[str] = "Transposed convolutions"
    out_channels: int = option(positive, doc=_OUT)
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Sides
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = option(positive, default=1, doc=_GROUPS)
    bias: bool = option(flag, default=True, doc=_BIAS)

    @property
    def label(self) -> str:
        text = f"transposed conv {spell_window(self.kernel_size, self.stride)}"
        return text if self.groups == 1 else f"{text} g{self.groups}"

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def check(self) -> None:
        if self.out_channels % self.groups:
            raise Rejects(
                f"{spell_option('groups', self.groups)} does not divide `out_channels: {self.out_channels}`",
                option="groups",
                help=f"use a divisor of {self.out_channels}",
            )
        for extra, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(step, spread):
                raise Rejects(
                    f"`output_padding: {extra}` must be smaller than the stride of {step} or the dilation of {spread}",
                    option="output_padding",
                )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        axes = len(self.kernel_size)
        if len(shape) != axes + 1:
            raise Rejects(f"takes {SHAPES[axes]}, got {spell_tuple(shape)}", input=0)
        check_groups(self.groups, int(shape[0]))
        outputs = tuple(self._side(axis, int(size)) for axis, size in enumerate(shape[1:]))
        maps = count(shape[0], "c")
        units = count(self.out_channels, "n")
        per_group = units if self.groups == 1 else units.over(count(self.groups, "g"))
        window = kernel_counts(self.kernel_size)
        came = product(count(each, "h" if axis == 0 else "w") for axis, each in enumerate(shape[1:]))
        macs = product(window) * per_group * came * maps
        biases = product(side_counts(outputs)) * units
        landed = product(
            count(self._taps_landing(axis, int(size), int(out)), "t" + LETTERS[axes][axis])
            for axis, (size, out) in enumerate(zip(shape[1:], outputs, strict=True))
        )
        in_bounds = landed * maps * per_group
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (maps, per_group, *window)), *bias_weight(self.bias, units)),
            connections=macs + biases if self.bias else macs,
            connections_in_bounds=in_bounds + biases if self.bias else in_bounds,
            macs=macs,
            macs_in_bounds=in_bounds,
            windows=None,
            reasons={"receptive_field": "a transposed convolution's outputs see windows of different sizes"},
        )

    def _side(self, axis: int, size: int) -> Count:
        """``(n − 1)·s − 2p + d·(k − 1) + 1 + output padding``."""
        before, after = self.padding[axis]
        reach = (self.kernel_size[axis] - 1) * self.dilation[axis] + 1
        grown = (count(size, "n") - 1) * count(self.stride[axis], "s") + count(reach, "k")
        if self.output_padding[axis]:
            grown = grown + count(self.output_padding[axis], "o")
        if before or after:
            grown = grown - (count(before, "p₁") + count(after, "p₂"))
        if grown < 1:
            raise Rejects(
                f"padding of {before} and {after} leaves nothing of an output of {int(grown) + before + after}",
                option="padding",
                input=0,
            )
        return grown

    def _taps_landing(self, axis: int, size: int, out: int) -> int:
        """Pairs of an input position and a tap whose product lands inside the output."""
        before = self.padding[axis][0]
        landed = 0
        for tap in range(self.kernel_size[axis]):
            offset = tap * self.dilation[axis] - before
            step = self.stride[axis]
            first = max(0, -(offset // step)) if offset < 0 else 0
            last = min(size - 1, (out - 1 - offset) // step)
            landed += max(0, last - first + 1)
        return landed


def _transposed_padding(axes: int) -> Any:
    return option(sides(axes), default=0, doc="Rows and columns cut off the output's edges.")


_OUTPUT_PADDING = "Extra rows and columns at the output's end, to choose between sizes."


class ConvTranspose1d(_ConvTranspose):
    """Spread each input value over ``kernel_size`` outputs of a ``(channels, length)`` input.

    As `ConvTranspose2d` with one axis:

    >>> ConvTranspose1d(out_channels=8, kernel_size=4, stride=2, padding=1).facts((16, 50)).output
    (8, 100)
    """

    type: ClassVar[str] = "conv_transpose1d"
    kernel_size: tuple[int, ...] = option(each_axis(1), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(1), default=1, doc="Steps between the spread windows.")
    padding: Sides = _transposed_padding(1)
    output_padding: tuple[int, ...] = option(each_axis(1, non_negative), default=0, doc=_OUTPUT_PADDING)
    dilation: tuple[int, ...] = option(each_axis(1), default=1, doc=_DILATION)


class ConvTranspose2d(_ConvTranspose):
    """Spread each input value over a window of the output; the gradient of a convolution.

    * parameters: ``k·k·c·n/g``, and ``n`` biases;
    * MACs: ``k·k·n/g`` once per *input* value, the products that padding cuts off included.

    >>> facts = ConvTranspose2d(out_channels=64, kernel_size=2, stride=2).facts((128, 28, 28))
    >>> facts.output, facts.parameters, facts.macs
    ((64, 56, 56), 32832, 25690112)
    """

    type: ClassVar[str] = "conv_transpose2d"
    kernel_size: tuple[int, ...] = option(each_axis(2), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(2), default=1, doc="Steps between the spread windows.")
    padding: Sides = _transposed_padding(2)
    output_padding: tuple[int, ...] = option(each_axis(2, non_negative), default=0, doc=_OUTPUT_PADDING)
    dilation: tuple[int, ...] = option(each_axis(2), default=1, doc=_DILATION)


class ConvTranspose3d(_ConvTranspose):
    """Spread each value of a ``(channels, depth, height, width)`` input over a window of the output.

    As `ConvTranspose2d` with one more axis:

    >>> ConvTranspose3d(out_channels=4, kernel_size=2, stride=2).facts((8, 5, 6, 7)).output
    (4, 10, 12, 14)
    """

    type: ClassVar[str] = "conv_transpose3d"
    kernel_size: tuple[int, ...] = option(each_axis(3), doc=_KERNEL)
    stride: tuple[int, ...] = option(each_axis(3), default=1, doc="Steps between the spread windows.")
    padding: Sides = _transposed_padding(3)
    output_padding: tuple[int, ...] = option(each_axis(3, non_negative), default=0, doc=_OUTPUT_PADDING)
    dilation: tuple[int, ...] = option(each_axis(3), default=1, doc=_DILATION)


LAYERS: tuple[type[Layer], ...] = (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)

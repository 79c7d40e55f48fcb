"""Convolutions: in one, two and three dimensions, grouped, dilated, over a connection table, transposed, unshared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, axial
from archscope.layers.doubt import Doubt, Place
from archscope.layers.kernels import Kernels
from archscope.layers.local import LOCAL
from archscope.layers.steps import Made, Step, added, padded_first
from archscope.layers.tables import tabled
from archscope.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from archscope.layers.windows import kernel_counts, padded_shape, padded_sides, side_counts, slides
from archscope.options import connection_table, flag, option, optional
from archscope.paddings import Padding, padding
from archscope.working import Count, bare, count, product

Table = tuple[tuple[int, ...], ...]


class _Convolution(Kernels):
    """What convolutions of any dimension share."""

    verb: ClassVar[str] = "Convolutions"
    word: ClassVar[str] = "conv"
    padding: Padding = axial(
        padding, default=0, doc="Zeros around the input; `same` pads as Keras does, the odd zero after."
    )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        across = slides(
            shape, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation, padding=self.padding
        )
        outputs = tuple(each.positions for each in across)
        units, window, sides = count(self.out_channels, "n"), kernel_counts(self.kernel_size), side_counts(outputs)
        maps, constants, kernels = self.wiring(count(shape[0], "c"), units)
        lines, places = product(window) * maps, product((*sides, *kernels))
        taps = side_counts((each.taps_in_bounds() for each in across), "t{}")
        in_bounds = product((*taps, maps, *kernels))
        return Facts(
            inputs=inputs,
            outputs=((units, *outputs),),
            weights=(Weight("weight", (*kernels, maps, *window)), *self.biases(units, sides)),
            connections=(lines + constants if self.bias else lines) * places,
            connections_in_bounds=in_bounds + product(sides) * units if self.bias else in_bounds,
            macs=lines * places,
            macs_in_bounds=in_bounds,
            windows=tuple(each.window for each in across),
        )

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        for sides, kernel, dilation in zip(
            () if self.padding == "same" else self.padding, self.kernel_size, self.dilation, strict=False
        ):
            if max(sides) >= (extent := (kernel - 1) * dilation + 1):
                yield Doubt(
                    "window-in-padding",
                    f"padding of {max(sides)} with a kernel of {extent}: the outermost windows see nothing but padding",
                    f"use less than {extent}" if extent > 1 else "remove the padding",
                    "padding",
                )
                return

    def wiring(self, maps: Count, units: Count) -> tuple[Count, Count, tuple[Count, ...]]:
        """Which maps are connected: the input maps a window spans, its constants, how often this repeats."""
        self.check_groups(bare(maps))
        return self.per_group(maps), count(1), (units,)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        sides = padded_sides(self.padding, facts.inputs[0], self.kernel_size, self.stride, self.dilation)
        even = self.padding != "same" and all(before == after for before, after in sides)
        weights = tuple(weight.name for weight in facts.weights)
        step = Step("convolution", ("input", *weights), (Made("output", facts.output),), ("input",))
        return padded_first(step, None if even else padded_shape(facts.inputs[0], sides), facts.inputs[0])


class Conv1d(_Convolution):
    """Slide ``out_channels`` kernels along a ``(channels, length)`` input.

    As `Conv2d` with one axis. A kernel of 3 over 16 channels:

    >>> facts = Conv1d(out_channels=32, kernel_size=3).facts((16, 100))
    >>> facts.output, facts.parameters, facts.macs
    ((32, 98), 1568, 150528)
    """

    type: ClassVar[str] = "conv1d"
    axes: ClassVar[int] = 1


class Conv2d(_Convolution):
    """Slide ``out_channels`` kernels over a ``(channels, height, width)`` input.

    Each output value multiplies one kernel with one window, so

    * parameters: ``(k·k·c/g + 1)·n``, without the ``+ 1`` where there is no bias;
    * MACs: ``k·k·c/g`` once per output value;
    * connections: those and a bias line, once per output value.

    With ``untie_biases`` each output value adds a constant of its own, ``h·w·n`` of them (LeCun et al. 1989, H1).

    With a ``connection_table`` an output map sees only the input maps the table lists, and the kernels of
    the pairs that are not connected do not exist (LeCun et al. 1998, Table I).

    The first layer of LeNet-5:

    >>> facts = Conv2d(out_channels=6, kernel_size=5).facts((1, 32, 32))
    >>> facts.output, facts.parameters, facts.connections
    ((6, 28, 28), 156, 122304)
    """

    type: ClassVar[str] = "conv2d"
    axes: ClassVar[int] = 2
    connection_table: Table | None = option(
        optional(connection_table),
        default=None,
        doc="For each output map, the input maps it sees, counted from 0; all if left out.",
    )
    untie_biases: bool = option(flag, default=False, doc="Whether every unit adds a trainable constant of its own.")

    @property
    def one_bias_a_map(self) -> bool:
        return self.bias and not self.untie_biases

    def check(self) -> None:
        super().check()
        if self.untie_biases and not self.bias:
            raise Rejects(
                "`untie_biases` gives each unit a constant of its own, and `bias: false` none",
                option="untie_biases",
                help="remove one of the two",
            )
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

    def wiring(self, maps: Count, units: Count) -> tuple[Count, Count, tuple[Count, ...]]:
        table = self.connection_table
        if table is None:
            return super().wiring(maps, units)
        for position, row in enumerate(table):
            for place, source in enumerate(row):
                if source >= maps:
                    raise Rejects(
                        f"the connection table feeds output map {position} from input map {source}, "
                        f"but the input has {bare(maps)} maps, 0 to {bare(maps) - 1}",
                        option="connection_table",
                        input=0,
                        help="input maps are counted from 0",
                        path=(position, place),
                    )
        return count(sum(len(row) for row in table), "pairs"), units, ()

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        if self.connection_table is None:
            return super().runs(facts) if not self.untie_biases else self._then_shifted(facts)
        sides = padded_sides(self.padding, facts.inputs[0], self.kernel_size, self.stride, self.dilation)
        padded = padded_shape(facts.inputs[0], sides)
        names = tuple(weight.name for weight in facts.weights)
        return tabled(self.connection_table, facts.inputs[0], padded, facts.output, self.kernel_size, names)

    def _then_shifted(self, facts: Facts) -> tuple[Step, ...]:
        """The convolution without constants, and the constants of all units added."""
        sides = padded_sides(self.padding, facts.inputs[0], self.kernel_size, self.stride, self.dilation)
        sums = Step("convolution", ("input", "weight"), (Made("sums", facts.output),), ("input", "weight"))
        shifted = added("sums", "bias", facts.output, ("bias",))
        return (*padded_first(sums, padded_shape(facts.inputs[0], sides), facts.inputs[0]), shifted)


class Conv3d(_Convolution):
    """Slide ``out_channels`` kernels through a ``(channels, depth, height, width)`` input.

    As `Conv2d` with one more axis:

    >>> facts = Conv3d(out_channels=8, kernel_size=3).facts((3, 16, 32, 32))
    >>> facts.output, facts.parameters, facts.macs
    ((8, 14, 30, 30), 656, 8164800)
    """

    type: ClassVar[str] = "conv3d"
    axes: ClassVar[int] = 3


LAYERS: tuple[type[Layer], ...] = (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    *LOCAL,
)

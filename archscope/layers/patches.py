"""Windows of a map as columns, and columns laid back over one another: what a convolution does to its input."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, ranked, spell_shape
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.windows import kernel_counts, side_counts, slides, spell_window
from archscope.options import each_axis, non_negative, option, pair
from archscope.working import Count, bare, count, product

_MAPS = "(channels, height, width)"


class _Patches(Layer):
    """Windows that slide over maps, both ways."""

    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Patches"
    kept: ClassVar[tuple[str, ...] | None] = ()
    kernel_size: tuple[int, ...] = option(pair, doc="Size of the window.")
    stride: tuple[int, ...] = option(pair, default=1, doc="Steps between windows.")
    padding: tuple[int, ...] = option(each_axis(2, non_negative), default=0, doc="Zeros on both sides of each axis.")
    dilation: tuple[int, ...] = option(pair, default=1, doc="Distance between the taps of a window.")

    @property
    def label(self) -> str:
        return f"{self.type} {spell_window(self.kernel_size, self.stride)}"

    def windows_over(self, shape: Shape) -> tuple[Count, ...]:
        """How many windows there are along each axis of ``(channels, height, width)``."""
        sides = tuple((each, each) for each in self.padding)
        across = slides(shape, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation, padding=sides)
        return side_counts(bare(each.positions) for each in across)


class Unfold(_Patches):
    """Each window of ``(channels, height, width)`` as a column of ``channels · k · k`` values: im2col.

    ``(c, h, w)`` becomes ``(c·k·k, l)``, a column for each of the ``l`` windows, row by row.

    >>> Unfold(kernel_size=3, padding=1).facts((16, 8, 8)).output
    (144, 64)
    """

    type: ClassVar[str] = "unfold"
    takes: ClassVar[Meaning] = MAPS

    def rule(self, *inputs: Shape) -> Facts:
        shape = ranked(inputs[0], 3, _MAPS)
        output = (count(shape[0], "c") * product(kernel_counts(self.kernel_size)), product(self.windows_over(shape)))
        reason = "windows stand in a row, and not where they were"
        return Facts(inputs, (output,), windows=None, reasons={"receptive_field": reason})


class Fold(_Patches):
    """Columns of ``channels · k · k`` values laid over maps as windows; where they overlap they are added: col2im.

    ``(c·k·k, l)`` becomes ``(c, *output_size)``, where ``l`` is the number of windows over that size.

    >>> Fold(output_size=8, kernel_size=2, stride=2).facts((64, 16)).output
    (16, 8, 8)
    """

    type: ClassVar[str] = "fold"
    output_size: tuple[int, ...] = option(pair, doc="Height and width of the output.")

    def rule(self, *inputs: Shape) -> Facts:
        values, columns = ranked(inputs[0], 2, "(channels · kernel, windows)", help="`unfold` makes that of maps")
        window = product(kernel_counts(self.kernel_size))
        if bare(values) % int(window):
            raise Rejects(
                f"columns of {bare(values)} values are no whole windows of {int(window)}",
                option="kernel_size",
                input=0,
                help=f"a column has a multiple of {int(window)} values, a window for each channel",
            )
        maps = (count(values, "c").over(window), *self.output_size)
        wanted = product(self.windows_over(maps))
        if bare(columns) != int(wanted):
            raise Rejects(
                f"{bare(columns)} columns for the {int(wanted)} windows over {spell_shape(self.output_size)}",
                option="output_size",
                input=0,
                help="choose the size that was unfolded, with the same window, stride and padding",
            )
        reason = "a position is the sum of as many windows as lie over it"
        return Facts(inputs, (maps,), windows=None, reasons={"receptive_field": reason})


PATCHES: tuple[type[Layer], ...] = (Unfold, Fold)

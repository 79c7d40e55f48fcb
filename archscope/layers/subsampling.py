"""LeCun's trainable sub-sampling, and what all windows that lie side by side share."""

from __future__ import annotations

from typing import ClassVar

from archscope.layers.base import Facts, Layer, Shape, Weight, axial
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.steps import Made, Step, added, multiplied
from archscope.layers.windows import kernel_counts, side_counts, slides, spell_window
from archscope.options import Kind, each_axis, optional
from archscope.working import count, product


def _each_or_none(axes: int) -> Kind:
    return optional(each_axis(axes))


class Windowed(Layer):
    """Windows that lie side by side unless a stride is stated."""

    family: ClassVar[str] = "pooling"
    takes: ClassVar[Meaning] = MAPS
    kernel_size: tuple[int, ...] = axial(each_axis, doc="Size of the window.")
    stride: tuple[int, ...] | None = axial(
        _each_or_none, default=None, doc="Steps between windows; the size of the window if left out."
    )

    @property
    def steps(self) -> tuple[int, ...]:
        """The stride, the window's size where none is stated."""
        return self.kernel_size if self.stride is None else self.stride

    @property
    def kernel(self) -> tuple[int, ...]:
        return self.kernel_size

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS


class Subsampling(Windowed):
    """LeCun's sub-sampling: the sum of each window, times one trainable weight a map, plus one bias a map.

    It is not average pooling: it trains ``(1 + 1)·n`` values, and each unit has ``k·k + 1`` connections.
    It multiplies once per unit, after the sum, which is no convolution, so it has no MACs.

    LeNet-5's S2 (LeCun et al. 1998, Sec. II-B):

    >>> facts = Subsampling(kernel_size=2).facts((6, 28, 28))
    >>> facts.output, facts.parameters, facts.connections
    ((6, 14, 14), 12, 5880)
    """

    type: ClassVar[str] = "subsampling"
    axes: ClassVar[int] = 2
    verb: ClassVar[str] = "Subsampling"

    @property
    def label(self) -> str:
        return f"subsampling {spell_window(self.kernel_size, self.steps, self.kernel_size)}"

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        unpadded = ((0, 0), (0, 0))
        across = slides(shape, kernel=self.kernel_size, stride=self.steps, dilation=(1, 1), padding=unpadded)
        outputs = tuple(each.positions for each in across)
        maps = count(shape[0], "n")
        connections = (product(kernel_counts(self.kernel_size)) + 1) * product(side_counts(outputs)) * maps
        return Facts(
            inputs=inputs,
            outputs=((maps, *outputs),),
            weights=(Weight("weight", (maps,)), Weight("bias", (maps,))),
            connections=connections,
            connections_in_bounds=connections,
            windows=tuple(each.window for each in across),
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = facts.output
        return (
            Step("avg_pool2d", ("input",), (Made("summed", shape),), ("input",)),
            multiplied("summed", "weight", shape, ("weight",)).replace(makes=(Made("weighted", shape),)),
            added("weighted", "bias", shape, ("bias",)).replace(reads_too=("summed",)),
        )

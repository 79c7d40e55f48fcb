"""What convolutions and transposed convolutions share: kernels, groups, biases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Weight, axial, spell_option
from archscope.layers.doubt import MAPS, Doubt, Meaning, Place, useless_bias
from archscope.layers.windows import spell_window
from archscope.options import each_axis, flag, option, positive
from archscope.working import Count, count


class Kernels(Layer):
    """A layer of ``out_channels`` kernels, in ``groups`` that do not see each other."""

    family: ClassVar[str] = "convolution"
    takes: ClassVar[Meaning] = MAPS
    word: ClassVar[str] = ""
    out_channels: int = option(positive, doc="Number of kernels, and so of output maps.")
    kernel_size: tuple[int, ...] = axial(each_axis, doc="Size of the window.")
    stride: tuple[int, ...] = axial(each_axis, default=1, doc="Steps between windows.")
    dilation: tuple[int, ...] = axial(each_axis, default=1, doc="Distance between the taps of a kernel.")
    groups: int = option(positive, default=1, doc="Split the maps into this many groups that do not see each other.")
    bias: bool = option(flag, default=True, doc="Whether each kernel adds a trainable constant.")

    @property
    def label(self) -> str:
        text = f"{self.word} {spell_window(self.kernel_size, self.stride)}"
        return text if self.groups == 1 else f"{text} g{self.groups}"

    def label_here(self, facts: Facts) -> str:
        if self.groups == 1 or self.groups != facts.inputs[0][0]:
            return self.label
        return f"depthwise {self.word} {spell_window(self.kernel_size, self.stride)}"

    @property
    def one_bias_a_map(self) -> bool:
        """Whether all positions of a map add the same constant."""
        return self.bias

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

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        if self.one_bias_a_map and place.centred:
            yield useless_bias()

    def check_groups(self, channels: int) -> None:
        """Groups must divide the input maps too."""
        if channels % self.groups:
            raise Rejects(
                f"{spell_option('groups', self.groups)} does not divide the {channels} input channels",
                option="groups",
                input=0,
                help=f"use a divisor of {channels}, or change the layer that feeds this one",
            )

    def per_group(self, maps: Count) -> Count:
        """The maps of one group."""
        return maps if self.groups == 1 else maps.over(count(self.groups, "g"))

    def biases(self, units: Count, places: Sequence[Count]) -> tuple[Weight, ...]:
        """A constant a kernel, or one for each of its places where they share none; nothing without a bias."""
        return (Weight("bias", (units, *(() if self.one_bias_a_map else places))),) if self.bias else ()

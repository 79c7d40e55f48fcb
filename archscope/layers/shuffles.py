"""Layers that exchange channels with positions, channels with channels, or positions with positions."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, ranked, spell_option, spell_shape
from archscope.layers.doubt import Meaning
from archscope.layers.places import axes_in
from archscope.layers.steps import Made, Step
from archscope.options import integer, one_or_many, option, positive
from archscope.working import count

_MAPS = "(channels, height, width)"


class PixelShuffle(Layer):
    """Each ``upscale_factor²`` channels as one map, as many times as high and as wide (Shi et al. 2016).

    >>> PixelShuffle(upscale_factor=3).facts((9, 32, 32)).output
    (1, 96, 96)
    """

    type: ClassVar[str] = "pixel_shuffle"
    kept: ClassVar[tuple[str, ...] | None] = ()
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Pixel shuffle"
    upscale_factor: int = option(positive, doc="How many times as high and as wide.")

    @property
    def label(self) -> str:
        return f"pixel shuffle ×{self.upscale_factor}"

    def rule(self, *inputs: Shape) -> Facts:
        maps, height, width = ranked(inputs[0], 3, _MAPS)
        r = count(self.upscale_factor, "r")
        if maps % int(r * r):
            raise Rejects(
                f"{int(r * r)} maps make one, and {int(maps)} is no multiple of that",
                option="upscale_factor",
                input=0,
                help="a factor of r takes r² maps for each of the output",
            )
        output = (count(maps, "c").over(r * r), count(height, "h") * r, count(width, "w") * r)
        reason = "the positions of a block are channels of one position"
        return Facts(inputs, (output,), windows=None, reasons={"receptive_field": reason})


class PixelUnshuffle(Layer):
    """Each block of ``downscale_factor²`` positions as so many channels of one position.

    >>> PixelUnshuffle(downscale_factor=2).facts((3, 32, 32)).output
    (12, 16, 16)
    """

    type: ClassVar[str] = "pixel_unshuffle"
    kept: ClassVar[tuple[str, ...] | None] = ()
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Pixel unshuffle"
    downscale_factor: int = option(positive, doc="Into how many parts height and width go.")

    @property
    def label(self) -> str:
        return f"pixel unshuffle /{self.downscale_factor}"

    def rule(self, *inputs: Shape) -> Facts:
        maps, height, width = ranked(inputs[0], 3, _MAPS)
        r = count(self.downscale_factor, "r")
        if height % r or width % r:
            raise Rejects(
                f"{spell_option('downscale_factor', self.downscale_factor)} does not divide the height and the width "
                f"of {spell_shape(inputs[0])}",
                option="downscale_factor",
                input=0,
                help="use a divisor of both",
            )
        output = (count(maps, "c") * r * r, count(height, "h").over(r), count(width, "w").over(r))
        return Facts(inputs, (output,), windows=(Window(int(r), int(r)),) * 2)


class ChannelShuffle(Layer):
    """The channels of ``groups`` groups in turns, so that the next grouped layer sees them all (ShuffleNet, 2018).

    >>> ChannelShuffle(groups=3).facts((240, 28, 28)).output
    (240, 28, 28)
    """

    type: ClassVar[str] = "channel_shuffle"
    kept: ClassVar[tuple[str, ...] | None] = ()
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Channel shuffle"
    groups: int = option(positive, doc="Groups of channels.")

    @property
    def label(self) -> str:
        return f"channel shuffle g{self.groups}"

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if len(shape) < 2:
            raise Rejects(f"takes (channels, …), got {spell_shape(shape)}", input=0)
        if shape[0] % self.groups:
            raise Rejects(
                f"{spell_option('groups', self.groups)} does not divide the {int(shape[0])} input channels",
                option="groups",
                input=0,
                help=f"use a divisor of {int(shape[0])}",
            )
        return Facts(inputs, (shape,))


class Roll(Layer):
    """Move values along axes; what leaves one end comes in at the other (the shifted windows of Swin, 2021).

    >>> Roll(shifts=[-3, -3], dims=[0, 1]).facts((56, 56, 96)).output
    (56, 56, 96)
    """

    type: ClassVar[str] = "roll"
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Roll"
    shifts: tuple[int, ...] = option(
        one_or_many(integer, "a list of whole numbers or one"), doc="How far values move along each axis."
    )
    dims: tuple[int, ...] = option(
        one_or_many(integer, "a list of axes or one axis"), doc="The axes, counted without the batch."
    )

    @property
    def label(self) -> str:
        return f"roll {', '.join(map(str, self.shifts))}"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def check(self) -> None:
        if len(self.shifts) != len(self.dims):
            raise Rejects(
                f"{len(self.shifts)} shifts for {len(self.dims)} axes",
                option="shifts",
                help="give one for each axis of `dims`",
            )

    def rule(self, *inputs: Shape) -> Facts:
        axes = axes_in(self.dims, inputs[0], option="dims")
        if not any(axes):  # channels alone: every position sees what it saw
            return Facts(inputs, inputs)
        reason = "what leaves one end of the grid comes in at the other"
        return Facts(inputs, inputs, windows=None, reasons={"receptive_field": reason})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("roll", ("input",), (Made("output", facts.output),)),)


SHUFFLES: tuple[type[Layer], ...] = (PixelShuffle, PixelUnshuffle, ChannelShuffle, Roll)

"""Layers that only rearrange, pad or resize: flatten, reshape, padding, upsample, shuffles."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, axial, extents, spell_option, spell_shape
from archscope.layers.borders import BORDERS
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.patches import PATCHES
from archscope.layers.shuffles import SHUFFLES
from archscope.layers.steps import Made, Step
from archscope.layers.windows import AXES, check_axes, padded
from archscope.options import choice, one_or_many, open_shape, option, optional, positive, positive_number
from archscope.paddings import Sides, sides
from archscope.working import bare, count

_REARRANGED = {"receptive_field": "the grid is rearranged"}


class Flatten(Layer):
    """All values of a sample in one vector.

    >>> Flatten().facts((256, 6, 6)).output
    (9216,)
    """

    type: ClassVar[str] = "flatten"
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Flatten"
    absorbed: ClassVar[bool] = True
    shares_memory: ClassVar[bool] = True

    def rule(self, *inputs: Shape) -> Facts:
        return Facts(inputs, ((extents(inputs[0]),),), windows=None, reasons=_REARRANGED)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("reshape", ("input",), (Made("output", facts.output),), views=True),)


class Reshape(Layer):
    """The same values in another shape; one extent may be −1, what is left.

    >>> Reshape(shape=[4, -1]).facts((120,)).output
    (4, 30)
    """

    type: ClassVar[str] = "reshape"
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Reshape"
    absorbed: ClassVar[bool] = True
    shares_memory: ClassVar[bool] = True
    shape: tuple[int, ...] = option(open_shape, doc="The new shape, without the batch axis.")

    @property
    def label(self) -> str:
        return "reshape"

    def check(self) -> None:
        if self.shape.count(-1) > 1:
            raise Rejects("`shape` has more than one -1", option="shape", help="leave one extent open at most")

    def rule(self, *inputs: Shape) -> Facts:
        values = bare(extents(inputs[0]))
        stated = bare(extents(tuple(extent for extent in self.shape if extent != -1)))
        open_extent, rest = divmod(values, stated)
        if rest or (-1 not in self.shape and stated != values):
            raise Rejects(
                f"{values:,} values of {spell_shape(inputs[0])} do not fill {spell_option('shape', self.shape)}",
                option="shape",
                input=0,
                help="the product of the extents must stay the same",
            )
        output = tuple(count(open_extent if extent == -1 else extent) for extent in self.shape)
        return Facts(inputs, (output,), windows=None, reasons=_REARRANGED)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("reshape", ("input",), (Made("output", facts.output),), views=True),)


class _ZeroPad(Layer):
    """Zeros around the input."""

    takes: ClassVar[Meaning] = MAPS
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Zero padding"
    padding: Sides = axial(sides, doc="Zeros on each side, the last axis first: left, right, top, bottom, front, back.")

    @property
    def label(self) -> str:
        return "zero padding"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        check_axes(shape, self.axes)
        outputs = tuple(padded(bare(size), around) for size, around in zip(shape[1:], self.padding, strict=True))
        windows = tuple(Window(1, padding=before) for before, _ in self.padding)
        return Facts(inputs, ((shape[0], *outputs),), windows=windows)


class ZeroPad1d(_ZeroPad):
    """Zeros before and after a ``(channels, length)`` input.

    >>> ZeroPad1d(padding=[2, 0]).facts((16, 100)).output
    (16, 102)
    """

    type: ClassVar[str] = "zero_pad1d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 1


class ZeroPad2d(_ZeroPad):
    """Zeros around each map.

    >>> ZeroPad2d(padding=2).facts((1, 28, 28)).output
    (1, 32, 32)
    """

    type: ClassVar[str] = "zero_pad2d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around each volume.

    >>> ZeroPad3d(padding=1).facts((1, 4, 8, 8)).output
    (1, 6, 10, 10)
    """

    type: ClassVar[str] = "zero_pad3d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 3


_INTERPOLATED = {"nearest": (1, 2, 3), "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}
"""How many axes each interpolation works along."""


class Upsample(Layer):
    """Resize each map by interpolation; no weights.

    >>> Upsample(scale_factor=2).facts((64, 14, 14)).output
    (64, 28, 28)
    """

    type: ClassVar[str] = "upsample"
    kept: ClassVar[tuple[str, ...] | None] = ()
    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Upsampling"
    takes: ClassVar[Meaning] = MAPS
    size: tuple[int, ...] | None = option(
        optional(one_or_many(positive, "a positive integer or one for each axis")),
        default=None,
        doc="Output size along each axis.",
    )
    scale_factor: tuple[float, ...] | None = option(
        optional(one_or_many(positive_number, "a number above 0 or one for each axis")),
        default=None,
        doc="Output size over input size, rounded down.",
    )
    mode: str = option(choice(*_INTERPOLATED), default="nearest", doc="Interpolation.")

    @property
    def label(self) -> str:
        chosen = self.scale_factor or self.size or ()
        sign = "×" if self.scale_factor else "to "
        texts = [f"{each:g}" for each in (chosen if len(set(chosen)) > 1 else chosen[:1])]
        return f"upsample {sign}{'×'.join(texts)}"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, maps leave
        return MAPS

    def check(self) -> None:
        if (self.size is None) == (self.scale_factor is None):
            raise Rejects("takes either `size` or `scale_factor`", help="state one of the two")

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        axes = len(shape) - 1
        if axes not in AXES:
            raise Rejects(f"takes (channels, …) with 1 to 3 axes, got {spell_shape(shape)}", input=0)
        if axes not in _INTERPOLATED[self.mode]:
            fitting = " or ".join(mode for mode, able in _INTERPOLATED.items() if axes in able)
            raise Rejects(
                f"`mode: {self.mode}` does not interpolate along {axes} ax{'is' if axes == 1 else 'es'}",
                option="mode",
                input=0,
                help=f"use {fitting}",
            )
        output = tuple(self._side(axis, bare(size), axes) for axis, size in enumerate(shape[1:]))
        return Facts(
            inputs,
            ((shape[0], *(count(side) for side in output)),),
            windows=None,
            reasons={"receptive_field": "interpolation sees a different window at each position"},
        )

    def _side(self, axis: int, size: int, axes: int) -> int:
        name = "size" if self.size is not None else "scale_factor"
        stated: tuple[float, ...] = self.size if self.size is not None else self.scale_factor or ()
        if len(stated) not in (1, axes):
            raise Rejects(f"`{name}` has {len(stated)} values for {axes} axes", option=name, input=0)
        value = stated[axis if len(stated) > 1 else 0]
        side = bare(value) if name == "size" else bare(size * value)
        if side < 1:
            raise Rejects(f"`{name}` leaves nothing of {size} positions", option=name, input=0)
        return side


LAYERS: tuple[type[Layer], ...] = (
    Flatten, Reshape, ZeroPad1d, ZeroPad2d, ZeroPad3d, Upsample, *BORDERS, *SHUFFLES, *PATCHES,
)  # fmt: skip

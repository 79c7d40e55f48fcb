"""Padding with more than zeros: a constant, the input mirrored at its edge, its edge repeated, its other end."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, axial
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.steps import Made, Step, like
from archscope.layers.windows import AXES, check_axes, padded
from archscope.options import number, option
from archscope.paddings import Sides, sides
from archscope.working import bare

_AGAIN = {"receptive_field": "positions of the border see once more what lies inside"}


class _Border(Layer):
    """Values around the input."""

    family: ClassVar[str] = "shape"
    verb: ClassVar[str] = "Padding"
    word: ClassVar[str] = ""
    takes: ClassVar[Meaning] = MAPS
    padding: Sides = axial(
        sides, doc="Positions on each side, the last axis first: left, right, top, bottom, front, back."
    )

    @property
    def label(self) -> str:
        return f"{self.word} padding"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def most(self, size: int) -> int | None:  # noqa: ARG002 - of a constant or an edge there is always enough
        """As many positions as a side may have, where that depends on the input."""
        return None

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        check_axes(shape, self.axes)
        for axis, size, around in zip(AXES[self.axes], shape[1:], self.padding, strict=True):
            most = self.most(bare(size))
            if most is not None and max(around) > most:
                raise Rejects(
                    f"{self.word} padding of {max(around)} is more than the input's {axis} of {int(size)} has",
                    option="padding",
                    input=0,
                    help=f"use {int(most)} at most",
                )
        outputs = tuple(padded(bare(size), around) for size, around in zip(shape[1:], self.padding, strict=True))
        return self.around(inputs, (shape[0], *outputs))

    def around(self, inputs: tuple[Shape, ...], output: Shape) -> Facts:
        """The facts, given the output's shape."""
        return Facts(inputs, (output,), windows=None, reasons=_AGAIN)


class _ConstantPad(_Border):
    word: ClassVar[str] = "constant"
    value: float = option(number, doc="What is put around.")

    def around(self, inputs: tuple[Shape, ...], output: Shape) -> Facts:
        return Facts(inputs, (output,), windows=tuple(Window(1, padding=before) for before, _ in self.padding))


class _ReflectionPad(_Border):
    word: ClassVar[str] = "reflection"

    def most(self, size: int) -> int | None:
        return size - 1


class _ReplicationPad(_Border):
    word: ClassVar[str] = "replication"


class _CircularPad(_Border):
    word: ClassVar[str] = "circular"

    def most(self, size: int) -> int | None:
        return size

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        """Copies into a new tensor: the input, then each side; backward each of these makes two of its size more."""
        output = facts.output
        many = sum(width > 0 for around in self.padding for width in around)
        names = [f"copied {place}" for place in range(2 * many)]
        chain = ["input", *names, "output"]
        steps = [Step("copy", ("input",), (Made(chain[1], output),), behind=like(output, 1))]
        for place, (before, after) in enumerate(pairwise(chain[1:])):
            behind = () if place % 2 else like(output, 1)
            steps.append(Step("copy_", (before,), (Made(after, output),), in_place=True, behind=behind))
        return tuple(steps)


class ConstantPad1d(_ConstantPad):
    """A constant before and after a ``(channels, length)`` input.

    >>> ConstantPad1d(padding=[2, 0], value=-1).facts((16, 100)).output
    (16, 102)
    """

    type: ClassVar[str] = "constant_pad1d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 1


class ConstantPad2d(_ConstantPad):
    """A constant around each map.

    >>> ConstantPad2d(padding=2, value=1).facts((1, 28, 28)).output
    (1, 32, 32)
    """

    type: ClassVar[str] = "constant_pad2d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 2


class ConstantPad3d(_ConstantPad):
    """A constant around each volume.

    >>> ConstantPad3d(padding=1, value=1).facts((1, 4, 8, 8)).output
    (1, 6, 10, 10)
    """

    type: ClassVar[str] = "constant_pad3d"
    kept: ClassVar[tuple[str, ...] | None] = ()
    axes: ClassVar[int] = 3


class ReflectionPad1d(_ReflectionPad):
    """A ``(channels, length)`` input mirrored at its ends, which are not repeated.

    >>> ReflectionPad1d(padding=3).facts((16, 100)).output
    (16, 106)
    """

    type: ClassVar[str] = "reflection_pad1d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 1


class ReflectionPad2d(_ReflectionPad):
    """Each map mirrored at its edge, which is not repeated: style transfer, CycleGAN.

    >>> ReflectionPad2d(padding=3).facts((3, 256, 256)).output
    (3, 262, 262)
    """

    type: ClassVar[str] = "reflection_pad2d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 2


class ReflectionPad3d(_ReflectionPad):
    """Each volume mirrored at its faces, which are not repeated.

    >>> ReflectionPad3d(padding=1).facts((1, 4, 8, 8)).output
    (1, 6, 10, 10)
    """

    type: ClassVar[str] = "reflection_pad3d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 3


class ReplicationPad1d(_ReplicationPad):
    """The first and the last position of a ``(channels, length)`` input, repeated.

    >>> ReplicationPad1d(padding=[3, 0]).facts((16, 100)).output
    (16, 103)
    """

    type: ClassVar[str] = "replication_pad1d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 1


class ReplicationPad2d(_ReplicationPad):
    """The edge of each map, repeated.

    >>> ReplicationPad2d(padding=1).facts((3, 8, 8)).output
    (3, 10, 10)
    """

    type: ClassVar[str] = "replication_pad2d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 2


class ReplicationPad3d(_ReplicationPad):
    """The faces of each volume, repeated.

    >>> ReplicationPad3d(padding=1).facts((1, 4, 8, 8)).output
    (1, 6, 10, 10)
    """

    type: ClassVar[str] = "replication_pad3d"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    axes: ClassVar[int] = 3


class CircularPad1d(_CircularPad):
    """A ``(channels, length)`` input continued with its other end.

    >>> CircularPad1d(padding=2).facts((16, 100)).output
    (16, 104)
    """

    type: ClassVar[str] = "circular_pad1d"
    axes: ClassVar[int] = 1


class CircularPad2d(_CircularPad):
    """Each map continued with its other side, as on a torus.

    >>> CircularPad2d(padding=1).facts((3, 8, 8)).output
    (3, 10, 10)
    """

    type: ClassVar[str] = "circular_pad2d"
    axes: ClassVar[int] = 2


class CircularPad3d(_CircularPad):
    """Each volume continued with its other side.

    >>> CircularPad3d(padding=1).facts((1, 4, 8, 8)).output
    (1, 6, 10, 10)
    """

    type: ClassVar[str] = "circular_pad3d"
    axes: ClassVar[int] = 3


BORDERS: tuple[type[Layer], ...] = (
    ConstantPad1d, ConstantPad2d, ConstantPad3d, ReflectionPad1d, ReflectionPad2d, ReflectionPad3d,
    ReplicationPad1d, ReplicationPad2d, ReplicationPad3d, CircularPad1d, CircularPad2d, CircularPad3d,
)  # fmt: skip

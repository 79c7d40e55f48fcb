"""Activations that make one value of several: gated linear units, and maxout."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape
from archscope.layers.places import axis_in, replaced
from archscope.layers.pointwise import Pointwise
from archscope.layers.steps import Made, Step, halved, largest
from archscope.options import integer, option, positive
from archscope.working import count


class _Gated(Pointwise):
    """The first half of an axis times a function of the second."""

    dim: int = option(integer, default=-1, doc="The axis that is halved, counted without the batch.")

    def rule(self, *inputs: Shape) -> Facts:
        return _fewer(inputs, axis_in(self.dim, inputs[0]), 2, "dim")


def _fewer(inputs: tuple[Shape, ...], axis: int, times: int, blamed: str) -> Facts:
    extent = count(inputs[0][axis])
    if extent % times:
        raise Rejects(
            f"{times} does not divide the {int(extent)} values of axis {axis}",
            option=blamed,
            input=0,
            help="make the layer before it as much wider, or name another axis",
        )
    output = replaced(inputs[0], axis, extent.over(count(times)))
    if axis == 0:
        return Facts(inputs, (output,))
    return Facts(inputs, (output,), windows=None, reasons={"receptive_field": "positions far apart make one value"})


class GLU(_Gated):
    """``a · sigmoid(b)`` of the two halves of an axis (Dauphin et al. 2017).

    >>> GLU().facts((197, 3072)).output
    (197, 1536)
    """

    type: ClassVar[str] = "glu"
    word: ClassVar[str] = "GLU"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("glu", ("input",), (Made("output", facts.output),), ("input",)),)


class GEGLU(_Gated):
    """``a · GELU(b)`` of the two halves of an axis (Shazeer 2020).

    >>> GEGLU().facts((197, 3072)).output
    (197, 1536)
    """

    type: ClassVar[str] = "geglu"
    word: ClassVar[str] = "GEGLU"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return halved(facts, "gelu", "gate")


class SwiGLU(_Gated):
    """``a · SiLU(b)`` of the two halves of an axis (Shazeer 2020; PaLM, LLaMA).

    >>> SwiGLU().facts((2048, 22016)).output
    (2048, 11008)
    """

    type: ClassVar[str] = "swiglu"
    word: ClassVar[str] = "SwiGLU"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return halved(facts, "silu", "gate")


class ReGLU(_Gated):
    """``a · ReLU(b)`` of the two halves of an axis (Shazeer 2020).

    >>> ReGLU(dim=0).facts((64, 28, 28)).output
    (32, 28, 28)
    """

    type: ClassVar[str] = "reglu"
    word: ClassVar[str] = "ReGLU"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return halved(facts, "relu", "opened")


class Maxout(Pointwise):
    """The largest of each ``pieces`` neighbouring channels (Goodfellow et al. 2013).

    >>> Maxout(pieces=5).facts((240,)).output
    (48,)
    """

    type: ClassVar[str] = "maxout"
    pieces: int = option(positive, doc="How many values each maximum is taken of.")
    dim: int = option(integer, default=0, doc="The axis, counted without the batch.")

    @property
    def label(self) -> str:
        return f"maxout of {self.pieces}"

    def rule(self, *inputs: Shape) -> Facts:
        return _fewer(inputs, axis_in(self.dim, inputs[0]), self.pieces, "pieces")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        axis = axis_in(self.dim, facts.inputs[0])
        apart = (*facts.output[: axis + 1], self.pieces, *facts.output[axis + 1 :])
        seen = Step("reshape", ("input",), (Made("apart", apart),), views=True)
        return (seen, largest("apart", apart, facts.output))


GATES: tuple[type[Layer], ...] = (GLU, GEGLU, SwiGLU, ReGLU, Maxout)

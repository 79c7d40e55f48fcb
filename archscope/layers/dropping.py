"""Dropout of values, of whole maps, and of whole samples."""

from __future__ import annotations

from typing import ClassVar

from archscope.layers.base import Facts, Layer, Shape
from archscope.layers.doubt import Meaning
from archscope.layers.steps import MASK, Made, Step, dropped, untouched
from archscope.layers.windows import check_axes
from archscope.options import option, probability


class _Dropping(Layer):
    """No weights, and nothing at inference."""

    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Dropout"
    absorbed: ClassVar[bool] = True
    shares_memory: ClassVar[bool] = True
    grid: ClassVar[int] = 0
    p: float = option(probability, default=0.5, doc="Probability of being dropped.")

    @property
    def label(self) -> str:
        return "map dropout"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def rule(self, *inputs: Shape) -> Facts:
        if self.grid:
            check_axes(inputs[0], self.grid)
        return Facts(inputs, (inputs[0],))

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return dropped(facts, self.p, (facts.output[0], *(1 for _ in facts.output[1:])))

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return untouched(facts)


class Dropout(Layer):
    """Set values to 0 at random while training (Srivastava et al. 2014); no weights, nothing at inference.

    >>> Dropout(p=0.5).facts((4096,)).output
    (4096,)
    """

    type: ClassVar[str] = "dropout"
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Dropout"
    absorbed: ClassVar[bool] = True
    shares_memory: ClassVar[bool] = True
    p: float = option(probability, default=0.5, doc="Probability that a value is dropped.")

    @property
    def label(self) -> str:
        return "dropout"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def rule(self, *inputs: Shape) -> Facts:
        return Facts(inputs, (inputs[0],))

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return dropped(facts, self.p, facts.output)

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return untouched(facts)


class Dropout1d(_Dropping):
    """Set whole channels of ``(channels, length)`` to 0 at random while training (Tompson et al. 2015).

    >>> Dropout1d().facts((16, 100)).output
    (16, 100)
    """

    type: ClassVar[str] = "dropout1d"
    grid: ClassVar[int] = 1


class Dropout2d(_Dropping):
    """Set whole maps to 0 at random while training (Tompson et al. 2015); nothing at inference.

    >>> Dropout2d(p=0.2).facts((96, 55, 55)).output
    (96, 55, 55)
    """

    type: ClassVar[str] = "dropout2d"
    grid: ClassVar[int] = 2


class Dropout3d(_Dropping):
    """Set whole volumes to 0 at random while training (Tompson et al. 2015); nothing at inference.

    >>> Dropout3d().facts((8, 4, 7, 7)).output
    (8, 4, 7, 7)
    """

    type: ClassVar[str] = "dropout3d"
    grid: ClassVar[int] = 3


class DropPath(_Dropping):
    """Set whole samples to 0 at random while training: a residual branch that is left out (Huang et al. 2016).

    Also called stochastic depth. Nothing at inference.

    >>> DropPath(p=0.1).facts((197, 768)).output
    (197, 768)
    """

    type: ClassVar[str] = "drop_path"

    @property
    def label(self) -> str:
        return "drop path"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        if self.p == 0:
            return untouched(facts)
        one = (1,)
        drawn = (
            Step("rand", (), (Made("drawn", one),)),
            Step("ge", (), (Made("kept", one, MASK),), reads_too=("drawn",)),
        )
        if self.p == 1:
            return (*drawn, Step("mul", ("input",), (Made("output", facts.output),), reads_too=("kept",)))
        return (
            *drawn,
            Step("mul", ("input",), (Made("some", facts.output),), ("kept",), reads_too=("kept",)),
            Step("div", ("some",), (Made("output", facts.output),), reads_too=("kept",)),
        )


DROPPING: tuple[type[Layer], ...] = (Dropout, Dropout1d, Dropout2d, Dropout3d, DropPath)

"""A learned tensor that reads nothing."""

from __future__ import annotations

from typing import ClassVar

from archscope.layers.base import Facts, Layer, Shape, Weight
from archscope.layers.steps import Made, Step
from archscope.options import option
from archscope.options import shape as a_shape
from archscope.working import count, product


class Parameter(Layer):
    """A learned tensor that reads nothing: a class token, positions, queries; every sample gets the same values.

    Each value is a unit with a constant line and no other. Where it is added to a grid, the grid looks where it did.

    >>> facts = Parameter(shape=[197, 768]).facts()
    >>> facts.output, facts.parameters, facts.parameters.working
    ((197, 768), 151296, '768·197')
    """

    type: ClassVar[str] = "parameter"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Parameter"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    shape: tuple[int, ...] = option(a_shape, doc="Its shape, without the batch axis.")

    @property
    def label(self) -> str:
        return "parameter"

    def rule(self, *inputs: Shape) -> Facts:
        extents = tuple(count(each) for each in self.shape)
        lines = product(reversed(extents))
        return Facts(
            inputs=inputs,
            outputs=(extents,),
            weights=(Weight("weight", extents),),
            connections=lines,
            connections_in_bounds=lines,
            windows=None,
            reasons={"receptive_field": "it reads no input"},
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("expand", ("weight",), (Made("output", facts.output),), views=True),)

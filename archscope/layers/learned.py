"""Tensors that read nothing: learned, or the same number everywhere."""

from __future__ import annotations

from typing import ClassVar

from archscope.layers.base import NOTHING, Facts, Layer, Shape, Weight
from archscope.layers.steps import Made, Step
from archscope.options import number, option
from archscope.options import shape as a_shape
from archscope.working import count, product


class Parameter(Layer):
    """A learned tensor that reads nothing: a class token, positions, queries; every sample gets the same values.

    Each value is a unit with a constant line and no other. Where it is added to a grid, the grid looks where it did.
    One that only weighs a `matmul` is neither: the product has its lines and the units.

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

    def of_weights(self, facts: Facts) -> Facts:
        """The lines are those of the products that it weighs."""
        return facts.replace(makes_weights=True, connections=NOTHING, connections_in_bounds=NOTHING)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("expand", ("weight",), (Made("output", facts.output),), views=True),)


class Constant(Layer):
    """The same number in every place; reads nothing: the zeros that a state begins with, a map of ones.

    Every sample has values of its own, as those that ``torch.zeros_like`` makes. It is worked out and not held.

    >>> Constant(shape=[64, 28, 28]).label, Constant(shape=[64], value=1).facts().output
    ('zeros', (64,))
    """

    type: ClassVar[str] = "constant"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Constant"
    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    shape: tuple[int, ...] = option(a_shape, doc="Its shape, without the batch axis.")
    value: float = option(number, default=0.0, doc="The number that is in every place.")

    @property
    def label(self) -> str:
        said = {0.0: "zeros", 1.0: "ones"}
        return said.get(self.value, f"all {self.value:g}".replace("-", "−"))

    def rule(self, *inputs: Shape) -> Facts:
        extents = tuple(count(each) for each in self.shape)
        return Facts(inputs, (extents,), windows=None, reasons={"receptive_field": "it reads no input"})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return (Step("full", (), (Made("output", facts.output),)),)

"""What activations share, and those that few networks have: shrinking, thresholds, random slopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, ranked, spell_shape
from archscope.layers.doubt import Doubt, Meaning, Place
from archscope.layers.places import axis_in
from archscope.layers.steps import Made, Step, chain, divided, like, subtracted
from archscope.options import integer, non_negative_number, number, option, positive_number
from archscope.working import bare


class Pointwise(Layer):
    """A function of each value by itself: no weights, the shape unchanged."""

    family: ClassVar[str] = "activation"
    verb: ClassVar[str] = "Activation"
    absorbed: ClassVar[bool] = True
    word: ClassVar[str] = ""

    @property
    def label(self) -> str:
        return self.word

    def rule(self, *inputs: Shape) -> Facts:
        return Facts(inputs, (inputs[0],))

    def meaning(self, came: Meaning) -> Meaning:
        return came


class Normalized(Pointwise):
    """Softmax and its logarithm: one axis adds up to 1."""

    dim: int

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if axis_in(self.dim, shape) == 0:
            return Facts(inputs, (shape,))
        return Facts(
            inputs,
            (shape,),
            windows=None,
            reasons={"receptive_field": "a softmax along an axis of the grid mixes all its positions"},
        )

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        # A softmax over positions of one score each is what attention does to pool them.
        if place.positions > 1 and self.dim == 0 and "dim" not in place.stated and place.inputs[0][1] > 1:
            features = bare(place.inputs[0][1])
            yield Doubt(
                "softmax-over-positions",
                f"adds up to 1 over the {place.positions} positions of {spell_shape(place.inputs[0])}, "
                f"not over the {features} features of each",
                f"write `{{type: {self.type}, dim: 1}}`, or `dim: 0` if the positions are meant",
            )


class Mish(Pointwise):
    """``a · tanh(softplus(a))`` (Misra 2019; YOLOv4).

    >>> Mish().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "mish"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "Mish"


class CELU(Pointwise):
    """``a`` above 0, ``alpha · (e^(a/alpha) − 1)`` below: an ELU whose slope has no jump (Barron 2017).

    >>> CELU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "celu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    kept_in_place: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "CELU"
    alpha: float = option(positive_number, default=1.0, doc="Height of the plateau below 0.")


class Softsign(Pointwise):
    """``a / (1 + |a|)``.

    >>> Softsign().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "softsign"
    word: ClassVar[str] = "softsign"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = facts.output
        return (
            Step("abs", ("input",), (Made("abs", shape),), ("input",), behind=like(shape, 1)),
            Step("add", ("abs",), (Made("added", shape),), passes=("abs",)),
            divided("input", "added", shape),
        )


class LogSigmoid(Pointwise):
    """The logarithm of `Sigmoid`.

    >>> LogSigmoid().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "logsigmoid"
    word: ClassVar[str] = "log sigmoid"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        made = (Made("output", facts.output), Made("buffer", facts.output))
        return (Step("log_sigmoid", ("input",), made, ("input", "buffer")),)


class Tanhshrink(Pointwise):
    """``a − tanh(a)``.

    >>> Tanhshrink().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "tanhshrink"
    word: ClassVar[str] = "tanh shrink"

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        tanh = Step("tanh", ("input",), (Made("tanh", facts.output),), ("tanh",))
        return (tanh, subtracted("input", "tanh", facts.output))


class Softshrink(Pointwise):
    """``a`` moved towards 0 by ``lambd``; 0 for values that would pass it.

    >>> Softshrink().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "softshrink"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "soft shrink"
    lambd: float = option(non_negative_number, default=0.5, doc="How far values are moved towards 0.")


class Hardshrink(Pointwise):
    """``a`` where it is further than ``lambd`` from 0, else 0.

    >>> Hardshrink().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "hardshrink"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "hard shrink"
    lambd: float = option(non_negative_number, default=0.5, doc="Distance from 0 up to which values become 0.")


class Threshold(Pointwise):
    """``a`` above ``threshold``, else ``value``.

    >>> Threshold(threshold=0.1, value=0).facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "threshold"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "threshold"
    threshold: float = option(number, doc="What a value has to be above to stay.")
    value: float = option(number, doc="What the others become.")


class RReLU(Pointwise):
    """A leaky ReLU whose slope below 0 is drawn anew while training, and is the middle at inference (Xu et al. 2015).

    >>> RReLU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "rrelu"
    kept_in_place: ClassVar[tuple[str, ...] | None] = ("output", "slopes")
    word: ClassVar[str] = "RReLU"
    lower: float = option(number, default=1 / 8, doc="Least slope below 0.")
    upper: float = option(number, default=1 / 3, doc="Largest slope below 0.")

    def check(self) -> None:
        if self.lower > self.upper:
            raise Rejects(f"`lower: {self.lower:g}` is above `upper: {self.upper:g}`", option="lower",
                          help="the slope is drawn between the two")  # fmt: skip

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = facts.output
        return (
            Step("empty_like", (), (Made("slopes", shape, typed="input"),)),
            Step("rrelu", ("input",), (Made("output", shape),), ("input", "slopes"), reads_too=("slopes",)),
        )


class Softmin(Normalized):
    """Softmax of the negated values along an axis: the smallest gets the most.

    >>> Softmin().facts((1000,)).output
    (1000,)
    """

    type: ClassVar[str] = "softmin"
    word: ClassVar[str] = "softmin"
    dim: int = option(integer, default=0, doc="The axis that adds up to 1, counted without the batch.")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return chain(("neg", ""), ("softmax", "output"), shape=facts.output)


class Softmax2d(Pointwise):
    """Softmax over the channels of each position of ``(channels, height, width)``: `Softmax` for maps alone.

    >>> Softmax2d().facts((21, 64, 64)).output
    (21, 64, 64)
    """

    type: ClassVar[str] = "softmax2d"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "softmax"

    def rule(self, *inputs: Shape) -> Facts:
        return Facts(inputs, (ranked(inputs[0], 3, "(channels, height, width)", help="use `softmax` with a `dim`"),))

"""Activations: functions of one value, and softmax."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, extents, spell_option
from archscope.layers.gates import GATES
from archscope.layers.pointwise import (
    CELU,
    Hardshrink,
    LogSigmoid,
    Mish,
    Normalized,
    Pointwise,
    RReLU,
    Softmax2d,
    Softmin,
    Softshrink,
    Softsign,
    Tanhshrink,
    Threshold,
)
from archscope.layers.steps import Made, Step, chain
from archscope.options import choice, integer, number, option, positive, positive_number
from archscope.working import bare, count


class ReLU(Pointwise):
    """``max(0, a)``, the rectified linear unit (Nair and Hinton 2010; AlexNet).

    >>> ReLU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "relu"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "ReLU"
    cuts: ClassVar[bool] = True


class ReLU6(Pointwise):
    """``min(max(0, a), 6)`` (MobileNet).

    >>> ReLU6().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "relu6"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "ReLU6"
    cuts: ClassVar[bool] = True


class LeakyReLU(Pointwise):
    """``a`` above 0, ``negative_slope · a`` below.

    >>> LeakyReLU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "leaky_relu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    kept_in_place: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "leaky ReLU"
    negative_slope: float = option(number, default=0.01, doc="Slope below 0.")


class ELU(Pointwise):
    """``a`` above 0, ``alpha · (eᵃ − 1)`` below (Clevert et al. 2016).

    >>> ELU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "elu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    kept_in_place: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "ELU"
    alpha: float = option(positive_number, default=1.0, doc="Height of the plateau below 0.")


class SELU(Pointwise):
    """The self-normalizing ELU with its two fixed constants (Klambauer et al. 2017).

    >>> SELU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "selu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    kept_in_place: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "SELU"


class GELU(Pointwise):
    """``a · Φ(a)``, Φ the normal distribution (Hendrycks and Gimpel 2016).

    >>> GELU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "gelu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "GELU"
    approximate: str = option(choice("none", "tanh"), default="none", doc="How Φ is computed.")


class SiLU(Pointwise):
    """``a · sigmoid(a)``, also called Swish.

    >>> SiLU().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "silu"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "SiLU"


class Sigmoid(Pointwise):
    """``1 / (1 + e⁻ᵃ)``.

    >>> Sigmoid().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "sigmoid"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "sigmoid"


class Tanh(Pointwise):
    """The hyperbolic tangent.

    >>> Tanh().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "tanh"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "tanh"


class ScaledTanh(Pointwise):
    """``amplitude · tanh(slope · a)``, LeCun's squashing function 1.7159·tanh(2/3·a).

    With these constants f(1) = 1 and f(−1) = −1 (LeCun et al. 1998, App. A).

    >>> ScaledTanh().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "scaled_tanh"
    word: ClassVar[str] = "scaled tanh"
    amplitude: float = option(positive_number, default=1.7159, doc="Value the output approaches.")
    slope: float = option(positive_number, default=2 / 3, doc="Slope inside the tanh.")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return chain(("mul", ""), ("tanh", "output"), ("mul", ""), shape=facts.output)


class Hardtanh(Pointwise):
    """``a`` cut off at ``min_val`` and ``max_val``.

    >>> Hardtanh().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "hardtanh"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "hardtanh"
    min_val: float = option(number, default=-1.0, doc="Least output.")
    max_val: float = option(number, default=1.0, doc="Largest output.")

    def check(self) -> None:
        if self.min_val >= self.max_val:
            raise Rejects(
                f"{spell_option('min_val', self.min_val)} is not below {spell_option('max_val', self.max_val)}",
                option="min_val",
                help="outputs lie from the least to the largest",
            )


class Hardsigmoid(Pointwise):
    """``min(max(0, a + 3), 6) / 6``.

    >>> Hardsigmoid().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "hardsigmoid"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "hard sigmoid"


class Hardswish(Pointwise):
    """``a · hardsigmoid(a)`` (MobileNetV3).

    >>> Hardswish().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "hardswish"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "hard swish"


class Softplus(Pointwise):
    """``log(1 + e^(beta·a)) / beta``.

    >>> Softplus().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "softplus"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    word: ClassVar[str] = "softplus"
    beta: float = option(positive_number, default=1.0, doc="Sharpness of the bend.")


class Identity(Pointwise):
    """Its input, unchanged: a name for a place in a network.

    >>> Identity().facts((6, 28, 28)).output
    (6, 28, 28)
    """

    type: ClassVar[str] = "identity"
    word: ClassVar[str] = "identity"
    shares_memory: ClassVar[bool] = True


class PReLU(Pointwise):
    """A leaky ReLU whose slope below 0 is trained, one for all or one a channel (He et al. 2015).

    >>> PReLU(num_parameters=64).facts((64, 56, 56)).parameters
    64
    """

    type: ClassVar[str] = "prelu"
    word: ClassVar[str] = "PReLU"
    num_parameters: int = option(positive, default=1, doc="1, or the number of channels.")

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if self.num_parameters not in (1, bare(shape[0])):
            raise Rejects(
                f"`num_parameters: {self.num_parameters}` is neither 1 nor the {bare(shape[0])} input channels",
                option="num_parameters",
                input=0,
                help=f"use 1 or {bare(shape[0])}",
            )
        connections = extents(shape)
        return Facts(
            inputs=inputs,
            outputs=(shape,),
            weights=(Weight("weight", (count(self.num_parameters, "n"),)),),
            connections=connections,
            connections_in_bounds=connections,
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        # Its backward pass makes a gradient of the weight for every value, and sums it after.
        made = (Made("output", facts.output),)
        return (Step("prelu", ("input", "weight"), made, ("input",), reduces=("weight",), every=True),)


class Softmax(Normalized):
    """``eᵃ / Σ eᵃ`` along an axis, the channels unless told otherwise.

    >>> Softmax().facts((1000,)).output
    (1000,)
    """

    type: ClassVar[str] = "softmax"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "softmax"
    dim: int = option(integer, default=0, doc="The axis that adds up to 1, counted without the batch.")


class LogSoftmax(Normalized):
    """The logarithm of `Softmax`.

    >>> LogSoftmax().facts((10,)).output
    (10,)
    """

    type: ClassVar[str] = "log_softmax"
    kept: ClassVar[tuple[str, ...] | None] = ("output",)
    word: ClassVar[str] = "log softmax"
    dim: int = option(integer, default=0, doc="The axis that adds up to 1, counted without the batch.")


LAYERS: tuple[type[Layer], ...] = (
    ReLU,
    ReLU6,
    LeakyReLU,
    ELU,
    SELU,
    GELU,
    SiLU,
    Sigmoid,
    Tanh,
    ScaledTanh,
    Hardtanh,
    Hardsigmoid,
    Hardswish,
    Softplus,
    Identity,
    PReLU,
    Softmax,
    LogSoftmax,
    CELU,
    Mish,
    Softsign,
    LogSigmoid,
    Tanhshrink,
    Softshrink,
    Hardshrink,
    Threshold,
    RReLU,
    Softmin,
    Softmax2d,
    *GATES,
)

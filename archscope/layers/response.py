"""Local response normalization: each value over the energy of its neighbours, in other maps or in its own."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Window, spell_option, spell_shape
from archscope.layers.doubt import MAPS, Meaning
from archscope.layers.steps import Made, Step, divided, like
from archscope.options import flag, number, option, positive, positive_number
from archscope.working import bare


class LRN(Layer):
    """Local response normalization across neighbouring maps (Krizhevsky et al. 2012, Sec. 3.3); no weights.

    ``b = a / (k + alpha/size · Σ a²)^beta`` over ``size`` neighbouring maps, as PyTorch computes it. The
    paper prints ``alpha`` without the division, so its k=2, n=5, α=1e-4 are ``alpha: 5e-4`` here.

    With ``within_channel`` the sum goes over ``size`` by ``size`` neighbours in the same map and is divided by
    ``size²``, Caffe's ``WITHIN_CHANNEL``.

    >>> facts = LRN(size=5, alpha=5e-4, beta=0.75, k=2).facts((48, 55, 55))
    >>> facts.output, facts.parameters
    ((48, 55, 55), 0)
    """

    type: ClassVar[str] = "lrn"
    takes: ClassVar[Meaning] = MAPS
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    size: int = option(positive, doc="Neighbouring maps in the sum.")
    alpha: float = option(positive_number, default=1e-4, doc="Weight of the sum, divided by `size`.")
    beta: float = option(positive_number, default=0.75, doc="Exponent.")
    k: float = option(number, default=1.0, doc="Added to the sum.")
    within_channel: bool = option(
        flag, default=False, doc="Whether the neighbours lie in the same map, and not in other maps."
    )

    @property
    def label(self) -> str:
        return "LRN within maps" if self.within_channel else "LRN"

    def check(self) -> None:
        if self.within_channel and self.size % 2 == 0:
            raise Rejects(
                f"{spell_option('size', self.size)} has no middle",
                option="size",
                help=f"within a map use an odd size, such as {self.size + 1}",
            )

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if not self.within_channel:
            if len(shape) < 2:
                raise Rejects(f"takes (channels, …), got {spell_shape(shape)}", input=0)
            return Facts(inputs, (shape,))
        if len(shape) != 3:
            raise Rejects(f"within maps takes (channels, height, width), got {spell_shape(shape)}", input=0)
        return Facts(inputs, (shape,), windows=(Window(self.size, padding=self.size // 2),) * 2)

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = facts.output
        padded = (bare(shape[0]) + self.size - 1, *shape[1:])
        pool = "avg_pool2d" if self.within_channel or len(shape) == 2 else "avg_pool3d"
        mean = (
            (Step(pool, ("squared",), (Made("mean", shape),), ("squared",)),)
            if self.within_channel
            else (
                Step("pad", ("squared",), (Made("padded", padded),)),
                Step(pool, ("padded",), (Made("mean", shape),), ("padded",)),
            )
        )
        return (
            Step("mul", ("input", "input"), (Made("squared", shape),), ("input",)),
            *mean,
            Step("mul", ("mean",), (Made("scaled", shape),)),
            Step("add", ("scaled",), (Made("shifted", shape),), passes=("scaled",)),
            Step(
                "pow", ("shifted",), (Made("power", shape),), ("shifted",), behind=like(shape, 2), reads_too=("mean",)
            ),
            divided("input", "power", shape),
        )

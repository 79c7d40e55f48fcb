"""Normalization and regularization: LRN, batch, layer, RMS, group and instance norm, dropout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, extents, spell_option, spell_shape
from archscope.layers.doubt import MAPS, Doubt, Meaning, Place
from archscope.layers.dropping import DROPPING
from archscope.layers.places import axis_in
from archscope.layers.repeating import by_sample
from archscope.layers.response import LRN
from archscope.layers.steps import WIDE, Made, Step, divided, like, multiplied
from archscope.options import (
    flag,
    integer,
    one_or_many,
    option,
    optional,
    positive,
    positive_number,
    probability,
)
from archscope.working import Count, bare, count

_EPS = "Added to the variance, so that nothing is divided by 0."
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_AFFINE = "Whether it scales and shifts with trainable values."
_SHAPE = optional(one_or_many(positive, "a positive integer or a list of them"))
_LAST_AXES = "The last axes' extents; all axes if left out."


def _scaled(
    inputs: tuple[Shape, ...],
    scales: tuple[Weight, ...],
    held: tuple[Weight, ...] = (),
    *,
    pointwise: bool,
    lost: str = "",
) -> Facts:
    """Facts of a layer whose units each have one weighted line, and a bias line where there is one."""
    (shape,) = inputs
    lines = count(len(scales))
    connections: Count = lines * extents(shape) if scales else count(0)
    return Facts(
        inputs=inputs,
        outputs=(shape,),
        weights=(*scales, *held),
        connections=connections,
        connections_in_bounds=connections,
        windows=() if pointwise else None,
        reasons={} if pointwise else {"receptive_field": lost},
    )


class _ByChannel(Layer):
    """Each channel by a mean and a variance of its own, which may be held from batch to batch."""

    takes: ClassVar[Meaning] = MAPS
    centres: ClassVar[bool] = True
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    eps: float = option(positive_number, default=1e-5, doc=_EPS)
    momentum: float = option(probability, default=0.1, doc="Share of a new batch in the running statistics.")
    affine: bool = option(flag, default=True, doc=_AFFINE)
    track_running_stats: bool = option(flag, default=True, doc="Whether it holds running statistics.")

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def by_channel(self, inputs: tuple[Shape, ...], *, pointwise: bool, lost: str = "") -> Facts:
        """The facts: two trained values a channel where it is affine, two that are held where it holds statistics."""
        channels = count(inputs[0][0], "n")
        scales = (Weight("weight", (channels,)), Weight("bias", (channels,))) if self.affine else ()
        running = ("running_mean", "running_var") if self.track_running_stats else ()
        held = tuple(Weight(name, (channels,), trainable=False) for name in running)
        return _scaled(inputs, scales, held, pointwise=pointwise, lost=lost)


class BatchNorm(_ByChannel):
    """Normalize each channel over the batch; scale and shift it (Ioffe and Szegedy 2015).

    It trains a scale and a shift a channel and holds, untrained, a running mean and variance a channel.
    PyTorch also keeps a counter of batches, which is no value of the network.

    >>> facts = BatchNorm().facts((96, 8, 8))
    >>> facts.parameters, facts.fixed, facts.parameters.working
    (192, 192, '(1 + 1)·96')
    """

    type: ClassVar[str] = "batch_norm"

    @property
    def label(self) -> str:
        return "BN"

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if len(shape) > 4:
            raise Rejects(f"takes channels with up to 3 axes, got {spell_shape(shape)}", input=0)
        return self.by_channel(inputs, pointwise=True)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._normalized(facts, ("mean", "deviation"))

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._normalized(facts, () if self.track_running_stats else ("mean", "deviation"))

    @staticmethod
    def _normalized(facts: Facts, statistics: tuple[str, ...]) -> tuple[Step, ...]:
        """One operation that keeps its input and a statistic of each name for every channel of the batch."""
        held = [weight.name for weight in facts.weights]
        made = tuple(Made(name, facts.inputs[0][:1], each=False, typed=held[0] if held else "") for name in statistics)
        weights = tuple(weight.name for weight in facts.weights if weight.trainable)
        return (Step("batch_norm", ("input", *weights), (Made("output", facts.output), *made), ("input", *statistics)),)


class LayerNorm(Layer):
    """Normalize each sample over its last axes; scale and shift every position (Ba et al. 2016).

    >>> facts = LayerNorm(normalized_shape=64).facts((16, 64))
    >>> facts.output, facts.parameters
    ((16, 64), 128)
    """

    type: ClassVar[str] = "layer_norm"
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    normalized_shape: tuple[int, ...] | None = option(_SHAPE, default=None, doc=_LAST_AXES)
    eps: float = option(positive_number, default=1e-5, doc=_EPS)
    elementwise_affine: bool = option(flag, default=True, doc=_AFFINE)
    bias: bool = option(flag, default=True, doc="Whether it shifts too.")

    @property
    def label(self) -> str:
        return "LN"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        yield from _over_positions(place, self.normalized_shape)

    def rule(self, *inputs: Shape) -> Facts:
        names = () if not self.elementwise_affine else ("weight", "bias") if self.bias else ("weight",)
        return _over_last_axes(inputs[0], self.normalized_shape, names)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        length = len(facts.inputs[0] if self.normalized_shape is None else self.normalized_shape)
        return _normalized(facts, "layer_norm", facts.inputs[0][: len(facts.inputs[0]) - length], ("mean", "deviation"))


class RMSNorm(Layer):
    """Divide each sample by the root of its mean square over the last axes; scale it (Zhang and Sennrich 2019).

    Unlike a layer norm it subtracts no mean and has no shift.

    >>> facts = RMSNorm(normalized_shape=64).facts((16, 64))
    >>> facts.output, facts.parameters
    ((16, 64), 64)
    """

    type: ClassVar[str] = "rms_norm"
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    normalized_shape: tuple[int, ...] | None = option(_SHAPE, default=None, doc=_LAST_AXES)
    eps: float | None = option(
        optional(positive_number), default=None, doc=f"{_EPS[:-1]}; the smallest step above 1 if left out."
    )
    elementwise_affine: bool = option(flag, default=True, doc="Whether it scales with trainable values.")

    @property
    def label(self) -> str:
        return "RMS norm"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        yield from _over_positions(place, self.normalized_shape)

    def rule(self, *inputs: Shape) -> Facts:
        return _over_last_axes(inputs[0], self.normalized_shape, ("weight",) if self.elementwise_affine else ())

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape = facts.output
        length = len(shape if self.normalized_shape is None else self.normalized_shape)
        each = (*shape[: len(shape) - length], *(1 for _ in range(length)))
        weights = tuple(weight.name for weight in facts.weights)
        wide, last = f"input in {WIDE}", "scaled" if weights else "normed"
        made = (Made("scaled", shape),)
        scaled = [multiplied("normed", each, shape, weights).replace(makes=made, reads_too=(wide,)) for each in weights]
        return (
            Step("to", ("input",), (Made(wide, shape, WIDE, like="input"),)),
            Step("pow", (wide,), (Made("squared", shape),), (wide,), behind=like(shape, 2)),
            Step("mean", ("squared",), (Made("mean", each),)),
            Step(
                "rsqrt", ("mean",), (Made("inverse", each),), ("inverse",), behind=like(each, 2), reads_too=("squared",)
            ),
            multiplied(wide, "inverse", shape, ("inverse",)).replace(makes=(Made("normed", shape),)),
            *scaled,
            Step("to", (last,), (Made("output", shape, like=last, typed="input"),), reads_too=("inverse",)),
        )


def _over_positions(place: Place, stated: tuple[int, ...] | None) -> Iterable[Doubt]:
    """A doubt of a norm that mixes the positions of a sequence because nothing says over what it goes."""
    shape = place.inputs[0]
    sequence = place.positions > 1 or (place.axes == "" and place.features and len(shape) == 2 and shape[0] > 1)
    if sequence and stated is None:
        yield Doubt(
            "norm-over-positions",
            f"normalizes over all of {spell_shape(shape)}: its statistics mix the {bare(shape[0])} positions",
            f"write `normalized_shape: {bare(shape[1])}` to normalize the features of each position",
        )


def _over_last_axes(shape: Shape, stated: tuple[int, ...] | None, names: tuple[str, ...]) -> Facts:
    """Facts of a layer with statistics of the last axes and a weight of each name for every place along them."""
    normalized = tuple(bare(each) for each in shape) if stated is None else stated
    tail = tuple(bare(each) for each in shape[len(shape) - len(normalized) :])
    if tail != normalized:
        raise Rejects(
            f"{spell_option('normalized_shape', normalized)} does not fit the end of {spell_shape(shape)}",
            option="normalized_shape",
            input=0,
        )
    axes = range(1, len(normalized) + 1)
    letters = ("n",) if len(axes) == 1 else tuple(f"n{axis}".translate(_SUBSCRIPTS) for axis in axes)
    extents_ = tuple(count(each, letter) for each, letter in zip(normalized, letters, strict=True))
    return _scaled(
        (shape,),
        tuple(Weight(name, extents_) for name in names),
        pointwise=False,
        lost="the statistics of the last axes reach every position along them",
    )


def _normalized(facts: Facts, op: str, places: Shape, statistics: tuple[str, ...]) -> tuple[Step, ...]:
    """One operation that keeps its input, and a statistic of each name for every place."""
    weights = tuple(weight.name for weight in facts.weights)
    made = tuple(Made(name, places, typed=weights[0] if weights else "") for name in statistics)
    return (Step(op, ("input", *weights), (Made("output", facts.output), *made), ("input", *statistics)),)


class GroupNorm(Layer):
    """Normalize each group of channels of a sample; scale and shift each channel (Wu and He 2018).

    >>> facts = GroupNorm(num_groups=8).facts((64, 32, 32))
    >>> facts.parameters
    128
    """

    type: ClassVar[str] = "group_norm"
    takes: ClassVar[Meaning] = MAPS
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    num_groups: int = option(positive, doc="Groups of channels.")
    eps: float = option(positive_number, default=1e-5, doc=_EPS)
    affine: bool = option(flag, default=True, doc=_AFFINE)

    @property
    def label(self) -> str:
        return "GN"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def centres_each(self, inputs: Sequence[Shape]) -> bool:
        return bare(inputs[0][0]) == self.num_groups

    def rule(self, *inputs: Shape) -> Facts:
        channels = count(inputs[0][0], "n")
        if channels % self.num_groups:
            raise Rejects(
                f"{spell_option('num_groups', self.num_groups)} does not divide the {bare(channels)} input channels",
                option="num_groups",
                input=0,
                help=f"use a divisor of {bare(channels)}",
            )
        scales = (Weight("weight", (channels,)), Weight("bias", (channels,))) if self.affine else ()
        return _scaled(inputs, scales, pointwise=False, lost="the statistics of the whole map reach every position")

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        (step,) = _normalized(facts, "group_norm", (self.num_groups,), ("mean", "deviation"))
        ordered = {"reads": ("in order", *step.reads[1:]), "saves": ("in order", *step.saves[1:])}
        copy = Step("contiguous", ("input",), (Made("in order", ()),), views=True, lined=True)
        return (step.replace(unlined=(copy, step.replace(**ordered))),)


class InstanceNorm(_ByChannel):
    """Normalize each map of each sample by its own mean and variance (Ulyanov et al. 2016).

    As in PyTorch it holds nothing unless told to: ``affine`` trains a scale and a shift a channel,
    ``track_running_stats`` holds a running mean and variance a channel.

    >>> InstanceNorm().facts((64, 32, 32)).parameters, InstanceNorm(affine=True).facts((64, 32, 32)).parameters
    (0, 128)
    """

    type: ClassVar[str] = "instance_norm"
    affine: bool = option(flag, default=False, doc=_AFFINE)
    track_running_stats: bool = option(flag, default=False, doc="Whether it holds running statistics.")

    @property
    def label(self) -> str:
        return "IN"

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if not 2 <= len(shape) <= 4:
            raise Rejects(f"takes channels with 1 to 3 axes, got {spell_shape(shape)}", input=0)
        lost = "the statistics of the whole map reach every position"
        return self.by_channel(inputs, pointwise=self.track_running_stats, lost=lost)

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return by_sample(facts, training=True)

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return by_sample(facts, training=False)


class Normalize(Layer):
    """Vectors along an axis brought to length 1, PyTorch's ``F.normalize``; no weights.

    >>> Normalize(dim=0).facts((128,)).output
    (128,)
    """

    type: ClassVar[str] = "normalize"
    family: ClassVar[str] = "normalization"
    verb: ClassVar[str] = "Normalization"
    absorbed: ClassVar[bool] = True
    dim: int = option(integer, default=0, doc="The axis along which a vector lies, counted without the batch.")
    p: float = option(positive_number, default=2.0, doc="The kind of length: 2 for Euclid's.")
    eps: float = option(positive_number, default=1e-12, doc="The least length that is divided by.")

    @property
    def label(self) -> str:
        return "length 1"

    def meaning(self, came: Meaning) -> Meaning:
        return came

    def rule(self, *inputs: Shape) -> Facts:
        if axis_in(self.dim, inputs[0]) == 0:
            return Facts(inputs, (inputs[0],))
        mixes = "a length along an axis of the grid mixes all its positions"
        return Facts(inputs, (inputs[0],), windows=None, reasons={"receptive_field": mixes})

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        shape, axis = facts.output, axis_in(self.dim, facts.output)
        reduced = (*shape[:axis], count(1), *shape[axis + 1 :])
        return (
            Step("linalg_vector_norm", ("input",), (Made("norm", reduced),), ("input", "norm")),
            Step("clamp_min", ("norm",), (Made("length", reduced),), ("norm",)),
            divided("input", "length", shape, ("length",)),
        )


LAYERS: tuple[type[Layer], ...] = (LRN, BatchNorm, LayerNorm, RMSNorm, GroupNorm, InstanceNorm, Normalize, *DROPPING)

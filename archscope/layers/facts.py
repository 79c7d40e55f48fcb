"""What a layer says about itself in its place: `Facts`, and the shapes, weights and windows in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from archscope.record import EMPTY, Record, lazily
from archscope.working import Count, as_count, bare, count, factor, product, total

Shape = tuple[int, ...]
"""Extents of one sample, channels first; the batch axis is never in it."""

NOTHING: Final = Count(0)
UNSTATED: Final = Count(0)
"""Stands for a number that equals another one unless a rule says otherwise."""


def spell_shape(shape: Iterable[int], sign: str = "×") -> str:
    """A shape or a window as the papers write it, wherever a person reads one.

    >>> spell_shape((6, 28, 28)), spell_shape(()), spell_shape((3, 3), "x")
    ('6×28×28', 'scalar', '3x3')
    """
    return sign.join(factor(extent) for extent in shape) or "scalar"


def spell_count(many: int, one: str) -> str:
    """How many there are of something whose plural ends in s.

    >>> spell_count(1, "head"), spell_count(1024, "parameter")
    ('1 head', '1,024 parameters')
    """
    return f"{many:,} {one}{'' if many == 1 else 's'}"


def spell_shapes(shapes: Iterable[Iterable[int]], between: str = ", ") -> str:
    """Several shapes in one line.

    >>> spell_shapes([(10, 64), (64,)]), spell_shapes([(10, 64), (64,)], " and ")
    ('10×64, 64', '10×64 and 64')
    """
    return between.join(spell_shape(shape) for shape in shapes)


def values_in(shape: Shape) -> int:
    """The number of values of a shape."""
    result = 1
    for extent in shape:
        result *= bare(extent)
    return result


class Weight(Record):
    """One named tensor of a layer.

    ``shape`` has at least one extent; extents may carry letters and arithmetic, and the first is the number
    of units that share nothing. ``dtype`` is PyTorch's name of the type that its values are held in, where a module
    says it; ``stored`` the bytes that it takes where they do not lie value by value, as those of a sparse one.
    """

    name: str
    shape: Shape
    trainable: bool = True
    dtype: str = ""
    stored: int | None = None

    @property
    def values(self) -> int:
        """The number of values it holds."""
        return values_in(self.shape)


class Window(Record):
    """What one output position sees along one axis: ``kernel`` taps, ``dilation`` apart.

    ``padding`` is the number of positions before the first input value.
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Input positions from the first tap to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @lazily
    def moves(self) -> tuple[Count, Count, Count]:
        """Its reach ``(k − 1)·d``, its stride and padding as they stand in formulas; asked of each layer."""
        reach = count(self.kernel, "k") - 1
        if self.dilation != 1:
            reach = reach * count(self.dilation, "d")
        return reach, count(self.stride, "s"), count(self.padding, "p")


class Facts(Record):
    """The numbers of one layer in its place. All exact; ``None`` is *not covered*, with a reason.

    Attributes:
        inputs: the shapes that came in.
        outputs: the shapes that go out; most layers have one.
        weights: the tensors it holds, trainable or fixed.
        connections: weighted input lines of all units, bias lines included, weight sharing not collapsed,
            lines into the padding included; 0 without weights.
        connections_in_bounds: the same without lines into the padding.
        macs: multiply-accumulates of convolutions and matrix products, padding taps included, bias not.
        macs_in_bounds: the same without padding taps; as ``macs`` where a rule does not say.
        windows: what one output position sees, an entry for each spatial axis; empty where a position sees
            only itself; ``None`` where the grid is lost.
        reasons: why a number is ``None``, by the name of the number.
        sees: the inputs whose values reach the output, by number; all of them if None.
        repeated: the inputs that are repeated along the grid, by number: a position sees all of such a one.
        alike: for each input the first that is the same value, where it is known and some are.
        not_covered: operations whose products are not known, by name, with how often each ran.
        macs_at_least: what is known of ``macs`` where that is ``None``.
        weighing: the inputs that are weights which others hold or make, by number; see `Layer.weighed`.
        makes_weights: whether what it makes are weights of others alone, and no values of the network.
        borrows: whether it works with weights of another layer that are not its inputs.
        shifts: whether all its weights are biases of the units before it, so that it has no units of its own.
        stacked: the layers that it is one after the other, where it is several: its units are those of each.
    """

    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    weights: tuple[Weight, ...] = ()
    connections: Count | None = NOTHING
    connections_in_bounds: Count | None = NOTHING
    macs: Count | None = NOTHING
    macs_in_bounds: Count | None = UNSTATED
    windows: tuple[Window, ...] | None = ()
    reasons: Mapping[str, str] = EMPTY
    sees: tuple[int, ...] | None = None
    repeated: tuple[int, ...] = ()
    alike: tuple[int, ...] = ()
    not_covered: tuple[tuple[str, int], ...] = ()
    macs_at_least: Count = NOTHING
    weighing: tuple[int, ...] = ()
    makes_weights: bool = False
    borrows: bool = False
    shifts: bool = False
    stacked: tuple[Facts, ...] = ()

    def __post_init__(self) -> None:
        if self.macs_in_bounds is UNSTATED:
            object.__setattr__(self, "macs_in_bounds", self.macs)

    @property
    def seen_inputs(self) -> Sequence[int]:
        """The inputs whose values reach the output, by number."""
        return range(len(self.inputs)) if self.sees is None else self.sees

    @property
    def output(self) -> Shape:
        """The first output's shape."""
        return self.outputs[0]

    @lazily
    def parameters(self) -> Count:
        """The number of trainable values, derived from the weights."""
        return _values_of([weight for weight in self.weights if weight.trainable])

    @lazily
    def fixed(self) -> Count:
        """The number of values held but not trained."""
        return _values_of([weight for weight in self.weights if not weight.trainable])

    @lazily
    def units(self) -> Count:
        """Output values, if the layer holds weights or is given them: the papers' "neurons"."""
        if self.makes_weights or self.shifts or not (self.weights or self.weighing or self.borrows):
            return NOTHING
        return total(extents(each.output) for each in self.stacked or (self,))

    @lazily
    def flops(self) -> Count | None:
        """2 · MACs."""
        return None if self.macs is None else count(2) * self.macs if self.macs else NOTHING

    @lazily
    def dense_equivalent(self) -> Count:
        """Connections of an untied map from all inputs to all units; 0 without weights."""
        if not self.units:
            return NOTHING
        if self.stacked:
            return total(each.dense_equivalent for each in self.stacked)
        lines = total(extents(shape) for place, shape in enumerate(self.inputs) if place not in self.weighing)
        biased = any("bias" in weight.name for weight in self.weights)
        return (lines + 1 if biased else lines) * self.units


def extents(shape: Shape) -> Count:
    """The number of values of a shape, written as the papers do, channels last.

    >>> extents((6, 28, 28)).working
    '28·28·6'
    """
    return product(count(extent) for extent in (*shape[1:], *shape[:1]))


def _values_of(weights: Sequence[Weight]) -> Count:
    """Add the values of weights, with what they have in common written once: ``(5·5·1 + 1)·6``."""
    if not weights:
        return NOTHING
    units = weights[0].shape[0]
    if len(weights) == 1 or any(not _alike(weight.shape[0], units) for weight in weights):
        return total(_in_reading_order(weight.shape) for weight in weights)
    lines = [_in_reading_order(weight.shape[1:]) for weight in weights]
    inner = lines[0]
    for each in lines[1:]:
        inner = inner + each
    return inner * units


def _alike(a: int, b: int) -> bool:
    """Whether two extents are the same number for the same reason: 64 maps are not 64 kernels."""
    return a == b and as_count(a).formula == as_count(b).formula


def _in_reading_order(shape: Shape) -> Count:
    """``(out, in, kh, kw)`` is read ``kh·kw·in·out``: the window, the maps it spans, the units."""
    if len(shape) < 2:
        return product(shape)
    if len(shape) == 2 and getattr(shape[0], "letter", "") != "h":
        return product((shape[1], shape[0]))
    for first_window_axis, extent in enumerate(shape):
        if isinstance(extent, Count) and extent.letter.startswith("k"):
            outer, window = shape[:first_window_axis], shape[first_window_axis:]
            return product((*window, *reversed(outer)))
    if [getattr(each, "letter", "") for each in shape[-2:]] == ["h", "w"]:
        return product((*shape[-2:], *reversed(shape[:-2])))
    return product(reversed(shape))

"""`Layer`, the class every layer type extends, and `Facts`, what one layer says about itself in its place.

A layer type is one class: its options, its rule, its label and its figure all stand there. A rule is a
pure function of the options and the input shapes. It lists the weights by name and shape, from which the
parameter counts follow, and states connections and multiply-accumulates as arithmetic over `Count` values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Final, dataclass_transform

from archscope.errors import Rejects, did_you_mean
from archscope.layers.doubt import MAPS, Doubt, Meaning, Place
from archscope.limits import MOST_SHAPE_VALUES
from archscope.options import REQUIRED, Kind, Option, option, spell
from archscope.record import EMPTY, Record
from archscope.working import Count, as_count, bare, count, factor, product, total

Shape = tuple[int, ...]
"""Extents of one sample, channels first; the batch axis is never in it."""

NOTHING: Final = Count(0)
_TOO_MANY: Final[Mapping[int | None, str]] = MappingProxyType(
    {0: "it reads nothing: leave `from` out", 1: "join them first with a `concat` or an `add` layer"}
)
UNSTATED: Final = Count(0)
"""Stands for a number that equals another one unless a rule says otherwise."""


def spell_shape(shape: Shape) -> str:
    """A shape as the papers write it.

    >>> spell_shape((6, 28, 28))
    '6×28×28'
    """
    return "×".join(factor(extent) for extent in shape) if shape else "scalar"


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
    says it.
    """

    name: str
    shape: Shape
    trainable: bool = True
    dtype: str = ""

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
        not_covered: operations whose products are not known, by name, with how often each ran.
        macs_at_least: what is known of ``macs`` where that is ``None``.
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
    not_covered: tuple[tuple[str, int], ...] = ()
    macs_at_least: Count = NOTHING

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

    @cached_property
    def parameters(self) -> Count:
        """The number of trainable values, derived from the weights."""
        return _values_of([weight for weight in self.weights if weight.trainable])

    @cached_property
    def fixed(self) -> Count:
        """The number of values held but not trained."""
        return _values_of([weight for weight in self.weights if not weight.trainable])

    @cached_property
    def units(self) -> Count:
        """Output values, if the layer holds weights: the papers' "neurons"."""
        return extents(self.output) if self.weights else NOTHING

    @cached_property
    def flops(self) -> Count | None:
        """2 · MACs."""
        return None if self.macs is None else count(2) * self.macs if self.macs else NOTHING

    @cached_property
    def dense_equivalent(self) -> Count:
        """Connections of an untied map from all inputs to all units; 0 without weights."""
        if not self.weights:
            return NOTHING
        lines = total(extents(shape) for shape in self.inputs)
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
    if len(shape) == 2:
        return product((shape[1], shape[0]))
    for first_window_axis, extent in enumerate(shape):
        if isinstance(extent, Count) and extent.letter.startswith("k"):
            outer, window = shape[:first_window_axis], shape[first_window_axis:]
            return product((*window, *reversed(outer)))
    return product(reversed(shape))


class Axial(Record):
    """An option that has a value for each spatial axis; its kind depends on how many axes the type has."""

    kind: Callable[[int], Kind]
    default: Any
    doc: str


def axial(kind: Callable[[int], Kind], *, default: Any = REQUIRED, doc: str) -> Any:
    """Declare such an option, once for the 1d, 2d and 3d types that extend one class."""
    return Axial(kind, default, doc)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(option, axial))
class Layer:
    """One configured layer: immutable, hashable, equal to another with the same options.

    A subclass declares its options as annotated attributes, like a dataclass, and the constructor checks
    them and brings them to canonical form. (A real dataclass compiles its methods when it is created,
    which for 60 types would cost more than the rest of the program.)

    Class attributes that a type states:

    * ``type``: its name in specs.
    * ``family``: the layer types it shares a module, a page and a colour with.
    * ``axes``: how many spatial axes it works on, where it comes in several dimensions.
    * ``verb``: what a figure writes under the step, such as "Convolutions".
    * ``arity``: how many inputs it takes, least and most.
    * ``output_names``: the names of its outputs, for ``from: lstm.hidden``.
    * ``tokens``: how many of its inputs, from the first, are token numbers.
    * ``ties``: other types whose weights it may use as its own, such as an embedding's by the layer that undoes it.
    * ``absorbed``: whether a picture may draw it as part of the layer before it.
    * ``symbol``: the sign in the circle that a graph draws instead of a box, such as ``+``.
    * ``shares_memory``: whether its output is its input's memory, seen differently.
    * ``takes``: what it takes the axes of its inputs for; see `archscope.layers.doubt`.
    * ``centres``: whether it takes the mean of each channel away.
    * ``cuts``: whether it makes all that is negative 0.
    """

    type: ClassVar[str] = ""
    family: ClassVar[str] = ""
    axes: ClassVar[int] = 0
    verb: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    output_names: ClassVar[tuple[str, ...]] = ("output",)
    tokens: ClassVar[int] = 0
    ties: ClassVar[frozenset[str]] = frozenset()
    absorbed: ClassVar[bool] = False
    symbol: ClassVar[str] = ""
    shares_memory: ClassVar[bool] = False
    takes: ClassVar[Meaning] = ""
    centres: ClassVar[bool] = False
    cuts: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})
    _declared: ClassVar[Mapping[str, Option | Axial]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        declared = {name: value for name, value in vars(cls).items() if isinstance(value, (Option, Axial))}
        for name in declared:
            delattr(cls, name)
        cls._declared = MappingProxyType({**cls._declared, **declared})
        if cls.type:
            cls.options = MappingProxyType(
                {
                    name: Option(each.kind(cls.axes), each.default, each.doc) if isinstance(each, Axial) else each
                    for name, each in cls._declared.items()
                }
            )

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in self.options:
                raise Rejects(
                    f"unknown option `{name}`",
                    option=name,
                    help=did_you_mean(name, self.options, what="options") if self.options else "this type has none",
                )
        for name, declared in self.options.items():
            value = values.get(name, declared.default)
            if value is REQUIRED:
                raise Rejects(f"`{name}` is missing", help=f"`{name}` is {declared.kind.name}")
            object.__setattr__(self, name, self._parsed(name, declared, value))
        self.check()

    @staticmethod
    def _parsed(name: str, declared: Option, value: Any) -> Any:
        try:
            return declared.kind.parse(value)
        except Rejects as error:
            error.option = name
            error.message = f"`{name}`: {error.message}"
            error.args = (error.message,)
            raise

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; make a new one")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        stated = (
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if self.options[name].required or value != self.options[name].kind.parse(self.options[name].default)
        )
        return f"{type(self).__name__}({', '.join(stated)})"

    def stated(self) -> dict[str, Any]:
        """The options that differ from their defaults, as a person would write them."""
        return {
            name: declared.kind.show(getattr(self, name))
            for name, declared in self.options.items()
            if declared.required or getattr(self, name) != declared.kind.parse(declared.default)
        }

    def check(self) -> None:
        """Reject options that do not go together; a type with such options extends this."""

    def rule(self, *inputs: Shape) -> Facts:
        """The facts for given input shapes; the one thing every type defines."""
        raise NotImplementedError

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - a type that keeps what came returns it
        """What the axes of its output mean, ``came`` being what those of its first input mean."""
        return ""

    def doubts(self, place: Place) -> Iterable[Doubt]:
        """What is allowed in its place and yet seldom meant; a type that knows of more extends this."""
        if self.takes == MAPS and place.positions > 1:
            yield Doubt(
                "positions-as-channels",
                f"takes each of the {place.positions} positions of {spell_tuple(place.inputs[0])} for a channel",
                "swap the two axes of (positions, features) before it",
            )

    def facts(self, *inputs: Shape) -> Facts:
        """Check the number of inputs and apply the rule.

        Raises:
            Rejects: the layer does not take these inputs.
        """
        least, most = self.arity
        if len(inputs) < least or (most is not None and len(inputs) > most):
            wanted = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            raise Rejects(
                f"takes {wanted} input{'s' if wanted != '1' else ''}, not {len(inputs)}",
                help=_TOO_MANY.get(most),
            )
        facts = self.rule(*inputs)
        for shape in facts.outputs:
            if not as_count(values_in(shape)).is_open and values_in(shape) > MOST_SHAPE_VALUES:
                raise Rejects(
                    f"makes {values_in(shape):.0e} values",
                    input=0,
                    help=f"no machine holds more than {MOST_SHAPE_VALUES:.0e}",
                )
        return facts

    @property
    def label(self) -> str:
        """What it is, in a few words: ``conv 11×11 /4``."""
        return self.type

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """The window a figure draws, where there is one."""
        return None


def ranked(shape: Shape, rank: int, what: str, *, input: int = 0, help: str | None = None) -> Shape:
    """Insist on a number of axes.

    Raises:
        Rejects: with the shape and what was wanted, such as ``(channels, height, width)``.
    """
    if len(shape) != rank:
        raise Rejects(f"takes {what}, got {spell_tuple(shape)}", input=input, help=help)
    return shape


def spell_tuple(shape: Iterable[int]) -> str:
    """A shape as PyTorch writes it: ``(6, 28, 28)``."""
    extents_ = [str(bare(extent)) for extent in shape]
    return f"({', '.join(extents_)}{',' if len(extents_) == 1 else ''})"


def spell_option(name: str, value: object) -> str:
    """An option as written in a spec: ``groups: 3``."""
    return f"`{name}: {spell(value)}`"

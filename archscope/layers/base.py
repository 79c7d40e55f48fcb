"""`Layer`, the class every layer type extends, and `Facts`, what one layer says about itself in its place.

A layer type is one class: its options, its rule, its label and its figure all stand there. A rule is a
pure function of the options and the input shapes. It lists the weights by name and shape, from which the
parameter counts follow, and states connections and multiply-accumulates as arithmetic over `Count` values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Final, dataclass_transform

from archscope.errors import Rejects, did_you_mean
from archscope.layers.doubt import MAPS, SEQUENCE, Doubt, Meaning, Place
from archscope.layers.facts import NOTHING as NOTHING
from archscope.layers.facts import UNSTATED as UNSTATED
from archscope.layers.facts import Facts as Facts
from archscope.layers.facts import Shape as Shape
from archscope.layers.facts import Weight as Weight
from archscope.layers.facts import Window as Window
from archscope.layers.facts import extents as extents
from archscope.layers.facts import spell_count as spell_count
from archscope.layers.facts import spell_shape as spell_shape
from archscope.layers.facts import spell_shapes as spell_shapes
from archscope.layers.facts import values_in as values_in
from archscope.layers.steps import Hidden, Remembered, Routing, Step, one_operation
from archscope.limits import MOST_SHAPE_VALUES
from archscope.options import REQUIRED, Kind, Option, option, spell
from archscope.record import Record
from archscope.working import as_count, bare

_TOO_MANY: Final[Mapping[int | None, str]] = MappingProxyType(
    {0: "it reads nothing: leave `from` out", 1: "join them first with a `concat` or an `add` layer"}
)


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
    * ``of_itself``: whether one value in every place of its inputs is written once.
    * ``absorbed``: whether a picture may draw it as part of the layer before it.
    * ``symbol``: the sign in the circle that a graph draws instead of a box, such as ``+``.
    * ``shares_memory``: whether its output is its input's memory, seen differently.
    * ``takes``: what it takes the axes of its inputs for; see `archscope.layers.doubt`.
    * ``centres``: whether it takes the mean of each channel away, whatever comes; see `Layer.centres_each`.
    * ``cuts``: whether it makes all that is negative 0.
    * ``varies``: why no rule says what it holds, where none can.
    * ``kept``, ``backward_copies``: see `archscope.layers.steps.one_operation`.
    * ``kept_in_place``: what its backward pass needs where it works in place, if that is not a copy of its input.
    """

    type: ClassVar[str] = ""
    family: ClassVar[str] = ""
    axes: ClassVar[int] = 0
    verb: ClassVar[str] = ""
    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    output_names: ClassVar[tuple[str, ...]] = ("output",)
    tokens: ClassVar[int] = 0
    ties: ClassVar[frozenset[str]] = frozenset()
    of_itself: ClassVar[bool] = False
    absorbed: ClassVar[bool] = False
    symbol: ClassVar[str] = ""
    shares_memory: ClassVar[bool] = False
    takes: ClassVar[Meaning] = ""
    centres: ClassVar[bool] = False
    cuts: ClassVar[bool] = False
    kept: ClassVar[tuple[str, ...] | None] = None
    kept_in_place: ClassVar[tuple[str, ...] | None] = None
    backward_copies: ClassVar[int] = 0
    varies: ClassVar[str] = ""
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

    def weighed(self, facts: Facts, places: tuple[int, ...]) -> Facts:  # noqa: ARG002 - products ask for them
        """The facts where inputs, by number, are no values of the network but weights: ``weight @ x``."""
        return facts

    def of_weights(self, facts: Facts) -> Facts:
        """The facts where what it makes are weights of others alone."""
        return facts.replace(makes_weights=True)

    def frozen(self, facts: Facts) -> tuple[str, ...]:
        """The weights that its type trains, and a network that holds it does not."""
        held = [each.name for each in facts.weights if not each.trainable]
        own = {each.name for each in self.facts(*facts.inputs).weights if each.trainable} if held else set[str]()
        return tuple(name for name in held if name in own)

    def least_read(self, weight: Weight) -> int:
        """The fewest values of one of its weights that a run reads: all, but of a table that is looked up in one row.

        >>> from archscope.layers import Embedding
        >>> words = Embedding(num_embeddings=10_000, embedding_dim=128)
        >>> words.least_read(words.facts((16,)).weights[0])
        128
        """
        return weight.values

    def hidden_macs(self, facts: Facts) -> int:  # noqa: ARG002
        """Multiply-accumulates among its own that a causal mask makes nothing of: a kernel may leave them out.

        >>> from archscope.layers import ScaledDotProductAttention
        >>> layer = ScaledDotProductAttention(is_causal=True)
        >>> layer.hidden_macs(layer.facts((8, 16, 32), (8, 16, 32), (8, 16, 32)))  # 120 of 256 pairs
        61440
        """
        return 0

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        """What PyTorch runs for it while training, one operation after the other; None where no rule says."""
        return one_operation(self, facts)

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        """The same where nothing is trained; as while training unless a type says otherwise."""
        return self.runs(facts)

    def runs_in(self, dtype: str, facts: Facts, *, training: bool) -> tuple[Step, ...] | None:  # noqa: ARG002
        """The same for values of a type, by PyTorch's name of it; the one operation of an LSTM is not there for all."""
        return self.runs(facts) if training else self.runs_at_inference(facts)

    def routing(self, facts: Facts) -> Routing | None:  # noqa: ARG002 - experts ask for them
        """How values share positions out among its parts; None where they do not."""
        return None

    def routed(self, facts: Facts, rows: Sequence[int]) -> tuple[Step, ...] | None:  # noqa: ARG002 - experts ask
        """What it runs where so many rows of all samples chose each of its parts; None where it has none."""
        return None

    def remembers(self, facts: Facts) -> Remembered | None:  # noqa: ARG002 - attention and recurrence ask for them
        """What it holds from one token to the next when it makes them one by one; None for nothing."""
        return None

    def hides(self) -> Hidden | None:
        """What it hides from each query where it is a mask of attention; None where it is none."""
        return None

    def recalls(self, facts: Facts) -> int | None:  # noqa: ARG002 - attention asks for them
        """MACs for every cached token when one more is made, beside those of the token itself; None if it has no such.

        ``facts`` are those of one token.
        """
        return 0

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - a type that keeps what came returns it
        """What the axes of its output mean, ``came`` being what those of its first input mean."""
        return ""

    def centres_each(self, inputs: Sequence[Shape]) -> bool:  # noqa: ARG002 - groups of channels ask for them
        """Whether it takes the mean of each channel away, of inputs of these shapes."""
        return self.centres

    def doubts(self, place: Place) -> Iterable[Doubt]:
        """What is allowed in its place and yet seldom meant; a type that knows of more extends this."""
        if self.takes == MAPS and place.positions > 1:
            yield Doubt(
                "positions-as-channels",
                f"takes each of the {place.positions} positions of {spell_shape(place.inputs[0])} for a channel",
                "swap the two axes of (positions, features) before it",
            )
        if self.takes == SEQUENCE and place.length > 0:
            shape = place.inputs[0]
            yield Doubt(
                "channels-as-positions",
                f"takes each of the {bare(shape[0])} channels of {spell_shape(shape)} for a position",
                "put `{type: flatten}` before it, or swap the two axes with `{type: transpose, dim0: 0, dim1: 1}`",
            )

    def heads(self, facts: Facts) -> tuple[int, int, int] | None:  # noqa: ARG002 - attention says them
        """Of what attends: heads of queries, heads of keys and values, and the features of a head."""
        return None

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

    def label_here(self, facts: Facts) -> str:  # noqa: ARG002 - a convolution of as many groups as channels has a name
        """What it is in its place, in a few words: ``depthwise conv 3×3``."""
        return self.label

    def reduced(self, shape: Shape) -> tuple[int, ...]:  # noqa: ARG002 - reductions and global pools say them
        """The axes of which it makes one value."""
        return ()

    @property
    def kernel(self) -> tuple[int, ...] | None:
        """The window a figure draws, where there is one."""
        return None

    @property
    def looks_back(self) -> bool:
        """Whether a position attends to itself and those before it alone."""
        return False

    @property
    def experts(self) -> tuple[int, int, int] | None:
        """Of what has experts: how many it holds, how many run at a position, and the hidden features of each."""
        return None


def ranked(shape: Shape, rank: int, what: str, *, input: int = 0, help: str | None = None) -> Shape:
    """Insist on a number of axes.

    Raises:
        Rejects: with the shape and what was wanted, such as ``(channels, height, width)``.
    """
    if len(shape) != rank:
        raise Rejects(f"takes {what}, got {spell_shape(shape)}", input=input, help=help)
    return shape


def spell_option(name: str, value: object) -> str:
    """An option as written in a spec: ``groups: 3``."""
    return f"`{name}: {spell(value)}`"

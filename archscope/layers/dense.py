"""Layers without a grid: dense (linear), bilinear, Euclidean RBF, embeddings, mixtures of experts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import NOTHING, Facts, Layer, Shape, Weight, ranked, spell_shape
from archscope.layers.doubt import SEQUENCE, Doubt, Meaning, Place, useless_bias
from archscope.layers.experts import MixtureOfExperts
from archscope.layers.learned import Constant, Parameter
from archscope.layers.places import joined
from archscope.layers.steps import INDEX, Made, Step, added, copied_linear, like, subtracted
from archscope.options import choice, flag, list_of, option, optional, positive, text
from archscope.working import bare, count, product


class Linear(Layer):
    """``out_features`` units, each connected to every input: the papers' dense or fully connected layer.

    * parameters: ``(c + 1)·n``, without the ``+ 1`` where there is no bias;
    * MACs: ``c·n``; on ``(positions, features)`` it is applied at every position, and on more axes, such as
      ``(windows, positions, features)``, with ``every_position: true``. Maps are flattened first as a rule, so
      that has to be said.

    LeNet-5's F6:

    >>> facts = Linear(out_features=84).facts((120,))
    >>> facts.output, facts.parameters, facts.macs
    ((84,), 10164, 10080)
    """

    type: ClassVar[str] = "linear"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Full connection"
    takes: ClassVar[Meaning] = SEQUENCE
    ties: ClassVar[frozenset[str]] = frozenset({"embedding"})
    out_features: int = option(positive, doc="Number of units.")
    bias: bool = option(flag, default=True, doc="Whether each unit adds a trainable constant.")
    every_position: bool = option(
        flag, default=False, doc="Whether three axes and more are taken, and the last one read at every position."
    )

    @property
    def label(self) -> str:
        return "linear"

    def meaning(self, came: Meaning) -> Meaning:
        return came or SEQUENCE

    def doubts(self, place: Place) -> Iterable[Doubt]:
        yield from super().doubts(place)
        if self.bias and place.centred and len(place.inputs[0]) == 1:
            yield useless_bias()

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if not shape:
            raise Rejects("takes a vector or (positions, features), got one number", input=0)
        if len(shape) >= 3 and not self.every_position:
            raise Rejects(
                f"takes a vector or (positions, features), got {spell_shape(shape)}",
                input=0,
                help="put a `flatten` layer before it, or write `every_position: true` if the last axis are features",
            )
        lines, units = count(shape[-1], "c"), count(self.out_features, "n")
        per_unit = lines + 1 if self.bias else lines
        macs, connections = lines * units, per_unit * units
        if len(shape) > 1:
            positions = count(shape[0], "l") if len(shape) == 2 else product(count(extent) for extent in shape[:-1])
            macs, connections = macs * positions, connections * positions
        bias = (Weight("bias", (units,)),) if self.bias else ()
        return Facts(
            inputs=inputs,
            outputs=((*shape[:-1], units),),
            weights=(Weight("weight", (units, lines)), *bias),
            connections=connections,
            connections_in_bounds=connections,
            macs=macs,
            windows=None,
            reasons=joined(shape),
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        if len(facts.inputs[0]) < 2:
            return super().runs(facts)
        return (copied_linear("input", "weight", "bias" if self.bias else "", Made("output", facts.output)),)


class Bilinear(Layer):
    """``out_features`` units, each a weighted sum of all products of a value of one input with one of the other.

    ``yᵢ = x₁ᵀ·Aᵢ·x₂ + bᵢ``; on ``(positions, features)`` at every position.

    * parameters: ``(c₁·c₂ + 1)·n``, without the ``+ 1`` where there is no bias;
    * MACs: ``c₁·c₂·n`` for ``x₁ᵀ·Aᵢ`` and ``c₂·n`` for the product with ``x₂``;
    * connections: a line a weight, which carries the product of two values.

    >>> facts = Bilinear(out_features=5).facts((3,), (4,))
    >>> facts.output, facts.parameters, facts.macs
    ((5,), 65, 80)
    """

    type: ClassVar[str] = "bilinear"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Full connection"
    takes: ClassVar[Meaning] = SEQUENCE
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    out_features: int = option(positive, doc="Number of units.")
    bias: bool = option(flag, default=True, doc="Whether each unit adds a trainable constant.")

    @property
    def label(self) -> str:
        return "bilinear"

    def meaning(self, came: Meaning) -> Meaning:
        return came or SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        left, right = inputs
        if len(left) > 2 or left[:-1] != right[:-1]:
            raise Rejects(
                f"takes two vectors or (positions, features), got {spell_shape(left)} and {spell_shape(right)}",
                input=1 if len(left) <= 2 else 0,
                help="give both the same positions" if len(left) == len(right) == 2 else None,
            )
        first, second, units = count(left[-1], "c₁"), count(right[-1], "c₂"), count(self.out_features, "n")
        lines = first * second
        macs, connections = lines * units + second * units, (lines + 1 if self.bias else lines) * units
        if len(left) == 2:
            positions = count(left[0], "l")
            macs, connections = macs * positions, connections * positions
        bias = (Weight("bias", (units,)),) if self.bias else ()
        return Facts(
            inputs=inputs,
            outputs=((*left[:-1], units),),
            weights=(Weight("weight", (units, first, second)), *bias),
            connections=connections,
            connections_in_bounds=connections,
            macs=macs,
            windows=None,
            reasons=joined(left),
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        reads, made = ("input", "input 2"), Made("product" if self.bias else "output", facts.output)
        product = Step("trilinear", (*reads, "weight"), (made,), reads)
        return (product, added("product", "bias", facts.output, ("bias",))) if self.bias else (product,)


class RBF(Layer):
    """Euclidean radial basis functions: ``yᵢ = Σⱼ (xⱼ − wᵢⱼ)²`` (LeCun et al. 1998, Sec. II-B).

    The codes ``w`` are fixed at ±1 in LeNet-5, bitmaps of 7×12 pixels, so they are counted as fixed, not as
    parameters, unless ``trainable``. There is no bias. A squared difference is one multiply-accumulate.

    >>> facts = RBF(out_features=10).facts((84,))
    >>> facts.parameters, facts.fixed, facts.connections
    (0, 840, 840)
    """

    type: ClassVar[str] = "rbf"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Gaussian connections"
    out_features: int = option(positive, doc="Number of units.")
    trainable: bool = option(flag, default=False, doc="Whether the codes are parameters.")
    codes: tuple[str, ...] | None = option(
        optional(list_of(text, "a list of bitmaps, one a unit")),
        default=None,
        doc="The ±1 code of each unit, read row by row: `#` is +1, `.` is −1; spaces do not count.",
    )

    @property
    def label(self) -> str:
        return "Euclidean RBF"

    def check(self) -> None:
        if self.codes is None:
            return
        if len(self.codes) != self.out_features:
            raise Rejects(
                f"{len(self.codes)} codes for `out_features: {self.out_features}`",
                option="codes",
                help="give one code a unit",
            )
        for position, code in enumerate(self.codes):
            strange = sorted(set("".join(code.split())) - {"#", "."})
            if strange:
                raise Rejects(
                    f"code {position} has the character `{strange[0]}`",
                    option="codes",
                    path=(position,),
                    help="a code is made of `#` and `.`",
                )

    def rule(self, *inputs: Shape) -> Facts:
        shape = ranked(inputs[0], 1, "a vector", help="put a `flatten` layer before it")
        for position, code in enumerate(self.codes or ()):
            length = len("".join(code.split()))
            if length != shape[0]:
                raise Rejects(
                    f"code {position} has {length} values for {bare(shape[0])} inputs",
                    option="codes",
                    path=(position,),
                    input=0,
                )
        lines, units = count(shape[0], "c"), count(self.out_features, "n")
        return Facts(
            inputs=inputs,
            outputs=((units,),),
            weights=(Weight("weight", (units, lines), trainable=self.trainable),),
            connections=lines * units,
            connections_in_bounds=lines * units,
            macs=lines * units,
            windows=None,
            reasons=joined(shape),
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        whole = (*facts.output, *facts.inputs[0][-1:])
        return (
            subtracted("input", "weight", whole, ("input", "weight")).replace(makes=(Made("apart", whole),)),
            Step("square", ("apart",), (Made("squared", whole),), ("apart",), behind=like(whole, 2)),
            Step("sum", ("squared",), (Made("output", facts.output),), passes=("squared",)),
        )


_LOOKED_UP = "a look-up selects weights; no input line carries one"
_TOKENS = {
    "connections": _LOOKED_UP,
    "connections_in_bounds": _LOOKED_UP,
    "receptive_field": "tokens have no pixels",
}


class Embedding(Layer):
    """Look up a vector for each token of a sequence.

    A look-up copies weights and multiplies nothing: its parameters are known and its MACs are 0, while
    lines into a unit have no meaning.

    >>> facts = Embedding(num_embeddings=10_000, embedding_dim=128).facts((16,))
    >>> facts.output, facts.parameters, facts.connections
    ((16, 128), 1280000, None)
    """

    type: ClassVar[str] = "embedding"
    kept: ClassVar[tuple[str, ...] | None] = ("input",)
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Embedding"
    tokens: ClassVar[int] = 1
    ties: ClassVar[frozenset[str]] = frozenset({"linear"})
    num_embeddings: int = option(positive, doc="Size of the vocabulary.")
    embedding_dim: int = option(positive, doc="Length of each vector.")

    @property
    def label(self) -> str:
        return f"embedding of {self.num_embeddings:,}"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, features leave
        return SEQUENCE

    def least_read(self, weight: Weight) -> int:
        return weight.values // self.num_embeddings  # all tokens may be the same

    def rule(self, *inputs: Shape) -> Facts:
        return Facts(
            inputs=inputs,
            outputs=((*inputs[0], count(self.embedding_dim, "n")),),
            weights=(Weight("weight", (count(self.num_embeddings, "v"), count(self.embedding_dim, "n"))),),
            connections=None,
            connections_in_bounds=None,
            windows=None,
            reasons=_TOKENS,
        )


class EmbeddingBag(Layer):
    """Look up a vector for each token and take their mean, sum or maximum: a bag of words (Joulin et al. 2016).

    With ``mode: sum`` a second input may give each token a weight; the weighted sum has ``l·n`` MACs.

    >>> facts = EmbeddingBag(num_embeddings=10_000, embedding_dim=128).facts((16,))
    >>> facts.output, facts.parameters, facts.macs
    ((128,), 1280000, 0)
    """

    type: ClassVar[str] = "embedding_bag"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Embedding"
    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    tokens: ClassVar[int] = 1
    num_embeddings: int = option(positive, doc="Size of the vocabulary.")
    embedding_dim: int = option(positive, doc="Length of each vector.")
    mode: str = option(choice("mean", "sum", "max"), default="mean", doc="What becomes of the vectors of a bag.")

    @property
    def label(self) -> str:
        return f"{self.mode} of embeddings of {self.num_embeddings:,}"

    def least_read(self, weight: Weight) -> int:
        return weight.values // self.num_embeddings  # all tokens may be the same

    def rule(self, *inputs: Shape) -> Facts:
        tokens = ranked(inputs[0], 1, "(tokens,)")
        for weights in inputs[1:]:
            if self.mode != "sum":
                raise Rejects(f"`mode: {self.mode}` takes no weights", option="mode", input=1, help="use `mode: sum`")
            if weights != tokens:
                raise Rejects(f"{spell_shape(weights)} weights for {spell_shape(tokens)} tokens", input=1)
        vocabulary, features = count(self.num_embeddings, "v"), count(self.embedding_dim, "n")
        return Facts(
            inputs=inputs,
            outputs=((features,),),
            weights=(Weight("weight", (vocabulary, features)),),
            connections=None,
            connections_in_bounds=None,
            macs=count(tokens[0], "l") * features if len(inputs) > 1 else NOTHING,
            windows=None,
            reasons=_TOKENS,
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        """It notes where each bag begins, how many are in it and, but for a sum, in which bag each token is."""
        many, each = facts.inputs[0], (self.embedding_dim,)
        weighted = len(facts.inputs) > 1
        notes = [Made("sizes", (), INDEX), Made("largest", each if self.mode == "max" else (), INDEX)]
        if self.mode != "sum":
            notes.append(Made("bags", many, INDEX))
        return (
            Step("arange", (), (Made("begins", (), INDEX),)),
            Step("embedding_bag", (*(("input 2",) if weighted else ()), "weight"),
                 (Made("output", facts.output), *notes),
                 ("input", "begins", *(("input 2",) if weighted else ()), *(note.name for note in notes)),
                 reads_too=("input", "begins")),
        )  # fmt: skip


LAYERS: tuple[type[Layer], ...] = (
    Linear,
    Bilinear,
    RBF,
    Embedding,
    EmbeddingBag,
    MixtureOfExperts,
    Parameter,
    Constant,
)

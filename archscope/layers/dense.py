"""Layers without a grid: dense (linear), Euclidean RBF, embedding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, ranked, spell_tuple
from archscope.layers.doubt import SEQUENCE, Doubt, Meaning, Place, useless_bias
from archscope.options import flag, list_of, option, optional, positive, text
from archscope.working import count

_LOST = {"receptive_field": "every unit sees its whole input; there is no grid any more"}


class Linear(Layer):
    """``out_features`` units, each connected to every input: the papers' dense or fully connected layer.

    * parameters: ``(c + 1)·n``, without the ``+ 1`` where there is no bias;
    * MACs: ``c·n``; on ``(positions, features)`` it is applied at every position.

    LeNet-5's F6:

    >>> facts = Linear(out_features=84).facts((120,))
    >>> facts.output, facts.parameters, facts.macs
    ((84,), 10164, 10080)
    """

    type: ClassVar[str] = "linear"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Full connection"
    takes: ClassVar[Meaning] = SEQUENCE
    out_features: int = option(positive, doc="Number of units.")
    bias: bool = option(flag, default=True, doc="Whether each unit adds a trainable constant.")

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
        if len(shape) >= 3:
            raise Rejects(
                f"takes a vector or (positions, features), got {spell_tuple(shape)}",
                input=0,
                help="put a `flatten` layer before it",
            )
        lines, units = count(shape[-1], "c"), count(self.out_features, "n")
        per_unit = lines + 1 if self.bias else lines
        macs, connections = lines * units, per_unit * units
        if len(shape) == 2:
            positions = count(shape[0], "l")
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
            reasons=_LOST,
        )


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
                    f"code {position} has {length} values for {int(shape[0])} inputs",
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
            reasons=_LOST,
        )


class Embedding(Layer):
    """Look up a vector for each token of a sequence.

    A look-up copies weights and multiplies nothing: its parameters are known and its MACs are 0, while
    lines into a unit have no meaning.

    >>> facts = Embedding(num_embeddings=10_000, embedding_dim=128).facts((16,))
    >>> facts.output, facts.parameters, facts.connections
    ((16, 128), 1280000, None)
    """

    type: ClassVar[str] = "embedding"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Embedding"
    num_embeddings: int = option(positive, doc="Size of the vocabulary.")
    embedding_dim: int = option(positive, doc="Length of each vector.")

    @property
    def label(self) -> str:
        return f"embedding of {self.num_embeddings:,}"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, features leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        shape = inputs[0]
        reason = "a look-up selects weights; no input line carries one"
        return Facts(
            inputs=inputs,
            outputs=((*shape, count(self.embedding_dim, "n")),),
            weights=(Weight("weight", (count(self.num_embeddings, "v"), count(self.embedding_dim, "n"))),),
            connections=None,
            connections_in_bounds=None,
            windows=None,
            reasons={
                "connections": reason,
                "connections_in_bounds": reason,
                "receptive_field": "tokens have no pixels",
            },
        )


LAYERS: tuple[type[Layer], ...] = (Linear, RBF, Embedding)

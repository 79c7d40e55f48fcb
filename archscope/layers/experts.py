"""A mixture of experts: many small networks, of which a few run at a position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, spell_count, spell_option, spell_shape
from archscope.layers.doubt import SEQUENCE, Meaning
from archscope.layers.places import joined
from archscope.layers.routed import routed, routing
from archscope.layers.steps import Routing, Step
from archscope.options import choice, flag, non_negative, option, positive
from archscope.working import Count, bare, count


class MixtureOfExperts(Layer):
    """A few of many small networks for each position, those that a router chooses (Shazeer et al. 2017).

    Each expert is a dense layer, a non-linearity and a dense layer, ``gated`` as in Mixtral by a third one.
    With ``n`` experts of ``m`` hidden features, ``a`` of them active, on ``c`` features:

    * parameters are those held: the router and all experts, ``(c + 3·c·m)·n``;
    * MACs and connections are those that run: the router and the active experts, ``c·n + a·3·c·m`` at a position.

    ``s`` shared experts run at every position beside the chosen ones (Dai et al. 2024, DeepSeekMoE): they are one
    network of ``s·m`` hidden features. Nothing has a bias unless it is asked for, as in GPT-OSS.

    One layer of Mixtral-8x7B (Jiang et al. 2024) holds eight experts and runs two of them:

    >>> facts = MixtureOfExperts(num_experts=8, top_k=2, hidden_features=14336).facts((1, 4096))
    >>> facts.parameters, facts.macs
    (1409318912, 352354304)
    """

    type: ClassVar[str] = "mixture_of_experts"
    family: ClassVar[str] = "dense"
    verb: ClassVar[str] = "Experts"
    takes: ClassVar[Meaning] = SEQUENCE
    varies: ClassVar[str] = "what it holds meanwhile goes by how many positions choose each expert, which values decide"
    num_experts: int = option(positive, doc="Experts that are held.")
    top_k: int = option(positive, doc="Experts that run for a position.")
    hidden_features: int = option(positive, doc="Units between the dense layers of an expert.")
    gated: bool = option(flag, default=True, doc="Whether a third dense layer scales the hidden values.")
    nonlinearity: str = option(choice("silu", "gelu", "relu"), default="silu", doc="What follows the first layer.")
    num_shared_experts: int = option(
        non_negative, default=0, doc="Experts that run at every position, beside those that are chosen."
    )
    bias: bool = option(flag, default=False, doc="Whether the dense layers of the experts add a constant.")
    router_bias: bool = option(flag, default=False, doc="Whether the router adds a constant.")

    @property
    def label(self) -> str:
        shared = f", {self.num_shared_experts} shared" if self.num_shared_experts else ""
        return f"{spell_count(self.num_experts, 'expert')}, {self.top_k} active{shared}"

    @property
    def experts(self) -> tuple[int, int, int] | None:
        return self.num_experts, self.top_k, self.hidden_features

    def check(self) -> None:
        if self.top_k > self.num_experts:
            raise Rejects(
                f"{spell_option('top_k', self.top_k)} of {spell_count(self.num_experts, 'expert')}",
                option="top_k",
                help=f"use {self.num_experts} or less",
            )

    def meaning(self, came: Meaning) -> Meaning:
        return came or SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        (shape,) = inputs
        if len(shape) not in (1, 2):
            raise Rejects(f"takes a vector or (positions, features), got {spell_shape(shape)}", input=0,
                          help="put a `flatten` layer before it")  # fmt: skip
        features, experts = count(shape[-1], "c"), count(self.num_experts, "n")
        hidden, active = count(self.hidden_features, "m"), count(self.top_k, "a")
        layers = count(3 if self.gated else 2)
        run = active + count(self.num_shared_experts, "s") if self.num_shared_experts else active
        macs = features * experts + run * layers * features * hidden
        lines = macs + experts if self.router_bias else macs
        if self.bias:
            shifts = (hidden + hidden if self.gated else hidden) + features
            chosen = active * shifts
            width = count(self.num_shared_experts, "s") * hidden
            shared = (width + width if self.gated else width) + features
            lines = lines + (chosen + shared if self.num_shared_experts else chosen)
        if len(shape) == 2:
            macs, lines = macs * count(shape[0], "l"), lines * count(shape[0], "l")
        return Facts(
            inputs=inputs,
            outputs=(shape,),
            weights=tuple(self._weights(features, experts, hidden)),
            connections=lines,
            connections_in_bounds=lines,
            macs=macs,
            windows=None,
            reasons=joined(shape),
        )

    def least_read(self, weight: Weight) -> int:
        """The router and the shared experts run for every position, of the others those that are chosen."""
        every = weight.name.startswith(("router.", "shared_experts."))
        return weight.values if every else weight.values // self.num_experts * self.top_k

    def routing(self, facts: Facts) -> Routing | None:
        return routing(self, facts.inputs[0])

    def routed(self, facts: Facts, rows: Sequence[int]) -> tuple[Step, ...] | None:
        return routed(self, tuple(map(bare, facts.inputs[0])), tuple(rows))

    def _weights(self, features: Count, experts: Count, hidden: Count) -> Iterator[Weight]:
        """The router, a matrix of each kind for all experts, and the shared experts as one network."""
        yield Weight("router.weight", (experts, features))
        if self.router_bias:
            yield Weight("router.bias", (experts,))
        made = dict.fromkeys(("gate_proj", "up_proj") if self.gated else ("up_proj",), (hidden, features))
        made["down_proj"] = (features, hidden)
        for name, shape in made.items():
            yield Weight(name, (experts, *shape))
        if self.bias:
            for name, shape in made.items():
                yield Weight(f"{name}_bias", (experts, shape[0]))
        if not self.num_shared_experts:
            return
        width = count(self.num_shared_experts, "s") * hidden
        for name in made:
            shape = (features, width) if name == "down_proj" else (width, features)
            yield Weight(f"shared_experts.{name}.weight", shape)
            if self.bias:
                yield Weight(f"shared_experts.{name}.bias", (shape[0],))

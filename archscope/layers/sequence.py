"""Layers over ``(positions, features)``: multi-head attention, LSTM, GRU."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.base import Facts, Layer, Shape, Weight, ranked, spell_option
from archscope.layers.doubt import SEQUENCE, Meaning
from archscope.limits import MOST_RECURRENT_LAYERS
from archscope.options import flag, option, positive, up_to
from archscope.working import Count, count, total

_GRIDLESS = {"receptive_field": "every position sees the whole sequence"}


class MultiheadAttention(Layer):
    """Multi-head attention (Vaswani et al. 2017) over ``(positions, features)``.

    One input attends to itself; two are queries and what is attended to; three are queries, keys, values.
    With ``e`` features, ``l`` queries and ``s`` keys:

    * parameters: four projections, ``(e + 1)·e`` each, with biases; keys and values of another width
      change theirs;
    * MACs: the projections, and ``2·l·s·e`` for the scores and the weighted sum;
    * connections: those of the projections; products of two inputs carry no weight.

    >>> facts = MultiheadAttention(num_heads=8).facts((16, 64))
    >>> facts.output, facts.parameters, facts.macs
    ((16, 64), 16640, 294912)
    """

    type: ClassVar[str] = "multihead_attention"
    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Attention"
    takes: ClassVar[Meaning] = SEQUENCE
    arity: ClassVar[tuple[int, int | None]] = (1, 3)
    num_heads: int = option(positive, doc="Heads; they share the features among them.")
    bias: bool = option(flag, default=True, doc="Whether the projections add a constant.")

    @property
    def label(self) -> str:
        return f"attention, {self.num_heads} heads"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, positions leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        last = len(inputs) - 1
        roles = (0, min(1, last), last)
        query, key, value = (ranked(inputs[place], 2, "(positions, features)", input=place) for place in roles)
        if query[1] % self.num_heads:
            raise Rejects(
                f"{spell_option('num_heads', self.num_heads)} does not divide the {int(query[1])} features",
                option="num_heads",
                input=0,
                help=f"use a divisor of {int(query[1])}",
            )
        if key[0] != value[0]:
            raise Rejects(f"{int(key[0])} keys but {int(value[0])} values", input=last)
        e, k, v = count(query[1], "e"), count(key[1], "k"), count(value[1], "v")
        queries, keys = count(query[0], "l"), count(key[0], "s")
        steps = ((e, queries), (k, keys), (v, keys), (e, queries))
        lines = total((width + 1 if self.bias else width) * e * places for width, places in steps)
        scores = count(2) * queries * keys * e
        return Facts(
            inputs=inputs,
            outputs=((queries, e),),
            weights=self._weights(e, k, v),
            connections=lines,
            connections_in_bounds=lines,
            macs=total(width * e * places for width, places in steps) + scores,
            windows=None,
            reasons=_GRIDLESS,
        )

    def _weights(self, e: Count, k: Count, v: Count) -> tuple[Weight, ...]:
        three = count(3) * e
        if e == k == v:
            projections: tuple[Weight, ...] = (Weight("in_proj_weight", (three, e)),)
        else:
            widths = (("q", e), ("k", k), ("v", v))
            projections = tuple(Weight(f"{name}_proj_weight", (e, width)) for name, width in widths)
        out = Weight("out_proj.weight", (e, e))
        if not self.bias:
            return (*projections, out)
        return (*projections, Weight("in_proj_bias", (three,)), out, Weight("out_proj.bias", (e,)))


class _Recurrent(Layer):
    """What recurrent layers share; ``gates`` of a unit each see the input and the last state."""

    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Recurrence"
    takes: ClassVar[Meaning] = SEQUENCE
    gates: ClassVar[int]
    hidden_size: int = option(positive, doc="Units, the length of the state.")
    num_layers: int = option(
        up_to(MOST_RECURRENT_LAYERS), default=1, doc="Layers, each reading the states of the one before."
    )
    bias: bool = option(flag, default=True, doc="Whether the gates add constants, two as in PyTorch.")
    bidirectional: bool = option(flag, default=False, doc="Whether a second copy reads the sequence backwards.")

    @property
    def label(self) -> str:
        name = self.type.upper()
        both = ", bidirectional" if self.bidirectional else ""
        return f"{name}{both}" if self.num_layers == 1 else f"{name} ×{self.num_layers}{both}"

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, positions leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        steps, features = ranked(inputs[0], 2, "(positions, features)")
        directions = 2 if self.bidirectional else 1
        hidden = count(self.hidden_size, "h")
        read = count(directions) * hidden if self.bidirectional else hidden
        gated = count(self.gates) * hidden
        weights: list[Weight] = []
        lines: list[Count] = []
        macs: list[Count] = []
        for depth in range(self.num_layers):
            seen = count(features, "c") if depth == 0 else read
            for suffix in ("", "_reverse")[:directions]:
                weights.extend(self._weights(f"_l{depth}{suffix}", seen, hidden, gated))
                per_gate = seen + hidden
                macs.append(per_gate * gated * count(steps, "t"))
                lines.append((per_gate + 1 + 1 if self.bias else per_gate) * gated * count(steps, "t"))
        state = (count(directions * self.num_layers), hidden)
        return Facts(
            inputs=inputs,
            outputs=((count(steps), read), *(state for _ in self.output_names[1:])),
            weights=tuple(weights),
            connections=total(lines),
            connections_in_bounds=total(lines),
            macs=total(macs),
            windows=None,
            reasons=_GRIDLESS,
        )

    def _weights(self, suffix: str, seen: Count, hidden: Count, gated: Count) -> tuple[Weight, ...]:
        matrices = (Weight(f"weight_ih{suffix}", (gated, seen)), Weight(f"weight_hh{suffix}", (gated, hidden)))
        if not self.bias:
            return matrices
        return (*matrices, Weight(f"bias_ih{suffix}", (gated,)), Weight(f"bias_hh{suffix}", (gated,)))


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) over ``(positions, features)``.

    Four gates a unit; each sees the input, the last state and, as in PyTorch, two bias lines. Weights are
    counted once and connections at every position, as weight sharing is not collapsed.

    >>> facts = LSTM(hidden_size=32).facts((10, 16))
    >>> facts.outputs, facts.parameters, facts.macs
    (((10, 32), (1, 32), (1, 32)), 6400, 61440)
    """

    type: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    output_names: ClassVar[tuple[str, ...]] = ("output", "hidden", "cell")


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014) over ``(positions, features)``: three gates a unit.

    >>> facts = GRU(hidden_size=32).facts((10, 16))
    >>> facts.outputs, facts.parameters
    (((10, 32), (1, 32)), 4800)
    """

    type: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    output_names: ClassVar[tuple[str, ...]] = ("output", "hidden")


LAYERS: tuple[type[Layer], ...] = (MultiheadAttention, LSTM, GRU)

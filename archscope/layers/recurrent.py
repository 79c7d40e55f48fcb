"""Recurrence over ``(positions, features)``: RNN, LSTM, GRU; and one step of each, the cells."""

from __future__ import annotations

from typing import ClassVar

from archscope.errors import Rejects
from archscope.layers.asked import sequence_of
from archscope.layers.attention import GRIDLESS
from archscope.layers.base import Facts, Layer, Shape, Weight, extents, ranked, spell_option, spell_shape
from archscope.layers.doubt import SEQUENCE, Meaning
from archscope.layers.recurring import Cell, Recurrence, cell_steps, recurrence
from archscope.layers.steps import Remembered, Step
from archscope.limits import MOST_RECURRENT_LAYERS
from archscope.options import choice, flag, option, optional, positive, probability, up_to
from archscope.working import Count, bare, count, total


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
    dropout: float = option(
        probability, default=0.0, doc="Probability that a state is dropped between layers while training."
    )
    bidirectional: bool = option(flag, default=False, doc="Whether a second copy reads the sequence backwards.")

    @property
    def label(self) -> str:
        name = self.type.upper()
        both = ", bidirectional" if self.bidirectional else ""
        return f"{name}{both}" if self.num_layers == 1 else f"{name} ×{self.num_layers}{both}"

    @property
    def projection(self) -> int | None:
        """The length that states are projected to, in a type that does so."""
        return None

    def check(self) -> None:
        if self.dropout and self.num_layers == 1:
            raise Rejects(
                f"{spell_option('dropout', self.dropout)} drops nothing with one layer",
                option="dropout",
                help="put a `dropout` layer after it; this one acts between layers",
            )

    def meaning(self, came: Meaning) -> Meaning:  # noqa: ARG002 - whatever came, positions leave
        return SEQUENCE

    def rule(self, *inputs: Shape) -> Facts:
        steps, features = sequence_of(inputs[0])
        directions = 2 if self.bidirectional else 1
        hidden = count(self.hidden_size, "h")
        kept = hidden if self.projection is None else count(self.projection, "p")
        states = self._states(count(directions * self.num_layers), kept, hidden)
        check_states(inputs[1:], states, self.output_names[1:])
        read = count(directions) * kept if self.bidirectional else kept
        gated = count(self.gates) * hidden
        weights: list[Weight] = []
        lines: list[Count] = []
        macs: list[Count] = []
        output = (count(steps), read)
        stacked: list[Facts] = []
        for depth in range(self.num_layers):
            before = len(weights)
            seen = count(features, "c") if depth == 0 else read
            for suffix in ("", "_reverse")[:directions]:
                weights.extend(self._weights(f"_l{depth}{suffix}", seen, kept, gated))
                per_gate = seen + kept
                macs.append(per_gate * gated * count(steps, "t"))
                lines.append((per_gate + 1 + 1 if self.bias else per_gate) * gated * count(steps, "t"))
                if self.projection is not None:
                    weights.append(Weight(f"weight_hr_l{depth}{suffix}", (kept, hidden)))
                    macs.append(hidden * kept * count(steps, "t"))
                    lines.append(macs[-1])
            came = inputs[0] if depth == 0 else output
            begins = tuple((count(directions), width) for _, width in inputs[1:])
            stacked.append(Facts((came, *begins), (output,), tuple(weights[before:])))
        return Facts(
            inputs=inputs,
            outputs=(output, *states),
            weights=tuple(weights),
            connections=total(lines),
            connections_in_bounds=total(lines),
            macs=total(macs),
            windows=None,
            reasons=GRIDLESS,
            stacked=tuple(stacked) if self.num_layers > 1 else (),
        )

    def _states(self, layers: Count, kept: Count, hidden: Count) -> tuple[Shape, ...]:
        """The last states, and the last cells where there are any, which are not projected."""
        return ((layers, kept), (layers, hidden))[: len(self.output_names) - 1]

    def _weights(self, suffix: str, seen: Count, kept: Count, gated: Count) -> tuple[Weight, ...]:
        matrices = (Weight(f"weight_ih{suffix}", (gated, seen)), Weight(f"weight_hh{suffix}", (gated, kept)))
        if not self.bias:
            return matrices
        return (*matrices, Weight(f"bias_ih{suffix}", (gated,)), Weight(f"bias_hh{suffix}", (gated,)))

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return recurrence(self._asked(facts, training=True))

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return recurrence(self._asked(facts, training=False))

    def runs_in(self, dtype: str, facts: Facts, *, training: bool) -> tuple[Step, ...] | None:
        return recurrence(self._asked(facts, training=training).replace(dtype=dtype))

    def _asked(self, facts: Facts, *, training: bool) -> Recurrence:
        kept = self.hidden_size if self.projection is None else self.projection
        return Recurrence(self.type, bare(facts.inputs[0][0]), self.hidden_size, kept, self.num_layers,
                          2 if self.bidirectional else 1, self.bias, self.dropout, len(facts.inputs) > 1,
                          getattr(self, "nonlinearity", "tanh"), training)  # fmt: skip

    def remembers(self, facts: Facts) -> Remembered | None:
        return None if self.bidirectional else Remembered(once=total(extents(state) for state in facts.outputs[1:]))


def check_states(given: tuple[Shape, ...], wanted: tuple[Shape, ...], names: tuple[str, ...]) -> None:
    """Insist that states to begin with are all there, of the shapes of the last ones."""
    if given and len(given) != len(wanted):
        raise Rejects(f"takes {' and '.join(names)} to begin with, or neither, got {spell_shape(given[0])} alone",
                      input=1)  # fmt: skip
    for place, (shape, state, name) in enumerate(zip(given, wanted, names, strict=False), start=1):
        if shape != state:
            raise Rejects(f"takes `{name}` of {spell_shape(state)} to begin with, got {spell_shape(shape)}",
                          input=place)  # fmt: skip


class RNN(_Recurrent):
    """Plain recurrence (Elman 1990) over ``(positions, features)``: a unit sees the input and all last states.

    The state to begin with is 0, or a second input of ``(layers · directions, hidden_size)``.

    >>> facts = RNN(hidden_size=32).facts((10, 16))
    >>> facts.outputs, facts.parameters
    (((10, 32), (1, 32)), 1600)
    """

    type: ClassVar[str] = "rnn"
    gates: ClassVar[int] = 1
    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    output_names: ClassVar[tuple[str, ...]] = ("output", "hidden")
    nonlinearity: str = option(choice("tanh", "relu"), default="tanh", doc="What a unit makes of its sum.")


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997) over ``(positions, features)``.

    Four gates a unit; each sees the input, the last state and, as in PyTorch, two bias lines. Weights are
    counted once and connections at every position, as weight sharing is not collapsed. States and cells to begin
    with are 0, or a second and a third input of ``(layers · directions, …)``.

    >>> facts = LSTM(hidden_size=32).facts((10, 16))
    >>> facts.outputs, facts.parameters, facts.macs
    (((10, 32), (1, 32), (1, 32)), 6400, 61440)
    """

    type: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    arity: ClassVar[tuple[int, int | None]] = (1, 3)
    output_names: ClassVar[tuple[str, ...]] = ("output", "hidden", "cell")
    proj_size: int | None = option(
        optional(positive),
        default=None,
        doc="Length that states are projected to (Sak et al. 2014); below `hidden_size`, no projection if left out.",
    )

    @property
    def projection(self) -> int | None:
        return self.proj_size

    def check(self) -> None:
        super().check()
        if self.proj_size is not None and self.proj_size >= self.hidden_size:
            raise Rejects(
                f"{spell_option('proj_size', self.proj_size)} is not below the {self.hidden_size} units",
                option="proj_size",
                help=f"use {self.hidden_size - 1} or less" if self.hidden_size > 1 else "leave it out",
            )


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014) over ``(positions, features)``: three gates a unit.

    The state to begin with is 0, or a second input of ``(layers · directions, hidden_size)``.

    >>> facts = GRU(hidden_size=32).facts((10, 16))
    >>> facts.outputs, facts.parameters
    (((10, 32), (1, 32)), 4800)
    """

    type: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    output_names: ClassVar[tuple[str, ...]] = ("output", "hidden")


class _Cell(Layer):
    """One step of a recurrence: a vector and the last states, 0 where they are not given, make the next ones."""

    family: ClassVar[str] = "sequence"
    verb: ClassVar[str] = "Recurrence"
    gates: ClassVar[int]
    hidden_size: int = option(positive, doc="Units, the length of the state.")
    bias: bool = option(flag, default=True, doc="Whether the gates add constants, two as in PyTorch.")

    @property
    def label(self) -> str:
        return f"{self.type.removesuffix('_cell').upper()} cell"

    def rule(self, *inputs: Shape) -> Facts:
        (features,) = ranked(inputs[0], 1, "a vector", help="a layer over all positions is the type without `_cell`")
        hidden = count(self.hidden_size, "h")
        states: tuple[Shape, ...] = ((hidden,),) * len(self.output_names)
        check_states(inputs[1:], states, ("hidden", "cell")[: len(states)])
        gated, seen = count(self.gates) * hidden, count(features, "c")
        weights: tuple[Weight, ...] = (Weight("weight_ih", (gated, seen)), Weight("weight_hh", (gated, hidden)))
        lines = seen + hidden
        if self.bias:
            weights += (Weight("bias_ih", (gated,)), Weight("bias_hh", (gated,)))
        connections = (lines + 1 + 1 if self.bias else lines) * gated
        return Facts(
            inputs=inputs,
            outputs=states,
            weights=weights,
            connections=connections,
            connections_in_bounds=connections,
            macs=lines * gated,
            windows=None,
            reasons={"receptive_field": "every unit sees its whole input; there is no grid any more"},
        )

    def runs(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._steps(facts, training=True)

    def runs_at_inference(self, facts: Facts) -> tuple[Step, ...] | None:
        return self._steps(facts, training=False)

    def _steps(self, facts: Facts, *, training: bool) -> tuple[Step, ...]:
        weights = [weight.name for weight in facts.weights]
        cell = Cell(self.type.removesuffix("_cell"), self.hidden_size, weights[1], weights[3] if self.bias else "",
                    getattr(self, "nonlinearity", "tanh"), training)  # fmt: skip
        return cell_steps(cell, len(facts.inputs) > 1, weights)

    def remembers(self, facts: Facts) -> Remembered | None:
        return Remembered(once=total(extents(state) for state in facts.outputs))


class RNNCell(_Cell):
    """One step of a plain recurrence: a vector, and the last state as a second input; it is 0 if left out.

    >>> facts = RNNCell(hidden_size=32).facts((16,), (32,))
    >>> facts.output, facts.parameters, facts.macs
    ((32,), 1600, 1536)
    """

    type: ClassVar[str] = "rnn_cell"
    gates: ClassVar[int] = 1
    arity: ClassVar[tuple[int, int | None]] = (1, 2)
    nonlinearity: str = option(choice("tanh", "relu"), default="tanh", doc="What a unit makes of its sum.")


class LSTMCell(_Cell):
    """One step of an LSTM: a vector, and the last state and cell as second and third input, 0 if left out.

    >>> facts = LSTMCell(hidden_size=32).facts((16,), (32,), (32,))
    >>> facts.outputs, facts.parameters, facts.macs
    (((32,), (32,)), 6400, 6144)
    """

    type: ClassVar[str] = "lstm_cell"
    gates: ClassVar[int] = 4
    arity: ClassVar[tuple[int, int | None]] = (1, 3)
    output_names: ClassVar[tuple[str, ...]] = ("hidden", "cell")


class GRUCell(_Cell):
    """One step of gated recurrent units: a vector, and the last state as a second input; it is 0 if left out.

    >>> facts = GRUCell(hidden_size=32).facts((16,), (32,))
    >>> facts.output, facts.parameters, facts.macs
    ((32,), 4800, 4608)
    """

    type: ClassVar[str] = "gru_cell"
    gates: ClassVar[int] = 3
    arity: ClassVar[tuple[int, int | None]] = (1, 2)

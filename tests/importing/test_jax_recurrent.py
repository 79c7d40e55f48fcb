"""A `scan` over one cell of Flax or Equinox is the recurrent layer that it is; any other keeps its exact products."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from archscope import analyze
from archscope.importing.jax.calling import call_module
from archscope.layers import TYPES
from archscope.oracles.restated import restated
from archscope.writing.stating import state
from tests.importing.jax_nets import Own

T, IN, H = 7, 8, 12


class Steps(nnx.Module):
    """A cell over all positions."""

    def __init__(self, cell: str, between: dict[str, Any] | None = None, **options: Any) -> None:
        rngs = nnx.Rngs(0)
        self.rnn = nnx.RNN(getattr(nnx, cell)(IN, H, rngs=rngs, **options), rngs=rngs, **(between or {}))

    def __call__(self, x: Any) -> Any:
        return self.rnn(x)


class Cells(eqx.Module):
    """A cell of Equinox in a `scan` of one's own."""

    cell: Any
    first: Callable[[], Any] = eqx.field(static=True)
    backwards: bool = eqx.field(static=True, default=False)

    def __call__(self, x: Any) -> Any:
        def run(states: Any, each: Any) -> Any:
            states = self.cell(each, states)
            return states, states[0] if isinstance(states, tuple) else states

        return jax.lax.scan(run, self.first(), x, reverse=self.backwards)[1]


def flax(cell: str, **options: Any) -> nnx.Module:
    return nnx.eval_shape(lambda: Steps(cell, **options))


def one() -> Any:
    return jnp.zeros(H)


def two() -> Any:
    return jnp.zeros(H), jnp.zeros(H)


def equinox(cell: Any, *, bias: bool, first: Callable[[], Any], backwards: bool = False) -> eqx.Module:
    key = jax.random.key(0)
    return eqx.filter_eval_shape(lambda: Cells(cell(IN, H, use_bias=bias, key=key), first, backwards))


@pytest.mark.parametrize(("module", "type_", "label", "biases", "more"), [
    (lambda: flax("LSTMCell"), "lstm", "LSTM, one bias a gate", 4, 0),
    (lambda: flax("OptimizedLSTMCell"), "lstm", "LSTM, one bias a gate", 4, 0),
    (lambda: flax("GRUCell"), "gru", "GRU, one bias a gate", 3, 0),
    (lambda: flax("SimpleCell"), "rnn", "RNN, one bias a gate", 1, 0),
    (lambda: flax("SimpleCell", activation_fn=nnx.relu), "rnn", "RNN, one bias a gate", 1, 0),
    (lambda: flax("SimpleCell", activation_fn=nnx.gelu), "rnn", "RNN, one bias a gate, other activations", 1, 0),
    (lambda: flax("LSTMCell", gate_fn=nnx.hard_sigmoid), "lstm", "LSTM, one bias a gate, other activations", 4, 0),
    (lambda: equinox(eqx.nn.LSTMCell, bias=False, first=two), "lstm", "LSTM", 0, 0),
    (lambda: equinox(eqx.nn.LSTMCell, bias=False, first=two, backwards=True), "lstm", "LSTM, backwards", 0, 0),
    (lambda: equinox(eqx.nn.LSTMCell, bias=True, first=two), "lstm", "LSTM, one bias a gate", 4, 0),
    (lambda: equinox(eqx.nn.GRUCell, bias=False, first=one), "gru", "GRU", 0, 0),
    (lambda: equinox(eqx.nn.GRUCell, bias=True, first=one), "gru",
     "GRU, one bias a gate and one more of new states", 3, 1),
])  # fmt: skip
def test_a_scan_of_one_cell_is_the_layer_with_the_biases_that_it_has(
    module: Callable[[], Any], type_: str, label: str, biases: int, more: int
) -> None:
    (row,) = analyze(module(), (T, IN)).rows
    layer = TYPES[type_](hidden_size=H, bias=False).facts((T, IN))
    assert row.label == label
    assert row.outputs == layer.outputs
    assert row.macs == layer.macs
    # Each bias is one value, and a line into its gate at each of the positions.
    assert row.parameters == layer.parameters + (biases + more) * H
    assert row.connections == layer.connections + T * (biases + more) * H


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_products_are_those_of_all_samples_and_lines_of_one(batch: int) -> None:
    network = call_module(flax("GRUCell"), [jax.ShapeDtypeStruct((batch, T, IN), jnp.float32)], {}).network
    (facts,) = network.facts.values()
    assert facts.output == (T, H)
    assert facts.macs == batch * T * 3 * H * (IN + H)
    assert facts.connections == T * 3 * H * (IN + H + 1)


def test_states_of_another_recurrence_are_read_and_its_last_ones_have_an_axis_less() -> None:
    class Both(nnx.Module):
        def __init__(self) -> None:
            rngs = nnx.Rngs(0)
            self.seen = nnx.RNN(nnx.LSTMCell(IN, H, rngs=rngs), return_carry=True, rngs=rngs)
            self.said = nnx.RNN(nnx.LSTMCell(IN, H, rngs=rngs), rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.said(x, initial_carry=self.seen(x)[0])

    found = analyze(nnx.eval_shape(Both), (T, IN))
    assert [(row.name, row.output) for row in found.rows] == [
        ("seen.lstm", (T, H)), ("seen.squeeze", (H,)), ("seen.squeeze_2", (H,)),
        ("said.unsqueeze", (1, H)), ("said.unsqueeze_2", (1, H)), ("said.lstm", (T, H)),
    ]  # fmt: skip
    (said,) = (node for node in found.network.nodes if node.name == "said.lstm")
    assert [ref.node for ref in said.inputs] == ["input", "said.unsqueeze", "said.unsqueeze_2"]
    (hidden,) = (node for node in found.network.nodes if node.name == "said.unsqueeze")
    (state,) = (node for node in found.network.nodes if node.name == hidden.inputs[0].node)
    assert [(ref.node, ref.output) for ref in state.inputs] == [("seen.lstm", 1)]  # its hidden state, not its cell


def test_weights_of_one_shape_are_told_apart_by_their_names() -> None:
    # As wide as its input, so that both matrices are 36 by 12.
    module = eqx.filter_eval_shape(lambda: Cells(eqx.nn.GRUCell(H, H, use_bias=False, key=jax.random.key(0)), one))
    network = analyze(module, (T, H)).network
    assert network.observed is not None
    assert {own: source.name for (_, own), source in network.observed.sources.items()} == {
        "weight_ih_l0": "cell.weight_ih", "weight_hh_l0": "cell.weight_hh",
    }  # fmt: skip


def _stacked(x: Any, **held: Any) -> Any:
    """Two cells, one behind the other in one `scan`."""

    def run(states: Any, each: Any) -> Any:
        one = jnp.tanh(each @ held["a"] + states[0] @ held["b"])
        return (one, jnp.tanh(one @ held["c"])), one

    zeros = jnp.zeros((x.shape[0], H))
    return jax.lax.scan(run, (zeros, zeros), x.swapaxes(0, 1))[1].swapaxes(0, 1)


class TwoCells(nnx.Module):
    """Two cells in one `scan`, or one whose first state is learned or ones, or whose output is another value."""

    def __init__(self, what: str) -> None:
        rngs = nnx.Rngs(0)
        self.what = what
        self.one, self.other = nnx.GRUCell(IN, H, rngs=rngs), nnx.GRUCell(H, H, rngs=rngs)
        self.begin = nnx.Param(jnp.zeros(H))

    def __call__(self, x: Any) -> Any:
        def run(state: Any, each: Any) -> Any:
            state, made = self.one(state, each)
            if self.what == "two cells":
                made = self.other(made, made)[0]
            return state, made * 2 if self.what == "another output" else made

        first = {"learned": jnp.broadcast_to(self.begin[...], (x.shape[0], H)), "ones": jnp.ones((x.shape[0], H))}
        first_ = first.get(self.what, jnp.zeros((x.shape[0], H)))
        return jax.lax.scan(run, first_, x.swapaxes(0, 1))[1].swapaxes(0, 1)


@pytest.mark.parametrize(("what", "more", "held"), [
    ("two cells", T * 3 * H * 2 * H, 3 * H * (2 * H + 1)), ("learned", 0, H), ("ones", 0, 0), ("another output", 0, 0),
])  # fmt: skip
def test_any_other_scan_keeps_its_products_and_its_lines_are_not_covered(what: str, more: int, held: int) -> None:
    found = analyze(nnx.eval_shape(lambda: TwoCells(what)), (T, IN))
    row = max(found.rows, key=lambda row: row.macs or 0)
    assert row.label == "scan"
    assert (row.macs, row.connections) == (T * 3 * H * (IN + H) + more, None)
    assert row.parameters == 3 * H * (IN + H + 1) + held


def test_a_scan_written_out_is_none() -> None:
    weights = {"a": (IN, H), "b": (H, H), "c": (H, H)}
    (row,) = analyze(Own(_stacked, **weights), (T, IN)).rows
    assert (row.label, row.macs, row.connections) == ("scan", T * (IN * H + 2 * H * H), None)


def test_a_layer_without_biases_is_written_as_a_spec_that_gives_the_same_output() -> None:
    # As wide as its input, so that the two matrices could change places.
    module = Cells(eqx.nn.GRUCell(H, H, use_bias=False, key=jax.random.key(0)), one)
    read = call_module(module, [jax.ShapeDtypeStruct((T, H), jnp.float32)], {})
    assert restated(read.network, state(read.network), read).same

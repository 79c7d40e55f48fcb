"""What `code --to jax` writes of the networks that come along is read back to the rows of their specs."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import archscope
from archscope import analyze
from archscope.importing.jax.calling import call_module
from archscope.importing.jax.things import JaxCalled
from archscope.network import Network
from archscope.oracles.jaxpr import seen_of
from archscope.oracles.restated import Outcome, restated
from archscope.writing.channels_last import last
from archscope.writing.stating import state
from tests.importing.jax_nets import Own
from tests.writing.jax_source import model_of

SAME = Outcome(True, "built with the same weights: the same output as the module")
OLD = ["lecun1989", "lenet1", "lenet4", "lenet5", "lenet5-1998"]


def called(network: Network, module: Any = None) -> JaxCalled:
    """The module of the source, as it is read; without values if none is given."""
    given = [jax.ShapeDtypeStruct((1, *last(shape)), jnp.float32) for shape in network.inputs.values()]
    return call_module(model_of(network) if module is None else module, given, {})


def drawn(module: Any) -> Any:
    """A module of shapes with values, none of which JAX has to compile anything for."""
    draw = np.random.default_rng(0)
    graph, held = nnx.split(module)
    return nnx.merge(graph, jax.tree.map(lambda each: jnp.asarray(draw.normal(size=each.shape), each.dtype), held))


def rows(network: Network) -> list[tuple[Any, ...]]:
    return [(row.label, row.activation, row.output, row.parameters, row.fixed, row.connections, row.macs,
             row.receptive_field) for row in analyze(network).rows]  # fmt: skip


@pytest.mark.parametrize("name", [*OLD, "lenet5-keras", "nin@cifar10", "vgg@A:3,32,32", "squeezenet@1.1"])
def test_a_network_written_as_flax_is_read_back_row_by_row(name: str) -> None:
    spec, _, shape = name.partition(":")
    network = archscope.load(spec, input=shape or None)
    found = called(network).network
    assert rows(found) == rows(network)
    weighted = [[row.name for row in analyze(each).rows if row.parameters or row.fixed] for each in (found, network)]
    assert weighted[0] == weighted[1]


PAPERS = """
input: [2, 8, 8]
layers:
  H1: {type: conv2d, out_channels: 2, kernel_size: 3, untie_biases: true, activation: scaled_tanh}
  S2: {type: subsampling, kernel_size: 2}
  H3: {type: conv2d, out_channels: 2, kernel_size: 2, connection_table: [[0, 1], [1]], activation: scaled_tanh}
  flatten: {type: flatten}
  F4: {type: linear, out_features: 3}
  OUTPUT: {type: rbf, out_features: 4}
"""


def test_the_weights_of_layers_of_old_papers_make_the_same_output() -> None:
    # The source turns its maps itself before it flattens them, so that the matrix behind them lies as it does here.
    network = archscope.read(PAPERS, name="papers")
    read = called(network, drawn(model_of(network)))
    assert rows(read.network) == rows(network)
    assert not read.lies.flattened
    assert restated(read.network, state(read.network), read) == SAME


def test_a_pool_over_whole_maps_is_one_that_stays_a_map() -> None:
    pooled = """
input: [3, 8, 8]
layers:
  conv: {type: conv2d, out_channels: 4, kernel_size: 3}
  pool: {type: adaptive_avg_pool2d, output_size: 1}
  gate: {type: conv2d, out_channels: 4, kernel_size: 1, activation: sigmoid}
  scaled: {type: multiply, from: [gate, conv]}
  top: {type: adaptive_max_pool2d, output_size: 1}
"""
    network = archscope.read(pooled, name="pooled")
    labels = [row.label for row in analyze(called(network).network).rows]
    assert labels == ["conv 3×3", "global average pool", "conv 1×1", "multiply", "max over axes 1, 2"]


def test_a_dense_layer_behind_maps_that_lie_channels_last_is_laid_by_its_own_flatten() -> None:
    class Both(nnx.Module):
        """One flatten as Flax has it, and one as PyTorch has it."""

        def __init__(self) -> None:
            self.conv = nnx.Conv(1, 3, (2, 2), rngs=nnx.Rngs(0))
            self.one, self.other = nnx.Linear(12, 4, rngs=nnx.Rngs(0)), nnx.Linear(12, 4, rngs=nnx.Rngs(0))

        def __call__(self, x: Any) -> Any:
            x = self.conv(x)
            return self.one(x.reshape(-1, 12)) * self.other(x.transpose(0, 3, 1, 2).reshape(-1, 12))

    read = call_module(drawn(nnx.eval_shape(Both)), [jax.ShapeDtypeStruct((1, 2, 2, 1), jnp.float32)], {})
    assert read.lies.flattened == {"flatten"}
    assert restated(read.network, state(read.network), read) == SAME


def test_distances_from_weights_multiply_once_for_each_unit_and_feature_and_variances_do_not() -> None:
    def distances(x: Any, w: Any) -> Any:
        return jnp.sum(jnp.square(x[:, None] - w), axis=-1)

    for function, wanted in ((distances, 4 * 3), (lambda x, w: jnp.var(x + w[0], axis=-1), 0)):
        read = call_module(Own(function, w=(4, 3)), [jax.ShapeDtypeStruct((1, 3), jnp.float32)], {})
        assert sum(seen_of(read).macs.values()) == wanted
        assert analyze(read.network).totals.macs == wanted


def test_parts_of_maps_are_taken_with_their_steps_and_by_their_places() -> None:
    steps = Own(lambda x: x[:, ::2, 1:])
    read = call_module(steps, [jax.ShapeDtypeStruct((1, 6, 6, 3), jnp.float32)], {}).network
    found = [(row.label, row.output) for row in analyze(read).rows]
    assert found == [("slice 1:", (6, 5, 3)), ("slice ::2", (3, 5, 3))]
    chosen = Own(lambda x: jnp.take(x, jnp.array([2, 3, 4]), axis=-1))
    read = call_module(chosen, [jax.ShapeDtypeStruct((1, 6, 6, 5), jnp.float32)], {}).network
    assert [(row.label, row.output) for row in analyze(read).rows] == [("slice 2:", (6, 6, 3))]

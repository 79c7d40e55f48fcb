"""Source of Flax NNX: it runs, and computes what PyTorch does with the same weights."""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import pytest
from flax import nnx

import archscope
from archscope.layers import TYPES, ConvTranspose2d
from archscope.network import Network, Node, Ref
from archscope.writing import jax_functions, listing
from archscope.writing.channels_last import last
from archscope.writing.jax import FORMS, write_jax
from archscope.writing.keras import write_keras
from tests.building.builder_cases import CASES
from tests.collection import thin
from tests.writing.jax_source import difference, model_of
from tests.writing.options import unlike
from tests.writing.test_source import single


def shapes_of(network: Network, model: nnx.Module) -> list[tuple[int, ...]]:
    """What a module makes of two samples, without the batch; nothing is computed."""
    graph, state = nnx.split(model)

    def run(state: nnx.State, *given: jax.Array) -> object:
        made = nnx.merge(graph, state)
        made.eval()
        return made(*given)

    given = [
        jax.ShapeDtypeStruct((2, *last(shape)), "int32" if name in network.tokens else "float32")
        for name, shape in network.inputs.items()
    ]
    return [each.shape[1:] for each in jax.tree.leaves(jax.eval_shape(run, state, *given))]


def trained(model: nnx.Module) -> int:
    return sum(int(np.prod(each.shape)) for each in jax.tree.leaves(nnx.state(model, nnx.Param)))


def refusal(network: Network) -> str:
    """Why a network cannot be written; empty if it can."""
    try:
        write_jax(network)
    except archscope.UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "name", ["lenet5", "lenet5-1998", "mobilenet-v1@0.25-128:3,32,32", "gpt2@small", "lstm-lm@small", "mixtral"]
)
def test_the_source_computes_what_pytorch_does_with_the_same_weights(name: str) -> None:
    spec, _, shape = name.partition(":")
    ours, theirs, apart = difference(thin(spec, shape or None))
    assert ours == theirs
    assert apart < 1e-5


@pytest.mark.parametrize("name", ["alexnet", "vgg@A", "resnet@18", "unet", "transformer@base", "vit@b16"])
def test_the_source_has_the_parameters_and_the_shapes_of_the_network(name: str) -> None:
    network = thin(name)
    analysis, model = archscope.analyze(network), model_of(network)
    assert trained(model) == analysis.totals.parameters
    outputs = [network.facts[ref.node].outputs[ref.output] for ref in network.outputs]
    assert shapes_of(network, model) == [last(each) for each in outputs]


def test_every_layer_type_is_written_as_it_is_or_says_that_it_is_not() -> None:
    for case in CASES:
        network = single(case)
        said_no = refusal(network)
        if said_no:
            assert "cannot be written in Flax: " in said_no, case
            continue
        model = model_of(network)
        assert trained(model) == archscope.analyze(network).totals.parameters, case
        assert shapes_of(network, model)[0] == last(network.facts[network.nodes[0].name].output), case
    assert {*FORMS} == {*TYPES}


def test_blocks_are_classes_and_repeats_are_loops() -> None:
    source = write_jax(archscope.load("resnet@18"))
    assert source.startswith("# Takes batches of 224×224×3, channels last; make it with rngs=nnx.Rngs(0).")
    assert "class Basic(nnx.Module):" in source
    assert "nnx.List([" in source
    assert "for block in self.conv2:" in source
    assert "archscope" not in source


def test_a_layer_that_flax_cannot_express_is_named() -> None:
    up = ConvTranspose2d(out_channels=4, kernel_size=2, groups=2)
    network = Network("grouped", {"input": (4, 3, 3)}, [Node("up", up, (Ref("input"),), "up")])
    with pytest.raises(
        archscope.UsageError, match=r"`up` \(conv_transpose2d\) cannot be written in Flax: .* no groups"
    ):
        write_jax(network)


OWN = (
    ("upsample",),
    ("rnn", "rnn_cell", "mixture_of_experts"),
    ("lstm", "lstm_cell", "gru", "gru_cell"),
    ("relative_position_bias", "attention_mask"),
    ("embedding_bag", "unfold", "fold", "locally_connected1d", "locally_connected2d"),
)


@pytest.mark.parametrize("types", OWN, ids="-".join)
def test_what_flax_has_in_another_form_computes_what_is_built(types: tuple[str, ...]) -> None:
    cases = [case for case in CASES if case[0].type in types]
    assert [*unlike(cases, write_jax, difference, many=len(cases))] == []


@pytest.mark.parametrize(
    ("mode", "shape", "size"),
    [
        ("linear", (4, 8), [3]), ("linear", (4, 8), [20]), ("bilinear", (3, 5, 7), [10, 21]),
        ("bilinear", (3, 9, 7), [4, 11]), ("trilinear", (2, 3, 4, 5), [6, 2, 7]),
    ],
)  # fmt: skip
def test_maps_between_their_neighbours_are_larger_or_smaller_as_pytorch_has_them(
    mode: str, shape: tuple[int, ...], size: list[int]
) -> None:
    up = TYPES["upsample"](size=size, mode=mode)
    network = Network("resized", {"input": shape}, [Node("up", up, (Ref("input"),), "up")])
    assert difference(network)[2] < 1e-5


TABLE = """
input: [2, 30, 30]
layers:
  a: {{type: conv2d, out_channels: 2, kernel_size: 9, connection_table: [[0], [0, 1]]{}}}
"""


def test_kernels_over_a_table_start_by_the_inputs_of_their_own_output_map() -> None:
    # 2.4 over the inputs of a unit, 81 of each map that it sees; else one over their root, as PyTorch starts them
    for said, reach in ((", init: {weight: {uniform_fan_in: 2.4}}", "2.4 / (81 * len(row))"),
                        ("", "(81 * len(row)) ** -0.5")):  # fmt: skip
        source = write_jax(archscope.read(TABLE.format(said), name="net"))
        assert f"reach = jnp.array([[[{reach}]] for row in self.a_table for _ in row])" in source
        assert "self.a_weight = nnx.Param(self.within(-reach, reach)(rngs.params(), (3, 9, 9)))" in source


@pytest.mark.parametrize("scheme", ["kaiming_normal", "xavier_uniform"])
def test_a_start_by_the_inputs_of_one_layer_is_refused_over_a_table(scheme: str) -> None:
    for write, framework in ((write_keras, "Keras"), (write_jax, "Flax")):
        with pytest.raises(archscope.UsageError, match=f"`a` .* in {framework}: `{scheme}` there does not know"):
            write(archscope.read(TABLE.format(f", init: {{weight: {scheme}}}"), name="net"))


def test_methods_of_the_source_are_names_that_no_layer_has() -> None:
    assert {*jax_functions.METHODS} <= listing._METHODS

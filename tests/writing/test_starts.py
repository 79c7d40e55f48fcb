"""How weights start, of every layer type by every scheme, in every language that is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np
import pytest
import torch
from flax import nnx

from archscope.building.fans import Plain
from archscope.errors import UsageError
from archscope.layers import TYPES, Shape
from archscope.network import Network
from archscope.reader.initial import SCHEMES
from archscope.writing.jax import write_jax
from archscope.writing.keras import write_keras
from archscope.writing.onnx.starts import drawn
from archscope.writing.pytorch import write_pytorch
from archscope.writing.starting import Starts, shown
from tests.building.builder_cases import CASES, Case
from tests.writing.test_source import executed, keras_says, single

WRITERS = {"PyTorch": write_pytorch, "Keras": write_keras, "Flax": write_jax}
NUMBERS = {"normal": (0.25, 0.125), "uniform": (-0.375, 0.5), "constant": (0.625,), "uniform_fan_in": (2.5,)}


def trained(case: Case) -> list[str]:
    layer, shapes = case
    return [each.name for each in layer.facts(*shapes).weights if each.trainable]


def richest() -> Iterator[Case]:
    """Of each layer type with weights, the case that has the most, and beside it each that has others."""
    seen: set[tuple[object, ...]] = set()
    for case in sorted(CASES, key=lambda case: -len(trained(case))):
        layer: Any = case[0]
        form = bool(getattr(layer, "connection_table", None)), getattr(layer, "untie_biases", False)
        kinds = {(layer.type, weight, *form) for weight in trained(case)}
        if kinds - seen:
            seen |= kinds
            yield case


def starting(case: Case, init: dict[str, Plain]) -> Network:
    network = single(case)
    return network.replace(nodes=[network.nodes[0].replace(init=tuple(init.items()))])


def written(write: Callable[[Network], str], case: Case, init: dict[str, Plain]) -> str | None:
    """What is written; None if it is refused, in one line that names the layer."""
    try:
        return write(starting(case, init))
    except UsageError as error:
        refusal = str(error)
    assert "`layer" in refusal
    assert "\n" not in refusal
    return None


RICHEST = list(richest())


@pytest.mark.parametrize("language", WRITERS)
def test_every_weight_starts_as_the_spec_says_or_is_refused(language: str) -> None:
    refused = set()
    for case in RICHEST:
        if written(WRITERS[language], case, {}) is None:
            continue
        for place, weight in enumerate(trained(case)):
            text = written(WRITERS[language], case, {weight: ("constant", (0.0123456 + place,))})
            assert text is None or shown(0.0123456 + place) in text, (case[0].type, weight)
            refused |= {case[0].type} if text is None else set()
    # All projections of Keras's attention start alike: one alone cannot be told; and its RMS norm always starts at 1.
    assert refused == ({"multihead_attention", "rms_norm"} if language == "Keras" else set())


@pytest.mark.parametrize("language", WRITERS)
def test_no_scheme_is_left_out(language: str) -> None:
    for case in RICHEST:
        usual = written(WRITERS[language], case, {})
        for scheme in SCHEMES:
            for weight in trained(case) if usual else ():
                text = written(WRITERS[language], case, {weight: (scheme, NUMBERS.get(scheme, ()))})
                assert text != usual or scheme in ("zeros", "ones"), (case[0].type, scheme, weight)


def test_source_of_pytorch_and_files_of_onnx_start_with_the_constants() -> None:
    for case in RICHEST:
        constants: dict[str, Plain] = {each: ("constant", (0.0123456 + n,)) for n, each in enumerate(trained(case))}
        network = starting(case, constants)
        (node,) = network.nodes
        for weight in network.facts[node.name].weights:
            if weight.name in constants:
                assert np.all(drawn(network)(node, weight) == constants[weight.name][1][0]), (node.layer.type, weight)
        model = executed(write_pytorch(network), "single")
        values = [each.detach().numpy().ravel() for each in model.parameters()]
        assert {float(each[0]) for each in values if np.all(each == each[0])} == {
            float(np.float32(value)) for _, (value,) in constants.values()
        }, node.layer.type


def of(type: str, *inputs: Shape, init: dict[str, Plain], **options: Any) -> tuple[Network, dict[str, Plain]]:
    """A network of one layer, and from what its weights are drawn."""
    network = starting((TYPES[type](**options), inputs), init)
    starts = Starts(network.nodes[0], network.facts["layer"])
    return network, {weight: starts.plain(weight) for weight in starts}


DRAWN = [
    of("conv2d", (32, 9, 9), out_channels=64, kernel_size=3, groups=2,
       init={"weight": ("kaiming_normal", ()), "bias": ("normal", (3.0, 0.5))}),
    of("conv2d", (32, 9, 9), out_channels=64, kernel_size=3, init={"weight": ("xavier_uniform", ())}),
    of("conv_transpose2d", (32, 9, 9), out_channels=64, kernel_size=3, init={"weight": ("kaiming_uniform", ())}),
    of("linear", (64,), out_features=128, init={"weight": ("xavier_normal", ()), "bias": ("uniform_fan_in", (2.4,))}),
    of("embedding", (7,), num_embeddings=99, embedding_dim=64, init={"weight": ("normal", (0.0, 0.02))}),
    of("batch_norm", (64, 5, 5), init={"weight": ("normal", (1.0, 0.02)), "bias": ("constant", (0.3,))}),
    of("layer_norm", (5, 64), normalized_shape=(64,), init={"weight": ("constant", (0.7,)), "bias": ("ones", ())}),
    of("rms_norm", (5, 64), normalized_shape=(64,), init={"weight": ("uniform", (0.5, 1.5))}),
    of("group_norm", (64, 5, 5), num_groups=4, init={"weight": ("zeros", ()), "bias": ("uniform", (-1.0, 3.0))}),
    of("multihead_attention", (5, 64), num_heads=4,
       init={"in_proj_weight": ("normal", (0.0, 0.05)), "in_proj_bias": ("constant", (0.2,)),
             "out_proj.weight": ("normal", (0.0, 0.05)), "out_proj.bias": ("constant", (0.2,))}),
    of("prelu", (64, 3, 3), num_parameters=64, init={"weight": ("uniform", (0.1, 0.3))}),
]  # fmt: skip
"""Layers whose weights are drawn, and from what."""


def unlike(weights: list[np.ndarray[Any, Any]], wanted: dict[str, Plain]) -> list[str]:
    """What is said of weights and agrees with none of those there."""
    return [name for name, how in wanted.items() if not any(agrees(each, how) for each in weights)]


def agrees(values: np.ndarray[Any, Any], how: Plain) -> bool:
    """Whether values may be drawn as that: the bounds are kept and come near, or the mean and deviation are theirs."""
    kind, numbers = how
    if kind == "constant":
        return bool(np.all(values == np.float32(numbers[0])))
    if kind == "uniform":
        low, high = numbers
        near = (high - low) / 8
        return bool(low - near * 1e-5 <= values.min() < low + near and high - near < values.max() <= high + near * 1e-5)
    mean, deviation = numbers
    far = 5 * deviation / values.size**0.5
    return bool(abs(values.mean() - mean) < far and abs(values.std() - deviation) < far)


@pytest.mark.parametrize(("network", "wanted"), DRAWN, ids=[network.nodes[0].layer.type for network, _ in DRAWN])
def test_weights_are_drawn_from_what_the_spec_says_in_pytorch_onnx_and_flax(
    network: Network, wanted: dict[str, Plain]
) -> None:
    torch.manual_seed(0)
    model = executed(write_pytorch(network), "single")
    assert not unlike([each.detach().numpy() for each in model.parameters()], wanted)
    held, (node,) = drawn(network), network.nodes
    for weight in network.facts["layer"].weights:
        if weight.name in wanted:
            assert agrees(held(node, weight).astype(np.float32), wanted[weight.name])
    scope: dict[str, Any] = {}
    exec(write_jax(network), scope)
    flax = scope["Single"](nnx.Rngs(0))
    assert not unlike([np.asarray(each) for each in jax.tree.leaves(nnx.state(flax, nnx.Param))], wanted)


@pytest.mark.slow
def test_weights_are_drawn_from_what_the_spec_says_in_keras() -> None:
    wanted = [network.nodes[0].layer.type for network, _ in DRAWN]
    assert keras_says("starts")[-len(DRAWN) :] == [f"{each} refused" if each == "rms_norm" else each for each in wanted]

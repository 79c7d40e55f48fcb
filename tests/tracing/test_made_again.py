"""What was read of a module is made again: source, a picture, a module with its weights and values, its numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import archscope
from archscope import trace
from archscope.analysis import COUNTS
from archscope.diagrams.graph.view import view_of
from archscope.recognising.function import Function
from archscope.writing.pytorch import write_pytorch
from tests.building.builder_cases import CASES, Case, name_of
from tests.collection import thin
from tests.tracing import beyond, strangers
from tests.writing.test_source import single


def inputs_of(shapes: tuple[tuple[int, ...], ...], name: str) -> list[torch.Tensor]:
    torch.manual_seed(1)
    if name == "words":
        return [torch.randint(0, 30, (3, *shape)) for shape in shapes]
    return [torch.randn(3, *shape) for shape in shapes]


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_a_module_read_can_be_drawn_and_written_as_source(name: str) -> None:
    make, shapes = strangers.KNOWN[name]
    network = trace(make(), *shapes)
    compile(write_pytorch(network), name, "exec")
    view = view_of(archscope.analyze(network), depth="full")
    assert {layer for node in view.nodes for layer in node.layers} >= {node.name for node in network.nodes}


def test_a_function_is_no_layer_that_can_be_made() -> None:
    network = trace(beyond.Spectrum(), (8,))
    for make in (archscope.build, write_pytorch):
        with pytest.raises(
            archscope.UsageError,
            match=r"`fft_fft` at \S+\.py:\d+ is a function of a network that was read, and no layer",
        ):
            make(network)


def plain(result: Any) -> tuple[torch.Tensor, ...]:
    return tuple(result.values()) if isinstance(result, dict) else result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", strangers.KNOWN)
def test_a_module_read_and_built_again_takes_its_weights_and_gives_its_values(name: str) -> None:
    make, shapes = strangers.KNOWN[name]
    torch.manual_seed(0)
    module = make().eval()
    network = trace(module, *shapes)
    assert not [node for node in network.nodes if isinstance(node.layer, Function)]
    built = archscope.build(network).eval()
    left = built.load_state_dict(module.state_dict(), strict=False)
    tied = {node.name for node in network.nodes if node.shares is not None}
    assert {key.rpartition(".")[0] for key in left.missing_keys} <= tied
    assert not left.unexpected_keys
    given = inputs_of(shapes, name)
    with torch.no_grad():
        for ours, theirs in zip(plain(built(*given)), plain(module(*given)), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", archscope.reader.spec_names())
def test_a_spec_that_is_built_and_read_again_has_the_same_numbers(name: str) -> None:
    network = thin(name)
    analysis = archscope.analyze(network)
    again = archscope.analyze(trace(archscope.build(network, device="meta"), *network.inputs.values()))
    for quantity in COUNTS:
        assert again.totals.count_of(quantity) == analysis.totals.count_of(quantity), quantity
    assert again.rows[-1].output == analysis.rows[-1].output
    fields = [row.receptive_field for row in analysis.nodes]
    assert [row.receptive_field for row in again.nodes] == fields


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_layer_type_is_read_as_itself(case: Case) -> None:
    if case[0].type == "identity":
        pytest.skip("it hands back its very input, so nothing is seen of it")
    network = single(case)
    read = archscope.analyze(trace(archscope.build(network), *network.inputs.values()))
    first, said = read.nodes[-1], archscope.analyze(network).nodes[0]
    assert {first.type, *(row.type for row in read.nodes)} == {said.type}
    assert first.outputs == said.outputs
    for quantity in COUNTS:
        assert read.totals.count_of(quantity) == said.count_of(quantity), quantity
    assert read.nodes[0].receptive_field == said.receptive_field

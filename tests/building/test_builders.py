"""Every layer type, built and run."""

from __future__ import annotations

import inspect

import pytest
import torch

from archscope.building.builders import build_layer, class_of
from archscope.building.constructions import CONSTRUCTIONS, construction
from archscope.layers import TYPES
from tests.building.builder_cases import CASES, Case, name_of


def run(case: Case, device: str = "cpu") -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    layer, shapes = case
    with torch.device(device):
        module = build_layer(layer, *shapes).eval()
        inputs = [torch.zeros(2, *shape, dtype=torch.long) if place < layer.tokens else torch.randn(2, *shape)
                  for place, shape in enumerate(shapes)]  # fmt: skip
    result = module(*inputs) if inputs else module(2)
    return module, result if isinstance(result, tuple) else (result,)


def test_there_is_a_construction_for_every_layer_type_and_for_nothing_else() -> None:
    assert set(CONSTRUCTIONS) == set(TYPES)


def test_every_layer_type_has_a_case() -> None:
    assert {layer.type for layer, _ in CASES} == set(TYPES)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_built_layer_makes_the_shapes_of_its_rule(case: Case, device: str) -> None:
    layer, shapes = case
    _, outputs = run(case, device)
    expected = [(2, *(int(extent) for extent in shape)) for shape in layer.facts(*shapes).outputs]
    assert [tuple(output.shape) for output in outputs] == expected


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_built_layer_holds_the_weights_of_its_rule(case: Case) -> None:
    layer, shapes = case
    module, _ = run(case, "meta")
    held = {name: (tuple(each.shape), True) for name, each in module.named_parameters()}
    for name, buffer in module.named_buffers():
        if name != "num_batches_tracked":
            held[name] = (tuple(buffer.shape), False)
    stated = layer.facts(*shapes).weights
    assert held == {each.name: (tuple(int(extent) for extent in each.shape), each.trainable) for each in stated}


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_built_layer_can_be_trained(case: Case) -> None:
    module, outputs = run(case)
    parameters = list(module.parameters())
    if parameters:
        torch.cat([output.flatten() for output in outputs]).square().sum().backward()
        assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in parameters)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_an_option_that_a_construction_leaves_out_is_at_the_default_of_the_class(case: Case) -> None:
    layer, shapes = case
    made = construction(layer, *shapes)
    parameters = inspect.signature(class_of(made)).parameters
    for name in set(layer.options) & set(parameters) - set(made.options):
        default = parameters[name].default
        if default is not inspect.Parameter.empty and default is not None:
            assert layer.options[name].kind.parse(default) == getattr(layer, name), name


def test_a_squashing_function_of_its_defaults_leaves_1_where_it_is() -> None:
    squash = build_layer(TYPES["scaled_tanh"](), (3,))
    assert torch.allclose(squash(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-5)

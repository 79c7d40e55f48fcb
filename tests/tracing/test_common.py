"""Modules as everybody writes them are layers to the last function, and can be built and written as source."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archscope
from archscope import trace
from archscope.network import Network
from archscope.recognising.function import Function
from archscope.writing.pytorch import write_pytorch
from tests.tracing.common import COMMON
from tests.writing.test_source import executed

_TOKENS = {"words of GPT": 30}


def read(name: str) -> tuple[nn.Module, Network, list[torch.Tensor]]:
    make, shapes = COMMON[name]
    torch.manual_seed(0)
    module = make().eval()
    if name in _TOKENS:
        given = [torch.randint(0, _TOKENS[name], (3, *shape)) for shape in shapes]
    else:
        given = [torch.randn(3, *shape) for shape in shapes]
    return module, trace(module, *shapes), given


def results(value: Any) -> tuple[torch.Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("name", COMMON)
def test_every_function_of_a_common_module_is_a_layer(name: str) -> None:
    _, network, _ = read(name)
    assert [node.layer.label for node in network.nodes if isinstance(node.layer, Function)] == []


@pytest.mark.parametrize("name", COMMON)
def test_a_common_module_built_again_takes_its_weights_by_name_and_gives_its_values(name: str) -> None:
    module, network, given = read(name)
    built = archscope.build(network).eval()
    left = built.load_state_dict(module.state_dict(), strict=False)
    tied = {built.path(node.name) for node in network.nodes if node.shares is not None}
    assert {key.rpartition(".")[0] for key in left.missing_keys} <= tied
    assert not left.unexpected_keys
    with torch.no_grad():
        for ours, theirs in zip(results(built(*given)), results(module(*given)), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", COMMON)
def test_the_source_of_a_common_module_runs_to_its_values(name: str) -> None:
    module, network, given = read(name)
    built = archscope.build(network).eval()
    built.load_state_dict(module.state_dict(), strict=False)
    written = executed(write_pytorch(network), network.name).eval()
    weights = {name.replace(".", "_"): value for name, value in built.state_dict().items()}
    written.load_state_dict({name: weights[name.replace(".", "_")] for name in written.state_dict()})
    with torch.no_grad():
        for ours, theirs in zip(results(written(*given)), results(module(*given)), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", COMMON)
def test_what_a_common_module_holds_and_multiplies_is_counted_once(name: str) -> None:
    module, network, given = read(name)
    totals = archscope.analyze(network).totals
    assert totals.parameters == sum(each.numel() for each in module.parameters())
    observed = network.observed
    assert observed is not None
    assert sum(observed.ran.values()) == observed.operations
    # PyTorch's counter sees neither recurrence nor the products of its attention on the CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        module(*[each[:1] for each in given])
    if not any(isinstance(each, nn.RNNBase) for each in module.modules()):
        assert totals.flops == counter.get_total_flops()

"""What the code fills with one number, in another value's shape: a layer that reads nothing, and can be written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archscope
from archscope.layers import TYPES
from archscope.oracles import verify
from archscope.tracing.calling import call_thing
from archscope.writing.pytorch import write_pytorch as write_source


class Settles(nn.Module):
    """A deep-equilibrium model: what it settles on begins with zeros."""

    def __init__(self, begin: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.begin, self.inner, self.outer = begin, nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        z = self.begin(x)
        for _ in range(2):
            z = torch.tanh(self.inner(z) + self.outer(x))
        return z


@pytest.mark.parametrize(
    ("begin", "value"),
    [
        (torch.zeros_like, 0),
        (torch.ones_like, 1),
        (lambda x: torch.full_like(x, -0.5), -0.5),
        (lambda x: x.new_zeros(x.shape), 0),
        (lambda x: x.new_ones(len(x), 4), 1),
        (lambda x: x.new_full((len(x), 4), 2.5), 2.5),
        (lambda x: torch.zeros(len(x), 4), 0),
        (lambda x: x.new_zeros(x.size(0), 4), 0),
        (lambda x: torch.zeros(x.shape[0], 4, device=x.device), 0),
        (lambda x: torch.ones(x.shape[0], 4, device=x.device), 1),
        (lambda x: torch.full((len(x), 4), 2.5), 2.5),
    ],
)
def test_a_state_that_begins_with_one_number_is_written(begin: Callable[[Tensor], Tensor], value: float) -> None:
    network = archscope.trace(Settles(begin), (4,))
    constant, first = network.nodes[:2]
    assert constant.layer == TYPES["constant"](shape=[4], **({"value": value} if value else {}))
    assert (constant.inputs, first.inputs[0].node) == ((), constant.name)
    # Two maps of 4·4, twice each.
    assert archscope.analyze(network).totals.macs == 4 * 4 * 2 * 2
    model, x = archscope.build(network), torch.randn(3, 4)
    assert torch.equal(model.node(constant.name)(3), begin(x))
    assert f"torch.{'full' if value not in (0, 1) else 'ones' if value else 'zeros'}(" in write_source(network)


@pytest.mark.parametrize(
    "begin",
    [
        torch.empty_like,  # nobody knows
        lambda x: torch.zeros_like(x).copy_(x),
        lambda x: torch.full_like(x, float("inf")),
        lambda x: torch.zeros_like(x, dtype=torch.float64).float(),
        torch.rand_like,
        lambda x: torch.rand(len(x), 4),
        lambda x: torch.zeros(4),  # one for all samples
        lambda x: torch.eye(4)[: len(x)],
    ],
)
def test_what_has_other_values_or_none_that_are_known_is_no_such_layer(begin: Callable[[Tensor], Tensor]) -> None:
    network = archscope.trace(Settles(begin), (4,))
    read = {node.name: node for node in network.nodes}[network.by_name["inner"].inputs[0].node]
    assert read.layer.type != "constant" or read.inputs


def test_numbers_of_one_row_are_there_once_for_all_samples() -> None:
    """`torch.zeros(1, 4)` and `torch.zeros(len(x), 4)` of one sample are the same tensor; a second batch tells."""
    once, each = lambda _: torch.zeros(1, 4), lambda x: torch.zeros(len(x), 4)
    networks = [archscope.trace(Settles(begin), (4,)) for begin in (once, each)]
    assert [network.by_name["inner.constant"].layer.type for network in networks] == ["constant"] * 2
    seen = [network.observed for network in networks]
    assert [each is not None and "inner.constant" in each.for_all for each in seen] == [True, False]


@pytest.mark.parametrize("begin", [torch.zeros_like, lambda x: torch.zeros(len(x), 4), lambda _: torch.zeros(1, 4)])
def test_verify_agrees_about_what_constants_hold(begin: Callable[[Tensor], Tensor]) -> None:
    called = call_thing(Settles(begin), [(4,)], {})
    found = verify(called.network, ["memory"], module=called)
    assert [each.sentence for each in found.differing] == []


class Joins(nn.Module):
    """A first step that reads zeros beside its input, as a machine with a memory does."""

    def __init__(self, join: Callable[[Tensor, Tensor], Tensor], wide: int) -> None:
        super().__init__()
        self.join, self.wide, self.out = join, wide, nn.Linear(4 + wide, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.join(x, x.new_zeros(len(x), self.wide or 4)))


@pytest.mark.parametrize(
    ("join", "wide", "type_"),
    [
        (lambda x, zeros: torch.cat([x, zeros], -1), 3, "concat"),
        (lambda x, zeros: zeros * x, 0, "multiply"),
        (torch.maximum, 0, "maximum"),
    ],
)
def test_zeros_that_code_joins_with_values_are_a_layer(
    join: Callable[[Tensor, Tensor], Tensor], wide: int, type_: str
) -> None:
    module = Joins(join, wide)
    called = call_thing(module, [(4,)], {})
    types = [node.layer.type for node in called.network.nodes]
    assert types == ["constant", type_, "linear"]
    built, x = archscope.build(called.network), torch.randn(3, 4)
    built.load_state_dict({name: module.state_dict()[name] for name in built.state_dict()})
    assert torch.equal(built(x), module(x))
    found = verify(called.network, ["module", "FLOPs", "memory"], module=called)
    assert [each.sentence for each in found.differing] == []

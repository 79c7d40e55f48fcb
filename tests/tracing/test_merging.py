"""Samples and positions that code makes one axis for a product leave no rows: of one sample nothing happens there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.tracing.calling import call_thing
from tests.memory.shared import same


class Flat(nn.Module):
    """A product of positions one after another, as `Conv1D` of GPT-2 has it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(8))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.view(-1, 8), self.weight).view(x.shape)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = Flat(), Flat(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(torch.relu(self.a(x))))


def test_a_product_of_positions_one_after_another_is_a_layer_at_each() -> None:
    found = analyze(Net(), (5, 8))
    assert [(row.name, row.node.layer.type, row.activation) for row in found.rows] == [
        ("a.linear", "linear", "relu"),
        ("b.linear", "linear", None),
        ("c", "linear", None),
    ]
    # 5 positions of 8·8, of 8·8 and of 8·3
    assert found.totals.macs == 5 * (64 + 64 + 24)


def test_what_ran_there_is_counted_and_belongs_to_a_row() -> None:
    seen = trace(Net(), (5, 8)).observed
    assert seen is not None
    assert sum(seen.ran.values()) == seen.operations
    assert {*seen.ran} <= {"a.linear", "a.linear.relu", "b.linear", "c"}


@pytest.mark.parametrize("optimizer", [None, "adam"])
def test_memory_is_still_that_of_what_runs(optimizer: str | None) -> None:
    same(Net(), (5, 8), optimizer)


class Turned(nn.Module):
    """A reshape that changes what a sample is, and one that is all that comes out."""

    def __init__(self, out: bool) -> None:
        super().__init__()
        self.a, self.out = nn.Linear(8, 8), out

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = self.a(x)
        return (y, y.view(-1, 8)) if self.out else (y.view(len(x), 8, -1),)


@pytest.mark.parametrize(("out", "rows"), [(True, ["a", "reshape"]), (False, ["a", "reshape"])])
def test_a_reshape_that_does_something_stays(out: bool, rows: list[str]) -> None:
    assert [node.name for node in trace(Turned(out), (5, 8)).nodes] == rows


def test_an_output_that_was_only_reshaped_is_that_of_the_layer() -> None:
    class Last(Turned):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (self.a(x).view(-1, 8).view(x.shape),)

    network = call_thing(Last(out=True), [(5, 8)], {}).network
    assert [node.name for node in network.nodes] == ["a"]
    assert [ref.node for ref in network.outputs] == ["a"]

"""A function counts the same by each of PyTorch's names for it, which take its arguments in different orders."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archscope
from archscope.analysis import Analysis
from tests.memory.shared import differences

NORM = (False, 0.1, 1e-5, False)
SEEN: tuple[None, None, bool, float, float, bool] = (None, None, True, 0.1, 1e-5, False)

Called = Callable[["Asks", Tensor], Any]

NORMS: dict[str, dict[str, Called]] = {
    "batch_norm": {
        "functional": lambda s, x: F.batch_norm(x, s.mean, s.var, s.weight, s.bias),
        "torch": lambda s, x: torch.batch_norm(x, s.weight, s.bias, s.mean, s.var, *NORM),
        "by name": lambda s, x: torch.batch_norm(
            x, s.weight, s.bias, running_mean=s.mean, running_var=s.var, training=False, momentum=0.1, eps=1e-5,
            cudnn_enabled=False,
        ),
        "ATen's": lambda s, x: torch.ops.aten.batch_norm(x, s.weight, s.bias, s.mean, s.var, *NORM),
    },
    "instance_norm": {
        "functional": lambda s, x: F.instance_norm(x, weight=s.weight, bias=s.bias),
        "torch": lambda s, x: torch.instance_norm(x, s.weight, s.bias, *SEEN),
        "ATen's": lambda s, x: torch.ops.aten.instance_norm.default(x, s.weight, s.bias, *SEEN),
    },
}  # fmt: skip

TABLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "functional": F.embedding,
    "torch": lambda x, weight: torch.embedding(weight, x),
    "by name": lambda x, weight: torch.embedding(weight=weight, indices=x),
    "ATen's": lambda x, weight: torch.ops.aten.embedding(weight, x),
}


class Asks(nn.Module):
    """A function that is given two weights, and two buffers, of one number a channel."""

    def __init__(self, way: Called) -> None:
        super().__init__()
        self.way = way
        self.weight, self.bias = nn.Parameter(torch.ones(5)), nn.Parameter(torch.zeros(5))
        self.register_buffer("mean", torch.zeros(5))
        self.register_buffer("var", torch.ones(5))

    def forward(self, x: Tensor) -> Any:
        return self.way(self, x)


class Looks(nn.Module):
    """Rows of a table."""

    def __init__(self, way: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.way, self.weight = way, nn.Parameter(torch.ones(7, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x, self.weight)


def numbers(analysis: Analysis) -> list[tuple[object, ...]]:
    return [(row.name, [node.layer for node in row.nodes], row.parameters, row.connections, row.macs, row.units,
             row.fixed) for row in analysis.rows]  # fmt: skip


@pytest.mark.parametrize(("norm", "name"), [(norm, name) for norm, ways in NORMS.items() for name in ways])
def test_a_norm_has_the_lines_of_its_weights_by_every_name(norm: str, name: str) -> None:
    module = Asks(NORMS[norm][name])
    found = archscope.analyze(module, (5, 8))
    (row,) = found.rows
    assert (row.parameters, row.connections, row.units) == (10, 2 * 5 * 8, 5 * 8)
    assert numbers(found) == numbers(archscope.analyze(Asks(NORMS[norm]["functional"]), (5, 8)))
    for optimizer in (None, "sgd"):
        why, wrong = differences(module, (5, 8), optimizer, 2)
        assert not wrong
        assert not why or (norm, optimizer) == ("batch_norm", "sgd")  # it does not train


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_looked_up_by_every_name(name: str) -> None:
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    found = archscope.analyze(Looks(TABLES[name]), tokens)
    assert [node.layer.type for node in found.network.nodes] == ["embedding"]
    assert (found.totals.parameters, found.totals.units) == (28, 12)
    assert numbers(found) == numbers(archscope.analyze(Looks(F.embedding), tokens))


@pytest.mark.parametrize("layer", [nn.InstanceNorm1d(5, affine=True), nn.BatchNorm1d(5), nn.GroupNorm(1, 5)])
def test_a_program_of_a_norm_counts_what_the_norm_does(layer: nn.Module) -> None:
    file = io.BytesIO()
    torch.export.save(torch.export.export(layer.eval(), (torch.randn(1, 5, 8),)), file)
    file.seek(0)
    found = archscope.analyze(torch.export.load(file)).totals
    assert (found.parameters, found.connections, found.units) == (10, 80, 40)
    assert found == archscope.analyze(layer, (5, 8)).totals

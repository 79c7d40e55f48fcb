"""Modules in wrappers of PyTorch's: what they hold is read, and the wrapper is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from archscope import analyze, trace
from tests.tracing.reachable import state_of


class Net(nn.Module):
    """A layer and a norm that counts its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """A process group of this process alone."""
    dist.init_process_group("gloo", store=dist.FileStore(str(tmp_path / "store"), 1), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def _compiled(module: nn.Module) -> Any:
    return torch.compile(module, backend="eager")


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize(
    "wrap",
    [DistributedDataParallel, lambda each: _compiled(DistributedDataParallel(each)),
     lambda each: DistributedDataParallel(_compiled(each)), lambda each: nn.DataParallel(_compiled(each))],
)  # fmt: skip
def test_a_module_in_wrappers_is_read_and_they_train_on(wrap: Callable[[nn.Module], Any]) -> None:
    inner = Net()
    wrapped = wrap(inner)
    wrapped(torch.rand(2, 3, 6, 6)).sum().backward()
    before = state_of(inner)
    analysis = analyze(trace(wrapped, (3, 6, 6)))
    assert state_of(inner) == before
    plain = analyze(trace(Net(), (3, 6, 6)))
    assert [(row.name, row.parameters, row.macs) for row in analysis.rows] == [
        (row.name, row.parameters, row.macs) for row in plain.rows
    ]
    assert (analysis.network.name, analysis.totals.macs) == ("Net", 16 * 27 * 4 + 8)
    wrapped(torch.rand(2, 3, 6, 6)).sum().backward()


@pytest.mark.usefixtures("group")
def test_a_wrapper_inside_a_module_runs_what_it_holds() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part, self.last = DistributedDataParallel(Net()), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Any:
            return self.last(self.part(x))

    module = Outer()
    before = state_of(module.part.module)
    assert analyze(trace(module, (3, 6, 6))).totals.macs == 16 * 27 * 4 + 8 + 4
    assert state_of(module.part.module) == before
    module(torch.rand(2, 3, 6, 6)).sum().backward()

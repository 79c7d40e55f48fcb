"""A network that has no F3 in a dry run has a line that says why."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archscope import analyze
from archscope.bench.ceilings import Ceilings
from archscope.bench.dry import dry_run, sources
from archscope.bench.plan import Cell
from archscope.tracing.calling import Called, call_module
from archscope.tracing.inputs import Call, Given

GIVEN = Ceilings("a device", "by hand", {"fp32": 1e12, "bf16": 1e12}, {"copy": 1e12})


class _Asks(nn.Module):
    """Looks at a value, and goes either way."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if float(x.sum()) >= 0 else x


def told(module: nn.Module, dtype: str = "fp32", device: Ceilings = GIVEN) -> list[str]:
    called: Called = call_module(module, Call((Given((4,)),), {}), "asks")
    cell = Cell(model="asks", batch=2, dtype=dtype, layout="nchw", engine="eager", mode="infer")
    document = dry_run([cell], {"asks": analyze(called.network)}, [device], {"asks": called})
    return sources(document)


def test_code_that_wants_values_is_named() -> None:
    line = "asks has no F3: its code stops where tensors have no values."
    assert line in told(_Asks())
    assert not any("no F3" in each for each in told(nn.Linear(4, 4)))


def test_autocast_says_so() -> None:
    with torch.random.fork_rng(devices=[]):
        found = told(nn.Linear(4, 4), "amp-bf16")
    assert [each for each in found if "no F3" in each] == ["asks has no F3: its casts depend on the device."]


@pytest.mark.parametrize(("device", "why"), [
    (Ceilings("a device", "by hand", {"bf16": 1e12}, {"copy": 1e12}), "the rate of `fp32` of a device is not known"),
    (Ceilings("a device", "by hand", {"fp32": 1e12}, {}), "the rate of memory of a device is not known"),
])  # fmt: skip
def test_a_rate_that_is_not_known_is_named(device: Ceilings, why: str) -> None:
    found = told(nn.Linear(4, 4), device=device)
    assert [each for each in found if "no F3" in each] == [f"asks has no F3: {why}."]

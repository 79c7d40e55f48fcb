"""An output is held against float64 as strictly as its number format allows for this very network, and no less."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from archscope.bench.agreement import Reference, distance, held_against, together
from archscope.bench.clocks import HostClock
from archscope.bench.measure import measure_cell
from archscope.bench.precision import PRECISIONS
from archscope.tracing.inputs import Call
from tests.bench.test_own import BRIEF, CPU, LastStep, called, cell


class Difference(nn.Module):
    """What is left of two sums that nearly cancel."""

    def __init__(self, *, times: float = 1.05, off: float = 0.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        weight = torch.randn(2, 64, generator=generator)
        self.one, self.other = nn.Linear(64, 2, bias=False), nn.Linear(64, 2, bias=False)
        with torch.no_grad():
            self.one.weight.copy_(weight)
            self.other.weight.copy_(weight * times + off)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) - self.other(x)


GIVEN = torch.randn(1, 64, generator=torch.Generator().manual_seed(1))


def _in_bfloat16(module: nn.Module) -> tuple[Tensor, Reference]:
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(GIVEN)
    return found, Reference(copy.deepcopy(module).double(), Call((GIVEN.double(),), {}))


def test_what_is_left_when_numbers_cancel_is_allowed_the_rounding_of_the_numbers() -> None:
    precision = PRECISIONS["amp-bf16"]
    found, reference = _in_bfloat16(Difference())
    expected = together(reference.outputs())
    assert distance(together([found]), expected) > precision.tolerance
    check = held_against(together([found]), expected, precision, reference.spread)
    assert check.passed
    assert precision.tolerance < check.allowed <= 0.5
    assert not held_against(together([found]), expected, precision, None).passed


def test_an_output_of_another_network_is_refused_however_its_numbers_cancel() -> None:
    precision = PRECISIONS["amp-bf16"]
    found, _ = _in_bfloat16(Difference(off=0.1))
    _, reference = _in_bfloat16(Difference())
    check = held_against(together([found]), together(reference.outputs()), precision, reference.spread)
    assert not check.passed


def test_the_usual_tolerance_holds_where_nothing_cancels() -> None:
    precision = PRECISIONS["fp32"]
    module = nn.Linear(64, 8)
    with torch.no_grad():
        found = module(GIVEN) * (1 + 3e-5)
    reference = Reference(copy.deepcopy(module).double(), Call((GIVEN.double(),), {}))
    check = held_against(together([found]), together(reference.outputs()), precision, reference.spread)
    assert not check.passed
    assert check.allowed == precision.tolerance


def test_the_reference_keeps_its_weights_and_asks_the_same_twice() -> None:
    reference = Reference(LastStep().double().eval(), Call((torch.randn(1, 6, 8).double(),), {}))
    before = copy.deepcopy(reference.module.state_dict())
    state = torch.get_rng_state()
    first, second = reference.spread(2**-8), reference.spread(2**-8)
    assert first == second > 0
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(each, before[name]) for name, each in reference.module.state_dict().items())
    assert reference.spread(2**-11) == pytest.approx(first / 8, rel=0.2)


def test_a_network_whose_numbers_cancel_is_timed() -> None:
    it, analysis = called(Difference(), GIVEN)
    found = measure_cell(analysis, cell(dtype="amp-bf16"), CPU, HostClock(), BRIEF, module=it)
    assert found["status"] == "ok"
    assert PRECISIONS["amp-bf16"].tolerance < found["check"]["rel_l2"] <= found["check"]["allowed"]


class Largest(nn.Module):
    """The larger of two sums that are as good as equal: a rounding says through which of them the gradient goes."""

    def __init__(self, *, apart: float) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(64, 1, bias=False), nn.Linear(64, 1, bias=False)
        with torch.no_grad():
            self.one.weight.copy_(torch.randn(1, 64, generator=torch.Generator().manual_seed(3)))
            self.other.weight.copy_(self.one.weight * (1 + apart))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.one(x), self.other(x)], 1).amax(1)


@pytest.mark.parametrize(("apart", "jumps"), [(1e-7, True), (1e-2, False)])
def test_a_gradient_may_go_another_way_where_a_rounding_decides_and_nowhere_else(apart: float, jumps: bool) -> None:
    precision = PRECISIONS["fp32"]
    reference, other = (
        Reference(Largest(apart=each).double(), Call((GIVEN.double(),), {})) for each in (apart, -apart)
    )
    expected, found = reference.gradients(), other.gradients()
    assert distance(found, expected) > 1  # all of it, and all of it where none should be
    spread = reference.spread_of_gradients(precision.tolerance)
    assert (spread > 0.5) is jumps
    # However they jump, gradients that have nothing to do with those of the reference are refused.
    assert not held_against(found, expected, precision, lambda _: spread, "gradients", 10.0).passed
    assert all(each.grad is None for each in reference.module.parameters())

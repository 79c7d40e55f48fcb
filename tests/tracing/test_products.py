"""Functions that multiply: each has a rule, or is named as not covered; never 0 in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archscope import analyze, trace
from archscope.analysis import Analysis
from archscope.formats.sheet import View
from archscope.formats.table import write

Function = Callable[[Tensor, Tensor], Tensor]


class Applies(nn.Module):
    """A function of (4, 6) values and of weights."""

    def __init__(self, function: Function, weight: Tensor) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, self.weight)


def _of(function: Function, *shape: int, dtype: torch.dtype = torch.float32) -> Analysis:
    found = analyze(trace(Applies(function, torch.ones(shape, dtype=dtype)), torch.ones(4, 6)))
    seen = found.network.observed
    assert seen is not None
    assert sum(seen.ran.values()) == seen.operations
    return found


@pytest.mark.parametrize(
    ("function", "shape", "macs"),
    [
        (lambda x, w: torch.outer(x[0], w), (5,), 6 * 5),
        (lambda x, w: x[0].ger(w), (5,), 6 * 5),
        (lambda x, w: torch.addr(w, x[0], x[1]), (6, 6), 6 * 6),
        (torch.kron, (2, 3), 8 * 18),  # (4·2, 6·3) values
        (torch.linalg.vecdot, (4, 6), 4 * 6),
        (lambda x, w: torch.linalg.vecdot(x[:, :, None], y=w, dim=1), (6, 5), 4 * 6 * 5),
        (lambda x, w: torch.linalg.vecdot(y=x, x=w), (1, 6), 4 * 6),
        (lambda x, w: torch.linalg.vecdot(x[:, :1], w), (4, 6), 4 * 6),  # one number meets six
        (lambda x, w: torch.linalg.cross(x[:, :3], w), (4, 3), 2 * 4 * 3),
        (lambda x, w: torch.conv_tbc(x[:, None], w, w[0, 0]), (3, 6, 6), 2 * 6 * 3 * 6),  # of 4 steps 2 are left
        (torch.cdist, (5, 6), 4 * 5 * 6),
        (torch.cdist, (50, 6), 4 * 50 * 6),  # over 25 vectors PyTorch works it out by a matrix product
        (lambda x, w: torch.cdist(x, w, p=1), (5, 6), 0),  # nothing is squared
        (lambda x, w: x[:, :, None] * w, (6, 5), 0),  # value by value, as the code says it
        (lambda x, w: (x * w).sum(-1), (4, 6), 0),
        (lambda x, w: torch._foreach_mm([x, x[:2]], [w, w])[1], (6, 5), (4 + 2) * 6 * 5),
        (lambda x, w: torch.einsum("bi,ij->bij", x, w), (6, 5), 0),  # sums up nothing
        (lambda x, w: torch.repeat_interleave(x, torch.tensor([1, 0, 2, 1]), 0) @ w, (6, 5), 4 * 6 * 5),  # copies rows
        (lambda x, w: F.multi_margin_loss(x @ w, torch.tensor([0, 1, 2, 0])), (6, 3), 4 * 6 * 3),
        (lambda x, w: F.multilabel_margin_loss(x @ w, torch.tensor([[0, -1, 1]] * 4)), (6, 3), 4 * 6 * 3),
    ],
)
def test_a_function_that_is_a_product_counts_as_one(function: Function, shape: tuple[int, ...], macs: int) -> None:
    assert _of(function, *shape).totals.macs == macs


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x, w: torch.linalg.solve(w, x), "_linalg_solve_ex"),
        (lambda x, w: x + torch.linalg.inv(w)[:, :1], "linalg_inv_ex"),
        (lambda x, w: x + torch.linalg.svdvals(w)[:, None], "_linalg_svd"),
        (lambda x, w: torch.fft.rfft(x).real @ w, "_fft_r2c"),
        (lambda x, w: x + torch.matrix_exp(w)[:, :1], "linalg_matrix_exp"),
    ],
)
def test_what_a_library_chooses_is_not_covered_by_its_name(function: Function, named: str) -> None:
    totals = _of(function, 4, 4).totals
    assert totals.macs is None
    assert named in totals.not_covered


@pytest.mark.parametrize(
    ("function", "macs"),
    [
        (lambda x, w: (x.to(w.dtype) @ w).real, 4 * (4 * 6 * 5)),
        (lambda x, w: torch.einsum("bi,ij->jb", x.to(w.dtype), w).imag, 4 * (4 * 6 * 5)),
        (lambda x, w: torch.vdot(x[0].to(w.dtype), w[:, 0]).real[None], 4 * 6),
        (lambda x, w: (x[:, :5] @ w.real.T) + torch.view_as_real(x.to(w.dtype) @ w)[..., :1].sum(-2), 120 + 4 * 120),
    ],
)
def test_a_product_of_complex_numbers_is_four_of_real_ones_and_a_line_says_so(function: Function, macs: int) -> None:
    found = _of(function, 6, 5, dtype=torch.complex64)
    assert found.totals.macs == macs
    assert f"{min(macs, 480):,} MACs are of complex numbers: four of real ones" in write(found, View())
    assert found.totals.parameters == 6 * 5


def test_a_layer_of_complex_numbers_says_what_it_is() -> None:
    found = _of(lambda x, w: torch.nn.functional.linear(x.to(w.dtype), w), 5, 6, dtype=torch.complex64)
    assert [row.label for row in found.rows] == ["linear, complex numbers"]


def _of_several(x: Tensor, w: Tensor) -> Tensor:
    a, b = torch._foreach_mul([x, w], 2.0)
    torch._foreach_add_([a, b], [w, x])
    torch._foreach_exp_([a])
    torch._foreach_clamp_min_([b], 0.0)
    return a + b + torch._foreach_norm([a])[0] + torch._foreach_powsum([b], 2.0)[0]


def test_what_multiplies_nothing_of_one_tensor_multiplies_nothing_of_several() -> None:
    found = _of(_of_several, 4, 6)
    assert found.totals.macs == 0
    assert "not covered: _foreach" not in write(found, View())


def test_of_several_tensors_no_field_of_one_is_said_for_another() -> None:
    class Second(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(torch._foreach_mul([self.a(x), x], 2.0)[1])

    rows = {row.name: row for row in analyze(trace(Second(), (2, 8, 8))).rows}
    assert rows["b"].receptive_field is None

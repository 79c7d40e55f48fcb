"""The gradient of a sum is read for every value that was summed: what needs rows of it copies it, as PyTorch does."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from archscope.memory.layout import Layout
from tests.memory.shared import same


class Summed(nn.Module):
    """Dense layers, a sum over some axes, and a layer behind it whose gradient is no constant."""

    def __init__(self, features: int, dim: tuple[int, ...], behind: int, *, keepdim: bool) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.Linear(features, 12), nn.Linear(12, features))
        self.behind, self.dim, self.keepdim = nn.Linear(behind, behind), dim, keepdim

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.behind(self.before(x).sum(self.dim, keepdim=self.keepdim))
        return made


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize(
    ("shape", "dim"), [((8, 3), (1,)), ((8, 1), (1,)), ((3, 3, 3), (1,)), ((3, 3, 3), (2,)), ((4, 1, 3), (1, 2))]
)
def test_a_sum_over_axes_is_the_trackers(
    shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool, batch: int
) -> None:
    same(Summed(shape[-1], dim, shape[-1], keepdim=keepdim), shape, "sgd", batch)


def test_a_sum_over_features_is_the_trackers() -> None:
    same(Summed(3, (2,), 8, keepdim=False), (8, 3), "sgd")


def test_each_axis_that_was_summed_is_repeated_and_the_others_lie_as_they_did() -> None:
    came = Layout((2, 5), (1, 2))
    assert came.repeated((2, 3, 5), [1]).strides == (1, 0, 2)
    assert Layout((2, 1, 5), (5, 5, 1)).repeated((2, 3, 5), [1]).strides == (5, 0, 1)
    assert came.repeated((2, 3, 5), []).strides == (0, 0, 0)

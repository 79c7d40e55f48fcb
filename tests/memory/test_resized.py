"""Maps that a module's code resizes in any of PyTorch's modes hold what the tracker says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.memory.shared import same

CONVOLUTIONS: list[Any] = [nn.Conv1d, nn.Conv2d, nn.Conv3d]
MODES: list[tuple[int, dict[str, Any]]] = [
    *((axes, {"mode": "nearest-exact"}) for axes in (1, 2, 3)),
    *(
        (axes, {"mode": mode, "align_corners": True})
        for axes, mode in enumerate(("linear", "bilinear", "trilinear"), 1)
    ),
    (2, {"mode": "bicubic", "align_corners": True}),
    (2, {"mode": "bicubic"}),
    (2, {"mode": "bilinear", "antialias": True}),
    (2, {"mode": "bicubic", "antialias": True}),
]


class Resizes(nn.Module):
    """A convolution, its maps resized, and one more."""

    def __init__(self, axes: int, **how: Any) -> None:
        super().__init__()
        convolution = CONVOLUTIONS[axes - 1]
        self.before, self.after = convolution(2, 4, 3, padding=1), convolution(4, 2, 3, padding=1)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.after(F.interpolate(self.before(x), **self.how)))


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("to", [{"scale_factor": 2}, {"scale_factor": 0.5}, {"size": 7}], ids=str)
@pytest.mark.parametrize(("axes", "how"), MODES, ids=str)
def test_maps_that_are_resized_keep_nothing(axes: int, how: dict[str, Any], to: Any, optimizer: str | None) -> None:
    same(Resizes(axes, **how, **to), (2,) + (6,) * axes, optimizer)

"""Tensors that code makes of numbers while a module runs take memory as PyTorch's tracker sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.memory.shared import differences

LIST: Final = [0.9, 0.95, 1.0, 1.1]

WAYS: Final[Mapping[str, Callable[[Tensor], Tensor]]] = {
    "tensor": lambda _: torch.tensor(LIST),
    "as_tensor": lambda _: torch.as_tensor(LIST),
    "asarray": lambda _: torch.asarray(LIST),
    "from_numpy": lambda _: torch.from_numpy(np.array(LIST, np.float32)),
    "a matrix": lambda _: torch.tensor([LIST] * 5),
    "one number": lambda _: torch.tensor(0.9),
    "of another type": lambda _: torch.tensor(LIST, dtype=torch.float64).float(),
    "linspace": lambda _: torch.linspace(0.5, 1, 4),
}


class Scales(nn.Module):
    """A dense layer times numbers that code makes (the decays of RetNet; Sun et al. 2023)."""

    def __init__(self, way: str, *, times: int = 1, kept: bool = False) -> None:
        super().__init__()
        self.way, self.times, self.kept, self.dense = WAYS[way], times, kept, nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        before = [self.way(x)] if self.kept else []
        for _ in range(self.times):
            x = self.dense(x) * self.way(x)
        return x + before[0] if before else x


@pytest.mark.parametrize("optimizer", [None, "sgd"])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_memory_of_numbers_that_code_makes_is_the_trackers(
    way: str, times: int, *, kept: bool, optimizer: str | None
) -> None:
    assert differences(Scales(way, times=times, kept=kept), (5, 4), optimizer, 2) == ("", [])

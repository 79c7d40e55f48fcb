"""What pieces are made with."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

import torch
from torch import Tensor, nn

POSITIONS: Final = 5

Piece = Callable[[Random, int], tuple[nn.Module, int]]
"""Makes a module over so many features, and says how many it makes."""
Run = Callable[..., Tensor]


class Does(nn.Module):
    """A module that does what a function says, with parts."""

    def __init__(self, run: Run, **parts: Any) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        """Run it."""
        return self.run(self, x)


def weight(*shape: int) -> nn.Parameter:
    """A weight of random numbers."""
    return nn.Parameter(torch.rand(*shape))

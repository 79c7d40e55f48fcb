"""A module that works on values in a way of its own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class Apart(nn.Module):
    """Works on values in a way of its own, between two layers."""

    def __init__(self, way: Callable[[nn.Module, Tensor], Tensor], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.way, self.a, self.b = way, nn.Linear(4, 4), nn.Linear(4, 2)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.way(self, self.a(x)))

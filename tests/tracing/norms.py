"""Norms that divide by the root of a mean square, written out as people write them, and what only looks like one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class RootMean(nn.Module):
    """As LLaMA and T5 have it."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class Divided(RootMean):
    """With a root that is divided by, and the weight last."""

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-2) * self.weight


class OneMore(RootMean):
    """As Gemma has it: the weight is what is added to one."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1.0 + self.weight.float())


class OverPositions(RootMean):
    """Over another axis: no such norm."""

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6))


class NoStep(RootMean):
    """With nothing added to the mean: no such norm."""

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True)))


class Centred(RootMean):
    """A layer norm, as BERT's authors and DeBERTa have it."""

    def __init__(self, width: int = 8) -> None:
        super().__init__(width)
        self.bias = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(-1, keepdim=True)
        spread = (x - mean).pow(2).mean(-1, keepdim=True)
        return self.weight * ((x - mean) / torch.sqrt(spread + 1e-7)) + self.bias


class OfVariance(Centred):
    """By PyTorch's variance."""

    def forward(self, x: Tensor) -> Tensor:
        spread = x.var(-1, keepdim=True, unbiased=False)
        return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(spread + 1e-5) * self.weight + self.bias


class Unbiased(Centred):
    """By the variance over one value less: no such norm."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True) + 1e-5) * self.weight + self.bias


class CentredAlone(RootMean):
    """Without a shift."""

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * self.weight


class Normed(nn.Module):
    """A norm between two dense layers."""

    def __init__(self, norm: type[RootMean]) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(6, 8), norm(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x)))


class Twice(Normed):
    """One norm for two values."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x)) + self.norm(self.first(x).tanh()))


class Elsewhere(Normed):
    """A norm whose weight has another use."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x)) + self.norm.weight)


class Heads(Normed):
    """A norm of the queries of each head, without a weight of its own in between."""

    def forward(self, x: Tensor) -> Tensor:
        heads = self.norm(self.first(x).unflatten(-1, (1, 8)).transpose(1, 2))
        heads = heads * torch.rsqrt(heads.square().mean(-1, keepdim=True) + 1e-5)
        return self.last(heads.transpose(1, 2).flatten(2))


NORMS: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "RMS norm": (lambda: Normed(RootMean), ((5, 6),)),
    "RMS norm, divided": (lambda: Normed(Divided), ((5, 6),)),
    "RMS norm, one more": (lambda: Normed(OneMore), ((5, 6),)),
    "RMS norm of heads": (lambda: Heads(RootMean), ((5, 6),)),
    "RMS norm, twice": (lambda: Twice(RootMean), ((5, 6),)),
    "RMS norm, weight elsewhere": (lambda: Elsewhere(RootMean), ((5, 6),)),
    "layer norm": (lambda: Normed(Centred), ((5, 6),)),
    "mean square of positions": (lambda: Normed(OverPositions), ((5, 6),)),
    "mean square alone": (lambda: Normed(NoStep), ((5, 6),)),
}
"""Modules that layer types describe to the last function, with the shapes of their inputs."""

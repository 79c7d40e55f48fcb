"""Modules that layer types do not describe, or not to the last function."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Spectrum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(self.fc(x)).real


class LooksAtValues(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x / 255 if x.max().item() > 1 else x)


class Windows(nn.Module):
    """Dense layers in windows of a picture, the windows beside each other in the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[0]
        windows = x.unflatten(2, (2, 4)).unflatten(4, (2, 4)).permute(0, 2, 4, 3, 5, 1).reshape(batch * 4, 16, 3)
        return self.fc(windows).reshape(batch, 4, 16, 4).mean((1, 2))


class OtherEdges(nn.Module):
    """Padding that is no zeros, less padding than nothing, and a softmax over the batch."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(F.pad(x, (1, 1, 1, 1), mode="reflect"), (1, 1), value=3.0)
        return F.softmax(F.pad(x, (-1, -1, 1, 1)), dim=0)


def without_eps() -> nn.Module:
    return nn.LayerNorm(8, eps=0.0)


class Beyond(nn.Module):
    """Layers but for an option that their types do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.up = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var, self.norm.weight, self.norm.bias, True)
        x = F.softplus(self.up(x), threshold=5).flatten(2).transpose(1, 2)
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(2)
        return self.attention(x, x, x, attn_mask=mask, need_weights=False)[0]

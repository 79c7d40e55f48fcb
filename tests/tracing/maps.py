"""What anyone writes on maps: attention of channels, blocks of convolutions, U-Nets, two branches."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SqueezeExcite(nn.Module):
    """As it is usually written: a mean, two dense layers, and a factor for each map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Sequential(nn.Linear(8, 2), nn.ReLU(), nn.Linear(2, 8), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        b, c, _, _ = x.size()
        gate = self.fc(F.adaptive_avg_pool2d(x, 1).view(b, c)).view(b, c, 1, 1)
        return x * gate.expand_as(x)


class ChannelAttention(nn.Module):
    """The gate of CBAM: the mean and the largest value of a map, through the same layers."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(8, 2, 1, bias=False), nn.Conv2d(2, 8, 1, bias=False)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        mean, most = x.mean((2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
        gate = self.two(F.relu(self.one(mean))) + self.two(F.relu(self.one(most)))
        x = x * torch.sigmoid(gate)
        seen = torch.cat([x.mean(1, keepdim=True), torch.max(x, dim=1, keepdim=True)[0]], dim=1)
        return x * self.spatial(seen).sigmoid()


class InvertedResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU6(inplace=True),
            nn.Conv2d(24, 24, 3, padding=1, groups=24, bias=False), nn.BatchNorm2d(24), nn.ReLU6(inplace=True),
            nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class ShuffleUnit(nn.Module):
    """ShuffleNet v2: half of the channels goes by, and both halves are shuffled with views."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, groups=4))

    def forward(self, x: Tensor) -> Tensor:
        one, two = x.chunk(2, dim=1)
        x = torch.cat((one, self.branch(two)), dim=1)
        b, c, h, w = x.shape
        x = x.view(b, 2, c // 2, h, w).transpose(1, 2).contiguous()
        return x.view(b, c, h, w)


class Upscaler(nn.Module):
    """ESPCN: channels become positions, beside a picture that is only enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 5, padding=2), nn.Conv2d(8, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.pixel_shuffle(self.conv2(torch.tanh(self.conv1(x))), 2)
        return 0.1 * y + F.interpolate(x, scale_factor=2.0, mode="bilinear")


class LayerScale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class ScaledBlock(nn.Module):
    """A block of CaiT and DINOv2: a learned factor on each branch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.mlp, self.ls = nn.LayerNorm(8), nn.Linear(8, 8), LayerScale(8)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.ls(self.mlp(self.norm(x)))


class ConvNeXtBlock(nn.Module):
    """Channels last between a depthwise convolution and what is added."""

    def __init__(self) -> None:
        super().__init__()
        self.dwconv, self.norm = nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8, eps=1e-6)
        self.pwconv1, self.pwconv2 = nn.Linear(8, 32), nn.Linear(32, 8)
        self.gamma = nn.Parameter(torch.rand(8))

    def forward(self, x: Tensor) -> Tensor:
        y = self.dwconv(x).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class ScaledMaps(nn.Module):
    """A learned factor of each map, as torchvision's ConvNeXt holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.layer_scale = nn.Conv2d(4, 4, 3, padding=1), nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer_scale * self.conv(x)


class UNet(nn.Module):
    """Copies cut from their middle, and edges that are made even by padding."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.relu(self.down(x))
        y = self.up(F.relu(self.middle(F.max_pool2d(skip, 2))))
        cut = (skip.shape[2] - y.shape[2]) // 2
        return self.out(torch.cat([skip[:, :, cut:-cut, cut:-cut], y], dim=1))


class PaddedUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.out = nn.Conv2d(1, 4, 3, 2, 1), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.up(F.leaky_relu(self.down(x)))
        rows, columns = x.shape[2] - y.shape[2], x.shape[3] - y.shape[3]
        y = F.pad(y, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.out(torch.cat([x, y], dim=1))


class Siamese(nn.Module):
    """Two pictures through one trunk, and how far they are apart."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 6))
        self.head = nn.Linear(6, 1)

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        return torch.sigmoid(self.head(torch.abs(self.trunk(one) - self.trunk(two))))


class Decoder(nn.Module):
    """The decoder of a variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 8 * 4 * 4)
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 2, 1))

    def forward(self, z: Tensor) -> Tensor:
        return (self.up(F.relu(self.fc(z)).view(-1, 8, 4, 4)).tanh() + 1) / 2


class Encoder(nn.Module):
    """Its encoder: a mean and a deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(20, 12)

    def forward(self, x: Tensor) -> Any:
        mean, log_variance = self.fc(x).chunk(2, dim=-1)
        return mean, torch.exp(0.5 * log_variance)


class GatedConvolution(nn.Module):
    """WaveNet's and the gated linear unit's convolutions, padded at the front alone."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 16, 3), nn.Conv1d(8, 8, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = F.glu(self.one(F.pad(x, (2, 0))), dim=1)
        value, gate = self.two(F.pad(y, (1, 0), mode="replicate")).split([4, 4], dim=1)
        return x + torch.tanh(value) * torch.sigmoid(gate)


class InstanceStyle(nn.Module):
    """A layer of a style network: mirrored edges, instance norm, and twice as many positions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(F.instance_norm(self.conv(F.pad(x, (1, 1, 1, 1), mode="reflect"))))
        return F.interpolate(y, scale_factor=2)


MAPS: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "squeeze and excite": (SqueezeExcite, ((3, 6, 7),)),
    "channel attention": (ChannelAttention, ((8, 9, 9),)),
    "inverted residual": (InvertedResidual, ((8, 6, 6),)),
    "shuffle unit": (ShuffleUnit, ((8, 5, 6),)),
    "pixel shuffle": (Upscaler, ((3, 8, 8),)),
    "layer scale": (ScaledBlock, ((5, 8),)),
    "ConvNeXt block": (ConvNeXtBlock, ((8, 9, 10),)),
    "scaled maps": (ScaledMaps, ((4, 8, 8),)),
    "U-Net with crops": (UNet, ((1, 18, 18),)),
    "U-Net with padding": (PaddedUNet, ((1, 11, 13),)),
    "siamese": (Siamese, ((1, 8, 8), (1, 8, 8))),
    "VAE decoder": (Decoder, ((4,),)),
    "VAE encoder": (Encoder, ((20,),)),
    "gated convolution": (GatedConvolution, ((4, 9),)),
    "instance norm": (InstanceStyle, ((3, 6, 7),)),
}
"""Modules by name, with the shapes of their inputs."""

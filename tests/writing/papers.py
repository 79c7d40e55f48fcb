"""Networks as people write them from their papers, small."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bottleneck(nn.Module):
    def __init__(self, maps: int, made: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(maps, made, 1, bias=False), nn.BatchNorm2d(made)
        self.conv2, self.bn2 = nn.Conv2d(made, made, 3, stride, 1, bias=False), nn.BatchNorm2d(made)
        self.conv3, self.bn3 = nn.Conv2d(made, 4 * made, 1, bias=False), nn.BatchNorm2d(4 * made)
        self.downsample = None
        if stride > 1 or maps != 4 * made:
            self.downsample = nn.Sequential(nn.Conv2d(maps, 4 * made, 1, stride, bias=False), nn.BatchNorm2d(4 * made))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """A ResNet of bottlenecks, as torchvision names its parts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(Bottleneck(8, 4), Bottleneck(16, 4), Bottleneck(16, 4))
        self.layer2 = nn.Sequential(Bottleneck(16, 8, 2), Bottleneck(32, 8), Bottleneck(32, 8))
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Twice(nn.Module):
    def __init__(self, maps: int, made: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(maps, made, 3, padding=1), nn.Conv2d(made, made, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = (4, 6, 8, 12)
        self.down = nn.ModuleList(Twice(a, b) for a, b in zip((3, *widths), widths, strict=False))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b, a, 2, 2) for a, b in zip(widths[::-1][1:], widths[::-1], strict=False)
        )
        self.merge = nn.ModuleList(Twice(2 * a, a) for a in widths[::-1][1:])
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for number, block in enumerate(self.down):
            x = block(x if number == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for skip, up, merge in zip(kept[-2::-1], self.up, self.merge, strict=True):
            x = merge(torch.cat([skip, up(x)], dim=1))
        return self.head(x)


class InvertedResidual(nn.Module):
    def __init__(self, maps: int, made: int, stride: int, ratio: int) -> None:
        super().__init__()
        wide = maps * ratio
        self.use_res_connect = stride == 1 and maps == made
        layers: list[nn.Module] = []
        if ratio != 1:
            layers += [nn.Conv2d(maps, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(inplace=True)]
        self.conv = nn.Sequential(
            *layers, nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide),
            nn.ReLU6(inplace=True), nn.Conv2d(wide, made, 1, bias=False), nn.BatchNorm2d(made),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        rows = [(8, 4, 1, 1), (4, 8, 2, 6), (8, 8, 1, 6), (8, 8, 1, 6), (8, 12, 2, 6), (12, 12, 1, 6)]
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6()),
            *(InvertedResidual(*row) for row in rows),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(12, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean([2, 3]))


class LastStep(nn.Module):
    """An LSTM that reads a text, and what its last step says."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 12, num_layers=2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(x))
        return self.fc(out[:, -1, :])


class Encoder(nn.Module):
    """PyTorch's own encoder layers over embedded words at learned places, and their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(50, 16), nn.Parameter(torch.randn(1, 7, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.words(x) * math.sqrt(16) + self.places).mean(dim=1))


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc1, self.fc2 = nn.Conv2d(3, 8, 3), nn.Linear(8, 2), nn.Linear(2, 8)
        self.head = nn.Conv2d(8, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean(dim=(2, 3))))))
        return F.pixel_shuffle(self.head(x * s[:, :, None, None]), 2)


Make = Callable[[], Any]
NETWORKS: dict[str, tuple[Make, tuple[int, ...], bool]] = {
    "ResNet": (ResNet, (3, 32, 32), True),
    "U-Net": (UNet, (3, 16, 16), True),
    "MobileNet v2": (MobileNetV2, (3, 32, 32), True),
    "LSTM, text": (LastStep, (7,), False),
    "encoder, text": (Encoder, (7,), True),
    "squeeze and excite": (SqueezeExcite, (3, 9, 9), False),
}
"""What makes each, the shape of a sample, and whether its spec has blocks."""

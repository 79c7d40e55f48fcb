"""Convolutional networks as their usual implementations write them: the modules, and the order they are declared in.

Written from what the implementations that everybody loads weights into look like; none of it comes from a spec.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """A basic block (two 3×3), or a bottleneck with its stride in the first 1×1 or, since v1.5, in the 3×3."""

    def __init__(self, came: int, width: int, stride: int, kind: str) -> None:
        super().__init__()
        self.wide = kind != "basic"
        first, second = (1, stride) if kind == "v1.5" else (stride, 1)
        made = 4 * width if self.wide else width
        self.conv1 = nn.Conv2d(came, width, 1 if self.wide else 3, first, 0 if self.wide else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if self.wide:
            self.conv3 = nn.Conv2d(width, made, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(made)
        self.downsample: nn.Module | None = None
        if stride != 1 or came != made:
            self.downsample = nn.Sequential(nn.Conv2d(came, made, 1, stride, bias=False), nn.BatchNorm2d(made))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.wide:
            y = self.bn3(self.conv3(F.relu(y)))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, kind: str, depths: Sequence[int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        came = 64
        for stage, depth in enumerate(depths):
            width, blocks = 64 * 2**stage, []
            for place in range(depth):
                blocks.append(Residual(came, width, 2 if stage and not place else 1, kind))
                came = width if kind == "basic" else 4 * width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(came, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, depths: Sequence[int], flat: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        came = 3
        for width, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(came, width, 3, padding=1), nn.ReLU()]
                came = width
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(flat, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1)).softmax(1)


class DenseLayer(nn.Module):
    def __init__(self, came: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(came)
        self.conv1 = nn.Conv2d(came, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv1(F.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(F.relu(self.norm2(made)))], 1)


class DenseNet(nn.Module):
    def __init__(self, growth: int, depths: Sequence[int]) -> None:
        super().__init__()
        came = 2 * growth
        layers: list[nn.Module] = [nn.Conv2d(3, came, 7, 2, 3, bias=False), nn.BatchNorm2d(came), nn.ReLU(),
                                   nn.MaxPool2d(3, 2, 1)]  # fmt: skip
        for stage, depth in enumerate(depths):
            for _ in range(depth):
                layers.append(DenseLayer(came, growth))
                came += growth
            if stage < len(depths) - 1:
                layers += [nn.BatchNorm2d(came), nn.ReLU(), nn.Conv2d(came, came // 2, 1, bias=False), nn.AvgPool2d(2)]
                came //= 2
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(came))
        self.classifier = nn.Linear(came, 1000)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


def normed(came: int, made: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(came, made, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(made), nn.ReLU6()]


class Inverted(nn.Module):
    def __init__(self, came: int, made: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = came * factor
        expand = normed(came, wide) if factor != 1 else []
        project = normed(wide, made)[:2]
        self.conv = nn.Sequential(*expand, *normed(wide, wide, 3, stride, wide), *project)
        self.fits = stride == 1 and came == made

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.fits else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers, came = normed(3, 32, 3, 2), 32
        for factor, made, times, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                            (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
            for place in range(times):
                layers.append(Inverted(came, made, 1 if place else stride, factor))
                came = made
        self.features = nn.Sequential(*layers, *normed(came, 1280))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class Fire(nn.Module):
    def __init__(self, came: int, thin: int, made: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(came, thin, 1)
        self.expand1x1 = nn.Conv2d(thin, made, 1)
        self.expand3x3 = nn.Conv2d(thin, made, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


def pool(**options: int) -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=True, **options)


class SqueezeNet(nn.Module):
    def __init__(self, version: str) -> None:
        super().__init__()
        fires = [Fire(64, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), Fire(256, 32, 128), Fire(256, 48, 192),
                 Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256)]  # fmt: skip
        if version == "1.0":
            fires[0] = Fire(96, 16, 64)
            order = [nn.Conv2d(3, 96, 7, 2), nn.ReLU(), pool(), *fires[:3], pool(), *fires[3:7], pool(), fires[7]]
        else:
            order = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), *fires[:2], pool(), *fires[2:4], pool(), *fires[4:]]
        self.features = nn.Sequential(*order)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).mean((2, 3))


class Inception(nn.Module):
    def __init__(self, came: int, one: int, reduce3: int, three: int, reduce5: int, five: int, proj: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(came, one, 1)
        self.reduce3, self.three = nn.Conv2d(came, reduce3, 1), nn.Conv2d(reduce3, three, 3, padding=1)
        self.reduce5, self.five = nn.Conv2d(came, reduce5, 1), nn.Conv2d(reduce5, five, 5, padding=2)
        self.proj = nn.Conv2d(came, proj, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = F.relu(self.three(F.relu(self.reduce3(x))))
        five = F.relu(self.five(F.relu(self.reduce5(x))))
        pooled = F.relu(self.proj(F.max_pool2d(x, 3, 1, 1)))
        return torch.cat([F.relu(self.one(x)), three, five, pooled], 1)


class GoogLeNet(nn.Module):
    """As Caffe's ``bvlc_googlenet``, without its two classifiers on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.conv2_reduce, self.conv2 = nn.Conv2d(64, 64, 1), nn.Conv2d(64, 192, 3, padding=1)
        self.modules3 = nn.Sequential(
            Inception(192, 64, 96, 128, 16, 32, 32), Inception(256, 128, 128, 192, 32, 96, 64)
        )
        self.modules4 = nn.Sequential(
            Inception(480, 192, 96, 208, 16, 48, 64), Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64), Inception(512, 112, 144, 288, 32, 64, 64),
            Inception(528, 256, 160, 320, 32, 128, 128),
        )  # fmt: skip
        self.modules5 = nn.Sequential(
            Inception(832, 256, 160, 320, 32, 128, 128), Inception(832, 384, 192, 384, 48, 128, 128)
        )
        self.fc = nn.Linear(1024, 1000)
        self.pool, self.norm = pool(), nn.LocalResponseNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.pool(F.relu(self.conv1(x))))
        x = self.norm(F.relu(self.conv2(F.relu(self.conv2_reduce(x)))))
        x = self.modules4(self.pool(self.modules3(self.pool(x))))
        return self.fc(self.modules5(self.pool(x)).mean((2, 3)))


class UNet(nn.Module):
    """Ronneberger's, unpadded: the centre of the maps on the way down is joined to what comes from below."""

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 1024)) -> None:
        super().__init__()
        self.downs = nn.ModuleList(self.double(came, made) for came, made in zip((1, *widths), widths, strict=False))
        upward = [*reversed(widths)]
        self.ups = nn.ModuleList()
        for below, made in pairwise(upward):
            self.ups.append(nn.ModuleList([nn.ConvTranspose2d(below, made, 2, 2), self.double(2 * made, made)]))
        self.classes = nn.Conv2d(widths[0], 2, 1)

    @staticmethod
    def double(came: int, made: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(came, made, 3), nn.ReLU(), nn.Conv2d(made, made, 3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        kept = [x := self.downs[0](x)]
        kept.extend(x := down(F.max_pool2d(x, 2)) for down in self.downs[1:])
        for (up, mix), across in zip(self.ups, reversed(kept[:-1]), strict=True):
            x = up(x)
            edge = (across.shape[-1] - x.shape[-1]) // 2
            x = mix(torch.cat([across[..., edge:-edge, edge:-edge], x], 1))
        return self.classes(x)

"""The course's two PyTorch classes as a student writes them, and ten that went wrong."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """The course's LeNet-5, with its pooling and activations called in ``forward``."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class AlexNet(nn.Module):
    """The course's AlexNet."""

    def __init__(self, *, groups: int = 2, padding: int = 2, bias: bool = True, features: int = 256 * 6 * 6) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4, bias=bias), nn.ReLU(inplace=True), nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=padding, groups=groups), nn.ReLU(inplace=True), nn.LocalResponseNorm(5),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(features, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).view(x.size(0), -1))


def forgotten_groups() -> nn.Module:
    return AlexNet(groups=1)


def padding_1_for_2() -> nn.Module:
    return AlexNet(padding=1)


def bias_off() -> nn.Module:
    return AlexNet(bias=False)


def a_pool_too_many() -> nn.Module:
    model = AlexNet()
    model.features.insert(10, nn.MaxPool2d(3, 1, 1))
    return model


def made_for_224() -> nn.Module:
    return AlexNet(features=256 * 5 * 5)


def swapped_layers() -> nn.Module:
    model = AlexNet()
    layers = list(model.features)
    layers[2], layers[3] = layers[3], layers[2]
    model.features = nn.Sequential(*layers)
    return model


def a_layer_too_few() -> nn.Module:
    model = AlexNet()
    del model.features[2]
    return model


class AveragePooled(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.reshape(x.shape[0], 400)))
        return self.fc3(F.relu(self.fc2(x)))


class TooWide(Net):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(400, 128)
        self.fc2 = nn.Linear(128, 84)


class NoActivation(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(self.fc2(F.relu(self.fc1(x.flatten(1)))))


def raises() -> nn.Module:
    raise ValueError("no such\nnetwork")


def returns_a_list() -> list[int]:
    return [1]


NUMBER = 3

"""The course's LeNet-5 as other people write it: the same network in other clothes, and mistakes that run."""

from __future__ import annotations

import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from tests.oracles.students import Net


def nested() -> nn.Module:
    convolutions = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    )
    hidden = nn.Sequential(nn.Linear(400, 120), nn.ReLU(), nn.Sequential(nn.Linear(120, 84), nn.ReLU()))
    return nn.Sequential(convolutions, nn.Flatten(), hidden, nn.Linear(84, 10))


class Backwards(nn.Module):
    """Its layers are defined last to first, and one pool and one activation serve everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.act = nn.MaxPool2d(2), nn.ReLU()
        self.fc3, self.fc2, self.fc1 = nn.Linear(84, 10), nn.Linear(120, 84), nn.Linear(400, 120)
        self.conv2, self.conv1 = nn.Conv2d(6, 16, 5), nn.Conv2d(1, 6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.act(self.conv2(self.pool(self.act(self.conv1(x))))))
        return self.fc3(self.act(self.fc2(self.act(self.fc1(torch.flatten(x, 1))))))


class Methods(Net):
    def maps(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        return F.max_pool2d(self.conv2(x).relu_(), 2).view(-1, 400)

    def forward(self, x: torch.Tensor) -> Any:
        return self.fc3(self.fc2(self.fc1(self.maps(x)).clamp(min=0)).relu())


class Products(Methods):
    """Its last layer is a product with a matrix."""

    def __init__(self) -> None:
        super().__init__()
        del self.fc3
        self.weight, self.bias = nn.Parameter(torch.zeros(10, 84)), nn.Parameter(torch.zeros(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.fc1(self.maps(x)).relu()).relu() @ self.weight.t() + self.bias


class LooksAtValues(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x / 255 if x.max().item() > 1 else x)


class InADictionary(Net):
    def forward(self, x: torch.Tensor) -> Any:
        return {"logits": super().forward(x)}


class Talks(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        print("the shape is", x.shape)
        return super().forward(x)


def lazy() -> nn.Module:
    return nn.Sequential(
        nn.LazyConv2d(6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.LazyConv2d(16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.LazyLinear(84), nn.ReLU(), nn.LazyLinear(10),
    )  # fmt: skip


def in_float64() -> nn.Module:
    return Net().double()


def compiled() -> nn.Module:
    return torch.compile(nested(), backend="eager")


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return x * weight

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> Any:
        return gradient, None


class Scale(nn.Module):
    """Uses its weight where nobody sees it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Doubled.apply(x, self.weight)


class Scaled(Net):
    def __init__(self) -> None:
        super().__init__()
        self.scale = Scale()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale(super().forward(x))


def lazy_norm() -> nn.Module:
    return nn.Sequential(nn.LazyBatchNorm2d(), lazy())


def with_an_option(weights: None = None, *, progress: bool = True) -> nn.Module:
    return Net()


READY = Net()


class Zoo:
    make = staticmethod(lambda: Net())


class Unused(Net):
    def __init__(self) -> None:
        super().__init__()
        self.fc4 = nn.Linear(10, 10)


class Repeated(Net):
    def __init__(self) -> None:
        super().__init__()
        self.fc2, self.fc3 = nn.Linear(120, 120), nn.Linear(120, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc2(F.relu(self.fc1(x)))))))


class OneMore(Unused):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc4(super().forward(x))


def ladder() -> nn.Module:
    return nn.Sequential(nested(), *(nn.Linear(10, 10) for _ in range(50)))


class NoReturn(Net):
    def forward(self, x: torch.Tensor) -> Any:
        super().forward(x)


class WrongResult(Methods):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.fc2(self.fc1(self.maps(x)).relu()).relu()
        self.fc3(hidden)
        return hidden


class Frozen(Net):
    def __init__(self) -> None:
        super().__init__()
        self.conv1.requires_grad_(False)


class NotFlattened(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc1(F.max_pool2d(F.relu(self.conv2(F.max_pool2d(F.relu(self.conv1(x)), 2))), 2))


class InColour(Net):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)


class ChannelsLast(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 3, 1, 2))


class Stride2(Net):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, stride=2)


class Kernel3(Net):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, bias=False)


class OverTheBatch(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.softmax(super().forward(x), dim=0)


class StaysOn(nn.Module):
    """Drops values at inference too."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(self.fc(x))


class Stops(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not\nwritten yet")


class Leaves(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sys.exit("bye")


class Wants(Net):
    def __init__(self, classes: int, *, width: float) -> None:
        super().__init__()


def leaves() -> nn.Module:
    sys.exit(0)


def returns_nothing() -> None:
    pass


def scripted() -> nn.Module:
    return torch.jit.trace(nested(), torch.zeros(1, 1, 32, 32))


class Counts(Net):
    """Keeps a count, draws random numbers and puts another tensor in a buffer's place, whatever its mode."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("last", torch.zeros(1))
        self.norm = nn.BatchNorm2d(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += 1
        self.last = torch.rand(1)
        self.norm.train()
        return super().forward(x + 0 * self.norm(self.conv1(x)).sum())

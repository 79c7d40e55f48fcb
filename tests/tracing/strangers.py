"""Modules as people write them, none of them from a spec: what `archscope.trace` has to read."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Bottleneck(nn.Module):
    """A residual block, its activation and sum in place."""

    def __init__(self, maps: int, made: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(maps, made, 1, bias=False), nn.BatchNorm2d(made)
        self.conv2, self.bn2 = nn.Conv2d(made, made, 3, stride, 1, bias=False), nn.BatchNorm2d(made)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Conv2d(maps, made, 1, stride) if maps != made or stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += self.downsample(x)
        return self.relu(y)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = nn.Sequential(Bottleneck(8, 8), Bottleneck(8, 8))
        self.layer2 = nn.Sequential(Bottleneck(8, 12, 2), Bottleneck(12, 12))
        self.fc = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(x.mean((-2, -1)))


class Inception(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 3, 1)
        self.three = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU6(), nn.Conv2d(2, 5, 3, padding="same"))
        self.pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([F.leaky_relu(self.one(x), 0.2), self.three(x), self.pool(x)], dim=1)


class UShaped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = F.elu(self.down(x))
        inner = F.gelu(self.middle(F.max_pool2d(skip, 2)), approximate="tanh")
        joined = torch.cat((self.up(inner), skip), 1)
        return F.interpolate(self.out(joined), scale_factor=2.0, mode="bilinear")


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.squeeze, self.excite = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.depthwise(F.pad(x, (1, 2, 0, 1))))
        gate = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(F.silu(self.squeeze(gate))))


class Twice(nn.Module):
    """One convolution runs twice, and one pooling everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.MaxPool2d(2), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.conv(self.pool(self.conv(x)))).flatten(1))


class AroundDropout(nn.Module):
    """At inference dropout hands back its very input, which is read again here."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.drop = nn.Linear(6, 6), nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return x + self.drop(x)


class Words(nn.Module):
    """Tokens, attention, and a last layer that shares its matrix with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 30, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(tokens)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 7, num_layers=2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(14, 6, batch_first=True)
        self.norm = nn.LayerNorm(6)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return F.log_softmax(self.norm(self.gru(out)[0]), dim=-1)


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv3d(1, 4, (1, 3, 3), padding=(0, 1, 1)), nn.GroupNorm(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout3d(input=self.norm(self.conv(x)), training=self.training)
        return F.softplus(F.avg_pool3d(F.adaptive_avg_pool3d(x, (4, 4, 4)), 2))


class Signal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv1d(2, 4, 5, dilation=2), nn.PReLU(4)
        self.norm = nn.BatchNorm1d(4, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool1d(self.norm(self.act(self.conv(x))), 3, 2, ceil_mode=True).tanh()


class TwoInputs(nn.Module):
    """Attends from one sequence to another; gives back two results by name."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=6)
        self.first, self.second = nn.Linear(8, 3), nn.Linear(8, 4)

    def forward(self, query: Tensor, memory: Tensor) -> Any:
        seen, _ = self.attention(query, memory, memory)
        return {"first": self.first(seen), "second": F.softmax(self.second(seen), -1)}


class ChannelsLast(nn.Module):
    """Dense layers over a grid, its channels last; padding by nothing and views in the same shape."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(5, 9), nn.Linear(9, 5, bias=False)
        self.conv = nn.Conv2d(4, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(F.gelu(self.wide(F.pad(x, (0, 0, 0, 0)))))
        return self.conv(x.reshape(x.shape).expand(-1, -1, -1, -1))


class Paddings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding="valid")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(F.pad(x, (1, 2)), (0, 0, 2, 1)))


class Projected(nn.Module):
    """Products with a matrix of its own, at every position."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        return (self.fc(x) @ self.fc.weight).softmax(-1)


class Moves(nn.Module):
    """Axes that are turned, cut and summed up, and values that are scaled, where the shapes would allow others."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x).transpose(1, 2) / 4
        y = (y - x.permute(0, 2, 1) * 0.5) * (1 - y[:, :, :1].expand(-1, -1, 6))
        first, second = y.split(3, 2)
        y = torch.cat([second, first], 2)[:, 1:5:2] + y[:, None, -1]
        return self.out(y.pow(2).sum(1) - y[:, 0].abs()) + 3


KNOWN: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "residual": (Residual, ((3, 32, 32),)),
    "inception": (Inception, ((4, 9, 9),)),
    "u-shaped": (UShaped, ((1, 16, 16),)),
    "squeeze and excite": (SqueezeExcite, ((6, 8, 9),)),
    "twice": (Twice, ((3, 8, 8),)),
    "around dropout": (AroundDropout, ((6,),)),
    "words": (Words, ((11,),)),
    "recurrent": (Recurrent, ((9, 5),)),
    "volume": (Volume, ((1, 4, 8, 8),)),
    "signal": (Signal, ((2, 40),)),
    "paddings": (Paddings, ((2, 5, 6),)),
    "channels last": (ChannelsLast, ((4, 6, 5),)),
    "two inputs": (TwoInputs, ((5, 8), (7, 6))),
    "moves": (Moves, ((6, 6),)),
}
"""Modules that layer types describe to the last function, with the shapes of their inputs."""


class Patches(nn.Module):
    """A vision transformer's beginning: patches, a class token and places that are learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.token, self.places = nn.Parameter(torch.zeros(1, 1, 8)), nn.Parameter(torch.zeros(1, 17, 8))
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.places
        return self.head(x[:, 0])


class Products(nn.Module):
    """Attention by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(8, 24)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.project(x).chunk(3, dim=-1)
        return F.softmax(query @ key.transpose(1, 2) / 8**0.5, dim=-1) @ value


class FromParts(nn.Module):
    """Dense layers by hand: products with matrices of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.randn(6, 3))
        self.bias = nn.Parameter(torch.randn(3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, (x @ self.first).relu(), self.second)


class Heads(nn.Module):
    """Attention by PyTorch's own function."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.out = nn.Linear(8, 24, bias=False), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.project(x).view(x.shape[0], x.shape[1], 3, 2, 4).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        return self.out(seen.transpose(1, 2).flatten(2))


class Idle(nn.Module):
    """An auxiliary head that runs in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.auxiliary = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        return (self.fc(x), self.auxiliary(x)) if self.training else self.fc(x)


class Normed(nn.Module):
    """A convolution whose weight is made of two others each time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


class Counts(nn.Module):
    """Keeps a count and draws random numbers whatever its mode, and looks at values."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.fc.train()
        return self.fc(x + torch.rand(1).item())


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.LazyConv2d(2, 3), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).relu().flatten(1))


class AwkwardNames(nn.Module):
    """Parts that are called like the network's input, and like the second call of another."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.conv, self.conv_2 = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_2(self.conv(self.conv(self.input(x))))


class Scaled(nn.Module):
    """A value of its own, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.scale).tanh() * self.scale

"""Small modules as people write them: what each holds is what PyTorch's tracker says of the module itself."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.f1, self.f2 = nn.Linear(400, 120), nn.Linear(120, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f2(F.relu(self.f1(torch.flatten(x, 1))))


class Basic(nn.Module):
    """A residual block as torchvision has it: ReLU and the addition work in place."""

    def __init__(self, came: int, made: int, stride: int, inplace: bool) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(came, made, 3, stride, 1, bias=False), nn.BatchNorm2d(made)
        self.conv2, self.bn2 = nn.Conv2d(made, made, 3, 1, 1, bias=False), nn.BatchNorm2d(made)
        self.relu = nn.ReLU(inplace)
        down = nn.Sequential(nn.Conv2d(came, made, 1, stride, bias=False), nn.BatchNorm2d(made))
        self.down = None if stride == 1 and came == made else down

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.down is not None:
            identity = self.down(x)
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self, inplace: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Sequential(Basic(8, 8, 1, inplace), Basic(8, 16, 2, inplace))
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.stem(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.lstm = nn.Embedding(50, 16), nn.LSTM(16, 24, 2, batch_first=True)
        self.out = nn.Linear(24, 50)

    def forward(self, ids: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.table(ids))
        return self.out(hidden)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(8, 12, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.gru(x)
        return self.out(hidden[:, -1])


class Encoder(nn.Module):
    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=dropout)
        self.body, self.out = nn.TransformerEncoder(layer, 2), nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.body(x).mean(1))


class Attention(nn.Module):
    """As nanoGPT writes it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.size()
        q, k, v = self.qkv(x).split(width, dim=2)
        k = k.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        q = q.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        v = v.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).contiguous().view(batch, length, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.n1, self.attention, self.n2 = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.n1(x))
        return x + self.mlp(self.n2(x))


class Decoder(nn.Module):
    """A small GPT whose head is its table, with a learned value for each position."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.places = nn.Embedding(60, 32), nn.Parameter(torch.zeros(16, 32))
        self.blocks = nn.ModuleList([Block(32, 4) for _ in range(2)])
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 60, bias=False)
        self.table.weight = self.head.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Squeezed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.f1, self.f2 = nn.Linear(8, 2), nn.Linear(2, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = torch.sigmoid(self.f2(F.relu(self.f1(x.mean((2, 3))))))
        return self.out(x * gate[:, :, None, None])


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 5, padding=2)
        self.out = nn.Conv2d(15, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.cat([self.a(x), F.relu(self.b(x)), self.c(x), F.max_pool2d(x, 3, 1, 1)], 1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.d1, self.d2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.e = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 4, 3, padding=1)
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.d1(x))
        b = F.relu(self.d2(F.max_pool2d(a, 2)))
        c = torch.cat([self.up(b), a], dim=1)
        return self.out(F.relu(self.e(c)))


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 8))
        self.decoder = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 64))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class Sentence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.conv, self.out = nn.Embedding(40, 16), nn.Conv1d(16, 8, 3), nn.Linear(8, 2)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids).transpose(1, 2)
        return F.log_softmax(self.out(F.relu(self.conv(x)).mean(2)), dim=1)


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.n1, self.n2, self.out = nn.LayerNorm(16), nn.LayerNorm(16), nn.Linear(16, 3)
        self.places = nn.Sequential(nn.Linear(9, 18), nn.GELU(), nn.Linear(18, 9))
        self.features = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.places(self.n1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.features(self.n2(x))
        return self.out(x.mean(1))


class Repeated(nn.Module):
    """One layer three times; another is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.out, self.spare = nn.Linear(16, 16), nn.Linear(16, 4), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = torch.tanh(self.a(x))
        return self.out(x)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3),
        nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8 * 5 * 5, 10),
    )  # fmt: skip


def depthwise() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(inplace=True),
        nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.BatchNorm2d(12), nn.Hardswish(inplace=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(12, 4),
    )  # fmt: skip


def grouped() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.SiLU(inplace=True), nn.Conv2d(8, 8, 3), nn.GroupNorm(4, 8),
        nn.SiLU(), nn.Flatten(), nn.Linear(8 * 64, 3),
    )  # fmt: skip


def gated() -> nn.Module:
    return nn.Sequential(
        nn.Linear(10, 40), nn.GLU(), nn.LayerNorm(20), nn.Dropout(0.1), nn.Linear(20, 5),
        nn.LeakyReLU(0.1, inplace=True), nn.Linear(5, 2),
    )  # fmt: skip


def generator() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.ELU(inplace=True), nn.Upsample(scale_factor=2),
        nn.Conv2d(4, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip


MODULES: Final[dict[str, tuple[Any, tuple[int, ...]]]] = {
    "LeNet": (LeNet, (1, 32, 32)),
    "ResNet": (ResNet, (3, 16, 16)),
    "ResNet, not in place": (lambda: ResNet(inplace=False), (3, 16, 16)),
    "LanguageModel": (LanguageModel, (7,)),
    "Recurrent": (Recurrent, (6, 8)),
    "Encoder": (Encoder, (9, 32)),
    "Encoder without dropout": (lambda: Encoder(0.0), (9, 32)),
    "Decoder": (Decoder, (16,)),
    "Squeezed": (Squeezed, (3, 8, 8)),
    "Branches": (Branches, (3, 8, 8)),
    "UNet": (UNet, (1, 16, 16)),
    "Coder": (Coder, (64,)),
    "Sentence": (Sentence, (12,)),
    "Mixer": (Mixer, (9, 16)),
    "Repeated": (Repeated, (16,)),
    "perceptron": (perceptron, (20,)),
    "plain": (plain, (3, 16, 16)),
    "depthwise": (depthwise, (3, 8, 8)),
    "grouped": (grouped, (3, 12, 12)),
    "gated": (gated, (10,)),
    "generator": (generator, (8, 4, 4)),
}
"""Each module's maker, and the shape of a sample."""

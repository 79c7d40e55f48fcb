"""Modules that are hard to account for, each with its right answer worked out by hand."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _gate(a: torch.Tensor) -> torch.Tensor:
    p, q = a.chunk(2, 1)
    return torch.tanh(p) * torch.sigmoid(q)


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dil, self.res = nn.Conv1d(4, 8, 3, padding=1), nn.Conv1d(4, 4, 1)
        self.gate = torch.jit.script(_gate)

    def forward(self, x: Tensor) -> Any:
        return x + self.res(self.gate(self.dil(x)))


class LearnedConstant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c, self.k = nn.Parameter(torch.zeros(1, 8, 4, 4)), nn.Conv2d(8, 8, 3, padding=1)
        self.m, self.o = nn.Linear(6, 8), nn.Conv2d(8, 3, 1)

    def forward(self, z: Tensor) -> Any:
        y = self.k(self.c.repeat(z.shape[0], 1, 1, 1))
        return self.o(y * self.m(z)[:, :, None, None])


class Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Any:
        return torch.stack([self.b(v) for v in self.a(x)])


class One(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c, self.l = nn.Conv2d(3, 4, 3), nn.Linear(144, 2)

    def forward(self, x: Tensor) -> Any:
        return self.l(self.c(x).view(1, -1))


class AttentionMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.l = nn.MultiheadAttention(16, 4, batch_first=True), nn.Linear(9, 2)

    def forward(self, x: Tensor) -> Any:
        y, w = self.a(x, x, x)
        return y, self.l(w)


class Frozen(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)
        self.a.requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        return self.b(self.a(x).mean((2, 3)))


class Blur(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("f", torch.ones(8, 1, 3, 3) / 9)

    def forward(self, x: Tensor) -> Any:
        return F.conv2d(x, self.f, groups=8, padding=1)


class Queries(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.l = nn.Parameter(torch.rand(1, 10, 8)), nn.Linear(8, 8)
        self.a = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        return self.a(self.l(self.q).expand(x.shape[0], -1, -1), x, x)[0]


class Copies(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Any:
        return copy.deepcopy(self.l)(x)


class CachedMask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.l = nn.Linear(8, 8)
        self.mask: Tensor | None = None

    def forward(self, x: Tensor) -> Any:
        if self.mask is None:
            self.mask = torch.tril(torch.ones(x.shape[-2], x.shape[-2], device=x.device))
        return self.mask @ self.l(x)


def scripted_part() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 4), torch.jit.script(nn.ReLU()))


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.r, self.o = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Any:
        return self.o(self.r(x)[0][:, -1])


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.e, self.m, self.v, self.d = nn.Linear(20, 8), nn.Linear(8, 2), nn.Linear(8, 2), nn.Linear(2, 20)

    def forward(self, x: Tensor) -> Any:
        h = self.e(x).relu()
        m, v = self.m(h), self.v(h)
        return self.d(m + torch.randn_like(v) * (v / 2).exp())


class Frames(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Any:
        return self.c(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class Spread(nn.Module):
    """Recurrent cells in a loop, with a start that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.h = nn.GRUCell(4, 6), nn.Parameter(torch.zeros(1, 6))

    def forward(self, x: Tensor) -> Any:
        h = self.h.expand(x.shape[0], -1)
        for step in x.unbind(1):
            h = self.c(step, h)
        return h


class Halves(nn.Module):
    """Written half by half, and once through a view."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Any:
        y = torch.zeros(x.shape[0], 4, device=x.device, dtype=x.dtype)
        y[:, :2] = self.a(x)
        y[:, 2:].add_(self.b(x))
        return self.c(y)


class Mapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.o = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Any:
        return self.o(torch.vmap(lambda v: self.a(v).relu())(x))


class Products(nn.Module):
    """Products that are no layer: of many factors, batched and added, and a bilinear form."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.k = nn.Parameter(torch.rand(8, 3)), nn.Parameter(torch.rand(1, 3, 5))
        self.b = nn.Bilinear(5, 5, 2)

    def forward(self, x: Tensor) -> Any:
        y = torch.einsum("bij,jk->bik", x, self.w)
        z = torch.baddbmm(y[..., :1], y, self.k.expand(x.shape[0], -1, -1))
        return self.b(z, z)


class Grouped(nn.Module):
    """Attention of four queries' heads to two of keys; with bias tokens; and to another sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(8, 8), nn.Linear(8, 4)
        self.a = nn.MultiheadAttention(8, 2, add_bias_kv=True)

    def forward(self, x: Tensor) -> Any:
        q = self.q(x).unflatten(-1, (4, 2)).transpose(1, 2)
        k = self.k(x).unflatten(-1, (2, 2)).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, k, enable_gqa=True).transpose(1, 2).flatten(2)
        return self.a(y.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1), need_weights=False)[0]


class Right(NamedTuple):
    """What a module has: values that are trained and that are not, products of one sample, results."""

    make: Any
    shape: tuple[int, ...]
    parameters: int
    fixed: int
    macs: int
    outputs: int = 1


RIGHT: dict[str, Right] = {
    "a scripted gate": Right(Gated, (4, 8), 124, 0, 4 * 3 * 8 * 8 + 4 * 4 * 8),
    "a learned constant": Right(LearnedConstant, (6,), 795, 0, 9 * 8 * 8 * 16 + 6 * 8 + 8 * 3 * 16),
    "a loop over samples": Right(Rows, (4,), 58, 0, 4 * 8 + 8 * 2),
    "for one sample": Right(One, (3, 8, 8), 402, 0, 27 * 4 * 36 + 144 * 2),
    "an attention map": Right(AttentionMap, (9, 16), 1108, 0, 4 * 16 * 16 * 9 + 2 * 9 * 9 * 16 + 9 * 9 * 2, 2),
    "a frozen layer": Right(Frozen, (3, 8, 8), 18, 224, 27 * 8 * 36 + 8 * 2),
    "a buffer for a kernel": Right(Blur, (8, 16, 16), 0, 72, 9 * 8 * 256),
    "learned queries": Right(Queries, (6, 8), 440, 0, 80 * 8 + 2 * 10 * 64 + 2 * 6 * 64 + 2 * 10 * 6 * 8),
    "a copy on the way": Right(Copies, (4,), 20, 0, 16),
    "a cached mask": Right(CachedMask, (4, 8), 72, 0, 4 * 64 + 4 * 4 * 8),
    "a scripted part": Right(scripted_part, (8,), 36, 0, 32),
    "the last step": Right(LastStep, (6, 8), 1698, 0, 6 * 64 * 24 + 16 * 2),
    "random numbers": Right(VAE, (20,), 264, 0, 20 * 8 + 2 * 8 * 2 + 2 * 20),
    "frames in the batch": Right(Frames, (6, 3, 8, 8), 112, 0, 6 * 27 * 4 * 36),
    "cells in a loop": Right(Spread, (5, 4), 222, 0, 5 * 18 * (4 + 6)),
    "written in halves": Right(Halves, (4,), 35, 0, 8 + 8 + 12),
    "mapped over samples": Right(Mapped, (4,), 37, 0, 20 + 10),
    "products": Right(Products, (5, 8), 24 + 15 + 52, 0, 5 * 8 * 3 + 5 * 3 * 5 + 5 * (2 * 25 + 2 * 5)),
    "attention of groups": Right(Grouped, (5, 8), 72 + 36 + 304, 0,
                                 5 * 64 + 5 * 32 + 2 * 5 * 5 * 8 + 4 * 5 * 64 + 2 * 5 * 6 * 8),
    "a recurrence, time first": Right(lambda: nn.RNN(4, 6), (5, 4), 72, 0, 5 * 6 * 10, 2),
    "a recurrence, projected": Right(lambda: nn.LSTM(4, 6, proj_size=3, batch_first=True), (5, 4), 234, 0,
                                     5 * (24 * (4 + 3) + 6 * 3), 3),
    "both directions": Right(lambda: nn.GRU(4, 6, bidirectional=True, batch_first=True), (5, 4), 432, 0,
                             2 * 5 * 18 * 10, 2),
    "distances": Right(lambda: Distances(), (5, 8), 56, 0, 5 * 7 * 8),
}  # fmt: skip


class Distances(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.rand(7, 8))

    def forward(self, x: Tensor) -> Any:
        return torch.cdist(x.float(), self.w.float())

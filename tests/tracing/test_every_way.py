"""No answer depends on the mode, on gradients, on the device or on the precision: random modules of five families."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archscope

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Hardswish)


class Residual(nn.Module):
    """Convolutions with norms and dropout around an addition."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        maps, groups = draw.choice([8, 12]), draw.choice([1, 2, 4])
        self.stem = nn.Conv2d(3, maps, 3, stride=draw.choice([1, 2]), padding=1, bias=draw.random() < 0.5)
        norm: Any = draw.choice(
            [nn.BatchNorm2d, lambda each: nn.GroupNorm(2, each), lambda each: nn.InstanceNorm2d(each)]
        )
        self.norms = nn.ModuleList(norm(maps) for _ in range(2))
        self.body = nn.Conv2d(maps, maps, 3, padding=1, groups=groups)
        self.act, self.drop = (
            draw.choice(ACTIVATIONS)(),
            draw.choice([nn.Dropout(0.2), nn.Dropout2d(0.1), nn.Identity()]),
        )
        self.scale = nn.Parameter(torch.rand(maps, 1, 1))
        self.head = nn.Linear(maps, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norms[0](self.stem(x)))
        x = torch.addcmul(x, self.drop(self.norms[1](self.body(x))), self.scale)
        made: Tensor = self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return made


class Attending(nn.Module):
    """Words through blocks of attention, by PyTorch's layer or by hand."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.heads, self.wide, self.own = draw.choice([2, 4]), 16, draw.random() < 0.5
        self.places = nn.Parameter(torch.rand(7, self.wide))
        self.attend = nn.MultiheadAttention(self.wide, self.heads, dropout=draw.choice([0.0, 0.1]), batch_first=True)
        self.joined, self.out = nn.Linear(self.wide, 3 * self.wide), nn.Linear(self.wide, self.wide)
        self.norm, self.act = nn.LayerNorm(self.wide), draw.choice(ACTIVATIONS)()
        self.wider, self.back = nn.Linear(self.wide, 24), nn.Linear(24, self.wide)
        self.causal, self.p = draw.random() < 0.5, draw.choice([0.0, 0.1])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.places
        if self.own:
            q, k, v = (each.unflatten(2, (self.heads, -1)).transpose(1, 2) for each in self.joined(x).chunk(3, dim=2))
            p = self.p if self.training else 0.0
            made = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=self.causal)
            x = x + self.out(made.transpose(1, 2).flatten(2))
        else:
            x = x + self.attend(x, x, x, need_weights=False)[0]
        return x + F.dropout(self.back(self.act(self.wider(self.norm(x)))), self.p, self.training)


class Recurring(nn.Module):
    """Recurrence, and a cell over some of its states."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        both = draw.random() < 0.5
        self.inner = draw.choice([nn.RNN, nn.LSTM, nn.GRU])(
            6, 8, draw.choice([1, 2]), batch_first=True, bidirectional=both, bias=draw.random() < 0.7)  # fmt: skip
        self.cell = draw.choice([nn.GRUCell, nn.RNNCell])(16 if both else 8, 5)
        self.gate = nn.Parameter(torch.rand(5))

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.inner(x)
        hidden = self.cell(states[:, -1])
        return torch.lerp(hidden, self.cell(states[:, 0], hidden), self.gate.sigmoid())


class Mirrored(nn.Module):
    """A small U: down, up by a transposed convolution or by interpolation, and what was before beside it."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        maps, self.by = draw.choice([4, 6]), draw.choice(["transposed", "nearest", "bilinear"])
        self.first, self.down = nn.Conv2d(2, maps, 3, padding="same"), nn.Conv2d(maps, 2 * maps, 2, stride=2)
        self.up = nn.ConvTranspose2d(2 * maps, maps, 2, stride=2)
        self.narrow, self.norm = nn.Conv2d(2 * maps, maps, 1), nn.BatchNorm2d(2 * maps, affine=draw.random() < 0.5)
        self.slopes = nn.PReLU(draw.choice([1, maps]))
        self.last = nn.Conv2d(2 * maps, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        beside = self.slopes(self.first(x))
        x = self.norm(self.down(beside))
        x = self.up(x) if self.by == "transposed" else F.interpolate(self.narrow(x), scale_factor=2.0, mode=self.by)
        made: Tensor = self.last(torch.cat([x, beside], 1))
        return made


class Mixing(nn.Module):
    """Products, norms and learned values that code works on itself."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__()
        self.way = draw.choice(["einsum", "matmul", "baddbmm", "bilinear"])
        self.w, self.b = nn.Parameter(torch.rand(6, 6)), nn.Parameter(torch.rand(6))
        self.pair = nn.Bilinear(6, 6, 3)
        self.norm = draw.choice([nn.LayerNorm(6), nn.RMSNorm(6)])
        self.p = draw.choice([0.1, 0.5])

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(self.norm(x), self.p, self.training)
        if self.way == "bilinear":
            made: Tensor = self.pair(x, x.softmax(-1))
            return made
        if self.way == "einsum":
            return torch.einsum("bij,jk->bik", x, self.w) + self.b
        if self.way == "baddbmm":
            return torch.baddbmm(x, x, x.transpose(1, 2) @ x)
        return torch.addcdiv(x @ self.w, x, self.b.exp())


FAMILIES: dict[str, tuple[Callable[[random.Random], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (1, 3, 10, 10)),
    "attention": (Attending, (1, 7, 16)),
    "recurrence": (Recurring, (1, 5, 6)),
    "a U": (Mirrored, (1, 2, 8, 8)),
    "products": (Mixing, (1, 6, 6)),
}
WAYS = [*itertools.product(("eval", "train"), ("grad", "none"), ("cpu", "meta"), (torch.float32, torch.bfloat16))]


def table(module: nn.Module, shape: tuple[int, ...], way: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    mode, grad, device, dtype = way
    module = module.to(dtype).train(mode == "train")
    if device == "meta":
        module = module.to("meta")
    with torch.set_grad_enabled(grad == "grad"):
        analysis = archscope.analyze(module, torch.zeros(shape, dtype=dtype, device=device))
    rows = [(row.name, row.label, row.type, row.outputs, row.parameters, row.fixed, row.units, row.connections,
             row.connections_in_bounds, row.macs, row.receptive_field) for row in analysis.rows]  # fmt: skip
    totals = analysis.totals
    return [*rows, (totals.parameters, totals.fixed, totals.units, totals.connections, totals.macs,
                    dict(totals.not_covered))]  # fmt: skip


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_random_module_has_one_table_in_every_way_that_it_can_be_held(family: str, seed: int) -> None:
    kind, shape = FAMILIES[family]
    tables = {way: table(kind(random.Random(seed)), shape, way) for way in WAYS}
    first = tables[WAYS[0]]
    assert len(first) > 2
    assert {way: each for way, each in tables.items() if each != first} == {}

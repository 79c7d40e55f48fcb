"""Weights that are made, shared and mapped."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from tools.fuzz.pieces.common import Does, Piece, weight


class _Symmetric(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        """Make it so."""
        return weight.triu() + weight.triu(1).transpose(-1, -2)


class _LowRank(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.a, self.b = weight(wide, 1), weight(1, wide)

    def forward(self, weight: Tensor) -> Tensor:
        """Add a product of two."""
        return weight + self.a @ self.b


def _parametrized(random: Random, wide: int) -> tuple[nn.Module, int]:
    ways: tuple[Callable[[nn.Module], nn.Module], ...] = (
        lambda m: parametrize.register_parametrization(m, "weight", _Symmetric()),
        lambda m: parametrize.register_parametrization(m, "weight", _LowRank(wide)),
        parametrizations.spectral_norm, parametrizations.weight_norm,
        lambda m: parametrizations.orthogonal(m, orthogonal_map="cayley"),
        lambda m: parametrizations.orthogonal(m, orthogonal_map="matrix_exp"),
        nn.utils.spectral_norm, nn.utils.weight_norm,
    )  # fmt: skip
    return random.choice(ways)(nn.Linear(wide, wide)).eval(), wide


def _hyper(_: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        return torch.bmm(x, s.h(x.mean(1)).view(-1, x.shape[-1], x.shape[-1]))

    return Does(run, h=nn.Linear(wide, wide * wide)), wide


class _Tied(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(wide, wide, bias=False), nn.Linear(wide, wide)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        """One matrix three times, once turned."""
        return F.linear(self.b(self.a(x)).relu(), self.a.weight.t())


def _functional(random: Random, wide: int) -> tuple[nn.Module, int]:
    """`torch.func`: other weights in a layer's place, and derivatives inside a forward pass."""
    func = torch.func

    def doubled(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.functional_call(s.l, {k: v * 2 for k, v in s.l.named_parameters()}, (x,)))

    def forward_mode(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.jvp(lambda v: s.l(v).tanh(), (x,), (torch.ones_like(x),))[1])

    def slope(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.grad(lambda v: s.l(v).tanh().sum())(x))

    def pulled(s: Any, x: Tensor) -> Tensor:
        made, back = func.vjp(lambda v: s.l(v), x)
        return cast(Tensor, back(made)[0])

    def each(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, func.vmap(func.grad(lambda v: s.l(v).tanh().sum()))(x))

    run = random.choice((doubled, doubled, forward_mode, slope, pulled, each))
    return Does(run, l=nn.Linear(wide, wide)), wide


def _mapped(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: torch.vmap(lambda w: x @ w)(s.w).mean(0), lambda s, x: torch.vmap(lambda v: v @ s.w[0])(x),
        lambda s, x: torch.vmap(lambda v, w: v @ w, in_dims=(None, 0), out_dims=1)(x, s.w).sum(1),
        lambda s, x: torch.vmap(torch.vmap(lambda v: torch.mv(s.w[0], v)))(x),
        lambda s, x: torch.vmap(lambda v: F.linear(v, s.w[0]).softmax(-1), chunk_size=1)(x),
    ))  # fmt: skip
    return Does(run, w=weight(3, wide, wide)), wide


def _convolved(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: s.c(x), lambda s, x: s.t(x), lambda s, x: torch.vmap(lambda v: s.c(v[None])[0])(x),
        lambda s, x: F.conv1d(x.flip(-1), s.c.weight.flip(-1), groups=x.shape[1], padding=1),
    ))  # fmt: skip
    parts = {"c": nn.Conv1d(wide, wide, 3, padding=1, groups=wide), "t": nn.ConvTranspose1d(wide, wide, 3, padding=1)}
    return Does(lambda s, x: run(s, x.transpose(1, 2)).transpose(1, 2), **parts), wide


def _tied(_: Random, wide: int) -> tuple[nn.Module, int]:
    return _Tied(wide), wide


PIECES: Final[tuple[Piece, ...]] = (_parametrized, _hyper, _functional, _mapped, _convolved, _tied)

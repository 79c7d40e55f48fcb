"""How code runs: compiled, written over, again, routed, by a derivative of its own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tools.fuzz.pieces.common import POSITIONS, Does, Piece, weight


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        """Of both."""
        x, w = ctx.saved_tensors
        return grads[0] @ w.t(), x.transpose(-1, -2) @ grads[0]


class _Plain(nn.Module):
    def __init__(self, wide: int) -> None:
        super().__init__()
        self.l = nn.Linear(wide, wide)

    def forward(self, x: Tensor) -> Tensor:
        """Add to itself."""
        return torch.relu(self.l(x)) + x


_ANY_BATCH: Final = ({0: torch.export.Dim.DYNAMIC},)


def _wrapped(random: Random, wide: int) -> tuple[nn.Module, int]:
    ways: tuple[Callable[[nn.Module], nn.Module], ...] = (
        torch.jit.script, lambda m: torch.jit.trace(m, torch.rand(2, POSITIONS, wide)),
        lambda m: torch.compile(m), lambda m: torch.fx.symbolic_trace(m),
        lambda m: torch.ao.quantization.QuantWrapper(m),
        lambda m: torch.export.export(m, (torch.rand(2, POSITIONS, wide),), dynamic_shapes=_ANY_BATCH).module(),
    )  # fmt: skip
    return nn.Sequential(random.choice(ways)(_Plain(wide).eval())), wide


def _written(random: Random, wide: int) -> tuple[nn.Module, int]:
    def slices(s: Any, x: Tensor) -> Tensor:
        y = x.clone()
        y[:, :2] = s.l(x[:, :2])
        y[:, 2:] += s.l(y[:, 2:])
        y[..., 0].mul_(2)
        return y

    def in_place(s: Any, x: Tensor) -> Tensor:
        y = s.l(x)
        y += x
        y.relu_().addcmul_(x, x, value=0.5)
        return cast(Tensor, s.n(y).clamp_(min=-1))

    return Does(random.choice((slices, in_place)), l=nn.Linear(wide, wide), n=nn.LayerNorm(wide)), wide


def _again(random: Random, wide: int) -> tuple[nn.Module, int]:
    reentrant = random.random() < 0.3
    inner = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        made = checkpoint(s.l if inner else lambda v: s.l(v).relu() @ s.l.weight, x, use_reentrant=reentrant)
        return cast(Tensor, checkpoint(torch.tanh, made, use_reentrant=False))

    return Does(run, l=nn.Linear(wide, wide)), wide


def _routed(_: Random, wide: int) -> tuple[nn.Module, int]:
    parts = nn.ModuleDict({"a": nn.Linear(wide, wide), "c": nn.Identity(),
                           "b": nn.Sequential(nn.Linear(wide, 3), nn.ReLU(), nn.Linear(3, wide))})  # fmt: skip
    return Does(lambda s, x: sum(s.d[key](x) for key in "abac"), d=parts), wide


def _autograd(_: Random, wide: int) -> tuple[nn.Module, int]:
    return Does(lambda s, x: _Product.apply(x, s.w), w=weight(wide, wide)), wide


def _gated(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda s, x: x * torch.sigmoid(s.b(F.relu(s.a(x.mean(1)))))[:, None],
        lambda s, x: x + (s.b(s.a(x)).softmax(1) * x).sum(1, keepdim=True),
    ))  # fmt: skip
    return Does(run, a=nn.Linear(wide, 2), b=nn.Linear(2, wide)), wide


PIECES: Final[tuple[Piece, ...]] = (_wrapped, _written, _again, _routed, _autograd, _gated)

"""Products without a layer, and other kinds of numbers."""

from __future__ import annotations

from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.fuzz.pieces.common import POSITIONS, Does, Piece, weight


def _products(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda f, w: torch.addmm(f, f, w), lambda f, w: torch.linalg.multi_dot([f, w, w]),
        lambda f, w: f.matmul(w).mm(w.t()), lambda f, w: torch.inner(f, w), lambda f, w: torch.cdist(f, w.t()),
        lambda f, w: torch.stack([torch.mv(w, v) for v in f]), lambda f, w: f @ torch.linalg.matrix_power(w, 3),
        lambda f, w: torch.stack([torch.dot(v, w[0]) for v in f])[:, None] * f,
        lambda f, w: torch.addr(f, f[:, 0], w[0]),
        lambda f, w: F.bilinear(f, f, w[None].expand(len(w), -1, -1)), lambda f, w: torch.addbmm(f, f[None], w[None]),
        lambda f, w: f @ torch.linalg.inv(w @ w.t() + torch.eye(len(w), device=f.device)),
        lambda f, w: torch.linalg.solve(w @ w.t() + torch.eye(len(w), device=f.device), f.t()).t(),
    ))  # fmt: skip
    return Does(lambda s, x: run(x.reshape(-1, x.shape[-1]), s.w).reshape(x.shape), w=weight(wide, wide)), wide


def _complex(random: Random, wide: int) -> tuple[nn.Module, int]:
    run = random.choice((
        lambda _, x: torch.fft.fft2(x.float(), dim=(-2, -1)).real.to(x.dtype),
        lambda s, x: torch.fft.irfft(torch.fft.rfft(x.float(), dim=1) * s.f, n=x.shape[1], dim=1).to(x.dtype),
        lambda s, x: (torch.complex(x, x) @ s.w).abs(), lambda s, x: torch.view_as_real(x * s.w[0]).sum(-1),
        lambda s, x: torch.einsum("bti,io->bto", torch.polar(x, x), s.w).real,
    ))  # fmt: skip
    weights = {"w": nn.Parameter(torch.randn(wide, wide, dtype=torch.cfloat)),
               "f": nn.Parameter(torch.randn(POSITIONS // 2 + 1, wide, dtype=torch.cfloat))}  # fmt: skip
    return Does(run, **weights), wide


def _sparse(_: Random, wide: int) -> tuple[nn.Module, int]:
    made = Does(lambda s, x: torch.stack([torch.sparse.mm(s.a, each) for each in x]))
    made.register_buffer("a", torch.eye(POSITIONS).to_sparse())
    return made, wide


def _lower(random: Random, wide: int) -> tuple[nn.Module, int]:
    """A region in another type, and one in it that is not."""
    whole = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type if x.device.type != "meta" else "cpu", torch.bfloat16):
            y = s.l(x)
            with torch.autocast("cpu", enabled=whole):
                y = y.float() @ s.l.weight
        return cast(Tensor, y.to(x.dtype))

    return Does(run, l=nn.Linear(wide, wide)), wide


PIECES: Final[tuple[Piece, ...]] = (_products, _complex, _sparse, _lower)

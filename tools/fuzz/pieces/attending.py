"""Attention and sequences as people write them, which no layer type describes whole."""

from __future__ import annotations

import math
from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tools.fuzz.pieces.common import Does, Piece, weight


def _turned(x: Tensor) -> Tensor:
    """Rotary positions."""
    half = x.shape[-1] // 2
    rates = 1.0 / 10000 ** (torch.arange(half, device=x.device, dtype=x.dtype) / half)
    angles = torch.arange(x.shape[1], device=x.device, dtype=x.dtype)[:, None] * rates
    cos, sin, u, v = angles.cos(), angles.sin(), x[..., :half], x[..., half : 2 * half]
    return torch.cat([u * cos - v * sin, u * sin + v * cos, x[..., 2 * half :]], -1)


def _heads_of_groups(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        batch, many, _ = x.shape
        q = _turned(s.q(x)).view(batch, many, 4, 2).transpose(1, 2)
        k, v = (each.view(batch, many, 2, 2).transpose(1, 2) for each in (_turned(s.k(x)), s.v(x)))
        if way == 2:
            made = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            return cast(Tensor, s.o(made.transpose(1, 2).reshape(batch, many, 8)))
        if way == 0:
            k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        else:
            k, v = (z[:, :, None].expand(-1, -1, 2, -1, -1).reshape(batch, 4, many, 2) for z in (k, v))
        later = torch.triu(torch.ones(many, many, dtype=torch.bool, device=x.device), 1)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(2)).masked_fill(later, float("-inf")).softmax(-1)
        return cast(Tensor, s.o((scores @ v).transpose(1, 2).flatten(2)))

    return Does(run, q=nn.Linear(wide, 8), k=nn.Linear(wide, 4), v=nn.Linear(wide, 4), o=nn.Linear(8, wide)), wide


def _linear_attention(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        q, k, v = s.q(x).chunk(3, -1)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        if way == 0:
            above = torch.einsum("btd,bde->bte", q, torch.einsum("btd,bte->bde", k, v))
            return cast(Tensor, above / torch.einsum("btd,bd->bt", q, k.sum(1))[..., None])
        return torch.einsum("bqd,bkd,bke->bqe", q, k, v) if way == 1 else torch.matmul(q, torch.matmul(k.mT, v))

    return Does(run, q=nn.Linear(wide, 3 * wide)), wide


def _cells(_: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        h = c = x.new_zeros(len(x), x.shape[-1])
        made = []
        for place in range(x.shape[1]):
            h, c = s.c(x[:, place], (h, c))
            made.append(h)
        return torch.stack(made, 1)

    return Does(run, c=nn.LSTMCell(wide, wide)), wide


def _packed(random: Random, wide: int) -> tuple[nn.Module, int]:
    def run(s: Any, x: Tensor) -> Tensor:
        lengths = torch.tensor([x.shape[1]] * len(x))
        made, _ = s.r(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(made, batch_first=True, total_length=x.shape[1])[0]

    return Does(run, r=random.choice((nn.LSTM, nn.GRU, nn.RNN))(wide, wide, batch_first=True)), wide


def _scanned(random: Random, wide: int) -> tuple[nn.Module, int]:
    """A recurrence as one operation over steps, or as a loop that a tensor ends."""
    way = random.randint(0, 2)

    def run(s: Any, x: Tensor) -> Tensor:
        if way == 0:
            from torch._higher_order_ops.scan import scan

            last, every = scan(lambda h, v: (h * 0.5 + v @ s.w, h.clone()), x[:, 0] * 0, x, dim=1)
            return cast(Tensor, every.reshape(x.shape) + last[:, None])
        if way == 1:
            from torch._higher_order_ops.while_loop import while_loop

            start = torch.zeros((), dtype=torch.int64)
            return cast(Tensor, while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, (y @ s.w).tanh()), (start, x))[1])
        step, y = torch.zeros((), dtype=torch.int64), x
        while step < 2:
            y, step = (y @ s.w).tanh(), step + 1
        return y

    return Does(run, w=weight(wide, wide)), wide


PIECES: Final[tuple[Piece, ...]] = (_heads_of_groups, _linear_attention, _cells, _packed, _scanned)

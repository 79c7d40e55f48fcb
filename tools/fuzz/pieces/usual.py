"""What most modules are made of."""

from __future__ import annotations

from random import Random
from typing import Final

import torch
from torch import nn

from tools.fuzz.pieces.common import POSITIONS, Does, Piece, weight


def _usual(random: Random, wide: int) -> tuple[nn.Module, int]:
    kind = random.choice((nn.RNN, nn.LSTM, nn.GRU))
    each = random.choice((
        Does(lambda s, x: s.c(x.transpose(1, 2)).transpose(1, 2), c=nn.Conv1d(wide, 4, 3, padding=1)),
        Does(lambda s, x: s.r(x)[0], r=kind(wide, 4, random.randint(1, 2), batch_first=True)), nn.Linear(wide, 4),
        Does(lambda s, x: s.o(torch.cat([s.l(s.k).expand(len(x), -1, -1), x], 1))[:, :POSITIONS],
             k=weight(1, 3, wide), l=nn.Linear(wide, wide), o=nn.Linear(wide, 4)),
    ))  # fmt: skip
    return each, 4


def _attention(random: Random, wide: int) -> tuple[nn.Module, int]:
    asked = random.random() < 0.5
    part = nn.MultiheadAttention(wide, 1, batch_first=True, add_zero_attn=random.random() < 0.3)
    return Does(lambda s, x: s.part(x, x, x, need_weights=asked)[0], part=part), wide


PIECES: Final[tuple[Piece, ...]] = (_usual, _attention)

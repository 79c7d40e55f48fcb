"""Gathers, windows and boxes."""

from __future__ import annotations

from random import Random
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.fuzz.pieces.common import Does, Piece, weight


def _experts(random: Random, wide: int) -> tuple[nn.Module, int]:
    way = random.randint(0, 3)

    def run(s: Any, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        best, which = s.r(flat).softmax(-1).max(-1)
        if way == 0:
            made = torch.zeros_like(flat)
            for place, each in enumerate(s.e):
                taken = slice(place, place + 2)
                made.index_add_(0, torch.arange(2, device=x.device) + place, each(flat[taken]) * best[taken, None])
            return made.view_as(x)
        if way == 1:
            every = torch.stack([each(flat) for each in s.e], 1)
            chosen = every.gather(1, which[:, None, None].expand(-1, 1, flat.shape[-1])).squeeze(1)
            return cast(Tensor, chosen.view_as(x) * best.view(*x.shape[:-1], 1))
        if way == 2:
            made = torch.zeros_like(flat)
            for place, each in enumerate(s.e):
                rows = (which == place).nonzero().squeeze(-1)
                made[rows] = each(flat[rows]) * best[rows, None]
            return made.view_as(x)
        of = torch.zeros(len(flat), 3, device=x.device, dtype=x.dtype).scatter(1, which[:, None], 1.0)
        return cast(Tensor, sum(each(flat) * of[:, n : n + 1] for n, each in enumerate(s.e)).view_as(x))

    return Does(run, r=nn.Linear(wide, 3), e=nn.ModuleList(nn.Linear(wide, wide) for _ in range(3))), wide


def _windows(random: Random, wide: int) -> tuple[nn.Module, int]:
    def unfolded(s: Any, x: Tensor) -> Tensor:
        return F.pad(s.l(x.transpose(1, 2).unfold(2, 3, 1).permute(0, 2, 1, 3).flatten(2)), (0, 0, 1, 1))

    def columns(s: Any, x: Tensor) -> Tensor:
        return cast(Tensor, s.l(F.unfold(x.transpose(1, 2).unsqueeze(-1), (3, 1), padding=(1, 0)).transpose(1, 2)))

    return Does(random.choice((unfolded, columns)), l=nn.Linear(3 * wide, 4)), 4


def _sampled(random: Random, wide: int) -> tuple[nn.Module, int]:
    """Values from where offsets say: of a grid, or gathered between two neighbours and weighted by one matrix."""

    def grid(s: Any, x: Tensor) -> Tensor:
        offsets = s.o(x).tanh()
        places = torch.stack([offsets[..., 0], torch.zeros_like(offsets[..., 0])], -1).unsqueeze(1)
        made = F.grid_sample(x.transpose(1, 2).unsqueeze(2), places, align_corners=False)
        return made.squeeze(2).transpose(1, 2)

    def deformed(s: Any, x: Tensor) -> Tensor:
        batch, many, _ = x.shape
        at = torch.arange(many, device=x.device, dtype=x.dtype)[None, :, None] + s.o(x).tanh().repeat(1, 1, 3)
        at = (at + torch.tensor([-1.0, 0.0, 1.0], device=x.device)).clamp(0, many - 1)
        below = at.floor().long()
        above, part = (below + 1).clamp(max=many - 1), (at - at.floor())[..., None]
        rows = torch.arange(batch, device=x.device)[:, None, None]
        taken = x[rows, below] * (1 - part) + x[rows, above] * part
        return torch.einsum("btkc,kco->bto", taken, s.w)

    return Does(random.choice((grid, deformed)), o=nn.Linear(wide, 1), w=weight(3, wide, wide)), wide


def _boxes(random: Random, wide: int) -> tuple[nn.Module, int]:
    """Spans that scores keep, the best first and those beside it dropped, and what is pooled in each."""
    listed = random.random() < 0.5

    def run(s: Any, x: Tensor) -> Tensor:
        made = []
        for each in x:
            scores, kept = s.o(each).squeeze(-1), list[Any]()
            order = scores.argsort(descending=True)
            while order.numel():
                kept.append(int(order[0]) if listed else order[0])
                order = order[1:][(order[1:] - order[0]).abs() > 1]
            spans = [each[max(int(at) - 1, 0) : int(at) + 2].amax(0) for at in kept]
            made.append(each + s.p(torch.stack(spans)).mean(0))
        return torch.stack(made)

    return Does(run, o=nn.Linear(wide, 1), p=nn.Linear(wide, wide)), wide


def _nested(random: Random, wide: int) -> tuple[nn.Module, int]:
    layout = random.choice((torch.jagged, torch.strided))

    def run(s: Any, x: Tensor) -> Tensor:
        given = torch.nested.as_nested_tensor([each[: 2 + n % 3] for n, each in enumerate(x)], layout=layout)
        made = torch.nested.to_padded_tensor(s.l(given).relu(), 0.0)
        return F.pad(made, (0, 0, 0, x.shape[1] - made.shape[1]))

    return Does(run, l=nn.Linear(wide, wide)), wide


PIECES: Final[tuple[Piece, ...]] = (_experts, _windows, _sampled, _boxes, _nested)

"""Modules as everybody writes them, each with the functions that people use between layers."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.tracing.maps import MAPS
from tests.tracing.norms import NORMS


class Attention(nn.Module):
    """Attention of a vision transformer, as timm writes it: queries, keys and values from one projection."""

    def __init__(self, width: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attn = (q @ k.transpose(-2, -1)) * self.scale
        return self.proj((attn.softmax(dim=-1) @ v).transpose(1, 2).reshape(b, n, c))


class VisionBlock(nn.Module):
    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class UnboundAttention(nn.Module):
    """Queries, keys and values unbound, and PyTorch's own function."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48, bias=False), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class ClassToken(nn.Module):
    """ViT: patches, a class token, learned positions, and the class token alone at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 4, 4)
        self.cls_token, self.pos_embed = nn.Parameter(torch.randn(1, 1, 16)), nn.Parameter(torch.randn(1, 17, 16))
        self.block, self.norm, self.head = VisionBlock(), nn.LayerNorm(16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        return self.head(self.norm(self.block(x))[:, 0])


class CausalBlock(nn.Module):
    """A block of GPT, with PyTorch's causal attention."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.c_attn, self.c_proj = nn.Linear(16, 48), nn.Linear(16, 16)
        self.c_fc, self.c_out = nn.Linear(16, 64), nn.Linear(64, 16)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.size()
        q, k, v = self.c_attn(self.ln_1(x)).split(16, dim=2)
        q, k, v = (each.view(b, t, 4, c // 4).transpose(1, 2) for each in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    """Tokens and their places, blocks, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(30, 16), nn.Embedding(12, 16)
        self.h = nn.ModuleList([CausalBlock(), CausalBlock()])
        self.ln_f, self.head = nn.LayerNorm(16), nn.Linear(16, 30, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        for block in self.h:
            x = block(x)
        return self.head(self.ln_f(x))


class GroupedQueries(nn.Module):
    """Attention of LLaMA: fewer heads of keys and values, and RMS norm by PyTorch's function."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(16)
        self.q, self.k, self.v = (nn.Linear(16, made, bias=False) for made in (16, 8, 8))
        self.o = nn.Linear(16, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        y = self.norm(x)
        q = self.q(y).view(b, n, 4, 4).transpose(1, 2)
        k, v = (each(y).view(b, n, 2, 4).transpose(1, 2) for each in (self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return x + self.o(y.transpose(1, 2).reshape(b, n, -1))


class GatedFeed(nn.Module):
    """The feed-forward part of LLaMA."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2, self.w3 = nn.Linear(8, 20), nn.Linear(20, 8), nn.Linear(8, 20)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 16, num_layers=2, batch_first=True), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


class TimeFirst(nn.Module):
    """A recurrence as PyTorch has it unless told otherwise: time before the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(8, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.gru(x.permute(1, 0, 2))
        return self.fc(out[-1])


class LastState(nn.Module):
    """The last state in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.fc = nn.GRU(8, 6, batch_first=True, bidirectional=True), nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        _, h = self.gru(x)
        return self.fc(torch.cat([h[-2], h[-1]], dim=1))


class AttentionPooling(nn.Module):
    """A score for each position, a softmax over them, and the weighted sum."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.fc = nn.Linear(8, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        weight = F.softmax(self.score(x).squeeze(-1), dim=1)
        return self.fc((x * weight.unsqueeze(-1)).sum(dim=1))


class Pooled(nn.Module):
    """The same as a product of two batches of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.score, self.fc = nn.Linear(8, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.softmax(self.score(x), 1).transpose(1, 2)
        return self.fc(torch.bmm(weight, x).squeeze(1))


class Distances(nn.Module):
    """Arithmetic of every kind, of values and with numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 5), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.a(x), self.b(x)
        apart = (a - b) ** 2 / (a.abs() + b.pow(2) + 1e-3)
        return torch.sqrt(apart + 1) - 2 / (1 + torch.exp(-a)) + (3 - b) * -0.5


class Mixer(nn.Module):
    """A block of the MLP mixer, and the mean of all patches."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.tokens, self.channels, self.head = nn.Linear(9, 9), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norm2(x))
        return self.head(x.mean(dim=1))


class Queries(nn.Module):
    """Learned queries that look at what comes in, as DETR's and the Perceiver's do."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.attention = nn.Parameter(torch.randn(1, 5, 8)), nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        queries = self.queries.expand(x.shape[0], -1, -1)
        return self.norm(queries + self.attention(queries, x, x, need_weights=False)[0])


class RelativeBias(nn.Module):
    """Attention with a learned constant for every two positions, as Swin's and T5's."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.bias = nn.Linear(8, 24), nn.Parameter(torch.randn(2, 6, 6))

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = (each.reshape(b, n, 2, 4).transpose(1, 2) for each in self.qkv(x).chunk(3, -1))
        scores = q @ k.transpose(2, 3) / math.sqrt(4) + self.bias
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class Stepwise(nn.Module):
    """Every frame by itself: frames beside samples in the batch, then apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(6, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        b, t, c = x.shape
        y = F.relu(self.fc(x.reshape(b * t, c))).view(b, t, 4)
        return self.out(y.max(dim=1).values)


COMMON: dict[str, tuple[Any, tuple[tuple[int, ...], ...]]] = {
    "ViT block": (VisionBlock, ((9, 16),)),
    "unbound attention": (UnboundAttention, ((9, 16),)),
    "class token": (ClassToken, ((3, 16, 16),)),
    "GPT block": (CausalBlock, ((7, 16),)),
    "words of GPT": (GPT, ((7,),)),
    "grouped queries": (GroupedQueries, ((7, 16),)),
    "gated feed-forward": (GatedFeed, ((5, 8),)),
    "last step": (LastStep, ((6, 8),)),
    "time first": (TimeFirst, ((6, 8),)),
    "last state": (LastState, ((6, 8),)),
    "attention pooling": (AttentionPooling, ((6, 8),)),
    "pooling by a product": (Pooled, ((6, 8),)),
    "arithmetic": (Distances, ((6,),)),
    "mixer": (Mixer, ((9, 8),)),
    "learned queries": (Queries, ((7, 8),)),
    "relative bias": (RelativeBias, ((6, 8),)),
    "frames": (Stepwise, ((5, 6),)),
    **MAPS,
    **NORMS,
}
"""Modules that layer types describe to the last function, with the shapes of their inputs."""

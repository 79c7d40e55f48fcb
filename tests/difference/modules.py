"""Modules that are compared: a residual network with its skip in three places, and two of transformers."""

from __future__ import annotations

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, skip: str) -> None:
        super().__init__()
        self.skip = skip
        self.a, self.b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.short = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        early = self.short(x) if self.skip == "early" else None
        y = torch.relu(self.a(x))
        z = self.b(y)
        short = early if early is not None else self.short(y if self.skip == "wrong" else x)
        return torch.relu(z + short)


class Net(nn.Sequential):
    def __init__(self, skip: str = "right") -> None:
        super().__init__(nn.Conv2d(3, 8, 3), Block("right"), Block(skip), nn.Flatten(), nn.Linear(8 * 6 * 6, 4))


def wrong() -> nn.Module:
    return Net("wrong")


def early() -> nn.Module:
    return Net("early")


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_layer": 2, "n_embd": 48, "n_head": 4, "use_cache": False}
    return GPT2LMHeadModel(GPT2Config(**sizes, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0))


def bert() -> nn.Module:
    from transformers import BertConfig, BertModel

    return BertModel(
        BertConfig(num_hidden_layers=2, hidden_size=48, num_attention_heads=4, intermediate_size=96, vocab_size=100)
    )

"""Modules over sequences, batch first: attention, positions, recurrence and its cells."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention`, batch first, with one to four inputs and the output alone.

    >>> Attention(64, 8)(torch.zeros(2, 16, 64)).shape
    torch.Size([2, 16, 64])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        bias: bool = True,
        causal: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            embed_dim, num_heads, bias=bias, kdim=kdim, vdim=vdim, batch_first=True, add_bias_kv=add_bias_kv,
            add_zero_attn=add_zero_attn, dropout=dropout,
        )  # fmt: skip
        self.causal = causal

    def forward(  # type: ignore[override]
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        keys = query if key is None else key
        if self.causal:
            # True stands where a query may not look.
            mask = torch.ones(query.shape[1], keys.shape[1], dtype=torch.bool, device=query.device).triu(1)
        elif mask is not None:
            scores = (len(query), self.num_heads, query.shape[1], keys.shape[1])
            mask = behind_batch(mask, 4).expand(scores).flatten(0, 1)
        # Said to be causal, PyTorch leaves the mask away, and keys that it adds itself would come later than all.
        causal = self.causal and self.bias_k is None and not self.add_zero_attn
        output, _ = super().forward(
            query, keys, keys if value is None else value, need_weights=False, attn_mask=mask, is_causal=causal
        )
        return output


def behind_batch(mask: Tensor, rank: int) -> Tensor:
    """A mask with axes of extent 1 after the batch, up to a rank."""
    return mask.reshape(len(mask), *[1] * (rank - mask.dim()), *mask.shape[1:])


class GroupedAttention(nn.Module):
    """Attention with four dense layers: heads of any width, fewer of keys and values, and biases where named.

    >>> GroupedAttention(64, 8, 2, 16)(torch.zeros(2, 5, 64)).shape
    torch.Size([2, 5, 64])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        num_kv_heads: int,
        head_dim: int,
        *,
        bias: Sequence[str] = (),
        causal: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
    ) -> None:
        super().__init__()
        self.heads, self.groups, self.head_dim, self.causal = num_heads, num_kv_heads, head_dim, causal
        read, shared = num_heads * head_dim, num_kv_heads * head_dim
        self.q_proj = nn.Linear(embed_dim, read, bias="query" in bias)
        self.k_proj = nn.Linear(embed_dim if kdim is None else kdim, shared, bias="key" in bias)
        self.v_proj = nn.Linear(embed_dim if vdim is None else vdim, shared, bias="value" in bias)
        self.out_proj = nn.Linear(read, embed_dim, bias="output" in bias)

    def forward(
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        keys = query if key is None else key
        q = self.q_proj(query).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k = self.k_proj(keys).unflatten(-1, (self.groups, -1)).transpose(1, 2)
        v = self.v_proj(keys if value is None else value).unflatten(-1, (self.groups, -1)).transpose(1, 2)
        seen = functional.scaled_dot_product_attention(
            q, k, v, None if mask is None else behind_batch(mask, 4), is_causal=self.causal, enable_gqa=True
        )
        output: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return output


class DotProductAttention(nn.Module):
    """`torch.nn.functional.scaled_dot_product_attention` as a module, with a mask as a fourth input.

    >>> DotProductAttention()(*torch.zeros(3, 2, 8, 16, 32)).shape
    torch.Size([2, 8, 16, 32])
    """

    def __init__(
        self, *, is_causal: bool = False, enable_gqa: bool = False, scale: float | None = None, dropout_p: float = 0.0
    ) -> None:
        super().__init__()
        self.options: dict[str, Any] = {"is_causal": is_causal, "enable_gqa": enable_gqa, "scale": scale}
        self.dropout_p = dropout_p

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        mask = None if mask is None else behind_batch(mask, query.dim())
        dropped = self.dropout_p if self.training else 0.0
        return functional.scaled_dot_product_attention(query, key, value, mask, dropped, **self.options)


class Rotary(nn.Module):
    """Turn pairs of features by an angle that grows with the position.

    >>> Rotary()(torch.zeros(2, 8, 16, 64)).shape
    torch.Size([2, 8, 16, 64])
    """

    def __init__(self, *, base: float = 10_000, rotary_dim: int | None = None, interleaved: bool = False) -> None:
        super().__init__()
        self.base, self.rotary_dim, self.interleaved = base, rotary_dim, interleaved

    def forward(self, input: Tensor) -> Tensor:
        dim = input.shape[-1] if self.rotary_dim is None else self.rotary_dim
        turned, rest = input[..., :dim], input[..., dim:]
        places = torch.arange(input.shape[-2], device=input.device, dtype=torch.float32)
        angles = places[:, None] / self.base ** (torch.arange(0, dim, 2, device=input.device) / dim)
        cos, sin = angles.cos().to(input.dtype), angles.sin().to(input.dtype)
        if self.interleaved:
            a, b = turned[..., 0::2], turned[..., 1::2]
            made = torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)
        else:
            a, b = turned.chunk(2, dim=-1)
            made = torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
        return torch.cat((made, rest), dim=-1)


class SinusoidalPositions(nn.Module):
    """Add a table of sines and cosines of the position, which is held and not trained.

    >>> SinusoidalPositions(16, 64)(torch.zeros(2, 16, 64)).shape
    torch.Size([2, 16, 64])
    """

    table: Tensor

    def __init__(self, length: int, features: int, *, base: float = 10_000) -> None:
        super().__init__()
        self.base = base
        angles = torch.arange(length)[:, None] / base ** (torch.arange(0, features, 2) / features)
        self.register_buffer("table", torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1))

    def forward(self, input: Tensor) -> Tensor:
        return input + self.table[: input.shape[1]]


class RNN(nn.RNN):
    """`torch.nn.RNN`, batch first in both outputs and in the state to begin with: every state, the last states.

    >>> [tuple(each.shape) for each in RNN(16, 32, batch_first=True)(torch.zeros(2, 10, 16))]
    [(2, 10, 32), (2, 1, 32)]
    """

    def forward(self, input: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        output, last = super().forward(input, layers_first(hidden))
        return output, last.transpose(0, 1)


class LSTM(nn.LSTM):
    """`torch.nn.LSTM`, batch first in all three outputs and in the states to begin with.

    They are every state, the last states and the last cells.

    >>> [tuple(each.shape) for each in LSTM(16, 32, batch_first=True)(torch.zeros(2, 10, 16))]
    [(2, 10, 32), (2, 1, 32), (2, 1, 32)]
    """

    def forward(  # type: ignore[override]
        self, input: Tensor, hidden: Tensor | None = None, cell: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        first = None if hidden is None or cell is None else (layers_first(hidden), layers_first(cell))
        if not self.proj_size:  # the compiler sees into no filter of warnings
            output, (last, cells) = super().forward(input, first)
        else:
            with warnings.catch_warnings():
                # That another library is not used for projections is no news for who runs the model.
                warnings.filterwarnings("ignore", "LSTM with projections")
                output, (last, cells) = super().forward(input, first)
        return output, last.transpose(0, 1), cells.transpose(0, 1)


class GRU(nn.GRU):
    """`torch.nn.GRU`, batch first in both outputs and in the state to begin with: every state, the last states.

    >>> [tuple(each.shape) for each in GRU(16, 32, batch_first=True)(torch.zeros(2, 10, 16))]
    [(2, 10, 32), (2, 1, 32)]
    """

    def forward(self, input: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        output, last = super().forward(input, layers_first(hidden))
        return output, last.transpose(0, 1)


def layers_first(state: Any) -> Any:
    """A state as PyTorch's recurrence takes it, the batch behind the layers; None if there is none."""
    return None if state is None else state.transpose(0, 1).contiguous()


class LSTMCell(nn.LSTMCell):
    """`torch.nn.LSTMCell` with state and cell as inputs of their own.

    >>> [tuple(each.shape) for each in LSTMCell(16, 32)(torch.zeros(2, 16))]
    [(2, 32), (2, 32)]
    """

    def forward(  # type: ignore[override]
        self, input: Tensor, hidden: Tensor | None = None, cell: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return super().forward(input, None if hidden is None or cell is None else (hidden, cell))

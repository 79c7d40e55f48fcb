"""Small modules around functions and layers of PyTorch: merges, reshaping, attention, recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of its inputs, value by value."""

    def forward(self, *inputs: Tensor) -> Tensor:
        total = inputs[0]
        for each in inputs[1:]:
            total = total + each
        return total


class Multiply(nn.Module):
    """The product of its inputs, value by value."""

    def forward(self, *inputs: Tensor) -> Tensor:
        result = inputs[0]
        for each in inputs[1:]:
            result = result * each
        return result


class Concat(nn.Module):
    """Its inputs one after the other along ``dim``, the batch axis counted."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Reshape(nn.Module):
    """The same values in another shape, which does not name the batch axis."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, input: Tensor) -> Tensor:
        return input.reshape(input.shape[0], *self.shape)

    def extra_repr(self) -> str:
        return f"shape={self.shape}"


class Attention(nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention`, batch first, with one to three inputs and the output alone.

    >>> Attention(64, 8)(torch.zeros(2, 16, 64)).shape
    torch.Size([2, 16, 64])
    """

    def __init__(
        self, embed_dim: int, num_heads: int, *, bias: bool = True, kdim: int | None = None, vdim: int | None = None
    ) -> None:
        super().__init__(embed_dim, num_heads, bias=bias, kdim=kdim, vdim=vdim, batch_first=True)

    def forward(  # type: ignore[override]
        self, query: Tensor, key: Tensor | None = None, value: Tensor | None = None
    ) -> Tensor:
        keys = query if key is None else key
        output, _ = super().forward(query, keys, keys if value is None else value, need_weights=False)
        return output


class LSTM(nn.LSTM):
    """`torch.nn.LSTM`, batch first in all three outputs: every state, the last states, the last cells.

    >>> [tuple(each.shape) for each in LSTM(16, 32, batch_first=True)(torch.zeros(2, 10, 16))]
    [(2, 10, 32), (2, 1, 32), (2, 1, 32)]
    """

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        output, (hidden, cell) = super().forward(input)
        return output, hidden.transpose(0, 1), cell.transpose(0, 1)


class GRU(nn.GRU):
    """`torch.nn.GRU`, batch first in both outputs: every state, the last states.

    >>> [tuple(each.shape) for each in GRU(16, 32, batch_first=True)(torch.zeros(2, 10, 16))]
    [(2, 10, 32), (2, 1, 32)]
    """

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        output, hidden = super().forward(input)
        return output, hidden.transpose(0, 1)

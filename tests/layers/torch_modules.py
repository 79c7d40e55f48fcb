"""Modules around what PyTorch has, where its own take something else or are functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

Tensors = tuple[Any, ...]


def roles(given: Tensors) -> Tensors:
    """Queries, keys and values among one to three inputs, and perhaps a mask."""
    last = min(len(given), 3) - 1
    return given[0], given[min(1, last)], given[last]


class Padded(nn.Module):
    """Pads with explicit sides first: PyTorch's own layers only pad both sides alike."""

    def __init__(self, sides: list[int], value: float, inner: nn.Module) -> None:
        super().__init__()
        self.sides, self.value, self.inner = sides, value, inner

    def forward(self, x: Any) -> Any:
        return self.inner(functional.pad(x, self.sides, value=self.value))


class Attention(nn.Module):
    def __init__(self, layer: Any, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        key, value = shapes[min(1, len(shapes) - 1)], shapes[-1]
        self.inner = nn.MultiheadAttention(
            shapes[0][1],
            layer.num_heads,
            bias=bool(layer.bias),
            kdim=key[1],
            vdim=value[1],
            batch_first=True,
            add_bias_kv=layer.add_bias_kv,
            add_zero_attn=layer.add_zero_attn,
            dropout=layer.dropout,
        )
        self.causal = layer.causal

    def forward(self, *given: Any) -> Any:
        query, key, value = roles(given)
        mask = given[3].flatten(0, 1) if len(given) > 3 else None
        if self.causal:
            mask = nn.Transformer.generate_square_subsequent_mask(query.shape[1], device=query.device)
        return self.inner(query, key, value, need_weights=False, attn_mask=mask)[0]


class Recurrence(nn.Module):
    """States to begin with are given batch first, as inputs of their own."""

    def __init__(self, layer: Any, *shapes: tuple[int, ...]) -> None:
        super().__init__()
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[layer.type]
        options = {name: getattr(layer, name) for name in ("bias", "dropout", "bidirectional")}
        if layer.type == "rnn":
            options["nonlinearity"] = layer.nonlinearity
        if layer.type == "lstm":
            options["proj_size"] = layer.proj_size or 0
        self.inner = kind(shapes[0][1], layer.hidden_size, layer.num_layers, batch_first=True, **options)

    def forward(self, x: Any, *states: Any) -> Any:
        first = [state.transpose(0, 1) for state in states]
        return self.inner(x, *([tuple(first)] if len(first) > 1 else first))


class Stepping(nn.Module):
    """A cell, its states as inputs of their own."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any, *states: Any) -> Any:
        made = self.inner(x, *([states] if len(states) > 1 else states))
        return made if isinstance(made, tuple) else (made,)


class Weighted(nn.EmbeddingBag):
    def forward(self, tokens: Any, weights: Any = None) -> Any:
        return super().forward(tokens, per_sample_weights=weights)


class Learned(nn.Module):
    """What anyone writes: a parameter, repeated for the batch of 2."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(layer.shape))

    def forward(self) -> Any:
        return self.weight.repeat(2, *[1] * self.weight.dim())


class Filled(nn.Module):
    """What anyone writes: a tensor full of a number, for the batch of 2."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.shape, self.value = layer.shape, layer.value

    def forward(self) -> Any:
        return torch.full((2, *self.shape), self.value)


class Called(nn.Module):
    """A function where PyTorch has no module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: Any) -> Any:
        return self.function(*given)


class Shifted(nn.Conv2d):
    """A convolution with a constant for each unit, as PyTorch's users write it."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.conv2d(input, self.weight, None, self.stride, self.padding) + self.bias

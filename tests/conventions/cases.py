"""What every tool is asked about: single layers as they are built, and PyTorch's own modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import archscope
from archscope.conventions.tally import by_hand
from archscope.layers import TYPES, Shape
from tests.building.builder_cases import CASES
from tests.oracles.test_layer_types import alone

_OWN = (
    "rnn", "lstm", "gru", "lstm_cell", "mixture_of_experts", "locally_connected1d", "locally_connected2d",
    "subsampling", "rbf", "parameter", "constant", "fold", "unfold",
    "relative_position_bias", "attention_mask", "roll",
)  # fmt: skip


def plain(layer: Any) -> bool:
    """Whether a layer is one module of PyTorch, and no class of archscope's own: no convention speaks of those."""
    padding = getattr(layer, "padding", None)
    if padding == "same" or by_hand(layer) or layer.type in _OWN:
        return False
    if isinstance(padding, tuple) and any(isinstance(each, tuple) and each[0] != each[1] for each in padding):
        return False
    return not getattr(layer, "within_channel", False)


def layers() -> Iterator[tuple[str, archscope.Network]]:
    """Every layer of the builder's cases that is a module of PyTorch, alone, with its name and shapes."""
    for case in CASES:
        network = alone(case)
        layer = network.nodes[0].layer
        if plain(layer):
            yield f"{layer!r} {[[int(extent) for extent in shape] for shape in network.inputs.values()]}", network


class Attends(nn.Module):
    """Attention of PyTorch, of its inputs as queries, keys and values."""

    def __init__(self, wide: int, **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(wide, batch_first=True, **options)

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        query, key, value = given * 3 if len(given) == 1 else (given[0], given[1], given[-1])
        return self.attention(query, key, value, need_weights=False)[0]


_SEQUENCE: dict[str, dict[str, Any]] = {
    "": {},
    " of 2 layers": {"num_layers": 2},
    " of 2 layers both ways": {"num_layers": 2, "bidirectional": True},
    " without biases": {"bias": False},
}


def modules() -> Iterator[tuple[str, archscope.Network, nn.Module]]:
    """Modules of PyTorch that `archscope.build` has classes of its own for, each beside the layer of its kind."""
    for kind, made in (("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)):
        for name, options in _SEQUENCE.items():
            yield (f"{made.__name__}{name}", _alone(kind, [(6, 12)], hidden_size=8, **options),
                   made(12, 8, batch_first=True, **options))  # fmt: skip
    for kind, cell in (("rnn_cell", nn.RNNCell), ("lstm_cell", nn.LSTMCell), ("gru_cell", nn.GRUCell)):
        yield cell.__name__, _alone(kind, [(12,)], hidden_size=8), cell(12, 8)
    attention = "multihead_attention"
    yield "attention", _alone(attention, [(6, 16)], num_heads=4), Attends(16, num_heads=4)
    yield ("attention without biases", _alone(attention, [(6, 16)], num_heads=4, bias=False),
           Attends(16, num_heads=4, bias=False))  # fmt: skip
    yield "attention to others", _alone(attention, [(6, 16), (5, 16)], num_heads=4), Attends(16, num_heads=4)
    yield ("attention to others of other widths", _alone(attention, [(6, 16), (5, 12), (5, 10)], num_heads=4),
           Attends(16, num_heads=4, kdim=12, vdim=10))  # fmt: skip
    yield ("attention with keys of its own", _alone(attention, [(6, 16)], num_heads=4, add_bias_kv=True),
           Attends(16, num_heads=4, add_bias_kv=True))  # fmt: skip
    yield ("padding called same", _alone("conv2d", [(4, 9, 9)], out_channels=6, kernel_size=3, padding="same"),
           nn.Conv2d(4, 6, 3, padding="same"))  # fmt: skip


def _alone(kind: str, shapes: list[Shape], **options: Any) -> archscope.Network:
    return alone((TYPES[kind](**options), tuple(shapes)))

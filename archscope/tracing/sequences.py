"""Which layer a module is that PyTorch, or archscope, has for sequences: recurrence, attention, positions, experts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from torch import nn

from archscope.building import modules, sequences
from archscope.layers import TYPES, Layer


def _recurrent(module: Any) -> Layer:
    name = next(name for name, kind in _RECURRENT.items() if isinstance(module, kind))
    options = {each: getattr(module, each) for each in ("hidden_size", "num_layers", "bias", "bidirectional")}
    if module.num_layers > 1:
        options["dropout"] = module.dropout
    if name == "rnn":
        options["nonlinearity"] = module.nonlinearity
    if name == "lstm":
        options["proj_size"] = module.proj_size or None
    return TYPES[name](**options)


def _cell(module: Any) -> Layer:
    name = next(name for name, kind in _CELLS.items() if isinstance(module, kind))
    rest = {"nonlinearity": module.nonlinearity} if name == "rnn_cell" else {}
    return TYPES[name](hidden_size=module.hidden_size, bias=module.bias, **rest)


_RECURRENT: Final[Mapping[str, type[nn.Module]]] = MappingProxyType({"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU})
_CELLS: Final[Mapping[str, type[nn.Module]]] = MappingProxyType(
    {"rnn_cell": nn.RNNCell, "lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell}
)


def _attention(module: nn.MultiheadAttention) -> Layer | None:
    causal = getattr(module, "causal", False)
    biased = module.in_proj_bias is not None
    return TYPES["multihead_attention"](
        num_heads=module.num_heads,
        bias=biased,
        causal=causal,
        add_bias_kv=module.bias_k is not None,
        add_zero_attn=module.add_zero_attn,
        dropout=module.dropout,
    )


def _grouped(module: sequences.GroupedAttention) -> Layer:
    roles = {"query": module.q_proj, "key": module.k_proj, "value": module.v_proj, "output": module.out_proj}
    return TYPES["multihead_attention"](
        num_heads=module.heads,
        num_kv_heads=module.groups,
        head_dim=module.head_dim,
        bias=[role for role, each in roles.items() if each.bias is not None],
        causal=module.causal,
    )


def _dot_product(module: sequences.DotProductAttention) -> Layer:
    return TYPES["scaled_dot_product_attention"](**module.options, dropout_p=module.dropout_p)


def _rotary(module: sequences.Rotary) -> Layer:
    return TYPES["rotary"](base=module.base, rotary_dim=module.rotary_dim, interleaved=module.interleaved)


def _positions(module: sequences.SinusoidalPositions) -> Layer:
    return TYPES["sinusoidal_positions"](max_len=len(module.table), base=module.base)


def _bag(module: nn.EmbeddingBag) -> Layer | None:
    if module.max_norm is not None or module.include_last_offset:
        return None
    return TYPES["embedding_bag"](
        num_embeddings=module.num_embeddings, embedding_dim=module.embedding_dim, mode=module.mode
    )


def _experts(module: modules.Experts) -> Layer:
    experts, hidden, _ = module.up_proj.shape
    return TYPES["mixture_of_experts"](
        num_experts=experts,
        top_k=module.active,
        hidden_features=hidden,
        gated=module.gate_proj is not None,
        nonlinearity=module.nonlinearity,
        num_shared_experts=0 if module.shared_experts is None else module.shared_experts.up_proj.out_features // hidden,
        bias=module.biased,
        router_bias=module.router.bias is not None,
    )


_READINGS: Final[tuple[tuple[type[nn.Module], Callable[[Any], Layer | None]], ...]] = (
    (nn.RNNBase, _recurrent),
    (nn.RNNCellBase, _cell),
    (nn.MultiheadAttention, _attention),
    (sequences.GroupedAttention, _grouped),
    (sequences.DotProductAttention, _dot_product),
    (sequences.Rotary, _rotary),
    (sequences.SinusoidalPositions, _positions),
    (nn.EmbeddingBag, _bag),
    (modules.Experts, _experts),
)

LEAVES: Final = tuple(kind for kind, _ in _READINGS)
"""Modules that are read as one layer, whatever they call."""


def read_sequence(module: nn.Module) -> Layer | None:
    """The layer that a module of `LEAVES` is; None if no layer type describes it.

    >>> read_sequence(nn.GRU(16, 32, batch_first=True))
    GRU(hidden_size=32)
    """
    return next(reading(module) for kind, reading in _READINGS if isinstance(module, kind))

"""Layers over ``(positions, features)``: attention, positions, recurrence and its cells."""

from __future__ import annotations

from archscope.layers.attention import MultiheadAttention, ScaledDotProductAttention
from archscope.layers.base import Layer
from archscope.layers.positions import Rotary, SinusoidalPositions
from archscope.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from archscope.layers.scores import AttentionMask, RelativePositionBias

LAYERS: tuple[type[Layer], ...] = (
    MultiheadAttention, ScaledDotProductAttention, Rotary, SinusoidalPositions, RelativePositionBias,
    AttentionMask, RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell,
)  # fmt: skip

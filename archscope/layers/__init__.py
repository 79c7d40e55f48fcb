"""Every layer type, in one module a family.

>>> TYPES["conv2d"].__name__
'Conv2d'
>>> Conv2d(out_channels=6, kernel_size=5).label
'conv 5×5'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.layers import (
    activation,
    arithmetic,
    axes,
    convolution,
    dense,
    merge,
    normalization,
    pooling,
    sequence,
    shape,
)
from archscope.layers.activation import (
    ELU,
    GELU,
    SELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Identity,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    ReLU6,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from archscope.layers.arithmetic import Abs, Exp, Log, Power, Scale, Sqrt
from archscope.layers.attention import MultiheadAttention, ScaledDotProductAttention
from archscope.layers.axes import (
    Expand,
    LogSumExp,
    Max,
    Mean,
    Min,
    Permute,
    Repeat,
    Squeeze,
    Std,
    Sum,
    Transpose,
    Unsqueeze,
    Var,
)
from archscope.layers.base import Facts, Layer, Shape, Weight, Window
from archscope.layers.borders import (
    CircularPad1d,
    CircularPad2d,
    CircularPad3d,
    ConstantPad1d,
    ConstantPad2d,
    ConstantPad3d,
    ReflectionPad1d,
    ReflectionPad2d,
    ReflectionPad3d,
    ReplicationPad1d,
    ReplicationPad2d,
    ReplicationPad3d,
)
from archscope.layers.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
)
from archscope.layers.dense import (
    RBF,
    Bilinear,
    Embedding,
    EmbeddingBag,
    Linear,
)
from archscope.layers.dropping import Dropout, Dropout1d, Dropout2d, Dropout3d, DropPath
from archscope.layers.experts import MixtureOfExperts
from archscope.layers.gates import GEGLU, GLU, Maxout, ReGLU, SwiGLU
from archscope.layers.learned import Constant, Parameter
from archscope.layers.local import LocallyConnected1d, LocallyConnected2d
from archscope.layers.merge import (
    Add,
    Concat,
    Divide,
    Matmul,
    Maximum,
    Minimum,
    Multiply,
    Pow,
    Stack,
    Subtract,
)
from archscope.layers.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Normalize,
    RMSNorm,
)
from archscope.layers.parts import Chunk, Crop, Select, Slice, Split
from archscope.layers.patches import Fold, Unfold
from archscope.layers.pointwise import (
    CELU,
    Hardshrink,
    LogSigmoid,
    Mish,
    RReLU,
    Softmax2d,
    Softmin,
    Softshrink,
    Softsign,
    Tanhshrink,
    Threshold,
)
from archscope.layers.pooling import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from archscope.layers.positions import Rotary, SinusoidalPositions
from archscope.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from archscope.layers.response import LRN
from archscope.layers.scores import AttentionMask, RelativePositionBias
from archscope.layers.shape import (
    Flatten,
    Reshape,
    Upsample,
    ZeroPad1d,
    ZeroPad2d,
    ZeroPad3d,
)
from archscope.layers.shuffles import ChannelShuffle, PixelShuffle, PixelUnshuffle, Roll
from archscope.layers.subsampling import Subsampling
from archscope.layers.transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

FAMILIES: Final = (convolution, pooling, dense, normalization, activation, shape, axes, merge, arithmetic, sequence)
"""The modules of layer types, in the order of the reference pages."""

TYPES: Final[Mapping[str, type[Layer]]] = MappingProxyType(
    {layer.type: layer for family in FAMILIES for layer in family.LAYERS}
)
"""Every layer type by the name that specs use."""

__all__ = [
    "CELU",
    "ELU",
    "FAMILIES",
    "GEGLU",
    "GELU",
    "GLU",
    "GRU",
    "LRN",
    "LSTM",
    "RBF",
    "RNN",
    "SELU",
    "TYPES",
    "Abs",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "Add",
    "AttentionMask",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm",
    "Bilinear",
    "ChannelShuffle",
    "Chunk",
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "Concat",
    "Constant",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Crop",
    "Divide",
    "DropPath",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Embedding",
    "EmbeddingBag",
    "Exp",
    "Expand",
    "Facts",
    "Flatten",
    "Fold",
    "GRUCell",
    "GroupNorm",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "Identity",
    "InstanceNorm",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocallyConnected1d",
    "LocallyConnected2d",
    "Log",
    "LogSigmoid",
    "LogSoftmax",
    "LogSumExp",
    "Matmul",
    "Max",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Maximum",
    "Maxout",
    "Mean",
    "Min",
    "Minimum",
    "Mish",
    "MixtureOfExperts",
    "MultiheadAttention",
    "Multiply",
    "Normalize",
    "PReLU",
    "Parameter",
    "Permute",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pow",
    "Power",
    "RMSNorm",
    "RNNCell",
    "RReLU",
    "ReGLU",
    "ReLU",
    "ReLU6",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "RelativePositionBias",
    "Repeat",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "Reshape",
    "Roll",
    "Rotary",
    "Scale",
    "ScaledDotProductAttention",
    "ScaledTanh",
    "Select",
    "Shape",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "Slice",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Split",
    "Sqrt",
    "Squeeze",
    "Stack",
    "Std",
    "Subsampling",
    "Subtract",
    "Sum",
    "SwiGLU",
    "Tanh",
    "Tanhshrink",
    "Threshold",
    "Transpose",
    "Unfold",
    "Unsqueeze",
    "Upsample",
    "Var",
    "Weight",
    "Window",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

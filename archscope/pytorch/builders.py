"""The one table by layer type outside the layer classes: how to build each in PyTorch.

A builder takes the layer and the shapes of its inputs and returns a module. It uses PyTorch's own layer
wherever there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from torch import nn

from archscope.layers import Layer, Shape
from archscope.pytorch import historic, modules, padding

COUNTERS: Final = frozenset({"num_batches_tracked"})
"""Buffers that are no value of the network: PyTorch's batch norm counts the batches it has seen."""

Builder = Callable[[Any, tuple[Shape, ...]], nn.Module]

_CONV = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_SIDED_CONV = (padding.SidedConv1d, padding.SidedConv2d, padding.SidedConv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CROPPED = (padding.CroppedConvTranspose1d, padding.CroppedConvTranspose2d, padding.CroppedConvTranspose3d)
_MAX_POOL = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_AVG_POOL = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def _conv(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    axis = len(layer.kernel_size) - 1
    maps = int(shapes[0][0])
    options: dict[str, Any] = {
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "bias": layer.bias,
    }
    around = padding.symmetric(layer.padding)
    if around is not None:
        return _CONV[axis](maps, layer.out_channels, padding=around, **options)  # type: ignore[arg-type]
    module = _SIDED_CONV[axis](maps, layer.out_channels, **options)
    module.sides = layer.padding
    return module


def _conv2d(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    if layer.connection_table is None:
        return _conv(layer, shapes)
    return historic.TableConv2d(
        int(shapes[0][0]),
        layer.connection_table,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.bias,
    )


def _conv_transpose(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    axis = len(layer.kernel_size) - 1
    maps = int(shapes[0][0])
    options: dict[str, Any] = {
        "kernel_size": layer.kernel_size,
        "stride": layer.stride,
        "output_padding": layer.output_padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
        "bias": layer.bias,
    }
    around = padding.symmetric(layer.padding)
    if around is not None:
        return _TRANSPOSED[axis](maps, layer.out_channels, padding=around, **options)  # type: ignore[arg-type]
    module = _CROPPED[axis](maps, layer.out_channels, **options)
    module.sides = layer.padding
    return module


def _max_pool(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    around = padding.symmetric(layer.padding)
    if around is None:
        return padding.SidedMaxPool(layer.kernel_size, layer.steps, layer.padding, layer.dilation, layer.ceil_mode)
    return _MAX_POOL[len(layer.kernel_size) - 1](
        layer.kernel_size, layer.steps, padding=around, dilation=layer.dilation, ceil_mode=layer.ceil_mode
    )


def _avg_pool(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    around = padding.symmetric(layer.padding)
    if around is None:
        return padding.SidedAvgPool(
            layer.kernel_size, layer.steps, layer.padding, layer.ceil_mode, layer.count_include_pad
        )
    return _AVG_POOL[len(layer.kernel_size) - 1](
        layer.kernel_size,
        layer.steps,
        padding=around,  # type: ignore[arg-type]
        ceil_mode=layer.ceil_mode,
        count_include_pad=layer.count_include_pad,
    )


def _subsampling(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    return historic.Subsampling(int(shapes[0][0]), layer.kernel_size, layer.steps)


def _rbf(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    codes = historic.codes_of(layer.codes, layer.out_features, int(shapes[0][0]))
    return historic.EuclideanRBF(codes, layer.trainable)


def _batch_norm(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    channels, *axes = shapes[0]
    return _BATCH_NORM[len(axes)](
        int(channels),
        eps=layer.eps,
        momentum=layer.momentum,
        affine=layer.affine,
        track_running_stats=layer.track_running_stats,
    )


def _layer_norm(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    normalized = layer.normalized_shape or tuple(int(extent) for extent in shapes[0])
    return nn.LayerNorm(normalized, layer.eps, layer.elementwise_affine, layer.bias)


def _group_norm(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    return nn.GroupNorm(layer.num_groups, int(shapes[0][0]), layer.eps, layer.affine)


def _upsample(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    def spread(values: tuple[Any, ...] | None) -> Any:
        return values[0] if values is not None and len(values) == 1 else values

    return nn.Upsample(spread(layer.size), spread(layer.scale_factor), layer.mode)


def _zero_pad(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    pad = (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)[len(layer.padding) - 1]
    return pad(tuple(padding.flat(layer.padding)))  # type: ignore[arg-type]


def _attention(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
    features = int(shapes[0][1])
    keys, values = int(shapes[min(1, len(shapes) - 1)][1]), int(shapes[-1][1])
    return modules.Attention(features, layer.num_heads, bias=layer.bias, kdim=keys, vdim=values)


def _recurrent(module: type[modules.LSTM] | type[modules.GRU]) -> Builder:
    def build(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
        return module(
            int(shapes[0][1]),
            layer.hidden_size,
            layer.num_layers,
            bias=layer.bias,
            batch_first=True,
            bidirectional=layer.bidirectional,
        )

    return build


def _after_batch(dim: int) -> int:
    """An axis counted without the batch, counted with it."""
    return dim + 1 if dim >= 0 else dim


def _plain(module: Callable[..., nn.Module], *names: str) -> Builder:
    """A module that takes options of the layer by name and nothing else."""

    def build(layer: Any, shapes: tuple[Shape, ...]) -> nn.Module:
        return module(**{name: getattr(layer, name) for name in names})

    return build


BUILDERS: Final[Mapping[str, Builder]] = MappingProxyType({
    "conv1d": _conv,
    "conv2d": _conv2d,
    "conv3d": _conv,
    "conv_transpose1d": _conv_transpose,
    "conv_transpose2d": _conv_transpose,
    "conv_transpose3d": _conv_transpose,
    "max_pool1d": _max_pool,
    "max_pool2d": _max_pool,
    "max_pool3d": _max_pool,
    "avg_pool1d": _avg_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool3d": _avg_pool,
    "adaptive_avg_pool1d": lambda layer, shapes: nn.AdaptiveAvgPool1d(layer.output_size[0]),
    "adaptive_avg_pool2d": _plain(nn.AdaptiveAvgPool2d, "output_size"),
    "adaptive_avg_pool3d": _plain(nn.AdaptiveAvgPool3d, "output_size"),
    "adaptive_max_pool1d": lambda layer, shapes: nn.AdaptiveMaxPool1d(layer.output_size[0]),
    "adaptive_max_pool2d": _plain(nn.AdaptiveMaxPool2d, "output_size"),
    "adaptive_max_pool3d": _plain(nn.AdaptiveMaxPool3d, "output_size"),
    "subsampling": _subsampling,
    "linear": lambda layer, shapes: nn.Linear(int(shapes[0][-1]), layer.out_features, bias=layer.bias),
    "rbf": _rbf,
    "embedding": _plain(nn.Embedding, "num_embeddings", "embedding_dim"),
    "lrn": _plain(nn.LocalResponseNorm, "size", "alpha", "beta", "k"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "dropout": _plain(nn.Dropout, "p"),
    "flatten": _plain(nn.Flatten),
    "reshape": _plain(modules.Reshape, "shape"),
    "zero_pad1d": _zero_pad,
    "zero_pad2d": _zero_pad,
    "zero_pad3d": _zero_pad,
    "upsample": _upsample,
    "add": _plain(modules.Add),
    "multiply": _plain(modules.Multiply),
    "concat": lambda layer, shapes: modules.Concat(_after_batch(layer.dim)),
    "multihead_attention": _attention,
    "lstm": _recurrent(modules.LSTM),
    "gru": _recurrent(modules.GRU),
    "relu": _plain(nn.ReLU),
    "relu6": _plain(nn.ReLU6),
    "leaky_relu": _plain(nn.LeakyReLU, "negative_slope"),
    "elu": _plain(nn.ELU, "alpha"),
    "selu": _plain(nn.SELU),
    "gelu": _plain(nn.GELU, "approximate"),
    "silu": _plain(nn.SiLU),
    "sigmoid": _plain(nn.Sigmoid),
    "tanh": _plain(nn.Tanh),
    "scaled_tanh": _plain(historic.ScaledTanh, "amplitude", "slope"),
    "hardtanh": _plain(nn.Hardtanh, "min_val", "max_val"),
    "hardsigmoid": _plain(nn.Hardsigmoid),
    "hardswish": _plain(nn.Hardswish),
    "softplus": _plain(nn.Softplus, "beta"),
    "identity": _plain(nn.Identity),
    "prelu": _plain(nn.PReLU, "num_parameters"),
    "softmax": lambda layer, shapes: nn.Softmax(_after_batch(layer.dim)),
    "log_softmax": lambda layer, shapes: nn.LogSoftmax(_after_batch(layer.dim)),
})  # fmt: skip
"""A builder for every layer type, by the name specs use."""


def build_layer(layer: Layer, *inputs: Shape) -> nn.Module:
    """One layer as a module, for input shapes without the batch axis.

    >>> from archscope.layers import Conv2d
    >>> build_layer(Conv2d(out_channels=6, kernel_size=5), (1, 32, 32))
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """
    plain = tuple(tuple(int(extent) for extent in shape) for shape in inputs)
    return BUILDERS[layer.type](layer, plain)

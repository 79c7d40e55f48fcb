"""The one table by layer type outside the layer classes: how each layer is constructed in PyTorch.

A construction names a class and its arguments. `archscope.building.builders` calls it and
`archscope.writing.pytorch` spells it, so what is printed cannot drift from what is built; and to write a call down
needs no PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.building.named import OWN, PADS, PYTORCHS
from archscope.building.sides import flat, symmetric
from archscope.errors import UsageError
from archscope.layers import Layer, Shape
from archscope.paddings import Padding
from archscope.record import EMPTY, Record


class Construction(Record):
    """One layer as the call of a class.

    Attributes:
        name: the class, of ``torch.nn`` or, where PyTorch has none, of `archscope.building`.
        arguments: what is given by position.
        options: what is given by name; what is PyTorch's default is left out.
    """

    name: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = EMPTY


Shapes = tuple[Shape, ...]
Rule = Callable[[Any, Shapes, Any], Construction]
"""From a layer, its input shapes and its padding, which may be other than the layer's own."""


class NoLayer(UsageError):
    """A function that was seen in a module, or in a file, where a layer has to be made."""


def no_layer(layer: Layer) -> NoLayer:
    """What to say of a function that was seen in a module, where a layer has to be made."""
    line = getattr(layer, "at", "")
    at = f" at {line}" if line else ""
    return NoLayer(f"`{layer.label}`{at} is a {layer.type} of a network that was read, and no layer that can be made")


def construction(layer: Layer, *inputs: Shape, padding: Padding | None = None) -> Construction:
    """How to make a layer, for input shapes without the batch axis.

    ``padding`` stands in for the layer's own: the sides that ``same`` comes to for this input, say.

    Raises:
        UsageError: it is no layer, but a function that was seen in a module.

    >>> from archscope.layers import Conv2d
    >>> construction(Conv2d(out_channels=6, kernel_size=5), (1, 32, 32)).arguments
    (1, 6)
    """
    if layer.type not in CONSTRUCTIONS:
        raise no_layer(layer)
    plain = tuple(tuple(int(extent) for extent in shape) for shape in inputs)
    return CONSTRUCTIONS[layer.type](layer, plain, getattr(layer, "padding", None) if padding is None else padding)


def _stated(layer: Layer, *names: str) -> dict[str, Any]:
    """Options by name that are not at their default, which is PyTorch's."""
    known = layer.stated()
    return {name: getattr(layer, name) for name in names if name in known}


def _conv(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    rest = _stated(layer, "dilation", "groups", "bias")
    return _padded_kernel(layer, shapes, padding, rest, f"Conv{layer.axes}d", f"SidedConv{layer.axes}d")


def _conv2d(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    # Biases that no two units share need to know how many units there are.
    places = {"places": tuple(map(int, layer.facts(*shapes).output[1:]))} if layer.untie_biases else {}
    if layer.connection_table is not None:
        rest = _stated(layer, "stride", "dilation", "bias")
        options = {"kernel_size": layer.kernel_size, "padding": padding, **rest, **places}
        return Construction("TableConv2d", (shapes[0][0], layer.connection_table), options)
    if not places:
        return _conv(layer, shapes, padding)
    rest = _stated(layer, "stride", "dilation", "groups")
    options = {"kernel_size": layer.kernel_size, "sides": padding, **rest, **places}
    return Construction("UntiedConv2d", (shapes[0][0], layer.out_channels), options)


def _conv_transpose(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    rest = _stated(layer, "output_padding", "dilation", "groups", "bias")
    names = (f"ConvTranspose{layer.axes}d", f"CroppedConvTranspose{layer.axes}d")
    return _padded_kernel(layer, shapes, padding, rest, *names)


def _padded_kernel(
    layer: Any, shapes: Shapes, padding: Any, rest: dict[str, Any], plain: str, sided: str
) -> Construction:
    """PyTorch's own class where both sides of every axis are padded alike, ours where they are not."""
    options = {"kernel_size": layer.kernel_size, **_stated(layer, "stride")}
    arguments = (shapes[0][0], layer.out_channels)
    around = symmetric(padding)
    if around is None:
        return Construction(sided, arguments, {**options, **rest, "sides": padding})
    return Construction(plain, arguments, {**options, **({"padding": around} if any(around) else {}), **rest})


def _pool(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    kind = "Max" if layer.type.startswith("max") else "Avg"
    rest = _stated(layer, *(name for name in ("dilation", "ceil_mode", "count_include_pad") if name in layer.options))
    around = symmetric(padding)
    # PyTorch's own pooling takes no more padding than half a window.
    if around is None or any(side > size // 2 for side, size in zip(around, layer.kernel_size, strict=True)):
        return Construction(f"Sided{kind}Pool", (layer.kernel_size, layer.steps), {**rest, "sides": padding})
    options = {"kernel_size": layer.kernel_size, **_stated(layer, "stride")}
    return Construction(
        f"{kind}Pool{layer.axes}d", (), {**options, **({"padding": around} if any(around) else {}), **rest}
    )


def _adaptive(kind: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(f"Adaptive{kind}Pool{layer.axes}d", (), {"output_size": layer.output_size})

    return construct


def _subsampling(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("Subsampling", (shapes[0][0], layer.kernel_size, layer.steps))


def _linear(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("Linear", (shapes[0][-1], layer.out_features), _stated(layer, "bias"))


def _rbf(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    codes = None if layer.codes is None else tuple("".join(code.split()) for code in layer.codes)
    options = {"codes": codes, "trainable": layer.trainable}
    return Construction("EuclideanRBF", (shapes[0][0], layer.out_features), options)


def _embedding(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("Embedding", (layer.num_embeddings, layer.embedding_dim))


def _lrn(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    # All said, because tools differ in their defaults and in what `alpha` is divided by.
    name = "WithinChannelNorm" if layer.within_channel else "LocalResponseNorm"
    return Construction(name, (layer.size,), {name: getattr(layer, name) for name in ("alpha", "beta", "k")})


def _local(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    made = tuple(int(extent) for extent in layer.facts(*shapes).output[1:])
    options = {"kernel_size": layer.kernel_size, "stride": layer.stride, "sides": padding, **_stated(layer, "bias")}
    return Construction(f"LocallyConnected{layer.axes}d", (shapes[0][0], layer.out_channels, made), options)


def _batch_norm(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    axes = max(1, len(shapes[0]) - 1)
    rest = _stated(layer, "eps", "momentum", "affine", "track_running_stats")
    return Construction(f"BatchNorm{axes}d", (shapes[0][0],), rest)


def _layer_norm(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    normalized = layer.normalized_shape or shapes[0]
    return Construction("LayerNorm", (normalized,), _stated(layer, "eps", "elementwise_affine", "bias"))


def _group_norm(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("GroupNorm", (layer.num_groups, shapes[0][0]), _stated(layer, "eps", "affine"))


def _zero_pad(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction(f"ZeroPad{layer.axes}d", (), {"padding": flat(layer.padding)})


def _patches(name: str, *arguments: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        given = {each: getattr(layer, each) for each in arguments}
        return Construction(name, (), {**given, **_stated(layer, "dilation", "padding", "stride")})

    return construct


def _border(name: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(
            name, (), {"padding": flat(layer.padding), **_stated(layer, *{"value"} & set(layer.options))}
        )

    return construct


def _concat(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("Concat", (), {"dim": _after_batch(layer.dim)})


def _upsample(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    name = "size" if layer.size is not None else "scale_factor"
    values = getattr(layer, name)
    options = {name: values[0] if len(values) == 1 else values, **_stated(layer, "mode")}
    return Construction("Upsample", (), options)


def _rms_norm(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    normalized = layer.normalized_shape or shapes[0]
    return Construction("RMSNorm", (normalized,), _stated(layer, "eps", "elementwise_affine"))


def _instance_norm(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    rest = _stated(layer, "eps", "momentum", "affine", "track_running_stats")
    return Construction(f"InstanceNorm{len(shapes[0]) - 1}d", (shapes[0][0],), rest)


def _bilinear(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("Bilinear", (shapes[0][-1], shapes[1][-1], layer.out_features), _stated(layer, "bias"))


def _embedding_bag(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    return Construction("EmbeddingBag", (layer.num_embeddings, layer.embedding_dim), _stated(layer, "mode"))


def _experts(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    arguments = (shapes[0][-1], layer.num_experts, layer.top_k, layer.hidden_features)
    rest = _stated(layer, "gated", "nonlinearity", "bias", "router_bias")
    shared = {"shared": layer.num_shared_experts} if layer.num_shared_experts else {}
    return Construction("Experts", arguments, {**rest, **shared})


def _attention(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    last = min(len(shapes), 3) - 1
    features = shapes[0][1]
    widths = {"kdim": shapes[min(1, last)][1], "vdim": shapes[last][1]}
    rest = {
        **_stated(layer, "causal", "add_bias_kv", "add_zero_attn", "dropout"),
        **({} if set(widths.values()) == {features} else widths),
    }
    if layer.usual(features):
        bias = {} if layer.bias else {"bias": False}
        return Construction("Attention", (features, layer.num_heads), {**bias, **rest})
    width = layer.head_dim or features // layer.num_heads
    arguments = (features, layer.num_heads, layer.key_heads, width)
    return Construction("GroupedAttention", arguments, {**({"bias": layer.bias} if layer.bias else {}), **rest})


def _positions(layer: Any, shapes: Shapes, padding: Any) -> Construction:
    length, features = shapes[0]
    return Construction("SinusoidalPositions", (layer.max_len or length, features), _stated(layer, "base"))


def _only_stated(name: str, *options: str) -> Rule:
    """A class that takes the options of the layer that are not at their default."""
    return lambda layer, shapes, padding: Construction(name, (), _stated(layer, *options))


def _recurrent(name: str, *more: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        rest = _stated(layer, "num_layers", *more, "bias", "dropout", "bidirectional")
        return Construction(name, (shapes[0][1], layer.hidden_size), {**rest, "batch_first": True})

    return construct


def _cell(name: str, *more: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(name, (shapes[0][0], layer.hidden_size), _stated(layer, "bias", *more))

    return construct


def _softmax(name: str) -> Rule:
    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(name, (), {"dim": _after_batch(layer.dim)})

    return construct


def _after_batch(dim: int) -> int:
    """An axis counted without the batch, counted with it."""
    return dim + 1 if dim >= 0 else dim


def _plain(name: str, *options: str) -> Rule:
    """A class that takes options of the layer by name and nothing else."""

    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(name, (), {option: getattr(layer, option) for option in options})

    return construct


def _typed(name: str) -> Rule:
    """A class that takes the options of the layer as they are."""

    def construct(layer: Any, shapes: Shapes, padding: Any) -> Construction:
        return Construction(name, (), {option: getattr(layer, option) for option in layer.options})

    return construct


CONSTRUCTIONS: Final[Mapping[str, Rule]] = MappingProxyType({
    "conv1d": _conv,
    "conv2d": _conv2d,
    "conv3d": _conv,
    "conv_transpose1d": _conv_transpose,
    "conv_transpose2d": _conv_transpose,
    "conv_transpose3d": _conv_transpose,
    "locally_connected1d": _local,
    "locally_connected2d": _local,
    "max_pool1d": _pool,
    "max_pool2d": _pool,
    "max_pool3d": _pool,
    "avg_pool1d": _pool,
    "avg_pool2d": _pool,
    "avg_pool3d": _pool,
    "adaptive_avg_pool1d": _adaptive("Avg"),
    "adaptive_avg_pool2d": _adaptive("Avg"),
    "adaptive_avg_pool3d": _adaptive("Avg"),
    "adaptive_max_pool1d": _adaptive("Max"),
    "adaptive_max_pool2d": _adaptive("Max"),
    "adaptive_max_pool3d": _adaptive("Max"),
    "subsampling": _subsampling,
    "linear": _linear,
    "bilinear": _bilinear,
    "rbf": _rbf,
    "embedding": _embedding,
    "embedding_bag": _embedding_bag,
    "mixture_of_experts": _experts,
    "lrn": _lrn,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "dropout": _plain("Dropout", "p"),
    "flatten": _plain("Flatten"),
    "reshape": _plain("Reshape", "shape"),
    "unfold": _patches("Unfold", "kernel_size"),
    "fold": _patches("Fold", "output_size", "kernel_size"),
    "zero_pad1d": _zero_pad,
    "zero_pad2d": _zero_pad,
    "zero_pad3d": _zero_pad,
    "upsample": _upsample,
    "add": _plain("Add"),
    "multiply": _plain("Multiply"),
    "matmul": _plain("Matmul"),
    "concat": _concat,
    "multihead_attention": _attention,
    "scaled_dot_product_attention": _only_stated("DotProductAttention", "is_causal", "enable_gqa", "scale",
                                                 "dropout_p"),
    "rotary": _only_stated("Rotary", "base", "rotary_dim", "interleaved"),
    "sinusoidal_positions": _positions,
    "rnn": _recurrent("RNN", "nonlinearity"),
    "lstm": _recurrent("LSTM", "proj_size"),
    "gru": _recurrent("GRU"),
    "rnn_cell": _cell("RNNCell", "nonlinearity"),
    "lstm_cell": _cell("LSTMCell"),
    "gru_cell": _cell("GRUCell"),
    **{type_: _typed(name) for type_, name in {**OWN, **PYTORCHS}.items()},
    **{type_: _border(name) for type_, name in PADS.items()},
    "glu": _softmax("GLU"),
    "relu": _plain("ReLU"),
    "relu6": _plain("ReLU6"),
    "leaky_relu": _plain("LeakyReLU", "negative_slope"),
    "elu": _plain("ELU", "alpha"),
    "selu": _plain("SELU"),
    "gelu": _plain("GELU", "approximate"),
    "silu": _plain("SiLU"),
    "sigmoid": _plain("Sigmoid"),
    "tanh": _plain("Tanh"),
    "scaled_tanh": _plain("ScaledTanh", "amplitude", "slope"),
    "hardtanh": _plain("Hardtanh", "min_val", "max_val"),
    "hardsigmoid": _plain("Hardsigmoid"),
    "hardswish": _plain("Hardswish"),
    "softplus": _plain("Softplus", "beta"),
    "identity": _plain("Identity"),
    "prelu": _plain("PReLU", "num_parameters"),
    "softmax": _softmax("Softmax"),
    "log_softmax": _softmax("LogSoftmax"),
    "softmin": _softmax("Softmin"),
    "softmax2d": _plain("Softmax2d"),
    "mish": _plain("Mish"),
    "celu": _plain("CELU", "alpha"),
    "softsign": _plain("Softsign"),
    "logsigmoid": _plain("LogSigmoid"),
    "tanhshrink": _plain("Tanhshrink"),
    "softshrink": _plain("Softshrink", "lambd"),
    "hardshrink": _plain("Hardshrink", "lambd"),
    "threshold": _plain("Threshold", "threshold", "value"),
    "rrelu": _plain("RReLU", "lower", "upper"),
})  # fmt: skip
"""A construction for every layer type, by the name specs use."""

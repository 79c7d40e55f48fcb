"""Which layer a call of one of PyTorch's functions is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from torch import Tensor

from archscope.errors import Rejects
from archscope.layers import TYPES, Layer
from archscope.tracing.samples import sample_of
from archscope.tracing.signatures import bound, each_axis, over_grid, plain_name


class Call(NamedTuple):
    """A function's arguments by name, what it made, and how many samples ran at once."""

    name: str
    given: Mapping[str, Any]
    made: Tensor
    batch: int | None = 1

    @property
    def input(self) -> Tensor:
        """Its first argument."""
        value: Tensor = self.given["input"]
        return value


Reading = Callable[[Call], Layer | tuple[Layer, ...] | None]


def read(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor, batch: int | None = 1
) -> tuple[Layer, ...]:
    """The layer that a call is, or the layers one after another; none, if no layer type describes it.

    Where there is no batch axis, only what does not count axes is read.

    >>> import torch
    >>> read("linear", (torch.zeros(2, 120), torch.zeros(84, 120)), {}, torch.zeros(2, 84))
    (Linear(out_features=84, bias=False),)
    """
    plain = plain_name(name)
    if plain not in _READINGS or (batch is None and plain not in _WITHOUT_AXES):
        return ()
    try:
        found = _READINGS[plain](Call(plain, bound(plain, args, kwargs), made, batch))
    except Rejects:  # PyTorch takes options that the layer type does not
        return ()
    return () if found is None else found if isinstance(found, tuple) else (found,)


def beyond(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """An option of a call that changes what it computes, and that no layer type has; empty if there is none.

    >>> beyond("interpolate", ["x"], {"align_corners": True}), beyond("interpolate", ["x"], {"align_corners": False})
    ('align_corners', '')
    """
    plain = plain_name(name)
    usual = _USUAL.get(plain, {})
    given = bound(plain, args, kwargs) if usual else {}
    if plain == "batch_norm" and given["running_mean"] is None:
        return ""  # there is nothing but the batch to normalize by
    return next((option for option, values in usual.items() if given[option] not in values), "")


def _sides(value: Any, axes: int) -> Any:
    """Padding as archscope's types take it; PyTorch's ``same`` is Keras's where its stride is 1, as it has to be."""
    if value == "same":
        return "same"
    return tuple((side, side) for side in each_axis(0 if value == "valid" else value, axes))


def _conv(call: Call) -> Layer:
    weight = call.given["weight"]
    axes = weight.dim() - 2
    return TYPES[f"conv{axes}d"](
        out_channels=weight.shape[0],
        kernel_size=tuple(weight.shape[2:]),
        stride=each_axis(call.given["stride"], axes),
        padding=_sides(call.given["padding"], axes),
        dilation=each_axis(call.given["dilation"], axes),
        groups=call.given["groups"],
        bias=call.given["bias"] is not None,
    )


def _conv_transpose(call: Call) -> Layer:
    weight = call.given["weight"]
    axes = weight.dim() - 2
    return TYPES[f"conv_transpose{axes}d"](
        out_channels=weight.shape[1] * call.given["groups"],
        kernel_size=tuple(weight.shape[2:]),
        stride=each_axis(call.given["stride"], axes),
        padding=_sides(call.given["padding"], axes),
        output_padding=each_axis(call.given["output_padding"], axes),
        dilation=each_axis(call.given["dilation"], axes),
        groups=call.given["groups"],
        bias=call.given["bias"] is not None,
    )


def _pool(call: Call) -> Layer | None:
    if call.given.get("divisor_override") is not None:
        return None
    axes = int(call.name[-2])
    kernel = each_axis(call.given["kernel_size"], axes)
    stride = kernel if call.given["stride"] in (None, (), []) else each_axis(call.given["stride"], axes)
    options = {
        "kernel_size": kernel,
        "stride": None if stride == kernel else stride,
        "padding": _sides(call.given["padding"], axes),
        "ceil_mode": call.given["ceil_mode"],
    }
    if call.name.startswith("max"):
        options["dilation"] = each_axis(call.given["dilation"], axes)
    else:
        options["count_include_pad"] = call.given["count_include_pad"]
    return TYPES[call.name](**options)


def _adaptive(call: Call) -> Layer:
    return TYPES[call.name](output_size=tuple(call.made.shape[-int(call.name[-2]) :]))


def _linear(call: Call) -> Layer:
    """A dense layer; over more axes than positions and features it says so."""
    return TYPES["linear"](
        out_features=call.given["weight"].shape[0],
        bias=call.given["bias"] is not None,
        every_position=len(sample_of(call.made, call.batch)) > 2,
    )


def _product(call: Call) -> Layer | None:
    """``x @ weight`` is a dense layer without biases; a product of two values has equally many axes in both."""
    left, right = call.given["input"], call.given["other"]
    if right.dim() == 2:
        return TYPES["linear"](out_features=call.made.shape[-1], bias=False)
    return TYPES["matmul"]() if left.dim() == right.dim() else None


def _bilinear(call: Call) -> Layer:
    return TYPES["bilinear"](out_features=call.given["weight"].shape[0], bias=call.given["bias"] is not None)


def _dot_product(call: Call) -> Layer:
    return TYPES["scaled_dot_product_attention"](
        **{name: call.given[name] for name in ("dropout_p", "is_causal", "scale", "enable_gqa")}
    )


def _added_product(call: Call) -> Layer:
    return TYPES["linear"](out_features=call.made.shape[-1])


def _embedding(call: Call) -> Layer:
    count, width = call.given["weight"].shape
    return TYPES["embedding"](num_embeddings=count, embedding_dim=width)


def _batch_norm(call: Call) -> Layer:
    return TYPES["batch_norm"](
        eps=call.given["eps"],
        momentum=0.1 if call.given["momentum"] is None else call.given["momentum"],
        affine=call.given["weight"] is not None,
        track_running_stats=call.given["running_mean"] is not None,
    )


def _layer_norm(call: Call) -> Layer:
    affine = call.given["weight"] is not None
    return TYPES["layer_norm"](
        normalized_shape=list(call.given["normalized_shape"]),
        eps=call.given["eps"],
        elementwise_affine=affine,
        bias=not affine or call.given["bias"] is not None,
    )


def _rms_norm(call: Call) -> Layer:
    return TYPES["rms_norm"](
        normalized_shape=list(call.given["normalized_shape"]),
        eps=call.given["eps"],
        elementwise_affine=call.given["weight"] is not None,
    )


def _instance_norm(call: Call) -> Layer:
    return TYPES["instance_norm"](
        eps=call.given["eps"],
        momentum=call.given["momentum"],
        affine=call.given["weight"] is not None,
        track_running_stats=call.given["running_mean"] is not None,
    )


def _group_norm(call: Call) -> Layer:
    affine = call.given["weight"] is not None
    return TYPES["group_norm"](num_groups=call.given["num_groups"], eps=call.given["eps"], affine=affine)


def _lrn(call: Call) -> Layer:
    return TYPES["lrn"](**{name: call.given[name] for name in ("size", "alpha", "beta", "k")})


def _dropout(call: Call) -> Layer:
    return TYPES["dropout"](p=call.given["p"])


def _reshaped(call: Call) -> Layer | None:
    """A view that leaves the batch where it is: flat, or of another shape."""
    if call.made.shape[0] != call.input.shape[0] or call.made.dim() < 2:
        return None
    return TYPES["flatten"]() if call.made.dim() == 2 else TYPES["reshape"](shape=list(call.made.shape[1:]))


def _concat(call: Call) -> Layer | None:
    dim = call.given["dim"] % call.made.dim()
    return TYPES["concat"](dim=dim - 1) if dim else None


def _several(type_: str) -> Reading:
    """Two tensors of equally many axes, value by value; `add` with a factor is none."""

    def reading(call: Call) -> Layer | None:
        both = (call.given["input"], call.given["other"])
        if not all(isinstance(each, Tensor) and each.dim() == call.made.dim() for each in both):
            return None
        return TYPES[type_]() if call.given.get("alpha", 1) == 1 else None

    return reading


def _mean(call: Call) -> tuple[Layer, ...] | None:
    """A mean over all places of a grid is a pooling to one; where it drops the axes, they are flattened."""
    rank = call.input.dim()
    if not over_grid(call.given["dim"], rank):
        return None
    pooling = TYPES[f"adaptive_avg_pool{rank - 2}d"](output_size=1)
    return (pooling,) if call.given["keepdim"] else (pooling, TYPES["flatten"]())


def _pad(call: Call) -> Layer | None:
    pad = [int(each) for each in call.given["pad"]]
    axes = call.input.dim() - 2
    plain = call.given["mode"] == "constant" and not call.given["value"]
    if not plain or axes not in (1, 2, 3) or len(pad) > 2 * axes or min(pad) < 0:
        return None
    return TYPES[f"zero_pad{axes}d"](padding=pad + [0] * (2 * axes - len(pad)))


def _interpolate(call: Call) -> Layer | None:
    mode = call.given["mode"]
    if mode not in ("nearest", "linear", "bilinear", "bicubic", "trilinear"):
        return None
    if call.given["size"] is not None:
        return TYPES["upsample"](size=list(call.made.shape[2:]), mode=mode)
    factors = call.given["scale_factor"]
    return TYPES["upsample"](scale_factor=list(factors) if isinstance(factors, (tuple, list)) else factors, mode=mode)


def _softmax(call: Call) -> Layer | None:
    dim = call.given["dim"]
    if dim is None or dim % call.made.dim() == 0:
        return None
    return TYPES[call.name](dim=dim % call.made.dim() - 1)


def _activation(*options: str) -> Reading:
    return lambda call: TYPES[call.name](**{name: call.given[name] for name in options})


def _logsigmoid(_: Call) -> Layer:
    return TYPES["logsigmoid"]()


def _hardtanh(call: Call) -> Layer:
    """PyTorch's ReLU6 is one between 0 and 6."""
    bounds = {name: float(call.given[name]) for name in ("min_val", "max_val")}
    return TYPES["relu6"]() if tuple(bounds.values()) == (0, 6) else TYPES["hardtanh"](**bounds)


def _prelu(call: Call) -> Layer:
    return TYPES["prelu"](num_parameters=call.given["weight"].numel())


_USUAL: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = MappingProxyType({
    "batch_norm": {"training": (False,)},
    "embedding": {"max_norm": (None,)},
    "scaled_dot_product_attention": {"attn_mask": (None,)},
    "interpolate": {"align_corners": (None, False), "antialias": (False,)},
    "softplus": {"threshold": (20,)},
    "upsample": {"align_corners": (None, False)},
})  # fmt: skip
"""Options that layer types do not have, with the values at which a call is the layer."""

_WITHOUT_AXES: Final = frozenset({
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "max_pool1d",
    "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "linear",
    "embedding", "layer_norm", "relu", "relu6", "selu", "silu", "sigmoid", "tanh", "hardsigmoid", "hardswish",
    "leaky_relu", "elu", "gelu", "hardtanh", "softplus", "dropout", "add", "radd", "iadd", "mul", "rmul", "imul",
    "multiply",
})  # fmt: skip
"""Functions whose arguments name no axis by its number."""

_TABLE: Final[tuple[tuple[str, Reading], ...]] = (
    ("conv1d conv2d conv3d", _conv),
    ("conv_transpose1d conv_transpose2d conv_transpose3d", _conv_transpose),
    ("max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d", _pool),
    ("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d", _adaptive),
    ("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", _adaptive),
    ("linear", _linear),
    ("matmul mm bmm", _product),
    ("bilinear", _bilinear),
    ("scaled_dot_product_attention", _dot_product),
    ("addmm", _added_product),
    ("embedding", _embedding),
    ("batch_norm", _batch_norm),
    ("layer_norm", _layer_norm),
    ("rms_norm", _rms_norm),
    ("instance_norm", _instance_norm),
    ("group_norm", _group_norm),
    ("local_response_norm", _lrn),
    ("dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout", _dropout),
    ("flatten view reshape squeeze unsqueeze unflatten view_as reshape_as", _reshaped),
    ("cat concat concatenate", _concat),
    ("add radd iadd", _several("add")),
    ("mul rmul imul multiply", _several("multiply")),
    ("mean", _mean),
    ("pad", _pad),
    ("interpolate upsample", _interpolate),
    ("softmax log_softmax softmin", _softmax),
    ("relu relu6 selu silu sigmoid tanh hardsigmoid hardswish mish softsign tanhshrink", _activation()),
    ("logsigmoid log_sigmoid", _logsigmoid),
    ("celu", _activation("alpha")),
    ("softshrink hardshrink", _activation("lambd")),
    ("threshold", _activation("threshold", "value")),
    ("rrelu", _activation("lower", "upper")),
    ("leaky_relu", _activation("negative_slope")),
    ("elu", _activation("alpha")),
    ("gelu", _activation("approximate")),
    ("hardtanh", _hardtanh),
    ("softplus", _activation("beta")),
    ("prelu", _prelu),
)
"""Functions by name, and what makes layers of a call."""

_READINGS: Final[Mapping[str, Reading]] = MappingProxyType(
    {name: reading for names, reading in _TABLE for name in names.split()}
)

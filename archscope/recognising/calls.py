"""Which layer a call of one of PyTorch's functions is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.errors import Rejects
from archscope.layers import TYPES, Layer
from archscope.recognising import axes_calls, einsums, value_calls
from archscope.recognising.batches import APART, WITHOUT
from archscope.recognising.call import AlongSamples, Call, Reading
from archscope.recognising.signatures import bound, each_axis, plain_name
from archscope.recognising.tensor import Tensor


def read(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: Tensor, batch: int | None = 1
) -> tuple[Layer, ...]:
    """The layer that a call is, or the layers one after another; none, if no layer type describes it.

    >>> from archscope.recognising.tensor import Shaped
    >>> read("linear", (Shaped((2, 120)), Shaped((84, 120))), {}, Shaped((2, 84)))
    (Linear(out_features=84, bias=False),)
    """
    plain = plain_name(name)
    if plain not in _READINGS:
        return ()
    return layers_of(Call(plain, bound(plain, args, kwargs), (made,), batch)) or ()


def layers_of(call: Call) -> tuple[Layer, ...] | None:
    """The layers that a call is, one after another: none where it leaves a sample as it was.

    None says that no layer type describes it. Where the batch is not the first axis, only what does not take axes by
    their places is read, and what tells them itself.
    """
    try:
        found = _read(call)
    except Rejects:  # PyTorch takes options that the layer type does not
        return None
    return found if found is None or isinstance(found, tuple) else (found,)


def is_read(name: str) -> bool:
    """Whether some calls of a function are layers."""
    return name in _READINGS


def is_along_samples(call: Call) -> bool:
    """Whether a call that is no layer works along the axis of the samples."""
    try:
        _read(call)
    except AlongSamples:
        return True
    except Rejects:
        pass
    return False


def _read(call: Call) -> Layer | tuple[Layer, ...] | None:
    if call.name not in _READINGS or (call.place != 0 and call.name not in _elsewhere(call.place)):
        return None
    return _READINGS[call.name](call)


def _elsewhere(place: int) -> frozenset[str]:
    """What is read where the batch is not the first axis: what does not name axes, or counts them itself."""
    if place > 0:
        return _WITHOUT_AXES | _COUNTING
    return _WITHOUT_AXES | _GRIDS | (_COUNTING if place in (APART, WITHOUT) else frozenset())


def parts_of(call: Call) -> list[tuple[Layer, ...]] | None:
    """The layers of each result, where each is one for itself: `unbind`, a position of an axis in each."""
    if call.name != "unbind":
        return None
    try:
        axis = call.axis(call.given["dim"])
    except Rejects:
        return None
    return [(TYPES["select"](dim=axis, index=index),) for index in range(len(call.results))]


def _sides(value: Any, axes: int) -> Any:
    """Padding as archscope's types take it; PyTorch's ``same`` is Keras's where its stride is 1, as it has to be."""
    if value == "same":
        return "same"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return value  # a file says each side
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


def _pool(call: Call) -> Layer:
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


def _linear(call: Call) -> Layer | None:
    """A dense layer; over more axes than positions and features it says so."""
    rank = call.made.dim()
    if call.after == rank - 1:
        return None
    return TYPES["linear"](
        out_features=call.given["weight"].shape[0],
        bias=call.given["bias"] is not None,
        every_position=rank - (call.after >= 0) > 2,
    )


def _product(call: Call) -> Layer | None:
    """``x @ weight`` is a dense layer without biases; a product of two values has equally many axes in both."""
    left, right = call.given["input"], call.given["other"]
    if right.dim() == 2 and id(right) not in call.fitted:
        return TYPES["linear"](out_features=call.made.shape[-1], bias=False)
    for each in (left, right):
        if id(each) not in call.fitted and (each.dim() != call.made.dim() or call.place_of(each) != call.after):
            return None
    return TYPES["matmul"]() if call.after < call.made.dim() - 2 else None


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


def _cell(call: Call) -> Layer:
    """One step of a recurrence, of which PyTorch has plain ones by what they do with a sum."""
    kind, plain = (call.name, {}) if call.name in TYPES else ("rnn_cell", {"nonlinearity": call.name.split("_")[1]})
    return TYPES[kind](hidden_size=call.given["w_hh"].shape[1], bias=call.given["b_ih"] is not None, **plain)


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


def _patches(call: Call) -> Layer | None:
    """Windows as columns and back; a tensor's own `unfold` is another function of that name."""
    if call.input.dim() != (4 if call.name == "unfold" else 3) or call.made.dim() != 7 - call.input.dim():
        return None
    names = ("kernel_size", "dilation", "padding", "stride", *(["output_size"] if call.name == "fold" else []))
    return TYPES[call.name](**{name: call.given[name] for name in names})


def _dropout(call: Call) -> Layer:
    """Of whole channels where the function says so and they have a grid."""
    whole = f"dropout{call.input.dim() - 2}d"
    return TYPES[whole if call.name in (whole, "feature_dropout") and whole in TYPES else "dropout"](p=call.given["p"])


def _pad(call: Call) -> tuple[Layer, ...] | None:
    """Values around a grid, or, where less than none are asked for, what is left of it."""
    pad, axes = list(call.given["pad"]), call.input.dim() - 2
    if axes not in (1, 2, 3) or len(pad) > 2 * axes or any(not isinstance(each, int) for each in pad):
        return None
    sides = pad + [0] * (2 * axes - len(pad))
    mode, value = call.given["mode"], float(call.given["value"] or 0)
    pairs = enumerate(zip(sides[::2], sides[1::2], strict=True))
    cut = [_cut(axes - place, -before, -after) for place, (before, after) in pairs if min(before, after) < 0]
    around = [max(each, 0) for each in sides]
    if not any(around):  # PyTorch copies what is left, as it does beside nothing
        return (*cut, TYPES[f"zero_pad{axes}d"](padding=around)) if cut else ()
    if mode == "constant" and not value:
        return (*cut, TYPES[f"zero_pad{axes}d"](padding=around))
    if mode == "constant":
        return (*cut, TYPES[f"constant_pad{axes}d"](padding=around, value=value))
    if cut:
        return None
    kind = {"reflect": "reflection", "replicate": "replication", "circular": "circular"}[mode]
    return (TYPES[f"{kind}_pad{axes}d"](padding=around),)


def _cut(axis: int, before: int, after: int) -> Layer:
    return TYPES["slice"](dim=axis, start=max(before, 0), end=-after if after > 0 else None)


def _glu(call: Call) -> Layer:
    return TYPES["glu"](dim=call.axis(call.given["dim"]))


def _shuffled(call: Call) -> Layer | None:
    ((name, value),) = [each for each in call.given.items() if each[0] != "input"]
    return TYPES[call.name](**{name: value})


def _interpolate(call: Call) -> Layer | None:
    mode = call.given["mode"]
    if mode not in ("nearest", "linear", "bilinear", "bicubic", "trilinear"):
        return None
    if call.given["size"] is not None:
        return TYPES["upsample"](size=list(call.made.shape[2:]), mode=mode)
    factors = call.given["scale_factor"]
    return TYPES["upsample"](scale_factor=list(factors) if isinstance(factors, (tuple, list)) else factors, mode=mode)


def _softmax(call: Call) -> Layer:
    """Without an axis it is over the first of one or three, and else over the second, as PyTorch has it."""
    dim = call.given["dim"]
    return TYPES[call.name](dim=call.axis(int(call.input.dim() not in (0, 1, 3)) if dim is None else dim))


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


_GRIDS: Final = frozenset({
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "max_pool1d",
    "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
})  # fmt: skip
"""Functions that take the channels to be in front of the grid, with a batch before them or without."""

_WITHOUT_AXES: Final = frozenset({
    "linear", "matmul", "bmm", "addmm", "scaled_dot_product_attention",
    "embedding", "layer_norm", "rms_norm", "relu", "relu6", "selu", "silu", "sigmoid", "tanh", "hardsigmoid",
    "hardswish", "mish", "softsign", "tanhshrink", "logsigmoid", "log_sigmoid", "celu", "softshrink", "hardshrink",
    "threshold", "leaky_relu", "elu", "gelu", "hardtanh", "softplus", "dropout",
    *(name for names, _ in value_calls.READINGS for name in names.split()),
})  # fmt: skip
"""Functions that take any axes in front of the last ones."""

_COUNTING: Final = frozenset({
    "einsum", "softmax", "log_softmax", "softmin", "glu",
    *(name for names, _ in axes_calls.READINGS for name in names.split()),
})  # fmt: skip
"""Functions whose readings know which axis is the batch."""

_TABLE: Final[tuple[tuple[str, Reading], ...]] = (
    ("conv1d conv2d conv3d", _conv),
    ("conv_transpose1d conv_transpose2d conv_transpose3d", _conv_transpose),
    ("max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d", _pool),
    ("adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d", _adaptive),
    ("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", _adaptive),
    *axes_calls.READINGS,
    *value_calls.READINGS,
    ("linear", _linear),
    ("matmul mm bmm", _product),
    ("einsum", einsums.read),
    ("bilinear", _bilinear),
    ("scaled_dot_product_attention", _dot_product),
    ("addmm", _added_product),
    ("embedding", _embedding),
    ("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", _cell),
    ("batch_norm", _batch_norm),
    ("layer_norm", _layer_norm),
    ("rms_norm", _rms_norm),
    ("instance_norm", _instance_norm),
    ("group_norm", _group_norm),
    ("local_response_norm", _lrn),
    ("unfold fold", _patches),
    ("dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout feature_alpha_dropout", _dropout),
    ("pad", _pad),
    ("glu", _glu),
    ("pixel_shuffle pixel_unshuffle channel_shuffle", _shuffled),
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

"""PyTorch's own module of every layer type, of the same configuration, and what goes into it.

The table of modules is written from PyTorch's documentation and shares nothing with `archscope.building`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from archscope.layers import TYPES
from tests.layers.layer_case import Case

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from tests.layers.torch_modules import (  # noqa: E402
    Attention,
    Called,
    Filled,
    Learned,
    Padded,
    Recurrence,
    Shifted,
    Stepping,
    Tensors,
    Weighted,
)  # fmt: skip


def flat(padding: tuple[tuple[int, int], ...]) -> list[int]:
    """((top, bottom), (left, right)) in the order of `functional.pad`."""
    return [side for axis in reversed(padding) for side in axis]


def even(padding: Any) -> bool:
    return padding != "same" and all(before == after for before, after in padding)


def sides_of(layer: Any, shape: tuple[int, ...], steps: Any) -> tuple[tuple[int, int], ...]:
    """The sides that Keras documents for `same`: enough for ceil(n / s) windows, the odd one after."""
    if layer.padding != "same":
        return layer.padding
    result = []
    for size, k, s, d in zip(shape[1:], layer.kernel_size, steps, getattr(layer, "dilation", (1, 1, 1)), strict=False):
        missing = max(0, (-(size // -s) - 1) * s + (k - 1) * d + 1 - size)
        result.append((missing // 2, missing - missing // 2))
    return tuple(result)


def conv(layer: Any, shape: tuple[int, ...]) -> nn.Module:
    kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(layer.kernel_size)]
    options = {name: getattr(layer, name) for name in ("kernel_size", "stride", "dilation", "groups", "bias")}
    if even(layer.padding):
        return kind(shape[0], layer.out_channels, padding=[before for before, _ in layer.padding], **options)
    return Padded(flat(sides_of(layer, shape, layer.stride)), 0.0, kind(shape[0], layer.out_channels, **options))


def conv_transpose(layer: Any, shape: tuple[int, ...]) -> nn.Module | None:
    if not even(layer.padding):
        return None
    kind = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[len(layer.kernel_size)]
    names = ("kernel_size", "stride", "output_padding", "dilation", "groups", "bias")
    options = {name: getattr(layer, name) for name in names}
    return kind(shape[0], layer.out_channels, padding=[before for before, _ in layer.padding], **options)


def pool(layer: Any, shape: tuple[int, ...]) -> nn.Module | None:
    axes = len(layer.kernel_size)
    largest = layer.type.startswith("max")
    kind = getattr(nn, f"{'Max' if largest else 'Avg'}Pool{axes}d")
    steps = layer.kernel_size if layer.stride is None else layer.stride
    options = {"kernel_size": layer.kernel_size, "stride": steps, "ceil_mode": layer.ceil_mode}
    if largest:
        options["dilation"] = layer.dilation
    if even(layer.padding):
        return kind(padding=[before for before, _ in layer.padding], **options)
    return None if layer.ceil_mode else Padded(flat(sides_of(layer, shape, steps)), 0.0, kind(**options))


def normalized(layer: Any, shape: tuple[int, ...]) -> nn.Module:
    extents = list(layer.normalized_shape or shape)
    return nn.LayerNorm(extents, elementwise_affine=layer.elementwise_affine, bias=layer.bias)


def batch_norm(layer: Any, shape: tuple[int, ...]) -> nn.Module:
    kind = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}[len(shape)]
    return kind(shape[0], affine=layer.affine, track_running_stats=layer.track_running_stats)


def attention(layer: Any, *shapes: tuple[int, ...]) -> nn.Module | None:
    """PyTorch's own has heads that share the features, and biases everywhere or nowhere."""
    theirs = layer.num_kv_heads is None and layer.head_dim is None and len(layer.bias) in (0, 4)
    last = min(len(shapes), 3) - 1
    return Attention(layer, shapes[0], shapes[min(1, last)], shapes[last]) if theirs else None


def cell(layer: Any, *shapes: tuple[int, ...]) -> nn.Module:
    kind = {"rnn_cell": nn.RNNCell, "lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell}[layer.type]
    rest = {"nonlinearity": layer.nonlinearity} if layer.type == "rnn_cell" else {}
    inner = kind(shapes[0][0], layer.hidden_size, bias=layer.bias, **rest)
    return Stepping(inner)


def dot_product(layer: Any, *shapes: tuple[int, ...]) -> nn.Module:
    return Called(lambda query, key, value, mask=None: functional.scaled_dot_product_attention(
        query, key, value, None if mask is None else mask.view(len(mask), *[1] * (query.dim() - mask.dim()),
                                                               *mask.shape[1:]),
        is_causal=layer.is_causal, enable_gqa=layer.enable_gqa, scale=layer.scale))  # fmt: skip


def instance_norm(layer: Any, shape: tuple[int, ...]) -> nn.Module:
    kind = {2: nn.InstanceNorm1d, 3: nn.InstanceNorm2d, 4: nn.InstanceNorm3d}[len(shape)]
    return kind(shape[0], affine=layer.affine, track_running_stats=layer.track_running_stats)


def product(given: Tensors) -> Any:
    result = given[0]
    for other in given[1:]:
        result = result * other
    return result


def _plain(kind: type[nn.Module], *names: str) -> Callable[..., nn.Module]:
    return lambda layer, *shapes: kind(**{name: getattr(layer, name) for name in names})


def squeezed(layer: Any, shape: tuple[int, ...]) -> nn.Module:
    if layer.dim is None:  # without the batch, where PyTorch's own takes away what it finds
        return Called(lambda x: torch.stack([torch.squeeze(each) for each in x]))
    return Called(lambda x: torch.squeeze(x, [dim % len(shape) + 1 for dim in layer.dim]))


def cropped(layer: Any, shape: tuple[int, ...], like: tuple[int, ...]) -> nn.Module:
    """Padding of less than nothing."""
    sides = []
    for axis in reversed(range(len(shape) - 1)):
        more = shape[axis + 1] - like[axis + 1]
        offset = layer.offset or [more // 2]
        before = offset[axis] if len(offset) > 1 else offset[0]
        sides += [-before, before - more]
    return Called(lambda x, like: functional.pad(x, sides))


MODULES: dict[str, Callable[..., nn.Module | None]] = {
    **{f"conv{n}d": conv for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": conv_transpose for n in (1, 2, 3)},
    **{f"{kind}_pool{n}d": pool for kind in ("max", "avg") for n in (1, 2, 3)},
    **{
        f"adaptive_{kind.lower()}_pool{n}d": lambda layer, shape, name=f"Adaptive{kind}Pool{n}d": getattr(nn, name)(
            layer.output_size if len(layer.output_size) > 1 else layer.output_size[0]
        )
        for kind in ("Max", "Avg")
        for n in (1, 2, 3)
    },
    **{
        f"zero_pad{n}d": lambda layer, shape, name=f"ZeroPad{n}d": getattr(nn, name)(tuple(flat(layer.padding)))
        for n in (1, 2, 3)
    },
    "linear": lambda layer, shape: nn.Linear(shape[-1], layer.out_features, bias=layer.bias),
    "parameter": Learned,
    "constant": Filled,
    "embedding": _plain(nn.Embedding, "num_embeddings", "embedding_dim"),
    "lrn": lambda layer, shape: None if layer.within_channel else nn.LocalResponseNorm(
        layer.size, layer.alpha, layer.beta, layer.k
    ),
    "batch_norm": batch_norm,
    "layer_norm": normalized,
    "group_norm": lambda layer, shape: nn.GroupNorm(layer.num_groups, shape[0], affine=layer.affine),
    "dropout": _plain(nn.Dropout, "p"),
    "flatten": lambda layer, shape: nn.Flatten(),
    "reshape": lambda layer, shape: nn.Unflatten(1, layer.shape) if len(shape) == 1 else None,
    "upsample": lambda layer, shape: nn.Upsample(
        size=layer.size if layer.size is None or len(layer.size) > 1 else layer.size[0],
        scale_factor=layer.scale_factor if layer.scale_factor is None or len(layer.scale_factor) > 1
        else layer.scale_factor[0],
        mode=layer.mode,
    ),
    "add": lambda layer, *shapes: Called(lambda *given: sum(given[1:], given[0])),
    "multiply": lambda layer, *shapes: Called(lambda *given: product(given)),
    "concat": lambda layer, *shapes: Called(
        lambda *given: torch.cat(given, dim=layer.dim + 1 if layer.dim >= 0 else layer.dim)
    ),
    "multihead_attention": attention,
    "scaled_dot_product_attention": dot_product,
    **dict.fromkeys(("rnn", "lstm", "gru"), Recurrence),
    **dict.fromkeys(("rnn_cell", "lstm_cell", "gru_cell"), cell),
    "rms_norm": lambda layer, shape: nn.RMSNorm(
        list(layer.normalized_shape or shape), elementwise_affine=layer.elementwise_affine
    ),
    "instance_norm": instance_norm,
    "matmul": lambda layer, *shapes: Called(torch.matmul),
    "bilinear": lambda layer, left, right: nn.Bilinear(left[-1], right[-1], layer.out_features, bias=layer.bias),
    "embedding_bag": lambda layer, *shapes: Weighted(layer.num_embeddings, layer.embedding_dim, mode=layer.mode),
    "relu": _plain(nn.ReLU),
    "relu6": _plain(nn.ReLU6),
    "leaky_relu": _plain(nn.LeakyReLU, "negative_slope"),
    "elu": _plain(nn.ELU, "alpha"),
    "selu": _plain(nn.SELU),
    "gelu": _plain(nn.GELU, "approximate"),
    "silu": _plain(nn.SiLU),
    "sigmoid": _plain(nn.Sigmoid),
    "tanh": _plain(nn.Tanh),
    "hardtanh": _plain(nn.Hardtanh, "min_val", "max_val"),
    "hardsigmoid": _plain(nn.Hardsigmoid),
    "hardswish": _plain(nn.Hardswish),
    "softplus": _plain(nn.Softplus, "beta"),
    "identity": _plain(nn.Identity),
    "prelu": _plain(nn.PReLU, "num_parameters"),
    "softmax": lambda layer, shape: nn.Softmax(layer.dim + 1 if layer.dim >= 0 else layer.dim),
    **{
        f"{kind.lower()}_pad{n}d": lambda layer, shape, name=f"{kind}Pad{n}d": getattr(nn, name)(
            tuple(flat(layer.padding))
        )
        for kind in ("Reflection", "Replication", "Circular") for n in (1, 2, 3)
    },
    **{
        f"constant_pad{n}d": lambda layer, shape: Called(
            lambda x: functional.pad(x, flat(layer.padding), value=layer.value)
        )
        for n in (1, 2, 3)
    },
    "unfold": _plain(nn.Unfold, "kernel_size", "dilation", "padding", "stride"),
    "fold": _plain(nn.Fold, "output_size", "kernel_size", "dilation", "padding", "stride"),
    "pixel_shuffle": _plain(nn.PixelShuffle, "upscale_factor"),
    "pixel_unshuffle": _plain(nn.PixelUnshuffle, "downscale_factor"),
    "channel_shuffle": _plain(nn.ChannelShuffle, "groups"),
    "roll": lambda layer, shape: Called(
        lambda x: torch.roll(x, layer.shifts, [dim % len(shape) + 1 for dim in layer.dims])
    ),
    **{f"dropout{n}d": _plain(getattr(nn, f"Dropout{n}d"), "p") for n in (1, 2, 3)},
    "drop_path": lambda layer, shape: nn.Identity(),
    "glu": lambda layer, shape: nn.GLU(layer.dim % len(shape) + 1),
    **{
        name: lambda layer, shape, gate=gate: Called(
            lambda x: torch.mul(*(f(half) for f, half in zip((torch.clone, gate), x.tensor_split(
                2, layer.dim % len(shape) + 1), strict=True)))
        )
        for name, gate in (("geglu", functional.gelu), ("swiglu", functional.silu), ("reglu", functional.relu))
    },
    "maxout": lambda layer, shape: Called(
        lambda x: torch.stack(x.tensor_split(shape[layer.dim] // layer.pieces, layer.dim + 1)).amax(layer.dim + 2)
        .movedim(0, layer.dim + 1)
    ),
    "permute": lambda layer, shape: Called(lambda x: torch.permute(x, [0, *(d % len(shape) + 1 for d in layer.dims)])),
    "transpose": lambda layer, shape: Called(
        lambda x: torch.swapaxes(x, layer.dim0 % len(shape) + 1, layer.dim1 % len(shape) + 1)
    ),
    "squeeze": squeezed,
    "unsqueeze": lambda layer, shape: Called(lambda x: torch.unsqueeze(x, layer.dim % (len(shape) + 1) + 1)),
    "expand": lambda layer, shape: Called(
        lambda x: torch.broadcast_to(x, (2, *(n if n > 0 else o for n, o in zip(layer.size, shape, strict=True))))
    ),
    "slice": lambda layer, shape: Called(lambda x: torch.index_select(
        x, layer.dim % len(shape) + 1,
        torch.arange(shape[layer.dim], device=x.device)[layer.start : layer.end : layer.step])),
    "select": lambda layer, shape: Called(lambda x: torch.unbind(x, layer.dim % len(shape) + 1)[layer.index]),
    "split": lambda layer, shape: Called(
        lambda x: torch.split_with_sizes(x, layer.split_size, dim=layer.dim % len(shape) + 1)
    ),
    "chunk": lambda layer, shape: Called(lambda x: torch.chunk(x, layer.chunks, layer.dim % len(shape) + 1)),
    "crop": cropped,
    **{
        name: lambda layer, shape, function=function: Called(
            lambda x: function(x, [d % len(shape) + 1 for d in layer.dim], keepdim=layer.keepdim)
        )
        for name, function in (("mean", torch.mean), ("sum", torch.sum), ("max", torch.amax), ("min", torch.amin),
                               ("logsumexp", torch.logsumexp))
    },
    **{
        name: lambda layer, shape, function=function: Called(
            lambda x: function(x, [d % len(shape) + 1 for d in layer.dim], correction=layer.correction,
                               keepdim=layer.keepdim)
        )
        for name, function in (("var", torch.var), ("std", torch.std))
    },
    "repeat": lambda layer, shape: Called(lambda x: torch.tile(x, (1, *layer.repeats))),
    "normalize": lambda layer, shape: Called(
        lambda x: functional.normalize(x, layer.p, layer.dim % len(shape) + 1, layer.eps)
    ),
    "maximum": lambda layer, *shapes: Called(torch.maximum),
    "minimum": lambda layer, *shapes: Called(torch.minimum),
    "pow": lambda layer, *shapes: Called(torch.pow),
    "stack": lambda layer, *shapes: Called(
        lambda *x: torch.cat([each.unsqueeze(layer.dim % (len(shapes[0]) + 1) + 1) for each in x],
                             layer.dim % (len(shapes[0]) + 1) + 1)
    ),
    "subtract": lambda layer, *shapes: Called(torch.sub),
    "divide": lambda layer, *shapes: Called(torch.div),
    "abs": lambda layer, shape: Called(torch.abs),
    "exp": lambda layer, shape: Called(torch.exp),
    "log": lambda layer, shape: Called(torch.log),
    "sqrt": lambda layer, shape: Called(torch.sqrt),
    "power": lambda layer, shape: Called(lambda x: torch.pow(x, layer.exponent)),
    "scale": lambda layer, shape: Called(lambda x: torch.add(torch.mul(x, layer.factor), layer.shift)),
    "mish": _plain(nn.Mish),
    "celu": _plain(nn.CELU, "alpha"),
    "softsign": _plain(nn.Softsign),
    "logsigmoid": _plain(nn.LogSigmoid),
    "tanhshrink": _plain(nn.Tanhshrink),
    "softshrink": _plain(nn.Softshrink, "lambd"),
    "hardshrink": _plain(nn.Hardshrink, "lambd"),
    "threshold": _plain(nn.Threshold, "threshold", "value"),
    "rrelu": _plain(nn.RReLU, "lower", "upper"),
    "softmin": lambda layer, shape: nn.Softmin(layer.dim + 1 if layer.dim >= 0 else layer.dim),
    "softmax2d": _plain(nn.Softmax2d),
    "log_softmax": lambda layer, shape: nn.LogSoftmax(layer.dim + 1 if layer.dim >= 0 else layer.dim),
}  # fmt: skip

WITHOUT = {
    "subsampling": "PyTorch has no trainable sub-sampling",
    "rbf": "PyTorch has no radial basis functions",
    "scaled_tanh": "PyTorch has no scaled tanh",
    "rotary": "PyTorch has no rotary positions",
    "sinusoidal_positions": "PyTorch has no sinusoidal positions",
    "relative_position_bias": "PyTorch has no relative positions",
    "attention_mask": "PyTorch has no shifted windows",
    "mixture_of_experts": "PyTorch has no mixture of experts",
    "locally_connected1d": "PyTorch has no locally connected layers",
    "locally_connected2d": "PyTorch has no locally connected layers",
}


def module_of(row: Case) -> nn.Module:
    if row.type in WITHOUT:
        pytest.skip(WITHOUT[row.type])
    if row.options.get("connection_table"):
        pytest.skip("PyTorch has no connection table")
    with torch.device("meta"):
        module = MODULES[row.type](row.layer, *row.inputs)
        if row.options.get("untie_biases"):
            module.__class__ = Shifted
            module.bias = nn.Parameter(torch.zeros(row.outputs[0]))
    if module is None:
        pytest.skip("PyTorch has no such configuration")
    return module.eval()


def inputs_of(row: Case) -> Tensors:
    tokens = TYPES[row.type].tokens
    return tuple(
        torch.empty((2, *shape), dtype=torch.long if place < tokens else torch.float32, device="meta")
        for place, shape in enumerate(row.inputs)
    )


def tensors_in(result: Any) -> Tensors:
    if isinstance(result, torch.Tensor):
        return (result,)
    return tuple(tensor for each in result for tensor in tensors_in(each))

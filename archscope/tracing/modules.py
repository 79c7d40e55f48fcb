"""Which layer a whole module is, where it is more than one of PyTorch's functions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Final

from torch import nn

from archscope.building import functions, historic, local, padding
from archscope.errors import Rejects
from archscope.layers import TYPES, Layer
from archscope.recognising.batches import APART, WITHOUT
from archscope.tracing import sequences

_BY_ATTRIBUTES: Final[Mapping[type[nn.Module], tuple[str, tuple[str, ...]]]] = {
    nn.Unfold: ("unfold", ("kernel_size", "dilation", "padding", "stride")),
    nn.Fold: ("fold", ("output_size", "kernel_size", "dilation", "padding", "stride")),
    nn.PixelShuffle: ("pixel_shuffle", ("upscale_factor",)),
    nn.PixelUnshuffle: ("pixel_unshuffle", ("downscale_factor",)),
    nn.ChannelShuffle: ("channel_shuffle", ("groups",)),
    **{getattr(nn, f"ZeroPad{n}d"): (f"zero_pad{n}d", ("padding",)) for n in (1, 2, 3)},
    **{getattr(nn, f"ConstantPad{n}d"): (f"constant_pad{n}d", ("padding", "value")) for n in (1, 2, 3)},
    **{
        getattr(nn, f"{kind}Pad{n}d"): (f"{kind.lower()}_pad{n}d", ("padding",))
        for kind in ("Reflection", "Replication", "Circular") for n in (1, 2, 3)
    },
}  # fmt: skip
"""Modules of PyTorch with a layer type of their own, and the attributes that are its options."""

STATED: Final[tuple[type[nn.Module], ...]] = (functions.Typed, nn.GLU, *_BY_ATTRIBUTES)
"""Modules that say themselves what layer they are."""

_SIDED: Final = (
    padding.SidedConv1d, padding.SidedConv2d, padding.SidedConv3d, padding.CroppedConvTranspose1d,
    padding.CroppedConvTranspose2d, padding.CroppedConvTranspose3d, padding.SidedMaxPool, padding.SidedAvgPool,
)  # fmt: skip

LEAVES: Final = (
    *sequences.LEAVES, historic.Subsampling, historic.TableConv2d, historic.EuclideanRBF,
    historic.ScaledTanh, local.LocallyConnected1d, local.LocallyConnected2d, local.WithinChannelNorm, nn.Softmax2d,
    *STATED, *_SIDED,
)  # fmt: skip
"""Modules that are read as one layer, whatever they call."""


def read_module(module: nn.Module) -> Layer | None:
    """The layer that a module of `LEAVES` is; None if no layer type describes it."""
    try:
        return _read(module)
    except Rejects:  # PyTorch takes options that the layer type does not: padding that cuts off
        return None


def _read(module: nn.Module) -> Layer | None:
    if isinstance(module, sequences.LEAVES):
        return sequences.read_sequence(module)
    if isinstance(module, historic.Subsampling):
        beside = module.stride == module.kernel_size
        return TYPES["subsampling"](kernel_size=module.kernel_size, stride=None if beside else module.stride)
    if isinstance(module, historic.TableConv2d):
        return _over_table(module)
    if isinstance(module, historic.EuclideanRBF):
        trainable = "weight" in dict(module.named_parameters())
        return TYPES["rbf"](out_features=module.weight.shape[0], trainable=trainable)
    if isinstance(module, historic.ScaledTanh):
        return TYPES["scaled_tanh"](amplitude=module.amplitude, slope=module.slope)
    if isinstance(module, STATED):
        return _stated(module)
    if isinstance(module, local.WithinChannelNorm):
        numbers = {name: getattr(module, name) for name in ("size", "alpha", "beta", "k")}
        return TYPES["lrn"](**numbers, within_channel=True)
    if isinstance(module, (local.LocallyConnected1d, local.LocallyConnected2d)):
        options = {name: getattr(module, name) for name in ("out_channels", "kernel_size", "stride")}
        options |= {"padding": module.sides, "bias": module.bias is not None}
        return TYPES[f"locally_connected{len(module.kernel_size)}d"](**options)
    if isinstance(module, nn.Softmax2d):
        return TYPES["softmax2d"]()
    return _sided(module)


def _stated(module: nn.Module) -> Layer:
    """The layer of a module of `STATED`."""
    if isinstance(module, functions.Typed):
        return TYPES[module.layer_type](**module.options)
    if isinstance(module, nn.GLU):
        return TYPES["glu"](dim=module.dim - 1 if module.dim > 0 else module.dim)
    type_, names = next(each for kind, each in _BY_ATTRIBUTES.items() if isinstance(module, kind))
    options = {name: getattr(module, name) for name in names}
    if options.get("value") == 0:
        type_ = type_.replace("constant", "zero")
        del options["value"]
    return TYPES[type_](**options)


_MASKS: Final = ("key_padding_mask", "attn_mask", "is_causal")


def beyond_module(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """What a module of `LEAVES` has or is given that its layer type does not have, a mask; empty if it is nothing."""
    if isinstance(module, nn.RNNBase):
        return "" if module.batch_first else "time first"
    if not isinstance(module, nn.MultiheadAttention):
        return ""
    given = given_to(module, args, kwargs)
    masked = next((name for name in _MASKS if given.get(name) is not None and given[name] is not False), "")
    return masked or ("" if module.batch_first else "time first")


def ordered(module: nn.Module, option: str, first: int, rank: int) -> str:
    """What the order of axes is beyond the layer type, by where the batch is; where there is none, nothing."""
    if rank == 2 and first in (APART, WITHOUT):
        return ""
    if rank == 3 and first >= 0:
        return "" if (first == 0) == module.batch_first else "time first"
    return option


def given_to(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What a module is given, by name."""
    return {**dict(zip(inspect.signature(module.forward).parameters, args, strict=False)), **kwargs}


def is_ours(module: nn.Module) -> bool:
    """Whether it is made by archscope, for a layer that PyTorch has not."""
    return type(module).__module__.startswith("archscope.building.")


def _over_table(module: historic.TableConv2d) -> Layer:
    return TYPES["conv2d"](
        out_channels=module.out_channels,
        kernel_size=module.kernel_size,
        stride=module.stride,
        padding=module.padding,
        dilation=module.dilation,
        bias=module.bias is not None,
        connection_table=[list(row) for row in module.table],
        untie_biases=module.places is not None,
    )


def _sided(module: Any) -> Layer | None:
    if not isinstance(module, _SIDED):
        return None
    axes = len(module.kernel_size)
    if isinstance(module, padding.SidedMaxPool):
        return TYPES[f"max_pool{axes}d"](**_window(module), dilation=module.dilation)
    if isinstance(module, padding.SidedAvgPool):
        return TYPES[f"avg_pool{axes}d"](**_window(module), count_include_pad=module.count_include_pad)
    options = {name: getattr(module, name) for name in ("out_channels", "kernel_size", "stride", "dilation", "groups")}
    options |= {"padding": module.sides, "bias": module.bias is not None}
    if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        return TYPES[f"conv_transpose{axes}d"](**options, output_padding=module.output_padding)
    untied = {"untie_biases": True} if isinstance(module, historic.UntiedConv2d) else {}
    return TYPES[f"conv{axes}d"](**options, **untied)


def _window(module: padding.SidedMaxPool | padding.SidedAvgPool) -> dict[str, Any]:
    """Options that all poolings have; a stride is stated where windows do not lie side by side."""
    stride = None if module.stride == module.kernel_size else module.stride
    return {
        "kernel_size": module.kernel_size,
        "stride": stride,
        "padding": module.sides,
        "ceil_mode": module.ceil_mode,
    }

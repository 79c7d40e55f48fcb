"""Caffe's layers with windows: convolution and its transpose, and pooling, whose sizes round up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.caffe.place import Place, Value
from archscope.layers.windows import AXES

Reading = Callable[[Place], Sequence[Value]]
"""What a layer is here: keeps its nodes, and gives their results in the order of its own."""


def _along(place: Place, name: str, axes: int, usual: int | None, *, least: int = 0, short: str = "") -> list[int]:
    """An option with a number for each axis: one for all, one for each, or height and width by name."""
    options = place.options
    short = short or name
    high, wide = options.whole(f"{short}_h", -1, least=least), options.whole(f"{short}_w", -1, least=least)
    said = options.wholes(name, least=least)
    if high >= 0 or wide >= 0:
        if said or axes != 2:
            raise place.cannot(f"says `{name}`, and `{short}_h` or `{short}_w`, which are for two axes by themselves")
        found: list[int | None] = [each if each >= 0 else usual for each in (high, wide)]
    elif len(said) in (1, axes):
        found = [*said] * (axes // len(said))
    else:
        found = [] if said else [usual] * axes
    if not found:
        raise place.cannot(f"says `{name}` {len(said)} times for {axes} axes")
    if None in found:
        raise place.cannot(f"does not say `{name}`")
    return [int(each) for each in found if each is not None]


def _conv(place: Place) -> list[Value]:
    options = place.options
    axes = len(place.value.shape) - 1
    if axes not in AXES:
        raise place.cannot(f"is given {len(place.value.shape)} axes, and takes channels and one to three axes")
    if place.axis(options.whole("axis", 1, least=-8)) != 0:
        raise place.cannot("has its channels along another axis than the first")
    upwards = place.kind == "Deconvolution"
    given: dict[str, Any] = {
        "out_channels": options.wanted("num_output"),
        "kernel_size": _along(place, "kernel_size", axes, None, least=1, short="kernel"),
        "stride": _along(place, "stride", axes, 1, least=1),
        "padding": _along(place, "pad", axes, 0),
        "dilation": _along(place, "dilation", axes, 1, least=1),
        "groups": options.whole("group", 1, least=1),
        "bias": options.flag("bias_term", usual=True),
    }
    options.unimportant("weight_filler", "bias_filler", "engine", "force_nd_im2col")
    if place.kind.startswith(("Depthwise", "ConvolutionDepthwise")):
        given["groups"] = int(place.value.shape[0])
    if len(place.values) != max(len(place.call.tops), 1):
        raise place.cannot(f"reads {len(place.values)} values and makes {len(place.call.tops)}")
    type_ = f"conv{'_transpose' if upwards else ''}{axes}d"
    layer = place.typed(type_, given)
    first = place.layer(layer, [place.value])[0]
    # What else it reads goes through the same weights.
    return [first, *(place.layer(layer, [value], of=first)[0] for value in place.values[1:])]


def _pool(place: Place) -> list[Value]:
    options = place.options
    place.takes(1)
    axes = len(place.value.shape) - 1
    if axes != 2:
        raise place.cannot(f"is given {len(place.value.shape)} axes, and takes channels, height and width")
    kind = options.word("pool", "MAX", ("MAX", "AVE", "STOCHASTIC"))
    up = options.word("round_mode", "CEIL", ("CEIL", "FLOOR")) == "CEIL"
    whole = options.flag("global_pooling", usual=False)
    stride, padding = _along(place, "stride", axes, 1, least=1), _along(place, "pad", axes, 0)
    kernel = [int(each) for each in place.value.shape[1:]]
    if not whole:
        kernel = _along(place, "kernel_size", axes, None, least=1, short="kernel")
    options.unimportant("engine")
    up = options.flag("ceil_mode", up)  # as some branches of Caffe say it
    if any(pad >= window for pad, window in zip(padding, kernel, strict=True)):
        raise place.cannot("pads by as much as its window, which Caffe does not take")
    size = [_pooled(*each, up=up, padded=any(padding))
            for each in zip(map(int, place.value.shape[1:]), kernel, stride, padding, strict=True)]  # fmt: skip
    shape = (place.value.shape[0], *size)
    if min(size) < 1:
        raise place.cannot("has a window that is larger than what it is given")
    if kind == "STOCHASTIC" or len(place.call.tops) > 1:
        return place.function(f"{kind.lower()} pool", [place.value], [shape] * max(len(place.call.tops), 1))
    word = {"MAX": "max", "AVE": "avg"}[kind]
    if whole:
        return [place.made(f"adaptive_{word}_pool2d", output_size=1)]
    given: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": up}
    usual = _pooled_by_pytorch(size, place.value.shape[1:], stride, padding)
    if usual == size:
        return [place.made(f"{word}_pool2d", **given)]
    return [place.like(f"{word}_pool2d", [place.value], "a window behind the edge", output=shape, **given)]


def _pooled(size: int, kernel: int, stride: int, pad: int, *, up: bool, padded: bool) -> int:
    """Caffe's rule: rounded up, and the last window dropped if it begins behind the edge, only where there is padding.

    >>> _pooled(55, 3, 2, 0, up=True, padded=False), _pooled(5, 1, 3, 0, up=True, padded=False)
    (27, 3)
    """
    free = size + 2 * pad - kernel
    found = (-(-free // stride) if up else free // stride) + 1
    return found - 1 if padded and (found - 1) * stride >= size + pad else found


def _pooled_by_pytorch(size: Sequence[int], given: Sequence[int], stride: Sequence[int],
                       padding: Sequence[int]) -> list[int]:  # fmt: skip
    """The sizes without windows that begin behind the edge."""
    along = zip(size, map(int, given), stride, padding, strict=True)
    return [min(made, -(-(had + pad) // step)) for made, had, step, pad in along]


READINGS: Final[Mapping[str, tuple[str, Reading]]] = MappingProxyType({
    **dict.fromkeys(("Convolution", "Deconvolution", "DepthwiseConvolution", "ConvolutionDepthwise"),
                    ("convolution_param", _conv)),
    "Pooling": ("pooling_param", _pool),
})  # fmt: skip
"""Caffe's types, the messages that hold their options, and the layers that each is."""

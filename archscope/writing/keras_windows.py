"""Windows with weights of their own, transposed convolutions, and sizes that are changed, in Keras, by layer type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_axes import channels_first, channels_last
from archscope.writing.keras_functions import Form, cannot
from archscope.writing.keras_pooling import around
from archscope.writing.listing import short

METHODS: Final = {
    "columns_of": '''
@staticmethod
def columns_of(x, size, strides=1, dilation=1):
    """Each window as a row of its values, map by map."""
    maps = x.shape[-1]
    found = ops.image.extract_patches(x, size, strides, dilation)
    apart = ops.reshape(found, (-1, found.shape[1] * found.shape[2], size[0] * size[1], maps))
    return ops.reshape(ops.swapaxes(apart, 2, 3), (-1, apart.shape[1], apart.shape[2] * maps))
''',
    "normalize_within": '''
@staticmethod
def normalize_within(x, size, alpha, beta, k):
    """Local response normalization over neighbours in the same map."""
    half = size // 2
    around = ops.pad(x * x, [[0, 0], [half, half], [half, half], [0, 0]])
    return x / (k + alpha * ops.average_pool(around, size, 1)) ** beta
''',
    "slope": '''
@staticmethod
def slope(x, below):
    """What is below 0 times a slope, the rest as it is."""
    return ops.maximum(x, 0) + below * ops.minimum(x, 0)
''',
}
"""Methods for what Keras has in another form."""


def columns(place: Any, value: str, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> str:
    """Each window of a value as a row of its values, map by map."""
    rest = f", {place.window(stride)}" if {*stride, *dilation} != {1} else ""
    rest += f", {place.window(dilation)}" if set(dilation) != {1} else ""
    return f"{place.method('columns_of')}({value}, {tuple(kernel)}{rest})"


def _unfold(place: Any) -> str:
    layer = place.layer
    if max(layer.stride) > 1 and max(layer.dilation) > 1:
        raise cannot(place, "windows there are strided or dilated, not both")
    value = around(place.taken[0], [(each, each) for each in layer.padding])
    return columns(place, value, layer.kernel_size, layer.stride, layer.dilation)


def _fold(place: Any) -> str:
    raise cannot(place, "nothing there adds up windows that lie over one another")


def _local(place: Any) -> str:
    """A kernel for each map at every position; along one axis as over an image of one row."""
    layer = place.layer
    _, *made = (int(each) for each in place.facts.output)
    reach = f"{place.fan_in} ** -0.5"
    start = f"keras.initializers.RandomUniform(-({reach}), {reach})"
    kernels, *shifts = (
        place.weight(each.name, each.shape, place.started(each.name, start)) for each in place.facts.weights
    )
    value, kernel, stride = around(place.taken[0], layer.padding), tuple(layer.kernel_size), tuple(layer.stride)
    if layer.axes == 1:
        value, kernel, stride = f"ops.expand_dims({value}, 1)", (1, *kernel), (1, *stride)
    rows = columns(place, value, kernel, stride, (1, 1))
    maps = layer.out_channels
    product = f'ops.einsum("nlk,blk->bln", ops.reshape({kernels}, ({maps}, -1, {place.fan_in})), {rows})'
    for shift in shifts:
        product = f"{product} + ops.transpose(ops.reshape({shift}, ({maps}, -1)))"
    return f"ops.reshape({product}, {(-1, *made, maps)})"


def inside(place: Any) -> str:
    """What is cut out of a transposed convolution with nothing cut off; empty if that is all of it."""
    layer = place.layer
    if layer.groups > 1:
        raise cannot(place, "a transposed convolution there has no groups")
    kept = []
    made = tuple(int(each) for each in place.facts.output[1:])
    along = zip(place.shape[1:], layer.kernel_size, layer.stride, layer.dilation, layer.padding, made, strict=True)
    for size, kernel, stride, dilation, (before, _), wanted in along:
        whole = size * stride + max((kernel - 1) * dilation + 1 - stride, 0)
        if before + wanted > whole:
            raise cannot(place, "an output there does not reach beyond its windows")
        kept.append(":" if (before, wanted) == (0, whole) else f"{before}:{before + wanted}")
    return "" if set(kept) == {":"} else f"[:, {', '.join(kept)}]"


def _transposed(place: Any) -> str:
    layer, cut = place.layer, inside(place)
    if max(layer.stride) > 1 and max(layer.dilation) > 1:
        raise cannot(place, "a transposed convolution there is strided or dilated, not both")
    rest = "" if set(layer.stride) == {1} else f", strides={short(layer.stride)}"
    rest += "" if set(layer.dilation) == {1} else f", dilation_rate={short(layer.dilation)}"
    rest += "" if layer.bias else ", use_bias=False"
    rest += place.initializers(weight="kernel", bias="bias")
    called = place.made(f"Conv{layer.axes}DTranspose({layer.out_channels}, {short(layer.kernel_size)}{rest})")
    return f"{called}{cut}"


def upsampling(linear: Callable[[Any, str, tuple[int, ...]], str], modes: Sequence[str]) -> Callable[[Any], str]:
    """How to write it, by how a framework weighs neighbours in these modes; nearest values are repeated."""

    def written(place: Any) -> str:
        layer, value = place.layer, str(place.taken[0])
        made = tuple(int(each) for each in place.facts.output[1:])
        pairs = [*zip(place.shape[1:], made, strict=True)]
        if layer.mode == "nearest":
            for axis, (old, new) in enumerate(pairs, start=1):
                if new % old:
                    raise cannot(place, "a nearest value there is known for whole factors alone")
                value = value if old == new else f"ops.repeat({value}, {new // old}, axis={axis})"
            return value
        if layer.mode not in modes:
            why = ("it resizes along three axes there only one after the other" if layer.mode == "trilinear"
                   else "a cubic interpolation there weighs its four neighbours otherwise")  # fmt: skip
            raise cannot(place, why)
        scales = layer.scale_factor or ()
        given = scales * len(pairs) if len(scales) == 1 else scales
        if any(old * scale != new for scale, (old, new) in zip(given, pairs, strict=False)):
            raise cannot(place, "where a value comes from follows there from the two sizes, and not from a factor")
        return linear(place, value, made)

    return written


def _resized(place: Any, value: str, made: tuple[int, ...]) -> str:
    if place.layer.mode == "linear":
        return f"ops.image.resize(ops.expand_dims({value}, 1), (1, {made[0]}))[:, 0]"
    return f"ops.image.resize({value}, {made})"


def _prelu(place: Any) -> str:
    (weight,) = place.facts.weights
    below = place.weight("weight", weight.shape, place.started("weight", "keras.initializers.Constant(0.25)"))
    return f"{place.method('slope')}({place.taken[0]}, {below})"


def _joined(shown: Sequence[str], axis: int) -> str:
    return shown[0] if len(shown) == 1 else f"ops.concatenate([{', '.join(shown)}], axis={axis})"


def _mirrored(place: Any) -> str:
    """Each side mirrored at its edge, an axis after the other."""
    value = str(place.taken[0])
    for axis, (before, after) in enumerate(place.layer.padding, start=1):
        size, inside = place.shape[axis], ", ".join([":"] * axis)
        parts = [f"ops.flip({value}[{inside}, 1:{before + 1}], axis={axis})"] * bool(before) + [value]
        parts += [f"ops.flip({value}[{inside}, {size - 1 - after}:{size - 1}], axis={axis})"] * bool(after)
        value = _joined(parts, axis)
    return value


def _edges(place: Any) -> str:
    """The first and the last of each axis repeated, an axis after the other."""
    value = str(place.taken[0])
    for axis, (before, after) in enumerate(place.layer.padding, start=1):
        inside = ", ".join([":"] * axis)
        parts = [f"ops.repeat({value}[{inside}, :1], {before}, axis={axis})"] * bool(before) + [value]
        parts += [f"ops.repeat({value}[{inside}, -1:], {after}, axis={axis})"] * bool(after)
        value = _joined(parts, axis)
    return value


def _bilinear(place: Any) -> str:
    kernels, *shifts = place.facts.weights
    reach = f"{int(kernels.shape[1])} ** -0.5"
    start = f"keras.initializers.RandomUniform(-({reach}), {reach})"
    held = [place.weight(each.name, each.shape, place.started(each.name, start)) for each in (kernels, *shifts)]
    rank = len(place.shape)
    one, other = (channels_first(value, rank) for value in place.taken)
    product = f'ops.einsum("...c,ncd,...d->...n", {one}, {held[0]}, {other})'
    return channels_last(" + ".join([product, *held[1:]]), rank)


WINDOWS: Final[Mapping[str, Form]] = MappingProxyType({
    "unfold": _unfold,
    "fold": _fold,
    **{f"locally_connected{n}d": _local for n in (1, 2)},
    **{f"conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    "upsample": upsampling(_resized, ("linear", "bilinear")),
    "prelu": _prelu,
    "bilinear": _bilinear,
    "reflection_pad3d": _mirrored,
    **{f"replication_pad{n}d": _edges for n in (1, 2, 3)},
})  # fmt: skip
"""How to write each."""

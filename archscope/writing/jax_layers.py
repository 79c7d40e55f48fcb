"""Layers with weights, pools and dropout in Flax NNX, by layer type, channels last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.channels_last import bag, embedding, last, linear, over_table, shifted
from archscope.writing.keras_axes import channels_first, channels_last
from archscope.writing.keras_functions import cannot
from archscope.writing.keras_pooling import adaptive_sizes, around, hanging, sides_of, sides_of_pool
from archscope.writing.keras_sequences import SMALLEST_STEP, attending, groups_of
from archscope.writing.keras_windows import columns, inside, upsampling

Form = Callable[[Any], str]


def _pairs(sides: Sequence[tuple[int, int]]) -> str:
    """Padding as Flax takes it."""
    return f"({', '.join(str(tuple(map(int, each))) for each in sides)}{',' if len(sides) == 1 else ''})"


def _window(values: Sequence[int]) -> str:
    return str(tuple(int(each) for each in values))


def _conv(place: Any) -> str:
    layer = place.layer
    sides, _ = sides_of(place, layer.stride, layer.dilation)
    if place.over_table:
        return over_table(place, sides)
    rest = "" if set(layer.stride) == {1} else f", strides={_window(layer.stride)}"
    rest += f", padding={_pairs(sides)}" if any(map(any, sides)) else ', padding="VALID"'
    rest += "" if set(layer.dilation) == {1} else f", kernel_dilation={_window(layer.dilation)}"
    rest += "" if layer.groups == 1 else f", feature_group_count={layer.groups}"
    rest += "" if layer.one_bias_a_map else ", use_bias=False"
    kernel = _window(layer.kernel_size)
    rest += place.initializers(weight="kernel", **({"bias": "bias"} if layer.one_bias_a_map else {}))
    made: str = place.made(f"Conv({place.shape[0]}, {layer.out_channels}, {kernel}{rest})")
    return made if layer.one_bias_a_map or not layer.bias else shifted(place, made)


def _transposed(place: Any) -> str:
    """A transposed convolution with nothing cut off, and then what is wanted of it."""
    layer, cut = place.layer, inside(place)
    rest = "" if set(layer.stride) == {1} else f", strides={_window(layer.stride)}"
    rest += "" if set(layer.dilation) == {1} else f", kernel_dilation={_window(layer.dilation)}"
    rest += "" if layer.bias else ", use_bias=False"
    # Its kernels have the two kinds of maps the other way round there: PyTorch's schemes are worked out.
    rest += f", kernel_init={place.said('weight')}" if "weight" in place.starts else ""
    rest += place.initializers(bias="bias")
    kernel = _window(layer.kernel_size)
    called = place.made(f'ConvTranspose({place.shape[0]}, {layer.out_channels}, {kernel}, padding="VALID"{rest})')
    return f"{called}{cut}"


def _dense(place: Any) -> str:
    rest = ("" if place.layer.bias else ", use_bias=False") + place.initializers(weight="kernel", bias="bias")
    return f"Linear({place.shape[-1]}, {place.layer.out_features}{rest})"


def _with_theirs(place: Any) -> str:
    """The product with the matrix of an embedding, or of another dense layer."""
    matrix = "embedding[...].T" if place.owner_type == "embedding" else "kernel[...]"
    return f"{place.taken[0]} @ self.{place.owner}.{matrix}"


def _batch_norm(place: Any) -> str:
    layer = place.layer
    if not layer.track_running_stats:
        raise cannot(place, "a batch normalization there always keeps running statistics")
    return str(place.made(f"BatchNorm({place.shape[0]}, momentum={1 - layer.momentum:g}, epsilon={layer.eps:g}"
                          f"{_switched(place, scale=layer.affine, bias=layer.affine)})"))  # fmt: skip


def _switched(place: Any, *, scale: bool, bias: bool) -> str:
    switched = ("" if scale else ", use_scale=False") + ("" if bias else ", use_bias=False")
    return f"{switched}{place.initializers(weight='scale', bias='bias')}"


def _over_last_axis(place: Any, name: str, rest: str) -> str:
    rank, layer = len(place.shape), place.layer
    if len(layer.normalized_shape or place.shape) != 1:
        raise cannot(place, "a norm there has its weights along one axis")
    place.taken = [channels_first(place.taken[0], rank)]
    return channels_last(place.made(f"{name}({place.shape[-1]}{rest})"), rank)


def _layer_norm(place: Any) -> str:
    layer = place.layer
    weights = _switched(place, scale=layer.elementwise_affine, bias=layer.elementwise_affine and layer.bias)
    return _over_last_axis(place, "LayerNorm", f", epsilon={layer.eps:g}{weights}")


def _rms_norm(place: Any) -> str:
    layer = place.layer
    eps = SMALLEST_STEP if layer.eps is None else layer.eps
    weights = ("" if layer.elementwise_affine else ", use_scale=False") + place.initializers(weight="scale")
    return _over_last_axis(place, "RMSNorm", f", epsilon={eps:g}{weights}")


def _group_norm(place: Any) -> str:
    layer, groups = place.layer, groups_of(place)
    weights = _switched(place, scale=layer.affine, bias=layer.affine)
    return str(place.made(f"GroupNorm({place.shape[0]}, num_groups={groups}, epsilon={layer.eps:g}{weights})"))


def _dropout(place: Any) -> str:
    return str(place.made(f"Dropout({place.layer.p:g})"))


def _whole_maps(place: Any) -> str:
    """Whole maps are dropped: one draw for all positions of a map."""
    return str(place.made(f"Dropout({place.layer.p:g}, broadcast_dims={tuple(range(1, len(place.shape)))})"))


def _drop_path(place: Any) -> str:
    return str(place.made(f"Dropout({place.layer.p:g}, broadcast_dims={tuple(range(1, len(place.shape) + 1))})"))


def _pool(place: Any) -> str:
    layer = place.layer
    kind = "max" if "max" in layer.type else "avg"
    sides, _ = sides_of_pool(place)
    over = hanging(place, sides)
    padded = [(before, after + more) for (before, after), more in zip(sides, over, strict=True)]
    rest = f", padding={_pairs(padded)}" if any(map(any, padded)) else ""
    if kind == "avg" and any(map(any, padded)):
        if layer.count_include_pad and any(over) and any(map(any, sides)):
            raise cannot(place, "a window there counts all of its padding, or none")
        rest += "" if layer.count_include_pad and not any(over) else ", count_include_pad=False"
    return f"nnx.{kind}_pool({place.taken[0]}, {_window(layer.kernel_size)}, {_window(layer.steps)}{rest})"


def _adaptive(place: Any) -> str:
    kind, sizes = ("max" if "max" in place.layer.type else "avg"), adaptive_sizes(place)
    if set(place.layer.output_size) == {1}:
        whole = ("max" if kind == "max" else "mean", tuple(range(1, len(sizes) + 1)))
        return f"jnp.{whole[0]}({place.taken[0]}, axis={whole[1]}, keepdims=True)"
    return f"nnx.{kind}_pool({place.taken[0]}, {_window(sizes)}, {_window(sizes)})"


def _attention(place: Any) -> str:
    layer, taken = place.layer, attending(place)
    widths = [int(shape[-1]) for shape in place.facts.inputs]
    if len(widths) == 3 and widths[1] != widths[2]:
        raise cannot(place, "keys and values there have one width")
    width = (layer.head_dim or widths[0] // layer.num_heads) * layer.num_heads
    rest = "" if width == widths[0] else f", qkv_features={width}, out_features={widths[0]}"
    rest += "" if widths[-1] == widths[0] else f", in_kv_features={widths[-1]}"
    rest += "" if layer.key_heads == layer.num_heads else f", num_kv_heads={layer.key_heads}"
    rest += ("" if layer.bias else ", use_bias=False") + (f", dropout_rate={layer.dropout!r}" if layer.dropout else "")
    rest += _started_attention(place)
    place.taken = [*taken, *(["is_causal=True"] if layer.causal else [])]
    return channels_last(place.made(f"MultiHeadAttention({layer.num_heads}, {widths[0]}{rest}, decode=False)"), 2)


def _started_attention(place: Any) -> str:
    """Arguments that start its projections; what says nothing of the last goes by the others there, if not told."""
    said = ""
    for kind, usual in (("weight", "nnx.initializers.lecun_normal()"), ("bias", "nnx.initializers.zeros_init()")):
        argument = "kernel" if kind == "weight" else "bias"
        into, out = f"in_proj_{kind}", f"out_proj.{kind}"
        if into in place.starts:
            said += f", {argument}_init={place.said(into)}, out_{argument}_init={place.started(out, usual)}"
        elif out in place.starts:
            said += f", out_{argument}_init={place.said(out)}"
    return said


def _columns(place: Any, value: str) -> str:
    layer = place.layer
    value = around(value, [(each, each) for each in layer.padding])
    return columns(place, value, layer.kernel_size, layer.stride, layer.dilation)


def _unfold(place: Any) -> str:
    return _columns(place, place.taken[0])


def _fold(place: Any) -> str:
    """What sums up windows is the other way round of what cuts them out."""
    cut = f"lambda maps: {_columns(place, 'maps')}"
    return f"{place.method('laid_over')}({place.taken[0]}, {cut}, {last(place.facts.output)})"


def _resized(place: Any, value: str, made: tuple[int, ...]) -> str:
    return f"{place.method('resized')}({value}, {made})"


LAYERS: Final[Mapping[str, Form]] = MappingProxyType({
    **{f"conv{n}d": _conv for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    "linear": linear(_dense, _with_theirs),
    "embedding": embedding("Embed", "embedding"),
    "embedding_bag": bag("Embed", "embedding"),
    "unfold": _unfold,
    "fold": _fold,
    "upsample": upsampling(_resized, ("linear", "bilinear", "trilinear")),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _group_norm,
    "dropout": _dropout,
    **{f"dropout{n}d": _whole_maps for n in (1, 2, 3)},
    "drop_path": _drop_path,
    **{f"{kind}_pool{n}d": _pool for kind in ("max", "avg") for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{n}d": _adaptive for kind in ("max", "avg") for n in (1, 2, 3)},
    "multihead_attention": _attention,
})  # fmt: skip
"""How to write each."""

"""Layers with weights, pools and dropout in Flax NNX, by layer type, channels last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_axes import channels_first, channels_last
from archscope.writing.keras_functions import cannot
from archscope.writing.keras_pooling import hanging, sides_of

Form = Callable[[Any], str]


def _pairs(sides: Sequence[tuple[int, int]]) -> str:
    """Padding as Flax takes it."""
    return f"({', '.join(str(tuple(map(int, each))) for each in sides)}{',' if len(sides) == 1 else ''})"


def _window(values: Sequence[int]) -> str:
    return str(tuple(int(each) for each in values))


def _conv(place: Any) -> str:
    layer = place.layer
    sides, _ = sides_of(place, layer.stride, layer.dilation)
    rest = "" if set(layer.stride) == {1} else f", strides={_window(layer.stride)}"
    rest += f", padding={_pairs(sides)}" if any(map(any, sides)) else ', padding="VALID"'
    rest += "" if set(layer.dilation) == {1} else f", kernel_dilation={_window(layer.dilation)}"
    rest += "" if layer.groups == 1 else f", feature_group_count={layer.groups}"
    rest += "" if layer.one_bias_a_map else ", use_bias=False"
    kernel = _window(layer.kernel_size)
    made: str = place.made(f"Conv({place.shape[0]}, {layer.out_channels}, {kernel}{rest}{place.initializers})")
    if layer.one_bias_a_map or not layer.bias:
        return made
    shift = place.weight("bias", place.facts.weights[1].shape, place.started("bias", '"zeros"'))
    return f"{made} + jnp.transpose({shift}, {(*range(1, layer.axes + 1), 0)})"


def _transposed(place: Any) -> str:
    """A transposed convolution with nothing cut off, and then what is wanted of it."""
    layer = place.layer
    if layer.groups > 1:
        raise cannot(place, "a transposed convolution there has no groups")
    inside = []
    made = tuple(int(each) for each in place.facts.output[1:])
    along = zip(place.shape[1:], layer.kernel_size, layer.stride, layer.dilation, layer.padding, made, strict=True)
    for size, kernel, stride, dilation, (before, _), wanted in along:
        whole = size * stride + max((kernel - 1) * dilation + 1 - stride, 0)
        if before + wanted > whole:
            raise cannot(place, "an output there does not reach beyond its windows")
        inside.append(":" if (before, wanted) == (0, whole) else f"{before}:{before + wanted}")
    rest = "" if set(layer.stride) == {1} else f", strides={_window(layer.stride)}"
    rest += "" if set(layer.dilation) == {1} else f", kernel_dilation={_window(layer.dilation)}"
    rest += ("" if layer.bias else ", use_bias=False") + place.initializers
    kernel = _window(layer.kernel_size)
    called: str = place.made(f'ConvTranspose({place.shape[0]}, {layer.out_channels}, {kernel}, padding="VALID"{rest})')
    return called if set(inside) == {":"} else f"{called}[:, {', '.join(inside)}]"


def _linear(place: Any) -> str:
    layer, rank = place.layer, len(place.shape)
    place.taken = [channels_first(place.taken[0], rank)]  # the features last, as a dense layer there has them
    if place.tied:
        return channels_last(_tied(place), rank)
    rest = "" if layer.bias else ", use_bias=False"
    width = place.shape[-1]
    return channels_last(place.made(f"Linear({width}, {layer.out_features}{rest}{place.initializers})"), rank)


def _tied(place: Any) -> str:
    """A dense layer with the matrix of an embedding, or of another dense layer."""
    owner = (
        f"self.{place.owner}.embedding[...].T" if place.owner_type == "embedding" else f"self.{place.owner}.kernel[...]"
    )
    made = f"{place.taken[0]} @ {owner}"
    if not place.layer.bias:
        return made
    if "bias" in place.tied:
        return f"{made} + self.{place.owner}.bias[...]"
    started = place.started("bias", '"zeros"')
    return f"{made} + {place.weight('bias', place.facts.weights[1].shape, started)}"


def _embedding(place: Any) -> str:
    if place.tied:
        raise cannot(place, "its vectors there are never those of a dense layer")
    place.taken = [channels_first(place.taken[0], len(place.shape))]
    made = place.made(f"Embed({place.layer.num_embeddings}, {place.layer.embedding_dim})")
    return channels_last(made, len(place.facts.output))


def _batch_norm(place: Any) -> str:
    layer = place.layer
    if not layer.track_running_stats:
        raise cannot(place, "a batch normalization there always keeps running statistics")
    return str(place.made(f"BatchNorm({place.shape[0]}, momentum={1 - layer.momentum:g}, epsilon={layer.eps:g}"
                          f"{_switched(scale=layer.affine, bias=layer.affine)})"))  # fmt: skip


def _switched(*, scale: bool, bias: bool) -> str:
    return ("" if scale else ", use_scale=False") + ("" if bias else ", use_bias=False")


def _over_last_axis(place: Any, name: str, rest: str) -> str:
    rank, layer = len(place.shape), place.layer
    if len(layer.normalized_shape or place.shape) != 1:
        raise cannot(place, "a norm there has its weights along one axis")
    place.taken = [channels_first(place.taken[0], rank)]
    return channels_last(place.made(f"{name}({place.shape[-1]}{rest})"), rank)


def _layer_norm(place: Any) -> str:
    layer = place.layer
    weights = _switched(scale=layer.elementwise_affine, bias=layer.elementwise_affine and layer.bias)
    return _over_last_axis(place, "LayerNorm", f", epsilon={layer.eps:g}{weights}")


def _rms_norm(place: Any) -> str:
    layer = place.layer
    eps = 2**-23 if layer.eps is None else layer.eps  # the smallest step of float32, as PyTorch has it
    weights = "" if layer.elementwise_affine else ", use_scale=False"
    return _over_last_axis(place, "RMSNorm", f", epsilon={eps:g}{weights}")


def _group_norm(place: Any) -> str:
    layer = place.layer
    if getattr(layer, "track_running_stats", False):
        raise cannot(place, "an instance normalization there holds no running statistics")
    groups = layer.num_groups if layer.type == "group_norm" else place.shape[0]
    weights = _switched(scale=layer.affine, bias=layer.affine)
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
    kind, axes = ("max" if "max" in layer.type else "avg"), len(layer.kernel_size)
    dilation = getattr(layer, "dilation", (1,) * axes)
    if set(dilation) != {1}:
        raise cannot(place, "a pooling there has no dilation")
    sides, _ = sides_of(place, layer.steps, dilation)
    over = hanging(place, sides)
    padded = [(before, after + more) for (before, after), more in zip(sides, over, strict=True)]
    rest = f", padding={_pairs(padded)}" if any(map(any, padded)) else ""
    if kind == "avg" and any(map(any, padded)):
        if layer.count_include_pad and any(over) and any(map(any, sides)):
            raise cannot(place, "a window there counts all of its padding, or none")
        rest += "" if layer.count_include_pad and not any(over) else ", count_include_pad=False"
    return f"nnx.{kind}_pool({place.taken[0]}, {_window(layer.kernel_size)}, {_window(layer.steps)}{rest})"


def _adaptive(place: Any) -> str:
    kind = "max" if "max" in place.layer.type else "avg"
    sizes = []
    for extent, made in zip(place.shape[1:], place.layer.output_size, strict=True):
        if extent % made:
            raise cannot(place, f"{made} windows over {extent} positions are not all of one size")
        sizes.append(extent // made)
    return f"nnx.{kind}_pool({place.taken[0]}, {_window(sizes)}, {_window(sizes)})"


def _attention(place: Any) -> str:
    layer = place.layer
    taken = [channels_first(value, len(shape)) for value, shape in zip(place.taken, place.facts.inputs, strict=True)]
    if len(layer.bias) not in (0, 4):
        raise cannot(place, "all projections there have a bias, or none")
    if len(taken) > 3:
        raise cannot(place, "a mask there says yes or no, and is not added")
    if layer.more_keys:
        raise cannot(place, "no key of its own stands there behind those that come")
    widths = [int(shape[-1]) for shape in place.facts.inputs]
    if len(widths) == 3 and widths[1] != widths[2]:
        raise cannot(place, "keys and values there have one width")
    width = (layer.head_dim or widths[0] // layer.num_heads) * layer.num_heads
    rest = "" if width == widths[0] else f", qkv_features={width}, out_features={widths[0]}"
    rest += "" if widths[-1] == widths[0] else f", in_kv_features={widths[-1]}"
    rest += "" if layer.key_heads == layer.num_heads else f", num_kv_heads={layer.key_heads}"
    rest += ("" if layer.bias else ", use_bias=False") + (f", dropout_rate={layer.dropout!r}" if layer.dropout else "")
    place.taken = [*taken, *(["is_causal=True"] if layer.causal else [])]
    return channels_last(place.made(f"MultiHeadAttention({layer.num_heads}, {widths[0]}{rest}, decode=False)"), 2)


LAYERS: Final[Mapping[str, Form]] = MappingProxyType({
    "conv": _conv,
    **{f"conv_transpose{n}d": _transposed for n in (1, 2, 3)},
    "linear": _linear,
    "embedding": _embedding,
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

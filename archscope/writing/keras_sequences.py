"""Normalization over features, attention and matrix products in Keras, by layer type.

A spec has features last and positions first; values there stand the other way round, as maps do, so each is turned
before a layer of this kind and back after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.writing.keras_axes import channels_first, channels_last
from archscope.writing.keras_functions import Form, cannot

METHODS: Final = {
    "attend": '''
@staticmethod
def attend(query, key, value, mask=None, causal=False, scale=None):
    """Scaled dot-product attention; heads, if there are any, stand before the positions."""
    if len(query.shape) > 3 and query.shape[-3] != key.shape[-3]:
        copies = query.shape[-3] // key.shape[-3]
        key, value = ops.repeat(key, copies, axis=-3), ops.repeat(value, copies, axis=-3)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) * scale
    if causal:
        seen = ops.tril(ops.ones((query.shape[-2], key.shape[-2]), dtype="bool"))
        scores = ops.where(seen, scores, float("-inf"))
    if mask is not None:
        scores = scores + mask
    return ops.matmul(ops.softmax(scores, axis=-1), value)
''',
}
"""Methods for what Keras has in another form."""

_SMALLEST_STEP: Final = 1.1920928955078125e-07
"""What PyTorch adds in an RMS norm that states nothing: the smallest step above 1 of a float32."""


def _over_last_axes(place: Any, call: str) -> str:
    rank = len(place.shape)
    axes = [-each for each in range(len(place.layer.normalized_shape or place.shape), 0, -1)]
    place.taken = [channels_first(place.taken[0], rank)]
    return channels_last(place.made(call.format(axes[0] if len(axes) == 1 else axes)), rank)


def _layer_norm(place: Any) -> str:
    layer = place.layer
    rest = "" if layer.elementwise_affine else ", scale=False"
    rest += "" if layer.elementwise_affine and layer.bias else ", center=False"
    return _over_last_axes(place, f"LayerNormalization(axis={{}}, epsilon={layer.eps:g}{rest})")


def _rms_norm(place: Any) -> str:
    if not place.layer.elementwise_affine:
        raise cannot(place, "an RMS normalization there always scales")
    eps = _SMALLEST_STEP if place.layer.eps is None else place.layer.eps
    return _over_last_axes(place, f"RMSNormalization(axis={{}}, epsilon={eps:g})")


def _grouped_norm(place: Any) -> str:
    layer = place.layer
    if getattr(layer, "track_running_stats", False):
        raise cannot(place, "an instance normalization there holds no running statistics")
    groups = layer.num_groups if layer.type == "group_norm" else place.shape[0]
    rest = "" if layer.affine else ", center=False, scale=False"
    return str(place.made(f"GroupNormalization({groups}, epsilon={layer.eps:g}{rest})"))


def _turned(place: Any) -> list[str]:
    """All it takes, in a spec's order of axes."""
    return [channels_first(value, len(shape)) for value, shape in zip(place.taken, place.facts.inputs, strict=True)]


def _matmul(place: Any) -> str:
    return channels_last(f"ops.matmul({', '.join(_turned(place))})", len(place.shape))


def _dot_product(place: Any) -> str:
    layer, taken, rank = place.layer, _turned(place), len(place.shape)
    if layer.dropout_p:
        raise cannot(place, "weights of attention are dropped there by a layer of its own alone")
    arguments = taken[:3]
    if len(taken) > 3:
        missing = rank - len(place.facts.inputs[3])
        arguments.append(f"mask={taken[3]}" + (f"[:{', None' * missing}]" if missing else ""))
    arguments += ["causal=True"] if layer.is_causal else []
    arguments += [] if layer.scale is None else [f"scale={layer.scale!r}"]
    return channels_last(f"{place.method('attend')}({', '.join(arguments)})", rank)


def _attention(place: Any) -> str:
    layer, taken = place.layer, _turned(place)
    if len(layer.bias) not in (0, 4):
        raise cannot(place, "all projections there have a bias, or none")
    if len(taken) > 3:
        raise cannot(place, "a mask there says yes or no, and is not added")
    width = layer.head_dim or place.shape[1] // layer.num_heads
    made = f"MultiHeadAttention({layer.num_heads}, {width}"
    if layer.key_heads != layer.num_heads:
        made = f"GroupQueryAttention({width}, {layer.num_heads}, {layer.key_heads}"
    bias = "" if layer.bias else ", use_bias=False"
    query, key, value = taken[0], taken[min(1, len(taken) - 1)], taken[-1]
    causal = ", use_causal_mask=True" if layer.causal else ""
    place.taken = [query, value, f"key={key}{causal}"]
    return channels_last(place.made(f"{made}{bias})"), 2)


SEQUENCES: Final[Mapping[str, Form]] = MappingProxyType({
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _grouped_norm,
    "instance_norm": _grouped_norm,
    "matmul": _matmul,
    "scaled_dot_product_attention": _dot_product,
    "multihead_attention": _attention,
})  # fmt: skip
"""How to write each."""

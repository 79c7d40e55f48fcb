"""Operators of ONNX for attention, positions and masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from archscope.building.offsets import regions, rows_of_distances, rows_of_window
from archscope.writing.onnx.dense import dense
from archscope.writing.onnx.sheet import Array, Place

Form = Callable[[Place], str]


def _multihead(place: Place) -> str:
    layer, features = place.layer, place.shape[1]
    last = min(len(place.taken), 3) - 1
    which = (0, min(1, last), last)
    width = layer.head_dim or features // layer.num_heads
    query, key, value = (_projected(place, role, place.taken[at]) for role, at in zip(_ROLES, which, strict=True))
    lengths = [place.shape_of(at)[0] for at in which[:2]]
    if layer.add_bias_kv:
        key, value = (_behind(place, each, place.expand(place.weight(name, (1, features)), (1, features)))
                      for each, name in ((key, "bias_k"), (value, "bias_v")))  # fmt: skip
    if layer.add_zero_attn:
        zeros = place.expand(place.constant(np.zeros((1, features))), (1, features))
        key, value = (_behind(place, each, zeros) for each in (key, value))
    seen = [lengths[1] + layer.more_keys] * 2
    heads = (layer.num_heads, layer.key_heads, layer.key_heads)
    many = zip((query, key, value), heads, (lengths[0], *seen), strict=True)
    apart = [place.transpose(place.reshape(each, length, head, width), 0, 2, 1, 3) for each, head, length in many]
    mask = _mask_of(place, place.taken[3], 3) if len(place.taken) > 3 else ""
    if layer.causal and (layer.more_keys or lengths[0] != lengths[1]):
        hidden = np.triu(np.full(lengths, -np.inf), 1)
        mask = place.constant(np.pad(hidden, ((0, 0), (0, layer.more_keys))))
    attended = place.run("Attention", *apart, mask, is_causal=int(layer.causal and not mask))
    joined = place.reshape(place.transpose(attended, 0, 2, 1, 3), lengths[0], layer.num_heads * width)
    return dense(place, joined, place.weight("out_proj.weight"), place.weight("out_proj.bias"))


_ROLES: Final = ("query", "key", "value")


def _projected(place: Place, role: str, value: str) -> str:
    """Queries, keys or values before they are cut into heads, by whichever weights the layer has for them."""
    at, short = _ROLES.index(role), role[0]
    if place.has(f"{short}_proj.weight"):
        return dense(place, value, place.weight(f"{short}_proj.weight"), place.weight(f"{short}_proj.bias"))
    features = place.shape[1]

    def third(values: Array) -> Array:
        return values[at * features : (at + 1) * features]

    part = f".{role}"
    weight = place.weight(f"{short}_proj_weight") or place.weight("in_proj_weight", (features,) * 2, third, part)
    return dense(place, value, weight, place.weight("in_proj_bias", (features,), third, part))


def _behind(place: Place, value: str, more: str) -> str:
    return place.run("Concat", value, more, axis=1)


def _mask_of(place: Place, mask: str, at: int) -> str:
    """A mask of every sample as one for each head and query, with zeros for the keys that the layer has of its own."""
    shape = place.shape_of(at)
    full = place.reshape(mask, *[1] * (3 - len(shape)), *shape)
    queries = place.shape[-2]
    if (1, *shape)[-2] != queries:  # onnxruntime repeats heads, and not queries
        full = place.run("Expand", full, place.whole(1, 1, queries, shape[-1]))
    more = getattr(place.layer, "more_keys", 0)
    if not more:
        return full
    return place.run("Pad", full, place.whole(0, more), place.constant(0.0), place.whole(3))


def _dot_product(place: Place) -> str:
    layer, shapes = place.layer, [place.shape_of(at) for at in range(3)]
    apart = list(place.taken[:3])
    before = shapes[0][:-2]
    if len(before) != 1:  # the operator has one axis for the heads
        apart = [_flat(place, each, shape) for each, shape in zip(apart, shapes, strict=True)]
    mask = ""
    if len(place.taken) > 3:
        mask = _mask_of(place, place.taken[3], 3) if len(before) == 1 else _flat_mask(place, before, shapes)
    lengths = (shapes[0][-2], shapes[1][-2])
    if layer.is_causal and lengths[0] != lengths[1]:
        mask = place.constant(np.triu(np.full(lengths, -np.inf), 1))
    scale: dict[str, Any] = {} if layer.scale is None else {"scale": float(layer.scale)}
    made = place.run("Attention", *apart, mask, is_causal=int(layer.is_causal and not mask), **scale)
    return made if len(before) == 1 else place.run("Reshape", made, place.whole(-1, *place.output))


def _flat(place: Place, value: str, shape: Sequence[int]) -> str:
    heads = shape[-3] if len(shape) > 2 else 1
    return place.run("Reshape", value, place.whole(-1, heads, *shape[-2:]))


def _flat_mask(place: Place, before: Sequence[int], shapes: Sequence[Sequence[int]]) -> str:
    """A mask with the axes of the values it goes with, which are then one with the batch."""
    scores = (*before, shapes[0][-2], shapes[1][-2])
    mask = place.shape_of(3)
    full = place.reshape(place.taken[3], *[1] * (len(scores) - len(mask)), *mask)
    return _flat(place, place.run("Expand", full, place.whole(1, *scores)), scores)


def _rotary(place: Place) -> str:
    layer, value, rank = place.layer, place.taken[0], len(place.shape)
    dim = place.shape[-1] if layer.rotary_dim is None else layer.rotary_dim
    rest = place.slice(value, rank, dim, place.shape[-1]) if dim < place.shape[-1] else ""
    turned = place.slice(value, rank, 0, dim) if rest else value
    factors = (layer.base ** (np.arange(0, dim, 2) / dim)).astype(np.float32)
    angles = np.arange(place.shape[-2], dtype=np.float32)[:, None] / factors
    cos, sin = place.constant(np.cos(angles)), place.constant(np.sin(angles))
    if layer.interleaved:
        a, b = (place.slice(turned, rank, at, dim, 2) for at in (0, 1))
    else:
        a, b = place.run_all("Split", turned, outputs=2, axis=rank, num_outputs=2)
    one = place.run("Sub", place.run("Mul", a, cos), place.run("Mul", b, sin))
    other = place.run("Add", place.run("Mul", a, sin), place.run("Mul", b, cos))
    if layer.interleaved:
        last = place.whole(-1)
        pairs = (place.run("Unsqueeze", each, last) for each in (one, other))
        made = place.reshape(place.run("Concat", *pairs, axis=-1), *place.shape[:-1], dim)
        return place.run("Concat", made, rest, axis=rank) if rest else made
    return place.run("Concat", one, other, *([rest] if rest else []), axis=rank)


def _waves(place: Place) -> str:
    held, length = int(place.facts.weights[0].shape[0]), place.shape[0]
    table = place.weight("table")
    return place.run("Add", place.taken[0], table if held == length else place.slice(table, 0, 0, length))


def _relative(place: Place) -> str:
    layer, (heads, queries, keys) = place.layer, place.output
    if layer.window is not None:
        rows = rows_of_window(layer.window, class_token=layer.class_token)
    else:
        rows = rows_of_distances(queries, keys, layer.num_buckets, layer.max_distance, both=layer.bidirectional)
    found = place.run("Gather", place.weight("weight"), place.constant(np.reshape(rows, (queries, keys)), np.int64))
    return place.expand(place.transpose(found, 2, 0, 1), (heads, queries, keys))


def _mask(place: Place) -> str:
    return place.expand(place.constant(np.where(_hidden(place.layer), -np.inf, 0.0)), place.output)


def _hidden(layer: Any) -> Array:
    """Where a query may not look."""
    if layer.grid is not None:
        region = np.asarray(regions(layer.grid, layer.window, layer.shift))
        return region[:, None, :] != region[:, :, None]
    queries, keys = layer.lengths
    apart = np.arange(queries)[:, None] - np.arange(keys)
    reach = math.inf if layer.sliding_window is None else layer.sliding_window
    return (apart < 0) | (apart >= reach) if layer.causal or layer.sliding_window is None else abs(apart) >= reach


FORMS: Final[Mapping[str, Form]] = MappingProxyType({
    "multihead_attention": _multihead,
    "scaled_dot_product_attention": _dot_product,
    "rotary": _rotary,
    "sinusoidal_positions": _waves,
    "relative_position_bias": _relative,
    "attention_mask": _mask,
})  # fmt: skip
"""The operators of each, from its place; the value they make."""

"""Attention of several heads in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archscope.importing.keras.layers import Reading
from archscope.importing.keras.place import Place, Value


def _attention(place: Place) -> Value:
    values = [place.plain(value) for value in place.values or [place.value]]
    query, value, key = values[0], values[1] if len(values) > 1 else values[0], values[-1]
    width, heads = int(query.shape[-1]), int(place.options["num_heads"])
    head = int(place.options["key_dim"])
    for name, usual, why in (
        ("value_dim", (None, head), "and no layer type has heads of values of another width than those of keys"),
        ("output_shape", (None, [width], width), "and no layer type makes another width than that of its queries"),
        ("attention_axes", (None, [1], 1), "and no layer type attends along other axes than the first"),
    ):
        if place.options.get(name) not in usual:
            raise place.cannot(f"has `{name}: {place.options[name]}`, {why}; leave it out")
    same = all(each.ref == query.ref for each in values)
    given = [query] if same else [query, key] if key.ref == value.ref else [query, key, value]
    return place.made("multihead_attention", given, num_heads=heads, head_dim=None if head * heads == width else head,
                      bias=bool(place.options.get("use_bias", True)), dropout=place.options.get("dropout", 0.0),
                      causal=bool(place.given.get("use_causal_mask", False)))  # fmt: skip


READINGS: Final[Mapping[str, Reading]] = MappingProxyType({"MultiHeadAttention": _attention})
"""Keras's class, and the layer that it is."""

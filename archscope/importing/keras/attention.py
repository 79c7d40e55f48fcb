"""Attention in Keras: of several heads, of grouped queries, and of queries and values without weights of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.escaping import line
from archscope.importing.keras.layers import Reading
from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES, Facts, Shape
from archscope.layers.attention import GRIDLESS
from archscope.layers.base import NOTHING, Weight
from archscope.recognising.function import Function
from archscope.record import Record
from archscope.working import Count, count, product, total


class Heads(Record):
    """What heads of attention are.

    Attributes:
        queries: how many there are.
        keys: how many of keys and values there are.
        width: features of a query and a key in one.
        made: features of a value in one.
        output: extents of what the last projection makes at each position.
        bias: whether projections add constants.
        gate: whether the values that are summed up are multiplied by a projection of the queries.
        along: the axes of a sample that they attend along; the others are apart.
    """

    queries: int
    keys: int
    width: int
    made: int
    output: Shape
    bias: bool
    gate: bool
    along: tuple[int, ...]


def _three(place: Place) -> tuple[Value, Value, Value]:
    """Queries, keys and values; masks that stand behind them are not among them."""
    values = [place.plain(value) for value in place.values or [place.value]]
    return values[0], values[2 if len(values) > 2 else min(1, len(values) - 1)], values[min(1, len(values) - 1)]


def _multi_head(place: Place) -> Value | list[Value]:
    query, key, _ = _three(place)
    width = int(place.options["key_dim"])
    made = place.options.get("output_shape")
    output = query.shape[-1:] if made is None else (made,) if isinstance(made, int) else tuple(map(int, made))
    axes = place.options.get("attention_axes")
    said = range(1, len(query.shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    along = tuple(int(each) % (len(query.shape) + 1) - 1 for each in said)
    if not along or min(along) < 0 or len(key.shape) != len(query.shape) or len(query.shape) - 1 in along:
        raise place.cannot(
            f"has `attention_axes: {line(str(axes))[:40]}`, which are none of those that lie before the features"
        )
    heads = int(place.options["num_heads"])
    return _attended(place, Heads(heads, heads, width, int(place.options.get("value_dim") or width), output,
                                  bool(place.options.get("use_bias", True)), bool(place.options.get("use_gate")),
                                  along), float(place.options.get("dropout") or 0))  # fmt: skip


def _grouped(place: Place) -> Value | list[Value]:
    query, _, _ = _three(place)
    heads, keys = int(place.options["num_query_heads"]), int(place.options["num_key_value_heads"])
    width = int(place.options["head_dim"])
    if len(query.shape) != 2 or keys < 1 or heads % keys:
        raise place.cannot("attends to something else than positions, or has groups that are not of one size")
    bias, gate = bool(place.options.get("use_bias", True)), bool(place.options.get("use_gate"))
    said = Heads(heads, keys, width, width, query.shape[-1:], bias, gate, (0,))
    return _attended(place, said, float(place.options.get("dropout") or 0))


def _attended(place: Place, heads: Heads, dropout: float) -> Value | list[Value]:
    """The layer that attention is; or a function like it, with the numbers of what no layer type has."""
    query, key, value = _three(place)
    masks = _masks(place)
    features = int(query.shape[-1])
    usual = heads.width * heads.queries == features and heads.keys == heads.queries
    scores, along = bool(place.given.get("return_attention_scores")), len(query.shape) == 2
    beyond = [text for text, is_so in (
        (f"values of {heads.made:,}", heads.made != heads.width),
        (f"{math.prod(heads.output):,} made", heads.output != (features,)),
        ("along other axes", not along), ("a gate", heads.gate), ("a mask", bool(masks)),
        ("a window", place.options.get("sliding_window") is not None), ("scores given", scores),
        ("dropout", bool(dropout) and not usual),
    ) if is_so]  # fmt: skip
    given = (
        [query] if query.ref == key.ref == value.ref else [query, key] if key.ref == value.ref else [query, key, value]
    )
    options: dict[str, Any] = {"num_heads": heads.queries, "head_dim": None if usual else heads.width,
                               "bias": heads.bias,
                               "causal": bool(place.given.get("use_causal_mask", False))}  # fmt: skip
    if heads.keys != heads.queries:
        options["num_kv_heads"] = heads.keys
    if not beyond:
        return place.made("multihead_attention", given, dropout=dropout, **options)
    if scores and not along:
        raise place.cannot("gives its scores along other axes than the first, which archscope does not read")
    like = TYPES["multihead_attention"](**options)
    seen = _seen(heads, query.shape, key.shape, value.shape)
    if scores:
        seen = seen.replace(outputs=(*seen.outputs, (heads.queries, query.shape[0], key.shape[0])))
    made = place.stated(Function(place.kind, seen, like=like, beyond=", ".join(beyond)), [*given, *masks])
    return made if scores else made[0]


def _masks(place: Place) -> list[Value]:
    return [place.plain(each) for values in (*place.also.values(), place.values[3:]) for each in values]


def _seen(heads: Heads, query: Shape, key: Shape, value: Shape) -> Facts:
    """The numbers of projections of any widths, and of the products between them along some axes."""
    e, k, v = (count(shape[-1], letter) for shape, letter in zip((query, key, value), "ekv", strict=True))
    apart = [count(extent, "b") for axis, extent in enumerate(query[:-1]) if axis not in heads.along]
    queries, keys = (product([count(shape[axis], letter) for axis in heads.along])
                     for shape, letter in ((query, "l"), (key, "s")))  # fmt: skip
    many, shared = count(heads.queries, "h"), count(heads.keys, "h" if heads.keys == heads.queries else "g")
    d, w, o = count(heads.width, "d"), count(heads.made, "w"), product([count(each, "o") for each in heads.output])
    parts = [("q_proj", e, many * d, queries), ("k_proj", k, shared * d, keys), ("v_proj", v, shared * w, keys),
             ("out_proj", many * w, o, queries)]  # fmt: skip
    parts += [("gate_proj", e, many * w, queries)] if heads.gate else []
    weights = tuple(
        Weight(f"{name}.{part}", shape) for name, read, made, _ in parts
        for part, shape in (("weight", (made, read)), ("bias", (made,)))[: 1 + heads.bias]
    )  # fmt: skip
    places = [product([*apart, where]) for _, _, _, where in parts]
    lines = total((read + 1 if heads.bias else read) * made * where
                  for (_, read, made, _), where in zip(parts, places, strict=True))  # fmt: skip
    macs = total(read * made * where for (_, read, made, _), where in zip(parts, places, strict=True))
    scores = product([*apart, many, queries, keys]) * (d + w)
    return Facts(inputs=(), outputs=((*query[:-1], *heads.output),), weights=weights, connections=lines,
                 connections_in_bounds=lines, macs=macs + scores, windows=None, reasons=GRIDLESS)  # fmt: skip


def _dot(place: Place) -> Value | list[Value]:
    """Scores that are products, or sums of a tanh, of queries and keys as they come; Luong's and Bahdanau's."""
    query, key, value = _three(place)
    added = place.kind == "AdditiveAttention" or place.options.get("score_mode", "dot") == "concat"
    scaled = bool(place.options.get("use_scale", place.kind == "AdditiveAttention"))
    weighed = added and place.kind == "Attention"
    names = [name for name, is_so in (("scale", scaled), ("concat_score_weight", weighed)) if is_so]
    scores, masks = bool(place.given.get("return_attention_scores")), _masks(place)
    causal, dropout = bool(place.given.get("use_causal_mask", False)), float(place.options.get("dropout") or 0)
    like = TYPES["scaled_dot_product_attention"](is_causal=causal, scale=1.0, dropout_p=dropout)
    facts = place.facts_of(like, [query, key, value])
    beyond = [*(["causal"] if added and causal else []), *(["a learned scale"] if names else []),
              *(["a mask"] if masks else []), *(["scores given"] if scores else [])]  # fmt: skip
    if not beyond and not added:
        return place.made(like.type, [query, key, value], is_causal=causal, scale=1.0, dropout_p=dropout)
    width = (query.shape[-1],) if place.kind == "AdditiveAttention" else (1,)
    weights = tuple(Weight(name, width) for name in names)
    weighted, apart = product([count(each) for each in (*query.shape[:-1], key.shape[-2])]), count(value.shape[-1], "v")
    # Scores that are added are no product of matrices; what is weighted by them is.
    macs: Count = weighted * apart if added else facts.macs or NOTHING
    lines = weighted * total(product(each.shape) for each in weights) if weights else NOTHING
    made: Sequence[Shape] = (facts.output, (*query.shape[:-1], key.shape[-2]))[: 1 + scores]
    seen = facts.replace(outputs=tuple(made), weights=weights, macs=macs, macs_in_bounds=macs,
                         connections=lines, connections_in_bounds=lines)  # fmt: skip
    # No layer type adds its scores.
    function = (Function(", ".join(("additive attention", *beyond)), seen) if added else
                Function(place.kind, seen, like=like, beyond=", ".join(beyond)))  # fmt: skip
    found = place.stated(function, [query, key, value, *masks])
    return found if scores else found[0]


READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    "MultiHeadAttention": _multi_head, "GroupQueryAttention": _grouped, "GroupedQueryAttention": _grouped,
    "Attention": _dot, "AdditiveAttention": _dot,
})  # fmt: skip
"""Keras's classes, and the layer that each is."""

"""Normalization over features, attention, positions, experts and matrix products in Keras, by layer type.

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
    "rotate": '''
@staticmethod
def rotate(x, base=10000.0, rotary_dim=None, interleaved=False):
    """Turn pairs of features by an angle that grows with the position."""
    dim = x.shape[-1] if rotary_dim is None else rotary_dim
    turned, rest = x[..., :dim], x[..., dim:]
    places = ops.arange(x.shape[-2], dtype="float32")
    angles = places[:, None] / base ** (ops.arange(0, dim, 2, dtype="float32") / dim)
    cos, sin = ops.cos(angles), ops.sin(angles)
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
        pairs = ops.stack((a * cos - b * sin, a * sin + b * cos), axis=-1)
        turned = ops.reshape(pairs, (-1, *turned.shape[1:]))
    else:
        a, b = turned[..., : dim // 2], turned[..., dim // 2 :]
        turned = ops.concatenate((a * cos - b * sin, a * sin + b * cos), axis=-1)
    return ops.concatenate((turned, rest), axis=-1)
''',
    "waves": '''
@staticmethod
def waves(length, features, base=10000.0):
    """Sines and cosines of the position."""
    steps = ops.arange(0, features, 2, dtype="float32")
    angles = ops.arange(length, dtype="float32")[:, None] / base ** (steps / features)
    pairs = ops.stack((ops.sin(angles), ops.cos(angles)), axis=-1)
    return lambda shape, dtype: ops.cast(ops.reshape(pairs, shape), dtype)
''',
    "mix_experts": '''
@staticmethod
def mix_experts(x, scores, active, function, up, down, gate=None):
    """What the chosen experts make of each position, each by its share."""
    share, chosen = ops.top_k(ops.softmax(scores), active)
    share = share / ops.sum(share, axis=-1, keepdims=True)

    def dense(value, expert, matrix, *shift):
        made = ops.matmul(value, ops.transpose(matrix[expert]))
        return made + shift[0][expert] if shift else made

    result = ops.zeros_like(x)
    for expert in range(scores.shape[-1]):
        hidden = function(dense(x, expert, *(gate or up)))
        hidden = hidden * dense(x, expert, *up) if gate else hidden
        part = ops.sum(ops.where(ops.equal(chosen, expert), share, 0.0), axis=-1, keepdims=True)
        result = result + part * dense(hidden, expert, *down)
    return result
''',
}
"""Methods for what Keras has in another form."""

SMALLEST_STEP: Final = 1.1920928955078125e-07
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
    rest += place.initializers(weight="gamma", bias="beta")
    return _over_last_axes(place, f"LayerNormalization(axis={{}}, epsilon={layer.eps:g}{rest})")


def _rms_norm(place: Any) -> str:
    if not place.layer.elementwise_affine:
        raise cannot(place, "an RMS normalization there always scales")
    eps = SMALLEST_STEP if place.layer.eps is None else place.layer.eps
    return _over_last_axes(place, f"RMSNormalization(axis={{}}, epsilon={eps:g})")


def groups_of(place: Any) -> int:
    """Into how many groups a norm has its maps; an instance norm has each in one of its own."""
    if getattr(place.layer, "track_running_stats", False):
        raise cannot(place, "an instance normalization there holds no running statistics")
    return int(place.layer.num_groups if place.layer.type == "group_norm" else place.shape[0])


def _grouped_norm(place: Any) -> str:
    layer, groups = place.layer, groups_of(place)
    rest = "" if layer.affine else ", center=False, scale=False"
    rest += place.initializers(weight="gamma", bias="beta")
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


def attending(place: Any) -> list[str]:
    """What an attention layer takes, in a spec's order of axes, if it is one that there is."""
    layer, taken = place.layer, _turned(place)
    if len(layer.bias) not in (0, 4):
        raise cannot(place, "all projections there have a bias, or none")
    if len(taken) > 3:
        raise cannot(place, "a mask there says yes or no, and is not added")
    if layer.more_keys:
        raise cannot(place, "no key of its own stands there behind those that come")
    return taken


def _attention(place: Any) -> str:
    layer, taken = place.layer, attending(place)
    width = layer.head_dim or place.shape[1] // layer.num_heads
    made = f"MultiHeadAttention({layer.num_heads}, {width}"
    if layer.key_heads != layer.num_heads:
        made = f"GroupQueryAttention({width}, {layer.num_heads}, {layer.key_heads}"
    bias = ("" if layer.bias else ", use_bias=False") + (f", dropout={layer.dropout!r}" if layer.dropout else "")
    bias += _started_attention(place)
    query, key, value = taken[0], taken[min(1, len(taken) - 1)], taken[-1]
    causal = ", use_causal_mask=True" if layer.causal else ""
    place.taken = [query, value, f"key={key}{causal}"]
    return channels_last(place.made(f"{made}{bias})"), 2)


def _started_attention(place: Any) -> str:
    """Arguments that start its projections, which start alike there."""
    said = ""
    for kind, argument in (("weight", "kernel"), ("bias", "bias")):
        names = [each.name for each in place.facts.weights if kind in each.name]
        told = {place.said(name) if name in place.starts else None for name in names}
        if len(told) > 1:
            raise cannot(place, f"all projections start alike there, and `init` says otherwise of a {kind}")
        said += "".join(f", {argument}_initializer={how}" for how in told if how is not None)
    return said


def _rotary(place: Any) -> str:
    rest = "".join(f", {name}={value!r}" for name, value in place.layer.stated().items())
    rank = len(place.shape)
    return channels_last(f"{place.method('rotate')}({channels_first(place.taken[0], rank)}{rest})", rank)


def _waves(place: Any) -> str:
    (table,) = place.facts.weights
    length, features = (int(each) for each in table.shape)
    rest = f", {place.layer.base!r}" if "base" in place.layer.stated() else ""
    start = f"{place.method('waves')}({length}, {features}{rest})"
    held = place.weight(table.name, table.shape, start, trainable=False)
    cut = "" if length == place.shape[0] else f"[:{place.shape[0]}]"
    return channels_last(f"({channels_first(place.taken[0], 2)} + {held}{cut})", 2)


def _experts(place: Any) -> str:
    """The router and the shared experts are dense layers, the others matrices of the model's own."""
    layer, rank, features = place.layer, len(place.shape), place.shape[-1]
    (value,) = _turned(place)
    scores = place.part("router", features, layer.num_experts, bias=layer.router_bias, of=value)
    held: dict[str, list[str]] = {}
    for weight in place.facts.weights:
        if "." not in weight.name:
            reach = f"{layer.hidden_features if weight.name.startswith('down') else features} ** -0.5"
            start = f"keras.initializers.RandomUniform(-({reach}), {reach})"
            made = place.weight(weight.name, weight.shape, place.started(weight.name, start))
            held.setdefault(weight.name.partition("_")[0], []).append(made)
    given = [value, scores, str(layer.top_k), _FUNCTIONS.get(layer.nonlinearity, f"ops.{layer.nonlinearity}")]
    given += [f"{name}=({', '.join(own)}{',' * (len(own) == 1)})" for name, own in held.items()]
    mixed = f"{place.method('mix_experts')}({', '.join(given)})"
    if layer.num_shared_experts:
        mixed = f"({mixed} + {_shared_experts(place, value)})"
    return channels_last(mixed, rank)


_FUNCTIONS: Final = {"gelu": "lambda x: ops.gelu(x, approximate=False)"}


def _shared_experts(place: Any, value: str) -> str:
    """What every position goes through: two dense layers, or three, and what is between them."""
    layer, features = place.layer, place.shape[-1]
    width = layer.num_shared_experts * layer.hidden_features

    def dense(name: str, into: int, made: int, of: str) -> str:
        return str(place.part(f"shared_experts.{name}", into, made, bias=layer.bias, of=of))

    function = "ops.gelu({}, approximate=False)" if layer.nonlinearity == "gelu" else f"ops.{layer.nonlinearity}({{}})"
    hidden = function.format(dense("gate_proj" if layer.gated else "up_proj", features, width, value))
    if layer.gated:
        hidden += f" * {dense('up_proj', features, width, value)}"
    return dense("down_proj", width, features, hidden)


SEQUENCES: Final[Mapping[str, Form]] = MappingProxyType({
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _grouped_norm,
    "instance_norm": _grouped_norm,
    "matmul": _matmul,
    "scaled_dot_product_attention": _dot_product,
    "multihead_attention": _attention,
    "rotary": _rotary,
    "sinusoidal_positions": _waves,
    "mixture_of_experts": _experts,
})  # fmt: skip
"""How to write each."""

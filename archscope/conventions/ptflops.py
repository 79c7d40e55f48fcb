"""ptflops' "MACs": every module that it knows, and the functions that these call a second time."""

from __future__ import annotations

import math
from typing import Final

from archscope.conventions.tally import (
    BESIDE,
    BIAS,
    MISSED_ATTENTION,
    NOTHING,
    Tally,
    affine,
    biased,
    is_grouped,
    local_response,
    made,
    missed,
    option,
    ours,
    projections,
    read,
    recurrence,
    values,
)
from archscope.layers.base import Facts, Layer

_TWICE: Final = "it counts one for each value of such a layer, and once more where the layer calls the function"
_ONCE: Final = "it counts one for each value of such a layer"
_NORMS: Final = "it counts norms, two for each value, one without learned factors"
_RESIZED: Final = "it counts resizing, twice for each value that is made"
_ATTENTION: Final = "it counts the scaling, the softmax and the biases of attention"
_LRN: Final = "it counts every operation of local response normalization"
_CELLS: Final = "it counts the gates of a cell, their biases and products one by one"


def rule(layer: Layer, facts: Facts) -> Tally:
    """What ptflops counts of a layer."""
    kind = layer.type
    if layer.family == "convolution":
        if option(layer, "connection_table") is not None:
            return missed(layer, facts)
        return Tally(ours(facts), ((made(facts), BIAS),) if biased(facts) else ())
    if kind == "linear":
        return Tally(ours(facts), ((made(facts), BIAS),) if biased(facts) else ())
    if kind in ("relu", "elu", "gelu", "prelu") or "_pool" in kind:
        return Tally(0, ((2 * read(facts), _TWICE),))
    if kind in ("relu6", "leaky_relu", "silu", "softmax", "softmax2d", "subsampling"):
        return Tally(0, ((read(facts), _ONCE),))
    if kind in ("geglu", "swiglu", "reglu"):
        return Tally(0, ((made(facts), _ONCE),))
    if kind in ("batch_norm", "group_norm", "instance_norm", "layer_norm"):
        twice = affine(facts) and kind != "layer_norm"
        return Tally(0, (((2 if twice else 1) * read(facts), _NORMS),))
    if kind == "upsample":
        return Tally(0, ((_resized(layer, facts), _RESIZED),))
    if kind == "multihead_attention":
        return _attention(layer, facts)
    if kind == "lrn" and not option(layer, "within_channel"):
        return Tally(0, ((local_response(layer, facts), _LRN),))
    cells = recurrence(layer, facts)
    if cells is not None:
        extra = cells.cells * (cells.hidden * BESIDE[cells.gates] + cells.biases)
        return Tally(ours(facts), ((extra, _CELLS),))
    return missed(layer, facts) if ours(facts) else NOTHING


def _resized(layer: Layer, facts: Facts) -> int:
    scale = option(layer, "scale_factor")
    if scale is None:
        return 2 * made(facts)
    axes = len(facts.inputs[0]) - 1
    if len(scale) == axes and axes > 1:
        return made(facts) + read(facts) * math.prod(int(each) for each in scale)
    return made(facts) + int(read(facts) * scale[0] ** axes)


def _attention(layer: Layer, facts: Facts) -> Tally:
    """Its formula for `nn.MultiheadAttention`: queries scaled, softmax counted, the last bias always."""
    if is_grouped(facts):
        places = [values(shape[:-1]) for shape in (*facts.inputs[:1], facts.inputs[min(1, len(facts.inputs) - 1)])]
        held_by = {"q": places[0], "k": places[1], "v": places[1], "o": places[0]}
        extra = sum(int(each.values) * held_by.get(each.name[0], places[0])
                    for each in facts.weights if len(each.shape) == 1)  # fmt: skip
        return Tally(projections(facts), ((extra, BIAS),) if extra else (), MISSED_ATTENTION)
    shapes = facts.inputs
    query, key = shapes[0], shapes[min(1, len(shapes) - 1)]
    wide, many, others = int(query[-1]), int(query[0]), int(key[0])
    heads = int(option(layer, "num_heads"))
    extra = many * wide + heads * many * others + many * wide
    if biased(facts) or any(weight.name == "in_proj_bias" for weight in facts.weights):
        extra += (many + 2 * others) * wide
    return Tally(ours(facts), ((extra, _ATTENTION),))

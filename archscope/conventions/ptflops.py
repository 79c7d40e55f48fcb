"""ptflops' "MACs": every module that it knows, and the functions that these call a second time."""

from __future__ import annotations

import math
from typing import Final

from archscope.conventions.answers import (
    biased_products,
    each,
    norm,
    recurrent,
    response,
    table,
    without_tables,
)
from archscope.conventions.tally import (
    BESIDE,
    BIAS,
    MISSED_ATTENTION,
    Recurrence,
    Tally,
    is_grouped,
    made,
    option,
    ours,
    projections,
    read,
    values,
)
from archscope.layers.base import Facts, Layer

_TWICE: Final = "it counts one for each value of such a layer, and once more where the layer calls the function"
_ONCE: Final = "it counts one for each value of such a layer"
_NORMS: Final = "it counts norms, two for each value, one without learned factors"
_RESIZED: Final = "it counts resizing, twice for each value that is made"
_ATTENTION: Final = "it counts the scaling, the softmax and the biases of attention"
_ITS_WIDTHS: Final = (
    "it takes keys and values to keep the widths they come with, and no key to be added, which is wrong"
)
_LRN: Final = "it counts every operation of local response normalization"
_CELLS: Final = "it counts the gates of a cell, their biases and products one by one"


def _resized(layer: Layer, facts: Facts) -> Tally:
    return Tally(0, ((_resized_values(layer, facts), _RESIZED),))


def _resized_values(layer: Layer, facts: Facts) -> int:
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
    query, key, value = shapes[0], shapes[min(1, len(shapes) - 1)], shapes[min(2, len(shapes) - 1)]
    many, others = int(query[0]), int(key[0])
    heads, (wide, keys, held) = int(option(layer, "num_heads")), (int(shape[-1]) for shape in (query, key, value))
    macs = many * wide**2 + others * keys**2 + others * held**2 + many * held**2
    macs += many * others * heads * (wide // heads + held // heads)
    extra = many * wide + heads * many * others + many * held
    if any(weight.name == "in_proj_bias" for weight in facts.weights):
        extra += (many + 2 * others) * wide
    return Tally(macs, ((extra, _ATTENTION),), "" if macs == ours(facts) else _ITS_WIDTHS)


def _beside(cell: Recurrence) -> int:
    return cell.hidden * BESIDE[cell.gates] + cell.biases


rule: Final = table(
    ("conv?d conv_transpose?d", without_tables(biased_products)),
    ("linear", biased_products),
    ("relu elu gelu prelu *_pool?d", each(2, read, _TWICE)),
    ("relu6 leaky_relu silu softmax softmax2d subsampling", each(1, read, _ONCE)),
    ("geglu swiglu reglu", each(1, made, _ONCE)),
    ("layer_norm", norm(1, 1, _NORMS)),
    ("batch_norm group_norm instance_norm", norm(2, 1, _NORMS)),
    ("upsample", _resized),
    ("multihead_attention", _attention),
    ("lrn", response(_LRN)),
    ("rnn lstm gru rnn_cell lstm_cell gru_cell", recurrent(_beside, _CELLS)),
)
"""What ptflops counts of a layer."""

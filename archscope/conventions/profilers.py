"""DeepSpeed's flops profiler and calflops, which began as a copy of it: FLOPs, and MACs beside them."""

from __future__ import annotations

import math
from typing import Final

from archscope.conventions.answers import (
    biased_products,
    each,
    norm,
    products,
    projected,
    recurrent,
    response,
    table,
)
from archscope.conventions.tally import (
    BESIDE,
    Recurrence,
    Tally,
    biased,
    by_hand,
    made,
    missed,
    option,
    ours,
    read,
)
from archscope.layers.base import Facts, Layer

_VALUES: Final = "it counts activations, poolings and softmax, one for each value that is read"
_NORMS: Final = "it counts norms: batch normalization two for each value, others five, one less without learned factors"
_RESIZED: Final = "it counts resizing"
_LRN: Final = "it counts every operation of local response normalization"
_CELLS: Final = "it counts the gates of recurrent layers, their biases and products one by one, and one sum less each"
_GROUPS_TWICE: Final = "it divides by the groups of a transposed convolution twice, which is wrong"
_WRONG_SIZE: Final = "it counts the bias of a transposed convolution on a map of the wrong size"


def _convolution(layer: Layer, facts: Facts) -> Tally:
    # A bias that is added by itself they do not see.
    return biased_products(layer, facts) if not by_hand(layer) else products(layer, facts)


def _batch_norm(layer: Layer, facts: Facts) -> Tally:
    return (norm(2, 1, _NORMS) if option(layer, "track_running_stats") else norm(5, 4, _NORMS))(layer, facts)


def _resized(layer: Layer, facts: Facts) -> Tally:
    return Tally(0, ((_resized_values(layer, facts), _RESIZED),))


def _resized_by_calflops(layer: Layer, facts: Facts) -> Tally:
    by_scale = option(layer, "scale_factor") is not None
    return Tally(0, ((read(facts), _RESIZED),)) if by_scale else _resized(layer, facts)


def _resized_values(layer: Layer, facts: Facts) -> int:
    """The values that are made, of one channel where the size is given as such."""
    scale, size = option(layer, "scale_factor"), option(layer, "size")
    if size is not None:
        return math.prod(int(each) for each in size)
    axes = len(facts.inputs[0]) - 1
    return int(read(facts) * (math.prod(scale) if len(scale) > 1 else scale[0] ** axes))


def _transposed(layer: Layer, facts: Facts) -> Tally:
    groups = int(option(layer, "groups") or 1)
    maps = int(facts.output[0]) // groups
    macs = ours(facts) if groups == 1 else ours(facts) // maps * (maps // groups)
    why = "" if macs == ours(facts) else _GROUPS_TWICE
    if not biased(facts):
        return Tally(macs, (), why)
    window = zip(facts.inputs[0][1:], option(layer, "kernel_size"), option(layer, "stride"), option(layer, "padding"),
                 option(layer, "dilation"), strict=True)  # fmt: skip
    size = math.prod((int(n) + 2 * sides[0] - (d * (k - 1) + 1)) // s + 1 for n, k, s, sides, d in window)
    return Tally(macs, ((maps * size, _WRONG_SIZE),), why)


def _beside(cell: Recurrence) -> int:
    return cell.hidden * BESIDE[cell.gates] + cell.biases - 2 * cell.gates * cell.hidden


_BOTH: Final = (
    ("conv?d conv_transpose?d", _convolution),
    ("linear matmul", products),
    ("relu leaky_relu elu gelu silu prelu softmax softmax2d subsampling *_pool?d", each(1, read, _VALUES)),
    ("geglu swiglu reglu", each(1, made, _VALUES)),
    ("batch_norm", _batch_norm),
    ("layer_norm group_norm instance_norm", norm(5, 4, _NORMS)),
    ("lrn", response(_LRN)),
    ("rnn lstm gru rnn_cell lstm_cell gru_cell", recurrent(_beside, _CELLS)),
)

deepspeed: Final = table(
    ("multihead_attention scaled_dot_product_attention", products),
    ("upsample", _resized),
    *_BOTH,
)
"""What DeepSpeed's profiler counts of a layer."""

calflops: Final = table(
    ("matmul", missed),
    ("multihead_attention", projected),
    ("conv_transpose?d", _transposed),
    ("upsample", _resized_by_calflops),
    *_BOTH,
)
"""What calflops counts of a layer."""

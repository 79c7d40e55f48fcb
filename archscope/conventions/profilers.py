"""DeepSpeed's flops profiler and calflops, which began as a copy of it: FLOPs, and MACs beside them."""

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
    local_response,
    made,
    missed,
    option,
    ours,
    projections,
    read,
    recurrence,
)
from archscope.layers.base import Facts, Layer

_VALUES: Final = "it counts activations, poolings and softmax, one for each value that is read"
_NORMS: Final = "it counts norms: batch normalization two for each value, others five, one less without learned factors"
_RESIZED: Final = "it counts resizing"
_LRN: Final = "it counts every operation of local response normalization"
_CELLS: Final = "it counts the gates of recurrent layers, their biases and products one by one, and one sum less each"
_READ: Final = ("relu", "leaky_relu", "elu", "gelu", "silu", "prelu", "softmax", "softmax2d", "subsampling")
_TIMES: Final = ("linear", "matmul")
_GROUPS_TWICE: Final = "it divides by the groups of a transposed convolution twice, which is wrong"
_WRONG_SIZE: Final = "it counts the bias of a transposed convolution on a map of the wrong size"


def deepspeed(layer: Layer, facts: Facts) -> Tally:
    """What DeepSpeed's profiler counts of a layer."""
    if layer.type == "scaled_dot_product_attention":
        return Tally(ours(facts))
    if layer.type == "multihead_attention":
        return Tally(ours(facts))
    if layer.type.startswith("conv_transpose"):
        return Tally(ours(facts), ((made(facts), BIAS),) if biased(facts) else ())
    if layer.type == "upsample":
        return Tally(0, ((_resized(layer, facts), _RESIZED),))
    return _both(layer, facts)


def calflops(layer: Layer, facts: Facts) -> Tally:
    """What calflops counts of a layer."""
    if layer.type == "matmul":
        return missed(layer, facts)
    if layer.type == "multihead_attention":
        return Tally(projections(facts), (), MISSED_ATTENTION)
    if layer.type.startswith("conv_transpose"):
        return _transposed(layer, facts)
    if layer.type == "upsample" and option(layer, "scale_factor") is not None:
        return Tally(0, ((read(facts), _RESIZED),))
    if layer.type == "upsample":
        return Tally(0, ((_resized(layer, facts), _RESIZED),))
    return _both(layer, facts)


def _both(layer: Layer, facts: Facts) -> Tally:
    kind = layer.type
    if layer.family == "convolution":
        return Tally(ours(facts), ((made(facts), BIAS),) if biased(facts) else ())
    if kind in _TIMES:
        return Tally(ours(facts))
    if kind in _READ or "_pool" in kind:
        return Tally(0, ((read(facts), _VALUES),))
    if kind in ("geglu", "swiglu", "reglu"):
        return Tally(0, ((made(facts), _VALUES),))
    if kind == "batch_norm" and option(layer, "track_running_stats"):
        return Tally(0, (((2 if affine(facts) else 1) * read(facts), _NORMS),))
    if kind in ("batch_norm", "layer_norm", "group_norm", "instance_norm"):
        return Tally(0, (((5 if affine(facts) else 4) * read(facts), _NORMS),))
    if kind == "lrn" and not option(layer, "within_channel"):
        return Tally(0, ((local_response(layer, facts), _LRN),))
    cells = recurrence(layer, facts)
    if cells is not None:
        gates = 2 * cells.gates * cells.hidden
        extra = cells.cells * (cells.hidden * BESIDE[cells.gates] + cells.biases - gates)
        return Tally(ours(facts), ((extra, _CELLS),))
    return missed(layer, facts) if ours(facts) else NOTHING


def _resized(layer: Layer, facts: Facts) -> int:
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

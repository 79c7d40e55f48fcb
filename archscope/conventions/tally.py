"""What a tool makes of one layer, and the words in which layers' shapes are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from archscope.layers.base import Facts, Layer
from archscope.record import Record


class Tally(Record):
    """What a tool counts of one layer.

    Attributes:
        macs: what it takes for multiply-accumulates.
        extras: what it adds to them, and why.
        why: why its multiply-accumulates are not ours; empty where they are.
    """

    macs: int = 0
    extras: tuple[tuple[int, str], ...] = ()
    why: str = ""


Rule = Callable[[Layer, Facts], Tally]
"""What a tool counts of a layer in its place."""

NOTHING: Final = Tally()


def values(shape: Sequence[int]) -> int:
    """The number of values of a shape."""
    return math.prod(int(extent) for extent in shape)


def read(facts: Facts) -> int:
    """Values of the first input."""
    return values(facts.inputs[0]) if facts.inputs else 0


def made(facts: Facts) -> int:
    """Values of the first output."""
    return values(facts.output)


def ours(facts: Facts) -> int:
    """Our multiply-accumulates; 0 where they are not covered, which whoever asks has looked at before."""
    return int(facts.macs or 0)


def held(facts: Facts) -> int:
    """Trainable values."""
    return sum(int(weight.values) for weight in facts.weights if weight.trainable)


def biased(facts: Facts) -> bool:
    """Whether it adds a bias."""
    return any(weight.name == "bias" for weight in facts.weights)


def affine(facts: Facts) -> bool:
    """Whether a norm scales by learned values."""
    return any(weight.name == "weight" and weight.trainable for weight in facts.weights)


def option(layer: Layer, name: str) -> Any:
    """An option of a layer, None where its type has no such option."""
    return getattr(layer, name, None)


def by_hand(layer: Layer) -> str:
    """What no convolution of PyTorch has, so that tools see a class that they do not know; or nothing."""
    if option(layer, "connection_table") is not None:
        return "a connection table"
    return "untied biases" if option(layer, "untie_biases") else ""


def kernel(layer: Layer) -> int:
    """Taps of the window."""
    return math.prod(option(layer, "kernel_size"))


def over_outputs(layer: Layer, facts: Facts) -> int:
    """A transposed convolution's weights once per output value, as if it were a convolution."""
    return made(facts) * (int(facts.inputs[0][0]) // int(option(layer, "groups") or 1)) * kernel(layer)


def is_grouped(facts: Facts) -> bool:
    """Whether attention is projections of its own, as with fewer heads of keys, and not PyTorch's module."""
    return any(len(weight.shape) > 1 and not weight.name.startswith(("in_proj", "out_proj", "q_proj_weight",
               "k_proj_weight", "v_proj_weight", "bias_k", "bias_v")) for weight in facts.weights)  # fmt: skip


def local_response(layer: Layer, facts: Facts) -> int:
    """What PyTorch's own operations of local response normalization come to where every one of them is counted.

    A square, a mean over channels that are padded, a factor and a sum: three a value, and one a padded value.
    """
    channels = int(facts.inputs[0][0])
    return 3 * read(facts) + read(facts) // channels * (channels + int(option(layer, "size")) - 1)


class Recurrence(Record):
    """A recurrent layer as tools see it: how many cells run, how wide they are, with how many gates and biases."""

    cells: int
    hidden: int
    gates: int
    biases: int


_GATES: Final = {"rnn": 1, "gru": 3, "lstm": 4}


def recurrence(layer: Layer, facts: Facts) -> Recurrence | None:
    """A recurrent layer, or one of its cells; None for any other."""
    gates = _GATES.get(layer.type.removesuffix("_cell"))
    if gates is None:
        return None
    hidden = int(option(layer, "hidden_size"))
    biases = 2 * hidden * gates if option(layer, "bias") else 0
    if layer.type.endswith("_cell"):
        return Recurrence(1, hidden, gates, biases)
    directions = 2 if option(layer, "bidirectional") else 1
    steps = int(facts.inputs[0][0])
    return Recurrence(steps * int(option(layer, "num_layers")) * directions, hidden, gates, biases)


BESIDE: Final = {1: 1, 3: 7, 4: 10}
"""Sums and products of single values in a cell beside its matrix products, for each hidden unit, by its gates."""

OVER_OUTPUTS: Final = (
    "it multiplies a transposed convolution's kernel with its outputs instead of its inputs: "
    "four times as much for a stride of 2, which is wrong"
)
BIAS: Final = "it counts adding the bias, one for each output value"
MISSED_ATTENTION: Final = "it misses the two products of attention"
MISSED: Final = "it has no rule for {} and counts nothing there"


def missed(layer: Layer, facts: Facts) -> Tally:
    """A layer that a tool has no rule for: what it does is missing."""
    with_ = f" with {by_hand(layer)}" if by_hand(layer) else ""
    return Tally(why=MISSED.format(f"{layer.type}{with_}")) if ours(facts) else NOTHING


def projections(facts: Facts) -> int:
    """Products of an attention with its weights, without those of queries with keys and of that with values."""
    weights = [weight for weight in facts.weights if len(weight.shape) > 1]
    if not weights:
        return 0
    places = [values(shape[:-1]) for shape in facts.inputs[:3]]
    places = places * 3 if len(places) == 1 else places if len(places) == 3 else [places[0], places[-1], places[-1]]
    queries, keys, sources = places[0], places[1], places[2]
    return _by_weight(facts, queries, keys, sources, values(facts.output[:-1]))


def _by_weight(facts: Facts, queries: int, keys: int, sources: int, outputs: int) -> int:
    total = 0
    for weight in facts.weights:
        if len(weight.shape) < 2 or weight.name.startswith("bias"):
            continue
        each = int(weight.values)
        name = weight.name
        if name.startswith("in_proj"):
            total += each // 3 * (queries + keys + sources)
        elif name.startswith("q"):
            total += each * queries
        elif name.startswith("k"):
            total += each * keys
        elif name.startswith("v"):
            total += each * sources
        else:
            total += each * outputs
    return total

"""Times that no machine with given ceilings can beat, from the analysis alone: no device, no PyTorch.

* **F1**: all FLOPs at the peak rate, or the weights, the input and the output through memory once,
  whichever takes longer. Nothing beats it. Of attention under a causal mask, the FLOPs of what the mask leaves:
  kernels that keep the scores to themselves leave out the rest, which MACs count as everybody does.
* **F2**: each layer's own floor, added up. A layer reads its input and its weights and writes its output
  once; bias and activation ride along, pooling and normalization read once and write once, and layers that
  only see their input differently, or join values that could have been written side by side, are free. Of a
  table that it looks up in it reads one row, and of experts those that run for one position: no more is sure.
* **F3**, in `archscope.bench.eager`: the operations PyTorch starts, one at a time, each at its own floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archscope.analysis import Analysis, Row
from archscope.bench.ceilings import Ceilings
from archscope.bench.precision import Precision
from archscope.layers.base import Facts, Weight
from archscope.network import Node, Ref

FORWARD, TRAIN = "infer", "train"


@dataclass(frozen=True, slots=True)
class Work:
    """What one pass over a layer must at least do.

    Attributes:
        flops: 2 · MACs of the whole batch, without those that a causal mask hides; None where they are not covered.
        traffic: bytes that must cross the memory's edge.
    """

    flops: int | None
    traffic: int


@dataclass(frozen=True)
class LayerFloor:
    """One row of an analysis held against ceilings.

    Attributes:
        row: the layer.
        flops: FLOPs of the batch, forward and, in training, backward; None where not covered.
        traffic: bytes, likewise.
        floor: seconds; None where a rate or the FLOPs are not known.
        bound: what the floor is made of, ``compute`` or ``memory``; None for a layer that is free.
    """

    row: Row
    flops: int | None
    traffic: int
    floor: float | None
    bound: str | None


@dataclass(frozen=True)
class Floors:
    """F1 and F2 of a network, and its layers' own floors."""

    f1: float | None
    f2: float | None
    layers: tuple[LayerFloor, ...]


def floors(analysis: Analysis, ceilings: Ceilings, precision: Precision, *, batch: int, mode: str = FORWARD) -> Floors:
    """Hold a network against ceilings.

    Args:
        analysis: the network.
        ceilings: the rates of a device.
        precision: the number format.
        batch: samples a call.
        mode: ``infer``, or ``train`` for a forward and a backward pass.
    """
    layers = tuple(_layer(analysis, row, ceilings, precision, batch, mode) for row in analysis.rows)
    known = [each.floor for each in layers if each.floor is not None]
    return Floors(
        f1=_f1(analysis, ceilings, precision, batch, mode),
        f2=sum(known) if len(known) == len(layers) else None,
        layers=layers,
    )


def _layer(analysis: Analysis, row: Row, ceilings: Ceilings, precision: Precision, batch: int, mode: str) -> LayerFloor:
    passes = list(_passes(analysis, row, precision, batch, mode))
    traffic = sum(each.traffic for each in passes)
    if any(each.flops is None for each in passes):
        return LayerFloor(row, None, traffic, None, None)
    least = sum(each.flops or 0 for each in passes)
    flops = least + len(passes) * 2 * batch * _hidden(row)
    times = [ceilings.seconds(flops=each.flops or 0, traffic=each.traffic, peak=precision.peak) for each in passes]
    bound = ceilings.bound(flops=least, traffic=traffic, peak=precision.peak) if least or traffic else None
    floor = None if None in times else sum(each for each in times if each is not None)
    return LayerFloor(row, flops, traffic, floor, bound)


def _passes(analysis: Analysis, row: Row, precision: Precision, batch: int, mode: str) -> Iterator[Work]:
    """The forward pass over a row and, in training, the gradients of its weights and of its input."""
    facts = dict(zip((node.name for node in row.nodes), row.facts, strict=True))
    if all(_free(node, facts[node.name]) for node in row.nodes):
        return
    weights = sum(least for _, _, least in _read_by(analysis, row))
    trainable = sum(least for _, weight, least in _read_by(analysis, row) if weight.trainable)
    read, written = _values_read(analysis, row), _values_written(analysis, row)
    value, weight_bytes = precision.value_bytes * batch, precision.weight_bytes
    flops = None if row.macs is None else 2 * (int(row.macs) - _hidden(row)) * batch
    yield Work(flops, weights * weight_bytes + (read + written) * value)
    if mode != TRAIN:
        return
    if trainable:
        yield Work(flops, trainable * weight_bytes + (read + written) * value)
    if _reads_a_layer(analysis, row):
        yield Work(flops, weights * weight_bytes + (read + written) * value)


def _hidden(row: Row) -> int:
    """MACs of a row that causal masks make nothing of."""
    return sum(node.layer.hidden_macs(facts) for node, facts in zip(row.nodes, row.facts, strict=True) if facts.macs)


def _read_by(analysis: Analysis, row: Row) -> Iterator[tuple[tuple[str, str], Weight, int]]:
    """What a row reads of weights, its own and those of others: whose, the weight, and the fewest values of it."""
    network = analysis.network
    for node, facts in zip(row.nodes, row.facts, strict=True):
        for weight in facts.weights:
            owner, held = node, weight
            while owner.shares is not None and (owner is not node or (node.name, weight.name) in row.shared):
                owner = network.by_name[owner.shares]
                held = next((each for each in network.facts[owner.name].weights if each.name == weight.name), held)
            yield (owner.name, weight.name), held, node.layer.least_read(weight)


def _never_read(analysis: Analysis) -> tuple[int, int]:
    """Values of weights that a run may leave alone, and those of them that are trained."""
    read: dict[tuple[str, str], tuple[Weight, int]] = {}
    for row in analysis.rows:
        for owner, weight, least in _read_by(analysis, row):
            read[owner] = (weight, max(least, read.get(owner, (weight, 0))[1]))
    left = [(weight.values - least, weight.trainable) for weight, least in read.values()]
    return sum(each for each, _ in left), sum(each for each, trained in left if trained)


def _free(node: Node, facts: Facts) -> bool:
    """Whether a layer needs no pass over memory of its own."""
    if node.layer.shares_memory or (node.layer.family == "activation" and not facts.weights):
        return True
    return len(facts.inputs) > 1 and _joins(facts)


def _joins(facts: Facts) -> bool:
    """Whether the output is the inputs side by side: whoever made them could have written them there."""
    return not facts.weights and not facts.macs and sum(map(_values, facts.inputs)) == _values(facts.output)


def _values(shape: tuple[int, ...]) -> int:
    result = 1
    for extent in shape:
        result *= int(extent)
    return result


def _values_read(analysis: Analysis, row: Row) -> int:
    """Values of one sample that enter a row, each once, however many of its nodes read them."""
    inside = {node.name for node in row.nodes}
    entering = {ref for node in row.nodes for ref in node.inputs if ref.node not in inside}
    return sum(_values(analysis.network.shape_of(ref)) for ref in entering)


def _values_written(analysis: Analysis, row: Row) -> int:
    """Values of one sample that leave a row: of the nodes nothing in the row reads."""
    inside = {node.name for node in row.nodes}
    read = {ref.node for node in row.nodes for ref in node.inputs}
    leaving = [name for name in inside if name not in read]
    return sum(_values(shape) for name in leaving for shape in analysis.network.facts[name].outputs)


def _reads_a_layer(analysis: Analysis, row: Row) -> bool:
    """Whether a gradient flows on from here; a network's own input needs none."""
    makers = {ref.node for node in row.nodes for ref in node.inputs}
    return any(name not in analysis.network.inputs for name in makers - {node.name for node in row.nodes})


def _f1(analysis: Analysis, ceilings: Ceilings, precision: Precision, batch: int, mode: str) -> float | None:
    flops = total_flops(analysis, batch=batch, mode=mode)
    if flops is None:
        return None
    flops -= sum(_times(analysis, row, mode) * 2 * _hidden(row) * batch for row in analysis.rows)
    network = analysis.network
    ends: list[Ref] = [*(Ref(name) for name in network.inputs), *network.outputs]
    values = sum(_values(network.shape_of(ref)) for ref in ends)
    unread, untouched = _never_read(analysis)
    stored = int(analysis.totals.parameters) + int(analysis.totals.fixed) - unread
    gradients = int(analysis.totals.parameters) - untouched if mode == TRAIN else 0
    traffic = (stored + gradients) * precision.weight_bytes + values * precision.value_bytes * batch
    return ceilings.seconds(flops=flops, traffic=traffic, peak=precision.peak)


def total_flops(analysis: Analysis, *, batch: int, mode: str = FORWARD) -> int | None:
    """FLOPs of a call: twice the MACs and, in training, as many again for each gradient that is needed."""
    if analysis.totals.macs is None:
        return None
    return sum(_times(analysis, row, mode) * 2 * int(row.macs or 0) * batch for row in analysis.rows)


def _times(analysis: Analysis, row: Row, mode: str) -> int:
    """How often a row is worked out: forward and, in training, once for each gradient that is needed."""
    if mode != TRAIN:
        return 1
    return 1 + any(weight.trainable for _, weight, _ in _read_by(analysis, row)) + _reads_a_layer(analysis, row)

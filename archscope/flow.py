"""How values flow through a network: what each sees of the input, how long it lives, where it crosses towers."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.layers.base import Facts, Shape, Window
from archscope.network import Network
from archscope.record import Record
from archscope.working import Count, count, total


class Field(Record):
    """Where on the network's input an output grid looks, an entry for each spatial axis.

    Attributes:
        size: input positions that reach one output value: the receptive field.
        jump: input positions between the windows of neighbouring outputs.
        start: the first position that the first output sees; negative where it begins in the padding.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]
    start: tuple[int, ...]


def fields_of(network: Network) -> dict[str, Field | None]:
    """Where every node looks on the network's input; None where the grid is lost."""
    fields: dict[str, Field | None] = {}
    for name, shape in network.inputs.items():
        axes = max(len(shape) - 1, 0)
        fields[name] = Field((1,) * axes, (1,) * axes, (0,) * axes) if axes else None
    for node in network.nodes:
        seen = [fields[ref.node] for ref in node.inputs]
        fields[node.name] = _step(_union(seen), network.facts[node.name])
    return fields


def _union(fields: Sequence[Field | None]) -> Field | None:
    """What several inputs see together, if they lie on one grid."""
    first = fields[0]
    if first is None or len(fields) == 1:
        return first
    known = [each for each in fields if each is not None]
    if len(known) < len(fields) or any(each.jump != first.jump for each in known):
        return None
    start = tuple(min(each.start[axis] for each in known) for axis in range(len(first.jump)))
    end = [max(each.start[axis] + each.size[axis] for each in known) for axis in range(len(first.jump))]
    return Field(tuple(int(e) - int(s) for e, s in zip(end, start, strict=True)), first.jump, start)


def _step(before: Field | None, facts: Facts) -> Field | None:
    if before is None or facts.windows is None:
        return None
    if not facts.windows:
        return before
    if len(facts.windows) != len(before.jump):
        return None
    along = list(zip(before.size, before.jump, before.start, facts.windows, strict=True))
    return Field(
        size=tuple(count(size, "r") + _reach(window) * count(jump, "j") for size, jump, _, window in along),
        jump=tuple(count(jump, "j") * count(window.stride, "s") for _, jump, _, window in along),
        start=tuple(
            count(start, "a") - count(window.padding, "p") * count(jump, "j") for _, jump, start, window in along
        ),
    )


def _reach(window: Window) -> Count:
    """Input positions from the first tap to the last, the first not counted: ``k − 1``, or ``(k − 1)·d``."""
    taps = count(window.kernel, "k") - 1
    return taps if window.dilation == 1 else taps * count(window.dilation, "d")


def peak_values(network: Network) -> int:
    """Values alive at once, following the network's order; a view lives in its input's memory."""
    home: dict[str, str] = {name: name for name in network.inputs}
    sizes = {name: values_of(shape) for name, shape in network.inputs.items()}
    for node in network.nodes:
        if node.layer.shares_memory:
            home[node.name] = home[node.inputs[0].node]
        else:
            home[node.name] = node.name
            sizes[node.name] = sum(values_of(shape) for shape in network.facts[node.name].outputs)
    last_read: dict[str, int] = {}
    for step, node in enumerate(network.nodes):
        for ref in node.inputs:
            last_read[home[ref.node]] = step
    for ref in network.outputs:
        last_read[home[ref.node]] = len(network.nodes)
    freed: dict[int, list[str]] = {}
    for name, step in last_read.items():
        freed.setdefault(step, []).append(name)
    alive = sum(sizes[name] for name in network.inputs)
    peak = alive
    for step, node in enumerate(network.nodes):
        if home[node.name] == node.name:
            alive += sizes[node.name]
            peak = max(peak, alive)
        alive -= sum(sizes[name] for name in freed.get(step, ()))
    return peak


def values_of(shape: Shape) -> int:
    result = 1
    for extent in shape:
        result *= int(extent)
    return result


def crossing_values(network: Network) -> dict[str, Count]:
    """Values made on one tower and read on another, directly or through layers on no tower without weights."""
    makers: dict[str, tuple[str, ...]] = dict.fromkeys(network.inputs, ())
    carried: dict[str, list[Count]] = {}
    for node in network.nodes:
        sources = tuple(dict.fromkeys(name for ref in node.inputs for name in makers[ref.node]))
        if node.tower is None:
            makers[node.name] = () if network.facts[node.name].weights else sources
            continue
        makers[node.name] = (node.name,)
        for name in sources:
            if network.by_name[name].tower != node.tower:
                carried.setdefault(node.row, []).append(count(values_of(network.facts[name].output)))
    return {row: total(values) for row, values in carried.items()}

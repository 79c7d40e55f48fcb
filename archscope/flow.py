"""How values flow through a network: what each sees of the input, how long it lives, where it crosses towers."""

from __future__ import annotations

from collections.abc import Sequence

from archscope.layers.base import Shape, Window
from archscope.network import Network
from archscope.record import Record
from archscope.working import Count, bare, count, total


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


class Lost(Record):
    """A place that looks at no grid of the network's input: which node lost it, and why.

    ``constant`` says that no input of the network reaches it: what is added to it looks where it did.
    """

    at: str
    why: str
    constant: bool = False


def fields_of(network: Network) -> dict[str, Field | Lost]:
    """Where every node looks on the network's input, or where the grid was lost."""
    fields: dict[str, Field | Lost] = {}
    for name, shape in network.inputs.items():
        axes = len(shape) - 1
        fields[name] = Field((1,) * axes, (1,) * axes, (0,) * axes) if axes else Lost(name, "a vector has no grid")
    for node in network.nodes:
        facts = network.facts[node.name]
        read = [fields[node.inputs[place].node] for place in facts.seen_inputs]
        if facts.windows is None:
            constant = all(_constant(each) for each in read)
            fields[node.name] = Lost(node.name, facts.reasons["receptive_field"], constant)
            continue
        if any(not _constant(fields[node.inputs[place].node]) for place in facts.repeated):
            fields[node.name] = Lost(node.name, "a repeated extent has no grid")
            continue
        seen = _union([each for each in read if not _constant(each)] or read)
        if seen is None:
            fields[node.name] = Lost(node.name, "its inputs lie on grids of different steps")
        else:
            fields[node.name] = seen if isinstance(seen, Lost) else _step(seen, facts.windows)
    return fields


def _constant(field: Field | Lost) -> bool:
    return isinstance(field, Lost) and field.constant


def _union(fields: Sequence[Field | Lost]) -> Field | Lost | None:
    """What several inputs see together; None where they do not lie on one grid."""
    first = fields[0]
    known = [each for each in fields if isinstance(each, Field)]
    if len(known) < len(fields):
        return next(each for each in fields if isinstance(each, Lost))
    if len(fields) == 1 or isinstance(first, Lost):
        return first
    if any(each.jump != first.jump for each in known):
        return None
    start = tuple(min(each.start[axis] for each in known) for axis in range(len(first.jump)))
    end = [max(each.start[axis] + each.size[axis] for each in known) for axis in range(len(first.jump))]
    return Field(tuple(bare(e) - bare(s) for e, s in zip(end, start, strict=True)), first.jump, start)


def _step(before: Field, windows: Sequence[Window]) -> Field:
    if not windows:
        return before
    along = list(zip(before.size, before.jump, before.start, windows, strict=True))
    if all(each == along[0] for each in along):  # a square window: its arithmetic is done once for both axes
        axes = [_along(*along[0])] * len(along)
    else:
        axes = [_along(*each) for each in along]
    size, jump, start = zip(*axes, strict=True)
    return Field(size, jump, start)


def _along(size: int, jump: int, start: int, window: Window) -> tuple[Count, Count, Count]:
    """Field, jump and start along one axis, a window further on: ``r + (k − 1)·j``, ``j·s``, ``a − p·j``."""
    j = count(jump, "j")
    reach, stride, padding = window.moves
    return count(size, "r") + reach * j, j * stride, count(start, "a") - padding * j


def values_of(shape: Shape) -> int:
    result = 1
    for extent in shape:
        result *= bare(extent)
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

"""What a call is together with those before it: cropped maps, shuffled channels, and means of what lies inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archscope.importing.keras.place import Place, Value
from archscope.layers import TYPES


def cut(place: Place, value: Value, parts: Mapping[int, slice]) -> Value:
    """A value of which axes are cut; a transposed convolution that nothing else reads makes less instead."""
    parts = {axis: key for axis, key in parts.items() if key != slice(None, None, None)}
    cropped = _cropped(place, value, parts)
    if cropped is not None:
        return cropped
    for axis, key in sorted(parts.items()):
        value = place.made("slice", [value], dim=axis, start=key.start or 0, end=key.stop, step=key.step or 1)
    return value


def _cropped(place: Place, value: Value, parts: Mapping[int, slice]) -> Value | None:
    node = place.nodes.node(value)
    layer: Any = node.layer
    if not parts or not place.alone or not layer.type.startswith("conv_transpose") or node.shares is not None:
        return None
    if 0 in parts or any(key.step not in (None, 1) for key in parts.values()) or any(layer.output_padding):
        return None
    more = [(0, 0)] * (len(value.shape) - 1)
    for axis, key in parts.items():
        extent = int(value.shape[axis])
        start, stop, _ = key.indices(extent)
        more[axis - 1] = start, extent - max(start, stop)
    sides = [(one + before, other + after)
             for (one, other), (before, after) in zip(layer.padding, more, strict=True)]  # fmt: skip
    inputs = place.nodes.facts[node.name].inputs
    return place.nodes.change(value, TYPES[layer.type](**{**layer.stated(), "padding": sides}), inputs)


def shuffled(place: Place, shape: Sequence[int]) -> Value | None:
    """Channels in turns, where they were cut into groups, the two axes turned, and laid together; else None."""
    nodes = place.nodes
    source, order = nodes.turns.get(place.value.ref, (place.value, ()))
    rank = len(shape)
    if nodes.node(source).layer.type != "reshape" or order != (*range(rank - 1), rank, rank - 1):
        return None
    cut = nodes.node(source)
    before = nodes.facts[cut.name].inputs[0]
    maps, turn = nodes.turns.get(cut.inputs[0], (source, ()))
    if tuple(map(int, before)) != tuple(shape) or turn != (*range(1, rank), 0):
        return None
    nodes.spare.add(cut.name)
    return place.made("channel_shuffle", [maps._replace(last=True)], groups=int(source.shape[-2]))


def with_ones(place: Place, made: Value | list[Value]) -> Value | list[Value]:
    """What a call makes of ones, of which padding and a mean are known."""
    if isinstance(made, list) or place.kind in ("OnesLike", "TrueDivide", "Divide"):
        return made
    if not any(each.ones for each in place.values):
        return made
    if place.kind == "Pad":
        return made
    if not place.kind.startswith("AveragePool"):
        raise place.cannot("works on ones, of which archscope reads a mean alone; write what it comes to as a weight")
    place.nodes.spare.add(made.ref.node)
    return made._replace(ones=True)


def of_what_lies_inside(place: Place, value: Value, share: Value) -> Value:
    """A mean over the part of each window that lies inside: a mean with zeros around, by the same of ones."""
    one, other = place.nodes.node(value), place.nodes.node(share)
    if one.layer != other.layer or one.inputs != other.inputs or not one.layer.type.startswith("avg_pool"):
        raise place.cannot("divides by a mean of ones, and is not the same mean of a value itself")
    inside = TYPES[one.layer.type](**{**one.layer.stated(), "count_include_pad": False})
    return place.nodes.change(value, inside, place.nodes.facts[one.name].inputs)

"""Several operators that stand for one layer where a jaxpr has them written out: softmax, means, pools, biases."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from archscope.importing.graph import Constant, Operator
from archscope.importing.jax.counting import Tally
from archscope.importing.jax.lowering import together_of
from archscope.importing.jax.maps import FOUND
from archscope.importing.jax.written import Found, Written
from archscope.layers.base import Shape


def simplified(
    operators: Sequence[Operator], shapes: Mapping[str, Shape], constants: Mapping[str, Constant],
    weights: Mapping[str, object], ends: Sequence[str],
) -> tuple[Operator, ...]:  # fmt: skip
    """The operators with one for each layer that is written as several."""
    found = tuple(operators)
    for find in (_softmax, _mean, _largest, _average, _biased, *FOUND):
        found = _replaced(Written(found, shapes, constants, weights, ends), find)
    return found


def _replaced(written: Written, find: Callable[[Written, int], Found | None]) -> tuple[Operator, ...]:
    gone: set[int] = set()
    layers: dict[int, Operator] = {}
    for place in range(len(written.operators)):
        found = find(written, place) if place not in gone else None
        if found is None or gone.intersection(found[1]):
            continue
        layer, places = found
        tally = together_of([written.operators[each].attributes["tally"] for each in places])
        gone.update(places)
        layers[max(places)] = layer.replace(attributes={**layer.attributes, "tally": tally})
    return tuple(
        layers.get(place, each) for place, each in enumerate(written.operators) if place not in gone or place in layers
    )


def _layer(end: Operator, type_: str, inputs: tuple[str, ...], domain: str = "", **attributes: object) -> Operator:
    return end.replace(
        type=type_, domain=domain, inputs=inputs, attributes={"opset": 18, "tally": Tally(), **attributes}
    )


_SHAPING: Final = ("Reshape", "Unsqueeze", "Transpose", "Expand", "Squeeze")


def _softmax(written: Written, place: int) -> Found | None:
    """``exp(x − max) / sum``, each over one axis."""
    power = written.operators[place]
    taken = written.maker(power.inputs[0], "Sub") if power.type == "Exp" else None
    if taken is None:
        return None
    value, largest = written.operators[taken].inputs
    top, shaping = written.source(largest, *_SHAPING, "Max")
    peak = written.maker(top, "ReduceMax")
    above = [each for each in shaping if written.operators[each].type == "Max"]
    if peak is None:
        # `max(−∞, largest)` has the constant in front.
        for each in above:
            top = written.operators[each].inputs[1]
            peak = written.maker(written.source(top, *_SHAPING)[0], "ReduceMax")
    if peak is None or written.source(value, "Transpose")[0] != written.source(
        written.operators[peak].inputs[0], "Transpose")[0]:  # fmt: skip
        return None
    ends = [each for each in written.readers(power.outputs[0]) if each >= 0 and written.operators[each].type == "Div"]
    sums = [each for each in written.readers(power.outputs[0]) if each >= 0 and each not in ends]
    if len(ends) != 1 or len(sums) != 1 or written.operators[sums[0]].type != "ReduceSum":
        return None
    axes = written.operators[sums[0]].attributes["axes"]
    under, after = written.source(written.operators[ends[0]].inputs[1], *_SHAPING)
    if len(axes) != 1 or under != written.operators[sums[0]].outputs[0]:
        return None
    if written.operators[ends[0]].inputs[0] != power.outputs[0]:
        return None
    layer = _layer(written.operators[ends[0]], "Softmax", (value,), axis=int(axes[0]))
    lonely = _alone(written, largest, taken)
    return layer, tuple(sorted({*lonely, taken, place, sums[0], *after, ends[0]}))


def _alone(written: Written, name: str, reader: int) -> list[int]:
    """The operators behind a value that nothing else reads, up to the largest of a row."""
    found: list[int] = []
    waiting = [(name, reader)]
    while waiting:
        each, after = waiting.pop()
        place = written.maker(each, *_SHAPING, "Max", "ReduceMax")
        if place is None or written.readers(each) != [after]:
            continue
        found.append(place)
        if written.operators[place].type != "ReduceMax":
            waiting += [(name, place) for name in written.operators[place].inputs]
    return found


def _mean(written: Written, place: int) -> Found | None:
    """A sum divided by how many values went into it."""
    summed = written.operators[place]
    if summed.type != "ReduceSum":
        return None
    name, between = summed.outputs[0], []
    readers = written.readers(name)
    while len(readers) == 1 and readers[0] >= 0 and written.operators[readers[0]].type in ("Reshape", "Unsqueeze"):
        between.append(readers[0])
        name = written.operators[readers[0]].outputs[0]
        readers = written.readers(name)
    if len(readers) != 1 or readers[0] < 0 or written.operators[readers[0]].type not in ("Div", "Mul"):
        return None
    end = written.operators[readers[0]]
    shape = written.shapes[summed.inputs[0]]
    many = math.prod(shape[axis] for axis in summed.attributes["axes"])
    number = written.number(end.inputs[1]) if end.inputs[0] == name else None
    wanted = many if end.type == "Div" else 1 / many
    if number is None or not math.isclose(number, wanted, rel_tol=1e-6):
        return None
    kept = dict(summed.attributes)
    if between:
        axes = sorted(summed.attributes["axes"])
        whole = tuple(1 if axis in axes else extent for axis, extent in enumerate(shape))
        if written.shapes[name] != whole:
            return None
        kept["keepdims"] = 1
    layer = summed.replace(type="ReduceMean", outputs=end.outputs, attributes=kept)
    return layer, (place, *between, readers[0])


def _largest(written: Written, place: int) -> Found | None:
    """The largest of axes that stay with a length of one."""
    found = written.operators[place]
    readers = written.readers(found.outputs[0]) if found.type == "ReduceMax" else []
    if len(readers) != 1 or readers[0] < 0 or written.operators[readers[0]].type not in ("Reshape", "Unsqueeze"):
        return None
    end, axes = written.operators[readers[0]], found.attributes["axes"]
    shape = written.shapes[found.inputs[0]]
    if written.shapes[end.outputs[0]] != tuple(1 if axis in axes else extent for axis, extent in enumerate(shape)):
        return None
    kept = found.replace(outputs=end.outputs, attributes={**found.attributes, "keepdims": 1})
    return kept, (place, readers[0])


def _average(written: Written, place: int) -> Found | None:
    """Windows' sums divided by their sizes, padding counted or not."""
    summed = written.operators[place]
    if summed.type != "SumPool":
        return None
    readers = written.readers(summed.outputs[0])
    end = written.operators[readers[0]] if len(readers) == 1 and readers[0] >= 0 else None
    if end is None or end.type not in ("Div", "Mul") or end.inputs[0] != summed.outputs[0]:
        return None
    number = written.number(end.inputs[1])
    size = math.prod(summed.attributes["kernel_shape"])
    if number is not None:
        if not math.isclose(number, size if end.type == "Div" else 1 / size, rel_tol=1e-6):
            return None
        inside = 1
    else:
        other = written.source(end.inputs[1], "Transpose")[0]
        ones = written.maker(other, "SumPool")
        if ones is None or written.source(written.operators[ones].inputs[0], *_SHAPING)[0] in written.weights:
            return None
        inside = 0
    attributes = {**summed.attributes, "count_include_pad": inside}
    layer = summed.replace(type="AveragePool", domain="", outputs=end.outputs, attributes=attributes)
    return layer, (place, readers[0])


def _biased(written: Written, place: int) -> Found | None:
    """A convolution and a constant for each channel added to it."""
    conv = written.operators[place]
    if conv.type not in ("Conv", "ConvTranspose") or len(conv.inputs) != 2:
        return None
    readers = written.readers(conv.outputs[0])
    end = written.operators[readers[0]] if len(readers) == 1 and readers[0] >= 0 else None
    if end is None or end.type != "Add":
        return None
    other = end.inputs[1] if end.inputs[0] == conv.outputs[0] else end.inputs[0]
    bias, _ = written.source(other, "Reshape")
    shape, made = written.shapes[other], written.shapes[conv.outputs[0]]
    along = (1,) * (len(made) - len(shape)) + tuple(shape)
    if bias not in written.weights or along != (1, made[1], *(1,) * (len(made) - 2)):
        return None
    return conv.replace(inputs=(*conv.inputs, bias), outputs=end.outputs), (place, readers[0])

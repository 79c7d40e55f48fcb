"""Several operators that stand for one layer: a product and its biases, SiLU, GELU, norms as they are written out.

What is found is one operator of the library ``archscope``, in the place of the last of those that it stands for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from archscope.importing.graph import Graph, Operator
from archscope.importing.onnx.attention import attended
from archscope.importing.onnx.historic import PATTERNS
from archscope.importing.onnx.recurrent import merged
from archscope.importing.onnx.written import OWN, Found, Pattern, Written, is_close, layer_of

Carried = Callable[[Sequence[Operator]], Mapping[str, object]]
"""What of several operators is still to be said of the one that stands for them."""


def simplified(graph: Graph, carried: Carried | None = None) -> Graph:
    """The graph with one operator for each layer that is written as several."""
    written = Written(graph, merged(graph.operators, graph.outputs))
    gone: set[int] = set()
    layers: dict[int, Operator] = {}
    for types, find in _PATTERNS:
        for place in written.places(types):
            try:
                found = find(written, place) if place not in gone else None
            except (IndexError, KeyError, TypeError, ValueError):  # an operator that lacks what it always has
                found = None
            if found is not None and gone.isdisjoint(found.places):
                gone.update(found.places)
                more = {} if carried is None else carried([written.operators[each] for each in found.places])
                layer = found.layer
                layers[found.places[-1]] = layer.replace(attributes={**layer.attributes, **more}) if more else layer
    operators = tuple(
        layers.get(place, each) for place, each in enumerate(written.operators) if place not in gone or place in layers
    )
    return graph.replace(operators=operators)


def _dense(written: Written, place: int) -> Found | None:
    """A product with a matrix, and a constant for each unit added to it."""
    product = written.operators[place]
    if not written.is_matrix(product.inputs[1]):
        return None
    after = written.reader(product.outputs[0], "Add")
    if after is None:
        return None
    bias = written.beside(after, product.outputs[0])
    width = written.columns(product.inputs[1])
    if written.is_vector(bias) != width:
        return None
    own = product.replace(type="Linear", domain=OWN, inputs=(*product.inputs, bias),
                          outputs=written.operators[after].outputs)  # fmt: skip
    return Found(own, (place, after))


def _gated(written: Written, place: int) -> Found | None:
    """A value times what a gate makes of it: SiLU, HardSwish, Mish."""
    gate = written.operators[place]
    product = written.reader(gate.outputs[0], "Mul")
    if product is None:
        return None
    value = written.beside(product, gate.outputs[0])
    if gate.type == "Tanh":
        before = written.maker(gate.inputs[0], "Softplus")
        if before is None or written.operators[before].inputs[0] != value:
            return None
        if written.reader(gate.inputs[0], "Tanh") is None:
            return None
        return Found(layer_of(written, product, "Mish", (value,)), (before, place, product))
    if gate.inputs[0] != value:
        return None
    if gate.type == "Sigmoid":
        return Found(layer_of(written, product, "SiLU", (value,)), (place, product))
    alpha, beta = gate.attributes.get("alpha", 0.2), gate.attributes.get("beta", 0.5)
    fits = is_close(alpha, 1 / 6) and is_close(beta, 0.5)
    return Found(layer_of(written, product, "HardSwish", (value,)), (place, product)) if fits else None


def _gelu(written: Written, place: int) -> Found | None:
    """``x · (1 + erf(x / √2)) / 2``, or its approximation by tanh, in any order of the factors."""
    core = written.operators[place]
    begun = _of_erf(written, core.inputs[0]) if core.type == "Erf" else _of_tanh(written, core.inputs[0])
    if begun is None:
        return None
    value, inner = begun
    after = written.reader(core.outputs[0], "Add")
    if after is None or not is_close(written.number(written.beside(after, core.outputs[0])), 1):
        return None
    ended = _halved(written, value, written.operators[after].outputs[0])
    if ended is None:
        return None
    places = tuple(sorted({*inner, place, after, *ended}))
    kind = "none" if core.type == "Erf" else "tanh"
    return Found(layer_of(written, places[-1], "Gelu", (value,), approximate=kind), places)


def _of_erf(written: Written, name: str) -> tuple[str, tuple[int, ...]] | None:
    place = written.maker(name, "Div", "Mul")
    if place is None:
        return None
    operator = written.operators[place]
    for value, other in (operator.inputs[:2], operator.inputs[1::-1]):
        number = written.number(other)
        if is_close(number, math.sqrt(2) if operator.type == "Div" else math.sqrt(0.5)):
            return value, (place,)
    return None


def _of_tanh(written: Written, name: str) -> tuple[str, tuple[int, ...]] | None:
    outer = written.maker(name, "Mul")
    if outer is None:
        return None
    for inner, other in (written.operators[outer].inputs[:2], written.operators[outer].inputs[1::-1]):
        total = written.maker(inner, "Add")
        if total is None or not is_close(written.number(other), math.sqrt(2 / math.pi)):
            continue
        for value, cubed in (written.operators[total].inputs[:2], written.operators[total].inputs[1::-1]):
            scaled = written.maker(cubed, "Mul")
            if scaled is None:
                continue
            for power, factor in (written.operators[scaled].inputs[:2], written.operators[scaled].inputs[1::-1]):
                cube = written.maker(power, "Pow")
                if cube is None or not is_close(written.number(factor), 0.044715):
                    continue
                base, exponent = written.operators[cube].inputs[:2]
                if base == value and is_close(written.number(exponent), 3):
                    return value, (cube, scaled, total, outer)
    return None


def _halved(written: Written, value: str, name: str) -> tuple[int, ...] | None:
    """The products with the value and with a half that come after."""
    first = written.reader(name, "Mul")
    if first is None:
        return None
    other = written.beside(first, name)
    made = written.operators[first].outputs[0]
    if other == value:
        second = written.reader(made, "Mul")
        fits = second is not None and is_close(written.number(written.beside(second, made)), 0.5)
        return (first, second) if fits and second is not None else None
    if is_close(written.number(other), 0.5):
        second = written.reader(made, "Mul")
        return (first, second) if second is not None and written.beside(second, made) == value else None
    half = written.maker(other, "Mul")
    if half is None or written.reader(other, "Mul") is None:
        return None
    inputs = written.operators[half].inputs[:2]
    fits = value in inputs and is_close(written.number(written.beside(half, value)), 0.5)
    return (half, first) if fits else None


def _norm(written: Written, place: int) -> Found | None:
    """Layer norm or RMS norm as it is written out, from its square root on."""
    root = written.operators[place]
    before = _spread(written, root.inputs[0])
    if before is None:
        return None
    value, eps, inner = before
    scaled = _scaled(written, root.outputs[0], value)
    if scaled is None:
        return None
    places = [*inner, place, *scaled]
    end = written.operators[scaled[-1]].outputs[0]
    centred = _centred(written, value)
    source, kind = (value, "rms") if centred is None else (centred[0], "layer")
    places = places if centred is None else [*centred[1], *places]
    weight = bias = ""
    after = written.reader(end, "Mul")
    if after is not None and written.is_vector(written.beside(after, end)) is not None:
        weight, end = written.beside(after, end), written.operators[after].outputs[0]
        places.append(after)
        more = written.reader(end, "Add")
        if more is not None and kind == "layer" and written.is_vector(written.beside(more, end)) is not None:
            bias = written.beside(more, end)
            places.append(more)
    places = sorted(set(places))
    if not all(written.is_within(name, places) for each in places[:-1] for name in written.operators[each].outputs):
        return None
    type_ = "RMSNormalization" if kind == "rms" else "LayerNormalization"
    inputs = (source, weight, bias) if kind == "layer" else (source, weight)
    layer = layer_of(written, places[-1], type_, inputs, axis=-1, epsilon=eps).replace(domain="")
    return Found(layer, tuple(places))


def _spread(written: Written, name: str) -> tuple[str, float, list[int]] | None:
    """The value of which this is the mean of squares and a little: the value, how little, the operators."""
    added = written.maker(name, "Add")
    if added is None:
        return None
    for mean, little in (written.operators[added].inputs[:2], written.operators[added].inputs[1::-1]):
        eps, place = written.number(little), written.maker(mean, "ReduceMean")
        if eps is None or place is None or not written.over_last(place):
            continue
        square = written.maker(written.operators[place].inputs[0], "Pow", "Mul")
        if square is None:
            continue
        value, other = written.operators[square].inputs[:2]
        is_square = value == other if written.operators[square].type == "Mul" else is_close(written.number(other), 2)
        if is_square:
            return value, eps, [square, place, added]
    return None


def _scaled(written: Written, root: str, value: str) -> list[int] | None:
    """The division of the value by the root, or its product with what one divided by that is."""
    divided = written.reader(root, "Div", "Reciprocal")
    if divided is None:
        return None
    operator = written.operators[divided]
    if operator.type == "Div" and operator.inputs[0] == value:
        return [divided]
    if operator.type == "Div" and not is_close(written.number(operator.inputs[0]), 1):
        return None
    product = written.reader(operator.outputs[0], "Mul")
    return [divided, product] if product is not None and written.beside(product, operator.outputs[0]) == value else None


def _centred(written: Written, value: str) -> tuple[str, list[int]] | None:
    """The value that this is without its mean."""
    taken = written.maker(value, "Sub")
    if taken is None:
        return None
    source, mean = written.operators[taken].inputs[:2]
    place = written.maker(mean, "ReduceMean")
    if place is None or written.operators[place].inputs[0] != source or not written.over_last(place):
        return None
    return source, [place, taken]


_PATTERNS: Final[tuple[Pattern, ...]] = (
    (("Softmax",), attended),
    (("MatMul",), _dense),
    (("Sqrt",), _norm),
    (("Erf", "Tanh"), _gelu),
    (("Sigmoid", "HardSigmoid", "Tanh"), _gated),
    *PATTERNS,
)
"""What finds each, from an operator of some types."""

"""Several operators that stand for one layer: a product and its biases, norms as they are written out.

What is found is one operator of the library ``archscope``, in the place of the last of those that it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from archscope.importing.graph import Graph, Operator
from archscope.importing.hiding import unguarded
from archscope.importing.onnx.attention import attended
from archscope.importing.onnx.historic import PATTERNS
from archscope.importing.onnx.quantised import rescaled
from archscope.importing.onnx.recurrent import merged
from archscope.importing.onnx.written import OWN, Found, Pattern, Written, is_close, layer_of

Carried = Callable[[Sequence[Operator]], Mapping[str, object]]
"""What of several operators is still to be said of the one that stands for them."""


def simplified(graph: Graph, carried: Carried | None = None) -> Graph:
    """The graph with one operator for each layer that is written as several."""
    operators = unguarded(merged(graph.operators, graph.outputs), graph.constants.get, graph.outputs)
    written = Written(graph, operators)
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


def _grouped(written: Written, place: int) -> Found | None:
    """Group norm: instance norm of each group as one channel, and a factor and a shift for each channel."""
    norm = written.operators[place]
    apart, back = written.maker(norm.inputs[0], "Reshape"), written.reader(norm.outputs[0], "Reshape")
    if apart is None or back is None or not (written.is_all(norm.input(1), 1) and written.is_all(norm.input(2), 0)):
        return None
    value, end = written.operators[apart].inputs[0], written.operators[back].outputs[0]
    shape, groups = written.shape(value), written.shape(norm.inputs[0])
    if written.shape(end) != shape or len(groups) != 3 or groups[0] != shape[0] or shape[1] % groups[1]:
        return None
    places, weights = [apart, place, back], list[str]()
    for type_ in ("Mul", "Add"):
        found = written.by_map(end, type_, shape[1])
        if found is None:
            return None
        places, weights, end = [*places, found[0]], [*weights, found[1]], written.operators[found[0]].outputs[0]
    if not written.is_within(written.operators[apart].outputs[0], places):
        return None
    layer = layer_of(written, places[-1], "GroupNormalization", (value, *weights), num_groups=groups[1],
                     epsilon=norm.attributes.get("epsilon", 1e-5)).replace(domain="")  # fmt: skip
    return Found(layer, tuple(places))


_PATTERNS: Final[tuple[Pattern, ...]] = (
    (("Softmax",), attended),
    (("MatMul",), _dense),
    (("MatMulInteger", "ConvInteger"), rescaled),
    (("Sqrt",), _norm),
    (("InstanceNormalization",), _grouped),
    *PATTERNS,
)
"""What finds each, from an operator of some types."""

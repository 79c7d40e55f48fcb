"""Quantised operators: counted as the layers that they stand for, by the values and by the bytes that are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from archscope.importing.graph import Operator
from archscope.importing.meaning import Meaning, Values
from archscope.importing.onnx import recurrent
from archscope.importing.onnx.written import OWN, Found, Written
from archscope.layers.base import Weight
from archscope.recognising.tensor import Shaped

_MICROSOFT: Final = "com.microsoft::"

_STANDS: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = MappingProxyType({
    "QLinearConv": ("Conv", (0, 3, 8)),
    "QLinearMatMul": ("MatMul", (0, 3)),
    "ConvInteger": ("Conv", (0, 1)),
    "MatMulInteger": ("MatMul", (0, 1)),
    **{f"{_MICROSOFT}{name}": found for name, found in (
        ("QLinearAdd", ("Add", (0, 3))), ("QLinearMul", ("Mul", (0, 3))), ("QGemm", ("Gemm", (0, 3, 6))),
        ("QLinearGlobalAveragePool", ("GlobalAveragePool", (0,))), ("QLinearAveragePool", ("AveragePool", (0,))),
        ("QLinearLeakyRelu", ("LeakyRelu", (0,))), ("QLinearSigmoid", ("Sigmoid", (0,))),
        ("QLinearSoftmax", ("Softmax", (0,))), ("QLinearReduceMean", ("ReduceMean", (0,))),
        ("QLinearConcat", ("Concat", (2, 5, 8, 11, 14, 17, 20, 23))), ("MatMulIntegerToFloat", ("MatMul", (0, 1))),
        ("DynamicQuantizeMatMul", ("MatMul", (0, 1))), ("DynamicQuantizeLSTM", ("LSTM", tuple(range(8)))),
        ("Gelu", ("Gelu", (0,))), ("QLinearConv", ("Conv", (0, 3, 8))),
    )},
})  # fmt: skip
"""Operators that do what another does on numbers of fewer bits: which, and the places of what that reads.

Between them lie scales and zero points.
"""


def stands_for(name: str, many: int) -> tuple[str, tuple[int, ...]] | None:
    """The operator without quantisation, and the places of what it reads of so many inputs; None if there is none."""
    found = _STANDS.get(name)
    return None if found is None else (found[0], tuple(place for place in found[1] if place < many))


def _without(operator: Operator, values: Values) -> Meaning | None:
    """The same operator on numbers with a point."""
    from archscope.importing.onnx.calls import translate

    found = stands_for(operator.name, len(operator.inputs))
    if found is None or (operator.type == "QLinearGlobalAveragePool" and operator.attributes.get("channels_last", 0)):
        return None
    inputs = tuple(operator.input(place) for place in found[1])
    values.plain(*(name for name in operator.inputs if name not in inputs), *operator.attributes.get("scales", ()))
    plain = operator.replace(type=found[0], domain="", inputs=inputs)
    if "bias" in operator.attributes:
        inputs = (*inputs, operator.attributes["bias"])
        plain = plain.replace(type="Linear", domain=OWN, inputs=inputs)
    meaning = translate(plain, values)
    return None if meaning is None else meaning._replace(reads=tuple(name for name in inputs if name))


def rescaled(written: Written, place: int) -> Found | None:
    """A product of whole numbers brought back to numbers with a point: times two scales, and constants added to it.

    The scale of the weights, one for all or one for each unit, is no weight.
    """
    product = written.operators[place]
    cast = written.reader(product.outputs[0], "Cast")
    end = "" if cast is None else written.operators[cast].outputs[0]
    after = written.reader(end, "Mul")
    factor = None if after is None else written.maker(written.beside(after, end), "Mul")
    if cast is None or after is None or factor is None:
        return None
    scales = written.operators[factor].inputs
    measured = [name for name in scales if (by := written.maker(name, "DynamicQuantizeLinear")) is not None
                and written.operators[by].outputs[1] == name]  # fmt: skip
    if len(measured) != 1:
        return None
    places = [place, cast, after]
    more: dict[str, object] = {"scales": tuple(name for name in scales if name not in measured)}
    end = written.operators[after].outputs[0]
    added = written.reader(end, "Add") if product.type == "MatMulInteger" else None
    bias = "" if added is None else written.beside(added, end)
    if added is not None and written.is_vector(bias) == written.shape(end)[-1]:
        places, more = [*places, added], more | {"bias": bias}
    made = product.replace(outputs=written.operators[places[-1]].outputs, attributes={**product.attributes, **more})
    return Found(made, tuple(places))


def _handed_on(operator: Operator, values: Values) -> Meaning:
    """Numbers brought to another precision: the value goes on, or the weight with the type that it is stored in."""
    values.plain(*operator.inputs[1:])
    return Meaning("dequantize", same=operator.inputs[0])


def _dynamic(operator: Operator, _: Values) -> Meaning:
    return Meaning("quantize", same=operator.inputs[0])


def _by_blocks(operator: Operator, values: Values) -> Meaning | None:
    """A product with a matrix in blocks of a few bits: stored as bytes, counted as the matrix that it is."""
    settings = operator.attributes
    rows, columns, bits = (int(settings.get(name, usual)) for name, usual in (("N", 0), ("K", 0), ("bits", 4)))
    x, packed, bias = *operator.inputs[:2], operator.input(5)
    if rows < 1 or columns < 1 or values.reached(packed) or values.tensor(x).shape[-1] != columns:
        return None
    values.plain(*filter(None, operator.inputs[2:5]))
    values.hold(packed, (Weight(packed, (rows, columns), True, f"int{bits}"),), instead=packed)
    matrix = Shaped((rows, columns))
    given = {"input": values.tensor(x), "weight": matrix, "bias": values.tensor(bias) if bias else None}
    reads = (x, packed, *filter(None, (bias,)))
    return Meaning("linear", given, reads=reads, rule="aten::matmul", args=(values.tensor(x), matrix),
                   after=values.place(x))  # fmt: skip


READINGS: Final[Mapping[str, Callable[[Operator, Values], Meaning | None]]] = MappingProxyType({
    **dict.fromkeys(_STANDS, _without),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _handed_on),
    **{f"com.microsoft::{name}": _handed_on for name in ("QuantizeLinear", "DequantizeLinear")},
    "DynamicQuantizeLinear": _dynamic,
    "com.microsoft::MatMulNBits": _by_blocks,
    "com.microsoft::DynamicQuantizeLSTM": recurrent.of_fewer_bits,
})  # fmt: skip
"""Operators by name, and what each means."""

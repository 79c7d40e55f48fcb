"""Operators of ONNX that work value by value, turn axes, join values, or make numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.graph import Operator
from archscope.importing.hiding import handed_on
from archscope.importing.meaning import Meaning, Values
from archscope.importing.onnx.numbers import plainly

Reading = Callable[[Operator, Values], "Meaning | None"]


def _x(operator: Operator, values: Values, place: int = 0) -> Any:
    return values.tensor(operator.input(place))


def _number(name: str, values: Values) -> float | None:
    """The one number that a value is, where it is a constant."""
    constant = None if values.reached(name) else values.constant(name)
    number = None if constant is None else constant.number
    if number is None or isinstance(number, (bool, str)):
        return None
    values.plain(name)
    return plainly(number)


def _numbers(operator: Operator, values: Values, place: int, attribute: str = "axes") -> list[int] | None:
    """Whole numbers that newer opsets have as an input and older ones as an attribute."""
    name = operator.input(place)
    if name:
        constant = values.constant(name)
        return None if constant is None else [int(each) for each in constant.values]
    found = operator.attributes.get(attribute)
    return None if found is None else [int(each) for each in found]


def _unary(function: str, **options: tuple[str, float]) -> Reading:
    """A function of each value, with options by PyTorch's name: ONNX's, and what it takes where nothing is said."""

    def reading(operator: Operator, values: Values) -> Meaning:
        numbers = {name: plainly(operator.attributes.get(*theirs)) for name, theirs in options.items()}
        return Meaning(function, {"input": _x(operator, values), **numbers}, pointwise=True)

    return reading


def _same(operator: Operator, _: Values) -> Meaning:
    return Meaning("identity", same=operator.inputs[0])


def _arithmetic(function: str) -> Reading:
    """Two values, or a value and a number from either side."""

    def reading(operator: Operator, values: Values) -> Meaning:
        if len(operator.inputs) == 1:
            return Meaning("identity", same=operator.inputs[0])
        if len(operator.inputs) > 2:
            return Meaning("add", pointwise=True)
        left, right = operator.inputs
        for place, (name, other) in enumerate(((left, right), (right, left))):
            number = _number(name, values)
            if number is None or not values.reached(other) or len(values.shape(name)) > len(values.shape(other)):
                continue
            given = [values.tensor(other), number] if place else [number, values.tensor(other)]
            return Meaning(function, {"input": given[0], "other": given[1]}, reads=(other,), pointwise=True)
        if idle := handed_on(operator, values):
            return Meaning("identity", same=idle)
        given = [values.tensor(left), values.tensor(right)]
        return Meaning(function, {"input": given[0], "other": given[1]}, pointwise=True)

    return reading


def _power(operator: Operator, values: Values) -> Meaning:
    base, exponent = operator.inputs[:2]
    number = _number(exponent, values)
    given = {"input": values.tensor(base), "exponent": values.tensor(exponent) if number is None else number}
    return Meaning("pow", given, reads=(base, exponent) if number is None else (base,), pointwise=True)


def _extreme(function: str) -> Reading:
    def reading(operator: Operator, values: Values) -> Meaning:
        if len(operator.inputs) == 1:
            return Meaning("identity", same=operator.inputs[0])
        numbers = [_number(name, values) for name in operator.inputs]
        if len(numbers) == 2 and (numbers[0] is None) != (numbers[1] is None):
            value = operator.inputs[0 if numbers[0] is None else 1]
            bound = next(each for each in numbers if each is not None)
            low, high = (bound, None) if function == "maximum" else (None, bound)
            return Meaning("clamp", {"input": values.tensor(value), "min": low, "max": high}, reads=(value,),
                           pointwise=True)  # fmt: skip
        if len(numbers) > 2:
            return Meaning(function.removesuffix("imum"), pointwise=True)
        given = {"input": _x(operator, values), "other": _x(operator, values, 1)}
        return Meaning(function, given, pointwise=True)

    return reading


def _clip(operator: Operator, values: Values) -> Meaning:
    low, high = (_number(operator.input(place), values) if operator.input(place) else operator.attributes.get(name)
                 for place, name in ((1, "min"), (2, "max")))  # fmt: skip
    given = {"input": _x(operator, values), "min": low, "max": high}
    return Meaning("clamp", given, reads=operator.inputs[:1], pointwise=True)


def _hard_sigmoid(operator: Operator, values: Values) -> Meaning:
    alpha, beta = (operator.attributes.get(name, usual) for name, usual in (("alpha", 0.2), ("beta", 0.5)))
    torchs = math.isclose(alpha, 1 / 6, rel_tol=1e-4) and math.isclose(beta, 0.5)
    name = "hardsigmoid" if torchs else "hard_sigmoid"
    return Meaning(name, {"input": _x(operator, values)}, pointwise=True)


def _selu(operator: Operator, values: Values) -> Meaning:
    alpha, gamma = (operator.attributes.get(name, usual) for name, usual in (("alpha", 1.67326), ("gamma", 1.0507)))
    usual = math.isclose(alpha, 1.67326, rel_tol=1e-4) and math.isclose(gamma, 1.0507, rel_tol=1e-4)
    return Meaning("selu" if usual else "scaled_elu", {"input": _x(operator, values)}, pointwise=True)


def _swish(operator: Operator, values: Values) -> Meaning:
    usual = operator.attributes.get("alpha", 1.0) == 1
    return Meaning("silu" if usual else "swish", {"input": _x(operator, values)}, pointwise=True)


def _gelu(operator: Operator, values: Values) -> Meaning:
    kind = "tanh" if operator.type == "FastGelu" else operator.attributes.get("approximate", "none")
    return Meaning("gelu", {"input": _x(operator, values), "approximate": kind}, pointwise=True)


def _thresholded(operator: Operator, values: Values) -> Meaning:
    threshold = plainly(operator.attributes.get("alpha", 1.0))
    given = {"input": _x(operator, values), "threshold": threshold, "value": 0}
    return Meaning("threshold", given, pointwise=True)


def _softmax(function: str) -> Reading:
    """Before opset 13 everything from the axis on was one row."""

    def reading(operator: Operator, values: Values) -> Meaning:
        x = _x(operator, values)
        old = operator.attributes.get("opset", 13) < 13
        axis = operator.attributes.get("axis", 1 if old else -1) % max(x.dim(), 1)
        rows = math.prod(x.shape[axis + 1 :]) == 1
        if old and not rows:
            return Meaning(function)
        return Meaning(function, {"input": x, "dim": axis})

    return reading


def _dropout(operator: Operator, values: Values) -> Meaning:
    ratio = _number(operator.input(1), values) if operator.input(1) else operator.attributes.get("ratio", 0.5)
    given = {"input": _x(operator, values), "p": 0.5 if ratio is None else ratio}
    return Meaning("dropout", given, reads=operator.inputs[:1], results=operator.outputs[:1])


def _transpose(operator: Operator, values: Values) -> Meaning:
    x = _x(operator, values)
    order = operator.attributes.get("perm") or range(x.dim())[::-1]
    return Meaning("permute", {"input": x, "dims": tuple(order)})


def _reshape(operator: Operator, values: Values) -> Meaning:
    return Meaning("reshape", {"input": _x(operator, values)}, reads=operator.inputs[:1])


def _squeeze(operator: Operator, values: Values) -> Meaning:
    axes = _numbers(operator, values, 1)
    return Meaning("squeeze", {"input": _x(operator, values), "dim": axes}, reads=operator.inputs[:1])


def _unsqueeze(operator: Operator, values: Values) -> Meaning:
    axes = _numbers(operator, values, 1) or []
    if len(axes) != 1:
        return Meaning("reshape", {"input": _x(operator, values)}, reads=operator.inputs[:1])
    return Meaning("unsqueeze", {"input": _x(operator, values), "dim": axes[0]}, reads=operator.inputs[:1])


def _concat(operator: Operator, values: Values) -> Meaning:
    tensors = [values.tensor(name) for name in operator.inputs]
    return Meaning("cat", {"tensors": tensors, "dim": operator.attributes.get("axis", 0)})


def _split(operator: Operator, values: Values) -> Meaning:
    axis = operator.attributes.get("axis", 0)
    given = {"input": _x(operator, values), "sizes": None, "dim": axis}
    return Meaning("split_with_sizes", given, reads=operator.inputs[:1])


def _slice(operator: Operator, values: Values) -> Meaning:
    x = _x(operator, values)
    starts, ends = _numbers(operator, values, 1, "starts"), _numbers(operator, values, 2, "ends")
    reads = operator.inputs[:1]
    if starts is None or ends is None:
        return Meaning("slice", reads=reads)
    axes = _numbers(operator, values, 3) or list(range(len(starts)))
    steps = _numbers(operator, values, 4, "steps") or [1] * len(axes)
    if any(step < 1 for step in steps) or not len(starts) == len(ends) == len(axes) == len(steps):
        return Meaning("flip", reads=reads)
    index: list[Any] = [slice(None)] * x.dim()
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x.shape[axis]
        index[axis] = slice(max(min(start, size), -size), max(min(end, size), -size), step)
    return Meaning("getitem", {"input": x, "index": tuple(index)}, reads=reads)


def _gather(operator: Operator, values: Values) -> Meaning:
    """Rows of a table for token numbers; one position of an axis; positions one after another."""
    table, tokens = operator.inputs[:2]
    axis = operator.attributes.get("axis", 0)
    if values.reached(tokens) and not values.reached(table):
        held = values.tensor(table)
        if axis == 0 and held.dim() == 2:
            from archscope.importing.onnx.calls import hold_numbers

            hold_numbers(table, values)
            given = {"input": values.tensor(tokens), "weight": held}
            return Meaning("embedding", given, reads=(tokens, table))
        return Meaning("index_select")
    x = values.tensor(table)
    chosen = values.constant(tokens)
    if chosen is None:
        return Meaning("index_select")
    axis %= x.dim()
    places = [int(each) for each in chosen.values]
    if not chosen.shape:
        return Meaning("select", {"input": x, "dim": axis, "index": places[0]}, reads=(table,))
    if len(chosen.shape) == 1 and places and places[0] >= 0 and places == [*range(places[0], places[0] + len(places))]:
        index = [slice(None)] * axis + [slice(places[0], places[-1] + 1)] + [slice(None)] * (x.dim() - axis - 1)
        return Meaning("getitem", {"input": x, "index": tuple(index)}, reads=(table,))
    return Meaning("index_select", reads=(table,))


def _expand(operator: Operator, values: Values) -> Meaning:
    name = operator.input(0)
    if values.shape(name) == values.shape(operator.outputs[0]):
        return Meaning("identity", same=name)
    return Meaning("expand", {"input": values.tensor(name)}, reads=(name,))


def _tile(operator: Operator, values: Values) -> Meaning:
    repeats = _numbers(operator, values, 1, "repeats")
    reads = operator.inputs[:1]
    if repeats is None:
        return Meaning("tile", reads=reads, known=True)
    return Meaning("repeat", {"input": _x(operator, values), "repeats": tuple(repeats)}, reads=reads)


def _pad(operator: Operator, values: Values) -> Meaning:
    x = _x(operator, values)
    reads = operator.inputs[:1]
    pads = _numbers(operator, values, 1, "pads")
    axes = _numbers(operator, values, 3)
    if pads is None:
        return Meaning("pad_by_values", reads=reads)
    each = [axis % x.dim() for axis in axes] if axes is not None else list(range(x.dim()))
    pairs = {axis: (pads[place], pads[place + len(each)]) for place, axis in enumerate(each)}
    if not any(map(any, pairs.values())):
        return Meaning("identity", same=reads[0])
    flat = [side for axis in reversed(range(x.dim())) for side in pairs.get(axis, (0, 0))]
    while len(flat) > 2 and not any(flat[-2:]):
        flat = flat[:-2]
    mode = {"edge": "replicate", "wrap": "circular"}.get(kind := operator.attributes.get("mode", "constant"), kind)
    value = _number(operator.input(2), values) if operator.input(2) else operator.attributes.get("value", 0.0)
    if value is not None and not math.isfinite(value):
        return Meaning("pad_by_values", reads=reads)
    return Meaning("pad", {"input": x, "pad": flat, "mode": mode, "value": value}, reads=reads)


def _resize(operator: Operator, values: Values) -> Meaning:
    x = _x(operator, values)
    values.plain(*operator.inputs[1:])
    made = values.shape(operator.outputs[0])
    kinds = {1: "linear", 2: "bilinear", 3: "trilinear"}
    kind = operator.attributes.get("mode", "nearest")
    axes = x.dim() - 2
    mode = {"linear": kinds.get(axes, ""), "cubic": "bicubic"}.get(kind, kind)
    corners = operator.attributes.get("coordinate_transformation_mode", "half_pixel") == "align_corners"
    factors = [new / old for new, old in zip(made[2:], x.shape[2:], strict=False) if old]
    whole = bool(factors) and all(factor == int(factor) for factor in factors)
    given: dict[str, Any] = {"input": x, "mode": mode, "align_corners": corners if kind == "linear" else None,
                             "antialias": bool(operator.attributes.get("antialias", 0))}  # fmt: skip
    given |= {"scale_factor": [float(each) for each in factors]} if whole else {"size": list(made[2:])}
    if axes < 1 or tuple(made[:2]) != tuple(x.shape[:2]):
        return Meaning("resize", reads=operator.inputs[:1])
    return Meaning("interpolate", given, reads=operator.inputs[:1])


def _reduced(function: str) -> Reading:
    def reading(operator: Operator, values: Values) -> Meaning:
        x = _x(operator, values)
        axes = _numbers(operator, values, 1)
        reads = operator.inputs[:1]
        if not axes and operator.attributes.get("noop_with_empty_axes", 0):
            return Meaning("identity", same=reads[0])
        dims: Any = tuple(each % x.dim() for each in axes) if axes else tuple(range(x.dim()))
        given = {"input": x, "dim": dims, "keepdim": bool(operator.attributes.get("keepdims", 1))}
        return Meaning(function, given, reads=reads)

    return reading


def _chosen(operator: Operator, values: Values) -> Meaning:
    x = _x(operator, values)
    axis = operator.attributes.get("axis", 0) % max(x.dim(), 1)
    return Meaning("argmax", {"input": x, "dim": axis, "keepdim": bool(operator.attributes.get("keepdims", 1))})


def _normalized(operator: Operator, values: Values) -> Meaning:
    settings = operator.attributes
    given = {"input": _x(operator, values), "p": float(settings.get("p", 2)), "dim": settings.get("axis", -1)}
    return Meaning("normalize", given)


def _depth_to_space(operator: Operator, values: Values) -> Meaning:
    if operator.attributes.get("mode", "DCR") != "CRD":
        return Meaning("depth_to_space", reads=operator.inputs[:1])
    factor = operator.attributes["blocksize"]
    return Meaning("pixel_shuffle", {"input": _x(operator, values), "upscale_factor": factor})


def _named(name: str, *, pointwise: bool = False) -> Reading:
    return lambda operator, values: Meaning(name, pointwise=pointwise)  # noqa: ARG005 - as every reading


def _counting(operator: Operator, _: Values) -> Meaning:
    return Meaning(operator.type.lower(), numbers=True)


_POINTWISE: Final = (
    "Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sign Floor Ceil Round IsNaN IsInf Not And Or Xor Equal "
    "Greater GreaterOrEqual Less LessOrEqual Where Mod BitShift BitwiseAnd BitwiseOr BitwiseXor BitwiseNot Shrink "
    "Hardmax Mean"
)
_MULTIPLY_NOTHING: Final = (
    "CumSum CumProd TopK Unique NonZero GatherElements GatherND ScatterElements ScatterND Scatter Trilu "
    "NonMaxSuppression GridSample SpaceToDepth ReverseSequence Compress EyeLike ReduceL1 ReduceL2 "
    "ReduceLogSum ReduceProd ReduceSumSquare MaxUnpool LpPool GlobalLpPool CenterCropPad Col2Im "
    "MeanVarianceNormalization TensorScatter BitCast SequenceAt SequenceConstruct"
)
_COUNTING: Final = "Shape Size ConstantOfShape Range RandomNormal RandomUniform RandomNormalLike RandomUniformLike"

READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    **{name: _named(name.lower(), pointwise=True) for name in _POINTWISE.split()},
    **{name: _named(name.lower()) for name in _MULTIPLY_NOTHING.split()},
    **dict.fromkeys(_COUNTING.split(), _counting),
    **dict.fromkeys(("Identity", "Cast", "CastLike"), _same),
    **{name: _arithmetic(function) for name, function in (("Add", "add"), ("Sub", "sub"), ("Mul", "mul"),
                                                          ("Div", "div"), ("Sum", "add"))},
    **{name: _unary(name.lower()) for name in ("Relu", "Sigmoid", "Tanh", "Softsign", "HardSwish", "Mish", "Abs", "Exp",
                                               "Log", "Sqrt", "Reciprocal", "Neg")},
    **{f"archscope::{name}": _unary(name.lower()) for name in ("SiLU", "Mish", "HardSwish", "Rsqrt")},
    "LeakyRelu": _unary("leaky_relu", negative_slope=("alpha", 0.01)),
    "Elu": _unary("elu", alpha=("alpha", 1.0)),
    "Celu": _unary("celu", alpha=("alpha", 1.0)),
    "Softplus": _unary("softplus"),
    "Pow": _power,
    "Max": _extreme("maximum"),
    "Min": _extreme("minimum"),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Selu": _selu,
    "Swish": _swish,
    **dict.fromkeys(("Gelu", "com.microsoft::FastGelu"), _gelu),
    "com.microsoft::QuickGelu": _named("quick_gelu", pointwise=True),
    "ThresholdedRelu": _thresholded,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Dropout": _dropout,
    "Transpose": _transpose,
    "Reshape": _reshape,
    "Flatten": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": _tile,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "ReduceMean": _reduced("mean"),
    "ReduceSum": _reduced("sum"),
    "ReduceMax": _reduced("amax"),
    "ReduceMin": _reduced("amin"),
    "ReduceLogSumExp": _reduced("logsumexp"),
    "ArgMax": _chosen,
    "ArgMin": _chosen,
    "LpNormalization": _normalized,
    "DepthToSpace": _depth_to_space,
})  # fmt: skip
"""Operators by name, and what each means."""

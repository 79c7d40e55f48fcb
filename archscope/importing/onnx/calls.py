"""Which of PyTorch's functions an operator of ONNX is: convolutions, products, pooling, norms, recurrence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.graph import Operator
from archscope.importing.meaning import Meaning, Values
from archscope.importing.onnx import attention, contributed, plain, quantised, recurrent
from archscope.importing.onnx.numbers import plainly
from archscope.layers.base import Weight
from archscope.recognising.tensor import Shaped

Reading = Callable[[Operator, Values], "Meaning | None"]


def translate(operator: Operator, values: Values) -> Meaning | None:
    """What an operator of ONNX means; None where nothing is known of it."""
    reading = _READINGS.get(operator.name) or plain.READINGS.get(operator.name)
    return None if reading is None else reading(operator, values)


def given_weight(operator: Operator, values: Values, place: int, idle: float | None = None) -> Shaped | None:
    """The tensor in a place, taken for a weight if it comes of no input; None where there is none.

    ``idle`` is the number that changes nothing there, zero of a bias and one of a factor: an exporter makes as many of
    them where an operator wants a weight that the layer has not.
    """
    name = operator.input(place)
    if not name or _is_idle(name, idle, values):
        return None
    hold_numbers(name, values)
    return values.tensor(name)


def _is_idle(name: str, idle: float | None, values: Values) -> bool:
    """Whether numbers that an exporter has made change nothing."""
    found = None if idle is None or values.reached(name) or values.stored(name) else values.constant(name)
    return found is not None and all(each == idle for each in found.values)


def _affine(operator: Operator, values: Values) -> tuple[Shaped | None, Shaped | None]:
    """The factors and the shifts of a norm."""
    return given_weight(operator, values, 1, 1), given_weight(operator, values, 2, 0)


def hold_numbers(name: str, values: Values, *, trainable: bool = True) -> None:
    """Numbers that stand in the graph are weights where a layer reads them as such."""
    if not values.reached(name) and values.constant(name) is not None:
        values.hold(name, (Weight(name, values.shape(name) or (1,), trainable, values.dtype(name)),))


def _conv(operator: Operator, values: Values) -> Meaning | None:
    x, weight = values.tensor(operator.input(0)), given_weight(operator, values, 1)
    bias = given_weight(operator, values, 2, 0)
    if weight is None or x.dim() not in (3, 4, 5):
        return None
    axes = x.dim() - 2
    kernel, strides, dilations = weight.shape[2:], _each(operator, "strides", axes), _each(operator, "dilations", axes)
    given = {
        "input": x,
        "weight": weight,
        "bias": bias,
        "stride": strides,
        "padding": padding(operator, x.shape[2:], kernel, strides, dilations),
        "dilation": dilations,
        "groups": operator.attributes.get("group", 1),
    }
    return Meaning(f"conv{axes}d", given, rule="aten::convolution", args=(x, weight, bias, None, None, None, False))


def _each(operator: Operator, name: str, axes: int, usual: int = 1) -> tuple[int, ...]:
    found = tuple(int(each) for each in operator.attributes.get(name) or ())
    return found if len(found) == axes else (usual,) * axes


def padding(
    operator: Operator, size: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...],
    dilations: tuple[int, ...],
) -> Any:  # fmt: skip
    """Padding as PyTorch's functions have it, or pairs where the sides differ."""
    kind = operator.attributes.get("auto_pad", "NOTSET")
    axes = len(kernel)
    if kind in ("SAME_UPPER", "SAME_LOWER"):
        pairs = []
        for extent, window, step, apart in zip(size, kernel, strides, dilations, strict=True):
            whole = max((math.ceil(extent / step) - 1) * step + (window - 1) * apart + 1 - extent, 0)
            less, more = whole // 2, whole - whole // 2
            pairs.append((less, more) if kind == "SAME_UPPER" else (more, less))
        return tuple(pairs)
    pads = operator.attributes.get("pads") if kind == "NOTSET" else None
    if not pads:
        return (0,) * axes
    before, after = pads[:axes], pads[axes:]
    return tuple(before) if tuple(before) == tuple(after) else tuple(zip(before, after, strict=True))


def _conv_transpose(operator: Operator, values: Values) -> Meaning | None:
    x, weight = values.tensor(operator.input(0)), given_weight(operator, values, 1)
    bias = given_weight(operator, values, 2, 0)
    if weight is None or x.dim() not in (3, 4, 5):
        return None
    axes = x.dim() - 2
    ones = (1,) * axes
    plainly = operator.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID") and not (
        operator.attributes.get("output_shape"))  # fmt: skip
    sides = padding(operator, x.shape[2:], weight.shape[2:], ones, ones)
    given = {
        "input": x,
        "weight": weight,
        "bias": bias,
        "stride": _each(operator, "strides", axes),
        "padding": sides,
        "output_padding": _each(operator, "output_padding", axes, 0),
        "groups": operator.attributes.get("group", 1),
        "dilation": _each(operator, "dilations", axes),
    }
    name = f"conv_transpose{axes}d"
    args = (x, weight, bias, None, None, None, True)
    if not plainly:
        return Meaning(name, given, rule="aten::convolution", args=args, beyond="output_shape")
    return Meaning(name, given, rule="aten::convolution", args=args)


def _gemm(operator: Operator, values: Values) -> Meaning | None:
    x, weight = values.tensor(operator.input(0)), values.tensor(operator.input(1))
    bias = values.tensor(operator.input(2)) if operator.input(2) else None
    settings = operator.attributes
    plainly = settings.get("alpha", 1.0) == 1 and settings.get("beta", 1.0) == 1 and not settings.get("transA", 0)
    rows = x.shape[-1] if not settings.get("transA", 0) else x.shape[0]
    out = weight.shape[0] if settings.get("transB", 0) else weight.shape[1]
    turned = (Shaped((x.shape[0] if not settings.get("transA", 0) else x.shape[1], rows)), Shaped((rows, out)))
    if values.reached(operator.input(1)) or not plainly or (bias is not None and values.reached(operator.input(2))):
        return Meaning("addmm", rule="aten::mm", args=turned)
    hold_numbers(operator.input(1), values)
    if bias is not None:
        hold_numbers(operator.input(2), values)
        if bias.numel() != out:
            return Meaning("addmm", rule="aten::mm", args=turned)
    if settings.get("transB", 0):
        return Meaning("linear", {"input": x, "weight": weight, "bias": bias}, rule="aten::mm", args=turned)
    return _dense(x, weight, bias, turned)


def _dense(x: Shaped, matrix: Shaped, bias: Shaped | None, args: tuple[Shaped, Shaped]) -> Meaning:
    """A dense layer, of which the file has the matrix with its inputs in front."""
    given = {"input": x, "weight": Shaped(matrix.shape[::-1]), "bias": bias}
    return Meaning("linear", given, rule="aten::matmul", args=args, turned=True)


def _matmul(operator: Operator, values: Values) -> Meaning:
    left, right = (values.tensor(operator.input(place)) for place in (0, 1))
    for place in (0, 1):
        hold_numbers(operator.input(place), values)
    if right.dim() == 2 and not values.reached(operator.input(1)):
        return _dense(left, right, None, (left, right))
    return Meaning("matmul", {"input": left, "other": right}, rule="aten::matmul", args=(left, right))


def _linear(operator: Operator, values: Values) -> Meaning:
    """A product with a matrix and the constants added to it; see `archscope.importing.onnx.patterns`."""
    x, weight, bias = (values.tensor(operator.input(place)) for place in range(3))
    for place in (1, 2):
        hold_numbers(operator.input(place), values)
    return _dense(x, weight, bias, (x, weight))


def _einsum(operator: Operator, values: Values) -> Meaning | None:
    from archscope.recognising.einsums import letters
    from archscope.working import count, product

    operands = tuple(values.tensor(name) for name in operator.inputs)
    given = {"equation": operator.attributes.get("equation", ""), "operands": operands}
    found = letters(given)
    if found is None or len(operands) > 2:
        return None
    if len(operands) == 1:
        return Meaning("einsum", given)
    extents = {letter: extent for part, tensor in zip(found[0], operands, strict=True)
               for letter, extent in zip(part, tensor.shape, strict=True)}  # fmt: skip
    summed = [letter for letter in extents if letter not in found[1]]
    macs = product(count(each) for each in extents.values() if each != 1) if summed else None
    return Meaning("einsum", given, macs=macs)


def _pool(kind: str) -> Reading:
    def reading(operator: Operator, values: Values) -> Meaning | None:
        x = values.tensor(operator.input(0))
        axes = x.dim() - 2
        kernel = tuple(operator.attributes.get("kernel_shape") or ())
        if axes not in (1, 2, 3) or len(kernel) != axes:
            return None
        strides, dilations = _each(operator, "strides", axes), _each(operator, "dilations", axes)
        given = {
            "input": x,
            "kernel_size": kernel,
            "stride": strides,
            "padding": padding(operator, x.shape[2:], kernel, strides, dilations),
            "ceil_mode": bool(operator.attributes.get("ceil_mode", 0)),
        }
        if kind == "max":
            given["dilation"] = dilations
        else:
            given["count_include_pad"] = bool(operator.attributes.get("count_include_pad", 0))
        results = tuple(name for name in operator.outputs[:2] if name and (name == operator.outputs[0]
                                                                           or values.readers(name)))  # fmt: skip
        if kind != "max" and any(each != 1 for each in dilations):
            return Meaning("avg_pool")
        return Meaning(f"{kind}_pool{axes}d", given, results=results)

    return reading


def _global(kind: str) -> Reading:
    def reading(operator: Operator, values: Values) -> Meaning | None:
        x = values.tensor(operator.input(0))
        axes = x.dim() - 2
        if axes not in (1, 2, 3):
            return None
        return Meaning(f"adaptive_{kind}_pool{axes}d", {"input": x, "output_size": 1})

    return reading


def _batch_norm(operator: Operator, values: Values) -> Meaning | None:
    if operator.attributes.get("training_mode", 0):
        return None
    x, mean, var = (values.tensor(operator.input(place)) for place in (0, 3, 4))
    weight, bias = _affine(operator, values)
    for place in (3, 4):
        name = operator.input(place)
        values.hold(name, (Weight(name, values.shape(name), False, values.dtype(name)),), instead=name)
    given = {
        "input": x, "running_mean": mean, "running_var": var, "weight": weight, "bias": bias,
        "momentum": round(1 - operator.attributes.get("momentum", 0.9), 6),
        "eps": plainly(operator.attributes.get("epsilon", 1e-5)),
    }  # fmt: skip
    return Meaning("batch_norm", given, results=operator.outputs[:1])


def _layer_norm(operator: Operator, values: Values) -> Meaning:
    x = values.tensor(operator.input(0))
    axis = operator.attributes.get("axis", -1) % max(x.dim(), 1)
    weight, bias = _affine(operator, values)
    name = "rms_norm" if operator.type in ("RMSNormalization", "SimplifiedLayerNormalization") else "layer_norm"
    given = {"input": x, "normalized_shape": x.shape[axis:], "weight": weight,
             "eps": plainly(operator.attributes.get("epsilon", 1e-5))}  # fmt: skip
    if name == "layer_norm":
        given["bias"] = bias
    return Meaning(name, given, results=operator.outputs[:1])


def _instance_norm(operator: Operator, values: Values) -> Meaning:
    x, (weight, bias) = values.tensor(operator.input(0)), _affine(operator, values)
    given = {"input": x, "weight": weight, "bias": bias, "eps": plainly(operator.attributes.get("epsilon", 1e-5))}
    return Meaning("instance_norm", given)


def _group_norm(operator: Operator, values: Values) -> Meaning:
    for name in operator.inputs[1:]:
        if values.stored(name) and len(shape := values.shape(name)) > 1:  # with axes for the places
            values.hold(name, (Weight(name, (math.prod(shape),), True, values.dtype(name)),), instead=name)
    x, (weight, bias) = values.tensor(operator.input(0)), _affine(operator, values)
    given = {"input": x, "num_groups": operator.attributes.get("num_groups", 1), "weight": weight, "bias": bias,
             "eps": plainly(operator.attributes.get("epsilon", 1e-5))}  # fmt: skip
    return Meaning("group_norm", given)


def _lrn(operator: Operator, values: Values) -> Meaning:
    settings = operator.attributes
    numbers = {"size": settings["size"], "alpha": plainly(settings.get("alpha", 1e-4)),
               "beta": plainly(settings.get("beta", 0.75)), "k": plainly(settings.get("bias", 1.0))}  # fmt: skip
    return Meaning("local_response_norm", {"input": values.tensor(operator.input(0)), **numbers})


def _prelu(operator: Operator, values: Values) -> Meaning | None:
    weight = given_weight(operator, values, 1)
    if weight is None or values.reached(operator.input(1)):
        return None
    shape = values.shape(operator.input(1))
    if math.prod(shape) != max(shape, default=1):
        return Meaning("prelu_of_each_value", pointwise=True)
    given = {"input": values.tensor(operator.input(0)), "weight": weight}
    return Meaning("prelu", given, pointwise=True)


def _attention(operator: Operator, values: Values) -> Meaning | None:
    """Queries, keys and values of several heads, each in an axis of its own or side by side; keys may be kept before.

    ``(samples, heads, positions, features)``, or without the second axis.
    """
    from archscope.working import count, product, total

    settings = operator.attributes
    q, k, v = (values.tensor(operator.input(place)) for place in range(3))
    if q.dim() not in (3, 4) or not q.dim() == k.dim() == v.dim():
        return None
    heads, groups = (settings["q_num_heads"], settings["kv_num_heads"]) if q.dim() == 3 else (q.shape[1], k.shape[1])
    kept = values.shape(operator.input(4))[2] if operator.input(4) else 0
    wide = [each.shape[-1] // (many if q.dim() == 3 else 1) for each, many in ((q, heads), (v, groups))]
    scores = (q.shape[0], heads, q.shape[-2], k.shape[-2] + kept)
    macs = total(product(count(each) for each in (*scores, last) if each != 1) for last in wide)
    if q.dim() == 3 or kept or any(operator.outputs[1:]) or settings.get("softcap", 0.0):
        return Meaning("attention", macs=macs, after=values.place(operator.input(0)))
    mask = operator.input(3)
    given = {"query": q, "key": k, "value": v, "is_causal": bool(settings.get("is_causal", 0)),
             "scale": settings.get("scale"), "enable_gqa": heads != groups,
             "attn_mask": values.tensor(mask) if mask else None}  # fmt: skip
    return Meaning("scaled_dot_product_attention", given, macs=macs, results=operator.outputs[:1])


def _beside_numbers(name: str, *, pointwise: bool = False, known: bool = True) -> Reading:
    """What works on its first value; the others say how, and are no weights."""

    def reading(operator: Operator, values: Values) -> Meaning:
        values.plain(*(each for each in operator.inputs[1:] if each and not values.reached(each)))
        reads = tuple(each for each in operator.inputs if each and values.reached(each))
        return Meaning(name, reads=reads, pointwise=pointwise, known=known)

    return reading


def _layer(operator: Operator, values: Values) -> Meaning:
    """A layer that was found in several operators; see `archscope.importing.onnx.historic`."""
    layer = operator.attributes["layer"]
    place = values.place(operator.input(0))
    stated = layer.facts(values.shape(operator.input(0))[1:]).weights
    roles = {weight.name: name for weight, name in zip(stated, operator.inputs[1:], strict=True)}
    return Meaning(layer.type, layers=(layer,), after=place, roles=roles)


_READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "archscope::Linear": _linear,
    "archscope::Layer": _layer,
    "archscope::Attention": attention.reading,
    "Einsum": _einsum,
    "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"),
    "GlobalAveragePool": _global("avg"),
    "GlobalMaxPool": _global("max"),
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _layer_norm,
    "SimplifiedLayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LRN": _lrn,
    "PRelu": _prelu,
    "Attention": _attention,
    **{name: _beside_numbers(name.lower()) for name in ("OneHot", "RoiAlign", "MaxRoiPool")},
    **dict.fromkeys(("RotaryEmbedding", "com.microsoft::RotaryEmbedding"), _beside_numbers("rotary_embedding")),
    "STFT": _beside_numbers("stft", known=False),
    **recurrent.READINGS,
    **quantised.READINGS,
    **contributed.READINGS,
})  # fmt: skip

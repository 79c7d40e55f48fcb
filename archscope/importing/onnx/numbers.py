"""Small numbers of an ONNX file: those that say shapes, axes and factors; worked out where they are made of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from archscope.importing.graph import Constant

if TYPE_CHECKING:
    import onnx_ir as ir

MOST: Final = 4096
"""Values of the largest constant that is read."""

DTYPES: Final[Mapping[str, str]] = MappingProxyType({
    "FLOAT": "float32", "DOUBLE": "float64", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "COMPLEX64": "complex64",
    "COMPLEX128": "complex128", "FLOAT8E4M3FN": "float8_e4m3fn", "FLOAT8E4M3FNUZ": "float8_e4m3fnuz",
    "FLOAT8E5M2": "float8_e5m2", "FLOAT8E5M2FNUZ": "float8_e5m2fnuz", "FLOAT8E8M0": "float8_e8m0fnu",
    "FLOAT4E2M1": "float4_e2m1fn", "INT64": "int64", "INT32": "int32", "INT16": "int16", "INT8": "int8",
    "INT4": "int4", "INT2": "int2", "UINT64": "uint64", "UINT32": "uint32", "UINT16": "uint16", "UINT8": "uint8",
    "UINT4": "uint4", "UINT2": "uint2", "BOOL": "bool", "STRING": "string",
})  # fmt: skip
"""PyTorch's names of ONNX's types of numbers."""

Array = Any
"""An array of numpy's, which is imported where a file is read and nowhere else."""


def array_of(tensor: Any) -> Array | None:
    """The values of a tensor, if they are few and lie in the file itself."""
    import onnx_ir as ir

    if tensor is None or isinstance(tensor, ir.ExternalTensor) or tensor.size > MOST:
        return None
    if tensor.dtype is ir.DataType.STRING:
        return None
    try:
        return tensor.numpy()
    except (ValueError, TypeError, NotImplementedError, AssertionError):  # values under a name of other types
        return None


def small(tensor: Any) -> Constant | None:
    """The values of a tensor as plain numbers, if they are few."""
    found = array_of(tensor)
    return None if found is None else constant(found)


def constant(array: Array) -> Constant:
    """An array as plain numbers."""
    return Constant(tuple(map(int, array.shape)), tuple(array.reshape(-1).tolist()))


def plainly(number: float) -> float:
    """A number in single precision as a person wrote it.

    >>> plainly(0.10000000149011612)
    0.1
    """
    return number if isinstance(number, int) or not math.isfinite(number) else float(f"{number:.7g}")


_UNFIT: Final = (ArithmeticError, AttributeError, IndexError, KeyError, MemoryError, TypeError, ValueError)
"""What NumPy and Python raise over numbers that do not fit, are too many, or are left out."""


def worked_out(node: ir.Node, given: Sequence[Array | None]) -> list[Array] | None:
    """What an operator makes of constants; None where that is not worked out here."""
    if _is_vast(given):
        return None
    results = _made(node, given)
    few = results is not None and all(each.size <= MOST for each in results)
    return results if few else None


def made_of(node: ir.Node, given: Sequence[Array | None]) -> Array | None:
    """What an operator makes of numbers, however many these are; None where that is not worked out here."""
    made = _made(node, given)
    return made[0] if made is not None and len(made) == 1 else None


def _is_vast(given: Sequence[Array | None]) -> bool:
    """Whether arrays along several axes are far more than may be kept, where they are one, as three of a condition."""
    extents: dict[int, int] = {}
    for each in given:
        for axis, extent in enumerate(reversed(() if each is None else each.shape)):
            extents[axis] = max(extents.get(axis, 1), extent)
    return math.prod(extents.values()) > MOST * MOST


def _made(node: ir.Node, given: Sequence[Array | None]) -> list[Array] | None:
    rule = _RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if rule is None:
        return None
    import numpy as np

    attributes = {name: each.value for name, each in node.attributes.items()}
    try:
        with np.errstate(all="ignore"):
            made = rule(np, given, attributes)
    except _UNFIT:  # left to whoever reads what it makes
        return None
    results = made if isinstance(made, list) else [made]
    return results if all(isinstance(each, np.ndarray) for each in results) else None


Rule = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


def _binary(name: str) -> Rule:
    return lambda np, given, _: np.asarray(getattr(np, name)(given[0], given[1]))


def _unary(name: str) -> Rule:
    return lambda np, given, _: np.asarray(getattr(np, name)(given[0]).astype(given[0].dtype))


def _divided(np: Any, given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    one, other = given[0], given[1]
    if np.issubdtype(one.dtype, np.integer):
        if not other.all():
            raise ZeroDivisionError
        return np.asarray((np.sign(one) * np.sign(other) * (np.abs(one) // np.abs(other))).astype(one.dtype))
    return np.asarray(one / other)


def _axes(given: Sequence[Any], attributes: Mapping[str, Any], place: int = 1) -> list[int] | None:
    if len(given) > place and given[place] is not None:
        return [int(each) for each in given[place].reshape(-1)]
    found = attributes.get("axes")
    return None if found is None else [int(each) for each in found]


def _unsqueezed(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    axes = _axes(given, attributes) or []
    rank = given[0].ndim + len(axes)
    made = given[0]
    for axis in sorted(each % rank for each in axes):
        made = np.expand_dims(made, axis)
    return made


def _squeezed(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    axes = _axes(given, attributes)
    return np.squeeze(given[0]) if axes is None else np.squeeze(given[0], tuple(axes))


def _sliced(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    del np
    starts = [int(each) for each in (given[1].reshape(-1) if len(given) > 1 else attributes["starts"])]
    ends = [int(each) for each in (given[2].reshape(-1) if len(given) > 2 else attributes["ends"])]
    axes = _axes(given, attributes, 3) or list(range(len(starts)))
    steps = [int(each) for each in given[4].reshape(-1)] if len(given) > 4 and given[4] is not None else [1] * len(axes)
    index: list[Any] = [slice(None)] * given[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(start, None if step < 0 and end < -given[0].shape[axis] else end, step)
    return given[0][tuple(index)]


def _reshaped(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    del np
    wanted = [int(each) for each in given[1].reshape(-1)]
    if not attributes.get("allowzero", 0):
        wanted = [given[0].shape[place] if each == 0 else each for place, each in enumerate(wanted)]
    return given[0].reshape(wanted)


def _triangle(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    diagonal = int(given[1].reshape(-1)[0]) if len(given) > 1 and given[1] is not None else 0
    return np.asarray((np.triu if attributes.get("upper", 1) else np.tril)(given[0], diagonal))


def _filled(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    shape = [int(each) for each in given[0].reshape(-1)]
    if math.prod(shape) > MOST or min(shape, default=0) < 0:
        raise ValueError(shape)
    value = attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else array_of(value)
    if fill is None:
        raise ValueError(value)
    return np.full(shape, fill.reshape(-1)[0], fill.dtype)


def _ranged(np: Any, given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    start, limit, delta = (each.reshape(-1)[0].item() for each in given[:3])
    if not delta or (limit - start) / delta > MOST:
        raise ValueError(delta)
    return np.arange(start, limit, delta, dtype=given[0].dtype)


def _expanded(np: Any, given: Sequence[Any], _: Mapping[str, Any]) -> Array:
    shape = np.broadcast_shapes(given[0].shape, tuple(int(each) for each in given[1].reshape(-1)))
    if math.prod(shape) > MOST:
        raise ValueError(shape)
    return np.broadcast_to(given[0], shape)


def _cast(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    import onnx_ir as ir

    del np
    return given[0].astype(ir.DataType(attributes["to"]).numpy())


def _reduced(name: str) -> Rule:
    def rule(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
        axes = _axes(given, attributes)
        keep = bool(attributes.get("keepdims", 1))
        if not axes and attributes.get("noop_with_empty_axes", 0):
            return given[0]
        found = getattr(np, name)(given[0], axis=tuple(axes) if axes else None, keepdims=keep)
        return np.asarray(found, dtype=given[0].dtype)

    return rule


def _split(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> list[Array]:
    axis = int(attributes.get("axis", 0))
    sizes = _axes(given, {"axes": attributes.get("split")})
    if sizes is None:
        raise ValueError("equal parts")
    ends = list(np.cumsum(sizes))[:-1]
    return list(np.split(given[0], ends, axis))


def _gathered(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    return np.asarray(np.take(given[0], given[1].astype(np.int64), axis=int(attributes.get("axis", 0))))


def _plain(np: Any, _: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    """The number, or the numbers, that stand in a constant."""
    for name, value in attributes.items():
        if name == "value":
            found = array_of(value)
            if found is None:
                raise ValueError(name)
            return found
        kind = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32,
                "value_floats": np.float32}.get(name)  # fmt: skip
        if kind is not None:
            return np.asarray(value, dtype=kind)
    raise ValueError("of another kind")


def _joined(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    return np.concatenate(given, int(attributes["axis"]))


def _turned(np: Any, given: Sequence[Any], attributes: Mapping[str, Any]) -> Array:
    return np.transpose(given[0], attributes.get("perm"))


_RULES: Final[Mapping[str, Rule]] = MappingProxyType({
    "Constant": _plain,
    "Identity": lambda _, given, __: given[0],
    "Cast": _cast,
    "Gather": _gathered,
    "Concat": _joined,
    "Unsqueeze": _unsqueezed,
    "Squeeze": _squeezed,
    "Slice": _sliced,
    "Reshape": _reshaped,
    "Trilu": _triangle,
    "Transpose": _turned,
    "ConstantOfShape": _filled,
    "Range": _ranged,
    "Expand": _expanded,
    "Split": _split,
    "Div": _divided,
    "Mod": _binary("mod"),
    **{name: _binary(function) for name, function in (
        ("Add", "add"), ("Sub", "subtract"), ("Mul", "multiply"), ("Pow", "power"), ("Equal", "equal"),
        ("Greater", "greater"), ("GreaterOrEqual", "greater_equal"), ("Less", "less"), ("LessOrEqual", "less_equal"),
        ("And", "logical_and"), ("Or", "logical_or"), ("Max", "maximum"), ("Min", "minimum"),
    )},
    **{name: _unary(function) for name, function in (
        ("Sqrt", "sqrt"), ("Floor", "floor"), ("Ceil", "ceil"), ("Neg", "negative"), ("Abs", "abs"), ("Exp", "exp"),
        ("Log", "log"), ("Reciprocal", "reciprocal"), ("Not", "logical_not"), ("Round", "round"),
    )},
    **{name: _reduced(function) for name, function in (
        ("ReduceProd", "prod"), ("ReduceSum", "sum"), ("ReduceMax", "max"), ("ReduceMin", "min"),
    )},
    "Where": lambda np, given, _: np.where(given[0], given[1], given[2]),
})  # fmt: skip
"""Operators by name, and what each makes of constants."""

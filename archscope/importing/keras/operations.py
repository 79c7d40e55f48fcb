"""Functions of ``keras.ops`` between the layers of a functional model, and what each is here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from archscope.importing.keras import backwards
from archscope.importing.keras.layers import Reading, axis_of, pool
from archscope.importing.keras.place import Padded, Place, Value

MODULE: Final = "keras.src.ops."
"""Where Keras says that a function comes from."""


def pads_itself(place: Place, value: Value) -> bool:
    """Whether padding around a value can be that of the window that reads it."""
    if value.padded is None or place.options.get("padding", "valid") != "valid":
        return False
    sides, fill, _ = value.padded
    if place.kind.startswith(("Conv", "DepthwiseConv")) and not place.kind.endswith("Transpose"):
        return not fill and len(sides) == int(place.kind[-2])
    if not place.kind.startswith(("MaxPool", "AveragePool")):
        return False
    kernel = place.numbers("pool_size", len(sides), 2)
    inside = all(2 * max(pair) <= window for pair, window in zip(sides, kernel, strict=True))
    return inside and fill == (-math.inf if place.kind.startswith("Max") else 0)


def _function(type_: str, **options: str) -> Reading:
    """A function of each value; options are ours by Keras's name."""
    return lambda place: place.made(type_, **{ours: place.options[name] for ours, name in options.items()})


def _gelu(place: Place) -> Value:
    return place.made("gelu", approximate="tanh" if place.options.get("approximate", True) else "none")


def _clip(place: Place) -> Value:
    return place.made("hardtanh", min_val=float(place.options["x_min"]), max_val=float(place.options["x_max"]))


def _along(type_: str) -> Reading:
    def reading(place: Place) -> Value:
        axis = place.options.get("axis", -1)
        return place.made(type_, dim=axis_of(place, place.value, int(axis)))

    return reading


def _power_of(exponent: float) -> Reading:
    return lambda place: place.made("power", exponent=exponent)


def _two(place: Place) -> tuple[Any, Any]:
    """The first two things that a function is called with, one of them a value."""
    given = (*place.called, *place.given.values())[:2]
    if len(given) < 2 or not any(isinstance(each, Value) for each in given):
        raise place.cannot("is not called with two things, one of them a value")
    return given[0], given[1]


def _both(type_: str) -> Reading:
    """A function of two values; or of a value and a number, which is a scale or a shift."""

    def reading(place: Place) -> Value:
        one, other = _two(place)
        if isinstance(one, Value) and isinstance(other, Value):
            if type_ == "divide" and other.ones:
                return backwards.of_what_lies_inside(place, one, other)
            together = len(one.shape) == len(other.shape)
            return place.made(type_, place.alike() if together else [place.plain(each) for each in (one, other)])
        number = other if isinstance(one, Value) else one
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise place.cannot("computes with numbers that stand in the code, which archscope does not read")
        changed = _with_number(type_, float(number), first=isinstance(one, Value))
        if changed is None:
            raise place.cannot(f"computes with the number {number:g} in a way that no layer type has")
        made, options = changed
        return place.made(made, [place.value], **options)

    return reading


def _with_number(type_: str, number: float, *, first: bool) -> tuple[str, Mapping[str, Any]] | None:
    """The layer that a function of a value and a number is; ``first`` where the value stands first."""
    if type_ == "add":
        return "scale", {"shift": number}
    if type_ == "subtract":
        return "scale", {"shift": -number} if first else {"factor": -1.0, "shift": number}
    if type_ == "multiply":
        return "scale", {"factor": number}
    if type_ == "divide" and first and number:
        return "scale", {"factor": 1 / number}
    if type_ == "pow" and first:
        return "power", {"exponent": number}
    if type_ == "maximum" and number == 0:
        return "relu", {}
    return None


def _concatenate(place: Place) -> Value:
    values = place.alike()
    return place.made("concat", values, dim=axis_of(place, values[0], place.axis(0)))


def _stack(place: Place) -> Value:
    values = [place.plain(each) for each in place.values]
    rank = len(place.value.shape) + 1
    return place.made("stack", values, dim=int(place.options.get("axis", 0)) % (rank + 1) - 1)


def _transpose(place: Place) -> Value:
    value, rank = place.value, len(place.value.shape)
    axes = place.options.get("axes") or [*range(rank, -1, -1)]
    if len(axes) != rank + 1 or axes[0] != 0:
        raise place.cannot("turns the samples into another axis")
    if value.last and list(axes) == [0, rank, *range(1, rank)]:
        return value._replace(last=False)  # so it lies here already
    if not value.last and rank > 1 and list(axes) == [0, *range(2, rank + 1), 1]:
        return value._replace(last=not place.nodes.first)
    return _permuted(place, [int(each) for each in axes[1:]])


def _permuted(place: Place, axes: Sequence[int]) -> Value:
    value, rank = place.value, len(place.value.shape)
    return place.turned(value, tuple(each % rank if value.last else each - 1 for each in axes), last=False)


def _swapped(place: Place) -> Value:
    rank = len(place.value.shape)
    one, other = (int(place.options[name]) % (rank + 1) for name in ("axis1", "axis2"))
    if not one or not other:
        raise place.cannot("turns the samples into another axis")
    axes = [*range(1, rank + 1)]
    axes[one - 1], axes[other - 1] = other, one
    return _permuted(place, axes)


def _reshape(place: Place) -> Value:
    wanted = list(place.options["newshape"])
    if not wanted or wanted[0] not in (-1, None):
        raise place.cannot("mixes samples, or is for one number of them alone")
    own = [int(each) for each in wanted[1:]]
    values = math.prod(map(int, place.value.shape))
    if -1 in own:
        own[own.index(-1)] = values // max(math.prod(each for each in own if each != -1), 1)
    if len(own) == 1 and len(place.value.shape) > 1:
        place.nodes.flattened |= place.value.last
        return place.made("flatten")._replace(last=False)
    shuffled = backwards.shuffled(place, own)
    if shuffled is not None:
        return shuffled
    value = place.plain()
    return value if tuple(own) == tuple(value.shape) else place.made("reshape", [value], shape=own)


def _expand_dims(place: Place) -> Value:
    value = place.plain()
    axis = int(place.options["axis"]) % (len(value.shape) + 2) - 1
    if axis < 0:
        raise place.cannot("puts an axis in front of the samples")
    return place.made("unsqueeze", [value], dim=axis)


def _squeeze(place: Place) -> Value:
    value = place.plain()
    said = place.options.get("axis")
    if said is None:
        return place.made("squeeze", [value])
    return place.made("squeeze", [value], dim=[axis_of(place, value, each) for each in _many(said)])


def _many(said: Any) -> list[int]:
    return [int(each) for each in (said if isinstance(said, list) else [said])]


def _reduced(type_: str) -> Reading:
    def reading(place: Place) -> Value:
        value, said = place.value, place.options.get("axis")
        if said is None:
            raise place.cannot("sums up all samples")
        axes = [axis_of(place, value, each) for each in _many(said)]
        keep = bool(place.options.get("keepdims"))
        made = place.made(type_, [value], dim=axes, keepdim=keep)
        return made if keep or 0 not in axes else made._replace(last=False)

    return reading


def _pad(place: Place) -> Value:
    """Padding, which a convolution or a pooling behind it has as its own."""
    rank, sides = len(place.value.shape), [tuple(map(int, each)) for each in place.options["pad_width"]]
    if len(sides) != rank + 1 or any(len(each) != 2 for each in sides):
        raise place.cannot(f"pads {len(sides)} axes of {rank + 1}")
    if place.options.get("mode", "constant") != "constant" or any(sides[0]):
        raise place.cannot("pads with something else than a number, or puts samples between the others")
    fill = float(place.given.get("constant_values") or 0)
    if any(sides[-1]) or rank not in (2, 3, 4):
        raise place.cannot("pads axes that no layer type pads")
    value = place.grid(rank - 1)
    return value._replace(padded=Padded(tuple((each[0], each[1]) for each in sides[1:-1]), fill, place.name))


def _pool(kind: str) -> Reading:
    return lambda place: pool(kind, len(place.value.shape) - 1)(place)


def _split(place: Place) -> list[Value]:
    value, said = place.value, place.options["indices_or_sections"]
    axis = axis_of(place, value, int(place.options.get("axis", 0)))
    extent = int(value.shape[axis])
    if isinstance(said, list):
        ends = [*map(int, said), extent]
        sizes = [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        if len({*sizes}) > 1:
            return place.all_made("split", [value], split_size=sizes, dim=axis)
        said = len(sizes)
    if int(said) < 1 or extent % int(said):
        raise place.cannot(f"cuts {extent} positions into {int(said):,} equal parts")
    return place.all_made("chunk", [value], chunks=int(said), dim=axis)


def _item(place: Place) -> Value:
    """Some of the positions: cut out of axes, one of an axis, or new axes."""
    value, said = place.value, _two(place)[1]
    keys = list(said) if isinstance(said, (list, tuple)) else [said]
    whole = slice(None, None, None)
    own = sum(each is not None and each is not Ellipsis for each in keys)
    spread = [whole] * (len(value.shape) + 1 - own)
    at = keys.index(Ellipsis) if Ellipsis in keys else len(keys)
    keys = [*keys[:at], *spread, *keys[at + 1 :]]
    if len(keys) != len(value.shape) + 1 + keys.count(None) or keys[0] != whole:
        raise place.cannot("picks some of the samples")
    if any(each is not None and not isinstance(each, slice) and type(each) is not int for each in keys):
        raise place.cannot("picks positions in a way that archscope does not read")
    value = value if None not in keys else place.plain()
    there = {axis_of(place, value, axis): key
             for axis, key in enumerate(each for each in keys if each is not None) if axis}  # fmt: skip
    value = backwards.cut(place, value, {axis: key for axis, key in there.items() if isinstance(key, slice)})
    for axis in sorted((axis for axis, key in there.items() if type(key) is int), reverse=True):
        last = value.last and axis != 0
        value = place.made("select", [value], dim=axis, index=there[axis])._replace(last=last)
    for dim in (at for at, key in enumerate([each for each in keys[1:] if type(each) is not int]) if key is None):
        value = place.made("unsqueeze", [value], dim=dim)
    return value


def _matmul(place: Place) -> Value:
    return place.made("matmul", [place.plain(each) for each in place.values])


READINGS: Final[Mapping[str, Reading]] = MappingProxyType({
    **{name: _function(type_) for name, type_ in (
        ("Relu", "relu"), ("Relu6", "relu6"), ("Tanh", "tanh"), ("Sigmoid", "sigmoid"), ("Silu", "silu"),
        ("HardSigmoid", "hardsigmoid"), ("HardSilu", "hardswish"), ("Selu", "selu"), ("Softplus", "softplus"),
        ("Softsign", "softsign"), ("Mish", "mish"), ("LogSigmoid", "logsigmoid"), ("TanhShrink", "tanhshrink"),
        ("Exp", "exp"), ("Log", "log"), ("Sqrt", "sqrt"), ("Absolute", "abs"), ("Abs", "abs"))},
    "LeakyRelu": _function("leaky_relu", negative_slope="negative_slope"), "Elu": _function("elu", alpha="alpha"),
    "Celu": _function("celu", alpha="alpha"), "Gelu": _gelu, "Clip": _clip, "Softmax": _along("softmax"),
    "LogSoftmax": _along("log_softmax"), "Square": _power_of(2.0),
    "Negative": lambda place: place.made("scale", factor=-1.0),
    "Add": _both("add"), "Subtract": _both("subtract"), "Multiply": _both("multiply"), "TrueDivide": _both("divide"),
    "Divide": _both("divide"), "Maximum": _both("maximum"), "Minimum": _both("minimum"), "Power": _both("pow"),
    "Concatenate": _concatenate, "Stack": _stack, "Transpose": _transpose, "Swapaxes": _swapped, "Reshape": _reshape,
    "ExpandDims": _expand_dims, "Squeeze": _squeeze, "Pad": _pad, "GetItem": _item, "Matmul": _matmul,
    **{name: _reduced(name.lower()) for name in ("Mean", "Sum", "Max", "Min")},
    "OnesLike": lambda place: place.value._replace(ones=True), "MaxPool": _pool("max"),
    "AveragePool": _pool("avg"), "Split": _split,
})  # fmt: skip
"""Keras's functions by their class, and what each is."""

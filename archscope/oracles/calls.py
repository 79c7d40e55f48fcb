"""`step_of`: a call of one of PyTorch's functions as a layer of the spec language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from torch import Tensor, nn

from archscope.oracles.steps import Step, each_axis, flattens, sides_of

Arguments = Mapping[str, Any]

_SIGNATURES: Final[Mapping[str, tuple[tuple[str, Any], ...]]] = {
    "linear": (("input", None), ("weight", None), ("bias", None)),
    "matmul": (("input", None), ("weight", None)),
    "addmm": (("bias", None), ("input", None), ("weight", None)),
    "batch_norm": (("input", None), ("running_mean", None), ("running_var", None), ("weight", None), ("bias", None),
                   ("training", False), ("momentum", 0.1), ("eps", 1e-5)),
    "layer_norm": (("input", None), ("shape", None), ("weight", None), ("bias", None), ("eps", 1e-5)),
    "group_norm": (("input", None), ("num_groups", None), ("weight", None), ("bias", None), ("eps", 1e-5)),
    "local_response_norm": (("input", None), ("size", None), ("alpha", 1e-4), ("beta", 0.75), ("k", 1.0)),
    "dropout": (("input", None), ("p", 0.5), ("training", True)),
    "leaky_relu": (("input", None), ("negative_slope", 0.01)),
    "elu": (("input", None), ("alpha", 1.0)),
    "gelu": (("input", None), ("approximate", "none")),
    "softplus": (("input", None), ("beta", 1.0)),
    "hardtanh": (("input", None), ("min_val", -1.0), ("max_val", 1.0)),
    "clamp": (("input", None), ("min", None), ("max", None)),
    "softmax": (("input", None), ("dim", None)),
    "cat": (("tensors", ()), ("dim", 0)),
    "pad": (("input", None), ("pad", ()), ("mode", "constant")),
    "interpolate": (("input", None), ("size", None), ("scale_factor", None), ("mode", "nearest")),
}  # fmt: skip
"""Arguments by position, with what PyTorch takes where none is given."""

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "mm": "matmul", "__matmul__": "matmul", "clip": "clamp", "clamp_min": "clamp", "log_softmax": "softmax",
    "concat": "cat", "concatenate": "cat",
}  # fmt: skip
_ALONE: Final = (
    "relu", "relu6", "selu", "silu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "prelu", "lstm", "gru", "embedding",
)  # fmt: skip
_MERGES: Final[Mapping[str, str]] = {
    "add": "add", "__add__": "add", "__radd__": "add", "__iadd__": "add", "mul": "multiply", "__mul__": "multiply",
    "__rmul__": "multiply", "__imul__": "multiply",
}  # fmt: skip
_SHAPING: Final = ("flatten", "view", "reshape", "unflatten", "squeeze")


def step_of(name: str, args: Sequence[Any], kwargs: Arguments, result: Any) -> Step | None:
    """The layer that a call makes; None if it is none, or one that carries no numbers."""
    output = result[0] if isinstance(result, tuple) else result
    if not isinstance(output, Tensor) or nn.parameter.is_lazy(output) or not output.dim():
        return None
    name = name if name.startswith("__") else name.removesuffix("_")
    made = tuple(output.shape[1:])
    first = next((each for each in tensors_in((*args, *kwargs.values()))), None)
    taken = None if first is None else tuple(first.shape[1:])
    step = _read(name, args, kwargs, taken, made)
    return None if step is None else replace(step, given=None if step.type in _JOINS or name in _PRODUCTS else taken)


_JOINS: Final = ("add", "multiply", "concat")
_PRODUCTS: Final = ("matmul", "mm", "__matmul__")
"""`x @ weight + bias` adds its bias in another call, so whether there is one cannot be compared."""


def _read(
    name: str, args: Sequence[Any], kwargs: Arguments, taken: tuple[int, ...] | None, made: tuple[int, ...]
) -> Step | None:
    for prefix, read in _FAMILIES:
        if name.startswith(prefix) and name.rstrip("d")[-1:].isdigit():
            return read(name, args, kwargs, made)
    if name in _MERGES:
        several = [each for each in args if isinstance(each, Tensor) and each.dim() > 1]
        return Step(_MERGES[name], {}, made) if len(several) > 1 else None
    if name in _SHAPING:
        return Step("flatten", {}, made) if flattens(taken or (), made) else None
    held = sum(each.numel() for each in {id(each): each for each in parameters_in((*args, *kwargs.values()))}.values())
    if name in _ALONE:
        return Step(name, {}, made, held)
    called = _OTHER_NAMES.get(name, name)
    if called not in _SIGNATURES:
        return None
    return _named(name, _bound(args, kwargs, _SIGNATURES[called]), made)


def _named(name: str, given: dict[str, Any], made: tuple[int, ...]) -> Step | None:
    """A layer of a function whose arguments have names."""
    held = _values(given.get("weight"), given.get("bias"))
    match name:
        case "linear":
            return Step("linear", {"out_features": made[-1], "bias": given["bias"] is not None}, made, held)
        case "addmm":
            return Step("linear", {"out_features": made[-1], "bias": True}, made, held)
        case product if product in _PRODUCTS:
            weighted = next(parameters_in(given["weight"]), None) is not None
            return Step("linear", {"out_features": made[-1]}, made, held) if weighted else None
        case "batch_norm":
            return Step(name, {"affine": given["weight"] is not None, **_of(given, "eps", "momentum")}, made, held)
        case "layer_norm":
            return Step(name, _of(given, "eps"), made, held)
        case "group_norm":
            return Step(name, _of(given, "num_groups", "eps"), made, held)
        case "local_response_norm":
            return Step("lrn", _of(given, "size", "alpha", "beta", "k"), made)
        case "dropout":
            on = "it stays on at inference; write `F.dropout(x, p, self.training)`" if given["training"] else ""
            return Step(name, _of(given, "p"), made, remark=on)
        case "leaky_relu" | "elu" | "gelu" | "softplus":
            return Step(name, {each: value for each, value in given.items() if each != "input"}, made)
        case "hardtanh":
            return between(given["min_val"], given["max_val"], made)
        case "clamp_min":
            return between(given["min"], None, made)
        case "clamp" | "clip":
            return between(given["min"], given["max"], made)
        case "softmax" | "log_softmax":
            return Step(name, {} if given["dim"] is None else {"dim": axis(given["dim"], len(made) + 1)}, made)
        case "cat" | "concat" | "concatenate":
            return Step("concat", {"dim": axis(given["dim"], len(made) + 1)}, made)
        case "pad" if given["mode"] == "constant":
            sides = tuple(zip(given["pad"][::2], given["pad"][1::2], strict=True))[::-1]
            return Step(f"zero_pad{len(sides)}d", {"padding": sides}, made)
        case "interpolate":
            return Step("upsample", _of(given, "mode"), made)
    return None


def axis(dim: int, rank: int) -> int | str:
    """An axis as the spec language counts it, without the batch.

    >>> axis(1, 4), axis(-1, 4), axis(0, 2)
    (0, 2, 'the batch')
    """
    return dim % rank - 1 if dim % rank else "the batch"


def between(low: Any, high: Any, made: tuple[int, ...]) -> Step | None:
    """The activation that cuts values off below and above; None if it is none."""
    if isinstance(low, Tensor) or isinstance(high, Tensor) or low is None:
        return None
    if low == 0 and high in (None, 6):
        return Step("relu" if high is None else "relu6", {}, made)
    return Step("hardtanh", {"min_val": low, "max_val": high}, made)


def _of(given: Arguments, *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names}


def _bound(args: Sequence[Any], kwargs: Arguments, names: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Arguments by name, whether they were given by position, by name or not at all."""
    return {
        name: args[place] if place < len(args) else kwargs.get(name, default)
        for place, (name, default) in enumerate(names)
    }


def _values(*weights: Any) -> int:
    return sum(each.numel() for each in weights if isinstance(each, Tensor))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in an argument or a result: itself, or those in a list, a tuple or a dictionary."""
    if isinstance(value, Tensor):
        if not nn.parameter.is_lazy(value):
            yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors_in(each)


def parameters_in(value: Any) -> Iterator[nn.Parameter]:
    """Every parameter among the tensors of an argument; for a view of one, such as its transpose, the parameter."""
    for tensor in tensors_in(value):
        held = tensor if isinstance(tensor, nn.Parameter) else tensor._base
        if isinstance(held, nn.Parameter):
            yield held


def _convolution(name: str, args: Sequence[Any], kwargs: Arguments, made: tuple[int, ...]) -> Step:
    axes = _axes(name)
    names: tuple[tuple[str, Any], ...] = (("input", None), ("weight", None), ("bias", None), ("stride", 1),
                                          ("padding", 0))  # fmt: skip
    transposed = name.startswith("conv_transpose")
    names += (("output_padding", 0), ("groups", 1), ("dilation", 1)) if transposed else (("dilation", 1), ("groups", 1))
    given = _bound(args, kwargs, names)
    weight = given["weight"]
    kernel, stride = tuple(weight.shape[2:]), each_axis(given["stride"], axes)
    dilation = each_axis(given["dilation"], axes)
    options = {
        "out_channels": made[0],
        "kernel_size": kernel,
        "stride": stride,
        "padding": sides_of(given["padding"], given["input"].shape[2:], kernel, stride, dilation),
        "dilation": dilation,
        "groups": given["groups"],
        "bias": given["bias"] is not None,
    }
    return Step(name, options, made, _values(weight, given["bias"]))


def _pooling(name: str, args: Sequence[Any], kwargs: Arguments, made: tuple[int, ...]) -> Step:
    axes, largest = _axes(name), "max" in name
    names: tuple[tuple[str, Any], ...] = (("input", None), ("kernel_size", None), ("stride", None), ("padding", 0))
    names += (("dilation", 1),) if largest else ()
    given = _bound(args, kwargs, (*names, ("ceil_mode", False), ("count_include_pad", True)))
    kernel = each_axis(given["kernel_size"], axes)
    stride = each_axis(given["stride"], axes) if given["stride"] not in (None, [], ()) else kernel
    dilation = each_axis(given.get("dilation", 1), axes)
    options: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": sides_of(given["padding"], given["input"].shape[2:], kernel, stride, dilation),
        "ceil_mode": bool(given["ceil_mode"]),
    }
    options |= {"dilation": dilation} if largest else {"count_include_pad": bool(given["count_include_pad"])}
    return Step(name.removeprefix("_"), options, made)


def _adaptive(name: str, _: Sequence[Any], __: Arguments, made: tuple[int, ...]) -> Step:
    return Step(name, {"output_size": made[1:]}, made)


def _axes(name: str) -> int:
    return int(name.rstrip("d")[-1])


_FAMILIES: Final[tuple[tuple[str, Callable[..., Step]], ...]] = (
    ("conv", _convolution), ("max_pool", _pooling), ("_max_pool", _pooling), ("avg_pool", _pooling),
    ("adaptive_", _adaptive),
)  # fmt: skip

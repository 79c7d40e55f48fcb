"""`steps_of`: a call of one of PyTorch's functions as layers of the spec language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from torch import Tensor, nn

from archscope.oracles.steps import Step, flattens, sides_of
from archscope.tracing.signatures import SIGNATURES, bound, each_axis, over_grid, plain_name
from archscope.tracing.strangers import tensors_in
from archscope.tracing.values import memory_of

Arguments = Mapping[str, Any]

_ALONE: Final = (
    "relu", "relu6", "selu", "silu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "prelu", "lstm", "gru", "embedding",
    "scaled_dot_product_attention", "bilinear", "rms_norm", "instance_norm",
    "mish", "softsign", "logsigmoid", "tanhshrink",
)  # fmt: skip
MERGES: Final[Mapping[str, str]] = {
    "add": "add", "radd": "add", "iadd": "add", "mul": "multiply", "rmul": "multiply", "imul": "multiply",
}  # fmt: skip
_SHAPING: Final = ("flatten", "view", "reshape", "unflatten", "squeeze")


def steps_of(name: str, args: Sequence[Any], kwargs: Arguments, result: Any, held: Mapping[int, int]) -> Iterator[Step]:
    """The layer that a call makes, or two; nothing if it is none, or one that carries no numbers.

    ``held`` says how many values lie in the memory of each parameter.
    """
    output = result[0] if isinstance(result, tuple) else result
    if not isinstance(output, Tensor) or nn.parameter.is_lazy(output) or not output.dim():
        return
    name = plain_name(name)
    made = tuple(output.shape[1:])
    first = next((each for each in tensors_in((*args, *kwargs.values()))), None)
    taken = None if first is None else tuple(first.shape[1:])
    if name == "mean" and taken is not None:
        yield from _means(bound(name, args, kwargs), taken)
        return
    step = _read(name, args, kwargs, taken, made, held)
    if step is not None:
        yield replace(step, given=None if step.type in _JOINS or name in _PRODUCTS else taken)


def _means(given: Arguments, taken: tuple[int, ...]) -> Iterator[Step]:
    """A mean over all places of a grid is a pooling to one; where it drops the axes, they are flattened."""
    maps, *grid = taken
    if over_grid(given["dim"], len(taken) + 1):
        ones = (1,) * len(grid)
        yield Step(f"adaptive_avg_pool{len(grid)}d", {"output_size": ones}, (maps, *ones), given=taken)
        if not given["keepdim"]:
            yield Step("flatten", {}, (maps,), given=(maps, *ones))


_JOINS: Final = ("add", "multiply", "concat")
_PRODUCTS: Final = ("matmul", "mm", "bmm")
"""`x @ weight + bias` adds its bias in another call, so whether there is one cannot be compared."""


def _read(
    name: str,
    args: Sequence[Any],
    kwargs: Arguments,
    taken: tuple[int, ...] | None,
    made: tuple[int, ...],
    held: Mapping[int, int],
) -> Step | None:
    for prefix, read in _FAMILIES:
        if name.startswith(prefix) and name.rstrip("d")[-1:].isdigit():
            return read(name, args, kwargs, made)
    if name in MERGES:
        several = [each for each in args if isinstance(each, Tensor) and each.dim() > 1 and not _is_vector(each, held)]
        return Step(MERGES[name], {}, made) if len(several) > 1 else None
    if name in _SHAPING:
        return Step("flatten", {}, made) if flattens(taken or (), made) else None
    weights = {id(each): each for each in parameters_in((*args, *kwargs.values()))}.values()
    if name in _ALONE:
        options = _heads(made) if name == "scaled_dot_product_attention" else {}
        return Step(name, options, made, sum(each.numel() for each in weights))
    return _named(name, bound(name, args, kwargs), made) if name in SIGNATURES else None


def _is_vector(tensor: Tensor, held: Mapping[int, int]) -> bool:
    """Whether it is one learned number a channel, however it is turned or repeated for the batch."""
    values = held.get(memory_of(tensor))
    return values is not None and max(tensor.shape) in (tensor.numel(), values)


def _named(name: str, given: dict[str, Any], made: tuple[int, ...]) -> Step | None:
    """A layer of a function whose arguments have names."""
    held = _values(given.get("weight", given.get("other")), given.get("bias"))
    match name:
        case "linear":
            return Step("linear", {"out_features": made[-1], "bias": given["bias"] is not None}, made, held)
        case "addmm":
            return Step("linear", {"out_features": made[-1], "bias": True}, made, held)
        case product if product in _PRODUCTS:
            if next(parameters_in(given["other"]), None) is not None:
                return Step("linear", {"out_features": made[-1]}, made, held)
            return Step("matmul", _heads(made), made)
        case "batch_norm":
            return Step(name, {"affine": given["weight"] is not None, **_of(given, "eps", "momentum")}, made, held)
        case "layer_norm":
            return Step(name, _of(given, "eps"), made, held)
        case "group_norm":
            return Step(name, _of(given, "num_groups", "eps"), made, held)
        case "local_response_norm":
            return Step("lrn", _of(given, "size", "alpha", "beta", "k"), made)
        case each if each.startswith(("dropout", "feature_dropout", "alpha_dropout")):
            on = "it stays on at inference; write `F.dropout(x, p, self.training)`" if given["training"] else ""
            whole = name in ("dropout1d", "dropout2d", "dropout3d") and len(made) == int(name[-2]) + 1
            return Step(name if whole else "dropout", _of(given, "p"), made, remark=on)
        case "softplus":
            return Step(name, _of(given, "beta"), made)
        case "log_sigmoid":
            return Step("logsigmoid", {}, made)
        case "rrelu":
            on = "it draws slopes at inference; write `F.rrelu(x, training=self.training)`" if given["training"] else ""
            return Step(name, _of(given, "lower", "upper"), made, remark=on)
        case "leaky_relu" | "elu" | "gelu" | "celu" | "softshrink" | "hardshrink" | "threshold":
            return Step(name, {each: value for each, value in given.items() if each != "input"}, made)
        case "hardtanh":
            return between(given["min_val"], given["max_val"], made)
        case "clamp_min":
            return between(given["min"], None, made)
        case "clamp" | "clip":
            return between(given["min"], given["max"], made)
        case "softmax" | "log_softmax" | "softmin":
            return Step(name, {} if given["dim"] is None else {"dim": axis(given["dim"], len(made) + 1)}, made)
        case "cat" | "concat" | "concatenate":
            return Step("concat", {"dim": axis(given["dim"], len(made) + 1)}, made)
        case "pad" if given["mode"] == "constant" and any(given["pad"]):
            sides = tuple(zip(given["pad"][::2], given["pad"][1::2], strict=True))[::-1]
            axes = len(made) - 1
            # Axes that the call does not name are padded by nothing; beyond the grid there is no layer of the kind.
            around = ((0, 0),) * (axes - len(sides)) + sides
            return Step(f"zero_pad{axes}d", {"padding": around}, made) if len(sides) <= axes <= 3 else None
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


def _heads(made: tuple[int, ...]) -> dict[str, int]:
    """How many heads attend, if these are the values or the scores of an attention."""
    return {"num_heads": made[0]} if len(made) == 3 else {}


def _of(given: Arguments, *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names}


def _values(*weights: Any) -> int:
    return sum(each.numel() for each in weights if isinstance(each, Tensor))


def parameters_in(value: Any) -> Iterator[nn.Parameter]:
    """Every parameter among the tensors of an argument; for a view of one, such as its transpose, the parameter."""
    for tensor in tensors_in(value):
        held = tensor if isinstance(tensor, nn.Parameter) else tensor._base
        if isinstance(held, nn.Parameter):
            yield held


def _convolution(name: str, args: Sequence[Any], kwargs: Arguments, made: tuple[int, ...]) -> Step:
    axes = _axes(name)
    given = bound(name, args, kwargs)
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
    given = bound(name, args, kwargs)
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
    return Step(name, options, made)


def _adaptive(name: str, _: Sequence[Any], __: Arguments, made: tuple[int, ...]) -> Step:
    return Step(name, {"output_size": made[1:]}, made)


def _axes(name: str) -> int:
    return int(name.rstrip("d")[-1])


_FAMILIES: Final[tuple[tuple[str, Callable[..., Step]], ...]] = (
    ("conv", _convolution), ("max_pool", _pooling), ("avg_pool", _pooling),
    ("adaptive_", _adaptive),
)  # fmt: skip

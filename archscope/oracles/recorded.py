"""What a module of any kind runs, in execution order, as layers of the spec language.

The module is watched from outside: PyTorch tells which of its functions are called, whether by a layer
(`torch.nn.Conv2d`) or straight from ``forward`` (`torch.nn.functional.max_pool2d`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.pytorch.historic import EuclideanRBF, ScaledTanh, Subsampling, TableConv2d
from archscope.pytorch.sides import same_sides


@dataclass(frozen=True)
class Step:
    """One layer that ran.

    Attributes:
        type: its type in the spec language.
        options: those that matter to its numbers, in one form.
        output: its output's shape, without the batch.
        parameters: trainable values it used.
        name: the layer of the spec, or the module's path.
    """

    type: str
    options: Mapping[str, Any]
    output: tuple[int, ...]
    parameters: int = 0
    name: str = ""


@dataclass
class Recording:
    """All that ran, and what stopped it if something did."""

    steps: list[Step] = field(default_factory=list)
    stopped: str | None = None
    at: str = ""
    given: tuple[int, ...] = ()


_HISTORIC: Final[dict[type[nn.Module], str]] = {
    Subsampling: "subsampling", TableConv2d: "conv2d", EuclideanRBF: "rbf", ScaledTanh: "scaled_tanh",
}  # fmt: skip
_SAME_NAME: Final = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "hardtanh", "hardsigmoid",
    "hardswish", "softplus", "softmax", "log_softmax", "prelu", "lstm", "gru", "embedding",
)  # fmt: skip
_RENAMED: Final = {
    "cat": "concat", "concat": "concat", "concatenate": "concat", "add": "add", "__add__": "add", "__radd__": "add",
    "add_": "add", "__iadd__": "add", "mul": "multiply", "__mul__": "multiply",
    "multi_head_attention_forward": "multihead_attention",
}  # fmt: skip
_SHAPING: Final = ("flatten", "view", "reshape")


class Recorder(TorchFunctionMode):
    """Turns calls of PyTorch's functions into steps."""

    def __init__(self, recording: Recording, stack: list[tuple[str, nn.Module]]) -> None:
        super().__init__()
        self.recording = recording
        self.stack = stack

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        name = getattr(func, "__name__", "").removesuffix("_with_indices")
        if not any(type(module) in _HISTORIC for _, module in self.stack):
            step = _step(name, args, given, result)
            if step is not None:
                self.note(step)
        return result

    def note(self, step: Step) -> None:
        """Keep a step under the path of the module that runs."""
        path = self.stack[-1][0] if self.stack else ""
        self.recording.steps.append(Step(step.type, step.options, step.output, step.parameters, path))


def record(module: nn.Module, inputs: Sequence[Tensor]) -> Recording:
    """Run a module once, at inference and without gradients, and tell what ran; it is left as it was found."""
    recording = Recording()
    stack: list[tuple[str, nn.Module]] = []
    recorder = Recorder(recording, stack)
    handles = []
    modes = {each: each.training for each in module.modules()}
    for path, each in module.named_modules():
        handles.append(each.register_forward_pre_hook(lambda m, i, path=path: _enter(recording, stack, path, m, i)))
        handles.append(each.register_forward_hook(lambda m, _, o: _leave(recorder, stack, m, o)))
    try:
        module.eval()
        with torch.no_grad(), recorder:
            module(*inputs)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's module raises is the finding
        recording.stopped = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        recording.at = next((path for path, _ in reversed(stack) if path), "")
    finally:
        for handle in handles:
            handle.remove()
        for each, training in modes.items():
            each.training = training
    recording.steps = merged(recording.steps)
    return recording


def merged(steps: Sequence[Step]) -> list[Step]:
    """Steps with zeros put around an input and the window that reads them as one."""
    result: list[Step] = []
    for step in steps:
        before = result[-1] if result else None
        if before is not None and before.type.startswith("zero_pad") and "padding" in step.options:
            result.pop()
            sides = tuple((a + c, b + d) for (a, b), (c, d) in
                          zip(before.options["padding"], step.options["padding"], strict=True))  # fmt: skip
            step = Step(step.type, {**step.options, "padding": sides}, step.output, step.parameters, step.name)
        result.append(step)
    return result


def _enter(recording: Recording, stack: list[tuple[str, nn.Module]], path: str, module: nn.Module, inputs: Any) -> None:
    stack.append((path, module))
    if inputs and isinstance(inputs[0], Tensor):
        recording.given = tuple(inputs[0].shape[1:])


def _leave(recorder: Recorder, stack: list[tuple[str, nn.Module]], module: nn.Module, output: Any) -> None:
    kind = _HISTORIC.get(type(module))
    if kind is not None and isinstance(output, Tensor):
        parameters = sum(each.numel() for each in module.parameters())
        recorder.note(Step(kind, _historic_options(module), tuple(output.shape[1:]), parameters))
    stack.pop()


def _historic_options(module: nn.Module) -> dict[str, Any]:
    if isinstance(module, Subsampling):
        return {"kernel_size": module.kernel_size, "stride": module.stride}
    if isinstance(module, TableConv2d):
        return {"out_channels": module.out_channels, "kernel_size": module.kernel_size, "stride": module.stride,
                "padding": module.padding, "dilation": module.dilation, "groups": 1,
                "bias": module.bias is not None, "connection_table": module.table}  # fmt: skip
    if isinstance(module, EuclideanRBF):
        return {"out_features": module.weight.shape[0]}
    return {}


def _bound(args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Arguments by name, whether they were given by position, by name or not at all."""
    return {
        name: args[place] if place < len(args) else kwargs.get(name, default)
        for place, (name, default) in enumerate(names)
    }


def _step(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Step | None:
    output = result[0] if isinstance(result, tuple) else result
    if not isinstance(output, Tensor) or not output.dim():
        return None
    made = tuple(output.shape[1:])
    for prefix, read in _FAMILIES:
        if name.startswith(prefix) and name.rstrip("d")[-1:].isdigit():
            return read(name, args, kwargs, made)
    plain = name.removesuffix("_") if name.removesuffix("_") in _SAME_NAME else name
    first = next((each for each in (*args, *kwargs.values()) if isinstance(each, Tensor)), None)
    match plain:
        case "pad":
            given = _bound(args, kwargs, (("input", None), ("pad", ())))
            sides = tuple(zip(given["pad"][::2], given["pad"][1::2], strict=True))[::-1]
            return Step(f"zero_pad{len(sides)}d", {"padding": sides}, made)
        case "linear":
            given = _bound(args, kwargs, (("input", None), ("weight", None), ("bias", None)))
            options = {"out_features": given["weight"].shape[0], "bias": given["bias"] is not None}
            return Step("linear", options, made, _values(given["weight"], given["bias"]))
        case "batch_norm":
            given = _bound(args, kwargs, tuple((each, None) for each in
                           ("input", "running_mean", "running_var", "weight", "bias")))  # fmt: skip
            affine = given["weight"] is not None
            return Step("batch_norm", {"affine": affine}, made, _values(given["weight"], given["bias"]))
        case "layer_norm" | "group_norm":
            given = _bound(args, kwargs, (("input", None), ("shape", None), ("weight", None), ("bias", None)))
            return Step(plain, {}, made, _values(given["weight"], given["bias"]))
        case "local_response_norm":
            given = _bound(args, kwargs, (("input", None), ("size", None)))
            return Step("lrn", {"size": given["size"]}, made)
        case "dropout":
            given = _bound(args, kwargs, (("input", None), ("p", 0.5)))
            return Step("dropout", {"p": given["p"]}, made)
        case each if each in _SHAPING:
            taken = first.dim() if first is not None else 0
            return Step("flatten", {}, made) if output.dim() == 2 and taken > 2 else None
        case each if each in _SAME_NAME:
            weights = [each for each in args if isinstance(each, nn.Parameter)]
            return Step(plain, {}, made, _values(*weights))
        case each if each in _RENAMED:
            several = [each for each in args if isinstance(each, Tensor) and each.dim() > 1]
            joins = _RENAMED[each] in ("concat", "multihead_attention") or len(several) > 1
            return Step(_RENAMED[each], {}, made) if joins else None
    return None


def _values(*weights: Any) -> int:
    return sum(each.numel() for each in weights if isinstance(each, Tensor))


def _axes(name: str) -> int:
    return int(name.rstrip("d")[-1])


def each_axis(value: Any, axes: int) -> tuple[int, ...]:
    """One number for each axis, however it was written."""
    many = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return tuple(int(each) for each in (many * axes if len(many) == 1 else many))


def sides_of(
    padding: Any, shape: Sequence[int], kernel: Any, stride: Any, dilation: Any
) -> tuple[tuple[int, int], ...]:
    """Padding before and after, an axis at a time, however it was written."""
    axes = len(kernel)
    if padding == "same":
        return same_sides(shape, kernel, stride, dilation)
    if padding == "valid":
        return ((0, 0),) * axes
    many = padding if isinstance(padding, (tuple, list)) else (padding,)
    many = tuple(many) * axes if len(many) == 1 else tuple(many)
    return tuple(each if isinstance(each, tuple) else (int(each), int(each)) for each in many)


def _convolution(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: tuple[int, ...]) -> Step:
    axes = _axes(name)
    transposed = name.startswith("conv_transpose")
    names: tuple[tuple[str, Any], ...] = (("input", None), ("weight", None), ("bias", None), ("stride", 1),
                                          ("padding", 0))  # fmt: skip
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


def _pooling(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], made: tuple[int, ...]) -> Step:
    axes = _axes(name)
    last = (("dilation", 1), ("ceil_mode", False)) if "max" in name else (("ceil_mode", False),)
    given = _bound(args, kwargs, (("input", None), ("kernel_size", None), ("stride", None), ("padding", 0), *last))
    kernel = each_axis(given["kernel_size"], axes)
    stride = each_axis(given["stride"], axes) if given["stride"] not in (None, [], ()) else kernel
    dilation = each_axis(given.get("dilation", 1), axes)
    options = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": sides_of(given["padding"], given["input"].shape[2:], kernel, stride, dilation),
        "ceil_mode": bool(given["ceil_mode"]),
    }
    return Step(name.removeprefix("_"), options, made)


def _adaptive(name: str, _: Sequence[Any], __: Mapping[str, Any], made: tuple[int, ...]) -> Step:
    return Step(name, {"output_size": made[1:]}, made)


_FAMILIES: Final[tuple[tuple[str, Callable[..., Step]], ...]] = (
    ("conv", _convolution), ("max_pool", _pooling), ("_max_pool", _pooling), ("avg_pool", _pooling),
    ("adaptive_", _adaptive),
)  # fmt: skip


def count_values(module: nn.Module) -> int:
    """Trainable values of a module, each once."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)

"""What a module of any kind runs, in execution order, as layers of the spec language.

The module is watched from outside: PyTorch tells which of its functions are called, whether by a layer
(`torch.nn.Conv2d`) or straight from ``forward`` (`torch.nn.functional.max_pool2d`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archscope.building.historic import EuclideanRBF, ScaledTanh, Subsampling, TableConv2d
from archscope.building.modules import Experts
from archscope.building.padding import SidedAvgPool, SidedMaxPool
from archscope.building.sequences import GroupedAttention, Rotary, SinusoidalPositions
from archscope.layers import TYPES
from archscope.oracles.alignment import COMPARED
from archscope.oracles.calls import parameters_in, steps_of
from archscope.oracles.steps import Step, merged, sides_of
from archscope.record import EMPTY
from archscope.tracing.modules import STATED, read_module
from archscope.tracing.strangers import as_written, at_inference, heard_apart, kept, tensors_in
from archscope.tracing.values import memory_of


@dataclass
class Recording:
    """All that ran, and what stopped it if something did.

    Attributes:
        steps: the layers, in the order in which they ran.
        returned: the shapes of the tensors that came out, without the batch; None until it is through.
        stopped: what it raised.
        at: the path of the module that raised.
        given: the shape that module was given.
        used: identities of the parameters that a function was given.
    """

    steps: list[Step] = field(default_factory=list)
    returned: list[tuple[int, ...]] | None = None
    stopped: BaseException | None = None
    at: str = ""
    given: tuple[int, ...] = ()
    used: set[int] = field(default_factory=set)


_WHOLE: Final[dict[type[nn.Module], str]] = {
    Subsampling: "subsampling", TableConv2d: "conv2d", EuclideanRBF: "rbf", ScaledTanh: "scaled_tanh",
    SidedMaxPool: "max_pool", SidedAvgPool: "avg_pool", nn.MultiheadAttention: "multihead_attention",
    **dict.fromkeys(STATED, ""),
    GroupedAttention: "multihead_attention", Rotary: "rotary", SinusoidalPositions: "sinusoidal_positions",
    nn.RNN: "rnn", nn.RNNCell: "rnn_cell", nn.LSTMCell: "lstm_cell", nn.GRUCell: "gru_cell",
    nn.EmbeddingBag: "embedding_bag", Experts: "mixture_of_experts",
}  # fmt: skip
"""Modules that are one layer, whatever functions they call inside."""

_Stack = list[tuple[str, nn.Module]]


class Recorder(TorchFunctionMode):
    """Turns calls of PyTorch's functions into steps.

    Attributes:
        held: how many values lie in the memory of each parameter.
    """

    def __init__(self, recording: Recording, stack: _Stack, module: nn.Module) -> None:
        super().__init__()
        self.recording = recording
        self.stack = stack
        parameters = (each for each in module.parameters() if not nn.parameter.is_lazy(each))
        self.held = {memory_of(each): each.numel() for each in parameters}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        self.recording.used.update(id(each) for each in parameters_in((args, given)))
        if not any(isinstance(module, tuple(_WHOLE)) for _, module in self.stack):
            for step in steps_of(getattr(func, "__name__", ""), args, given, result, self.held):
                self.note(step)
        return result

    def note(self, step: Step) -> None:
        """Keep a step under the path of the module that runs."""
        path = self.stack[-1][0] if self.stack else ""
        self.recording.steps.append(replace(step, name=path))


def record(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any] = EMPTY) -> Recording:
    """Run a module once, at inference and without gradients, and tell what ran; it is left as it was found."""
    recording = Recording()
    stack: _Stack = []
    recorder = Recorder(recording, stack, module)
    handles = []
    with kept(module), heard_apart(), as_written():
        for path, each in module.named_modules():
            handles.append(each.register_forward_pre_hook(lambda m, i, path=path: _enter(recording, stack, path, m, i)))
            handles.append(each.register_forward_hook(lambda m, i, o: _leave(recorder, stack, m, i, o)))
        try:
            at_inference(module)
            with torch.no_grad(), recorder:
                result = module(*args, **kwargs)
            recording.returned = [tuple(each.shape[1:]) for each in tensors_in(result)]
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a stranger's module raises is the finding
            recording.stopped = error
            recording.at = next((path for path, _ in reversed(stack) if path), "")
        finally:
            for handle in handles:
                handle.remove()
    recording.steps = merged(recording.steps)
    return recording


def _enter(recording: Recording, stack: _Stack, path: str, module: nn.Module, inputs: Any) -> None:
    stack.append((path, module))
    if inputs and isinstance(inputs[0], Tensor):
        recording.given = tuple(inputs[0].shape[1:])


def _leave(recorder: Recorder, stack: _Stack, module: nn.Module, inputs: Any, output: Any) -> None:
    step = _whole(module, inputs, next(tensors_in(output), None))
    if step is not None:
        recorder.note(step)
    stack.pop()


def _whole(module: nn.Module, inputs: Any, made: Tensor | None) -> Step | None:
    """The step of a module that is one layer."""
    said = read_module(module) if isinstance(module, STATED) else None
    kind = next((name for whole, name in _WHOLE.items() if isinstance(module, whole)), None)
    kind = kind if said is None else said.type
    if kind is None or made is None:
        return None
    taken = next((tuple(each.shape[1:]) for each in tensors_in(inputs)), ())
    name = f"{kind}{len(taken) - 1}d" if kind.endswith("pool") else kind
    # Attention with its batch in the second place has shapes of another kind.
    alone = TYPES[name].family != "merge" and getattr(module, "batch_first", True)
    parameters = sum(each.numel() for each in module.parameters())
    return Step(name, _options(module, taken), tuple(made.shape[1:]), parameters, given=taken if alone else None)


def _options(module: nn.Module, taken: tuple[int, ...]) -> dict[str, Any]:
    if isinstance(module, Subsampling):
        return {"kernel_size": module.kernel_size, "stride": module.stride}
    if isinstance(module, TableConv2d):
        sides = sides_of(module.padding, taken[1:], module.kernel_size, module.stride, module.dilation)
        return {"out_channels": module.out_channels, "kernel_size": module.kernel_size, "stride": module.stride,
                "padding": sides, "dilation": module.dilation, "groups": 1,
                "bias": module.bias is not None, "connection_table": module.table}  # fmt: skip
    if isinstance(module, (SidedMaxPool, SidedAvgPool)):
        sides = sides_of(module.sides, taken[1:], module.kernel_size, module.stride, module.dilation)
        own = {"dilation": module.dilation} if isinstance(module, SidedMaxPool) else {
            "count_include_pad": module.count_include_pad}  # fmt: skip
        return {"kernel_size": module.kernel_size, "stride": module.stride, "padding": sides,
                "ceil_mode": module.ceil_mode, **own}  # fmt: skip
    if isinstance(module, STATED):
        layer = read_module(module)
        named = {name: getattr(layer, name) for name in COMPARED if layer is not None and name in layer.options}
        if isinstance(named.get("dim"), int):
            named["dim"] %= len(taken)
        return named
    if isinstance(module, EuclideanRBF):
        return {"out_features": module.weight.shape[0]}
    return {}

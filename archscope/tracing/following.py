"""Read any `torch.nn.Module` into a `Network`: what archscope says of a spec, it says of a module.

The module runs once, at inference, on tensors without values where it can; it is left as it was found. What a layer
type describes becomes that layer, checked against the shapes and weights that were seen. Anything else becomes a
`Function`: its shapes and weights are exact, and a number that nobody can know from outside is not covered.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from archscope.errors import UsageError
from archscope.layers import Shape
from archscope.layers.base import spell_tuple
from archscope.network import Network
from archscope.tracing.factory import raised
from archscope.tracing.folding import folded
from archscope.tracing.inputs import Call, Given
from archscope.tracing.samples import BATCH
from archscope.tracing.strangers import as_written, heard_apart, kept, tensors_in
from archscope.tracing.tracer import Tracer


def trace_module(module: nn.Module, call: Call, name: str | None = None, path: str | None = None) -> Network:
    """A module as a network; see `archscope.trace`. ``path`` is what it can be opened by again."""
    if not call.args and not call.kwargs:
        raise UsageError("state the shape of each input without the batch axis, such as (3, 224, 224)")
    # What a compiled module was before runs the same and has the names that its author gave.
    module = getattr(module, "_orig_mod", module)
    called = name or type(module).__name__
    _check(module, called)
    inputs = _inputs(module, call)
    tracer, result = _followed(module, call, inputs, called)
    outputs = tuple(dict.fromkeys(ref for each in tensors_in(result) if (ref := tracer.values.ref(each)) is not None))
    outputs = tuple(ref for ref in outputs if ref.node not in inputs)
    if not outputs:
        raise UsageError(f"{called} returns nothing that a layer made of its input")
    nodes, outputs = folded(tracer.nodes, outputs)
    return Network(
        called,
        inputs,
        nodes,
        outputs,
        title=type(module).__name__,
        summary=tracer.unused(),
        path=path,
    )


def _check(module: nn.Module, called: str) -> None:
    """Refuse what shows no layers."""
    if isinstance(module, torch.jit.ScriptModule):
        raise UsageError(f"{called} is scripted and shows none of its layers; read the module it was made from")
    lazy = next((path for path, each in module.named_parameters() if nn.parameter.is_lazy(each)), None)
    if lazy is not None:
        raise UsageError(f"`{lazy}` of {called} has no shape before it runs; call the module once on an example")


def _inputs(module: nn.Module, call: Call) -> dict[str, Shape]:
    """What ``forward`` calls its inputs, with their shapes; a single one is ``input``, as in a spec."""
    parameters = [each for each in inspect.signature(module.forward).parameters if each not in ("args", "kwargs")]
    named = {name: _given(each) for name, each in call.named(parameters)}
    shapes = {name: each.shape for name, each in named.items() if isinstance(each, Given)}
    return {"input": next(iter(shapes.values()))} if len(shapes) == 1 else shapes


def _given(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    return Given(tuple(value.shape[1:]), str(value.dtype).removeprefix("torch."))


def _followed(module: nn.Module, call: Call, inputs: Mapping[str, Shape], called: str) -> tuple[Tracer, Any]:
    """The module run on meta, or where it lives if it looks at values; on tokens, if it takes no other numbers."""
    own = next((each.device for each in (*module.parameters(), *module.buffers())), torch.device("cpu"))
    ways = [(device, tokens) for device in dict.fromkeys((torch.device("meta"), own)) for tokens in (False, True)]
    stops: list[_Stopped] = []
    for device, tokens in ways:
        try:
            return _run(module, call, inputs, device, tokens)
        except _Stopped as stop:
            stops.append(stop)
    # The last run on plain numbers: values may be missing on meta, and most modules take no tokens.
    last = stops[-2]
    where = f" at `{last.tracer.at}`" if last.tracer.at else ""
    given = " and ".join(spell_tuple(shape) for shape in inputs.values())
    reason = last.tracer.misfit or raised(last.error)
    raise UsageError(f"{called}, given {given}, stops{where}: {reason}") from last.error


class _Stopped(Exception):
    """A module raised while it was followed."""

    def __init__(self, tracer: Tracer, error: BaseException) -> None:
        super().__init__(str(error))
        self.tracer = tracer
        self.error = error


def _run(
    module: nn.Module, call: Call, inputs: Mapping[str, Shape], device: torch.device, tokens: bool
) -> tuple[Tracer, Any]:
    state = _state(module, device)
    tracer = Tracer(module, state)
    dtype = next((each.dtype for each in state.values() if each.is_floating_point()), None)
    names = iter(inputs)

    def made(value: Any) -> Any:
        given = _given(value)
        if not isinstance(given, Given):
            return given
        kind = getattr(torch, given.dtype) if given.dtype else torch.long if tokens else dtype
        tensor = torch.zeros(BATCH, *given.shape, dtype=kind, device=device)
        tracer.enter(next(names), tensor)
        return tensor

    args, kwargs = call.mapped(made)
    with kept(module), heard_apart(), as_written(), torch.no_grad():
        module.eval()
        try:
            with tracer.watching(), tracer:
                return tracer, functional_call(module, state, args, kwargs, tie_weights=False)
        except (Exception, SystemExit) as error:
            raise _Stopped(tracer, error) from error


def _state(module: nn.Module, device: torch.device) -> dict[str, Tensor]:
    """Its parameters and buffers on a device, by every name; what is one tensor under two names stays one."""
    moved: dict[int, Tensor] = {}
    state: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        state[name] = moved.setdefault(id(parameter), parameter.to(device))
    for name, buffer in module.named_buffers(remove_duplicate=False):
        state[name] = moved.setdefault(id(buffer), buffer.to(device))
    return state


__all__ = ["trace_module"]

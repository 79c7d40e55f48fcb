"""`stand_in`: a module's shadow with what it is called with, for tools that hook, move or change what they look at."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archscope.theirs import heard_apart
from archscope.tracing.calling import Called
from archscope.tracing.others import shares
from archscope.tracing.shadow import Shadow, Twin
from archscope.tracing.strangers import as_written, at_inference, tensors_in
from archscope.tracing.surroundings import Surroundings, everybodys_kept
from archscope.tracing.twins import Twins


@dataclass(frozen=True)
class StandIn:
    """A module that can be run, hooked and changed as anybody likes.

    Attributes:
        module: the shadow, as at inference.
        args: what it is called with, in order.
        kwargs: what it is called with by name.
    """

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def run(self) -> Any:
        """What the module returns."""
        return contextvars.copy_context().run(self.module, *self.args, **self.kwargs)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The tensors that it is called with."""
        return tuple(tensors_in([*self.args, *self.kwargs.values()]))


@contextmanager
def stand_in(called: Called, *, values: bool, batch: int | None = None) -> Iterator[StandIn]:
    """A shadow of a module with its inputs: with values, or on meta; what it changes around itself is put back."""
    values = values or shares(called.module)
    around, twins = Surroundings(), Twins(values=values)
    with apart(around, twins.twin, twins.restore) as shadow:
        module: nn.Module = shadow.of(called.module)
        if values:
            _filled(module)
        device = "meta" if not values else next((str(each.device) for each in module.parameters()), "cpu")
        args, kwargs = called.inputs(device, batch=batch)
        args, kwargs = shadow.of([args, kwargs])
        for tensor in around.tensors:
            twins.watch(tensor)
        if shadow.shared:
            twins.save(called.module.buffers())
        yield StandIn(at_inference(module), tuple(args), kwargs)


@contextmanager
def apart(around: Surroundings, twin: Twin, restore: Callable[[], None] = lambda: None) -> Iterator[Shadow]:
    """Run somebody's code beside them: nothing is printed, drawn or left."""
    with everybodys_kept(), heard_apart(quiet=True), as_written(), plain_attention():
        try:
            yield Shadow(twin, around.met)
        finally:
            restore()
            around.restore()


def _filled(module: nn.Module) -> None:
    """Give small values to parameters and buffers that have none: the module was made on meta. A tied one stays one."""
    filled: dict[Any, Any] = {}
    for part in module.modules():
        tables: tuple[dict[str, Any], ...] = (part._parameters, part._buffers)
        for table in tables:
            for name, each in table.items():
                if each is not None and each.device.type == "meta":
                    if each not in filled:
                        filled[each] = _with_values(each)
                    table[name] = filled[each]


def _with_values(tensor: torch.Tensor) -> torch.Tensor:
    made = torch.zeros(tensor.shape, dtype=tensor.dtype)
    if made.is_floating_point():
        made = made + 0.01
    return nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made


@contextmanager
def plain_attention() -> Iterator[None]:
    """PyTorch's encoder layers run operation by operation; their fast path is one that no tool looks into."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)

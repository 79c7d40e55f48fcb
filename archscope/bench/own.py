"""Make a cell of a person's own module runnable: their weights, their device, their inputs.

The module is made in the process that measures, so what is cast or moved is a module of its own. Its layers are timed
through hooks that are gone afterwards, and its output is compared with that of a copy in float64, or, where it has no
such copy, with what it gave before it was cast.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archscope.analysis import Analysis
from archscope.bench.agreement import Check, Reference, distance, held_against, together
from archscope.bench.draws import same_draws
from archscope.bench.plan import Cell
from archscope.bench.precision import PRECISIONS, Precision
from archscope.bench.work import (
    Begun,
    Unsupported,
    autocast,
    captured,
    check_memory,
    check_supported,
    remedy,
    unimplemented,
)
from archscope.theirs import heard_apart
from archscope.tracing.calling import Called
from archscope.tracing.inputs import Call
from archscope.tracing.strangers import at_inference, tensors_in


@dataclass
class OwnWorkload:
    """One cell of a person's own module, ready to run.

    Attributes:
        call: runs it once.
        module: what runs.
        args: what it is called with, in order.
        kwargs: what it is called with by name.
        expected: the tensors that have to come out.
        reference: its copy in float64, where it has one.
        precision: the number format.
        begun: its buffers as they were before it ran.
        draws: whether it draws random numbers.
    """

    call: Callable[[], Any]
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    expected: tuple[Tensor, ...]
    reference: Reference | None
    precision: Precision
    begun: Begun
    draws: bool = False


def prepare_own(called: Called, analysis: Analysis, cell: Cell, device: torch.device) -> OwnWorkload:
    """A cell of somebody's own module.

    Raises:
        Unsupported: it does not run in this number format, layout, engine or batch.
        OutOfMemory: it does not fit.
    """
    check_supported(cell, device, analysis.network)
    check_memory(analysis, cell, device)
    precision = PRECISIONS[cell.dtype]
    with heard_apart():
        module = at_inference(called.fresh())
    args, kwargs = inputs_of(called, cell)
    checked = Call(args, kwargs)
    expected, reference, draws = _expected(module, checked, precision)
    dtype = getattr(torch, precision.torch)
    own = next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32)
    cast = None if own == dtype else dtype
    with torch.no_grad():
        module = module.to(device=device, dtype=cast)
    layout = torch.channels_last if cell.layout == "nhwc" else torch.contiguous_format
    if cell.layout == "nhwc":
        module = module.to(memory_format=layout)  # type: ignore[call-overload]

    def there(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        moved = value.to(device=device, dtype=dtype if value.is_floating_point() else None)
        return moved.contiguous(memory_format=layout) if moved.dim() == 4 else moved

    args, kwargs = checked.mapped(there)
    if cell.mode == "train":
        module.train()
    work = OwnWorkload(lambda: None, module, args, kwargs, expected, reference, precision, Begun(module), draws)
    _require_a_run(work, cell, device)
    work.call = _call(work, cell, device)
    return work


def inputs_of(called: Called, cell: Cell) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What it is called with, in the cell's batch; tensors of an example are one call, whatever lies in them."""
    if is_drawn(called):
        return called.inputs("cpu", batch=cell.batch)
    if cell.batch != 1:
        raise Unsupported("what it is called with brings a batch of its own, which is one call; leave out --batch, or "
                          "state shapes")  # fmt: skip
    return called.inputs("cpu")


def is_drawn(called: Called) -> bool:
    """Whether nobody gave the values of its inputs, so that they are drawn, and whole numbers are zeros."""
    said: list[Any] = []
    called.call.mapped(said.append)
    return not called.fixed and not any(isinstance(each, Tensor) for each in said)


def _expected(
    module: nn.Module, call: Call, precision: Precision
) -> tuple[tuple[Tensor, ...], Reference | None, bool]:  # fmt: skip
    """What its output has to be: a float64 copy's on the CPU, or else its own, before it is cast or moved.

    And whether it draws random numbers.
    """
    drawn = getattr(torch, precision.autocast or precision.torch)

    def doubled(value: Any) -> Any:
        return value.cpu().double() if isinstance(value, Tensor) and value.is_floating_point() else (
            value.cpu() if isinstance(value, Tensor) else value)  # fmt: skip

    try:
        with torch.no_grad(), heard_apart():
            reference = Reference(copy.deepcopy(module).cpu().double(), Call(*call.mapped(doubled)), drawn)
        outputs, draws = reference.run()
        return outputs, reference, draws
    except Exception:  # noqa: BLE001 - a stranger's module may have no copy, or none in float64
        own = next((each.device for each in module.parameters()), torch.device("cpu"))
        args, kwargs = call.mapped(lambda value: value.to(own) if isinstance(value, Tensor) else value)
        outputs, draws = Reference(module, Call(args, kwargs), drawn).run()
        return outputs, None, draws


def drawn_alike(work: OwnWorkload) -> AbstractContextManager[Any]:
    """What it draws at random in here is what its reference drew."""
    return same_draws(getattr(torch, work.precision.autocast or work.precision.torch) if work.draws else None)


def repeats(work: OwnWorkload, output: Any) -> bool:
    """Whether it gives an output again that it gave, where all that it draws is the same."""
    with drawn_alike(work):
        again = together(tensors_in(work.module(*work.args, **work.kwargs)))
    return distance(again, together(tensors_in(output))) <= work.precision.tolerance


def agrees(output: Any, work: OwnWorkload) -> Check:
    """Hold the tensors in an output against those it should have, however they are nested."""
    spread = None if work.reference is None else work.reference.spread
    return held_against(together(tensors_in(output)), together(work.expected), work.precision, spread)


def _require_a_run(work: OwnWorkload, cell: Cell, device: torch.device) -> None:
    """Run it once, so that a layer without an implementation for this number format is named."""
    running: list[str] = []
    handles = [part.register_forward_pre_hook(lambda *_, path=path: running.append(path))
               for path, part in work.module.named_modules()]  # fmt: skip
    try:
        with torch.no_grad(), autocast(work.precision, device), heard_apart():
            work.module(*work.args, **work.kwargs)
    except RuntimeError as error:
        op = unimplemented(error)
        if op is None:
            raise
        raise Unsupported(f"layer `{running[-1]}`: PyTorch's {op} has no {cell.dtype} on {device.type}; "
                          f"try {remedy(cell)}") from None  # fmt: skip
    finally:
        for handle in handles:
            handle.remove()


def _call(work: OwnWorkload, cell: Cell, device: torch.device) -> Callable[[], Any]:
    module: Callable[..., Any] = work.module
    if cell.engine == "compile":
        module = torch.compile(work.module, dynamic=False)

    def inside() -> AbstractContextManager[Any]:
        return nullcontext() if work.precision.autocast is None else autocast(work.precision, device)

    def infer() -> Any:
        with inside():
            return module(*work.args, **work.kwargs)

    call = _training(work, infer) if cell.mode == "train" else infer
    return captured(call, device) if cell.engine == "graph" else call


def _training(work: OwnWorkload, forward: Callable[[], Any]) -> Callable[[], Any]:
    """A forward and a backward pass; the gradients that come in are drawn once."""
    with torch.no_grad():
        incoming = [torch.randn_like(each) for each in tensors_in(forward()) if each.is_floating_point()]

    def call() -> Any:
        work.module.zero_grad(set_to_none=True)
        made = forward()
        ends = [(each, back) for each, back in zip((each for each in tensors_in(made) if each.is_floating_point()),
                                                   incoming, strict=True) if each.requires_grad]  # fmt: skip
        if not ends:
            raise Unsupported("nothing that it returns has a gradient; try --mode infer")
        torch.autograd.backward([each for each, _ in ends], [back for _, back in ends])
        return made

    return call


def times_by_node(analysis: Analysis, names: Sequence[str], seconds: Sequence[float]) -> dict[str, float]:
    """Seconds by the names of nodes: the second call of ``fc`` is ``fc_2``, and a layer's activation is with it.

    A module of a class that is no layer's, as the ``Conv1D`` of GPT-2, has the time of the one row that each call of
    it becomes.
    """
    rows = {row.name: row for row in analysis.rows}
    calls: dict[str, list[float]] = {}
    for path, each in zip(names, seconds, strict=True):
        calls.setdefault(path, []).append(each)
    nodes: dict[str, float] = {}
    for path, times in calls.items():
        own = [rows.get(path if run == 0 else f"{path}_{run + 1}") for run in range(len(times))]
        inside = [row for name, row in rows.items() if name.startswith(f"{path}.")] if own[0] is None else []
        for row, each in zip(inside if len(inside) == len(times) else own, times, strict=True):
            if row is not None:
                nodes |= dict.fromkeys((node.name for node in row.nodes), 0.0)
                nodes[row.nodes[0].name] = each
    return nodes

"""What a module or program that is wrapped in another holds."""

from __future__ import annotations

import copy
import inspect
import itertools
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import torch
from torch import Tensor, fx, nn

from archscope.errors import ArchscopeError, UsageError, one
from archscope.tracing.archives import unread
from archscope.tracing.inputs import Call, Given
from archscope.tracing.rejoined import rejoin
from archscope.tracing.shadow import PARALLEL
from archscope.tracing.sound import check_answers, parts_of

Made = TypeVar("Made")


def _of_program(read: Callable[[Any], Made]) -> Callable[[Any], Made]:
    """A reading of a program; a file may have put anything anywhere in it, and what that raises is the file's fault."""

    @wraps(read)
    def told(program: Any) -> Made:
        try:
            return read(program)
        except ArchscopeError:
            raise
        except Exception as error:
            raise UsageError(unread(error)) from error

    return told


def unwrapped(thing: Any) -> nn.Module:
    """The module that a person wrote: out of `DataParallel`, ``torch.compile`` and exported programs.

    Raises:
        UsageError: it is no module.

    >>> unwrapped(nn.DataParallel(nn.Linear(3, 2)))
    Linear(in_features=3, out_features=2, bias=True)
    """
    if is_program(thing):
        return _module_of(thing)
    if not isinstance(thing, nn.Module):
        raise UsageError(f"{one(type(thing).__name__)} is neither a torch.nn.Module nor an exported program")
    module: Any = thing
    check_answers(module)
    while isinstance(module, PARALLEL) or "_orig_mod" in parts_of(module):
        module = module.module if isinstance(module, PARALLEL) else module._modules["_orig_mod"]
    return module  # type: ignore[no-any-return]


def is_program(thing: Any) -> bool:
    """Whether it is a `torch.export.ExportedProgram`; asks without importing that part of PyTorch."""
    exporting = sys.modules.get("torch.export")
    return exporting is not None and isinstance(thing, exporting.ExportedProgram)


@_of_program
def inputs_of(program: Any) -> Call:
    """What a program was exported with, its tensors described; the first axis that they have in common is the batch.

    Of a batch that may have any length the example says nothing: one sample runs, if so few may.
    """
    placed = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    given = [placed.get(name) if isinstance(name, str) else name for name in program.graph_signature.user_inputs]
    shapes = [tuple(map(_extent, each.shape)) for each in given if isinstance(each, Tensor)]
    first = {shape[:1] for shape in shapes}
    batch = first.pop()[0] if len(first) == 1 and () not in first else None
    if batch is not None and _is_open(program, [each.shape for each in given if isinstance(each, Tensor)]):
        batch = 1

    def told(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        shape, dtype = tuple(map(_extent, value.shape)), str(value.dtype).removeprefix("torch.")
        return Given(shape, dtype, batched=False) if batch is None else Given(shape[1:], dtype, batched=True)

    flat = list(map(told, given))
    spec = program.module_call_graph[0].signature.in_spec
    args, kwargs = torch.utils._pytree.tree_unflatten(flat, spec)
    return Call(tuple(args), dict(kwargs), batch or 1, whole=True)


@_of_program
def open_axes(program: Any) -> dict[str, tuple[int, ...]]:
    """The axes of each input that may have any length, by number; the batch is 0 where that is one of them."""
    taken = set(program.graph_signature.user_inputs)
    found = {
        node.name: tuple(at for at, extent in enumerate(node.meta["val"].shape) if not isinstance(extent, int))
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in taken and isinstance(node.meta.get("val"), Tensor)
    }
    return found if any(found.values()) else {}


def _is_open(program: Any, shapes: Sequence[Any]) -> bool:
    """Whether the first axis of some shapes may have any length, and no other goes by that.

    PyTorch says of an axis that it has two at least where nobody said how many.
    """
    first, others = shapes[0][0], [extent for shape in shapes for extent in shape[1:] if not isinstance(extent, int)]
    if isinstance(first, int) or any(first.node.expr in each.node.expr.free_symbols for each in others):
        return False
    said = program.range_constraints.get(first.node.expr)
    return said is not None and said.lower <= 2


def _extent(extent: Any) -> int:
    """The length of an axis; of one that may have any, that of the example it was exported with."""
    if isinstance(extent, int):
        return extent
    hint = extent.node.hint if extent.node.has_hint() else None
    return 2 if hint is None else int(hint)


@_of_program
def class_name(program: Any) -> str:
    """What the class was called that was exported; empty if that is not known."""
    for node in program.graph.nodes:
        for path, kind in node.meta.get("nn_module_stack", {}).values():
            if path:  # of what has no module of its own, as the length of a batch, PyTorch says a word for that
                break
            return str(getattr(kind, "__name__", kind)).rpartition(".")[2]
    return ""


@_of_program
def _module_of(program: Any) -> nn.Module:
    """A program as a module with the submodules that its author had."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: nn.Module = torch.export.unflatten(_put_apart(program) if lies_in_one_place(program) else program)
    part: Any
    for part in list(module.modules()):
        if isinstance(getattr(part, "graph", None), fx.Graph):
            rejoin(part)
            if hasattr(part, "finalize"):
                part.finalize()
            _as_written(part)
    kind = type(module)
    forward = _with_names(kind, program)
    module.__class__ = type(class_name(program) or kind.__name__, (kind,),
                            {"__module__": kind.__module__, "forward": forward})  # fmt: skip
    return module


@_of_program
def lies_in_one_place(program: Any) -> bool:
    """Whether tensors on meta have one memory, which PyTorch's files give to all of them as none has an address."""
    held = [each for each in program.state_dict.values() if each.is_meta]
    places = {each.untyped_storage()._cdata for each in held}
    return len(places) < len({id(each) for each in held})


def _put_apart(program: Any) -> Any:
    """The program with a memory of its own for every tensor on meta; what is one tensor stays one."""
    known: dict[int, Tensor] = {}

    def own(held: Tensor) -> Tensor:
        if not held.is_meta:
            return held
        if id(held) not in known:
            empty = torch.empty_strided(held.shape, held.stride(), dtype=held.dtype, device="meta")
            trained = isinstance(held, nn.Parameter)
            known[id(held)] = nn.Parameter(empty, held.requires_grad) if trained else empty
        return known[id(held)]

    apart = copy.copy(program)
    tied = _tied(program)
    apart._state_dict = {name: own(program.state_dict[tied.get(name, name)]) for name in program.state_dict}
    return apart


def _tied(program: Any) -> dict[str, str]:
    """Names that nothing reads, each with the one under which their module reads a tensor of that form instead."""
    signature = program.graph_signature
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    nodes = {named[node.name]: node for node in program.graph.nodes if node.op == "placeholder" and node.name in named}

    def form(name: str) -> tuple[Any, ...]:
        held = program.state_dict[name]
        return held.shape, held.stride(), held.dtype

    read: dict[tuple[Any, ...], list[str]] = {}
    for name, node in nodes.items():
        for user in node.users if name in program.state_dict else ():
            stack = [path for path, _ in user.meta.get("nn_module_stack", {}).values()]
            read.setdefault((stack[-1] if stack else "", *form(name)), []).append(name)
    found: dict[str, str] = {}
    for name, node in nodes.items():
        instead = () if node.users or name not in program.state_dict else read.get(
            (name.rpartition(".")[0], *form(name)), ())  # fmt: skip
        own = [each for each in instead if each.rpartition(".")[0] != name.rpartition(".")[0]]
        if own:
            found[name] = own[0]
    return found


def _as_written(part: Any) -> None:
    """A part of a program is called like the class that it was written down from, where that is one of PyTorch's."""
    module, _, name = str(getattr(part, "_ty", None) or "").rpartition(".")
    if module.startswith("torch.nn.modules.") and name.isidentifier():
        part.__class__ = type(name, (type(part),), {"__module__": module})


def _with_names(kind: Any, program: Any) -> Any:
    """A ``forward`` that says what its inputs are called, and takes those in their places by name too."""
    own = inspect.signature(program.module().forward)
    placed = program.module_call_graph[0].signature.in_spec.child(0).num_children

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        named = itertools.takewhile(kwargs.__contains__, [*own.parameters][len(args) : placed])
        more = [kwargs.pop(name) for name in list(named)]
        return kind.forward(self, *args, *more, **kwargs)

    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    forward.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[this, *(each.replace(annotation=each.empty) for each in own.parameters.values())]
    )
    return forward


__all__ = ["class_name", "inputs_of", "is_program", "lies_in_one_place", "open_axes", "unwrapped"]

"""An exported program in a file, read once more and run operation by operation: what each makes, and what it holds.

The graph that runs is the flat one of `torch.export`. The modules that archscope reads are put together from it anew,
and how their operations are read has no part in this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from archscope.building.builders import COUNTERS
from archscope.importing.kinds import Kind, kind_of
from archscope.oracles.case import SMALL, Case
from archscope.oracles.findings import Finding, compared, first_line, not_covered
from archscope.oracles.leaves import Held, held_beside

if TYPE_CHECKING:
    from torch.export import ExportedProgram

NAME: Final = "program"

Shape = tuple[int, ...]

_CALLED: Final = {"cat": "concat", "permute": "transpose"}
"""What layers are called where that is not ATen's name; two axes exchanged are either."""


def observe(case: Case) -> Iterator[Finding]:
    """Run the program, if the network is one in a file."""
    path = case.network.path
    if case.module is None or path is None or kind_of(path) is not Kind.PYTORCH:
        yield not_covered(NAME, None, "everything", "it runs exported programs in files, and this network is none")
        return
    from archscope.tracing.archives import read_program

    program = read_program(path)
    held = tuple(_held(program))
    try:
        made = _made(program, case)
    except Exception as error:  # noqa: BLE001 - what a program that is well read raises when it runs is told
        yield not_covered(NAME, None, "output", f"it does not run: {first_line(error)}")
    else:
        yield from _outputs(case, made)
    if any(each.is_meta for each in program.state_dict.values()):
        why = "its tensors are on meta, of which the file does not say which are one"
        yield not_covered(NAME, None, "parameters", why)
    else:
        yield from held_beside(NAME, case, {each.path for each in held}, held)


def _made(program: ExportedProgram, case: Case) -> dict[str, list[Shape]]:
    """The shapes that operations make, by the operation and in the order of their runs."""
    import torch
    from torch._subclasses import FakeTensorMode
    from torch.utils import _pytree

    found: dict[str, list[Shape]] = {}

    class Seen(torch.fx.Interpreter):
        def run_node(self, n: Any) -> Any:
            result = super().run_node(n)
            first = result[0] if isinstance(result, (tuple, list)) and result else result
            if n.op == "call_function" and isinstance(first, torch.Tensor):
                found.setdefault(_operation(n.target), []).append(tuple(map(int, first.shape)))
            return result

    small = sum(each.numel() for each in program.state_dict.values()) <= SMALL
    # A program that was exported on meta makes tensors there itself.
    device = "meta" if any(each.is_meta for each in program.state_dict.values()) else "cpu"
    args, kwargs = case.called.inputs(device)
    given, _ = _pytree.tree_flatten((args, kwargs))
    mode = nullcontext() if small else FakeTensorMode(allow_non_fake_inputs=True)
    with torch.no_grad(), mode:
        Seen(program.module()).run(*given, enable_io_processing=False)
    return found


def _operation(target: Any) -> str:
    """What an operation of ATen is called: ``conv2d`` for ``aten.conv2d.default``."""
    name = str(getattr(target, "__name__", target)).partition(".")[0]
    return _CALLED.get(name, name)


def _outputs(case: Case, made: dict[str, list[Shape]]) -> Iterator[Finding]:
    """What each operation makes, where as many of its kind ran as nodes were read of it."""
    own: dict[str, list[Any]] = {}
    held = {node.name for node in case.network.nodes if not node.inputs}
    for node in case.network.nodes:
        if node.inputs and all(ref.node in held for ref in node.inputs):
            yield not_covered(NAME, node.row, "output", "it reads a parameter alone", node=node.name)
            continue
        kind = str(getattr(node.layer, "called", node.layer.type))
        own.setdefault(_CALLED.get(kind, kind), []).append(node)
    for operation, nodes in own.items():
        shapes = made.get(operation, [])
        for place, node in enumerate(nodes):
            case.pace.at(node.row)
            facts = case.facts_of[node.name]
            if not facts.outputs or facts.reasons.get("output"):
                continue
            if len(shapes) != len(nodes):
                why = f"{len(shapes)} of `{operation}` ran, and {len(nodes)} were read"
                yield not_covered(NAME, node.row, "output", why, node=node.name)
                continue
            ours = tuple(map(int, facts.outputs[0]))
            yield compared(NAME, node.row, "output", ours, _sample(ours, shapes[place], case.batch), node=node.name)


def _sample(ours: Shape, theirs: Shape, batch: int) -> Shape:
    """A shape without the axis of the samples, wherever that lies; as it is where positions are in one axis with them.

    >>> _sample((6, 8), (1, 6, 8), 1), _sample((6, 1), (6, 1), 1), _sample((1, 6), (1, 6), 1)
    ((6, 8), (6, 1), (6,))
    """
    if ours == theirs and theirs[:1] != (batch,):
        return theirs
    without = [theirs[:at] + theirs[at + 1 :] for at, extent in enumerate(theirs) if extent == batch]
    return next((each for each in without if each == ours), without[0] if len(without) == 1 else theirs)


def _held(program: ExportedProgram) -> Iterator[Held]:
    """The values of the state dict, those that several names share once."""
    known = set()
    trained = set(program.graph_signature.parameters)
    for name, each in program.state_dict.items():
        if name.rpartition(".")[2] in COUNTERS:
            continue
        place = (each.untyped_storage().data_ptr(), each.storage_offset(), tuple(each.shape))
        if place not in known or not each.numel():
            known.add(place)
            yield Held(name.rpartition(".")[0], each.numel(), name in trained and each.requires_grad)

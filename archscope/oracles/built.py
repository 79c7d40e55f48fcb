"""The built module, on meta unless it is small: shapes by hooks, weights by name and shape, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archscope.building.builders import COUNTERS
from archscope.layers import Facts
from archscope.layers.base import spell_shape
from archscope.oracles.case import Case, watching
from archscope.oracles.findings import Finding, compared, not_covered

if TYPE_CHECKING:
    from torch import Tensor, nn

NAME = "module"


def observe(case: Case) -> Iterator[Finding]:
    """Run the module and look at what it holds."""
    made: dict[str, tuple[tuple[int, ...], ...]] = {}

    def note(node: Any, outputs: Any) -> None:
        each = outputs if isinstance(outputs, tuple) else (outputs,)
        made[node.name] = tuple(tuple(tensor.shape[1:]) for tensor in each)

    import torch

    with watching(case, after=note), torch.no_grad():
        case.model(*case.inputs())
    seen: set[int] = set()
    totals = {"parameters": 0, "fixed": 0}
    for node, module, facts in case.nodes():
        yield compared(NAME, node.row, "output", facts.outputs, made[node.name], node=node.name)
        held = _held(module)
        if not held and not facts.weights:
            continue
        yield compared(NAME, node.row, "weights", _stated(facts), _listed(held), node=node.name)
        for quantity, trainable in (("parameters", True), ("fixed", False)):
            values = [tensor for _, tensor, trained in held if trained is trainable]
            yield compared(NAME, node.row, quantity, getattr(facts, quantity), _values(values), node=node.name)
            totals[quantity] += _values([tensor for tensor in values if id(tensor) not in seen])
        seen.update(id(tensor) for _, tensor, _ in held)
    for quantity, value in totals.items():
        yield compared(NAME, None, quantity, case.analysis.totals.count_of(quantity), value)
    yield not_covered(NAME, None, "connections", "a module holds weights; it does not count lines or products")


def _held(module: nn.Module) -> list[tuple[str, Tensor, bool]]:
    """Its tensors by name, and whether an optimizer would train them."""
    held = [(name, tensor, tensor.requires_grad) for name, tensor in module.named_parameters()]
    return held + [
        (name, tensor, False) for name, tensor in module.named_buffers() if name.rpartition(".")[2] not in COUNTERS
    ]


def _values(tensors: list[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _listed(held: list[tuple[str, Tensor, bool]]) -> tuple[str, ...]:
    return tuple(sorted(_spell(name, tuple(tensor.shape), trained) for name, tensor, trained in held))


def _stated(facts: Facts) -> tuple[str, ...]:
    return tuple(sorted(_spell(each.name, each.shape, each.trainable) for each in facts.weights))


def _spell(name: str, shape: tuple[int, ...], trained: bool) -> str:
    return f"{name} {spell_shape(shape)}{'' if trained else ' fixed'}"

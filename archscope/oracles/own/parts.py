"""The parts of a person's module that a tool's counts belong to, and a form of it that every tool takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn

from archscope.analysis import Row
from archscope.layers import Facts
from archscope.network import Network, Node
from archscope.oracles.case import Case
from archscope.oracles.paths import path_of, row_of
from archscope.tracing.calling import Called
from archscope.tracing.inputs import Given
from archscope.tracing.standin import StandIn
from archscope.tracing.strangers import tensors_in


class Plain(nn.Module):
    """A module that takes tensors and returns a tuple of tensors, for tools that know nothing else."""

    def __init__(self, standin: StandIn, called: Called) -> None:
        super().__init__()
        self.inner = standin.module
        self._called = called

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        left = iter(tensors)
        args, kwargs = self._called.call.mapped(
            lambda value: next(left) if isinstance(value, (Tensor, Given)) else value
        )
        return tuple(tensors_in(self.inner(*args, **kwargs)))


@dataclass(frozen=True)
class Part:
    """The nodes that ran in one module's own ``forward``, the modules in it left out.

    Attributes:
        path: the module's path; empty for the whole.
        module: the module.
        nodes: its nodes with their facts.
        row: the layer of the table that findings about it stand at.
    """

    path: str
    module: nn.Module
    nodes: tuple[tuple[Node, Facts], ...]
    row: str

    @property
    def macs(self) -> int | None:
        """Products of all of them; None where one is not covered."""
        counts = [facts.macs for _, facts in self.nodes]
        return None if None in counts else sum(int(each) for each in counts if each is not None)

    @property
    def inputs(self) -> Sequence[Any]:
        """The shapes that its first node was given."""
        return self.nodes[0][1].inputs


def parts_of(case: Case, module: nn.Module) -> list[Part]:
    """The parts of a module that nodes belong to, in the order in which they ran."""
    paths = dict(module.named_modules())
    grouped: dict[str, list[tuple[Node, Facts]]] = {}
    for node in case.network.nodes:
        grouped.setdefault(path_of(node.name, paths), []).append((node, case.facts_of[node.name]))
    return [Part(path, paths[path], tuple(nodes), row_of(nodes)) for path, nodes in grouped.items()]


def leading(network: Network) -> set[str]:
    """The nodes that some output of a network is made of."""
    found: set[str] = set()
    left = [ref.node for ref in network.outputs]
    while left:
        name = left.pop()
        if name in network.by_name and name not in found:
            found.add(name)
            left += [ref.node for ref in network.by_name[name].inputs]
    return found


def rows_by_path(case: Case, module: nn.Module) -> dict[str, Row]:
    """Rows that are one call of one innermost module, by its path; in an exported program, of what it alone runs."""
    paths = {path: each for path, each in module.named_modules() if path and not any(True for _ in each.children())}
    runs: dict[str, list[str]] = {}
    for node in case.network.nodes:
        path = path_of(node.name, paths)
        if path and node.name == node.row:
            runs.setdefault(path, []).append(node.row)
    rows = {row.name: row for row in case.analysis.rows}
    return {path: rows[names[0]] for path, names in runs.items()
            if len(names) == 1 and (names[0] == path or runs_once(paths[path]))}  # fmt: skip


def runs_once(module: nn.Module) -> bool:
    """Whether a module of an exported program runs one operation and nothing else."""
    graph = getattr(module, "graph", None)
    return isinstance(graph, fx.Graph) and sum(each.op.startswith("call_") for each in graph.nodes) == 1

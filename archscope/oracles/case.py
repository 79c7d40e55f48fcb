"""`Case`: a network before its witnesses, with the built module that several of them look at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from archscope.analysis import Analysis
from archscope.layers import Facts
from archscope.losses import DEFAULT
from archscope.network import Network, Node
from archscope.oracles.pace import Pace

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archscope.building.network import BuiltNetwork
    from archscope.importing.jax.things import JaxCalled
    from archscope.tracing.calling import Called


SMALL: Final = 1_000_000
"""Values, weights and outputs together, up to which a network runs on the CPU.

PyTorch's meta kernels import its compiler, which takes about as long as importing PyTorch; a network as small
as LeNet-5 has run before that. Anything larger runs on meta and holds no values at all.
"""


@dataclass(frozen=True)
class Case:
    """A network, its analysis, and its module, on the meta device unless it is small.

    ``module`` is a person's own of PyTorch, which the network was read from; without it, one is built. ``jax`` is one
    of Flax or Equinox. ``weights`` is a file of weights that were trained for the network, where one was named.
    ``named`` says whether somebody asked for its witnesses by name, ``loss`` what a step of training starts its
    backward pass from.
    """

    analysis: Analysis
    pace: Pace = field(default_factory=Pace)
    module: Called | None = None
    weights: str = ""
    named: bool = False
    jax: JaxCalled | None = None
    loss: str = DEFAULT

    @property
    def network(self) -> Network:
        """The network."""
        return self.analysis.network

    @cached_property
    def device(self) -> str:
        """Where the module is: ``"meta"``, or ``"cpu"`` for a small network."""
        held = sum(weight.values for facts in self.facts_of.values() for weight in facts.weights)
        made = sum(math.prod(map(int, shape)) for facts in self.facts_of.values() for shape in facts.outputs)
        return "cpu" if held + made <= SMALL else "meta"

    @cached_property
    def model(self) -> BuiltNetwork:
        """The built module, as at inference; every witness leaves it as it found it."""
        from archscope.building import build
        from archscope.tracing.strangers import keeping_random

        with keeping_random():
            return build(self.network, device=self.device).eval()

    def inputs(self) -> tuple[Tensor, ...]:
        """One sample of inputs."""
        import torch

        return self.model.example_inputs(1, device=self.device, generator=torch.Generator().manual_seed(0))

    @property
    def called(self) -> Called:
        """The person's own module, and what it is called with."""
        assert self.module is not None  # noqa: S101 - asked for by witnesses of a module alone
        return self.module

    @cached_property
    def values(self) -> bool:
        """Whether their module runs with values: it is small, or does not run without."""
        from archscope.tracing.standin import stand_in

        if sum(each.numel() for each in self.called.module.parameters()) <= SMALL:
            return True
        try:
            with stand_in(self.called, values=False) as standin:
                standin.run()
        except Exception:  # noqa: BLE001 - a stranger's module may raise anything where it wants values
            return True
        return False

    @cached_property
    def batch(self) -> int:
        """Samples that their module is given at once."""
        return self.called.batch

    @cached_property
    def facts_of(self) -> dict[str, Facts]:
        """The facts by node, as the analysis has them."""
        return {node.name: facts for row in self.analysis.rows
                for node, facts in zip(row.nodes, row.facts, strict=True)}  # fmt: skip

    def nodes(self) -> Iterator[tuple[Node, nn.Module, Facts]]:
        """Every node with its module and its facts, in execution order."""
        for node in self.network.nodes:
            yield node, self.model.node(node.name), self.facts_of[node.name]


@contextmanager
def watching(case: Case, before: Any = None, after: Any = None) -> Iterator[None]:
    """Call ``before(node, inputs)`` and ``after(node, outputs)`` around every node; the hooks go away again."""
    handles = []
    try:
        for node, module, _ in case.nodes():
            handles.append(module.register_forward_pre_hook(lambda *_, node=node: case.pace.at(node.row)))
            if before is not None:
                handles.append(module.register_forward_pre_hook(lambda _, taken, node=node: before(node, taken)))
            if after is not None:
                handles.append(module.register_forward_hook(lambda _, __, made, node=node: after(node, made)))
        yield
    finally:
        for handle in handles:
            handle.remove()

"""The memory tracker on networks of which values decide what they run: they run with values, and say how they did.

What the rules say for the rows that each expert then had is held against the tracker byte for byte; that no rows need
less or more than the rules say is for the tests to show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from archscope.oracles import tracking
from archscope.oracles.case import Case
from archscope.oracles.findings import Finding, compared, not_covered
from archscope.oracles.tracking import Called

if TYPE_CHECKING:
    from archscope.network import Network

NAME: Final = "memory"


def decides(network: Network) -> list[str]:
    """The nodes of which values decide what they run."""
    return [node.name for node in network.nodes if node.layer.routing(network.facts[node.name]) is not None]


def beside(case: Case, batch: int) -> Iterator[Finding]:
    """What the tracker says of a network with values beside what the rules say for the rows that each expert had."""
    rows: dict[str, list[int]] = {}
    nodes = decides(case.network)
    made = partial(called, case.network, batch, rows)
    for optimizer, what in tracking.WAYS.items():
        case.pace.at("")
        if case.device != "cpu":
            why = f"`{nodes[0]}`: values decide which rows it has, and the network is too large to run with values"
            yield not_covered(NAME, None, f"bytes in {what}", why)
            continue
        theirs = tracking.tracked(made, optimizer, values=True, loss=case.loss)
        ours = case.analysis.memory(batch, optimizer=optimizer, as_tracked=True,
                                    loss=case.loss, route=lambda node, *_: rows[node.name])  # fmt: skip
        kept = None if optimizer is None else tracking.saved(made, values=True)
        for quantity, mine, yours in tracking.beside(ours, theirs, kept, what):
            yield compared(NAME, None, quantity, mine, yours)


@contextmanager
def called(network: Network, batch: int, rows: dict[str, list[int]]) -> Iterator[Called]:
    """The built network with values; ``rows`` is told how many rows each expert of a layer had when it last ran."""
    from archscope.building import build
    from archscope.tracing.strangers import keeping_random

    with keeping_random():
        model: Any = build(network)
        for name in decides(network):
            _notes(model.node(name), name, rows)
        yield Called(model, model.example_inputs(batch))


def _notes(experts: Any, name: str, rows: dict[str, list[int]]) -> None:
    """Note how many rows each expert of a module has, of what its router says."""

    def note(router: Any, _: object, scores: Any) -> None:
        import torch

        # Not before the tracker's eyes: it would count what is made here.
        with torch.utils._python_dispatch._disable_current_modes(), torch.no_grad():
            chosen: Mapping[int, int] = Counter(scores.softmax(-1).topk(experts.active).indices.flatten().tolist())
        rows[name] = [chosen[expert] for expert in range(router.out_features)]

    experts.router.register_forward_hook(note)

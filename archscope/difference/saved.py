"""Bytes that a forward pass keeps for the backward pass, by the layer that made them."""

from __future__ import annotations

from collections.abc import Mapping

from archscope.memory.running import Run
from archscope.network import Network


def saved_by_row(network: Network) -> tuple[Mapping[str, int], str]:
    """Bytes of one sample in float32 by row, those of the inputs under an empty name; and why they are not known.

    >>> from archscope.reader import load
    >>> saved, why = saved_by_row(load("lenet5-pytorch"))
    >>> sum(saved.values()), why
    (49040, '')
    """
    for node in network.nodes:
        if node.layer.runs(network.facts[node.name]) is None:
            return {}, f"`{node.row}` is not covered: no rule says what a {node.layer.type} keeps"
    run = Run(network, 1, "float32", training=True)
    run.build()
    run.forward()
    return run.ledger.owned("saved"), ""

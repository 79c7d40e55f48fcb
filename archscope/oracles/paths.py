"""Nodes by the modules in whose calls they ran."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from archscope.layers import Facts
from archscope.network import Node


def path_of(name: str, paths: Container[str]) -> str:
    """The innermost module in whose ``forward`` a node ran: ``fc``, ``fc_2`` and ``fc.relu`` all belong to ``fc``.

    >>> path_of("blocks.0.fc_2", {"": 0, "blocks": 0, "blocks.0": 0, "blocks.0.fc": 0})
    'blocks.0.fc'
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ".".join(parts[:length])
        for each in (path, re.sub(r"_\d+$", "", path)):
            if each in paths:
                return each
    return ""


def row_of(nodes: Sequence[tuple[Node, Facts]]) -> str:
    """The row of the first node with products, or with weights, or of the first."""
    for wanted in ("macs", "weights"):
        found = next((node.row for node, facts in nodes if getattr(facts, wanted)), None)
        if found is not None:
            return found
    return nodes[0][0].row

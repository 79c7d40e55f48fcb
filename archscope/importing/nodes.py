"""`Nodes`: the nodes of a network that is put together from a file which says its layers."""

from __future__ import annotations

from archscope.layers import Facts, Layer
from archscope.network import Node, Ref, free_name
from archscope.working import count


class Nodes:
    """The nodes so far, with their facts.

    Attributes:
        file: what the file is called in messages.
        nodes: the nodes, each after those that it reads.
        facts: the facts of each, by name.

    Args:
        file: the file.
        batch: samples that run at once; products are those of all of them.
    """

    def __init__(self, file: str, batch: int = 1) -> None:
        self.file = file
        self.batch = batch
        self.nodes: list[Node] = []
        self.facts: dict[str, Facts] = {}
        self._names: set[str] = set()

    def named(self, name: str) -> str:
        """A name that no other node has."""
        return free_name(name, self._names)

    def keep(
        self, own: str, layer: Layer, refs: tuple[Ref, ...], facts: Facts, group: tuple[str, ...], shares: str | None
    ) -> None:
        """Keep a node under its own name."""
        if self.batch > 1 and facts.macs:
            batch = count(self.batch, "batch")
            inside = None if facts.macs_in_bounds is None else batch * facts.macs_in_bounds
            facts = facts.replace(macs=batch * facts.macs, macs_in_bounds=inside)
        self.nodes.append(Node(own, layer, refs, own, group, shares=shares))
        self.facts[own] = facts

"""`Part`: a group of rows by the names they share, with what it reads and gives; the tree of all groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from archscope.network import Network, Node
from archscope.writing.spec import rows_of

Out = tuple[str, int]
"""An output of a row: its name, and which."""

_PART: Final = re.compile(r"[A-Za-z0-9_]+\Z")
_INPUT: Final = re.compile(r"input(_\d+)?\Z")
"""What the inputs of a block are called."""


class Leaf:
    """A row under its own part of the name."""

    def __init__(self, name: str, row: str, nodes: Sequence[Node]) -> None:
        self.name = name
        self.row = row
        self.nodes = nodes

    @property
    def node(self) -> Node:
        """The node that gives the row its type."""
        return self.nodes[0]


class Part:
    """A group: rows and groups by the next part of their names, in their order."""

    def __init__(self, tree: Tree, path: tuple[str, ...]) -> None:
        self.tree = tree
        self.path = path
        self.children: dict[str, Part | Leaf] = {}
        self.rows: dict[str, int] = {}
        self.clash = False

    @property
    def name(self) -> str:
        """The last part of its name."""
        return self.path[-1]

    def leaves(self) -> Iterator[Leaf]:
        """The rows in it and in the groups within."""
        for child in self.children.values():
            yield from [child] if isinstance(child, Leaf) else child.leaves()

    def parts(self) -> Iterator[Part]:
        """It and the groups within, those outside first."""
        yield self
        for child in self.children.values():
            if isinstance(child, Part):
                yield from child.parts()

    @cached_property
    def given(self) -> tuple[Out, ...]:
        """What its rows read from outside, in the order in which they do."""
        read = (out for leaf in self.leaves() for out in self.tree.reads[leaf.row])
        return tuple(dict.fromkeys(out for out in read if out[0] not in self.rows))

    @cached_property
    def made(self) -> Out:
        """What its name stands for: what its last line makes, or else the first that is read of it."""
        last = next(reversed(list(self.children.values())))
        tail = (last.row, 0) if isinstance(last, Leaf) else last.made
        read = [out for row in self.rows for out in self.tree.read_outside(row, self.rows.keys())]
        return tail if tail in read or not read else read[0]

    @cached_property
    def plain(self) -> bool:
        """Whether it can be a block: its rows follow one another under names and in groups that a block gives."""
        places = [*self.rows.values()]
        return (
            not self.clash
            and bool(self.given)
            and places[-1] - places[0] + 1 == len(places)
            and all(_PART.match(name) and not _INPUT.match(name) for name in self.children)
            and all(child.plain for child in self.children.values() if isinstance(child, Part))
            and all(self._fits(leaf) for leaf in self.leaves())
        )

    def _fits(self, leaf: Leaf) -> bool:
        node = leaf.node
        owner = None if node.shares is None else self.tree.row_of[node.shares]
        in_place = node.group == tuple(leaf.row.split(".")[:-1])
        return in_place and node.tower is None and (owner is None or owner in self.rows)

    def called(self, out: Out) -> str:
        """What a line of it calls an output of one of its rows."""
        child = self.children[out[0].split(".")[len(self.path)]]
        if isinstance(child, Leaf):
            return child.name if out[1] == 0 else f"{child.name}.{child.node.layer.output_names[out[1]]}"
        return child.name if child.made == out else f"{child.name}.{child.called(out)}"


class Tree:
    """The groups of a network, outermost first."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.row_of = {node.name: node.row for node in network.nodes}
        self.rows = rows_of(network)
        self.reads = {row: self._reads(nodes[0]) for row, nodes in self.rows.items()}
        self._readers: dict[str, list[tuple[str, Out]]] = {row: [] for row in self.rows}
        for row, outs in self.reads.items():
            for out in outs:
                if out[0] in self._readers:
                    self._readers[out[0]].append((row, out))
        self.ends = [(self.row_of[ref.node], ref.output) for ref in network.outputs]
        self.root = Part(self, ())
        for place, (row, nodes) in enumerate(self.rows.items()):
            self._insert(place, row, nodes)

    def _reads(self, node: Node) -> tuple[Out, ...]:
        return tuple((self.row_of.get(ref.node, ref.node), ref.output) for ref in node.inputs)

    def read_outside(self, row: str, inside: object) -> Iterator[Out]:
        """The outputs of a row that rows outside of some read, or that are the network's."""
        yield from (out for reader, out in self._readers[row] if reader not in inside)  # type: ignore[operator]
        yield from (out for out in self.ends if out[0] == row)

    def _insert(self, place: int, row: str, nodes: Sequence[Node]) -> None:
        part = self.root
        *groups, name = row.split(".")
        for depth, group in enumerate(groups):
            part.rows[row] = place
            child = part.children.get(group)
            if not isinstance(child, Part):
                part.clash = part.clash or child is not None
                child = Part(self, tuple(groups[: depth + 1]))
                part.children[group if group not in part.children else f"{group}/"] = child
            part = child
        part.rows[row] = place
        part.clash = part.clash or name in part.children
        part.children[name if name not in part.children else f"{name}/"] = Leaf(name, row, nodes)

"""A network in pieces: a group of layers as a network of its own, which its surroundings call.

A piece is cut where a spec has a block or a run of copies. Where that cannot be (a weight is shared across a cut, a
block's layers do not run one after another) there are no pieces, and a writer writes every layer beside the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from archscope.layers import Shape
from archscope.network import Group, Network, Node, Ref

Path = tuple[str, ...]


class Uncut(Exception):
    """The network cannot be taken apart along its blocks."""


class Call:
    """Stands for a layer where a piece is called."""

    type = "call"

    def __init__(self, piece: Piece, outputs: int) -> None:
        self.piece = piece
        self.output_names = tuple(f"output{at}" for at in range(outputs))


class Piece:
    """A network whose groups are calls.

    Attributes:
        group: what it is; None for the whole network.
        network: its own layers, and a node for each piece within it.
        calls: the pieces within, by the name of their node.
    """

    def __init__(self, group: Group | None, network: Network, calls: dict[str, Piece]) -> None:
        self.group = group
        self.network = network
        self.calls = calls

    @property
    def chained(self) -> bool:
        """Whether it is a run of copies, each of which reads the one before, and what else it reads is common."""
        if self.group is None or not self.group.copies or len(self.calls) != len(self.network.nodes):
            return False
        first = self.network.nodes[0]
        common = first.inputs[1:]
        before = first
        for node in self.network.nodes[1:]:
            if node.inputs != (Ref(before.name), *common):
                return False
            before = node
        return self.network.outputs == (Ref(before.name),)


def cut(network: Network) -> Piece:
    """A network in pieces.

    Raises:
        Uncut: it has no blocks, or cannot be cut along them.
    """
    paths = {path for path, group in network.groups.items() if group.name}
    owners = {node.shares for node in network.nodes if node.shares is not None}
    if not paths or any(node.group and (node.shares is not None or node.name in owners) for node in network.nodes):
        raise Uncut
    return _Cutter(network, paths).piece((), network.nodes, None, network.outputs, list(network.inputs))


class _Cutter:
    def __init__(self, network: Network, paths: set[Path]) -> None:
        self.network = network
        self.paths = paths

    def piece(
        self, path: Path, nodes: Sequence[Node], group: Group | None, leaving: Sequence[Ref], entering: Sequence[Any]
    ) -> Piece:
        """The piece of some nodes; ``entering`` are what it reads from outside, names or refs."""
        prefix = "" if group is None else f"{group.name}."
        local: dict[Ref, Ref] = {}
        inputs: dict[str, Shape] = {}
        for number, ref in enumerate(entering):
            name = ref if isinstance(ref, str) else "value" if len(entering) == 1 else f"value{number + 1}"
            source = Ref(ref) if isinstance(ref, str) else ref
            inputs[name] = self.network.shape_of(source)
            local[source] = Ref(name)
        made: list[Node] = []
        calls: dict[str, Piece] = {}
        facts: dict[str, Any] = {}
        for inner, members in self._stretches(path, nodes):
            if inner is None:
                (node,) = members
                name = node.name.removeprefix(prefix)
                refs = tuple(local[ref] for ref in node.inputs)
                made.append(node.replace(name=name, row=node.row.removeprefix(prefix), inputs=refs))
                facts[name] = self.network.facts[node.name]
                for at in range(len(facts[name].outputs)):
                    local[Ref(node.name, at)] = Ref(name, at)
                continue
            inside = {node.name for node in members}
            reads = [*dict.fromkeys(ref for node in members for ref in node.inputs if ref.node not in inside)]
            puts = _leaving(self.network, members, inside)
            kind = self.network.groups[inner]
            name = kind.name.removeprefix(prefix)
            piece = self.piece(inner, members, kind, puts, reads)
            calls[name] = piece
            layer: Any = Call(piece, len(puts))
            made.append(Node(name, layer, tuple(local[ref] for ref in reads), name))
            facts[name] = SimpleNamespace(outputs=tuple(self.network.shape_of(ref) for ref in puts))
            local.update({ref: Ref(name, at) for at, ref in enumerate(puts)})
        outputs = tuple(local[ref] for ref in leaving)
        return Piece(group, self.network.replace(inputs=inputs, nodes=made, outputs=outputs, facts=facts), calls)

    def _stretches(self, path: Path, nodes: Sequence[Node]) -> Iterator[tuple[Path | None, list[Node]]]:
        """Nodes one by one, and those of a group within together."""
        seen: set[Path] = set()
        held: list[Node] = []
        last: Path | None = None
        for node in nodes:
            inner = self._within(path, node)
            if inner is None or inner != last:
                if held and last is not None:
                    yield last, held
                held = []
                if inner in seen:
                    raise Uncut
            if inner is None:
                yield None, [node]
            else:
                seen.add(inner)
                held.append(node)
            last = inner
        if held and last is not None:
            yield last, held

    def _within(self, path: Path, node: Node) -> Path | None:
        """The outermost group within a path that a node stands in; a run of copies of a plain layer is none."""
        for depth in range(len(path) + 1, len(node.group) + 1):
            inner = node.group[:depth]
            if inner in self.paths and (self.network.groups[inner].block or (*inner, "0") in self.paths):
                return inner
        return None


def _leaving(network: Network, nodes: Sequence[Node], inside: set[str]) -> list[Ref]:
    wanted: dict[Ref, None] = {}
    for node in nodes:
        wanted.update(dict.fromkeys(ref for ref in network.outputs if ref.node == node.name))
        for reader in network.consumers[node.name]:
            if reader.name not in inside:
                wanted.update(dict.fromkeys(ref for ref in reader.inputs if ref.node == node.name))
    return [*wanted]

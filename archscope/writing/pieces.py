"""A network in pieces: a group of layers as a network of its own, which its surroundings call.

A piece is cut where a spec has a block or a run of copies. Where that cannot be (a block's layers do not run one after
another) there are no pieces, and a writer writes every layer beside the others. A layer whose weights are those of a
layer of another piece is a layer of its own, and the sharing is told apart: see `Tie`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from archscope.layers import Facts, Shape
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

    def weighed(self, facts: Facts, places: tuple[int, ...]) -> Facts:  # noqa: ARG002 - what it holds knows of them
        """What comes in goes to its own layers, whose facts are those in the whole network."""
        return facts

    def of_weights(self, facts: Facts) -> Facts:
        """The same for what goes out."""
        return facts


class Piece:
    """A network whose groups are calls.

    Attributes:
        group: what it is; None for the whole network.
        network: its own layers, and a node for each piece within it.
        calls: the pieces within, by the name of their node.
        held: the node of its network that each layer of the whole is, or that calls the piece which holds it.
    """

    def __init__(self, group: Group | None, network: Network, calls: dict[str, Piece], held: dict[str, str]) -> None:
        self.group = group
        self.network = network
        self.calls = calls
        self.held = held

    @property
    def plain(self) -> bool:
        """Whether it is a run of copies of one layer."""
        return self.group is not None and not self.group.block and not self.calls

    @property
    def blocks(self) -> bool:
        """Whether each piece within it is a block."""
        return all(each.group is not None and bool(each.group.block) for each in self.calls.values())

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


class Tie(NamedTuple):
    """Two layers of the whole network in different pieces that have the same weights, and the innermost piece of both.

    The piece is the whole, or a block; never a run of copies.
    """

    within: Piece
    node: Node
    owner: Node


def cut(network: Network, loops: Callable[[Piece], bool]) -> tuple[Piece, list[Tie]]:
    """A network in pieces, and the weights that its pieces share.

    Args:
        network: what to cut.
        loops: whether a run of copies of a plain layer can be a piece; if not, its layers stand in the one around.

    Raises:
        Uncut: it has no blocks, or cannot be cut along them.
    """
    paths = {path for path, group in network.groups.items() if group.name}
    if not paths:
        raise Uncut
    cutter = _Cutter(network, paths, loops)
    whole = cutter.piece((), network.nodes, None, network.outputs, list(network.inputs))
    return whole, [_tie(whole, network.by_name[name], network.by_name[owner]) for name, owner in cutter.apart.items()]


def _tie(whole: Piece, node: Node, owner: Node) -> Tie:
    piece = within = whole
    while piece.held[node.name] == piece.held[owner.name] and piece.held[node.name] in piece.calls:
        piece = piece.calls[piece.held[node.name]]
        within = piece if piece.group is not None and piece.group.block else within
    return Tie(within, node, owner)


class _Cutter:
    """Cuts; ``apart`` has the layers that share the weights of one in another piece, each with that one."""

    def __init__(self, network: Network, paths: set[Path], loops: Callable[[Piece], bool]) -> None:
        self.network = network
        self.paths = paths
        self.loops = loops
        self.apart: dict[str, str] = {}

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
        facts: dict[str, Facts] = {}
        held: dict[str, str] = {}
        first: dict[tuple[str, str], str] = {}
        for inner, members in self._stretches(path, nodes):
            inside = {node.name for node in members}
            reads = [*dict.fromkeys(ref for node in members for ref in node.inputs if ref.node not in inside)]
            piece = None
            if inner is not None:
                kind, puts = self.network.groups[inner], _leaving(self.network, members, inside)
                piece = self._called(inner, members, kind, puts, reads)
            if piece is not None:
                name = kind.name.removeprefix(prefix)
                calls[name] = piece
                layer: Any = Call(piece, len(puts))
                made.append(Node(name, layer, tuple(local[ref] for ref in reads), name))
                facts[name] = Facts(tuple(map(self.network.shape_of, reads)), tuple(map(self.network.shape_of, puts)))
                local.update({ref: Ref(name, at) for at, ref in enumerate(puts)})
                held.update(dict.fromkeys(inside, name))
                continue
            for node in members:
                name = held[node.name] = node.name.removeprefix(prefix)
                refs = tuple(local[ref] for ref in node.inputs)
                owner = self._shared(node, first)
                made.append(node.replace(name=name, row=node.row.removeprefix(prefix), inputs=refs,
                                         shares=None if owner is None else held[owner]))  # fmt: skip
                facts[name] = self.network.facts[node.name]
                for at in range(len(facts[name].outputs)):
                    local[Ref(node.name, at)] = Ref(name, at)
        outputs = tuple(local[ref] for ref in leaving)
        return Piece(group, self.network.replace(inputs=inputs, nodes=made, outputs=outputs, facts=facts), calls, held)

    def _called(
        self, path: Path, nodes: Sequence[Node], group: Group, leaving: Sequence[Ref], entering: Sequence[Ref]
    ) -> Piece | None:
        """A piece within another; None where it is a run of a plain layer that cannot be one."""
        before = dict(self.apart)
        piece = self.piece(path, nodes, group, leaving, entering)
        if not piece.plain or self.loops(piece):
            return piece
        self.apart = before
        return None

    def _shared(self, node: Node, first: dict[tuple[str, str], str]) -> str | None:
        """What a piece calls the layer whose weights one of its own has; None where it is the first that has them.

        ``first`` has what the piece calls the first layer of each type with the weights of each layer of the whole.
        """
        root = self._root(node)
        if node.shares is None:
            first[root.name, node.layer.type] = node.name
            return None
        owner = first.get((root.name, node.layer.type)) or first.get((root.name, root.layer.type))
        if owner is None:
            self.apart[node.name] = node.shares
            first[root.name, node.layer.type] = node.name
        return owner

    def _root(self, node: Node) -> Node:
        """The layer whose own weights a layer has."""
        while node.shares is not None:
            node = self.network.by_name[node.shares]
        return node

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
        """The outermost group within a path that a node stands in."""
        inside = (node.group[:depth] for depth in range(len(path) + 1, len(node.group) + 1))
        return next((inner for inner in inside if inner in self.paths), None)


def _leaving(network: Network, nodes: Sequence[Node], inside: set[str]) -> list[Ref]:
    wanted: dict[Ref, None] = {}
    for node in nodes:
        wanted.update(dict.fromkeys(ref for ref in network.outputs if ref.node == node.name))
        for reader in network.consumers[node.name]:
            if reader.name not in inside:
                wanted.update(dict.fromkeys(ref for ref in reader.inputs if ref.node == node.name))
    return [*wanted]

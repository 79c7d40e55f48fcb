"""Several nodes of a network that were read as one layer: the layer takes their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from archscope.layers import Facts, Layer
from archscope.network import Node, Ref, free_name
from archscope.record import EMPTY


class Part(NamedTuple):
    """A network while nodes of it are replaced.

    Attributes:
        nodes: its nodes.
        outputs: what it gives.
        facts: the numbers of each node.
        within: what became of each node that is gone.
        roles: what the weight of a node that is gone is called in the layer that took it up.
    """

    nodes: list[Node]
    outputs: tuple[Ref, ...]
    facts: dict[str, Facts]
    within: dict[str, str]
    roles: Mapping[str, str] = EMPTY


class Whole(NamedTuple):
    """A layer in the place of several nodes.

    Attributes:
        reads: what it reads.
        layer: what it is.
        facts: its numbers there.
        name: what it is called; by its type, in the group of what it replaces, if left out.
        shares: the last node of what becomes the layer whose weights it uses.
        roles: what it calls the weights of parameters that it takes up, by their nodes.
    """

    reads: tuple[Ref, ...]
    layer: Layer
    facts: Facts
    name: str = ""
    shares: str | None = None
    roles: Mapping[str, str] = EMPTY


def readers_of(nodes: Sequence[Node]) -> Mapping[str, list[int]]:
    """The places of the nodes that read each node."""
    readers: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        for ref in dict.fromkeys(ref.node for ref in node.inputs):
            readers.setdefault(ref, []).append(place)
    return readers


class Pieces:
    """A network's nodes by name, and what reads each: what a pattern of several nodes is looked for in."""

    def __init__(self, network: Part) -> None:
        self._network = network
        self._made = {node.name: node for node in network.nodes}
        self._readers = readers_of(network.nodes)
        self._places = {node.name: place for place, node in enumerate(network.nodes)}
        self._outputs = {ref.node for ref in network.outputs}

    def _names_for(self, covered: Collection[str]) -> Callable[[Node, Layer], str]:
        """How a layer is called that ends in a node: as the module that is nothing else, else by its type in there."""
        beside = {node.group[:depth] for node in self._network.nodes if node.name not in covered
                  for depth in range(1, len(node.group) + 1)}  # fmt: skip

        def named(end: Node, layer: Layer) -> str:
            return ".".join(end.group if end.group and end.group not in beside else (*end.group, layer.type))

        return named

    def _reader(self, name: str) -> Node | None:
        """What reads a node, if that is one other node and it is no output."""
        places = self._readers.get(name, [])
        return self._network.nodes[places[0]] if len(places) == 1 and name not in self._outputs else None

    def _only(self, ref: Ref) -> Node | None:
        """The node that makes a value, if one other node reads that and nothing else of it."""
        node = self._made.get(ref.node)
        return node if node is not None and not ref.output and self._reader(node.name) is not None else None


def replaced(found: Part, ends: Mapping[str, Whole]) -> Part:
    """The network with one node for each layer, at the name of the last node that it replaces, with what it reads.

    What nothing reads any more is gone.
    """
    names = {node.name for node in found.nodes}
    facts = dict(found.facts)
    within: dict[str, str] = {}
    wanted: dict[str, str] = {}
    nodes: list[Node] = []
    for node in found.nodes:
        whole = ends.get(node.name)
        inputs = tuple(ref.replace(node=within.get(ref.node, ref.node)) for ref in node.inputs)
        if whole is None:
            nodes.append(node if inputs == node.inputs else node.replace(inputs=inputs))
            continue
        called = getattr(whole.layer, "called", whole.layer.type)
        name = whole.name or ".".join((*node.group, called))
        own = within[node.name] = free_name(name, names)
        wanted[own] = name
        del facts[node.name]
        facts[own] = whole.facts
        reads = tuple(ref.replace(node=within.get(ref.node, ref.node)) for ref in whole.reads)
        shares = None if whole.shares is None else within[whole.shares]
        nodes.append(Node(own, whole.layer, reads, own, tuple(own.split(".")[:-1]), shares=shares))
    outputs = tuple(ref.replace(node=within.get(ref.node, ref.node)) for ref in found.outputs)
    gone = _unread(nodes, outputs, found, {*within.values()})
    kept = [each for each in nodes if each.name not in gone]
    facts = {name: each for name, each in facts.items() if name not in gone}
    now = {**within, **gone}
    before = {name: now.get(layer, layer) for name, layer in found.within.items()}
    roles = {name: role for whole in ends.values() for name, role in whole.roles.items() if name in gone}
    return _renamed(Part(kept, outputs, facts, {**before, **now}, {**found.roles, **roles}), wanted)


def _renamed(part: Part, wanted: Mapping[str, str]) -> Part:
    """The same where layers have the names that what they replace had before it was gone."""
    taken = {node.name for node in part.nodes}
    own: dict[str, str] = {}
    for name, other in wanted.items():
        if name in taken and other not in taken:
            taken.add(other)
            own[name] = other

    def called(name: str) -> str:
        return own.get(name, name)

    def read(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple(ref.replace(node=called(ref.node)) for ref in refs)

    nodes = [node.replace(inputs=read(node.inputs), shares=None if node.shares is None else called(node.shares))
             for node in part.nodes]  # fmt: skip
    nodes = [node.replace(name=name, row=name, group=tuple(name.split(".")[:-1]))
             if (name := called(node.name)) != node.name else node for node in nodes]  # fmt: skip
    facts = {called(name): each for name, each in part.facts.items()}
    return Part(
        nodes, read(part.outputs), facts, {name: called(each) for name, each in part.within.items()}, part.roles
    )


def _unread(nodes: Sequence[Node], outputs: Sequence[Ref], before: Part, layers: set[str]) -> dict[str, str]:
    """Nodes that something read before, and nothing reads now, each with the layer that comes after it."""
    had = {ref.node for node in before.nodes for ref in node.inputs} | {ref.node for ref in before.outputs}
    readers = Counter(ref.node for node in nodes for ref in node.inputs)
    readers.update(ref.node for ref in outputs)
    gone: dict[str, str] = {}
    after = ""
    for node in reversed(nodes):
        after = node.name if node.name in layers else after
        if node.name in had and not readers[node.name]:
            gone[node.name] = after
            readers.subtract(ref.node for ref in node.inputs)
    return gone

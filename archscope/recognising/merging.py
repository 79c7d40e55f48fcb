"""Samples and positions that code makes one axis, and parts again: of one sample nothing happens there."""

from __future__ import annotations

from archscope.network import Ref
from archscope.recognising.replacing import Part, readers_of


def merged(network: Part) -> Part:
    """A network without reshapes of a sample to the shape that it has, as ``x.view(-1, features)`` before a product.

    What ran for one belongs to the node that alone reads it in its module, else to the node that it reads.
    """
    gone = _handed_on(network)
    if not gone:
        return network
    nodes = []
    for node in network.nodes:
        if node.name not in gone:
            inputs = tuple([gone.get(ref.node, ref) for ref in node.inputs])
            nodes.append(node if inputs == node.inputs else node.replace(inputs=inputs))
    outputs = tuple([gone.get(ref.node, ref) for ref in network.outputs])
    facts = {name: each for name, each in network.facts.items() if name not in gone}
    rows = _rows(network, gone)
    before = {name: rows.get(row, row) for name, row in network.within.items()}
    return Part(nodes, outputs, facts, {**before, **rows}, network.roles)


def _handed_on(network: Part) -> dict[str, Ref]:
    """What each reshape to the same shape hands on; one that hands an input or another output on as its own stays."""
    made = {node.name for node in network.nodes}
    outputs = {ref.node for ref in network.outputs}
    read = readers_of(network.nodes)
    gone: dict[str, Ref] = {}
    for node in network.nodes:
        facts = network.facts[node.name]
        if node.layer.type != "reshape" or facts.inputs[0] != facts.output:
            continue
        (source,) = node.inputs
        source = gone.get(source.node, source)
        if node.name in outputs:
            if source.node not in made or source.node in outputs:
                continue
            outputs.add(source.node)
        if source.node in made or read.get(node.name):
            gone[node.name] = source
    return gone


def _rows(network: Part, gone: dict[str, Ref]) -> dict[str, str]:
    """The node that stands for each reshape."""
    read = readers_of(network.nodes)
    made = {node.name: node for node in network.nodes}
    rows: dict[str, str] = {}
    for name in reversed(gone):
        reading = [network.nodes[place] for place in read.get(name, ())]
        inside = [node.name for node in reading if node.group == made[name].group]
        source = gone[name].node
        reader = inside[0] if len(inside) == 1 else source if source in made else reading[0].name
        rows[name] = rows.get(reader, reader)
    return rows


__all__ = ["merged"]

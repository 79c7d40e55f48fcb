"""A network that was read from a module, as somebody would write it: without what nothing reads, constants first."""

from __future__ import annotations

from archscope.network import Network, free_name


def living(network: Network) -> tuple[Network, tuple[str, ...]]:
    """The network without what nothing reads, where that holds and multiplies nothing; the rows that are gone.

    A module may turn a result once more for a reader that is not asked for, such as ``output_hidden_states``.

    >>> from archscope.layers import Permute, ReLU
    >>> from archscope.network import Node, Ref
    >>> nodes = [Node("a", ReLU(), (Ref("input"),), "a"), Node("b", Permute(dims=[1, 0]), (Ref("a"),), "b")]
    >>> living(Network("turns", {"input": (4, 8)}, nodes, (Ref("a"),)))[1]
    ('b',)
    """
    read = {ref.node for ref in network.outputs}
    kept, gone = [], list[str]()
    for node in reversed(network.nodes):
        facts = network.facts[node.name]
        if node.name in read or facts.weights or facts.macs != 0 or facts.connections != 0:
            kept.append(node)
            read.update(ref.node for ref in node.inputs)
        else:
            gone.append(node.row)
    if not gone:
        return network, ()
    kept.reverse()
    facts_of = {node.name: network.facts[node.name] for node in kept}
    return network.replace(nodes=kept, facts=facts_of), tuple(reversed(gone))


def constants_first(network: Network) -> Network:
    """The network with what reads nothing before the group that asks for it, and not among its rows.

    A module looks a bias up, or works a mask out, where it is first asked for; a group that another's row stands in,
    or that makes what its copies read, could be no block. A mask that several groups read is in none of them.
    """
    network = _masks_of_all(network)
    last = {node.name: place for place, node in enumerate(network.nodes)}
    begins: dict[tuple[str, ...], int] = {}
    for place, node in enumerate(network.nodes):
        for depth in range(len(node.group)):
            begins.setdefault(node.group[: depth + 1], place)
    order = {}
    for name, place in last.items():
        node = network.by_name[name]
        inside = [reader.group for reader in network.consumers[name]] if not node.inputs else []
        deep = [group[: len(node.group) + 1] for group in inside if group[: len(node.group)] == node.group]
        order[name] = min([place, *(begins[group] - 0.5 for group in deep if len(group) > len(node.group))])
    nodes = sorted(network.nodes, key=lambda node: order[node.name])
    return network.replace(nodes=nodes, facts={node.name: network.facts[node.name] for node in nodes})


def _masks_of_all(network: Network) -> Network:
    """The network with each mask that several groups read in none."""
    moved: dict[str, str] = {}
    for node in network.nodes:
        readers = [reader.group for reader in network.consumers[node.name]]
        if node.layer.type == "attention_mask" and any(group[: len(node.group)] != node.group for group in readers):
            moved[node.name] = free_name(node.layer.type, {*moved.values(), *network.facts, *network.inputs})
    if not moved:
        return network
    nodes = []
    for node in network.nodes:
        inputs = tuple(ref.replace(node=moved.get(ref.node, ref.node)) for ref in node.inputs)
        name = moved.get(node.name)
        nodes.append(node.replace(inputs=inputs) if name is None else node.replace(name=name, row=name, group=()))
    return network.replace(nodes=nodes, facts={moved.get(name, name): each for name, each in network.facts.items()})

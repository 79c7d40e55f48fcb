"""When a value is there first, and until when it is read, or held by the code of a module that was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archscope.memory.seen import results_of
from archscope.network import Network, Node, Ref
from archscope.observed import Observed


def as_seen_first(order: Sequence[Node], observed: Observed | None) -> Sequence[Node]:
    """Nodes in their order, parameters where the code saw them as values: gradients come to the last of them first."""
    if observed is None or not observed.before:
        return order
    place = {node.name: number for number, node in enumerate(order)}
    first = {name: place[other] for name, other in observed.before.items() if other in place}
    return sorted(order, key=lambda node: (min(first.get(node.name, place[node.name]), place[node.name]),
                                           node.name not in first))  # fmt: skip


def last_reads(network: Network, order: Sequence[Node], held: set[str]) -> Mapping[str, tuple[Ref, ...]]:
    """By the name of a node, the values that nothing has after it; those of ``held`` are left out.

    Args:
        network: the network.
        order: its nodes as they run, which is another order than that of the network where a module's code made a
            value ahead of the layer that has it.
        held: inputs that who called it holds.
    """
    observed = network.observed
    ours = observed is None or observed.built
    made = {node.name: results_of(node, network.facts[node.name], observed) for node in network.nodes}
    last = {ref: name for name, refs in made.items() for ref in refs}
    kept = {Ref(name) for name in held}
    for node in order:
        for ref in node.inputs:
            # What archscope builds has all results of a layer as long as one of them is read.
            for each in made.get(ref.node, [ref]) if ours else [ref]:
                last[each] = node.name
    # A module's code may have a value longer than it reads it: in a variable, or as what a submodule was given.
    place = {node.name: number for number, node in enumerate(order)}
    for ref, until in () if observed is None else observed.lasts.items():
        if ref in last and until in place and place[until] > place[last[ref]]:
            last[ref] = until
    for ref in network.outputs:
        kept.update(made.get(ref.node, [ref]) if ours else [ref])
    done: dict[str, list[Ref]] = {}
    for ref, reader in last.items():
        if ref not in kept:
            done.setdefault(reader, []).append(ref)
    return {reader: tuple(refs) for reader, refs in done.items()}


def last_graded(network: Network, order: Sequence[Node]) -> Mapping[str, tuple[Ref, ...]]:
    """By the name of a node, the values whose gradients nothing wants after it, as the code has them without."""
    observed = network.observed
    if observed is None or not observed.parted:
        return {}
    place = {node.name: number for number, node in enumerate(order)}
    last = {ref: place.get(until, 0) for ref, until in observed.parted.items() if ref.node in place}
    for node in order:
        apart = observed.apart.get(node.name, ())
        for ref in (ref for number, ref in enumerate(node.inputs) if number not in apart and ref in last):
            last[ref] = max(last[ref], place[node.name])
    done: dict[str, tuple[Ref, ...]] = {}
    for ref, number in last.items():
        name = order[max(number, place[ref.node])].name
        done[name] = (*done.get(name, ()), ref)
    return done

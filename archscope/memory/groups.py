"""Groups of layers that run again in the backward pass, by the names that a person calls them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from archscope.errors import UsageError, did_you_mean
from archscope.network import Network, Node


def groups_of(network: Network, names: Sequence[str]) -> tuple[tuple[Node, ...], ...]:
    """The nodes of each group that goes by a name: its path, ``conv2.0``, or the block it is a copy of.

    Of a module each call of a submodule by that name is a group; of a list of modules, which is never called itself,
    each call of those in it.

    Raises:
        UsageError: there is no such group; what ran in it became one layer with what ran outside.
    """
    calls = () if network.observed is None else network.observed.calls
    paths = {node.group[:depth] for node in network.nodes for depth in range(1, len(node.group) + 1)}
    known = {".".join(path) for path in paths} | {group.block for group in network.groups.values() if group.block}
    known |= {call.path for call in calls}
    for name in names:
        if name not in known:
            raise UsageError(
                f"{network.name} has no group `{name}`; {did_you_mean(name, sorted(known), what='groups')}"
                if known
                else f"{network.name} has no groups of layers, so there is no `{name}` to run again"
            )
    by_name = {name: () if network.observed is None else network.observed.called_by(name) for name in names}
    found = [*_called(network, {path for paths in by_name.values() for path in paths})]
    covered = {node.name for nodes in found for node in nodes}
    others = {name for name, paths in by_name.items() if not paths}
    held: dict[tuple[str, ...], list[Node]] = {}
    for node in network.nodes:
        path = None if node.name in covered else _named(network, node, others)
        if path is not None:
            held.setdefault(path, []).append(node)
    return tuple(run for nodes in (*found, *held.values()) for run in _in_series(network, nodes))


def _called(network: Network, names: Collection[str]) -> Iterator[Sequence[Node]]:
    """The nodes of each call of a submodule that goes by one of the names, but of those inside of another."""
    covered: set[str] = set()
    for call in () if network.observed is None else network.observed.calls:
        if call.path not in names or covered.issuperset(call.nodes):
            continue
        if not call.whole:
            raise UsageError(f"{network.name}: a part of `{call.path}` became one layer with what runs outside of it, "
                             "so what it keeps alone is not known; name a submodule around it")  # fmt: skip
        covered.update(call.nodes)
        yield [network.by_name[name] for name in call.nodes]


def _named(network: Network, node: Node, names: set[str]) -> tuple[str, ...] | None:
    """The outermost group of a node that goes by one of the names."""
    for depth in range(1, len(node.group) + 1):
        path = node.group[:depth]
        group = network.groups.get(path)
        if ".".join(path) in names or (group is not None and group.block in names):
            return path
    return None


def _in_series(network: Network, nodes: Sequence[Node]) -> list[tuple[Node, ...]]:
    """Nodes that run one after the other, together."""
    place = {node.name: number for number, node in enumerate(network.nodes)}
    runs: list[list[Node]] = []
    for node in sorted(nodes, key=lambda each: place[each.name]):
        if runs and place[node.name] == place[runs[-1][-1].name] + 1:
            runs[-1].append(node)
        else:
            runs.append([node])
    return [tuple(run) for run in runs]

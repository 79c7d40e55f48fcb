"""Which blocks of a network a picture shows open, by what it draws alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping

import archscope
from archscope.network import Network, Node

Path = tuple[str, ...]


def blocks_of(network: Network) -> Mapping[Path, list[Node]]:
    """Every block with at least two layers of weights, which norms are not.

    A block that only holds another is that, and of one that holds equal ones alone a picture may draw all as one.
    """
    found: dict[Path, list[Node]] = defaultdict(list)
    for node in network.nodes:
        for end in range(1, len(node.group) + 1):
            found[node.group[:end]].append(node)
    return {path: nodes for path, nodes in found.items()
            if sum(_weighs(network, node) for node in nodes) > 1 and not _holds_alike(path, found)}  # fmt: skip


def _holds_alike(path: Path, found: Mapping[Path, list[Node]]) -> bool:
    """Whether all that a block holds is other blocks of one make."""
    inner = [nodes for other, nodes in found.items() if other[:-1] == path]
    whole = sum(map(len, inner)) == len(found[path])
    return whole and len({made_of([each for each in nodes if each.layer.symbol != "+"]) for nodes in inner}) == 1


def _weighs(network: Network, node: Node) -> bool:
    return bool(network.facts[node.name].weights) and node.layer.family != "normalization"


def made_of(nodes: list[Node]) -> Hashable:
    """Equal for blocks that hold the same layers, whatever their sizes."""
    return tuple((node.layer.type, node.layer.kernel) for node in nodes)


def mixed(picture: archscope.Drawing) -> Iterator[tuple[list[str], list[str]]]:
    """Blocks of which some are open and some closed, though they hold the same or have names alike."""
    network = picture.analysis.network
    drawn = [set(group.layers) for group in picture.scene.groups("layer")]
    ranks: dict[Hashable, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for path, nodes in blocks_of(network).items():
        names = {node.name for node in nodes}
        opened = not any(names <= each for each in drawn)
        name = ".".join(path)
        ranks[made_of(nodes)][opened].append(name)
        ranks[(path[:-1], re.sub(r"\d+[a-z]?", "#", path[-1]))][opened].append(name)
    yield from ((each[True], each[False]) for each in ranks.values() if each[True] and each[False])

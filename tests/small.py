"""Networks for tests, in one call."""

from __future__ import annotations

from archscope import load
from archscope.analysis import Analysis, analyze
from archscope.layers.base import Layer
from archscope.network import Node, Ref


def of(name: str, **options: object) -> Analysis:
    return analyze(load(name, **options))  # type: ignore[arg-type]


def chain(*layers: Layer) -> list[Node]:
    """Layers one after the other, the first on the network's only input, whatever its name."""
    first = "tokens" if layers[0].type == "embedding" else "input"
    nodes: list[Node] = []
    for position, layer in enumerate(layers):
        name = f"{layer.type}{position}"
        nodes.append(Node(name, layer, (Ref(nodes[-1].name if nodes else first),), name))
    return nodes

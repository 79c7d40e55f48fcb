"""Which lines run within which frame: an edge that crosses borders has a part in each frame it passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archscope.diagrams.graph.ranks import BORDER, Net
from archscope.diagrams.graph.view import Edge, Frame, Node

FrameKey = tuple[int, ...]
"""Where a frame is: the places of the frames around it and its own; the root is ``()``."""


def child_key(frame: FrameKey, place: int, child: Node | Frame) -> str:
    """How a level calls one of its children."""
    return child.id if isinstance(child, Node) else "\0frame:" + ".".join(map(str, (*frame, place)))


def nets_of(root: Frame, edges: Sequence[Edge]) -> Mapping[FrameKey, tuple[Net, ...]]:
    """The nets of every frame, in the order of the edges."""
    way: dict[str, tuple[tuple[FrameKey, str], ...]] = {}
    _ways(root, (), (), way)
    found: dict[FrameKey, dict[tuple[str, str], dict[str, None]]] = {}
    for edge in edges:
        here, there = way[edge.source], way[edge.target]
        common = 0
        while here[common] == there[common]:
            common += 1
        frame, source = here[common]
        found.setdefault(frame, {}).setdefault((edge.source, source), {})[there[common][1]] = None
        for frame, source in here[common + 1 :]:
            found.setdefault(frame, {}).setdefault((edge.source, source), {})[BORDER] = None
        for frame, target in there[common + 1 :]:
            found.setdefault(frame, {}).setdefault((edge.source, BORDER), {})[target] = None
    return {
        frame: tuple(Net(key, source, tuple(targets)) for (key, source), targets in nets.items())
        for frame, nets in found.items()
    }


def _ways(
    frame: Frame, key: FrameKey, above: tuple[tuple[FrameKey, str], ...],
    way: dict[str, tuple[tuple[FrameKey, str], ...]],
) -> None:  # fmt: skip
    """For every node, the frames from the root to it, each with the child that leads there."""
    for place, child in enumerate(frame.children):
        here = (*above, (key, child_key(key, place, child)))
        if isinstance(child, Node):
            way[child.id] = here
        else:
            _ways(child, (*key, place), here, way)

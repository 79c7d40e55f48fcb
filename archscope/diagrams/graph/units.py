"""What a graph draws as one node: a layer, and the activation, norm, dropout or flatten absorbed into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.layers.base import Layer
from archscope.network import Network, Node, Ref


@dataclass(frozen=True, slots=True)
class Part:
    """One step of the way to a unit: a block, or a tower; ``title`` is what the spec calls it for readers."""

    name: str
    tower: bool = False
    title: str = ""


@dataclass(frozen=True)
class Unit:
    """A layer with what was absorbed into it.

    Attributes:
        rows: its nodes of the analysis, the layer that gives it its name first.
        inputs: what it reads, by the name of a unit or of a network input.
        path: the blocks and the tower it stands in, outermost first.
        label: what it is called there.
        copies: how many equal ones in series it stands for.
    """

    rows: tuple[Row, ...]
    inputs: tuple[Ref, ...]
    path: tuple[Part, ...]
    label: str
    copies: int = 1

    @property
    def name(self) -> str:
        """The name of its first node, unique in the network."""
        return self.rows[0].name

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of its nodes."""
        return tuple(row.name for row in self.rows)

    @property
    def outputs(self) -> tuple[tuple[int, ...], ...]:
        """The shapes that go out."""
        return self.rows[-1].outputs

    @property
    def parameters(self) -> int:
        """Trainable values it owns."""
        return sum(int(row.parameters) for row in self.rows)


GLUE: Final = frozenset(
    {"Permutation", "Transposition", "Squeeze", "Unsqueeze", "Expansion", "Slice", "Selection", "Split", "Reshape",
     "Flatten", "Crop"}
)  # fmt: skip
"""What layers do that only see their input differently."""


def is_glue(layer: Layer) -> bool:
    """Whether a layer only sees its input differently: turns, cuts or names axes anew."""
    return layer.verb in GLUE


def units_of(analysis: Analysis, *, absorbing: bool = True, glue: bool = False) -> tuple[Unit, ...]:
    """The units of a network, in its order.

    A layer that its type calls ``absorbed`` joins its producer where nothing else reads that producer and
    both stand in the same block and on the same tower; without ``absorbing``, every layer is a unit, and with
    ``glue`` every one that only sees its input differently.
    """
    network = analysis.network
    home: dict[str, str] = {}
    members: dict[str, list[Row]] = {}
    for row in analysis.nodes:
        alone = not absorbing or (glue and is_glue(row.node.layer))
        producer = None if alone else _absorbing(network, row.node)
        owner = row.name if producer is None else home[producer]
        home[row.name] = owner
        members.setdefault(owner, []).append(row)
    return tuple(_unit(tuple(rows), home, network) for rows in members.values())


def _absorbing(network: Network, node: Node) -> str | None:
    """The node that this one is drawn as a part of, if there is one."""
    if not node.layer.absorbed or len(node.inputs) != 1:
        return None
    producer = network.by_name.get(node.inputs[0].node)
    if producer is None or path_of(producer) != path_of(node):
        return None
    if len(network.consumers[producer.name]) != 1 or any(ref.node == producer.name for ref in network.outputs):
        return None
    return producer.name


def _unit(rows: tuple[Row, ...], home: Mapping[str, str], network: Network) -> Unit:
    first = rows[0].node
    inputs = tuple(Ref(home.get(ref.node, ref.node), ref.output) for ref in first.inputs)
    paths = [first.group[:depth] for depth in range(1, len(first.group) + 1)]
    blocks = (Part(path[-1], title=_title(path, network)) for path in paths)
    label = label_of(first, network) or _label(first)
    return Unit(rows, inputs, (*blocks, *path_of(first)[len(first.group) :]), label)


def _title(path: tuple[str, ...], network: Network) -> str:
    """What a block is called: as somebody asked for this picture, or as the spec has it."""
    asked: str | None = network.figure.get("labels", {}).get(".".join(path))
    return asked or (network.groups[path].title if path in network.groups else "")


def label_of(node: Node, network: Network) -> str:
    """What somebody asked a layer to be called in pictures; empty if nobody did."""
    labels = network.figure.get("labels", {})
    return str(labels.get(node.name) or labels.get(node.row) or "")


def path_of(node: Node) -> tuple[Part, ...]:
    """The blocks a node stands in, outermost first, then its tower."""
    tower = () if node.tower is None else (Part(node.tower, tower=True),)
    return (*(Part(name) for name in node.group), *tower)


def _label(node: Node) -> str:
    """Its name without those of the blocks around it; the tower's name stands on the tower."""
    name = node.row if node.tower is not None else node.name
    for step in node.group:
        name = name.removeprefix(f"{step}.")
    return name

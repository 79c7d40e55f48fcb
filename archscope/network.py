"""`Network`: layers in place, joined by name, in an order in which they can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from archscope.diagnostics import Span
from archscope.errors import ArchscopeError, Rejects
from archscope.layers.base import Facts, Layer, Shape


@dataclass(frozen=True, slots=True)
class Ref:
    """One output of a node: of a node by name, usually its first."""

    node: str
    output: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One layer in its place.

    Attributes:
        name: unique in the network; ``C1``, or ``conv1.gpu0`` for the copy of ``conv1`` on a tower, or
            ``C1.scaled_tanh`` for the activation that was named on ``C1``.
        layer: what it is.
        inputs: where its inputs come from, in order.
        row: the layer of the spec it stands for; an activation named on a layer has that layer's.
        group: the block it belongs to, outermost first.
        tower: the tower (AlexNet's GPUs) it runs on.
        shares: the node whose weights it uses instead of its own.
        init: how its weights start, by weight name; see `archscope.reader`.
        span: where it is written, for messages.
    """

    name: str
    layer: Layer
    inputs: tuple[Ref, ...]
    row: str
    group: tuple[str, ...] = ()
    tower: str | None = None
    shares: str | None = None
    init: tuple[tuple[str, tuple[str, tuple[float, ...]]], ...] = ()
    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def folded(self) -> bool:
        """Whether it is an activation that was named on another layer."""
        return self.name.rpartition(".")[2] == self.layer.type and self.name != self.row


@dataclass(frozen=True, slots=True)
class Published:
    """A figure somebody printed.

    Attributes:
        quantity: what it is a figure of, such as ``parameters``; None for a claim in words.
        value: what was printed: a number, or a shape.
        source: the short name of the source, a key of `Network.sources`.
        layer: the layer it is about; None for the whole network.
        claim: the words of a claim that is no figure of ours.
        where: the place in the source, such as ``Table 2``.
        why: why it does not hold.
        note: a remark on one that does hold.
        changes: options it is stated for, such as ``{"C1.padding": 2}``.
        input: the input shape it is stated for, where that is another one.
    """

    quantity: str | None
    value: Any
    source: str
    layer: str | None = None
    claim: str | None = None
    where: str | None = None
    why: str | None = None
    note: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    input: Shape | None = None
    span: Span | None = field(default=None, compare=False, repr=False)


class ShapeError(ArchscopeError):
    """A network built in Python does not fit together."""


@dataclass(frozen=True)
class Network:
    """An architecture: what `archscope.load` returns and `archscope.analyze` takes.

    ``nodes`` is in an order in which every node comes after its inputs. ``inputs`` maps the name of each
    network input to its shape; there is usually one, ``input``.

    >>> from archscope.layers import Conv2d, Linear
    >>> net = Network("tiny", {"input": (1, 8, 8)}, [Node("conv", Conv2d(out_channels=2, kernel_size=3),
    ...               (Ref("input"),), "conv")])
    >>> net.facts["conv"].parameters
    20
    """

    name: str
    inputs: Mapping[str, Shape]
    nodes: Sequence[Node]
    outputs: tuple[Ref, ...] = ()
    title: str = ""
    summary: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    training: Mapping[str, Any] | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))
        if not self.outputs and self.nodes:
            object.__setattr__(self, "outputs", (Ref(self.nodes[-1].name),))

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def facts(self) -> Mapping[str, Facts]:
        """The facts of every node.

        Raises:
            ShapeError: a layer does not take what it is given.
        """
        facts: dict[str, Facts] = {}
        for node in self.nodes:
            try:
                facts[node.name] = node.layer.facts(*(self.shape_of(ref, facts) for ref in node.inputs))
            except Rejects as error:
                raise ShapeError(f"`{node.name}` ({node.layer.type}): {error}") from None
        return facts

    def shape_of(self, ref: Ref, facts: Mapping[str, Facts] | None = None) -> Shape:
        """The shape of a network input or of a node's output."""
        if ref.node in self.inputs:
            return self.inputs[ref.node]
        known = self.facts if facts is None else facts
        return known[ref.node].outputs[ref.output]

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Who reads each node or network input."""
        readers: dict[str, list[Node]] = {name: [] for name in (*self.inputs, *self.by_name)}
        for node in self.nodes:
            for name in dict.fromkeys(ref.node for ref in node.inputs):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @cached_property
    def towers(self) -> tuple[str, ...]:
        """The towers, in the order of their first layer."""
        return tuple(dict.fromkeys(node.tower for node in self.nodes if node.tower is not None))

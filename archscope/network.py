"""`Network`: layers in place, joined by name, in an order in which they can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from archscope.diagnostics import Diagnostic, Span
from archscope.errors import ArchscopeError, Rejects
from archscope.escaping import line
from archscope.layers.base import Facts, Layer, Shape, spell_shape
from archscope.observed import Observed
from archscope.printed import Printed
from archscope.record import EMPTY, Record
from archscope.symbols import Ground


class Ref(Record):
    """One output of a node: of a node by name, usually its first."""

    node: str
    output: int = 0


class Node(Record, uncompared=("span",)):
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
        folded: whether it is an activation that was named on another layer.
        caption: what a figure calls the step to it, where the word of its type is not the usual one.
    """

    name: str
    layer: Layer
    inputs: tuple[Ref, ...]
    row: str
    group: tuple[str, ...] = ()
    tower: str | None = None
    shares: str | None = None
    init: tuple[tuple[str, tuple[str, tuple[float, ...]]], ...] = ()
    span: Span | None = None
    caption: str = ""
    folded: bool = False


class Group(Record):
    """What a group of nodes is.

    Attributes:
        block: the block of the spec it is a copy of; empty for a run of copies.
        title: what tables and pictures call it.
        copies: how many copies in series it holds; 0 for one block.
        name: what the names of its layers begin with; empty for a group that no block has made.
    """

    block: str = ""
    title: str = ""
    copies: int = 0
    name: str = ""


COUNTS: Final = (
    "parameters",
    "fixed",
    "connections",
    "connections_in_bounds",
    "macs",
    "macs_in_bounds",
    "flops",
    "units",
    "dense_equivalent",
)
"""The quantities that are counts: they add up over layers and carry their working."""

QUANTITIES: Final = (
    *COUNTS,
    "output",
    "input",
    "weight",
    "receptive_field",
    "jump",
)
"""What a published figure can be a figure of; the counts, and shapes."""


class Published(Record, uncompared=("span",)):
    """A figure somebody printed.

    Attributes:
        quantity: what it is a figure of, such as ``parameters``; None for a claim in words.
        value: what was printed: a number, or a shape.
        printed: the number in its own notation, where it was not written as a plain whole number: ``138M``.
        source: the short name of the source, a key of `Network.sources`.
        layer: the layer it is about; None for the whole network.
        claim: the words of a claim that is no figure of ours.
        where: the place in the source, such as ``Table 2``.
        why: why it does not hold.
        note: a remark on one that does hold.
        seen: whether it was seen in its source, and not at second hand.
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
    seen: bool = True
    changes: Mapping[str, Any] = EMPTY
    input: Shape | None = None
    printed: Printed | None = None
    span: Span | None = None

    @property
    def cited(self) -> str:
        """The source, where in it, and whether it was looked up there.

        >>> Published("units", 650_000, "krizhevsky2012", where="abstract", seen=False).cited
        'krizhevsky2012, abstract, not seen there'
        """
        return ", ".join(each for each in (self.source, self.where, "" if self.seen else "not seen there") if each)


class ShapeError(ArchscopeError):
    """A network built in Python does not fit together."""


class Network(Record, uncompared=("facts", "doubts", "groups", "lets", "of_blocks", "reread", "again", "ground")):
    """An architecture: what `archscope.load` returns and `archscope.analyze` takes.

    ``nodes`` is in an order in which every node comes after its inputs. ``inputs`` maps the name of each
    network input to its shape; there is usually one, ``input``. ``facts`` holds the facts of every node;
    it is worked out where it is not given. ``doubts`` are the warnings about its spec: what is allowed, and yet seldom
    meant. ``groups`` says what the groups of nodes are, by their path.
    ``vocabularies`` says of the inputs that are token numbers how many tokens there are.
    ``lets`` are the numbers that a spec gives names, ``of_blocks`` those that its layers give to blocks, ``conv1.c``,
    and ``reread`` reads it again with changes, ``{"let.d": 512}``.
    ``again`` reads a module anew, with other shapes of some inputs: what it does may go by them.
    ``ground`` is what its formulas stand on where some of its numbers are left open.
    ``observed`` is there where a module was read. ``keep`` has the budgets that its spec says it keeps, as written.
    ``figure`` says how it is drawn where nothing else is asked for; see `archscope.diagrams.settings`.

    Raises:
        ShapeError: a layer reads a node that is not above it, or does not take what it is given.

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
    year: int | None = None
    task: str | None = None
    sources: Mapping[str, str] = EMPTY
    published: tuple[Published, ...] = ()
    training: Mapping[str, Any] | None = None
    path: str | None = None
    batch: int = 1
    facts: Mapping[str, Facts] = EMPTY
    doubts: tuple[Diagnostic, ...] = ()
    groups: Mapping[tuple[str, ...], Group] = MappingProxyType({})
    observed: Observed | None = None
    keep: tuple[str, ...] = ()
    vocabularies: Mapping[str, int] = EMPTY
    figure: Mapping[str, Any] = EMPTY
    lets: Mapping[str, int] = EMPTY
    of_blocks: Mapping[str, int] = EMPTY
    reread: Callable[[Mapping[str, Any]], Network] | None = None
    again: Callable[[Mapping[str, Shape]], Network] | None = None
    ground: Ground | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "inputs", MappingProxyType(dict(self.inputs)))
        if not self.outputs and self.nodes:
            object.__setattr__(self, "outputs", (Ref(self.nodes[-1].name),))
        facts = self.facts or propagate(self.nodes, self.inputs, _refuse)
        missing = next((node for node in self.nodes if node.name not in facts), None)
        if missing is not None:
            sources = ", ".join(ref.node for ref in missing.inputs)
            raise ShapeError(f"`{missing.name}` reads {sources}, not all of which are above it")
        facts = {**facts, **weighed(self.nodes, facts, self.outputs)}
        object.__setattr__(self, "facts", MappingProxyType(facts))

    def __repr__(self) -> str:
        given = ", ".join(f"{line(name)} {spell_shape(shape)}" for name, shape in self.inputs.items())
        return f"<archscope network {line(self.name)}: {len(self.nodes)} nodes, given {given}>"

    def _repr_html_(self) -> str:
        """Its table, which is what a notebook shows of it."""
        from archscope.analysis import analyze

        return analyze(self)._repr_html_()

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    def shape_of(self, ref: Ref) -> Shape:
        """The shape of a network input or of a node's output."""
        return _shape_of(ref, self.inputs, self.facts)

    @cached_property
    def tokens(self) -> Mapping[str, int]:
        """The inputs that are token numbers, in whatever shape they are read, and how many tokens there are.

        Of an input of which nobody said so, there are as many as an embedding has rows.
        """
        found = dict(self.vocabularies)
        for node in self.nodes:
            for ref in node.inputs[: node.layer.tokens]:
                name = ref.node
                while name not in self.inputs and self.by_name[name].layer.shares_memory:
                    name = self.by_name[name].inputs[0].node
                if name in self.inputs and name not in self.vocabularies:
                    rows = int(self.facts[node.name].weights[0].shape[0])
                    found[name] = min(rows, found.get(name, rows))
        return found

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


def free_name(wanted: str, taken: set[str], joint: str = "_") -> str:
    """A name that nothing else has, which is taken from then on.

    >>> taken = {"conv", "relu"}
    >>> free_name("conv", taken), free_name("conv", taken), free_name("pool", taken)
    ('conv_2', 'conv_3', 'pool')
    """
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}{joint}{number}"
    taken.add(name)
    return name


Applied = tuple[Layer, tuple[Shape, ...]]
"""A layer with the shapes that it takes: all that its facts follow from."""


def propagate(
    nodes: Sequence[Node],
    inputs: Mapping[str, Shape],
    refused: Callable[[Node, Rejects, tuple[Shape, ...]], None],
    known: dict[Applied, Facts] | None = None,
) -> dict[str, Facts]:
    """Work out the facts of every node, in order.

    ``refused`` is told of a node that does not take its inputs, and their shapes. That node and all that read
    it, directly or not, are left out of the result, so that one mistake causes no second one. ``known`` are facts
    that were worked out before, and grows by the others.
    """
    facts: dict[str, Facts] = {}
    known = {} if known is None else known
    for node in nodes:
        if any(ref.node not in inputs and ref.node not in facts for ref in node.inputs):
            continue
        shapes = tuple([_shape_of(ref, inputs, facts) for ref in node.inputs])
        place = (node.layer, shapes)
        try:
            if place not in known:
                known[place] = node.layer.facts(*shapes)
            facts[node.name] = known[place]
        except Rejects as error:
            refused(node, error, shapes)
    return facts


def weighed(nodes: Sequence[Node], facts: Mapping[str, Facts], outputs: Sequence[Ref]) -> dict[str, Facts]:
    """The facts of nodes that are given weights which others hold or make, and of those that make nothing else.

    What no input of the network reaches, and is made of weights, is one where a product takes it: ``(a @ b) @ x``.
    """
    learned: dict[str, bool] = {}  # what no input reaches, and whether weights are in it
    found: dict[str, Facts] = {}
    for node in nodes if any(not node.inputs for node in nodes) else ():
        stands = [ref.node in learned for ref in node.inputs]
        weights = tuple(place for place, ref in enumerate(node.inputs) if learned.get(ref.node))
        if all(stands):
            learned[node.name] = bool(weights or facts[node.name].weights)
        if weights:
            own = facts[node.name]
            found[node.name] = own if own.weighing else node.layer.weighed(own, weights)
    values = {ref.node for ref in outputs}  # what is one of the network's own values too
    for node in reversed(nodes if learned else ()):
        own = found.get(node.name, facts[node.name])
        if learned.get(node.name) and node.name not in values:
            found[node.name] = own = node.layer.of_weights(own)
        if not own.makes_weights:
            values.update(ref.node for place, ref in enumerate(node.inputs) if place not in own.weighing)
    return {name: each for name, each in found.items() if each != facts[name]}


def _shape_of(ref: Ref, inputs: Mapping[str, Shape], facts: Mapping[str, Facts]) -> Shape:
    return inputs[ref.node] if ref.node in inputs else facts[ref.node].outputs[ref.output]


def _refuse(node: Node, error: Rejects, _: tuple[Shape, ...]) -> None:
    raise ShapeError(f"`{node.name}` ({node.layer.type}): {error}")

"""What one graph shows of a network: nodes, frames around them and edges, at a depth; not yet where they stand.

The DOT, Mermaid and drawn graphs are all made from a `View`.

>>> import archscope
>>> analysis = archscope.analyze(archscope.load("lenet5"))
>>> view = view_of(analysis)
>>> [node.name for node in view.nodes]
['input', 'C1', 'S2', 'C3', 'S4', 'C5', 'F6', 'OUTPUT', 'output']
>>> view.parameters == analysis.totals.parameters
True
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.calls import calls_beside
from archscope.diagrams.graph.cuts import within
from archscope.diagrams.graph.fold import Fold, Readers, folded
from archscope.diagrams.graph.labels import DEFAULT, lines_of
from archscope.diagrams.graph.sums import summed
from archscope.diagrams.graph.tree import Block, Child, consumers, depth_of, is_open, require_blocks, tree_of, units
from archscope.diagrams.graph.units import Unit, units_of
from archscope.diagrams.interest import Kin, by_name, closed, to_depth, unequal
from archscope.diagrams.request import Request
from archscope.diagrams.words import named_output
from archscope.errors import UsageError
from archscope.layers.base import spell_count, spell_shapes
from archscope.network import Network, Ref

MOST_NODES: Final = 40
"""``--depth auto`` goes as deep as this many layers and blocks allow."""

Price = Callable[[Iterable[str], int], Sequence[str]]

Kind = Literal["layer", "block", "input", "output"]


@dataclass(frozen=True)
class Node:
    """A box or a circle of the graph.

    Attributes:
        id: unique in the graph: the name of its first layer, or of the input.
        kind: a layer, a block drawn as one box, or an end of the network.
        name: what it is called where it stands.
        lines: what is written in it.
        layers: the nodes of the network it stands for, its own first, then those of its copies.
        rows: the analysis of what it stands for, without its copies.
        counts: for each row, how often it is inside one copy.
        copies: how many equal ones in series it stands for.
        weight: how often it counts in a sum: its copies times those of the blocks around it.
    """

    id: str
    kind: Kind
    name: str
    lines: tuple[str, ...]
    layers: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    counts: tuple[int, ...] = ()
    copies: int = 1
    weight: int = 1

    @property
    def symbol(self) -> str:
        """The sign in the circle, where it is drawn as one."""
        return self.rows[0].node.layer.symbol if self.kind == "layer" else ""

    @property
    def family(self) -> str:
        """The family of its layer; empty for what is not a layer."""
        return self.rows[0].node.layer.family if self.kind == "layer" else ""

    @property
    def parameters(self) -> int:
        """Trainable values of one copy."""
        return sum(int(row.parameters) * count for row, count in zip(self.rows, self.counts, strict=True))


@dataclass(frozen=True)
class Frame:
    """A block or a tower with its nodes; the root is the page.

    Attributes:
        name: what stands on it.
        children: what is in it.
        tower: whether it is (a stretch of) a tower.
        copies: how many equal ones in series it stands for.
        closed: the same as one box; None where nobody can close it.
        asked: whether somebody asked by name for it to be open or closed; None if nobody did.
    """

    name: str
    children: tuple[Node | Frame, ...]
    tower: bool = False
    copies: int = 1
    closed: Node | None = None
    asked: bool | None = None

    @property
    def id(self) -> str:
        """Unique among the frames of a graph, with `name`."""
        return self.children[0].id


@dataclass(frozen=True, slots=True)
class Edge:
    """What goes from one node to another, by their ids."""

    source: str
    target: str


@dataclass(frozen=True)
class View:
    """A graph of a network; ``depth`` is how many blocks within one another it opens, less one."""

    analysis: Analysis
    root: Frame
    edges: tuple[Edge, ...]
    depth: int

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node, in the order of the network."""
        return tuple(_nodes(self.root))

    @property
    def parameters(self) -> int:
        """The parameters of all nodes, each as often as it stands for; the network's total at any depth."""
        return sum(node.parameters * node.weight for node in self.nodes)


def _nodes(child: Node | Frame) -> Iterator[Node]:
    if isinstance(child, Node):
        yield child
    else:
        for each in child.children:
            yield from _nodes(each)


def view_of(
    analysis: Analysis,
    *,
    depth: int | Literal["auto", "full"] = "auto",
    show: Collection[str] | None = None,
    expand: Sequence[str] = (),
    collapse: Sequence[str] = (),
    glue: bool = False,
    price: Price = lambda *_: (),
    closable: bool = False,
) -> View:
    """What the graph of a network shows.

    Args:
        analysis: the network.
        depth: how many blocks within one another to draw; those at this depth are single boxes. ``"full"``
            opens all, ``"auto"`` goes as deep as at most 40 nodes allow.
        show: what is written in a node, of `archscope.diagrams.SHOWN`; None for all but the MACs.
        expand: names of blocks to open whatever the depth.
        collapse: names of blocks to close whatever the depth.
        glue: whether what only sees its input differently is drawn as other layers are.
        price: what some layers, and so many copies of them, cost in words.
        closable: whether all blocks are open and each has its box for when a reader closes it.

    Raises:
        UsageError: a depth below 1.
        NotFound: no block has such a name.
    """
    found = _units(analysis, glue=glue)
    home = {layer: unit.name for unit in found for layer in unit.layers}
    outputs = [home.get(ref.node, ref.node) for ref in analysis.network.outputs]
    readers = consumers(found, outputs)
    tree, folds = folded(tree_of(found), readers, loosely=True)
    require_blocks(tree, (*expand, *collapse))
    opened = depth_of(tree) if closable else _depth(tree, depth)
    shown = DEFAULT if show is None else show
    made = _View(
        analysis.network, found, readers, folds, shown, (expand, collapse), price, glue=glue, closable=closable
    )
    return made.view(analysis, tree, outputs, opened)


def _units(analysis: Analysis, *, glue: bool) -> tuple[Unit, ...]:
    found = summed(calls_beside(units_of(analysis, glue=glue)), analysis.network)
    return found if glue else within(found, [ref.node for ref in analysis.network.outputs])


def closed_in(analysis: Analysis, depth: int, request: Request) -> tuple[Kin, ...]:
    """The blocks that a view at a depth shows closed, by rank, those of most interest first."""
    opens = to_depth(depth, request.expand, request.collapse)
    unfolded, tree = _trees(analysis, request)
    return closed(tree, opens, analysis, unfolded)


def unequal_in(analysis: Analysis, depth: int, request: Request) -> tuple[str, ...]:
    """The blocks that are alike, where a view at a depth shows some of them open and some closed or not at all."""
    return unequal(_trees(analysis, request)[1], to_depth(depth, request.expand, request.collapse), by_name)


def _trees(analysis: Analysis, request: Request) -> tuple[Block, Block]:
    """The blocks of a network, and the same with equal ones in series as one."""
    found = _units(analysis, glue=request.glue)
    home = {layer: unit.name for unit in found for layer in unit.layers}
    outputs = [home.get(ref.node, ref.node) for ref in analysis.network.outputs]
    tree = tree_of(found)
    return tree, folded(tree, consumers(found, outputs), loosely=True)[0]


def _depth(tree: Block, depth: int | Literal["auto", "full"]) -> int:
    """How many blocks within one another to open, the root counted."""
    deepest = depth_of(tree)
    if depth == "auto":
        return next((each for each in range(deepest, 1, -1) if _count(tree, each) <= MOST_NODES), 1)
    if depth == "full":
        return deepest
    if depth < 1:
        raise UsageError(f"a depth of {depth} shows nothing; use 1 or more, or `full`")
    return min(depth, deepest)


def _count(child: Child, depth: int) -> int:
    if isinstance(child, Unit) or child.rank >= depth:
        return 1
    return sum(_count(each, depth) for each in child.children)


class _View:
    """The steps from a tree to a view, which all need the network's units and folds."""

    def __init__(
        self, network: Network, found: Sequence[Unit], readers: Readers, folds: Sequence[Fold], show: Collection[str],
        asked: tuple[Sequence[str], Sequence[str]], price: Price, *, glue: bool,
        closable: bool,
    ) -> None:  # fmt: skip
        self.glue = glue
        self.price = price
        self.closable = closable
        self.network = network
        self.units = found
        self.readers = readers
        self.folds = folds
        self.show = show
        self.asked = asked
        self.twins: dict[str, list[Unit]] = {}
        for unit in found:
            self.twins.setdefault(self._drawn_as(unit.name), []).append(unit)
        self.node_of: dict[str, str] = {}

    def view(self, analysis: Analysis, tree: Block, outputs: Sequence[str], depth: int) -> View:
        inner = tuple(self._child(each, depth, 1) for each in tree.children)
        sources = tuple(self._input(name) for name in self.network.inputs)
        ends: list[Node] = []
        for ref in self.network.outputs:
            ends.append(self._output(ref, len(outputs), {end.id for end in ends}))
        edges = [*self._edges(), *(Edge(self._shown(name), end.id) for name, end in zip(outputs, ends, strict=True))]
        return View(analysis, Frame("", (*sources, *inner, *ends)), tuple(dict.fromkeys(edges)), depth)

    def _child(self, child: Child, depth: int, weight: int, around: tuple[Block, ...] = ()) -> Node | Frame:
        weight *= child.copies
        asked = is_open(child, around, *self.asked) if isinstance(child, Block) else None
        if isinstance(child, Block) and (self.closable or (child.rank < depth if asked is None else asked)):
            closed = self._node(child, weight) if self.closable else None
            children = tuple(self._child(each, depth, weight, (*around, child)) for each in child.children)
            return Frame(_titled(child.label, child.copies), children, child.tower, child.copies, closed, asked)
        return self._node(child, weight)

    def _node(self, child: Child, weight: int) -> Node:
        """A unit, or a block as one box."""
        inside = tuple(units(child))
        for unit in inside:
            self.node_of[unit.name] = child.name
        rows = tuple(row for unit in inside for row in unit.rows)
        counts = tuple(count for unit, count in _counted(child) for _ in unit.rows)
        twins = tuple(layer for unit in inside for twin in self.twins[unit.name] for layer in twin.layers)
        layers = tuple(dict.fromkeys((*(row.name for row in rows), *twins)))
        many = isinstance(child, Block)
        # A line of the spec is one layer: its activation and its copies on towers are no more.
        held = sum({row.node.row: count for row, count in zip(rows, counts, strict=True)}.values())
        lines = lines_of(
            child.label,
            rows,
            self.show,
            counts=counts,
            copies=child.copies,
            outputs=self._outputs(inside),
            twins=() if many else [twin.rows for twin in self.twins[child.name]],
            block=spell_count(held, "layer") if many else "",
            price=self.price(layers, child.copies),
            glue=self.glue,
        )
        kind: Kind = "block" if many else "layer"
        return Node(child.name, kind, child.label, lines, layers, rows, counts, child.copies, weight)

    def _outputs(self, inside: Sequence[Unit]) -> tuple[tuple[int, ...], ...]:
        """The shapes that leave some units, or copies of them, for others; but those in which copies differ."""
        names = {unit.name for unit in inside}
        return tuple(shape for unit in inside if any(
                         self._drawn_as(reader) not in names
                         for twin in self.twins[unit.name] for reader in self.readers[twin.name])
                     for shape in unit.outputs
                     if len({twin.outputs for twin in self.twins[unit.name]}) == 1)  # fmt: skip

    def _input(self, name: str) -> Node:
        self.node_of[name] = name
        shape = (spell_shapes([self.network.inputs[name]]),) if "shape" in self.show else ()
        return Node(name, "input", name, (name, *shape), (name,))

    def _output(self, ref: Ref, of: int, taken: Collection[str]) -> Node:
        """The end of the network, by the name of what it gives where there are several."""
        name = "output" if of == 1 else f"output {named_output(ref, self.network)}"
        own = _free(name, self.network, taken)
        return Node(own, "output", name, (name,), (own,))

    def _drawn_as(self, name: str) -> str:
        for fold in self.folds:
            name = fold.first.get(name, name)
        return name

    def _shown(self, name: str) -> str:
        return self.node_of[self._drawn_as(name)]

    def _edges(self) -> Iterator[Edge]:
        """Every edge of the network as it is drawn; from one copy of a block to the next there is none."""
        for unit in self.units:
            for ref in unit.inputs:
                source, target = ref.node, unit.name
                for fold in self.folds:
                    here, there = fold.copy.get(source), fold.copy.get(target)
                    if here is not None and there is not None and here != there:
                        break
                    source, target = fold.first.get(source, source), fold.first.get(target, target)
                else:
                    if self.node_of[source] != self.node_of[target]:
                        yield Edge(self.node_of[source], self.node_of[target])


def _counted(child: Child) -> Iterator[tuple[Unit, int]]:
    """Every unit in one copy, and how often it is inside."""
    if isinstance(child, Unit):
        yield child, 1
    else:
        for each in child.children:
            for unit, count in _counted(each):
                yield unit, count * each.copies


def _titled(label: str, copies: int) -> str:
    return label if copies == 1 else f"{label} ×{copies}"


def _free(name: str, network: Network, taken: Collection[str]) -> str:
    """A name that no node, no input and no other output has."""
    while name in network.by_name or name in network.inputs or name in taken:
        name += "_"
    return name

"""What a figure in the manner of the papers shows: columns from left to right, and the steps between them.

A network can be drawn so if it is a chain, or several towers side by side that are chains but for what they
exchange. `chain` finds out, from the graph alone, what is a shape of its own, what is drawn as part of another
and what stands as a remark on the step between two; no layer is asked for its type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.units import is_glue
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.themes import INPUT

Shape = tuple[int, ...]

PLANES: Final = frozenset({1, 3})
"""The numbers of axes that planes can show: vectors, and maps."""

BOXES: Final = frozenset({1, 2, 3})
"""Those that boxes can show: sequences with channels as well."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One shape of a figure.

    Attributes:
        name: unique in the figure.
        layers: the nodes of the network it stands for, the one it is named after first. Pieces that are
            parts of one layer have the same.
        shape: of its output.
        family: gives it its colour.
        tower: the tower it stands on, if it does.
        row: the analysis of its node; None for the network's input.
        parameters: trainable values of all its layers.
        macs: of all its layers; None where those of any are not covered.
        repeats: how many equal layers it stands for.
        parts: how many pieces its layers are drawn as.
    """

    name: str
    layers: tuple[str, ...]
    shape: Shape
    family: str
    tower: str | None = None
    row: Row | None = None
    parameters: int = 0
    macs: int | None = 0
    repeats: int = 1
    parts: int = 1

    @property
    def kind(self) -> str:
        """The kind of volume that it is: its family, or what gives it a colour of its own."""
        if self.row is not None and opens(self.row):
            return "upsampling"
        return "softmax" if self.row is not None and self.row.activation == "softmax" else self.family


@dataclass(frozen=True, slots=True)
class Remark:
    """A layer that has no shape of its own and is named on the step: ``max pool 3×3 /2``."""

    label: str
    layers: tuple[str, ...]
    parameters: int = 0
    macs: int | None = 0


@dataclass(frozen=True, slots=True)
class Link:
    """What joins two pieces. ``crosses`` if they stand on different towers."""

    source: str
    target: str
    crosses: bool = False


@dataclass(frozen=True)
class Column:
    """A layer of the spec: one piece, or one on each tower.

    ``repeats`` is how many equal layers it stands for. ``remarks`` belong to the step that leads to it.
    """

    heading: str
    pieces: tuple[Piece, ...]
    remarks: tuple[Remark, ...] = ()
    repeats: int = 1

    @property
    def piece(self) -> Piece:
        """The first piece; the others are like it."""
        return self.pieces[0]


@dataclass(frozen=True)
class Chain:
    """Columns in order, the input first, and the links between neighbours."""

    columns: tuple[Column, ...]
    links: tuple[Link, ...]

    @property
    def towers(self) -> tuple[str, ...]:
        """The towers, in order."""
        return tuple(
            dict.fromkeys(piece.tower for column in self.columns for piece in column.pieces if piece.tower is not None)
        )

    @property
    def ranks(self) -> frozenset[int]:
        """How many axes its outputs have."""
        return frozenset(len(column.piece.shape) for column in self.columns)

    def links_to(self, column: Column) -> tuple[Link, ...]:
        """The links that end at a column."""
        names = {piece.name for piece in column.pieces}
        return tuple(link for link in self.links if link.target in names)


class NotAChainError(NotShownError):
    """The network has branches that a figure does not show."""


def has_own_column(row: Row) -> bool:
    """Whether a layer of planes stands as a column: all but what is drawn with the layer before it."""
    return not row.node.layer.absorbed


def has_weights(row: Row) -> bool:
    """Whether a layer stands as a box: pooling and the like are remarks."""
    return bool(row.weights) and not row.node.layer.absorbed


def is_grid(shape: Shape) -> bool:
    """Whether an output is maps with more than one value each.

    >>> is_grid((6, 28, 28)), is_grid((120, 1, 1)), is_grid((84,))
    (True, False, False)
    """
    return len(shape) > 1 and any(extent > 1 for extent in shape[1:])


def opens(row: Row) -> bool:
    """Whether a layer makes maps larger: each point of its input opens to a window of its output."""
    given = _plain(row.input_shapes[0]) if row.input_shapes else ()
    made = _plain(row.output)
    slides = row.kernel is not None or not row.weights
    if is_glue(row.node.layer) or not slides or not is_grid(made):
        return False
    return 1 < len(given) == len(made) and made[-1] > given[-1] * 1.2


def counted(rows: Iterable[Row]) -> tuple[int, int | None]:
    """The trainable values of some nodes, and their MACs; None where those of any are not covered."""
    rows = tuple(rows)
    macs = [row.macs for row in rows]
    known = None if None in macs else sum(int(each) for each in macs if each is not None)
    return sum(int(row.parameters) for row in rows), known


def chain(analysis: Analysis, stands: Callable[[Row], bool]) -> Chain:
    """The columns of a network; ``stands`` says which of its layers have one.

    Raises:
        NotAChainError: it has branches, several inputs, or several layers that end it.
    """
    return _Builder(analysis, stands).build()


class _Builder:
    """Walks the nodes in order and finds for each where it is drawn."""

    def __init__(self, analysis: Analysis, stands: Callable[[Row], bool]) -> None:
        self.analysis = analysis
        self.by_name = {row.name: row for row in analysis.nodes}
        self.standing = {row.name for row in analysis.nodes if stands(row)} | _last_of(analysis)
        self.sources: dict[str, tuple[str, ...]] = {}
        self.holder: dict[str, tuple[str, str]] = {}
        self.held: dict[tuple[str, str], list[str]] = {}
        self.labels: dict[str, str] = {}
        self.place: dict[str, int] = {}
        self.rows: list[list[Row]] = [[]]
        self.links: list[Link] = []
        self.remarked: dict[int, list[str]] = {}

    def build(self) -> Chain:
        (name, shape), *others = self.analysis.network.inputs.items()
        if others:
            raise NotAChainError(f"{self.analysis.title} has {len(others) + 1} inputs, and a chain has one")
        self._hold(name, ("piece", name))
        self.sources[name] = (name,)
        self.place[name] = 0
        for row in self.analysis.nodes:
            if self._rejoins(row):
                raise self._branches(row)
            (self._stand if row.name in self.standing else self._carry)(row)
        parameters, macs = self._held_by("piece", name)
        given = Piece(name, tuple(self.held["piece", name]), shape, INPUT, parameters=parameters, macs=macs)
        columns = [Column(name, (given,))]
        for number, rows in enumerate(self.rows[1:], start=1):
            columns.append(self._column(number, rows))
        return Chain(tuple(columns), tuple(self.links))

    def _stand(self, row: Row) -> None:
        sources = self._sources_of(row)
        place = self._place_of(row, sources) + 1
        if place == len(self.rows):
            self.rows.append([])
        elif row.node.tower is None or self.rows[place][0].node.row != row.node.row:
            raise self._branches(row)
        self.rows[place].append(row)
        self.place[row.name] = place
        self.sources[row.name] = (row.name,)
        self._hold(row.name, ("piece", row.name))
        for source in sources:
            self.links.append(Link(source, row.name, crosses(self._tower(source), row.node.tower)))

    def _carry(self, row: Row) -> None:
        sources = self._sources_of(row)
        place = self._place_of(row, sources)
        self.sources[row.name] = sources
        joins = len(row.node.inputs) > 1
        if row.node.layer.absorbed or joins:
            self._hold(row.name, self.holder[row.node.inputs[0].node])
            return
        if row.node.row not in self.labels:
            self.labels[row.node.row] = row.node.layer.label
            self.remarked.setdefault(place + 1, []).append(row.node.row)
        self._hold(row.name, ("remark", row.node.row))

    def _place_of(self, row: Row, sources: Sequence[str]) -> int:
        """The one column that a layer reads."""
        places = {self.place[each] for each in sources}
        if len(places) != 1:
            raise self._branches(row)
        return places.pop()

    def _rejoins(self, row: Row) -> bool:
        """Whether two of the layers that it reads go back to one column: ways side by side, of which one is seen."""
        read = [self.sources[name] for name in dict.fromkeys(ref.node for ref in row.node.inputs)]
        return sum(map(len, read)) > len({source for each in read for source in each})

    def _branches(self, row: Row) -> NotAChainError:
        return NotAChainError(f"{self.analysis.title} branches at `{row.name}`, and is neither a chain nor towers")

    def _hold(self, name: str, holder: tuple[str, str]) -> None:
        self.holder[name] = holder
        self.held.setdefault(holder, []).append(name)

    def _sources_of(self, row: Row) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source for ref in row.node.inputs for source in self.sources[ref.node]))

    def _tower(self, name: str) -> str | None:
        node = self.analysis.network.by_name.get(name)
        return None if node is None else node.tower

    def _held_by(self, kind: str, name: str) -> tuple[int, int | None]:
        """What is drawn as one thing costs."""
        return counted(self.by_name[each] for each in self.held[kind, name] if each in self.by_name)

    def _shape(self, row: Row) -> Shape:
        """What a layer gives; where its vector is folded to maps at once, those maps."""
        outputs = [_plain(self.by_name[each].output) for each in self.held["piece", row.name]]
        maps = [shape for shape in outputs if is_grid(shape)]
        return maps[-1] if maps and not is_grid(outputs[0]) else _plain(row.output)

    def _column(self, number: int, rows: Sequence[Row]) -> Column:
        pieces = tuple(
            Piece(row.name, tuple(self.held["piece", row.name]), self._shape(row), row.node.layer.family,
                  row.node.tower, row, *self._held_by("piece", row.name))
            for row in rows
        )  # fmt: skip
        remarks = tuple(
            Remark(self.labels[each], tuple(self.held["remark", each]), *self._held_by("remark", each))
            for each in self.remarked.get(number, ())
        )
        node = rows[0].node
        return Column(self.analysis.network.figure.get("labels", {}).get(node.row, node.row), pieces, remarks)


def _last_of(analysis: Analysis) -> set[str]:
    """The last layer that is no part of another: it ends the figure whatever it is."""
    for row in reversed(analysis.nodes):
        if not row.node.layer.absorbed and len(row.node.inputs) == 1:
            return {row.name} | {each.name for each in analysis.nodes if each.node.row == row.node.row
                                 and each.node.layer.type == row.node.layer.type}  # fmt: skip
    return set()


def _plain(shape: Sequence[int]) -> Shape:
    return tuple(int(extent) for extent in shape)


def crosses(one: str | None, other: str | None) -> bool:
    """Whether what joins two towers goes from one to the other."""
    return one is not None and other is not None and one != other


def fold(whole: Chain) -> Chain:
    """Draw equal neighbours once: one column, with how many layers it stands for."""
    columns: list[Column] = []
    for column in whole.columns:
        if columns and _alike(columns[-1], column):
            before = columns[-1]
            pieces = tuple(
                replace(one, layers=(*one.layers, *other.layers), parameters=one.parameters + other.parameters,
                        macs=None if one.macs is None or other.macs is None else one.macs + other.macs,
                        repeats=one.repeats + 1)
                for one, other in zip(before.pieces, column.pieces, strict=True)
            )  # fmt: skip
            columns[-1] = replace(before, pieces=pieces, repeats=before.repeats + 1)
        else:
            columns.append(column)
    return replace(whole, columns=tuple(columns), links=_links_between(whole, columns))


def _alike(one: Column, other: Column) -> bool:
    return (
        not other.remarks
        and one.piece.row is not None
        and other.piece.row is not None
        and [piece.shape for piece in one.pieces] == [piece.shape for piece in other.pieces]
        and [piece.tower for piece in one.pieces] == [piece.tower for piece in other.pieces]
        and one.piece.row.node.layer == other.piece.row.node.layer
    )


def called(whole: Chain, labels: Mapping[str, str]) -> Chain:
    """Head columns by their names without the parts that tell none from another; ``labels`` stay as they are."""
    own = [column.heading not in labels.values() for column in whole.columns]
    short = iter(shortened([column.heading for column, plain in zip(whole.columns, own, strict=True) if plain]))
    columns = (replace(column, heading=next(short)) if plain else column
               for column, plain in zip(whole.columns, own, strict=True))  # fmt: skip
    return replace(whole, columns=tuple(columns))


def shortened(names: Sequence[str]) -> list[str]:
    """Names of layers in blocks, without the parts that are the same in all of one block.

    >>> shortened(["input", "conv1.conv.0", "conv3.conv.0", "conv3.conv.1", "fc.0.linear", "fc.1.linear"])
    ['input', 'conv1', 'conv3.0', 'conv3.1', 'fc.0', 'fc.1']
    """
    blocks: dict[tuple[str, int], list[list[str]]] = {}
    for steps in (name.split(".") for name in names):
        blocks.setdefault((steps[0], len(steps)), []).append(steps)
    short = {}
    for together in blocks.values():
        tells = [not place or len(set(steps)) > 1 for place, steps in enumerate(zip(*together, strict=True))]
        for steps in together:
            short[".".join(steps)] = ".".join(step for step, told in zip(steps, tells, strict=True) if told)
    found = [short[name] for name in names]
    return found if len(set(found)) == len(set(names)) else list(names)


def _links_between(whole: Chain, columns: Sequence[Column]) -> tuple[Link, ...]:
    drawn = {layer: piece.name for column in columns for piece in column.pieces for layer in piece.layers}
    moved = (
        replace(link, source=drawn.get(link.source, link.source), target=drawn.get(link.target, link.target))
        for link in whole.links
    )
    return tuple(dict.fromkeys(link for link in moved if link.source != link.target))

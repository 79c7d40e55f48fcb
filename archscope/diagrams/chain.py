"""What a figure in the manner of the papers shows: columns from left to right, and the steps between them.

A network can be drawn so if it is a chain, or several towers side by side that are chains but for what they
exchange. `chain` finds out, from the graph alone, what is a shape of its own, what is drawn as part of another
and what stands as a remark on the step between two; no layer is asked for its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archscope.analysis import Analysis, Row
from archscope.diagrams.graph.units import is_glue
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.themes import INPUT
from archscope.errors import UsageError

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
    """

    name: str
    layers: tuple[str, ...]
    shape: Shape
    family: str
    tower: str | None = None
    row: Row | None = None
    parameters: int = 0

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
        columns = [Column(name, (Piece(name, tuple(self.held["piece", name]), shape, INPUT),))]
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
            self.links.append(Link(source, row.name, _crosses(self._tower(source), row.node.tower)))

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

    def _held_by(self, kind: str, name: str) -> int:
        """The trainable values of what is drawn as one thing."""
        return sum(int(self.by_name[each].parameters) for each in self.held[kind, name])

    def _shape(self, row: Row) -> Shape:
        """What a layer gives; where its vector is folded to maps at once, those maps."""
        outputs = [_plain(self.by_name[each].output) for each in self.held["piece", row.name]]
        maps = [shape for shape in outputs if is_grid(shape)]
        return maps[-1] if maps and not is_grid(outputs[0]) else _plain(row.output)

    def _column(self, number: int, rows: Sequence[Row]) -> Column:
        pieces = tuple(
            Piece(row.name, tuple(self.held["piece", row.name]), self._shape(row), row.node.layer.family,
                  row.node.tower, row, self._held_by("piece", row.name))
            for row in rows
        )  # fmt: skip
        remarks = tuple(
            Remark(self.labels[each], tuple(self.held["remark", each]), self._held_by("remark", each))
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


def split_towers(whole: Chain, name: str) -> Chain:
    """Draw a chain with grouped layers as the towers those groups are.

    Every column but the input and the last is cut along its channels. A layer without groups sees both towers,
    so links cross there.

    Raises:
        UsageError: no layer has groups, they do not agree on a number, or a width is not divisible by it.
    """
    if whole.towers:
        return whole
    inner = whole.columns[1:-1]
    found = {groups for column in inner if (groups := _groups(column.piece)) > 1}
    if len(found) != 1:
        what = f"groups of {' and '.join(str(each) for each in sorted(found))}" if found else "no layer with groups"
        raise UsageError(f"{name} has {what}: there are no towers to draw; leave --towers out")
    (count,) = found
    odd = next((column for column in inner if column.piece.shape[0] % count), None)
    if odd is not None:
        raise UsageError(f"`{odd.heading}` has {odd.piece.shape[0]} channels, which {count} towers cannot share")
    columns = [
        replace(column, pieces=_parts(column.piece, count)) if 0 < number < len(whole.columns) - 1 else column
        for number, column in enumerate(whole.columns)
    ]
    links = [
        Link(source.name, target.name, _crosses(source.tower, target.tower))
        for before, after in pairwise(columns)
        for target in after.pieces
        for source in before.pieces
        if _groups(target) == 1 or source.tower in (None, target.tower)
    ]
    return Chain(tuple(columns), tuple(links))


def _crosses(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


def _parts(piece: Piece, count: int) -> tuple[Piece, ...]:
    channels, *rest = piece.shape
    return tuple(
        replace(piece, name=f"{piece.name}.{number}", shape=(channels // count, *rest), tower=f"Tower {number}")
        for number in range(1, count + 1)
    )


def _groups(piece: Piece) -> int:
    options: Mapping[str, object] = {} if piece.row is None else piece.row.node.layer.stated()
    groups = options.get("groups", 1)
    return groups if isinstance(groups, int) else 1


def fold(whole: Chain) -> Chain:
    """Draw equal neighbours once: one column, with how many layers it stands for."""
    columns: list[Column] = []
    for column in whole.columns:
        if columns and _alike(columns[-1], column):
            before = columns[-1]
            pieces = tuple(
                replace(one, layers=(*one.layers, *other.layers), parameters=one.parameters + other.parameters)
                for one, other in zip(before.pieces, column.pieces, strict=True)
            )
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

"""Style `boxes`: volumes in perspective, as in Krizhevsky et al. 2012, Fig. 2, with its towers.

The front of a box is its channels by its height, its depth the width. A vector is a slim upright box. What stands
on one tower is a band of its own; a link from one tower to the other is dashed. Layers without weights, such as
pooling, are remarks under the step that they are part of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import chain as chains
from archscope.diagrams import fonts, words
from archscope.diagrams.chain import Chain, Column, Link, Piece
from archscope.diagrams.request import Request
from archscope.diagrams.room import Segment, strikes
from archscope.diagrams.scale import Layout, fit, scale
from archscope.diagrams.scene import (
    Group,
    Item,
    Path,
    Point,
    Polygon,
    Scene,
    Text,
    bounds,
    line,
    moved,
    paragraph,
    polyline,
    rectangle,
    walk,
)  # fmt: skip
from archscope.diagrams.themes import mix
from archscope.errors import UsageError

MOST_COLUMNS: Final = 12
"""A longer network has its equal neighbours folded."""

USUAL: Final = ("name", "op", "kernel", "shape")
"""What is written if nothing else is asked for."""

DASH: Final = (2.4, 1.6)

# Lengths in parts of the height of the tallest box.
CHANNELS, VECTOR, SLIM, GAP, CROSSING = 0.5, 0.8, 0.055, 0.12, 0.26
# The way into the depth, in parts of a width.
DEPTH: Final[Point] = (0.36, -0.32)


@dataclass(frozen=True, slots=True)
class _Box:
    """A box around a point of the page: the left end of its front, at half its whole height."""

    x: float
    y: float
    width: float
    height: float
    depth: Point

    @property
    def right(self) -> float:
        return self.x + self.width + self.depth[0]

    @property
    def front(self) -> tuple[Point, Point, Point, Point]:
        """Top left, top right, bottom right, bottom left."""
        top = self.y - (self.height + self.depth[1]) / 2
        left, right = self.x, self.x + self.width
        return (left, top), (right, top), (right, top + self.height), (left, top + self.height)

    def side(self, along: float, down: float) -> Point:
        """A point of the right face, in parts of its depth and its height."""
        _, (x, y), _, _ = self.front
        return x + along * self.depth[0], y + along * self.depth[1] + down * self.height

    @property
    def bottom(self) -> float:
        return self.front[2][1]

    @property
    def top(self) -> float:
        return self.front[0][1] + self.depth[1]


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        UsageError: the network branches other than into towers, or the width cannot hold the figure.
    """
    whole = chains.chain(analysis, chains.has_weights)
    if request.towers:
        whole = chains.split_towers(whole, analysis.title)
    if len(whole.columns) > MOST_COLUMNS:
        whole = chains.fold(whole)
    figure = _Figure(whole, request)
    layout = fit(
        figure.lay_out,
        width=request.width,
        natural=14 * request.font_size,
        least=figure.least,
        most=40 * request.font_size,
        what=f"the figure of {analysis.title}",
    )
    page = request.width or layout.width
    items = tuple(moved(item, (page - layout.width) / 2, 0) for item in layout.items)
    said = words.description(analysis, whole, figure.laws)
    return Scene(page, layout.height, analysis.title, said, items, request.theme.background)


class _Figure:
    """What stays the same at every size."""

    def __init__(self, whole: Chain, request: Request) -> None:
        self.whole = whole
        self.request = request
        self.theme = request.theme
        self.size = request.font_size
        grids: list[chains.Shape] = []
        vectors: list[chains.Shape] = []
        for column in whole.columns:
            shape = column.piece.shape
            odd = len(shape) not in (1, 2, 3)
            if odd:
                raise UsageError(f"style boxes draws up to three axes, and `{column.heading}` gives "
                                 f"{words.times(shape)}; use style graph")  # fmt: skip
            (grids if chains.is_grid(shape) else vectors).append(shape)
        self.sides = scale(extent for shape in grids for extent in shape[1:])
        self.channels = scale(shape[0] for shape in grids)
        self.lengths = scale(shape[0] for shape in vectors)
        smallest = min((self.sides(extent) for shape in grids for extent in shape[1:]), default=1.0)
        self.least = max(4 * self.size, 4.0 / smallest)
        self.laws = []
        if grids:
            self.laws += [f"Heights and widths are drawn {self.sides.law}, channels {self.channels.law}"]
        if len(vectors) > 1:
            self.laws += [f"Vectors are drawn {self.lengths.law}"]

    def lay_out(self, height: float, gaps: float) -> Layout:
        """Place the columns from left to right and the towers from top to bottom, then draw."""
        rows = self._rows(height)
        shapes = {column.heading: self._box(column.piece, height) for column in self.whole.columns}
        placed: dict[str, _Box] = {}
        middles: list[float] = []
        end, remark_end = 0.0, float("-inf")
        for number, column in enumerate(self.whole.columns):
            box = shapes[column.heading]
            over = self.overhang(column, box)
            crosses = any(link.crosses for link in self.whole.links_to(column))
            gap = max((CROSSING if crosses else GAP) * height, 1.4 * self.size) * gaps
            x = end + gap + over if number else over
            if number:
                half = self._step_width(column) / 2
                x += 2 * max(0.0, remark_end + 0.8 * self.size - ((end + x - over) / 2 - half))
                middles.append((end + x - over) / 2)
                remark_end = middles[-1] + half
            for piece in column.pieces:
                placed[piece.name] = replace(box, x=x, y=rows[piece.tower])
            end = x + box.width + box.depth[0] + over
        return _Drawing(self, placed, middles, height).layout()

    def _box(self, piece: Piece, height: float) -> _Box:
        if not chains.is_grid(piece.shape):
            length = max(VECTOR * height * self.lengths(piece.shape[0]), 2.0)
            slim = SLIM * height
            return _Box(0, 0, slim, length, (slim * DEPTH[0] * 1.2, slim * DEPTH[1] * 1.2))
        channels, high = piece.shape[:2]
        wide = self.sides(piece.shape[2]) * height if len(piece.shape) == 3 else SLIM * height
        return _Box(
            0, 0, max(CHANNELS * height * self.channels(channels), 1.5), self.sides(high) * height,
            (wide * DEPTH[0], wide * DEPTH[1]),
        )  # fmt: skip

    def overhang(self, column: Column, box: _Box) -> float:
        """How far captions and headings reach beyond a box, to the left and to the right."""
        wide = fonts.widest(self.caption(column.piece), self.size)
        if self.request.shows("name", *USUAL):
            wide = max(wide, fonts.width(words.heading(column), self.size, bold=True))
        return max(0.0, (wide - box.width - box.depth[0]) / 2)

    def _step_width(self, column: Column) -> float:
        return fonts.widest(self.step(column), self.size)

    def step(self, column: Column) -> list[str]:
        """What stands under the step to a column: its kernel, then the layers on the way."""
        row = column.piece.row
        lines = []
        if row is not None and self.request.shows("kernel", *USUAL):
            lines.append(words.kernel(row) or row.node.layer.family)
        return lines + self.remarks(column)

    def remarks(self, column: Column) -> list[str]:
        """The layers on the way to a column that have no box."""
        return [remark.label for remark in column.remarks] if self.request.shows("op", *USUAL) else []

    def caption(self, piece: Piece) -> list[str]:
        """What stands under a box: ``55×55×48``, as Krizhevsky writes it."""
        lines = [words.times((*piece.shape[1:], piece.shape[0]))] if chains.is_grid(piece.shape) else []
        if not lines:
            lines = [str(piece.shape[0])]
        if not self.request.shows("shape", *USUAL):
            lines = []
        return lines + (words.counts(piece.row, self.request.show or ()) if piece.row is not None else [])

    def _rows(self, height: float) -> dict[str | None, float]:
        """The height of the middle of each tower's boxes; that of what stands on no tower is between them."""
        towers = self.whole.towers
        room = self.band_height(height)
        between = 1.5 * self.size
        rows: dict[str | None, float] = {
            tower: number * (room + between) + self.band_middle(height) for number, tower in enumerate(towers)
        }
        whole = len(towers) * (room + between) - between if towers else 0.0
        rows[None] = whole / 2
        return rows

    def _tower_boxes(self, height: float) -> list[tuple[_Box, int]]:
        return [
            (self._box(column.piece, height), len(self.caption(column.piece)))
            for column in self.whole.columns
            if column.piece.tower is not None
        ]

    def band_middle(self, height: float) -> float:
        """From the top of a band to the middle of its boxes: its title, and the upper half of the tallest."""
        return 1.8 * self.size + max(
            ((box.height - box.depth[1]) / 2 for box, _ in self._tower_boxes(height)), default=0
        )

    def band_height(self, height: float) -> float:
        """Of the band behind a tower."""
        below = max(
            ((box.height - box.depth[1]) / 2 + (0.35 + fonts.LEADING * lines) * self.size
             for box, lines in self._tower_boxes(height)), default=0,
        )  # fmt: skip
        return self.band_middle(height) + below + 0.5 * self.size


class _Drawing:
    """Draws boxes that have their places."""

    def __init__(self, figure: _Figure, placed: dict[str, _Box], middles: list[float], height: float) -> None:
        self.figure = figure
        self.columns = figure.whole.columns
        self.theme = figure.theme
        self.size = figure.size
        self.placed = placed
        self.middles = middles
        self.height = height

    def layout(self) -> Layout:
        bands = self._bands()
        top = min(bounds(bands)[1] if bands else 0.0, *(box.top for box in self.placed.values())) - 0.9 * self.size
        layers = [group for column in self.columns for group in self._layers(column, top)]
        bottom = bounds([*bands, *layers])[3] + (0.8 + fonts.ASCENT) * self.size
        texts = [item for item in walk([*bands, *layers]) if isinstance(item, Text)]
        links = [item for column in self.columns for item in self._links(column, texts)]
        items = [*bands, *layers, *links, *self._steps(bottom)]
        left, top, right, bottom = bounds(items)
        margin = 0.5 * self.size
        return Layout(
            right - left + 2 * margin,
            bottom - top + 2 * margin,
            tuple(moved(item, margin - left, margin - top) for item in items),
        )

    def _bands(self) -> list[Group]:
        """What stands behind each tower, with its name."""
        own = [column for column in self.columns if column.piece.tower is not None]
        if not own:
            return []
        pad = 0.9 * self.size
        first, last = (self.placed[column.piece.name] for column in (own[0], own[-1]))
        left = first.x - self.figure.overhang(own[0], first) - pad
        right = last.right + self.figure.overhang(own[-1], last) + pad
        bands = []
        for piece in own[0].pieces:
            y = self.placed[piece.name].y - self.figure.band_middle(self.height)
            band = rectangle(left, y, right - left, self.figure.band_height(self.height), fill=self.theme.band)
            name = Text(
                left + 0.6 * self.size, y + 1.2 * self.size, piece.tower or "", self.size, fill=self.theme.muted
            )
            bands.append(Group("frame", (band, name), piece.tower or ""))
        return bands

    def _layers(self, column: Column, top: float) -> list[Group]:
        """A group for each layer of a column; a layer that is drawn as towers has them in one."""
        by_layer: dict[tuple[str, ...], list[Piece]] = {}
        for piece in column.pieces:
            by_layer.setdefault(piece.layers, []).append(piece)
        groups: list[Group] = []
        for layers, pieces in by_layer.items():
            items: list[Item] = []
            for piece in pieces:
                items += self._faces(piece)
                items += self._caption(piece)
            if not groups and self.figure.request.shows("name", *USUAL):
                box = self.placed[column.piece.name]
                name = words.heading(column)
                items.append(Text((box.x + box.right) / 2, top, name, self.size, bold=True, anchor="middle",
                                  fill=self.theme.text))  # fmt: skip
            groups.append(Group("layer", tuple(items), words.title(pieces[0]), layers))
        return groups

    def _faces(self, piece: Piece) -> tuple[Polygon, ...]:
        box, shade = self.placed[piece.name], self.theme.shade(piece.family)
        one, two, three, four = box.front
        dx, dy = box.depth
        back = [(x + dx, y + dy) for x, y in (one, two, three)]
        return (
            Polygon((one, back[0], back[1], two), fill=self.theme.lit(shade.fill), stroke=shade.stroke),
            Polygon((two, back[1], back[2], three), fill=self.theme.shaded(shade.fill), stroke=shade.stroke),
            Polygon((one, two, three, four), fill=shade.fill, stroke=shade.stroke),
        )

    def _caption(self, piece: Piece) -> tuple[Text, ...]:
        box = self.placed[piece.name]
        return paragraph(
            (box.x + box.right) / 2, box.bottom + (0.35 + fonts.ASCENT) * self.size, self.figure.caption(piece),
            self.size, anchor="middle", fill=self.theme.text,
        )  # fmt: skip

    def _steps(self, y: float) -> list[Item]:
        """What is said under each step: the kernel, and the layers on the way."""
        items: list[Item] = []
        for middle, column in zip(self.middles, self.columns[1:], strict=True):
            remarks = self.figure.remarks(column)
            lines = self.figure.step(column)
            kernel, rest = lines[: len(lines) - len(remarks)], lines[len(lines) - len(remarks) :]
            items += paragraph(middle, y, kernel, self.size, anchor="middle", fill=self.theme.text)
            for number, (line_, remark) in enumerate(zip(rest, column.remarks, strict=False), start=len(kernel)):
                at = y + number * self.size * fonts.LEADING
                text = Text(middle, at, line_, self.size, anchor="middle", fill=self.theme.muted)
                items.append(Group("layer", (text,), f"{', '.join(remark.layers)}: {line_}", remark.layers))
        return items

    def _links(self, column: Column, texts: Sequence[Text]) -> list[Group]:
        """Every link to a column: what crosses to another tower last, on top."""
        links = sorted(self.figure.whole.links_to(column), key=lambda link: link.crosses)
        pieces = {piece.name: piece for each in self.columns for piece in each.pieces}
        return [
            Group(
                "edge", self._link(link, pieces[link.target], texts),
                f"{link.source} to {link.target}{', across towers' if link.crosses else ''}",
                source=pieces[link.source].layers[0], target=pieces[link.target].layers[0],
            )
            for link in links
        ]  # fmt: skip

    def _link(self, link: Link, target: Piece, texts: Sequence[Text]) -> tuple[Item, ...]:
        before, after = self.placed[link.source], self.placed[link.target]
        color = self.theme.crossing if link.crosses else self.theme.link
        dash = DASH if link.crosses else ()
        aside = self._aside(link)
        end = (after.x, after.y - after.depth[1] / 2 + self._entry(link) * after.height)
        patch = self._patch(link, target, before, aside, color)
        if patch is None:
            start = before.side(1.0, 0.5 + aside * 0.5)
            return (self._route(start, end, before, after, texts, color, dash),)
        _, upper, lower, _ = patch.points
        routes = (self._route(start, end, before, after, texts, color, dash) for start in (upper, lower))
        return (patch, *routes)

    def _patch(self, link: Link, target: Piece, before: _Box, aside: float, color: str) -> Polygon | None:
        """The kernel on the right face of what it slides over, as large as it is there."""
        row = target.row
        kernel = None if row is None else row.node.layer.kernel
        if row is None or kernel is None or len(kernel) != 2:
            return None
        seen = row.input_shapes[0]
        if len(seen) != 3 or not chains.is_grid(self._piece(link.source).shape):
            return None
        down, along = (min(1.0, k / int(extent)) for k, extent in zip(kernel, seen[1:], strict=True))
        top = min(max(0.5 + aside - down / 2, 0.0), 1.0 - down)
        left = (1.0 - along) / 2
        corners = ((left, top), (left + along, top), (left + along, top + down), (left, top + down))
        face = self.theme.shaded(self.theme.shade(self._piece(link.source).family).fill)
        return Polygon(tuple(before.side(*each) for each in corners), fill=mix(face, color, 0.35), stroke=color)

    def _aside(self, link: Link) -> float:
        """How far from the middle of a face a link starts, where several do; downwards, in parts of its height."""
        others = [each for each in self.figure.whole.links if each.source == link.source]
        if len(others) == 1:
            return 0.0
        ends = sorted(others, key=lambda each: self.placed[each.target].y)
        return 0.32 * ((ends.index(link) + 0.5) / len(ends) - 0.5) * 2 / 1.28

    def _entry(self, link: Link) -> float:
        """How far from the middle of a face a link ends, where several do."""
        others = [each for each in self.figure.whole.links if each.target == link.target]
        if len(others) == 1:
            return 0.0
        ends = sorted(others, key=lambda each: self.placed[each.source].y)
        return 0.16 * ((ends.index(link) + 0.5) / len(ends) - 0.5)

    def _route(
        self, start: Point, end: Point, before: _Box, after: _Box, texts: Sequence[Text], color: str,
        dash: tuple[float, ...],
    ) -> Path:  # fmt: skip
        """Straight; where that would strike a text, level as far as the gap between the columns."""
        straight: list[Segment] = [(start, end)]
        if not any(strikes(straight, bounds([text])) for text in texts):
            return line(start, end, stroke=color, dash=dash)
        column = {piece.name: each for each in self.columns for piece in each.pieces}
        names = {id(box): name for name, box in self.placed.items()}
        out = before.right + self.figure.overhang(column[names[id(before)]], before) + 2
        in_ = after.x - self.figure.overhang(column[names[id(after)]], after) - 2
        return polyline((start, (out, start[1]), (in_, end[1]), end), stroke=color, dash=dash)

    def _piece(self, name: str) -> Piece:
        return next(piece for column in self.columns for piece in column.pieces if piece.name == name)

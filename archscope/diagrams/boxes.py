"""Style `boxes`: volumes in perspective, as in Krizhevsky et al. 2012, Fig. 2, with its towers.

The front of a box is its channels by its height, its depth the width. A vector is a slim upright box. What stands
on one tower is a band of its own; a link from one tower to the other is dashed. Layers without weights, such as
pooling, are remarks under the step that they are part of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from archscope.analysis import Analysis
from archscope.diagrams import chain as chains
from archscope.diagrams import dressing, fonts, transformer, volumes, words
from archscope.diagrams.chain import Chain, Column, Piece, Remark
from archscope.diagrams.links import Links
from archscope.diagrams.perspective import DEPTH, Box, faces
from archscope.diagrams.refusal import NotShownError
from archscope.diagrams.request import Request
from archscope.diagrams.scale import Page, Plan, fit, lengths, scale
from archscope.diagrams.scene import Group, Item, Scene, Text, bounds, paragraph, rectangle, walk
from archscope.diagrams.solids import solid
from archscope.layers.base import spell_shape

USUAL: Final = ("name", "op", "kernel", "shape")
"""What is written if nothing else is asked for."""

# Lengths in parts of the height of the tallest box.
CHANNELS, VECTOR, SLIM, GAP, CROSSING = 0.5, 0.8, 0.055, 0.12, 0.26


def scene(analysis: Analysis, request: Request) -> Scene:
    """The figure.

    Raises:
        NotShownError: it is no convolutional network and branches other than into towers, or it is a transformer.
        UsageError: the width cannot hold the figure.
    """
    whole = volumes.columns(analysis, request)
    if whole is None:
        if transformer.is_one(analysis):
            raise NotShownError(f"style boxes draws maps, and {analysis.title} is a transformer")
        return volumes.scene(analysis, request)
    odd = next((column for column in whole.columns if len(column.piece.shape) not in chains.BOXES), None)
    if odd is not None:
        raise NotShownError(
            f"style boxes draws at most three axes, and `{odd.heading}` gives {spell_shape(odd.piece.shape)}"
        )
    figure = _Figure(whole, request)
    size = request.font_size
    page = Page(analysis.title, request.width, size, request.theme.background, request.height)
    plan = fit(figure.plan, page=page, natural=14 * size, least=figure.least, most=40 * size)
    drawn = page.scene(plan, words.description(analysis, whole, figure.laws))
    return replace(drawn, folded=any(column.repeats > 1 for column in whole.columns))


def legend(analysis: Analysis, request: Request) -> dressing.Legend:
    """What the colours of the boxes are called; nothing where the figure says it under itself."""
    whole = volumes.columns(analysis, request)
    kinds = [column.piece.kind for column in whole.columns] if whole else []
    return dressing.merged((kind, solid(request.theme, kind)) for kind in kinds)


class _Figure:
    """What stays the same at every size."""

    def __init__(self, whole: Chain, request: Request) -> None:
        self.whole = whole
        self.request = request
        self.theme = request.theme
        self.size = request.font_size
        shapes = [column.piece.shape for column in whole.columns]
        grids = [shape for shape in shapes if chains.is_grid(shape)]
        vectors = [shape for shape in shapes if not chains.is_grid(shape)]
        self.sides = scale(extent for shape in grids for extent in shape[1:])
        self.channels = scale(shape[0] for shape in grids)
        self.lengths = lengths([shape[0] for shape in vectors], beside_maps=bool(grids))
        smallest = min((self.sides(extent) for shape in grids for extent in shape[1:]), default=1.0)
        self.least = max(4 * self.size, 4.0 / smallest)
        self.laws = []
        if grids:
            self.laws += [f"Heights and widths are drawn {self.sides.law}, channels {self.channels.law}"]
        if len(vectors) > 1:
            self.laws += [f"Vectors are drawn {self.lengths.law}"]

    def plan(self, height: float, gaps: float) -> Plan:
        """Columns from left to right, each as near to the last as boxes, captions and steps allow."""
        rows = self._rows(height)
        shapes = [self._box(column.piece, height) for column in self.whole.columns]
        placed: dict[str, Box] = {}
        middles: list[float] = []
        end, remark_end = 0.0, float("-inf")
        left = right = 0.0
        for number, column in enumerate(self.whole.columns):
            box = shapes[number]
            over = self.overhang(column, box)
            crosses = any(link.crosses for link in self.whole.links_to(column))
            gap = max((CROSSING if crosses else GAP) * height, 1.4 * self.size) * gaps
            x = end + gap + over if number else over
            if number:
                half = self._step_width(column) / 2
                x += 2 * max(0.0, remark_end + 0.8 * self.size - ((end + x - over) / 2 - half))
                middles.append((end + x - over) / 2)
                remark_end = middles[-1] + half
                left, right = min(left, middles[-1] - half), max(right, remark_end)
            for piece in column.pieces:
                placed[piece.name] = replace(box, x=x, y=rows[piece.tower])
            end = x + box.width + box.depth[0] + over
            beside = self.beside if column.piece.tower is not None else 0.0
            left, right = min(left, x - over - beside), max(right, end + beside)
        return Plan(left, right, lambda: _Drawing(self, placed, middles, height).items())

    @property
    def beside(self) -> float:
        """How far a band reaches beyond its boxes."""
        return 0.9 * self.size

    def _box(self, piece: Piece, height: float) -> Box:
        if not chains.is_grid(piece.shape):
            length = max(VECTOR * height * self.lengths(piece.shape[0]), 2.0)
            slim = SLIM * height
            return Box(0, 0, slim, length, (slim * DEPTH[0] * 1.2, slim * DEPTH[1] * 1.2))
        channels, high = piece.shape[:2]
        wide = self.sides(piece.shape[2]) * height if len(piece.shape) == 3 else SLIM * height
        return Box(
            0, 0, max(CHANNELS * height * self.channels(channels), 1.5), self.sides(high) * height,
            (wide * DEPTH[0], wide * DEPTH[1]),
        )  # fmt: skip

    def overhang(self, column: Column, box: Box) -> float:
        """How far captions and headings reach beyond a box, to the left and to the right."""
        wide = fonts.widest(self.caption(column.piece), self.size)
        if self.request.shows("name", *USUAL):
            wide = max(wide, fonts.width(words.heading(column), self.size, bold=True))
        return max(0.0, (wide - box.width - box.depth[0]) / 2)

    def _step_width(self, column: Column) -> float:
        return fonts.widest([*self.kernels(column), *map(self.remark, column.remarks)], self.size)

    def kernels(self, column: Column) -> list[str]:
        """What stands first under the step to a column."""
        row = column.piece.row
        if row is None or not self.request.shows("kernel", *USUAL):
            return []
        kernel = words.kernel(row, len(column.pieces))
        if kernel is not None and chains.opens(row):
            return [words.opening(row)]
        return [kernel or words.without_a_window(row)]

    def remark(self, told: Remark) -> str:
        """What stands under a step for a layer without a box."""
        return words.remark(told, self.request, USUAL, named=self.request.shows("op", *USUAL))

    def caption(self, piece: Piece) -> list[str]:
        """What stands under a box: maps as Krizhevsky writes them, ``55×55×48``; a sequence as in a table."""
        maps, *grid = piece.shape
        channels_last = (*grid, maps) if chains.is_grid(piece.shape) else (maps,)
        shape = piece.shape if len(grid) == 1 else channels_last
        lines = [spell_shape(shape)] if self.request.shows("shape", *USUAL) else []
        numbers = words.numbers(piece, self.request, USUAL)
        return [*lines, *(line for said in numbers for line in said.split(", "))]  # a box is narrow

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

    def _tower_boxes(self, height: float) -> list[tuple[Box, int]]:
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

    def __init__(self, figure: _Figure, placed: dict[str, Box], middles: list[float], height: float) -> None:
        self.figure = figure
        self.columns = figure.whole.columns
        self.theme = figure.theme
        self.size = figure.size
        self.placed = placed
        self.middles = middles
        self.height = height

    def items(self) -> list[Item]:
        """All of it, from the back to the front."""
        bands = self._bands()
        top = min(bounds(bands)[1] if bands else 0.0, *(box.top for box in self.placed.values())) - 0.9 * self.size
        layers = [group for column in self.columns for group in self._layers(column, top)]
        bottom = bounds([*bands, *layers])[3] + (0.8 + fonts.ASCENT) * self.size
        texts = [item for item in walk([*bands, *layers]) if isinstance(item, Text)]
        overhang = {piece.name: self.figure.overhang(column, self.placed[piece.name])
                    for column in self.columns for piece in column.pieces}  # fmt: skip
        links = Links(self.figure.whole, self.placed, self.theme, overhang)
        drawn = [item for column in self.columns for item in links.to(column, texts)]
        return [*bands, *layers, *drawn, *self._steps(bottom)]

    def _bands(self) -> list[Group]:
        """What stands behind each tower, with its name."""
        own = [column for column in self.columns if column.piece.tower is not None]
        if not own:
            return []
        pad = self.figure.beside
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
                items += faces(self.placed[piece.name], self.theme, piece.kind)
                items += self._caption(piece)
            if not groups and self.figure.request.shows("name", *USUAL):
                box = self.placed[column.piece.name]
                name = words.heading(column)
                items.append(Text((box.x + box.right) / 2, top, name, self.size, bold=True, anchor="middle",
                                  fill=self.theme.text))  # fmt: skip
            groups.append(Group("layer", tuple(items), words.title(pieces[0]), layers))
        return groups

    def _caption(self, piece: Piece) -> tuple[Text, ...]:
        box = self.placed[piece.name]
        return paragraph(
            (box.x + box.right) / 2, box.bottom + (0.35 + fonts.ASCENT) * self.size, self.figure.caption(piece),
            self.size, anchor="middle", fill=self.theme.text,
        )  # fmt: skip

    def _steps(self, y: float) -> list[Item]:
        """What is said under each step: the kernel, and the layers on the way; unsaid ones keep their group."""
        items: list[Item] = []
        said: tuple[Item, ...]
        for middle, column in zip(self.middles, self.columns[1:], strict=True):
            at = y
            for kernel in self.figure.kernels(column):
                said = (Text(middle, at, kernel, self.size, anchor="middle", fill=self.theme.text),)
                items.append(Group("part", said, target=column.piece.layers[0]))
                at += self.size * fonts.LEADING
            for remark in column.remarks:
                said = ()
                text = self.figure.remark(remark)
                if text:
                    said = (Text(middle, at, text, self.size, anchor="middle", fill=self.theme.muted),)
                    at += self.size * fonts.LEADING
                numbers = f", {remark.parameters:,} parameters" if remark.parameters else ""
                told = f"{', '.join(remark.layers)}: {remark.label}{numbers}"
                items.append(Group("layer", said, told, remark.layers, target=column.piece.layers[0]))
        return items

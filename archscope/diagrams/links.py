"""The lines between the boxes of a chain: the kernel on the face that it slides over, or the window that opens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from archscope.diagrams import chain as chains
from archscope.diagrams.chain import Chain, Column, Link, Piece
from archscope.diagrams.perspective import Box
from archscope.diagrams.room import Segment, strikes
from archscope.diagrams.scene import Group, Item, Path, Point, Polygon, Text, bounds, line, polyline
from archscope.diagrams.solids import solid
from archscope.diagrams.themes import Theme, mix

DASH: Final = (2.4, 1.6)


@dataclass(frozen=True)
class Links:
    """Draws links between boxes that have their places; ``overhang`` is how far words beside a piece's box reach."""

    whole: Chain
    placed: Mapping[str, Box]
    theme: Theme
    overhang: Mapping[str, float]

    def to(self, column: Column, texts: Sequence[Text]) -> list[Group]:
        """Every link to a column: what crosses to another tower last, on top.

        If one of those between towers, or one within a tower, must go around something, all of them do: towers are
        alike.
        """
        links = sorted(self.whole.links_to(column), key=lambda link: link.crosses)
        drawn = [(link, *self._link(link, self._piece(link.target))) for link in links]
        around = {link.crosses for link, _, ways in drawn if any(self._struck(link, way, texts) for way in ways)}
        return [
            Group(
                "edge", (*items, *(self._route(link, way, around=link.crosses in around) for way in ways)),
                f"{link.source} to {link.target}{', across towers' if link.crosses else ''}",
                source=self._piece(link.source).layers[0], target=self._piece(link.target).layers[0],
            )
            for link, items, ways in drawn
        ]  # fmt: skip

    def _color(self, link: Link) -> str:
        return self.theme.crossing if link.crosses else self.theme.link

    def _link(self, link: Link, target: Piece) -> tuple[tuple[Item, ...], list[Segment]]:
        """What is drawn of a link on its box, and from where to where its lines lead."""
        before, after = self.placed[link.source], self.placed[link.target]
        color = self._color(link)
        aside = self._aside(link)
        end = (after.x, after.y - after.depth[1] / 2 + self._entry(link) * after.height)
        window = self._window(target, after)
        if window and not link.crosses:
            start = before.side(0.5, 0.5 + aside * 0.5)
            hidden = Path((("M", window[:1]), *(("L", (each,)) for each in window[1:]), ("Z", ())), stroke=color,
                          dash=(1.4, 1.0))  # fmt: skip
            return (hidden, *(line(start, corner, stroke=color) for corner in (window[0], window[3]))), []
        patch = self._patch(link, target, before, aside, color)
        if patch is None:
            return (), [(before.side(1.0, 0.5 + aside * 0.5), end)]
        _, upper, lower, _ = patch.points
        return (patch,), [(start, end) for start in (upper, lower)]

    def _window(self, target: Piece, after: Box) -> tuple[Point, ...]:
        """The window that each point opens to, as large as it is on the left end of a box, which the front hides."""
        row = target.row
        kernel = None if row is None else row.node.layer.kernel
        if row is None or kernel is None or len(kernel) != 2 or len(target.shape) != 3 or not chains.opens(row):
            return ()
        down, along = (min(1.0, k / extent) for k, extent in zip(kernel, target.shape[1:], strict=True))
        return after.on_the_left(along, down)

    def _patch(self, link: Link, target: Piece, before: Box, aside: float, color: str) -> Polygon | None:
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
        face = self.theme.shaded(solid(self.theme, self._piece(link.source).kind).fill)
        return Polygon(tuple(before.side(*each) for each in corners), fill=mix(face, color, 0.35), stroke=color)

    def _aside(self, link: Link) -> float:
        """How far from the middle of a face a link starts, where several do; downwards, in parts of its height."""
        others = [each for each in self.whole.links if each.source == link.source]
        ends = sorted(others, key=lambda each: self.placed[each.target].y)
        return 0.64 * ((ends.index(link) + 0.5) / len(ends) - 0.5)

    def _entry(self, link: Link) -> float:
        """How far from the middle of a face a link ends, where several do."""
        others = [each for each in self.whole.links if each.target == link.target]
        ends = sorted(others, key=lambda each: self.placed[each.source].y)
        return 0.16 * ((ends.index(link) + 0.5) / len(ends) - 0.5)

    def _struck(self, link: Link, way: Segment, texts: Sequence[Text]) -> bool:
        """Whether a straight line would strike a text or another box."""
        ends = (self.placed[link.source], self.placed[link.target])
        others = [box.around for box in self.placed.values() if box not in ends]
        return any(strikes([way], each) for each in (*others, *(bounds([text]) for text in texts)))

    def _route(self, link: Link, way: Segment, *, around: bool) -> Path:
        """Straight, or level as far as the gap between the columns."""
        (start, end), color, dash = way, self._color(link), DASH if link.crosses else ()
        if not around:
            return line(start, end, stroke=color, dash=dash)
        before, after = self.placed[link.source], self.placed[link.target]
        out = before.right + self.overhang[link.source] + 2
        in_ = after.x - self.overhang[link.target] - 2
        return polyline((start, (out, start[1]), (in_, end[1]), end), stroke=color, dash=dash)

    def _piece(self, name: str) -> Piece:
        return next(piece for column in self.whole.columns for piece in column.pieces if piece.name == name)
